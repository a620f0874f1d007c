"""Fails loudly where a version of dlt lacks something that is touched of its inside."""

from __future__ import annotations

import os
import re
from pathlib import Path

import dlt
import pytest
from dlt.destinations.job_client_impl import SqlJobClientBase
from dlt.destinations.sql_client import SqlClientBase
from dlt.pipeline.pipeline import Pipeline

from dot_provider.history.dlt_adapter import quiet_dlt


@pytest.mark.parametrize(
    ("owner", "names"),
    [
        (SqlJobClientBase, "initialize_storage get_storage_tables drop_tables update_stored_schema complete_load"),
        (
            SqlClientBase,
            "execute_sql begin_transaction with_alternative_dataset_name make_qualified_table_name "
            "make_qualified_table_name_path escape_column_name drop_dataset native_connection",
        ),
        (Pipeline, "extract normalize load destination_client sql_client deactivate"),
        (dlt.mark, "make_hints with_hints"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_dlt_has_what_is_touched_of_its_inside(owner: object, names: str) -> None:
    assert [name for name in names.split() if not hasattr(owner, name)] == []


def test_the_next_great_version_of_dlt_is_not_taken_untried() -> None:
    project = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    assert re.search(r'"dlt\[duckdb\]>=[\d.]+,<2"', project)


def test_the_settings_of_dlt_last_as_long_as_the_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "ERROR")
    before = dict(os.environ)
    with quiet_dlt(), quiet_dlt() as found:
        assert found is dlt
        assert os.environ["RUNTIME__DLTHUB_TELEMETRY"] == "false"
        assert os.environ["RUNTIME__LOG_LEVEL"] == "ERROR"
    assert dict(os.environ) == before
