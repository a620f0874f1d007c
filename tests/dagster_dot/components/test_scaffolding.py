"""What ``dg scaffold defs`` writes for each component: valid, loaded as it is, and run by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import dagster as dg
import pytest
import yaml
from click import ClickException
from dagster.components.testing.utils import create_defs_folder_sandbox

import dagster_dot
from dagster_dot import DotResource
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.components.test_fields import component, told
from tests.dagster_dot.runs import Run

TOKEN = "{{ env.DOT_API_TOKEN }}"
COMPONENTS = [name for name in dagster_dot.__all__ if name.endswith("Component")]
UNSCHEDULED = ("Exposures", "Dbt", "Incidents", "Evaluation", "PullRequest")
SCHEDULED = [name for name in COMPONENTS if not any(kind in name for kind in UNSCHEDULED)]

SELECTIONS = ("asset_selection", "asset_check_selection")

Scaffold = Callable[..., tuple[dict[str, Any], dg.Definitions | None]]


@pytest.fixture
def scaffold(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scaffold]:
    """A function that scaffolds a component with options, and returns its document and, if asked, its definitions."""
    monkeypatch.setenv("DOT_API_TOKEN", "t")
    monkeypatch.setenv("DOT_HISTORY_CREDENTIALS", "w.duckdb")
    with ExitStack() as stack:

        def made(name: str, load: bool = True, **options: Any) -> tuple[dict[str, Any], dg.Definitions | None]:
            project = stack.enter_context(create_defs_folder_sandbox())
            path = project.scaffold_component(component_cls=component(name), scaffold_params=options or None)
            document = yaml.safe_load((path / "defs.yaml").read_text())
            if not load:
                return document, None
            return document, stack.enter_context(project.load_component_and_build_defs(defs_path=path))[1]

        yield made


@pytest.mark.parametrize("name", SCHEDULED)
def test_a_scaffolded_component_is_valid_and_runs_by_itself(scaffold: Scaffold, name: str) -> None:
    document, defs = scaffold(name)
    assert told(name, document["attributes"]) == []
    assert defs is not None
    whole = dg.Definitions.merge(defs, dg.Definitions(resources={} if defs.resources else {"dot": DotResource()}))
    (schedule,) = whole.schedules or []
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert whole.resolve_job_def(schedule.job_name).name == schedule.job_name


@pytest.mark.parametrize("name", [name for name in COMPONENTS if name not in SCHEDULED])
def test_the_others_are_valid_too(scaffold: Scaffold, name: str) -> None:
    document, _ = scaffold(name, load=False)
    assert told(name, document["attributes"]) == []


def test_a_scaffolded_workspace_asks_after_it_has_synced(
    scaffold: Scaffold, sandbox: Sandbox, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduled run of a file that nobody has touched."""
    document, defs = scaffold("DotWorkspaceComponent", connection_id="shop", base_url=sandbox.base_url)
    monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
    assert document["requirements"] == {"env": ["DOT_API_TOKEN"]}
    assert document["attributes"]["api_token"] == TOKEN
    assert defs is not None
    (schedule,) = defs.schedules or []
    job = defs.resolve_job_def(schedule.job_name)  # type: ignore[union-attr]
    ran = Run(job.execute_in_process(instance=instance))
    assert ran.materialized == ["dot/dbt/shop", "dot/what_changed_since_yesterday"]


def test_a_schedule_of_partitions_takes_the_latest(scaffold: Scaffold, instance: dg.DagsterInstance) -> None:
    _, defs = scaffold("DotHistoryComponent")
    assert defs is not None
    whole = dg.Definitions.merge(defs, dg.Definitions(resources={"dot": DotResource()}))
    schedule = whole.get_repository_def().get_schedule_def("dot__history_schedule")
    context = dg.build_schedule_context(instance=instance, repository_def=whole.get_repository_def())
    (request,) = schedule.evaluate_tick(context).run_requests or []
    days: Any = dg.DailyPartitionsDefinition("2026-01-01")
    assert request.partition_key == days.get_last_partition_key()


@pytest.mark.usefixtures("quick_clock")
@pytest.mark.parametrize("evaluation", [{}, {"schedule": "0 6 * * *"}])
def test_a_sync_and_an_evaluation_pay_once_a_day(
    scaffold: Scaffold, sandbox: Sandbox, instance: dg.DagsterInstance, evaluation: dict[str, str]
) -> None:
    """The sync's run evaluates, unless the evaluation has a schedule: each tick of all schedules starts one run."""
    sync, checks = scaffold("DotSyncComponent")[1], scaffold("DotEvaluationComponent", **evaluation)[1]
    dot = DotResource(api_token=sandbox.token, base_url=sandbox.base_url)
    assert sync is not None
    assert checks is not None
    other = dg.AssetCheckSpec("other", asset=["dot", "dbt", "my_connection"])

    @dg.multi_asset_check(specs=[other])
    def check_of_somebody_else() -> Any:
        yield dg.AssetCheckResult(passed=True, check_name="other")

    others = dg.Definitions(asset_checks=[check_of_somebody_else], resources={"dot": dot})
    repository = dg.Definitions.merge(sync, checks, others).get_repository_def()
    evaluated = []
    for schedule in repository.schedule_defs:
        context = dg.build_schedule_context(instance=instance, repository_def=repository)
        (request,) = schedule.evaluate_tick(context).run_requests or []
        chosen = (None if keys is None else set(keys) for keys in (request.asset_selection, request.asset_check_keys))
        job = repository.get_job(schedule.job_name).get_subset(**dict(zip(SELECTIONS, chosen, strict=True)))
        ran = job.execute_in_process(instance=instance)
        evaluated += [one.check_name for one in ran.get_asset_check_evaluations()]
    assert sorted(evaluated) == ["dot_evaluation", "other"]
    assert len(sandbox.workspace.evaluation_runs) == 1


