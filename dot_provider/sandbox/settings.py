"""How a sandbox behaves: every switch, with its default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

EvaluationShape = Literal["full", "status", "verdict"]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Settings(BaseModel):
    """The switches of one sandbox.

    Args:
        token: API token of the admin account.
        answers: an answers file, or a mapping that says the same: questions with their SQL, and saved evaluations.
        duckdb: file that the SQL reads; opened read-only for each question.
        history: number of past conversations that the workspace starts with.
        seed: what past conversations and made-up answers are derived from.
        older: behave like a Dot from before ``/agentic``; newer endpoints answer 404.
        answer_seconds: how long an answer takes.
        answer_polls: how many reads of ``/c2`` still show the question as running.
        unseen_seconds: for how long ``/c2`` does not show a question that it has taken; 404 where it is the first.
        hold_requests: keep a ``/agentic`` request open until its answer is there.
        slow_seconds: how much longer a question with ``[slow]`` takes.
        evaluation_polls: how many reads of an evaluation run still show it as running.
        evaluation_shape: evaluations as Dot documents them in autumn 2026 (``status``: no ``finished``, ``verdict`` and
            ``summary``), as before (``verdict``: ``target``, ``questions`` and all that came with them are ignored,
            cancel and target are 404), or with the fields of both (``full``).
        connections: the only ``(type, id)`` pairs that can be synced; None accepts every pair
            except ids that contain ``missing``.
        history_days: how many days the past conversations are spread over.
        history_until: their last day (UTC); None means today.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    token: str = "dot-sandbox-token"  # noqa: S105 - the documented token of a local toy
    answers: str | PathLike[str] | Mapping[str, Any] | None = Field(default=None, repr=False)
    duckdb: Path | None = None
    history: Count = 0
    seed: int = 0
    older: bool = False
    answer_seconds: Seconds = 0.0
    answer_polls: Count = 0
    unseen_seconds: Seconds = 0.0
    hold_requests: bool = True
    slow_seconds: Seconds = 5.0
    evaluation_polls: Count = 2
    evaluation_shape: EvaluationShape = "full"
    connections: tuple[tuple[str, str], ...] | None = None
    history_days: int = Field(default=180, ge=1)
    history_until: date | None = None

    @field_validator("duckdb")
    @classmethod
    def _folder_exists(cls, path: Path | None) -> Path | None:
        if path is not None and not path.parent.is_dir():
            raise ValueError(f"The folder of the DuckDB file does not exist: {path.parent}")
        return path


def problems(error: ValidationError) -> list[str]:
    """Return a line for each problem of a model, like ``questions, entry 2, sql: Field required``."""
    lines = []
    for problem in error.errors():
        place = ", ".join(f"entry {part + 1}" if isinstance(part, int) else part for part in problem["loc"])
        lines.append(f"{place or 'the whole'}: {problem['msg'].removeprefix('Value error, ')}")
    return lines
