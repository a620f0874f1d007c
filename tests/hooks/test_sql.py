"""Connections that a suite's SQL runs on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from dot_provider.api.errors import DotConfigError
from dot_provider.hooks.sql import sql_connection


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Any:
    def connected(kind: str = "duckdb", **fields: Any) -> Any:
        monkeypatch.setenv("AIRFLOW_CONN_WH", json.dumps({"conn_type": kind, **fields}))
        return sql_connection("wh")

    return connected


@pytest.mark.parametrize("extra", [{}, {"read_only": True}, {"threads": "2"}])
def test_a_duckdb_file_is_opened_for_reading(connect: Any, tmp_path: Path, extra: dict[str, Any]) -> None:
    file = tmp_path / "w.duckdb"
    with duckdb.connect(str(file)) as made:
        made.execute("create table t as select 42 as n")
    with connect(host=str(file), extra=extra) as opened:
        assert opened.execute("select n from t").fetchall() == [(42,)]
        if "threads" in extra:
            assert opened.execute("select current_setting('threads')").fetchall() == [(2,)]
        with pytest.raises(duckdb.InvalidInputException):
            opened.execute("create table u as select 1")


@pytest.mark.parametrize(
    "fields",
    [
        {"schema": "shop", "password": "TOKEN"},
        {"host": "md:shop", "extra": {"motherduck_token": "TOKEN", "read_only": "true"}},
        {"kind": "motherduck", "schema": "shop", "password": "TOKEN"},
    ],
)
def test_airflows_form_of_motherduck_reaches_motherduck(connect: Any, mocker: Any, fields: dict[str, Any]) -> None:
    opened = mocker.patch("duckdb.connect")
    assert connect(**fields) is opened.return_value
    opened.assert_called_once_with("md:shop", config={"motherduck_token": "TOKEN"})


@pytest.mark.parametrize("fields", [{}, {"host": "w.duckdb", "schema": "shop"}, {"schema": "shop"}])
def test_what_names_no_database_is_refused(connect: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(DotConfigError, match="'wh'"):
        connect(**fields)
