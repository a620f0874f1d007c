"""A pull request's calls in a process that dies by SIGKILL at the given point; run by ``test_environments``."""

from __future__ import annotations

from dot_provider.api import DotClient
from tests.api.killed_ask import Deadly
from tests.clock import FakeClock


def try_pull_request(base_url: str, number: int, side: str) -> None:
    """Make, sync, evaluate, merge and delete the environment ``pr-1``."""
    dot = DotClient("dot-sandbox-token", base_url, clock=FakeClock())
    dot._transport = Deadly(number, side)
    made = dot.ensure_environment("pr-1", {"shop": {"schema": "pr_1"}})
    dot.sync_environment_target(made.id)
    run = dot.run_evaluation("e1", target_environment=made.id, work="pr-1")
    dot.compare_environment(made.id)
    dot.merge_or_propose_environment(made.id, expected_target_commit=run.target_commit)
    dot.delete_environments("pr-1")