@pytest.mark.parametrize(
    ("name", "options", "attributes"),
    [
        ("DotQuestionComponent", {"question": "Why?", "mode": "economy", "after": "dot/dbt/shop"}, {"mode": "economy"}),
        ("DotEvaluationComponent", {"evaluation_id": "r", "min_pass_rate": 0.9}, {"min_pass_rate": 0.9}),
        ("DotNoteComponent", {"title": "A", "markdown": "B"}, {"title": "A", "markdown": "B"}),
        ("DotHistoryComponent", {"destination": "postgres", "dataset": "d"}, {"dataset": "d"}),
        ("DotHistoryComponent", {"credentials_variable": "PG"}, {"credentials": "{{ env.PG }}"}),
        ("DotExternalAssetsComponent", {"prune": "delete"}, {"prune": "delete"}),
        ("DotIncidentsComponent", {"source": "shop"}, {"source": "shop"}),
        ("DotDbtProjectComponent", {"project_path": "a"}, {"project": "{{ context.project_root }}/a"}),
        ("DotExposuresComponent", {"dbt_defs": "shop"}, {"dbt_defs": "shop"}),
        (
            "DotExposuresComponent",
            {"base_url": "https://dot.example.com", "token_variable": "SHOP_TOKEN"},
            {"dot": {"api_token": "{{ env.SHOP_TOKEN }}", "base_url": "https://dot.example.com"}},
        ),
        ("DotDbtProjectComponent", {}, {"dot": {"api_token": TOKEN, "region": "us"}}),
    ],
)
def test_options_stand_in_the_file(
    scaffold: Scaffold, name: str, options: dict[str, Any], attributes: dict[str, Any]
) -> None:
    document, _ = scaffold(name, load=False, **options)
    assert document["attributes"].items() >= attributes.items()
    assert told(name, document["attributes"]) == []


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("DotWorkspaceComponent", {"connection_id": ""}),
        ("DotWorkspaceComponent", {"connection_id": "a/b"}),
        ("DotWorkspaceComponent", {"region": "mars"}),
        ("DotWorkspaceComponent", {"region": "eu", "base_url": "https://dot.example.com"}),
        ("DotWorkspaceComponent", {"base_url": "dot"}),
        ("DotWorkspaceComponent", {"token_variable": "a b"}),
        ("DotWorkspaceComponent", {"question": " "}),
        ("DotWorkspaceComponent", {"schedule": "daily"}),
        ("DotWorkspaceComponent", {"schedule": "0 25 * * *"}),
        ("DotSyncComponent", {"connection_type": ".."}),
        ("DotQuestionComponent", {"mode": "turbo"}),
        ("DotEvaluationComponent", {"evaluation_id": ""}),
        ("DotEvaluationComponent", {"min_pass_rate": 90}),
        ("DotEvaluationComponent", {"min_pass_rate": "most"}),
        ("DotNoteComponent", {"title": ""}),
        ("DotHistoryComponent", {"start_date": "01.02.2026"}),
        ("DotExternalAssetsComponent", {"prune": "never"}),
        ("DotUsersComponent", {"email": "ada"}),
        ("DotUsersComponent", {"role": "king"}),
        ("DotIncidentsComponent", {"source": ""}),
        ("DotIncidentsComponent", {"webserver_url": "not a url"}),
        ("DotHistoryComponent", {"destination": "nowhere"}),
        ("DotPullRequestComponent", {"prefix": "a b/c"}),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(scaffold: Scaffold, name: str, options: dict[str, Any]) -> None:
    """As an error that ``dg`` prints in our words: those of pydantic it prints as JSON."""
    with pytest.raises(ClickException, match="|".join(options)):
        scaffold(name, load=False, **options)


@pytest.mark.parametrize("name", COMPONENTS)
def test_help_names_every_option(name: str) -> None:
    from dagster.components.scaffold.scaffold import get_scaffolder

    scaffolder: Any = get_scaffolder(component(name))
    for option in scaffolder.get_scaffold_params().model_fields:
        assert f"--{option.replace('_', '-')} " in component(name).__doc__
