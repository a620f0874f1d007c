"""Running an evaluation: start it or attach to the active run, and wait for its verdict."""

from __future__ import annotations

from dot_provider.api.call import Flow, pause, progress, send
from dot_provider.api.call import now as time_now
from dot_provider.api.calls.arguments import Seconds
from dot_provider.api.calls.evaluations import evaluation_run, start_evaluation_run
from dot_provider.api.errors import (
    DotConflictError,
    DotNotFoundError,
    DotProtocolError,
    DotTimeoutError,
    DotTransientError,
)
from dot_provider.api.flows.polling import FailedLooks, wait_limits
from dot_provider.api.models.evaluation import EvaluationRun

EVALUATION_TIMEOUT = 3600.0
"""Seconds that an evaluation may take unless the caller says otherwise."""

POLL_INTERVAL = 10.0
"""Seconds between two looks at a run."""


def run_evaluation(
    evaluation_id: str, *, timeout: Seconds = EVALUATION_TIMEOUT, poll_interval: Seconds = POLL_INTERVAL
) -> Flow[EvaluationRun]:
    """Run an evaluation and return the finished run, whatever its verdict; ``require_pass()`` of it is the gate.

    ``POST /evaluations/{id}/runs`` and ``GET /evaluation_runs/{id}``. A run that is under way is waited for instead.

    Args:
        evaluation_id: the evaluation's id in Dot.
        timeout: seconds until the wait ends, or a ``timedelta``.
        poll_interval: seconds between two looks, or a ``timedelta``.

    Raises:
        DotTimeoutError: the run did not finish in time; Dot goes on with it.
        DotError: any other failure of a call.
    """
    deadline, poll_interval = yield from wait_limits(timeout, poll_interval)
    run = yield from start_or_attach(evaluation_id)
    return (
        yield from wait_for_evaluation(
            run.id, deadline=deadline, poll_interval=poll_interval, evaluation_id=evaluation_id
        )
    )


def start_or_attach(evaluation_id: str, run_id: str | None = None) -> Flow[EvaluationRun]:
    """Start a run, or return the active one that Dot names in its refusal.

    ``run_id`` is the run that an earlier try of the same work started: it is returned also where it has finished
    meanwhile, of which Dot tells nobody who asks for another.
    """
    if run_id:
        try:
            run = yield from send(evaluation_run(run_id, evaluation_id))
        except DotNotFoundError:
            yield from progress(f"Run {run_id} of evaluation {evaluation_id} is gone: starting another")
        else:
            yield from progress(f"Attached to run {run_id} of evaluation {evaluation_id}, which an earlier try started")
            return run
    try:
        run = yield from send(start_evaluation_run(evaluation_id))
    except DotConflictError as error:
        active = error.payload.get("active_run_id") if isinstance(error.payload, dict) else None
        if not active:
            raise
        yield from progress(f"Attached to the active run {active} of evaluation {evaluation_id}")
        return EvaluationRun(str(active), evaluation_id=evaluation_id)
    yield from progress(f"Started run {run.id} of evaluation {evaluation_id}")
    return run


def wait_for_evaluation(
    run_id: str, *, deadline: float, poll_interval: float = POLL_INTERVAL, evaluation_id: str = ""
) -> Flow[EvaluationRun]:
    """Look at a run until it has finished. Only reads, so it can run anywhere, any number of times.

    ``deadline`` is in seconds since the epoch, the same after every restart.
    """
    failed = FailedLooks()
    while True:
        try:
            run = yield from send(evaluation_run(run_id, evaluation_id))
            failed.clear()
            if run.finished:
                yield from progress(f"Evaluation run {run_id} finished with {run.text}")
                return run
            yield from progress(f"Evaluation run {run_id}: {run.total - run.pending} of {run.total} done", event=False)
        except (DotTransientError, DotProtocolError) as error:
            failed.add(error, (yield from time_now()))
        moment = yield from time_now()
        if moment >= deadline:
            raise DotTimeoutError(f"Evaluation run {run_id} has not finished in time. Raise timeout to wait longer.")
        yield from pause(min(poll_interval, deadline - moment))
