"""How a sandbox behaves: every switch, with its default."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from os import PathLike
from pathlib import Path
from typing import Any, Literal

EvaluationShape = Literal["full", "status", "verdict"]
HistoryShape = Literal["nested", "wrapped", "flat"]
HistoryEnd = Literal["inclusive", "exclusive"]
HistoryId = Literal["chat_id", "id", "conversation_id"]
HistoryTimes = Literal["iso", "epoch"]
HistoryBy = Literal["started", "updated"]

_CHOICES: dict[str, tuple[Any, ...]] = {
    "evaluation_shape": ("full", "status", "verdict"),
    "history_shape": ("nested", "wrapped", "flat"),
    "history_end": ("inclusive", "exclusive"),
    "history_id": ("chat_id", "id", "conversation_id"),
    "history_times": ("iso", "epoch"),
    "history_by": ("started", "updated"),
}


@dataclass(frozen=True)
class Settings:
    """The switches of one sandbox.

    Args:
        token: API token of the admin account.
        answers: an answers file, or a mapping that says the same: questions with their SQL, and saved evaluations.
        duckdb: file that questions are answered from; opened read-only for each question.
        history: number of past conversations that the workspace starts with.
        seed: what past conversations and made-up answers are derived from.
        older: behave like a Dot from before ``/agentic``; newer endpoints answer 404.
        answer_seconds: how long an answer takes.
        answer_polls: how many reads of ``/c2`` still show the question as running.
        unseen_polls: how many reads of ``/c2`` after a question answer 404.
        unseen_seconds: for how long ``/c2`` does not show a question that it has taken; 404 where it is the first.
        hold_requests: keep a ``/agentic`` request open until its answer is there.
        slow_seconds: how much longer a question with ``[slow]`` takes.
        evaluation_polls: how many reads of an evaluation run still show it as running.
        evaluation_shape: evaluations as Dot documents them in autumn 2026 (``status``: no ``finished``, ``verdict`` and
            ``summary``), as before (``verdict``: ``target``, ``questions`` and all that came with them are ignored,
            cancel and target are 404), or with the fields of both (``full``).
        connections: the only ``(type, id)`` pairs that can be synced; None accepts every pair
            except ids that contain ``missing``.
        embedded_login: the workspace setting that ``/auth/embedded_user_login`` needs.
        url_auth_only: sync, import and export know no header, only ``?user_id=&api_token=``.
        token_headers: the header names an API token may travel in.
        history_shape: ``export_history`` answers with a list of conversations (``nested``), a dict
            around that list (``wrapped``), or one row per message (``flat``).
        history_end: whether conversations of the end date itself are exported.
        history_id: the name of the conversation's id in the export.
        history_times: ISO strings, or seconds since 1970 as numbers.
        history_by: select by when a conversation started, or by its last message.
        history_days: how many days the past conversations are spread over.
        history_until: their last day (UTC); None means today.
        record_bodies: keep the JSON that was sent in the recorded requests.
        keep_requests: how many recorded requests are kept, oldest dropped first.
    """

    token: str = "dot-sandbox-token"  # noqa: S105 - the documented token of a local toy
    answers: str | PathLike[str] | Mapping[str, Any] | None = field(default=None, repr=False)
    duckdb: Path | None = None
    history: int = 0
    seed: int = 0
    older: bool = False
    answer_seconds: float = 0.0
    answer_polls: int = 0
    unseen_polls: int = 0
    unseen_seconds: float = 0.0
    hold_requests: bool = True
    slow_seconds: float = 5.0
    evaluation_polls: int = 2
    evaluation_shape: EvaluationShape = "full"
    connections: tuple[tuple[str, str], ...] | None = None
    embedded_login: bool = True
    url_auth_only: bool = False
    token_headers: tuple[str, ...] = ("X-API-KEY", "API-KEY")
    history_shape: HistoryShape = "nested"
    history_end: HistoryEnd = "inclusive"
    history_id: HistoryId = "chat_id"
    history_times: HistoryTimes = "iso"
    history_by: HistoryBy = "started"
    history_days: int = 180
    history_until: date | None = None
    record_bodies: bool = True
    keep_requests: int = 10_000

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}.")
        for name in ("history", "answer_seconds", "answer_polls", "unseen_polls", "unseen_seconds", "evaluation_polls"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a number from 0, got {getattr(self, name)}.")
        if self.history_days < 1:
            raise ValueError(f"history_days must be at least 1, got {self.history_days}.")
        if self.duckdb is not None and not self.duckdb.parent.is_dir():
            raise ValueError(f"The folder of the DuckDB file does not exist: {self.duckdb.parent}")
