from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

import dagster_dot
from dagster_dot.spec import asset_spec, cleaned
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


def test_kinds_add_to_dots_own() -> None:
    assert asset_spec(["dot", "a"], "", kinds={"dbt"}).kinds == {"dot", "dbt"}


def test_a_name_is_cleaned_of_what_keys_cannot_hold() -> None:
    assert (cleaned("How many orders, per month?"), cleaned("??")) == ("how_many_orders_per_month", "unnamed")
