"""Whatever is dropped, delayed or failed on the wire, in any order: one run on Dot, and after some tries an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from dot_provider.api import DotError
from dot_provider.sandbox import Sandbox
from tests.both_clients import Blocking, OnLoop
from tests.clock import FakeClock

Client = Blocking | OnLoop
Plan = list[dict[str, Any]]

OK: dict[str, Any] = {}
MISHAPS: Plan = [
    OK,
    {"latency": 0.001},
    *({"status": status, "effect": effect} for status in (500, 502, 503, 504) for effect in (False, True)),
    *({"lose": "reset", "effect": effect} for effect in (False, True)),
    *({"lose": "hang", "effect": effect} for effect in (False, True)),
    {"truncate": True, "effect": True},
    {"status": 429, "retry_after": 1},
    {"status": 429, "retry_after": "soon"},
    {"status": 503, "retry_after": 1, "effect": True},
]
TRIES = 12


@pytest.fixture(scope="module")
def dot() -> Iterator[Sandbox]:
    with Sandbox(answer_polls=1, hold_requests=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module", params=[Blocking, OnLoop], ids=["blocking", "event_loop"])
def client(request: pytest.FixtureRequest, dot: Sandbox) -> Iterator[Client]:
    opened = request.param(dot.token, dot.base_url, timeout=0.15, clock=FakeClock())
    yield opened
    opened.close()


plans = st.lists(st.sampled_from(MISHAPS), max_size=10)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
@example(plan=[OK, {"status": 503, "effect": True}, {"status": 503}, {"lose": "hang"}])
@example(plan=[OK, {"lose": "reset", "effect": True}, *[{"status": 500}] * 9])
def test_a_question_runs_once_and_is_answered(
    client: Blocking | OnLoop, dot: Sandbox, plan: list[dict[str, Any]]
) -> None:
    dot.reset()
    for mishap in plan:
        dot.fail_next("/api/", **mishap)

    answer = _tried_until_answered(lambda: client.ask("How many orders?", "chat-1"))

    assert answer.question == "How many orders?"
    assert {chat_id: c.posts for chat_id, c in dot.conversations.items()} == {"chat-1": 1}


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans)
def test_a_follow_up_runs_once_and_is_answered(
    client: Blocking | OnLoop, dot: Sandbox, plan: list[dict[str, Any]]
) -> None:
    dot.reset()
    client.ask("How many orders?", "chat-1")
    for mishap in plan:
        dot.fail_next("/api/", **mishap)

    answer = _tried_until_answered(lambda: client.follow_up("And per week?", "chat-1", position=1))

    assert answer.question == "And per week?"
    assert len(dot.conversations["chat-1"].turns) == 2


def _tried_until_answered(ask: Any) -> Any:
    """Try as an orchestrator does: again after each retryable error, and after no other."""
    for _ in range(TRIES):
        try:
            return ask()
        except DotError as error:
            if not error.retryable:
                raise
    raise AssertionError(f"no answer in {TRIES} tries")
