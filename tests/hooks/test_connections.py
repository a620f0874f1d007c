"""A connection that Airflow does not have is told from one that it cannot read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.hooks import DotHook


def _blocking(conn_id: str) -> Any:
    return DotHook(conn_id).get_server()


def _on_loop(conn_id: str) -> Any:
    return asyncio.run(DotHook(conn_id).get_async_server())


both = pytest.mark.parametrize("find", [_blocking, _on_loop])


@both
def test_a_connection_that_is_not_there(airflow_db: None, find: Callable[[str], Any]) -> None:
    with pytest.raises(
        DotConfigError, match="has no connection 'nowhere': create it with type Dot, or set dot_conn_id"
    ):
        find("nowhere")


@both
@pytest.mark.parametrize(
    "value",
    [
        '{"conn_type": "dot", "password": "secret-token"',
        '{"conn_type": "dot", "pasword": "secret-token"}',
        "dot://:secret/token@dot.example.com",
        "dot://:secret-token@dot.example.com:port",
        "dot://:secret-token@[dot.example.com",
    ],
    ids=["cut JSON", "a field that is none", "a slash in the token", "a port that is none", "a host that is none"],
)
def test_a_variable_that_airflow_cannot_read_is_named(
    airflow_db: None, monkeypatch: pytest.MonkeyPatch, find: Callable[[str], Any], value: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_DOT", value)
    with pytest.raises(DotConfigError, match="cannot read the connection 'my_dot' from AIRFLOW_CONN_MY_DOT") as caught:
        find("my_dot")
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


@both
@pytest.mark.parametrize("extra", ['{"environment": "staging"', '["staging"]', '"staging"'])
def test_an_extra_that_airflow_would_take_for_an_empty_one_does_not_lead_to_production(
    monkeypatch: pytest.MonkeyPatch, find: Callable[[str], Any], extra: str
) -> None:
    value = {"conn_type": "dot", "password": "secret-token", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_MY_DOT", json.dumps(value))
    with pytest.raises(DotConfigError, match="Connection 'my_dot': the extra is no JSON object"):
        find("my_dot")
