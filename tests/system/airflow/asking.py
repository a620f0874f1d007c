"""What the tests know of a Dot that was asked by tasks: who asked how often, and when it answers."""

from __future__ import annotations

from collections.abc import Callable

from dot_provider.sandbox import Sandbox
from tests.system.airflow.rest import Run
from tests.until import until

Connected = Callable[..., tuple[Sandbox, str]]
"""Starts a sandbox with the given switches; returns it and the id of its Airflow connection."""


def answer_now(dot: Sandbox) -> None:
    """Let every question that was asked be answered at the next look."""
    for conversation in dot.conversations.values():
        for turn in conversation.turns:
            turn.polls_left = 0


def posts(dot: Sandbox) -> list[int]:
    """How often each chat was posted, in the order of the first post."""
    return [conversation.posts for conversation in dot.conversations.values()]


def asked(run: Run, dot: Sandbox) -> None:
    """Wait until Dot has the question of a run."""
    until(lambda: dot.conversations, f"{run.dag_id} has asked")
