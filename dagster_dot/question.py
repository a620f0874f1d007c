"""Questions as assets: each materialization is an answer, with its table, chart and SQL on the asset's page."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import dagster as dg
from typing_extensions import Unpack

from dagster_dot.asset_factory import AssetStep, Results, asset_builder, metadata_table, warn_on_termination
from dagster_dot.asset_options import AssetOptions, asset_spec, clean_name
from dagster_dot.components.base import DotAssetComponent
from dagster_dot.components.scaffolding import SCHEDULE, dot_component
from dagster_dot.dagster_internals import step_name
from dot_provider.api import DotAnswerUnexpectedError, DotError, DotUsageError, chat_id_for
from dot_provider.api.answer import with_whole_tables
from dot_provider.api.answer_files import check_writable, fetch_files, folder_name, open_path, save_answers
from dot_provider.api.answer_markdown import MAX_INLINE_CHART, answer_markdown, fenced, summary_line
from dot_provider.api.arguments import Seconds, checked_credits, checked_seconds, checked_text, checked_texts
from dot_provider.api.ask import ANSWER_TIMEOUT, Series, SeriesStep, ask_series, begin_series
from dot_provider.api.conversations import Mode, checked_mode, label_paid_chat
from dot_provider.api.expectation import Expect, Expectation, number_of_answer
from dot_provider.api.post_once import LOOK_FOR
from dot_provider.api.wait import POLL_INTERVAL

if TYPE_CHECKING:
    from upath import UPath

    from dot_provider.api import Answer, DotClient

PARTITION = "{partition_key}"
"""In a question or a folder, the place where the partition's key is put."""

QuestionText = str | Callable[[dg.AssetExecutionContext], str]
AnyPath: TypeAlias = "str | PathLike[str] | UPath"

EXPECTED = "answer_is_as_expected"
"""Name of the check that ``expect`` and ``check`` make."""


class QuestionConfig(dg.Config):
    """What one run can set for a question, in the launchpad or in a schedule's ``run_config``; all optional.

    Attributes:
        question: another question, for this run alone; without the follow-ups.
        mode: another mode.
        force: ask anew also where this run is the re-execution of one that has asked.
    """

    question: str | None = None
    mode: str | None = None
    force: bool = False


