"""Verdicts in the warehouse: runs of evaluations and the result of each question, beside the conversations."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dot_provider.api.arguments import checked_texts
from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import text_of
from dot_provider.history.destination import check_place, dataset_name, usable_destination
from dot_provider.history.facts import Unreadable, as_time, compact_json, first_of, to_storable
from dot_provider.history.publish import attempt, publish
from dot_provider.history.tables import EVALUATION_RESULTS, EVALUATION_RUNS, EVALUATIONS, arrow_table

if TYPE_CHECKING:
    from dot_provider.api.client import DotClient
    from dot_provider.api.evaluations import EvaluationRun
    from dot_provider.history.rows import Row

logger = logging.getLogger(__name__)

_TIMES = {
    "created_at": ("started_at", "created_at", "created", "started"),
    "finished_at": ("finished_at", "completed_at", "ended_at", "updated_at"),
}


@dataclass(frozen=True)
class EvaluationsLoaded:
    """What a load of runs did: how many ``runs`` and ``results`` it wrote, and the ``tables``' names.

    ``unreadable`` says how many times came that could not be read, by ``table.column``; they stand in ``raw`` alone.
    """

    runs: int
    results: int
    tables: tuple[str, str]
    unreadable: Mapping[str, int] = field(default_factory=dict)


def export_evaluations(
    client: DotClient,
    run_ids: Sequence[str],
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    options: Mapping[str, Any] | None = None,
) -> EvaluationsLoaded:
    """Load runs of evaluations into the tables ``evaluation_runs`` and ``evaluation_results``.

    ``GET /evaluation_runs/{run_id}`` for each. A run replaces its former self with all its results, so that the same
    runs again give the same rows; readers see both tables before or after.

    Args:
        client: Where the runs are.
        run_ids: Their ids; one that comes twice counts once.
        destination, dataset, options: As for `load_history`.
        credentials: As for `load_history`; a function is called when the runs have been read.

    Raises:
        DotUsageError: There is no id, or a run has not finished.
        DotError: Of the client, or as `load_history` raises it.
    """
    ids = list(dict.fromkeys(checked_texts("run_ids", run_ids)))
    if not ids:
        raise DotUsageError("run_ids is empty: name the run of an evaluation, such as evr_1.")
    check_place(destination, credentials, dataset)
    runs = [client.evaluation_run(run_id) for run_id in ids]
    return load_evaluation_runs(
        runs, destination=destination, credentials=credentials, dataset=dataset, options=options
    )


def load_evaluation_runs(
    runs: Sequence[EvaluationRun],
    *,
    destination: str,
    credentials: Any = None,
    dataset: str = "dot",
    options: Mapping[str, Any] | None = None,
) -> EvaluationsLoaded:
    """Load runs that were read before; the arguments are those of `export_evaluations`.

    Raises:
        DotUsageError: A run has not finished.
        DotError: As `load_history` raises it.
    """
    for run in runs:
        if not run.finished:
            raise DotUsageError(f"Evaluation run {run.id} has not finished ({run.text}): load it when it has.")
    schema = dataset_name(dataset)
    found = credentials() if callable(credentials) else credentials
    place = usable_destination(destination, found, schema, options)
    unreadable = Unreadable()
    rows = {
        EVALUATION_RUNS: [_run(run, unreadable) for run in runs],
        EVALUATION_RESULTS: [r for run in runs for r in _results(run)],
    }
    published = attempt(
        lambda warehouse: publish(warehouse, ((table, arrow_table(table, some)) for table, some in rows.items())),
        place,
        schema,
        EVALUATIONS,
    )
    done = EvaluationsLoaded(len(runs), len(rows[EVALUATION_RESULTS]), published.tables, dict(unreadable.counts))
    logger.info(
        "Loaded %d evaluation runs with %d results into %s.", done.runs, done.results, " and ".join(done.tables)
    )
    unreadable.warn(logger)
    return done


def _run(run: EvaluationRun, unreadable: Unreadable) -> Row:
    told, raw = _storable(run.raw)
    target = run.target or {}
    return {
        "run_id": run.id,
        "evaluation_id": run.evaluation_id,
        "status": run.status,
        "verdict": run.verdict,
        "total": run.total,
        "passed": run.passed,
        "failed": run.failed,
        "errors": run.errors,
        "pass_rate": run.pass_rate,
        "target": text_of(target, "environment_id", "kind") or None,
        "target_commit": run.target_commit or None,
        **{
            name: unreadable.read(f"{EVALUATION_RUNS}.{name}", run.id, as_time, first_of(told, names))
            for name, names in _TIMES.items()
        },
        "url": run.url or None,
        "loaded_at": int(time.time() * 1e6),
        "raw": raw,
    }


def _results(run: EvaluationRun) -> Iterator[Row]:
    for position, one in enumerate(run.questions):
        _, raw = _storable(one.raw)
        words = {"question": one.question, "expected": one.expected, "observed": one.observed, "reason": one.reason}
        clean, _ = _storable({"question_id": one.id, "verdict": one.verdict, "url": one.url, **words})
        yield {"run_id": run.id, "position": position, "raw": raw, **{k: v or None for k, v in clean.items()}}


def _storable(record: Any) -> tuple[Any, str]:
    value, raw, _ = to_storable(record, compact_json(record))
    return value, raw
