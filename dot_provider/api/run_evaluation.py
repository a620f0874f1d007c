"""Running an evaluation once: start it or find the run of an earlier try, wait, confirm what failed, prove it is ours.

A run costs credits. Its idempotency key is made of the work and of what is sent, so a start whose response was lost is
repeated safely, and a retry with the same numbers gets the same run. Where Dot refuses a start because a run is under
way, that run is taken only where it provably is this work's; a foreign one is waited for. A run that was cancelled by a
kill is replaced under the next generation of the key.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dot_provider.api._core.call import Flow, progress, send, this_server
from dot_provider.api.arguments import Seconds, checked_count, checked_text
from dot_provider.api.errors import (
    DotError,
    DotEvaluationBrokenError,
    DotNotFoundError,
    DotRefusedError,
    DotTimeoutError,
    DotUsageError,
)
from dot_provider.api.evaluations import (
    CANCELLED,
    POLL_INTERVAL,
    EvaluationRun,
    cancel_evaluation_run,
    differences,
    evaluation_run,
    evaluation_target,
    same_target,
    start_evaluation_run,
    target_of,
    wait_for_evaluation,
)
from dot_provider.api.gate import DEFINITION, WORK, Gate, judge, unproven
from dot_provider.api.records import Record, text_of
from dot_provider.api.settings import Server
from dot_provider.api.wait import wait_limits

if TYPE_CHECKING:
    from dot_provider.evaluations.suite import EvaluationSuite
else:
    EvaluationSuite = Any  # typing.get_type_hints reads annotations here, and the core does not import what is above it

EVALUATION_TIMEOUT = 3600.0
"""Seconds that an evaluation may take unless the caller says otherwise."""

MAX_TRIES = 10
"""How many tries of a work may have had their runs cancelled, where nobody knows their number."""

_NAMESPACE = uuid.UUID("5b0c9d0e-6f0d-5f55-9a51-2d1a5d1f4d08")
_COMMIT = re.compile("[0-9a-f]{40}")
_NUMBERS = ("expected_answer", "source")


@dataclass(frozen=True)
class EvaluationRequest:
    """What is to be run, where, and for which work. Plain values, so that a trigger or a retry can carry it.

    Attributes:
        evaluation_id: the evaluation's id in Dot.
        source: origin and environment that the saved definition is read from, a part of the key.
        target: whose data and context are tested, as ``target_of`` makes it; always said, because the environment of
            the connection only says where the definition is read.
        work: id of the work; who asks with the same one gets the same run.
        questions: the questions to grade by, instead of the saved ones.
        definition: fingerprint of the suite without its numbers.
        expected_target_commit: commit that the target must have.
        metadata: what Dot shows at the run.
        warned: ids of the questions that are shown and not counted; they stay here.
    """

    evaluation_id: str
    source: str
    target: Mapping[str, str]
    work: str
    questions: Sequence[Record] | None = None
    definition: str = ""
    expected_target_commit: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    warned: Sequence[str] = ()

    def to_record(self) -> dict[str, Any]:
        """Return it as plain values; ``EvaluationRequest(**record)`` reads them."""
        return asdict(self)

    def body(self, generation: int = 0) -> dict[str, Any]:
        """Return the body of the start; after ``generation`` predecessors were cancelled."""
        asked: dict[str, Any] = {"target": dict(self.target)}
        if self.questions is not None:
            asked["questions"] = [dict(one) for one in self.questions]
        if self.expected_target_commit:
            asked["expected_target_commit"] = self.expected_target_commit
        name = json.dumps([self.source, self.evaluation_id, self.work, generation, asked], sort_keys=True)
        ours = {WORK: self.work, DEFINITION: self.definition}
        metadata = {**self.metadata, **{key: value for key, value in ours.items() if value}}
        return {**asked, "idempotency_key": str(uuid.uuid5(_NAMESPACE, name)), "metadata": metadata}

    def as_run(self, run: EvaluationRun) -> EvaluationRequest | None:
        """Return the request that ``run`` answers where it is this work's; None where it is somebody else's.

        Numbers may have moved since an earlier try: its run is taken, with the numbers that it was sent.
        """
        if run.target is not None and not same_target(run.target, self.target):
            return None
        if text_of(run.metadata or {}, WORK):
            ours = run.metadata or {}
            if text_of(ours, WORK) != self.work or text_of(ours, DEFINITION) != self.definition:
                return None
            return self._with_numbers_of(run)
        if self.questions is None:  # the older contract shows nothing: there is one run of an evaluation at a time
            return self if run.target is None and run.snapshot is None and not run.metadata else None
        same = run.target is not None and run.snapshot is not None and not differences(self.questions, run.snapshot)
        return self if same else None

    def _with_numbers_of(self, run: EvaluationRun) -> EvaluationRequest | None:
        if self.questions is None or run.snapshot is None:
            return self
        if differences(self.questions, run.snapshot, without=_NUMBERS):
            return None
        sent = {text_of(one, "id"): one for one in run.snapshot}
        return replace(
            self, questions=[{name: sent[one["id"]].get(name, one[name]) for name in one} for one in self.questions]
        )

    def confirming(self, run: EvaluationRun, number: int) -> EvaluationRequest | None:
        """Return the request that asks the failed questions of ``run`` again; None where there are none."""
        asked = self.questions if self.questions is not None else run.snapshot
        failed = {one.id for one in run.questions if one.verdict == "fail"}
        again = [one for one in asked or () if text_of(one, "id") in failed]
        if not again or any(one.verdict in ("error", "pending") for one in run.questions):
            return None
        return replace(self, questions=again, work=f"{self.work}/confirm-{number}")

    def unproven(self, run: EvaluationRun, *, shown: bool = False) -> list[str]:
        """Return in what a run shows something else than was asked for; ``shown``: without what it does not show."""
        sent = None if shown and run.snapshot is None else self.questions
        commit = None if shown and not run.target_commit else self.expected_target_commit
        return unproven(run, sent, self.target, commit)

    def judge(self, run: EvaluationRun, **options: Any) -> Gate:
        """Judge a run as one of this request; the options are those of ``judge``."""
        commit = self.expected_target_commit
        return judge(run, sent=self.questions, target=self.target, target_commit=commit, warned=self.warned, **options)


@dataclass(frozen=True)
class Waiting:
    """A run that has not finished: the run to look at, and the runs that this work has started so far."""

    run_id: str
    started: tuple[str, ...]


def evaluation_request(
    server: Server,
    evaluation_id: str | None,
    suite: EvaluationSuite | None = None,
    *,
    target_environment: str | None = None,
    expected_target_commit: str | None = None,
    work: str | None = None,
    metadata: Mapping[str, str] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> EvaluationRequest:
    """Return the request for a saved evaluation, or for a suite with answers.

    ``metadata`` is the user's, and has the last word over ``facts``, what an orchestrator says of the work.

    Raises:
        DotUsageError: there is neither an id nor one in the suite, or the suite has problems; nothing was sent.
    """
    if evaluation_id is None and not (evaluation_id := suite.evaluation_id if suite is not None else None):
        raise DotUsageError("There is no evaluation to run: give evaluation_id, or write it into the suite.")
    start_evaluation_run(evaluation_id)  # refuses what no URL can carry
    wanted = None if expected_target_commit is None else checked_text("expected_target_commit", expected_target_commit)
    if wanted is not None and not _COMMIT.fullmatch(wanted):
        raise DotUsageError(f"expected_target_commit must be 40 hexadecimal digits, not {expected_target_commit!r}.")
    if not isinstance(metadata or {}, Mapping):
        raise DotUsageError(f"metadata must be a mapping of texts, not {type(metadata).__name__}.")
    return EvaluationRequest(
        evaluation_id,
        f"{server.origin} {server.environment or ''}",
        target_of(server.environment if target_environment is None else target_environment),
        work or str(uuid.uuid4()),
        suite.to_payload() if suite is not None else None,
        suite.definition_fingerprint if suite is not None else "",
        expected_target_commit,
        {name: str(value) for name, value in {**(facts or {}), **(metadata or {})}.items() if value not in (None, "")},
        sorted(suite.warned) if suite is not None else [],
    )


def run_evaluation(
    evaluation_id: str | None = None,
    suite: EvaluationSuite | None = None,
    target_environment: str | None = None,
    *,
    expected_target_commit: str | None = None,
    confirm_failures: int = 0,
    work: str | None = None,
    metadata: Mapping[str, str] | None = None,
    timeout: Seconds = EVALUATION_TIMEOUT,
    poll_interval: Seconds = POLL_INTERVAL,
) -> Flow[EvaluationRun]:
    """Run an evaluation and return the finished run, whatever its verdict; ``judge`` is the gate.

    ``POST /evaluations/{id}/runs`` and ``GET /evaluation_runs/{id}``.

    Args:
        evaluation_id: the evaluation's id in Dot; the suite's where it is left out.
        suite: questions with expected answers, for this run only; the saved ones without it.
        target_environment: id of the environment that is tested, or ``production``; the client's own without it.
        expected_target_commit: the target's commit, 40 hexadecimal digits; Dot refuses the run where it has moved.
        confirm_failures: how often the questions that failed are asked again, each time only those; one that then
            passes is ``flaky``.
        work: names the work: run again with the same name, questions and target, it attaches to the run that it
            started. Without it each call starts its own, which is cancelled where it does not end in time.
        metadata: texts that Dot shows at the run.
        timeout: seconds until the wait ends, or a ``timedelta``.
        poll_interval: seconds between two looks, or a ``timedelta``.

    Raises:
        DotUsageError: the suite has problems, or an argument is wrong; nothing was sent.
        DotTimeoutError: the run did not finish in time.
        DotEvaluationBrokenError: the run is not what was asked for.
        DotError: any other failure of a call.
    """
    deadline, interval = yield from wait_limits(timeout, poll_interval)
    request = evaluation_request(
        (yield from this_server()),
        evaluation_id,
        suite,
        target_environment=target_environment,
        expected_target_commit=expected_target_commit,
        work=work,
        metadata=metadata,
    )
    sent, run = yield from evaluate(
        request,
        deadline=deadline,
        poll_interval=interval,
        confirm_failures=confirm_failures,
        cancel_late=work is None,
        tries=1 if work is None else MAX_TRIES,
    )
    assert isinstance(run, EvaluationRun)
    if wrong := sent.unproven(run):
        raise DotEvaluationBrokenError(f"Evaluation run {run.id} is not what was sent: {' '.join(wrong)}", run=run)
    return run


def evaluate(
    request: EvaluationRequest,
    *,
    deadline: float,
    poll_interval: float = POLL_INTERVAL,
    confirm_failures: int = 0,
    started: Sequence[str] = (),
    on_start: Callable[[tuple[str, ...]], None] = lambda runs: None,
    wait: bool = True,
    cancel_late: bool = False,
    tries: int = MAX_TRIES,
    watched: bool = False,
) -> Flow[tuple[EvaluationRequest, EvaluationRun | Waiting]]:
    """Bring a request to its finished run, from wherever an earlier try or the triggerer has left it.

    Args:
        request: what is to be run.
        deadline: seconds since the epoch at which the wait ends, the same after every restart.
        poll_interval: seconds between two looks.
        confirm_failures: how often failed questions are asked again.
        started: the runs that this work has started before: the first, and those that confirmed it.
        on_start: called with the same as soon as another run is known, before it is waited for.
        wait: False to return a ``Waiting`` where a run has not finished.
        cancel_late: cancel a run that has not finished at the deadline, for whom no retry comes.
        tries: how many tries of this work there were, with this one. A run of an earlier one, cancelled with its
            worker, is replaced; where this one's is cancelled, somebody wants no run.
        watched: this try itself has waited for the runs in ``started``, in the triggerer.

    Returns:
        The request as it was sent, which an earlier try may have done with other numbers, and the run.
    """
    checked_count("confirm_failures", confirm_failures)
    whole: tuple[EvaluationRequest, EvaluationRun] | None = None
    for number in range(int(confirm_failures) + 1):
        asked = request if whole is None else whole[0].confirming(whole[1], number)
        if asked is None:
            break
        known = started[number] if number < len(started) else None
        while True:
            asked, run, ours = yield from start_or_attach(asked, known, 1 if known and watched else tries)
            if ours:
                started = (*started[:number], run.id, *started[number + 1 :])
                on_start(tuple(started))
            if ours and not run.finished and asked.unproven(run, shown=True):
                yield from cancel_quietly(run.id)  # an older Dot takes less than was sent: what is left costs nothing
                return asked, (yield from send(evaluation_run(run.id, run.evaluation_id)))
            if not run.finished and not wait:
                return asked if whole is None else whole[0], Waiting(run.id, tuple(started))
            if not run.finished:
                try:
                    run = yield from wait_for_evaluation(
                        run.id, deadline=deadline, poll_interval=poll_interval, evaluation_id=run.evaluation_id
                    )
                except DotTimeoutError:
                    if cancel_late and ours:
                        yield from cancel_quietly(run.id)
                    raise
            if ours:
                break
            known = None  # the foreign run has ended: now ours
        whole = (asked, run) if whole is None else (whole[0], _confirmed(whole[1], run))
    assert whole is not None
    return whole


def start_or_attach(
    request: EvaluationRequest, run_id: str | None = None, tries: int = MAX_TRIES
) -> Flow[tuple[EvaluationRequest, EvaluationRun, bool]]:
    """Start a run, or return the one that this work has started before, or a foreign one that is in the way.

    Args:
        request: what is to be run.
        run_id: the run that an earlier try of the same work started: it is returned also where it has finished
            meanwhile, of which Dot tells nobody who asks for another.
        tries: how many there were with this one; a run of an earlier one is replaced where it was cancelled.

    Returns:
        The request that the run answers, the run, and whether it is this work's.
    """
    name = request.evaluation_id
    if run_id:
        try:
            run = yield from send(evaluation_run(run_id, name))
        except DotNotFoundError:
            yield from progress(f"Run {run_id} of evaluation {name} is gone: starting another")
        else:
            if run.status not in CANCELLED or tries == 1:
                yield from progress(f"Attached to run {run_id} of evaluation {name}, which an earlier try started")
                return request.as_run(run) or request, run, True
    for generation in range(tries):
        try:
            run = yield from send(start_evaluation_run(name, request.body(generation)))
        except DotRefusedError as error:
            active = error.payload.get("active_run_id") if isinstance(error.payload, dict) else None
            if error.status != 409 or not active:
                raise (yield from _refusal(request, error)) from None
            run = yield from send(evaluation_run(str(active), name))
            ours = request.as_run(run)
            what = "the active run" if ours else "Waiting for the foreign run"
            yield from progress(f"{'Attached to ' if ours else ''}{what} {active} of evaluation {name}")
            return ours or request, run, ours is not None
        if not run.status:
            run = yield from send(evaluation_run(run.id, name))
        if run.status not in CANCELLED or generation + 1 == tries:
            yield from progress(f"Started run {run.id} of evaluation {name}")
            return request, run, True
        yield from progress(f"Run {run.id} of evaluation {name} was cancelled: starting another")
    raise AssertionError


def _refusal(request: EvaluationRequest, error: DotRefusedError) -> Flow[DotRefusedError]:
    """Return the error for a refused start: it says what is in the way and what to do."""
    said = f"{error.detail} {error.payload or ''}".lower()
    if "archived" in said:
        message = f"Evaluation {request.evaluation_id} is archived: restore it in Dot, or give another id."
    elif "commit" in said and request.expected_target_commit:
        try:
            found = (yield from send(evaluation_target(request.target.get("environment_id")))).commit
        except DotError:
            found = ""
        wanted = f"expected_target_commit is {request.expected_target_commit}"
        message = f"The target has moved: it is at {found or 'another commit'}, and {wanted}. Nothing was run."
    else:
        return error
    return type(error)(message, status=error.status, detail=error.detail, payload=error.payload)


def _confirmed(run: EvaluationRun, again: EvaluationRun) -> EvaluationRun:
    """Return ``run`` with the questions passed that passed when they were asked again; they are flaky."""
    flaky = [one.id for one in again.questions if one.verdict == "pass"]
    questions = tuple(replace(one, verdict="pass") if one.id in flaky else one for one in run.questions)
    passed, failed = run.passed + len(flaky), run.failed - len(flaky)
    verdict = "pass" if run.verdict == "fail" and not failed else run.verdict
    return replace(run, questions=questions, passed=passed, failed=failed, verdict=verdict, flaky=(*run.flaky, *flaky))


def cancel_quietly(run_id: str) -> Flow[None]:
    """Cancel a run; that it cannot be cancelled is told and is no failure of its own."""
    try:
        yield from send(replace(cancel_evaluation_run(run_id), timeout=10.0))
    except DotError as error:
        yield from progress(f"Evaluation run {run_id} could not be cancelled: {error}")
