"""Questions that wait without a process: their runs have posted them and ended, one sensor looks at all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from inspect import signature
from typing import TYPE_CHECKING, Any

import dagster as dg

from dagster_dot.asset_options import plain
from dagster_dot.question import EXPECTED, WAITING, answer_metadata, as_expected, fetch_shown, in_storage
from dagster_dot.resource import RESOURCE_KEY, quick_client
from dot_provider.api import DotAnswerFailedError, DotError
from dot_provider.api.answer_files import open_path, save_answers
from dot_provider.api.ask import Series, SeriesStep, continue_series, resume_series
from dot_provider.api.conversations import label_paid_chat
from dot_provider.api.expectation import Expectation
from dot_provider.api.wait import late

if TYPE_CHECKING:
    from dot_provider.api import DotClient

TIME_BUDGET = 40.0
"""Seconds after which a tick leaves the rest to the next one; Dagster ends a tick after 60."""

SIDE_BY_SIDE = 8
"""Chats that are looked at at once."""

LOOKED_BACK = 86_400.0
"""Seconds behind a question's deadline until which a sensor that was off still takes it."""

_CHECK_FIELDS = signature(dg.AssetCheckEvaluation).parameters

Event = dg.AssetMaterialization | dg.AssetObservation | dg.AssetCheckEvaluation


@dataclass(frozen=True)
class OpenQuestion:
    """A question as its run has left it: the asset, and the state of its series in plain values."""

    asset: str
    state: dict[str, Any]

    @property
    def key(self) -> dg.AssetKey:
        """The asset's key."""
        return dg.AssetKey.from_user_string(self.asset)

    def then(self, step: SeriesStep) -> OpenQuestion:
        """Return the question with a further follow-up asked."""
        return replace(self, state={**self.state, "positions": list(step.positions), "deadline": step.deadline})


def build_dot_answer_sensor(
    *,
    name: str = "dot_answers",
    minimum_interval_seconds: int = 30,
    default_status: dg.DefaultSensorStatus = dg.DefaultSensorStatus.RUNNING,
    resource_key: str = RESOURCE_KEY,
) -> dg.SensorDefinition:
    """Build the sensor that takes the answers to a code location's questions with ``wait="sensor"``.

    ``GET /c2/{chat_id}`` for each open question in each tick, and the next follow-up where there is one. An answer is
    reported as the asset's materialization with the check ``answer_is_as_expected``; where there is none in time, or
    Dot fails, that check fails and says why. What is open stands in the sensor's cursor, so that a restart loses
    nothing. A tick that starts no run shows as "Skipped"; its reason tells what was done.

    Args:
        name: name of the sensor.
        minimum_interval_seconds: seconds between two ticks.
        default_status: whether the sensor runs as soon as the code location is loaded.
        resource_key: where the ``DotResource`` is found; questions of other resources have a sensor of their own.

    Examples:
        >>> build_dot_answer_sensor(minimum_interval_seconds=15)
    """

    @dg.sensor(
        name=name,
        required_resource_keys={resource_key},
        minimum_interval_seconds=minimum_interval_seconds,
        default_status=default_status,
        description="Takes Dot's answers to the questions that were asked without waiting for them.",
    )
    def dot_answers(context):  # type: ignore[no-untyped-def] # Dagster reads annotations, which are text here
        began, kept = time.monotonic(), json.loads(context.cursor or "{}")
        waiting = [OpenQuestion(*one) for one in kept.get("open", [])]
        seen, new = _handed_over(context, resource_key, kept.get("seen", {}))
        known = {(one.asset, one.state["chat_id"]) for one in waiting}
        waiting += [one for one in new if (one.asset, one.state["chat_id"]) not in known]
        client, events, left = quick_client(getattr(context.resources, resource_key)), list[Event](), []

        def look(question: OpenQuestion) -> tuple[OpenQuestion | None, list[Event]]:
            if time.monotonic() - began > TIME_BUDGET:
                return question, []
            return _look(client, question, context.log)

        with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for still_open, found in pool.map(look, waiting):
                left += [still_open] if still_open else []
                events += found
        # Those that a tick did not come to are the first of the next one.
        cursor = json.dumps({"seen": seen, "open": [(one.asset, one.state) for one in left]})
        answered = sum(isinstance(event, dg.AssetMaterialization) for event in events)
        reason = f"{answered} answered, {len(waiting) - len(left) - answered} failed, {len(left)} open."
        return dg.SensorResult(asset_events=events, cursor=cursor, skip_reason=reason)

    return dot_answers


