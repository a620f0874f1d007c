from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_dot import DotResource, build_dot_history_assets
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

Materialize = Callable[..., Run]
LAST_DAY = date(2026, 3, 31)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A Dot with ninety days of history behind it."""
    with Sandbox(history=180, history_days=90, history_until=LAST_DAY, seed=3) as running:
        yield running


def rows(file: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def windows(sandbox: Sandbox) -> list[tuple[str, str]]:
    asked = [request.query for request in sandbox.requests if request.path.endswith("/export_history")]
    return [(query["start_date"], query["end_date"]) for query in asked]


def test_a_partition_loads_its_day_and_the_days_before(
    materialize: Materialize, sandbox: Sandbox, tmp_path: Path
) -> None:
    file = tmp_path / "w.duckdb"
    made = build_dot_history_assets(destination="duckdb", credentials=str(file), start_date="2026-01-01")
    run = materialize(made, partition_key="2026-03-10")
    assert windows(sandbox) == [("2026-03-07", "2026-03-11")]
    assert run.materialized == ["dot/conversations", "dot/messages"]
    ((conversations,),) = rows(file, "select count(*) from dot.conversations")
    ((messages,),) = rows(file, "select count(*) from dot.messages")
    assert run.metadata("dot/conversations")["rows_loaded"] == conversations > 0
    assert run.metadata("dot/messages")["rows_loaded"] == messages > 0


def test_a_run_without_a_partition_says_what_to_do(
    dot: DotResource, instance: dg.DagsterInstance, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Dagster starts it without a word, and fails on what a step asks of its partition."""
    made = build_dot_history_assets(
        destination="duckdb", credentials=str(tmp_path / "w.duckdb"), start_date="2026-01-01"
    )
    job = dg.define_asset_job("nightly", dg.AssetSelection.assets(*made.keys))
    defs = dg.Definitions(assets=[made], jobs=[job], resources={"dot": dot})
    run = Run(defs.resolve_job_def("nightly").execute_in_process(instance=instance, raise_on_error=False))
    assert "no partition" in run.failure[0]
    assert windows(sandbox) == []


