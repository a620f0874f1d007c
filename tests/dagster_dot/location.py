"""Jobs that Dagster can load again in another process, for re-execution and for its distributed executors."""

from __future__ import annotations

import os

import dagster as dg

from dagster_dot import DotResource, build_dot_question_asset

QUESTIONS = tuple(f"How many orders in region {number}?" for number in range(4))


def _job(executor: dg.ExecutorDefinition, questions: tuple[str, ...], timeout: float = 60) -> dg.JobDefinition:
    assets = [build_dot_question_asset(question=text, timeout=timeout, poll_interval=0.01) for text in questions]
    defs = dg.Definitions(
        assets=assets,
        jobs=[dg.define_asset_job("ask")],
        resources={
            "dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=os.environ["DOT_BASE_URL"]),
        },
        executor=executor,
    )
    return defs.resolve_job_def("ask")


def one_question_without_patience() -> dg.JobDefinition:
    return _job(dg.in_process_executor, QUESTIONS[:1], timeout=0.05)


def questions_on_two_workers() -> dg.JobDefinition:
    return _job(dg.multiprocess_executor.configured({"max_concurrent": 2}), QUESTIONS)