def _handed_over(context: Any, resource_key: str, seen: dict[str, int]) -> tuple[dict[str, int], list[OpenQuestion]]:
    """Return the questions that runs have left since the last tick, and how far their assets' events were read."""
    seen, new = dict(seen), []
    for key in _waiting_assets(context.repository_def, resource_key):
        asset = key.to_user_string()
        only = dg.AssetRecordsFilter(asset_key=key, after_storage_id=seen.get(asset, 0))
        for record in context.instance.fetch_observations(only, limit=1000, ascending=True).records:
            seen[asset] = record.storage_id
            state = plain(record.asset_observation.metadata.get(WAITING))
            if isinstance(state, dict) and state["deadline"] + LOOKED_BACK > time.time():
                new.append(OpenQuestion(asset, state))
    return seen, new


def _waiting_assets(repository: Any, resource_key: str) -> Iterator[dg.AssetKey]:
    for key, definition in repository.assets_defs_by_key.items():
        # Another Dot's questions are another sensor's.
        is_ours = definition.is_executable and resource_key in definition.required_resource_keys
        if is_ours and definition.specs_by_key[key].metadata.get(WAITING):
            yield key


def _look(client: DotClient, question: OpenQuestion, log: Any) -> tuple[OpenQuestion | None, list[Event]]:
    """Return the question where it stays open, and what there is to report of it."""
    state = question.state
    series, overdue = Series(**state["series"]), time.time() > state["deadline"]
    try:
        step = client.run(resume_series(state["chat_id"], state["positions"], quiet=overdue))
        if step is None and overdue:
            raise late(client.server.chat_url(state["chat_id"]))
        if step is not None:
            step = client.run(continue_series(series, step, wait=False), log.info)
    except DotError as error:
        # A step's retry asks anew where Dot has failed; a sensor does not: nobody has said that it may be paid again.
        if error.retryable and not overdue and not isinstance(error, DotAnswerFailedError):
            log.info(f"{question.asset} stays open: {error}")
            return question, []
        log.error(f"{question.asset}: {error}")
        return None, [_check(question, {}, str(error))]
    if step is None:
        return question, []
    if not series.is_finished(step):
        return question.then(step), []
    return None, _reported(client, question, series, step, log)


def _reported(client: DotClient, question: OpenQuestion, series: Series, step: SeriesStep, log: Any) -> list[Event]:
    state, answers = question.state, step.answers
    client.run(label_paid_chat(answers[0].chat_id, state["labels"]), log.warning)
    whole, files = fetch_shown(client, answers, log)
    metadata = answer_metadata(whole, files, time.time() - state["asked_at"], series.not_asked(answers))
    if state["save_to"]:
        try:
            metadata["saved"] = save_answers(client, answers, open_path(state["save_to"], "save_to", in_storage), files)
        except DotError as error:
            log.error(f"{question.asset}: {error}")
            metadata["not_saved"] = str(error)
    facts, why = as_expected(Expectation(state["expect"], state["check"]), whole[0])
    materialized = dg.AssetMaterialization(question.key, partition=state["partition"], metadata=metadata)
    return [materialized, _check(question, facts, why)]


def _check(question: OpenQuestion, facts: dict[str, Any], why: str | None) -> dg.AssetCheckEvaluation:
    # Checks have partitions since Dagster 1.13.
    partition = {"partition": question.state["partition"]} if "partition" in _CHECK_FIELDS else {}
    return dg.AssetCheckEvaluation(
        asset_key=question.key,
        check_name=EXPECTED,
        passed=why is None,
        metadata=facts,
        description=why,
        **partition,
    )