def test_the_same_partition_twice_gives_the_same_rows(materialize: Materialize, tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    made = build_dot_history_assets(destination="duckdb", credentials=str(file), start_date="2026-01-01")
    everything = "select * from dot.messages order by chat_id, position"
    materialize(made, partition_key="2026-03-10")
    first = rows(file, everything)
    materialize(made, partition_key="2026-03-10")
    assert rows(file, everything) == first


def test_a_backfill_is_one_run_with_one_export(
    dot: DotResource, instance: dg.DagsterInstance, sandbox: Sandbox, tmp_path: Path
) -> None:
    made = build_dot_history_assets(
        destination="duckdb", credentials=str(tmp_path / "w.duckdb"), start_date="2026-01-01", lookback_days=0
    )
    assert made.backfill_policy == dg.BackfillPolicy.single_run()
    tags = {"dagster/asset_partition_range_start": "2026-02-01", "dagster/asset_partition_range_end": "2026-02-28"}
    result = dg.materialize([made], instance=instance, resources={"dot": dot}, tags=tags)
    assert windows(sandbox) == [("2026-02-01", "2026-03-01")]
    assert len(result.get_asset_materialization_events()) == 2 * 28


def test_without_partitions_the_last_two_weeks_are_loaded(
    materialize: Materialize, sandbox: Sandbox, tmp_path: Path
) -> None:
    run = materialize(build_dot_history_assets(destination="duckdb", credentials=str(tmp_path / "w.duckdb")))
    ((start, end),) = windows(sandbox)
    assert (date.fromisoformat(end) - date.fromisoformat(start)).days == 14
    assert run.success


def test_partitions_in_another_time_zone_ask_for_its_days(
    materialize: Materialize, sandbox: Sandbox, tmp_path: Path
) -> None:
    days = dg.DailyPartitionsDefinition("2026-01-01", timezone="Pacific/Auckland")
    made = build_dot_history_assets(
        destination="duckdb", credentials=str(tmp_path / "w.duckdb"), partitions_def=days, lookback_days=0
    )
    materialize(made, partition_key="2026-03-10")
    assert windows(sandbox) == [("2026-03-10", "2026-03-11")]


def test_the_asset_page_shows_table_and_columns(materialize: Materialize, tmp_path: Path) -> None:
    made = build_dot_history_assets(destination="duckdb", credentials=str(tmp_path / "w.duckdb"), dataset="chats")
    specs = {spec.key.to_user_string(): spec for spec in made.specs}
    assert specs["chats/messages"].metadata["dagster/table_name"] == "chats.messages"
    assert specs["chats/messages"].kinds == {"dot", "duckdb"}
    schema = materialize(made).metadata("chats/messages")["dagster/column_schema"]
    assert [column.name for column in schema.columns][:3] == ["chat_id", "position", "message_id"]


def test_a_partition_reports_what_it_wrote_and_how_many_rows_the_table_has(
    materialize: Materialize, tmp_path: Path
) -> None:
    """The keys are Dagster's own, which its catalog and its charts know."""
    file = tmp_path / "w.duckdb"
    made = build_dot_history_assets(destination="duckdb", credentials=str(file), start_date="2026-01-01")
    first = materialize(made, partition_key="2026-03-10").metadata("dot/messages")
    day = "select count(*) from dot.messages where created_at::date = '{}'"
    assert first["dagster/partition_row_count"] == rows(file, day.format("2026-03-10"))[0][0] > 0
    assert first["dagster/row_count"] == first["rows_loaded"] > first["dagster/partition_row_count"]
    second = materialize(made, partition_key="2026-03-20").metadata("dot/messages")
    assert second["dagster/partition_row_count"] == rows(file, day.format("2026-03-20"))[0][0] > 0
    ((held,),) = rows(file, "select count(*) from dot.messages")
    assert second["dagster/row_count"] == held > second["rows_loaded"]


def test_each_partition_of_a_backfill_tells_its_own_rows(
    dot: DotResource, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """Days begin where the partitions' time zone has them."""
    file = tmp_path / "w.duckdb"
    days = dg.DailyPartitionsDefinition("2026-01-01", timezone="Pacific/Auckland")
    made = build_dot_history_assets(destination="duckdb", credentials=str(file), partitions_def=days)
    tags = {"dagster/asset_partition_range_start": "2026-02-01", "dagster/asset_partition_range_end": "2026-02-10"}
    result = dg.materialize([made], instance=instance, resources={"dot": dot}, tags=tags)
    written = [event.materialization for event in result.get_asset_materialization_events()]
    assert len(written) == 2 * 10
    for one in written:
        local = "(created_at at time zone 'Pacific/Auckland')::date"
        (found,) = rows(file, f"select count(*) from dot.{one.asset_key.path[-1]} where {local} = '{one.partition}'")
        assert one.metadata["dagster/partition_row_count"].value == found[0]
        assert "dagster/row_count" in one.metadata
        assert "rows_loaded" not in one.metadata
    assert sum(one.metadata["dagster/partition_row_count"].value for one in written) > 0


def test_without_partitions_only_the_tables_rows_are_reported(materialize: Materialize, tmp_path: Path) -> None:
    made = build_dot_history_assets(destination="duckdb", credentials=str(tmp_path / "w.duckdb"))
    metadata = materialize(made).metadata("dot/conversations")
    assert "dagster/row_count" in metadata
    assert "dagster/partition_row_count" not in metadata


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"start_date": "01/02/2026"}, "start_date '01/02/2026' is not a day in the form YYYY-MM-DD"),
        ({"start_date": "2026-02-30"}, "start_date '2026-02-30' is not a day"),
        ({"start_date": "2026-01-01", "partitions_def": dg.DailyPartitionsDefinition("2026-01-01")}, "one of the two"),
        ({"partitions_def": dg.StaticPartitionsDefinition(["a"])}, "StaticPartitionsDefinition has none"),
        ({"lookback_days": "3"}, "lookback_days must be a whole number"),
        ({"dataset": " "}, "dataset is empty"),
        ({"ownrs": ["team:data"]}, "ownrs is neither an argument nor an option here; did you mean owners"),
        ({"name": "chats"}, "name is neither .* options are automation_condition"),
    ],
)
def test_what_is_wrong_is_named_when_the_code_loads(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        build_dot_history_assets(destination="duckdb", **arguments)


def test_the_first_day_may_be_a_date() -> None:
    made = build_dot_history_assets(destination="duckdb", start_date=date(2026, 1, 2))
    assert made.partitions_def == dg.DailyPartitionsDefinition("2026-01-02")


def test_credentials_come_from_the_environment_when_the_step_runs(
    materialize: Materialize, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = build_dot_history_assets(destination="duckdb", credentials=dg.EnvVar("WAREHOUSE_FILE"))
    assert "WAREHOUSE_FILE is not set" in materialize(made).failure[0]
    monkeypatch.setenv("WAREHOUSE_FILE", str(tmp_path / "w.duckdb"))
    assert materialize(made).success


def test_credentials_can_be_a_function(materialize: Materialize, tmp_path: Path) -> None:
    made = build_dot_history_assets(destination="duckdb", credentials=lambda: str(tmp_path / "w.duckdb"))
    assert materialize(made).success


def test_a_cut_export_loads_nothing_and_may_be_retried(
    materialize: Materialize, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fail_next("/export_history", status=400)
    run = materialize(build_dot_history_assets(destination="duckdb", credentials=str(tmp_path / "w.duckdb")))
    assert run.failure[1]["status"] == 400
    assert run.materialized == []


def test_an_unknown_warehouse_is_refused_when_the_code_location_loads() -> None:
    with pytest.raises(DotUsageError, match="destination 'abacus' is no supported warehouse"):
        build_dot_history_assets(destination="abacus")
