from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

from dot_provider.api import AsyncDotClient, DotClient, DotConfigError
from dot_provider.api.call import Progress
from dot_provider.api.either_client import tell
from dot_provider.api.server import server
from tests.api.samples import TOKEN
from tests.clock import FakeClock

both_kinds = pytest.mark.parametrize("kind", [DotClient, AsyncDotClient])


@both_kinds
def test_a_client_is_made_from_settings_or_from_checked_ones(kind: Any) -> None:
    settings = server(token=TOKEN, base_url="https://dot.example", environment="env_1", timeout=7)
    assert kind(TOKEN, "https://dot.example", "env_1", 7).server == settings
    assert kind.for_server(settings, FakeClock()).server is settings


@both_kinds
def test_a_client_shows_where_it_sends_and_nothing_secret(kind: Any) -> None:
    for client in (kind(TOKEN), kind(username="me", password=TOKEN), kind(TOKEN, url_auth_user="me@shop.example")):
        assert repr(client) == f"{kind.__name__}('https://app.getdot.ai')"


@both_kinds
def test_a_client_without_a_token_is_refused_when_it_is_made(kind: Any) -> None:
    with pytest.raises(DotConfigError, match="No Dot API token"):
        kind()


@both_kinds
def test_a_scoped_client_shares_connections_and_leaves_the_other_as_it_is(kind: Any) -> None:
    client = kind(TOKEN, environment="env_1")
    scoped = client.in_environment(None)
    assert type(scoped) is kind
    assert (client.server.environment, scoped.server.environment) == ("env_1", None)
    assert scoped._transport is client._transport


@pytest.mark.parametrize(("event", "level"), [(True, logging.INFO), (False, logging.DEBUG)])
def test_progress_goes_to_the_log(caplog: pytest.LogCaptureFixture, event: bool, level: int) -> None:
    caplog.set_level(logging.DEBUG, "dot_provider")
    tell(Progress("100 % done", event), None)
    assert caplog.record_tuples == [("dot_provider", level, "100 % done")]


def test_events_go_to_the_caller_where_one_listens(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "dot_provider")
    heard: list[str] = []
    tell(Progress("Synced"), heard.append)
    tell(Progress("detail", event=False), heard.append)
    assert heard == ["Synced"]
    assert caplog.record_tuples == [("dot_provider", logging.DEBUG, "detail")]


@pytest.mark.parametrize("client", [DotClient, AsyncDotClient])
def test_a_client_that_refused_its_settings_can_be_shown(client: type) -> None:
    """Tracebacks that show variables, as pytest's and Airflow's crash reports, show it too."""
    assert repr(client.__new__(client)) == f"{client.__name__}('unfinished')"


@pytest.mark.parametrize("client", [DotClient, AsyncDotClient])
def test_a_client_does_not_travel_to_another_process(client: type) -> None:
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(client("secret-token"))
