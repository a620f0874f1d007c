"""The condition, proven by simulation: ticks of Dagster's own evaluator around real materializations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import after_upstream_updates


class Simulation:
    """Two upstream assets and a sync, during which something may happen."""

    def __init__(self, instance: dg.DagsterInstance, condition: dg.AutomationCondition[Any]) -> None:
        self.instance = instance
        self.cursor: Any = None
        self.during_the_sync: Callable[[], None] = lambda: None

        @dg.asset
        def orders() -> None: ...

        @dg.asset
        def customers() -> None: ...

        @dg.asset(deps=[orders, customers], automation_condition=condition)
        def sync() -> None:
            self.during_the_sync()

        self.sync_definition = sync
        self.defs = dg.Definitions([orders, customers, sync])
        self.tick()

    def tick(self) -> int:
        """Evaluate once and return how many syncs are requested."""
        done = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor)
        self.cursor = done.cursor
        return done.total_requested

    def update(self, *keys: str) -> None:
        for key in keys:
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key))

    def sync(self) -> None:
        assert dg.materialize([self.sync_definition], instance=self.instance).success


def update_during_the_sync(simulation: Simulation) -> list[int]:
    """Return the requests of two ticks after a sync in whose middle an upstream asset was updated."""
    simulation.update("orders", "customers")
    assert simulation.tick() == 1

    def meanwhile() -> None:
        simulation.update("orders")
        assert simulation.tick() == 0

    simulation.during_the_sync = meanwhile
    simulation.sync()
    return [simulation.tick(), simulation.tick()]


def test_an_update_that_lands_while_the_sync_runs_is_synced_afterwards(instance: dg.DagsterInstance) -> None:
    assert update_during_the_sync(Simulation(instance, after_upstream_updates())) == [1, 0]


def test_eager_loses_that_update(instance: dg.DagsterInstance) -> None:
    """Why there is a condition of our own; when this fails, Dagster has mended it."""
    assert update_during_the_sync(Simulation(instance, dg.AutomationCondition.eager())) == [0, 0]


def test_an_update_between_request_and_start_is_synced(instance: dg.DagsterInstance) -> None:
    simulation = Simulation(instance, after_upstream_updates())
    simulation.update("orders", "customers")
    assert simulation.tick() == 1
    simulation.update("orders")
    assert simulation.tick() == 1


def test_one_update_of_everything_is_one_sync(instance: dg.DagsterInstance) -> None:
    simulation = Simulation(instance, after_upstream_updates())
    simulation.update("orders", "customers")
    assert simulation.tick() == 1
    simulation.sync()
    assert [simulation.tick(), simulation.tick()] == [0, 0]


def test_nothing_is_synced_while_an_upstream_asset_is_missing(instance: dg.DagsterInstance) -> None:
    simulation = Simulation(instance, after_upstream_updates())
    simulation.update("orders")
    assert simulation.tick() == 0
    simulation.update("customers")
    assert simulation.tick() == 1


def test_loading_the_code_syncs_nothing(instance: dg.DagsterInstance) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    instance.report_runless_asset_event(dg.AssetMaterialization("customers"))
    simulation = Simulation(instance, after_upstream_updates())
    assert simulation.tick() == 0


@pytest.mark.parametrize(
    ("condition", "requested"),
    [
        (after_upstream_updates(), 0),
        (after_upstream_updates().ignore(dg.AssetSelection.assets("external")), 1),
    ],
)
def test_an_external_asset_that_nobody_reports_holds_the_sync_back_unless_it_is_ignored(
    instance: dg.DagsterInstance, condition: dg.AutomationCondition[Any], requested: int
) -> None:
    """What the documentation hints at."""

    @dg.asset
    def orders() -> None: ...

    @dg.asset(deps=[orders, dg.AssetSpec("external")], automation_condition=condition)
    def sync() -> None: ...

    defs = dg.Definitions([dg.AssetSpec("external"), orders, sync])
    first = dg.evaluate_automation_conditions(defs, instance)
    instance.report_runless_asset_event(dg.AssetMaterialization("orders"))
    assert dg.evaluate_automation_conditions(defs, instance, cursor=first.cursor).total_requested == requested
