"""Questions as assets: each materialization is an answer, with its table, chart and SQL on the asset's page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.answer_metadata import answer_metadata
from dagster_dot.spec import AssetOptions, asset_spec, cleaned
from dagster_dot.step import Materialize, Results, build_step
from dagster_dot.termination import saying_what_goes_on
from dot_provider.api import DotError, DotUsageError, chat_id_for
from dot_provider.api.calls.arguments import Seconds, checked_seconds, checked_text, checked_texts
from dot_provider.api.calls.conversations import Mode, checked_mode
from dot_provider.api.flows.ask import ANSWER_TIMEOUT
from dot_provider.api.flows.series import ask_series
from dot_provider.api.flows.waiting import POLL_INTERVAL

if TYPE_CHECKING:
    from dot_provider.api import Answer, DotClient

PARTITION = "{partition_key}"
"""In a question, the place where the partition's key is put."""

QuestionText = str | Callable[[dg.AssetExecutionContext], str]


def build_dot_question_asset(
    *,
    question: QuestionText,
    follow_ups: Sequence[str] = (),
    mode: Mode | None = None,
    labels: Sequence[str] = (),
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
    **options: Unpack[AssetOptions],
) -> dg.AssetsDefinition:
    """Build an asset whose materialization asks Dot a question and shows the answer.

    ``POST /agentic``, then ``GET /c2/{chat_id}`` until the answer is there. Asking costs credits, so it is done once
    per run, step and partition: a retried step, and a run that is re-executed, attach to the chat of the first try. A
    new run asks anew, and so does a retry after Dot ended a question in an error.

    Args:
        question: what to ask, or a function of the context that returns it. ``{partition_key}`` stands for the
            partition's key.
        follow_ups: further questions, asked one after the other in the same chat.
        mode: economy, balanced or frontier; Dot's default when None.
        labels: labels that the chat gets in Dot.
        timeout: seconds that all answers together may take, or a ``timedelta``.
        poll_interval: seconds between two looks at the chat, or a ``timedelta``.
        **options: see ``AssetOptions``; the key is ``dot/<words of the question>`` by default. Give the questions of a
            workspace a ``pool`` to ask only so many at once.

    Raises:
        DotUsageError: a question or a label is empty or no text, the mode is unknown, or the question is a function
            and there is no name.

    Examples:
        >>> build_dot_question_asset(question="How many orders did we ship last week?")
        >>> build_dot_question_asset(
        ...     question="What drove revenue on {partition_key}?",
        ...     follow_ups=["Which products fell?"],
        ...     partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
        ... )
    """
    spec = question_spec(question, **options)
    ask = asking(
        spec.key,
        question,
        follow_ups=follow_ups,
        mode=mode,
        labels=labels,
        timeout=timeout,
        poll_interval=poll_interval,
    )
    return build_step([spec], ask, options)


def asking(
    key: dg.AssetKey,
    question: QuestionText,
    *,
    follow_ups: Sequence[str] = (),
    mode: Mode | None = None,
    labels: Sequence[str] = (),
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
) -> Materialize:
    """Return what the step of a question does; the arguments are those of ``build_dot_question_asset``.

    Raises:
        DotUsageError: a follow-up or a label is empty or no text, the mode is unknown, or a
            time to wait is none.
    """
    checked_mode(mode)
    texts = [question, *checked_texts("follow_ups", follow_ups)]
    checked_texts("labels", labels)
    for name, wait in (("timeout", timeout), ("poll_interval", poll_interval)):
        checked_seconds(name, wait)

    def materialize(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        began = time.monotonic()
        first, *others = [_worded(text, context) for text in texts]
        series = ask_series(
            client.server, first, others, chat_id_of(context), mode, timeout=timeout, poll_interval=poll_interval
        )
        goes_on = "Dot goes on with the question; a re-execution of this run takes its answer."
        with saying_what_goes_on(context.log, goes_on):
            answers = client.run(series, context.log.info)
        _label(context, client, answers[0], labels)
        waited = time.monotonic() - began
        yield dg.MaterializeResult(asset_key=key, metadata=answer_metadata(answers, client, waited, context.log))

    return materialize


def question_spec(question: QuestionText, **options: Unpack[AssetOptions]) -> dg.AssetSpec:
    """Return the spec of a question's asset."""
    if isinstance(question, str):
        words = checked_text("question", question)
        return asset_spec(["dot", cleaned(words.replace(PARTITION, ""))], words, **options)
    if not options.keys() & {"key", "name"}:
        raise DotUsageError("A question that is a function needs a name for its asset.")
    return asset_spec([], question.__doc__ or "A question to Dot.", **options)


def chat_id_of(context: dg.AssetExecutionContext) -> str:
    """Return the chat id of a step: the same for its retries and for re-executions of its run, on every machine."""
    root_run = context.run.root_run_id or context.run.run_id
    return chat_id_for("dagster", root_run, str(context.op_execution_context.op_handle), _partition(context))


def _partition(context: dg.AssetExecutionContext) -> str:
    if context.has_partition_key:
        return str(context.partition_key)
    if context.has_partition_key_range:
        return f"{context.partition_key_range.start}...{context.partition_key_range.end}"
    return ""


def _worded(text: QuestionText, context: dg.AssetExecutionContext) -> str:
    words = text if isinstance(text, str) else text(context)
    partition = _partition(context)
    if PARTITION in words and not partition:
        raise DotUsageError(
            f"The question holds {PARTITION} and its asset has no partitions: give it a partitions_def."
        )
    return words.replace(PARTITION, partition)


def _label(context: dg.AssetExecutionContext, client: DotClient, answer: Answer, labels: Sequence[str]) -> None:
    if not labels:
        return
    try:
        client.add_labels(answer.chat_id, labels)
    except DotError as error:  # the answer is paid for, and worth more than its labels
        context.log.warning(f"The chat was not labelled: {error}")
