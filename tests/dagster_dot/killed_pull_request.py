"""Runs of the pull request's job whose processes die on the way; started by ``test_pull_request``."""

from __future__ import annotations

import os
import signal
from typing import Any

import dagster as dg

from dagster_dot import DotResource, build_dot_pull_request_job
from dot_provider.api import DotClient


def die(*_: Any) -> None:
    """End this process as the machine's lack of memory would."""
    os.kill(os.getpid(), signal.SIGKILL)


def run_killed(base_url: str) -> None:
    """Run the job until the build, and die."""
    job = build_dot_pull_request_job(build=die)
    dot = DotResource(api_token="dot-sandbox-token", base_url=base_url)
    job.execute_in_process(run_config={"pull_request": "17"}, resources={"dot": dot})


def graded_job() -> dg.JobDefinition:
    """Return the job with a suite; its step dies once that is graded, for as long as ``DIES`` says so."""

    def build(context: Any, number: str) -> None:
        if os.environ.get("DIES"):  # in the step's process alone
            DotClient.compare_environment = die  # type: ignore[assignment]

    asked = {"id": "a", "question": "How many orders?", "expected_answer": 3}
    suite = {"name": "Shop", "evaluation_id": "shop", "questions": [asked]}
    job = build_dot_pull_request_job(build=build, suite_file=suite)
    dot = DotResource(api_token="dot-sandbox-token", base_url=os.environ["DOT_BASE_URL"])
    return job.with_top_level_resources({"dot": dot.get_resource_definition()})
