"""Evaluations: saved sets of questions, their runs, and what each run found.

A run that names its questions, or is of an evaluation in the answers file, is graded: the sandbox answers each question
and compares. Of any other evaluation only the id is known, and decides: ``...fail...`` fails, ``...error...`` errs,
``...archived...`` refuses runs, ``...missing...`` does not exist, and every other passes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field, model_validator

from dot_provider.sandbox.asking import Asker
from dot_provider.sandbox.auth import BaseUrl, InEnvironment, InWorkspace, Modeler
from dot_provider.sandbox.conversations import Turn, iso
from dot_provider.sandbox.grading import EvaluationQuestion, Questions, parsed
from dot_provider.sandbox.settings import EvaluationShape

if TYPE_CHECKING:
    from dot_provider.sandbox.workspace import Workspace


class Target(BaseModel):
    """Whose context and warehouse are tested: production's, or an environment's."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["production", "environment"]
    environment_id: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _names_its_environment(self) -> Target:
        if (self.kind == "environment") != (self.environment_id is not None):
            raise ValueError("give environment_id with the kind environment, and with no other")
        return self


class StartRun(BaseModel):
    """The body of ``POST /evaluations/{evaluation_id}/runs``."""

    model_config = ConfigDict(extra="forbid")

    trigger: Literal["api", "cli", "manual"] = "api"
    target: Target | None = None
    questions: Questions | None = None
    expected_target_commit: str | None = Field(default=None, pattern="^[0-9a-f]{40}$")
    idempotency_key: str | None = Field(default=None, min_length=1)
    metadata: dict[str, str] = Field(default_factory=dict)


@dataclass
class EvaluationRun:
    """One run.

    Attributes:
        polls_left: how many more reads show it as running.
        target: what was tested, and ``target_commit`` its commit; ``evaluation_commit`` is where the set was read.
        snapshot: the questions as they were graded.
        results: a record per question; None while they are being answered.
        request: what it was started with, which a repeated key must be sent with again.
        url: its page.
    """

    id: str
    evaluation_id: str
    polls_left: int
    trigger: str
    target: dict[str, str]
    target_commit: str
    evaluation_commit: str
    snapshot: list[dict[str, Any]]
    metadata: dict[str, str]
    request: str
    url: str
    results: list[dict[str, Any]] | None = None
    reads: int = 0
    cancelled: bool = False
    started_at: float = field(default_factory=time.time)

    @property
    def is_graded(self) -> bool:
        """Whether its questions are known, and answered."""
        return any("expected_answer" in one for one in self.snapshot)

    @property
    def finished(self) -> bool:
        """Whether it has come to an end."""
        return self.cancelled or (self.results is not None and self.polls_left <= 0)

    @property
    def status(self) -> str:
        """``running``, ``completed`` or ``cancelled``."""
        return "cancelled" if self.cancelled else "completed" if self.finished else "running"

    @property
    def verdict(self) -> str:
        """``pending`` while it runs, then ``error`` (also of a cancelled run), ``fail`` or ``pass``."""
        if not self.finished:
            return "pending"
        found = {result["verdict"] for result in self.shown_results()}
        return "error" if found & {"error", "pending"} else "fail" if "fail" in found else "pass"

    def shown_results(self) -> list[dict[str, Any]]:
        """Return the questions with their verdicts so far: one more with each read, all of them at the end."""
        results = self.results or []
        done = len(results) if self.status == "completed" else min(self.reads, len(results) - 1)
        asked = ({**one, "verdict": "pending"} for one in map(_asked, self.snapshot))
        return [results[number] if number < done else one for number, one in enumerate(asked)]

    def as_json(self, shape: EvaluationShape = "full") -> dict[str, Any]:
        """The run as ``/evaluation_runs`` shows it."""
        results = self.shown_results()
        counts = Counter(result["verdict"] for result in results)
        summary = {"total": len(results), **{word: counts[word] for word in ("pass", "fail", "error", "pending")}}
        known = {"id": self.id, "evaluation_id": self.evaluation_id, "trigger": self.trigger, "status": self.status}
        older = {"finished": self.finished, "verdict": self.verdict, "summary": summary}
        if shape == "verdict":
            return {**known, **older}
        newer = {
            "target": self.target,
            "target_commit": self.target_commit,
            "metadata": self.metadata,
            "url": self.url,
            "created_at": iso(self.started_at),
        }
        data = {"evaluation_commit": self.evaluation_commit, "question_snapshot": self.snapshot}
        if shape == "status":
            return {**known, **newer, "data": {**data, "results": results}}
        # Of an evaluation that is known by its id alone there are no questions to tell apart.
        listed = {"results": results} if self.is_graded else {}
        return {**known, **older, **newer, "data": data, **listed}

    def read(self, shape: EvaluationShape = "full") -> dict[str, Any]:
        """Read it as a poll does, which counts."""
        shown = self.as_json(shape)
        self.reads += 1
        self.polls_left -= 1
        return shown


