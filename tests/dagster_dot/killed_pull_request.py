"""A run of the pull request's job in a process that dies while dbt builds; run by ``test_pull_request``."""

from __future__ import annotations

import os
import signal

from dagster_dot import DotResource, build_dot_pull_request_job


def run_killed(base_url: str) -> None:
    """Run the job until the build, and die."""
    job = build_dot_pull_request_job(build=lambda context, number: os.kill(os.getpid(), signal.SIGKILL))
    dot = DotResource(api_token="dot-sandbox-token", base_url=base_url)
    job.execute_in_process(run_config={"pull_request": "17"}, resources={"dot": dot})
