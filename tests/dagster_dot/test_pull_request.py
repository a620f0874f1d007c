"""A pull request of the shop, tried by Dagster's job in an environment of Dot."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from dagster_dot import DotPullRequestComponent, DotResource, build_dot_pull_request_job
from dot_provider.api import DotClient, DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.killed_pull_request import graded_job, run_killed
from tests.fixtures_dbt import PROJECT, Shop

DBT = str(Path(sys.executable).with_name("dbt"))
RUN = {"pull_request": "17"}


@pytest.fixture
def graded(shop_copy: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    for name, value in (("DUCKDB", shop_copy.duckdb_path), ("SCHEMA", "pr_17")):
        monkeypatch.setenv(f"SHOP_{name}", str(value))
    monkeypatch.setenv("DBT_TARGET_PATH", str(shop_copy.target_path))
    with Sandbox(answers=PROJECT / "answers.yaml", duckdb=shop_copy.duckdb_path, evaluation_polls=0) as dot:
        yield dot


@pytest.mark.parametrize("breaks", ["", "1"])
def test_the_shops_numbers_are_graded_in_the_environment(
    graded: Sandbox, shop_copy: Shop, monkeypatch: pytest.MonkeyPatch, breaks: str
) -> None:
    monkeypatch.setenv("SHOP_BREAK", breaks)
    job = build_dot_pull_request_job(
        build=[DBT, "build"],
        project_dir=shop_copy.project_dir,
        targets={"shop": {"schema": "pr_{pull_request}"}},
        suite_file=shop_copy.project_dir / "evaluations" / "shop.yaml",
        dbt_manifest=shop_copy.target_path,
        merge=True,
    )
    resources = {
        "dot": DotResource(api_token=graded.token, base_url=graded.base_url),
        "warehouse": dg.ResourceDefinition.hardcoded_resource(lambda: duckdb.connect(str(shop_copy.duckdb_path))),
    }
    result = job.execute_in_process(run_config=RUN, resources=resources, raise_on_error=False)
    assert result.success is not bool(breaks)
    (start,) = [request for request in graded.requests if request.path.endswith("/runs")]
    assert start.json["target"] == {"kind": "environment", "environment_id": start.headers["x-dot-environment"]}
    assert graded.workspace.environments == {}
    assert any(request.path.endswith("/merge") for request in graded.requests) is not bool(breaks)


def _try(sandbox: Sandbox, **arguments: Any) -> dg.ExecuteInProcessResult:
    job = build_dot_pull_request_job(**{"build": lambda context, number: None, **arguments})
    dot = DotResource(api_token=sandbox.token, base_url=sandbox.base_url)
    return job.execute_in_process(run_config=RUN, resources={"dot": dot}, raise_on_error=False)


@pytest.mark.parametrize(("merge", "status", "left"), [(True, 403, 1), ("propose", None, 1), (False, None, 0)])
def test_what_was_proposed_is_left_for_its_review(sandbox: Sandbox, merge: Any, status: int | None, left: int) -> None:
    if status:
        sandbox.fail_next("/environments/env_1/merge", status=status)
    assert _try(sandbox, merge=merge).success
    assert len(sandbox.workspace.environments) == left
    assert not _try(sandbox, merge=merge, build=["/no/dbt"]).success
    assert len(sandbox.workspace.environments) == left  # it is still under review


def test_a_conflict_or_a_build_that_fails_ends_the_run_and_leaves_nothing(sandbox: Sandbox) -> None:
    def build(context: Any, number: str) -> None:
        with DotClient(sandbox.token, sandbox.base_url) as client:
            for where, name in ((client.in_environment("env_1"), "one"), (client, "two")):
                where.import_external_asset({"id": "a", "subtype": "app", "name": name})

    assert not _try(sandbox, build=build, merge=True).success
    assert not _try(sandbox, build=[sys.executable, "-c", "import sys; sys.exit({pull_request})"]).success
    assert not _try(sandbox, build=["/no/dbt"]).success
    assert sandbox.workspace.environments == {}
    assert not any(request.path.endswith("/merge") for request in sandbox.requests)


def test_a_run_that_is_killed_while_dbt_builds_is_cleaned_up_by_the_next(sandbox: Sandbox, processes: Any) -> None:
    process = processes.Process(target=run_killed, args=(sandbox.base_url,))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    (left,) = sandbox.workspace.environments
    assert _try(sandbox).success
    assert sandbox.workspace.environments == {}
    assert [r.path for r in sandbox.requests if r.method == "DELETE"] == [f"/api/environments/{left}"]


@pytest.mark.parametrize(("dies", "left", "runs"), [("1", 1, 1), ("", 0, 2)], ids=["killed", "failed"])
def test_what_was_graded_is_paid_for_once_as_long_as_its_environment_is_there(
    monkeypatch: pytest.MonkeyPatch, dies: str, left: int, runs: int
) -> None:
    asked = {"question": "How many orders?", "sql": "select 3"}
    with (
        Sandbox(answers={"questions": [asked]}, evaluation_polls=0) as dot,
        dg.DagsterInstance.local_temp() as instance,
    ):
        monkeypatch.setenv("DOT_BASE_URL", dot.base_url)
        monkeypatch.setenv("DIES", dies)
        if not dies:
            dot.fail_next("/environments/env_1/diff", status=400)
        job = dg.reconstructable(graded_job)
        first = dg.execute_job(job, instance, run_config=RUN)
        assert not first.success
        assert len(dot.workspace.environments) == left
        assert len(dot.workspace.evaluation_runs) == 1
        monkeypatch.delenv("DIES")
        again = dg.ReexecutionOptions.from_failure(first.run_id, instance)
        assert dg.execute_job(job, instance, run_config=RUN, reexecution_options=again).success
        assert len(dot.workspace.evaluation_runs) == runs
        assert dot.workspace.environments == {}


@pytest.mark.parametrize("wrong", [{"build": []}, {"build": "dbt build"}, {"merge": "yes"}, {"prefix": " "}])
def test_what_cannot_be_is_refused_when_the_code_location_loads(wrong: dict[str, Any]) -> None:
    with pytest.raises(DotUsageError):
        build_dot_pull_request_job(**{"build": ["dbt", "build"], **wrong})


def test_the_component_makes_the_same_job() -> None:
    component = DotPullRequestComponent(build=["dbt", "build"], name="try_it", prefix="mr")
    (job,) = component.build_defs(None).jobs or ()  # type: ignore[arg-type]
    assert job.name == "try_it"


def test_the_component_refuses_what_the_builder_refuses_where_its_yaml_is_read() -> None:
    model = DotPullRequestComponent.model()(build=["dbt", "build"], min_pass_rate=90)
    with pytest.raises(Exception, match="min_pass_rate"):
        DotPullRequestComponent.resolve_from_model(dg.ResolutionContext.default(), model)