@asset_builder
def build_dot_question_asset(
    *,
    question: QuestionText,
    follow_ups: Sequence[str] = (),
    mode: Mode | None = None,
    labels: Sequence[str] = (),
    save_to: AnyPath | None = None,
    expect: Expect | None = None,
    check: str | None = None,
    max_credits: float | None = None,
    wait: Literal["step", "sensor"] = "step",
    timeout: Seconds = ANSWER_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
    **options: Unpack[AssetOptions],
) -> AssetStep:
    """Build an asset whose materialization asks Dot a question and shows the answer.

    ``POST /agentic``, then ``GET /c2/{chat_id}`` until the answer is there. Asking costs credits, so it is done once
    per run, step and partition: a retried step, and a run that is re-executed, attach to the chat of the first try. A
    new run asks anew, and so does a retry after Dot ended a question in an error. An answer that cannot be saved is
    kept as an observation of the asset, and a retry saves it. A run can ask something else once: ``QuestionConfig``.

    Args:
        question: what to ask; ``{partition_key}`` stands for the partition's key. In Python also a function of the
            context that returns it.
        follow_ups: further questions, asked one after the other in the same chat.
        mode: how thorough Dot is: economy, balanced or frontier; its own default without one.
        labels: labels that the chat gets in Dot.
        save_to: folder, or URL of a storage that fsspec knows, for ``answer.md``, ``answer.html``, the tables as CSV
            and the charts as PNG; those of follow-ups go into folders of their own in it. ``{partition_key}`` stands
            for the partition's key as a URL writes it (``a%20b``). Where it cannot be written to, nothing is asked.
        expect: what the answer to ``question`` must hold, read from its table: ``number``, ``{number: EUR}`` with its
            unit, or a JSON schema for the table's rows. It is a blocking check of the asset.
        check: an expression that must be true for that check to pass, such as ``value < 1000``; it knows ``value``,
            ``unit``, ``rows``, ``text`` and ``credits``.
        max_credits: no further follow-up is asked once the answers have cost more, as far as Dot tells; the asset's
            page then lists them as ``not_asked``.
        wait: ``step`` holds the run until the answer is there. ``sensor`` lets the run post the question and end; one
            ``build_dot_answer_sensor``, which a workspace has by itself, materializes the assets of all such questions.
        timeout: seconds that each answer may take. In Python also a ``timedelta``.
        poll_interval: the most seconds between two looks at the chat; the first come each second. In Python also a
            ``timedelta``.
        **options: see ``AssetOptions``; the key is ``dot/<words of the question>`` by default. Two questions that
            differ in capitals or punctuation alone have one key, which Dagster refuses and the log tells: give one of
            them a ``name``.
            Give the questions of a workspace a ``pool`` to ask only so many at once.

    Raises:
        DotUsageError: a question or a label is empty or no text, the mode is unknown, ``expect`` or ``check`` cannot be
            meant, or the question is a function and there is no name.

    Examples:
        >>> build_dot_question_asset(question="How many orders did we ship last week?")
        >>> build_dot_question_asset(
        ...     question="What drove revenue on {partition_key}?",
        ...     follow_ups=["Which products fell?"],
        ...     partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),
        ... )
    """
    checked_mode(mode)
    spec = _spec(question, options)
    others = checked_texts("follow_ups", follow_ups)
    checked_texts("labels", labels)
    expectation, limit = Expectation(expect, check), checked_credits("max_credits", max_credits)
    seconds, interval = checked_seconds("timeout", timeout), checked_seconds("poll_interval", poll_interval)
    if save_to is not None:
        checked_text("save_to", str(save_to))
    if wait not in ("step", "sensor"):
        raise DotUsageError(f"wait must be step or sensor, not {wait!r}.")

    def ask_step(context: dg.AssetExecutionContext, client: DotClient) -> Results:
        began = time.monotonic()
        config = QuestionConfig(**context.op_execution_context.op_config)
        first = checked_text("question", _worded(question, context) if config.question is None else config.question)
        further = [_worded(text, context) for text in others] if config.question is None else []
        folder = None if save_to is None else _folder(save_to, context)
        look_for = LOOK_FOR if context.retry_number > 0 or context.run.root_run_id else 0
        asked_as = checked_mode(config.mode or mode)
        series = Series(first, further, asked_as, seconds, interval, look_for=look_for, max_credits=limit)
        if wait == "sensor":
            asked = client.run(begin_series(replace(series, submit_timeout=3), chat_id_of(context, config)))
            rest = {"labels": list(labels), "save_to": folder and str(folder), "expect": expect, "check": check}
            yield open_question(context, client, series, asked, rest)  # type: ignore[misc]
            return
        goes_on = "Dot goes on with the question; a re-execution of this run takes its answer."
        with warn_on_termination(context.log, goes_on):
            answers = client.run(ask_series(series, chat_id_of(context, config)), context.log.info)
        client.run(label_paid_chat(answers[0].chat_id, labels), context.log.warning)
        whole, files = fetch_shown(client, answers, context.log)
        metadata = answer_metadata(whole, files, time.monotonic() - began, series.not_asked(answers))
        if folder is not None:
            try:
                metadata["saved"] = save_answers(client, answers, folder, files)
            except DotError:  # the answer is paid for, and on the asset's page also where it cannot be saved
                partition = context.partition_key if context.has_partition_key else None
                # What is logged by context.log_event is lost where the step fails.
                kept = dg.AssetObservation(asset_key=context.asset_key, partition=partition, metadata=metadata)
                yield kept  # type: ignore[misc]
                raise
        results = []
        if expectation:
            facts, why = as_expected(expectation, whole[0])
            results = [dg.AssetCheckResult(passed=why is None, check_name=EXPECTED, description=why, metadata=facts)]
        yield dg.MaterializeResult(metadata=metadata, check_results=results)

    by_sensor = wait == "sensor"
    checked = [dg.AssetCheckSpec(EXPECTED, asset=spec.key, blocking=not by_sensor, description=check)]
    return AssetStep(
        [spec.replace_attributes(skippable=True, metadata={**spec.metadata, WAITING: True}) if by_sensor else spec],
        ask_step,
        options,
        checks=checked if expectation or by_sensor else [],
        can_subset=by_sensor,
        config=QuestionConfig,
    )


