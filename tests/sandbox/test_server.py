from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


def test_a_free_port_is_taken_and_given_back() -> None:
    with Sandbox() as dot:
        address = ("127.0.0.1", dot.port)
        assert requests.get(f"{dot.base_url}/api/healthcheck", timeout=5).json() == {"status": "ok"}
    with socket.socket() as probe:
        assert probe.connect_ex(address) != 0


def test_stopping_drops_questions_under_way_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    with ThreadPoolExecutor() as threads:
        with Sandbox(answer_seconds=3600) as dot:
            asking = threads.submit(Api(dot).ask, "How many orders?")
            while not dot.conversations:
                pass
        assert isinstance(asking.exception(10), requests.ConnectionError)
    assert caplog.text == ""


def test_a_taken_port_is_an_os_error() -> None:
    with Sandbox() as dot, pytest.raises(OSError, match="in use"):
        Sandbox(port=dot.port).start()


def test_unknown_switches_are_refused() -> None:
    with pytest.raises(TypeError, match="colour"):
        Sandbox(colour="blue")


@pytest.mark.parametrize(
    "switch", [{"evaluation_shape": "tree"}, {"history": -1}, {"answer_polls": -2}, {"answer_seconds": float("nan")}]
)
def test_impossible_values_are_refused(switch: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(switch))):
        Sandbox(**switch)


def test_two_sandboxes_do_not_share_anything() -> None:
    with Sandbox() as one, Sandbox(token="another-token") as other:
        Api(one).post("/sync/dbt/shop")
        assert len(one.requests) == 1
        assert not other.requests
        assert Api(other, one.token).get("/auth/me").status_code == 401


def test_a_mistake_of_the_sandbox_itself_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox() as dot:
        dot.workspace.past = None  # type: ignore[assignment]
        assert Api(dot).get("/c2/none").status_code == 500
    assert "AttributeError" in caplog.text


def test_reset_forgets_everything(dot: Sandbox, api: Api) -> None:
    api.ask("How many orders?")
    api.post("/sync/dbt/shop")
    dot.fail_next(status=500)
    dot.reset()
    assert not dot.requests
    assert not dot.conversations
    assert api.get("/connections").json() == []
