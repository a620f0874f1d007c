from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dagster_dot
from dagster_dot.asset_options import asset_spec, clean_name, distinct_names
from dot_provider.api import DotUsageError

FACTORIES: dict[str, dict[str, Any]] = {
    "build_dot_evaluation_check": {"evaluation_id": "revenue", "asset": "dot/dbt/shop"},
    "build_dot_external_assets_asset": {"assets": []},
    "build_dot_history_assets": {"destination": "duckdb"},
    "build_dot_note_asset": {"title": "Revenue", "markdown": "Net of returns."},
    "build_dot_question_asset": {"question": "How many orders?"},
    "build_dot_sync_asset": {"connection_type": "dbt", "connection_id": "shop"},
}


@pytest.mark.parametrize("factory", FACTORIES)
def test_every_factory_names_a_misspelt_option_and_what_was_meant(factory: str) -> None:
    build: Callable[..., Any] = getattr(dagster_dot, factory)
    with pytest.raises(DotUsageError, match=r"retry_polcy is neither .*; did you mean retry_policy\?"):
        build(**FACTORIES[factory], retry_polcy=dg.RetryPolicy())


def test_an_option_that_resembles_none_is_answered_with_all_of_them() -> None:
    with pytest.raises(DotUsageError, match=r"colour is neither .*; the options are automation_condition, .*, tags\."):
        asset_spec(["dot", "a"], "", colour="red")  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "option",
    [{"name": "заказы"}, {"name": ""}, {"name": 7}, {"name": "a b"}, {"key": ""}, {"key": []}, {"key": ["dot", ""]}],
)
@pytest.mark.parametrize(
    "factory", sorted(FACTORIES.keys() - {"build_dot_evaluation_check", "build_dot_history_assets"})
)
def test_what_makes_no_asset_key_is_refused_by_its_name(factory: str, option: Any) -> None:
    with pytest.raises(DotUsageError, match=f"^{next(iter(option))}=.* makes no asset key: write ASCII letters"):
        getattr(dagster_dot, factory)(**FACTORIES[factory], **option)


def test_kinds_add_to_dots_own() -> None:
    assert asset_spec(["dot", "a"], "", kinds={"dbt"}).kinds == {"dot", "dbt"}


def test_a_name_is_cleaned_of_what_keys_cannot_hold() -> None:
    assert clean_name("How many orders, per month?") == "how_many_orders_per_month"
    assert clean_name("Umsatz für März?") == "umsatz_fur_marz"
    assert clean_name("Orders of 2026-01-05") == "orders_of_2026_01_05"


LONG = "How many orders did we ship to customers of the northern region last week"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("??", "!!"),
        ("Orders > 5?", "Orders < 5?"),
        ("Revenue +10%", "Revenue -10%"),
        ("今月の売上は", "今月の顧客数は"),
        ("Приход 2026", "Расход 2026"),
        (f"{LONG}, by product?", f"{LONG}, by carrier?"),
    ],
)
def test_texts_that_differ_in_what_a_key_cannot_hold_have_different_names(one: str, other: str) -> None:
    names = [clean_name(one), clean_name(other)]
    assert len({*names}) == 2
    assert [clean_name(one), clean_name(other)] == names
    assert all(len(name) <= 60 for name in names)


def test_of_names_that_clash_the_one_that_is_clean_keeps_its_name() -> None:
    first, second = distinct_names(["Weekly review", "weekly_review"])
    assert second == "weekly_review"
    assert first.startswith("weekly_review_")
    assert distinct_names(["weekly_review", "Weekly review"]) == [second, first]


@given(st.lists(st.text(max_size=8)))
def test_any_texts_get_as_many_names_that_a_key_holds(texts: list[str]) -> None:
    names = distinct_names(texts)
    assert len({*names}) == len(texts)
    dg.Definitions(assets=[dg.AssetSpec(["dot", name]) for name in names]).resolve_asset_graph()


@pytest.mark.parametrize("factory", [name for name in FACTORIES if "check" not in name])
def test_every_asset_takes_a_freshness_policy_a_backfill_policy_and_tags_of_its_step(factory: str) -> None:
    fresh = dg.FreshnessPolicy.cron(deadline_cron="0 9 * * *", lower_bound_delta=timedelta(hours=2))
    made = getattr(dagster_dot, factory)(
        **FACTORIES[factory],
        freshness_policy=fresh,
        op_tags={"pod": "small"},
        backfill_policy=dg.BackfillPolicy.multi_run(7),
        partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
    )
    assert {spec.freshness_policy for spec in made.specs} == {fresh}
    assert made.op.tags["pod"] == "small"
    assert made.backfill_policy == dg.BackfillPolicy.multi_run(7)


def test_a_step_of_checks_takes_tags_and_refuses_what_only_assets_have() -> None:
    made = dagster_dot.build_dot_evaluation_check(**FACTORIES["build_dot_evaluation_check"], op_tags={"pod": "small"})
    assert made.op.tags["pod"] == "small"
    with pytest.raises(DotUsageError, match="backfill_policy is neither"):
        dagster_dot.build_dot_evaluation_check(
            **FACTORIES["build_dot_evaluation_check"],
            backfill_policy=dg.BackfillPolicy.single_run(),  # type: ignore[call-arg]
        )


@pytest.mark.parametrize(
    ("build", "arguments", "flag"),
    [
        (dagster_dot.build_dot_evaluation_check, {"evaluation_id": "e", "asset": "a"}, "blocking"),
        (dagster_dot.build_dot_incident_sensor, {}, "include_dbt"),
        (dagster_dot.build_dot_history_assets, {"destination": "duckdb"}, "mark_deleted"),
        (dagster_dot.build_dot_history_assets, {"destination": "duckdb"}, "include_all_workspaces"),
    ],
)
def test_a_switch_is_true_or_false(build: Any, arguments: Any, flag: str) -> None:
    with pytest.raises(DotUsageError, match=flag):
        build(**arguments, **{flag: "yes"})
    assert build(**arguments, **{flag: "false"})
