"""One thread watches over all deadlines of a process, and of each process that is forked from it."""

from __future__ import annotations

import os
import threading
import time

import pytest
import requests

from dot_provider.api import DotClient, DotTimeoutError
from dot_provider.api.transport.watchdog import Deadline, WatchedAdapter, current_deadline, total_deadline
from tests.raw_server import Connection, RawServer, response


def hang(connection: Connection) -> None:
    connection.hang()


def test_requests_side_by_side_share_one_thread() -> None:
    with RawServer(lambda connection: connection.send(response(b"{}"))) as server:
        dot = DotClient("t", server.url)
        threads = [threading.Thread(target=dot.healthcheck) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len([t for t in threading.enumerate() if t.name == "dot-deadlines"]) == 1


def test_each_request_ends_by_its_own_deadline() -> None:
    """The later one is watched first, so that the thread has to be woken for the earlier one."""
    with total_deadline(30) as later, total_deadline(0.05) as earlier:
        while not earlier.passed:
            time.sleep(0.01)

    assert not later.passed


def test_a_deadline_that_is_over_passes_no_more() -> None:
    with total_deadline(0.05) as deadline:
        pass
    time.sleep(0.1)

    assert not deadline.passed


def test_outside_of_a_request_there_is_no_deadline() -> None:
    with total_deadline(1) as deadline:
        assert current_deadline() is deadline

    assert current_deadline() is None


def test_without_a_deadline_the_adapter_is_like_any_other() -> None:
    with RawServer(lambda connection: connection.send(response(b"{}"))) as server, requests.Session() as session:
        session.trust_env = False
        session.mount("http://", WatchedAdapter())
        assert session.get(server.url, timeout=60).json() == {}


def test_a_connection_that_stands_too_late_is_not_used() -> None:
    deadline = Deadline(1)
    deadline.pass_()

    with pytest.raises(TimeoutError):
        deadline.connection_stands(type("Connection", (), {"sock": None})())

    assert not deadline.connected


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_a_watchdog_of_its_own() -> None:
    """Airflow and Celery fork their workers from a process that may have used a client already."""
    with RawServer(hang) as server:
        dot = DotClient("t", server.url, timeout=1)
        _ends_in_time(dot)

        child = os.fork()
        if child == 0:
            os._exit(0 if _ends_in_time(dot) else 1)

        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _ends_in_time(dot: DotClient) -> bool:
    from dataclasses import replace

    from dot_provider.api.calls.identity import healthcheck

    try:
        dot.send(replace(healthcheck(), repeatable=False))
    except DotTimeoutError:
        return True
    return False