async def _since_autumn(workspace: InWorkspace) -> None:
    if workspace.settings.evaluation_shape == "verdict":
        raise HTTPException(404)


async def _run(workspace: InWorkspace, run_id: str) -> EvaluationRun:
    if run_id not in workspace.evaluation_runs:
        raise HTTPException(404, f"Evaluation run {run_id} not found")
    return workspace.evaluation_runs[run_id]


Named = Annotated[EvaluationRun, Depends(_run)]

newer = APIRouter(prefix="/api")
_AUTUMN = [Depends(_since_autumn)]


@newer.get("/evaluations/target", dependencies=_AUTUMN)
async def target(workspace: InWorkspace, _: Modeler, environment_id: str | None = None) -> dict[str, Any]:
    """Show what a run would test: production, or an environment and the schemas it reads instead."""
    environment = None if environment_id is None else workspace.environment(environment_id)
    return {
        "target": _target(environment_id),
        "target_label": "Production" if environment is None else environment.name,
        "target_commit": _commit(workspace, environment_id),
        "target_overrides": {} if environment is None else environment.targets,
    }


@newer.post("/evaluations/{evaluation_id}/runs")
async def start_run(
    workspace: InWorkspace,
    account: Modeler,
    source: InEnvironment,
    base_url: BaseUrl,
    evaluation_id: str,
    body: Annotated[StartRun, Body()] = StartRun(),  # noqa: B008 - never changed
) -> dict[str, Any]:
    """Start a run, unless one of the same evaluation is under way or the key was used before."""
    shape = workspace.settings.evaluation_shape
    if shape == "verdict":
        body = StartRun(trigger=body.trigger)
    sent = f"{source} {evaluation_id} {body.model_dump_json()}"
    run = _earlier(workspace, body, sent)
    if run is None:
        run = _new_run(workspace, evaluation_id, body, source, sent, base_url)
        if run.results is None:
            run.results = await _graded(workspace, run, account.email, base_url)
    return run.as_json(shape)


@newer.get("/evaluation_runs/{run_id}")
async def read_run(workspace: InWorkspace, _: Modeler, run: Named) -> dict[str, Any]:
    """Show how far a run has come; its verdict is ``pending`` until it is finished."""
    return run.read(workspace.settings.evaluation_shape)


@newer.post("/evaluation_runs/{run_id}/cancel", dependencies=_AUTUMN)
async def cancel_run(workspace: InWorkspace, _: Modeler, run: Named) -> dict[str, Any]:
    """Cancel a run; one that has finished stays as it is."""
    run.cancelled = run.cancelled or not run.finished
    return run.as_json(workspace.settings.evaluation_shape)


def _earlier(workspace: Workspace, body: StartRun, sent: str) -> EvaluationRun | None:
    """Return the run that a request with the same key started; a key of another request is a 422."""
    run = workspace.evaluation_keys.get(body.idempotency_key or "")
    if run is not None and run.request != sent:
        raise HTTPException(422, "This idempotency_key was used for another request.")
    return run


def _questions(workspace: Workspace, evaluation_id: str, body: StartRun) -> tuple[EvaluationQuestion, ...]:
    """Return the questions to grade, none where only the id is known; refuse an absent or archived evaluation."""
    saved = workspace.answers.evaluation(evaluation_id)
    if "missing" in evaluation_id or (saved is None and body.questions is None and workspace.answers.evaluations):
        raise HTTPException(404, f"Evaluation {evaluation_id} not found")
    if saved.archived if saved is not None else "archived" in evaluation_id:
        raise HTTPException(422, f"Evaluation {evaluation_id} is archived.")
    return body.questions or (saved.questions if saved is not None else ())


