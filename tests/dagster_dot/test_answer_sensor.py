"""A question that waits without a process: the run posts it, the sensor takes the answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_answer_sensor, build_dot_question_asset
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.system.airflow.asking import answer_now

QUESTION = "How many orders?"


class World:
    """A code location with one question and the sensor, on Dagster's default storage."""

    def __init__(self, dot: Sandbox, instance: dg.DagsterInstance, **arguments: Any) -> None:
        self.asked = build_dot_question_asset(**{"question": QUESTION, "wait": "sensor", **arguments})
        self.sensor = build_dot_answer_sensor()
        self.dot = DotResource(api_token=dot.token, base_url=dot.base_url)
        self.defs = dg.Definitions(assets=[self.asked], sensors=[self.sensor], resources={"dot": self.dot})
        self.instance, self.cursor = instance, None

    def run(self, **arguments: Any) -> Any:
        """Run the asset's step."""
        job = self.defs.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(instance=self.instance, **arguments)

    def tick(self) -> list[Any]:
        """Let the sensor look once; keep what it reports, as the daemon does."""
        with dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            repository_def=self.defs.get_repository_def(),
            resources={"dot": self.dot},
        ) as context:
            data = self.sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return list(data.asset_events)


@pytest.fixture
def dot() -> Iterator[Sandbox]:
    with Sandbox(answer_polls=1_000_000, hold_requests=False) as sandbox:
        yield sandbox


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def test_questions_of_another_dot_are_left_to_its_own_sensor(dot: Sandbox, instance: dg.DagsterInstance) -> None:
    world = World(dot, instance)
    assert world.run().success
    answer_now(dot)
    with Sandbox() as other:
        elsewhere = DotResource(api_token=other.token, base_url=other.base_url)
        sensor = build_dot_answer_sensor(name="other_answers", resource_key="other")
        repository = dg.Definitions(
            [world.asked], resources={"dot": world.dot, "other": elsewhere}
        ).get_repository_def()
        with dg.build_sensor_context(
            instance=instance, repository_def=repository, resources={"other": elsewhere}
        ) as context:
            assert list(sensor.evaluate_tick(context).asset_events) == []
        assert other.requests == []
    assert len(world.tick()) == 2


@pytest.mark.parametrize("question", [None, 5, b"x", []])
def test_a_question_is_text_or_a_function(question: Any) -> None:
    with pytest.raises(DotUsageError, match="question must be text, or a function of the context"):
        build_dot_question_asset(question=question, name="q")


def test_the_run_ends_at_once_and_the_sensor_materializes_the_answer(
    dot: Sandbox, instance: dg.DagsterInstance
) -> None:
    world = World(dot, instance, follow_ups=["Why?"], labels=["weekly"])
    run = world.run()
    assert run.success
    assert not run.get_asset_materialization_events()
    assert world.tick() == []

    answer_now(dot)
    assert world.tick() == []  # the follow-up was asked
    answer_now(dot)
    materialized, check = world.tick()
    assert materialized.metadata["chat_id"].value in dot.conversations
    assert check.passed
    (chat,) = dot.conversations.values()
    assert [turn.question for turn in chat.turns] == [QUESTION, "Why?"]
    assert chat.labels == ["weekly"]
    assert world.tick() == []


def test_each_partition_is_materialized_with_its_own_answer(dot: Sandbox, instance: dg.DagsterInstance) -> None:
    world = World(dot, instance, partitions_def=dg.StaticPartitionsDefinition(["a", "b"]))
    world.run(partition_key="a")
    world.run(partition_key="b")
    answer_now(dot)
    events = world.tick()
    assert sorted(e.partition for e in events if isinstance(e, dg.AssetMaterialization)) == ["a", "b"]


def test_an_answer_that_is_not_there_in_time_fails_the_check(dot: Sandbox, instance: dg.DagsterInstance) -> None:
    world = World(dot, instance, timeout=0.01)
    world.run()
    (check,) = world.tick()
    assert not check.passed
    assert "in time" in check.description


def test_a_question_that_dot_fails_at_fails_the_check(instance: dg.DagsterInstance) -> None:
    with Sandbox(hold_requests=False) as dot:
        world = World(dot, instance, question="Revenue [fail]")
        world.run()
        (check,) = world.tick()
        assert not check.passed
        assert world.tick() == []


def test_a_dot_that_cannot_be_reached_leaves_the_question_open(dot: Sandbox, instance: dg.DagsterInstance) -> None:
    world = World(dot, instance)
    world.run()
    answer_now(dot)
    dot.fail_next("/c2", status=503)
    assert world.tick() == []
    assert [type(event) for event in world.tick()] == [dg.AssetMaterialization, dg.AssetCheckEvaluation]


def test_the_answer_is_checked(dot: Sandbox, instance: dg.DagsterInstance) -> None:
    world = World(dot, instance, check="'no such word' in text")
    world.run()
    answer_now(dot)
    _, check = world.tick()
    assert not check.passed


def test_an_unknown_way_to_wait_is_refused() -> None:
    with pytest.raises(DotUsageError, match="wait"):
        build_dot_question_asset(question=QUESTION, wait="trigger")  # type: ignore[arg-type]
