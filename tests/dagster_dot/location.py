"""Jobs that Dagster can load again in another process, for re-execution and for its distributed executors."""

from __future__ import annotations

import os
from typing import Any

import dagster as dg

from dagster_dot import DotResource, build_dot_evaluation_check, build_dot_question_asset
from tests.deadly import die_after_post

QUESTIONS = tuple(f"How many orders in region {number}?" for number in range(4))


def _job(executor: dg.ExecutorDefinition, questions: tuple[str, ...], timeout: float = 60) -> dg.JobDefinition:
    assets = [build_dot_question_asset(question=text, timeout=timeout, poll_interval=0.01) for text in questions]
    return _only_job(dg.define_asset_job("ask"), executor, assets=assets)


def _only_job(job: Any, executor: dg.ExecutorDefinition, **parts: Any) -> dg.JobDefinition:
    defs = dg.Definitions(
        **parts,
        jobs=[job],
        resources={
            "dot": DotResource(api_token=dg.EnvVar("DOT_API_TOKEN"), base_url=os.environ["DOT_BASE_URL"]),
        },
        executor=executor,
    )
    return defs.resolve_job_def(job.name)


def one_question_without_patience() -> dg.JobDefinition:
    return _job(dg.in_process_executor, QUESTIONS[:1], timeout=0.05)


def one_question() -> dg.JobDefinition:
    return _job(dg.in_process_executor, QUESTIONS[:1])


def one_question_asked_anew() -> dg.JobDefinition:
    """``one_question``, which Dagster has not yet loaded for another Dot in this process."""
    return one_question()


def killed_run(folder: str, base_url: str, token: str) -> None:
    """Run ``one_question`` in a process that dies when Dot has taken the question."""
    os.environ.update(DOT_BASE_URL=base_url, DOT_API_TOKEN=token)
    die_after_post()
    with dg.DagsterInstance.local_temp(folder) as instance:
        dg.execute_job(dg.reconstructable(one_question), instance)


def questions_on_two_workers() -> dg.JobDefinition:
    return _job(dg.multiprocess_executor.configured({"max_concurrent": 2}), QUESTIONS)


def evaluation_without_patience() -> dg.JobDefinition:
    """Each try looks once at the evaluation and gives up where it has not finished; there are two tries."""
    orders = dg.AssetSpec("orders")
    checks = build_dot_evaluation_check(
        evaluation_id="revenue", asset="orders", timeout=0.01, retry_policy=dg.RetryPolicy(max_retries=1)
    )
    job = dg.define_asset_job("evaluate", selection=dg.AssetSelection.all_asset_checks())
    return _only_job(job, dg.multiprocess_executor, assets=[orders], asset_checks=[checks])


def questions_on_celery_workers() -> dg.JobDefinition:
    from dagster_celery import celery_executor

    settings = {"broker": os.environ["CELERY_BROKER"], "backend": os.environ["CELERY_BACKEND"]}
    return _job(celery_executor.configured(settings), QUESTIONS, timeout=600)