def _new_run(
    workspace: Workspace, evaluation_id: str, body: StartRun, source: str | None, sent: str, base_url: str
) -> EvaluationRun:
    """Make a run; another commit than the expected one is a 422, a run under way a 409 that names it."""
    questions = _questions(workspace, evaluation_id, body)
    tested = source if body.target is None else body.target.environment_id
    commit = _commit(workspace, tested)
    if body.expected_target_commit not in (None, commit):
        message = f"Commit mismatch: the target is at {commit}, not at {body.expected_target_commit}."
        raise HTTPException(422, message)
    for run in workspace.evaluation_runs.values():
        if run.evaluation_id == evaluation_id and not run.finished:
            message = "A run of this evaluation is already active."
            raise HTTPException(409, {"message": message, "active_run_id": run.id})
    results = None if questions else list(_by_name(evaluation_id))
    id_ = workspace.next_id("evr")
    run = workspace.evaluation_runs[id_] = EvaluationRun(
        id=id_,
        evaluation_id=evaluation_id,
        polls_left=workspace.settings.evaluation_polls,
        trigger=body.trigger,
        target=_target(tested),
        target_commit=commit,
        evaluation_commit=_commit(workspace, source),
        snapshot=[one.model_dump(exclude_none=True) for one in questions] or [_asked(one) for one in results or ()],
        metadata=body.metadata,
        request=sent,
        url=f"{base_url}/?run={id_}",
        results=results,
    )
    if body.idempotency_key is not None:
        workspace.evaluation_keys[body.idempotency_key] = run
    return run


def _by_name(evaluation_id: str) -> Iterator[dict[str, Any]]:
    name = evaluation_id.lower()
    bad = "error" if "error" in name else "fail" if "fail" in name else "pass"
    for number in range(1, 6):
        yield {"id": f"q{number}", "question": f"Question {number}", "verdict": bad if number > 3 else "pass"}


async def _graded(workspace: Workspace, run: EvaluationRun, author: str, base_url: str) -> list[dict[str, Any]]:
    """Answer all questions of a run, each in a conversation of its own, and grade them."""

    asker = Asker(workspace, author, run.target.get("environment_id"), "/evaluations", base_url)

    async def graded(question: EvaluationQuestion) -> dict[str, Any]:
        chat_id = f"{run.id}-{question.id}"
        turn = await asker.ask(question.question, chat_id, "economy")
        verdict, observed, reason = _verdict(question, turn)
        return {
            **_asked(question.model_dump(exclude_none=True)),
            "verdict": verdict,
            "observed_answer": observed,
            "reason": reason,
            "chat_id": chat_id,
            "conversation_url": f"{base_url}/?c={chat_id}",
        }

    questions = [EvaluationQuestion.model_validate(one) for one in run.snapshot]
    return list(await asyncio.gather(*map(graded, questions)))


def _verdict(question: EvaluationQuestion, turn: Turn) -> tuple[str, str | None, str]:
    """Return verdict, observed value and the reason: the answer's table must have exactly one cell."""
    if turn.result is None:
        return "error", None, str((turn.reply or {}).get("error") or "Dot asked back instead of answering.")
    if turn.result.is_made_up:
        return "error", None, "The sandbox made this answer up: start it with --answers and --duckdb."
    cells = [cell for row in turn.result.table.rows for cell in row]
    if len(cells) != 1:
        return "error", None, f"One value was expected; the answer has {len(cells)}."
    try:
        passed = question.grade(cells[0])
    except ValueError as error:
        return "error", None, f"{error}."
    found = parsed(cells[0])
    observed = found.isoformat() if isinstance(found, date) else format(found, "f")
    return (
        "pass" if passed else "fail",
        observed,
        "" if passed else f"not within {question.tolerance_pct:g} % of {question.expected_answer}",
    )


def _asked(question: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a question is repeated in its result."""
    return {name: question[name] for name in ("id", "question", "expected_answer", "tolerance_pct") if name in question}


def _target(environment_id: str | None) -> dict[str, str]:
    return {"kind": "environment", "environment_id": environment_id} if environment_id else {"kind": "production"}


def _commit(workspace: Workspace, environment_id: str | None) -> str:
    """Return a commit of 40 characters that changes with the content and the targets of an environment."""
    content = workspace.content(environment_id)
    targets = {} if environment_id is None else workspace.environment(environment_id).targets
    held = json.dumps([content.assets, content.notes, content.org_note, targets], sort_keys=True)
    return hashlib.sha256(held.encode()).hexdigest()[:40]