def as_expected(expectation: Expectation, answer: Answer) -> tuple[dict[str, Any], str | None]:
    """Return what the check on an answer with whole tables shows, and why it fails, or None where it passes."""
    facts, why = {}, None
    try:
        facts = expectation.judge(answer)
    except DotAnswerUnexpectedError as error:
        facts, why = error.facts, str(error)
    shown = {name: facts[name] for name in ("value", "unit") if facts.get(name) not in (None, "")}
    return shown | ({} if answer.credits is None else {"dot/credits": answer.credits}), why


def _spec(question: QuestionText, options: AssetOptions) -> dg.AssetSpec:
    if isinstance(question, str):
        words = checked_text("question", question)
        return asset_spec(["dot", clean_name(words.replace(PARTITION, ""))], words, **options)
    if not callable(question):
        raise DotUsageError(f"question must be text, or a function of the context, not {type(question).__name__}.")
    if not options.keys() & {"key", "name"}:
        raise DotUsageError("A question that is a function needs a name for its asset.")
    return asset_spec([], question.__doc__ or "A question to Dot.", **options)


WAITING = "dot/waiting"
"""Metadata of the observation by which a run hands a question over to the sensor."""


def open_question(
    context: dg.AssetExecutionContext, client: DotClient, series: Series, step: SeriesStep, kept: Mapping[str, Any]
) -> dg.AssetObservation:
    """Return the observation that tells ``build_dot_answer_sensor`` what is waited for, and what is done with it."""
    partition = context.partition_key if context.has_partition_key else None
    known = {"chat_id": step.asked.chat_id, "positions": list(step.positions), "deadline": step.deadline}
    state = {**known, "asked_at": time.time(), "series": asdict(series), "partition": partition, **kept}
    chat = dg.MetadataValue.url(client.server.chat_url(step.asked.chat_id))
    return dg.AssetObservation(
        asset_key=context.asset_key, partition=partition, metadata={WAITING: dg.MetadataValue.json(state), "chat": chat}
    )


def chat_id_of(context: dg.AssetExecutionContext, config: QuestionConfig) -> str:
    """Return the chat id of a step: the same for its retries and for re-executions of its run, on every machine."""
    run = context.run.run_id if config.force else context.run.root_run_id or context.run.run_id
    other = [] if config.question is None else [config.question]
    return chat_id_for("dagster", run, step_name(context), _partition(context), *other)


def _partition(context: dg.AssetExecutionContext) -> str:
    if context.has_partition_key:
        return str(context.partition_key)
    if context.has_partition_key_range:
        return f"{context.partition_key_range.start}...{context.partition_key_range.end}"
    return ""


def _worded(text: QuestionText, context: dg.AssetExecutionContext) -> str:
    words = checked_text("question", text if isinstance(text, str) else text(context))
    return _filled("The question", words, context, _partition(context))


def _folder(save_to: AnyPath, context: dg.AssetExecutionContext) -> Any:
    """Return the folder for the files, where it can be written to."""
    if isinstance(save_to, str | PathLike):
        save_to = _filled("save_to", fspath(save_to), context, folder_name(_partition(context)))
    folder = open_path(save_to, "save_to", in_storage)
    check_writable(folder, "save_to")
    return folder


def in_storage(url: str) -> Any:
    """Return a URL of a storage that fsspec knows as a path."""
    from upath import UPath

    return UPath(url)


def _filled(what: str, words: str, context: dg.AssetExecutionContext, partition: str) -> str:
    if PARTITION in words and not _partition(context):
        raise DotUsageError(f"{what} holds {PARTITION} and its asset has no partitions: give it a partitions_def.")
    return words.replace(PARTITION, partition)


