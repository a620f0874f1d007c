"""What we read of Dagster: names that ids are made of, and what steps remember, on the storages that users have."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from pytest_mock import MockerFixture

from dagster_dot.dagster_internals import recall, remember, step_name
from tests.dagster_dot.storages import STORAGES, instance_on

STEPS = [f"step_{number}" for number in range(8)]


@pytest.fixture(scope="module", params=STORAGES)
def instance(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    with instance_on(request.param, tmp_path_factory.mktemp(request.param)) as made:
        yield made


@dg.job
def nothing() -> None: ...


def context(instance: dg.DagsterInstance, run: dg.DagsterRun, step: str) -> Any:
    return SimpleNamespace(instance=instance, run=run, op_execution_context=SimpleNamespace(op_handle=step))


def test_what_a_step_remembers_is_its_own_and_of_its_run(instance: dg.DagsterInstance) -> None:
    run, other = (instance.create_run_for_job(nothing) for _ in range(2))
    remember(context(instance, run, "a"), "revenue", "evr_1")
    assert recall(context(instance, run, "a"), "revenue") == "evr_1"
    assert recall(context(instance, run, "a"), "revenues") is None
    assert recall(context(instance, run, "b"), "revenue") is None
    assert recall(context(instance, other, "a"), "revenue") is None


def test_steps_that_remember_at_the_same_moment_lose_nothing(
    instance: dg.DagsterInstance, mocker: MockerFixture
) -> None:
    """Dagster reads a run's tags and writes them back, so that the run itself shows but some of them."""
    run = instance.create_run_for_job(nothing)
    stale = instance.get_run_by_id(run.run_id)
    mocker.patch.object(type(instance.run_storage), "_get_run_by_id", return_value=stale)  # no step sees another's
    for step in STEPS:
        remember(context(instance, run, step), "revenue", f"evr_{step}")
    mocker.stopall()
    shown = instance.get_run_by_id(run.run_id)
    assert shown is not None
    assert len(shown.tags) < len(STEPS)
    assert [recall(context(instance, run, step), "revenue") for step in STEPS] == [f"evr_{step}" for step in STEPS]


def test_the_name_of_a_step_is_the_text_that_paid_questions_were_asked_under(instance: dg.DagsterInstance) -> None:
    """Chat ids are made of it. If this fails with a new Dagster, re-executions over the update would pay twice."""
    names = {}

    @dg.asset(key=["dot", "orders"])
    def orders(context) -> None:  # type: ignore[no-untyped-def]
        names["asset"] = step_name(context)

    @dg.op
    def count(context) -> int:  # type: ignore[no-untyped-def]
        names["nested"] = str(context.op_handle)
        return 1

    @dg.graph_asset
    def counted() -> Any:
        return count()

    assert dg.materialize([orders, counted], instance=instance).success
    assert names == {"asset": "dot__orders", "nested": "counted.count"}
