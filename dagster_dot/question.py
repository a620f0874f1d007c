"""Questions as assets: each materialization is an answer, with its table, chart and SQL on the asset's page."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, TypeAlias

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.answer_metadata import answer_metadata
from dagster_dot.asset_factory import Materialize, Results, build_step
from dagster_dot.asset_options import AssetOptions, asset_spec, cleaned
from dagster_dot.failures import saying_what_goes_on
from dot_provider.api import DotError, DotUsageError, chat_id_for
from dot_provider.api.answer_files import check_writable, open_path, safe_name, save_answers
from dot_provider.api.arguments import Seconds, checked_seconds, checked_text, checked_texts
from dot_provider.api.ask import ANSWER_TIMEOUT, Series, ask_series
from dot_provider.api.conversations import Mode, checked_mode
from dot_provider.api.post_once import LOOK_FOR
from dot_provider.api.wait import POLL_INTERVAL

if TYPE_CHECKING:
    from upath import UPath

    from dot_provider.api import Answer, DotClient

PARTITION = "{partition_key}"
"""In a question or a folder, the place where the partition's key is put."""

QuestionText = str | Callable[[dg.AssetExecutionContext], str]
AnyPath: TypeAlias = "str | PathLike[str] | UPath"


def build_dot_question_asset(
    *,
    question: QuestionText,
    follow_ups: Sequence[str] = (),
    mode: Mode | None = None,
    labels: Sequence[str] = (),
    save_to: AnyPath | None = None,
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
    **options: Unpack[AssetOptions],
) -> dg.AssetsDefinition:
    """Build an asset whose materialization asks Dot a question and shows the answer.

    ``POST /agentic``, then ``GET /c2/{chat_id}`` until the answer is there. Asking costs credits, so it is done once
    per run, step and partition: a retried step, and a run that is re-executed, attach to the chat of the first try. A
    new run asks anew, and so does a retry after Dot ended a question in an error. An answer that cannot be saved is
    kept as an observation of the asset, and a retry saves it.

    Args:
        question: what to ask, or a function of the context that returns it. ``{partition_key}`` stands for the
            partition's key.
        follow_ups: further questions, asked one after the other in the same chat.
        mode: economy, balanced or frontier; Dot's default when None.
        labels: labels that the chat gets in Dot.
        save_to: folder, local or the URL of a storage that fsspec knows, for ``answer.md``, the tables as CSV and the
            charts as PNG; those of follow-ups go into folders of their own in it. ``{partition_key}`` stands for the
            partition's key. Where it cannot be written to, nothing is asked.
        timeout: seconds that each answer may take, or a ``timedelta``.
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
        save_to=save_to,
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
    save_to: AnyPath | None = None,
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
    seconds, interval = checked_seconds("timeout", timeout), checked_seconds("poll_interval", poll_interval)

    def materialize(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        began = time.monotonic()
        first, *others = [_worded(text, context) for text in texts]
        folder = None if save_to is None else _folder(save_to, context)
        look_for = LOOK_FOR if context.retry_number > 0 or context.run.root_run_id else 0
        series = Series(first, others, mode, seconds, interval, look_for=look_for)
        goes_on = "Dot goes on with the question; a re-execution of this run takes its answer."
        with saying_what_goes_on(context.log, goes_on):
            answers = client.run(ask_series(series, chat_id_of(context)), context.log.info)
        _label(context, client, answers[0], labels)
        metadata = answer_metadata(answers, client, time.monotonic() - began, context.log)
        if folder is not None:
            try:
                metadata["saved"] = save_answers(client, answers, folder)
            except DotError:  # the answer is paid for, and on the asset's page also where it cannot be saved
                partition = context.partition_key if context.has_partition_key else None
                # What is logged by context.log_event is lost where the step fails.
                yield dg.AssetObservation(asset_key=key, partition=partition, metadata=metadata)  # type: ignore[misc]
                raise
        yield dg.MaterializeResult(asset_key=key, metadata=metadata)

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
    return _filled("The question", words, context, _partition(context))


def _folder(save_to: AnyPath, context: dg.AssetExecutionContext) -> Any:
    """Return the folder for the files, where it can be written to."""
    if isinstance(save_to, str | PathLike):
        save_to = _filled("save_to", fspath(save_to), context, safe_name(_partition(context)))
    folder = open_path(save_to, "save_to", _in_storage)
    check_writable(folder, "save_to")
    return folder


def _in_storage(url: str) -> Any:
    from upath import UPath

    return UPath(url)


def _filled(what: str, words: str, context: dg.AssetExecutionContext, partition: str) -> str:
    if PARTITION in words and not _partition(context):
        raise DotUsageError(f"{what} holds {PARTITION} and its asset has no partitions: give it a partitions_def.")
    return words.replace(PARTITION, partition)


def _label(context: dg.AssetExecutionContext, client: DotClient, answer: Answer, labels: Sequence[str]) -> None:
    if not labels:
        return
    try:
        client.add_labels(answer.chat_id, labels)
    except DotError as error:  # the answer is paid for, and worth more than its labels
        context.log.warning(f"The chat was not labelled: {error}")