def fetch_shown(
    client: DotClient, answers: Sequence[Answer], log: logging.Logger
) -> tuple[list[Answer], dict[str, bytes]]:
    """Return ``answers`` with whole tables, and the files of their tables and charts by their links."""
    charts = [chart for answer in answers for chart in answer.charts]
    files = client.run(fetch_files([*(table for answer in answers for table in answer.tables), *charts]), log.warning)
    for chart in charts:
        if len(files.get(chart.png_url, b"")) > MAX_INLINE_CHART:
            log.info(f"The chart {chart.key} is too large to be shown here; it is in the chat.")
    return [with_whole_tables(answer, files) for answer in answers], files


def answer_metadata(
    answers: Sequence[Answer], files: Mapping[str, bytes], waited: float, not_asked: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the metadata of a question and its follow-ups.

    Args:
        answers: the answer, then those to the follow-ups, with whole tables.
        files: their charts by links.
        waited: seconds that this try of the step waited; an earlier one may have asked.
        not_asked: follow-ups that were left out for their costs.

    Returns:
        ``answer`` (markdown with tables and charts), ``summary`` (one plain line), ``value`` where its table is one
        number, ``table`` for each table, ``sql``, ``chat`` (link), ``chat_id``, ``waited_seconds``, ``dot/credits`` and
        ``suggested_follow_ups``; what an answer does not have is left out.
    """
    first = answers[0]
    shown = [(one, {chart.key: files.get(chart.png_url, b"") for chart in one.charts}) for one in answers]
    metadata: dict[str, Any] = {
        "summary": summary_line(first),
        "answer": dg.MetadataValue.md("\n\n---\n\n".join(answer_markdown(answer, charts) for answer, charts in shown)),
        "chat": dg.MetadataValue.url(first.url),
        "chat_id": first.chat_id,
        "waited_seconds": round(waited, 3),
    }
    if (found := number_of_answer(first)) is not None:
        metadata["value"] = found[0]
    tables = [table for answer in answers for table in answer.tables if table.preview]
    for number, table in enumerate(tables, start=1):
        metadata["table" if number == 1 else f"table_{number}"] = metadata_table(
            table.columns, [dict(zip(table.columns, row, strict=True)) for row in table.rows]
        )
    sql = "\n\n".join(answer.sql for answer in answers if answer.sql)
    if sql:
        metadata["sql"] = dg.MetadataValue.md(fenced(sql, "sql"))
    costs = [answer.credits for answer in answers if answer.credits is not None]
    if costs:
        metadata["dot/credits"] = sum(costs)
    if not_asked:
        metadata["not_asked"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in not_asked))
    if answers[-1].suggested_follow_ups:
        suggestions = "\n".join(f"- {question}" for question in answers[-1].suggested_follow_ups)
        metadata["suggested_follow_ups"] = dg.MetadataValue.md(suggestions)
    return metadata


@dot_component(
    "Dot: ask a question",
    scaffold={
        "question": "How many orders did we ship last week?",
        "mode": (Mode | None, None),
        "after": (str | None, None),
        **SCHEDULE,
    },
    attributes=lambda made: {
        **made.model_dump(exclude_none=True, exclude={"after"}),
        **({"asset": {"deps": [made.after]}} if made.after else {}),
    },
)
class DotQuestionComponent(DotAssetComponent):
    """Asks Dot a question once per run; the answer is an asset that shows table, chart and SQL."""

    builder: ClassVar[Callable[..., Any]] = build_dot_question_asset

    question: str
    follow_ups: Sequence[str] = ()
    mode: Mode | None = None
    labels: Sequence[str] = ()
    save_to: str | None = None
    expect: Literal["number"] | Mapping[str, Any] | None = None
    check: str | None = None
    max_credits: float | None = None
    wait: Literal["step", "sensor"] = "step"
    timeout: Seconds = ANSWER_TIMEOUT
    poll_interval: Seconds = POLL_INTERVAL
