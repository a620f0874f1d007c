from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_evaluation_check, build_dot_sync_asset
from dot_provider.api import DotUsageError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.location import evaluation_without_patience
from tests.dagster_dot.runs import Run

Materialize = Callable[..., Run]
SYNC = build_dot_sync_asset(connection_type="dbt", connection_id="shop")


@dg.asset(deps=[SYNC])
def downstream() -> None:
    """What a failed blocking check keeps from running."""


def check(evaluation_id: str, **settings: Any) -> dg.AssetChecksDefinition:
    return build_dot_evaluation_check(evaluation_id=evaluation_id, asset=SYNC, poll_interval=0.01, **settings)


def results(run: Run) -> dict[str, dg.AssetCheckEvaluation]:
    return {found.check_name: found for found in run.result.get_asset_check_evaluations()}


def finished(sandbox: Sandbox, **run: Any) -> None:
    """Let Dot answer with this finished run."""
    verdicts = [one["verdict"] for one in run.get("results", [{"verdict": "pass"}] * 2)]
    summary = {"total": len(verdicts), **{word: verdicts.count(word) for word in ("pass", "fail", "error")}}
    body = {"finished": True, "status": "completed", "verdict": "pass", "summary": summary, **run}
    sandbox.fail_next("/evaluation_runs", body={"id": "evr_1", **body}, status=200)


def test_a_passing_evaluation_passes_the_check(materialize: Materialize) -> None:
    found = results(materialize(SYNC, check("revenue")))["dot_evaluation"]
    assert found.passed
    facts = {name: value.value for name, value in found.metadata.items()}
    assert (facts["verdict"], facts["questions"], facts["pass_rate"]) == ("pass", 5, 1.0)


def test_a_failing_evaluation_fails_the_check_and_blocks_nothing(materialize: Materialize) -> None:
    run = materialize(SYNC, check("failing"), downstream)
    assert not results(run)["dot_evaluation"].passed
    assert "downstream" in run.materialized


def test_a_blocking_check_keeps_what_is_downstream_from_running(materialize: Materialize) -> None:
    run = materialize(SYNC, check("failing", blocking=True), downstream)
    assert not run.success
    assert "downstream" not in run.materialized


def test_a_pass_rate_can_be_enough(materialize: Materialize) -> None:
    assert results(materialize(SYNC, check("failing", min_pass_rate=0.5)))["dot_evaluation"].passed


def test_an_evaluation_that_broke_down_is_no_failed_check(materialize: Materialize) -> None:
    run = materialize(SYNC, check("error"))
    assert results(run) == {}
    assert run.failure[1]["dot_error"] == "DotEvaluationBrokenError"


def test_a_warning_is_a_warning(materialize: Materialize) -> None:
    found = results(materialize(SYNC, check("failing", severity=dg.AssetCheckSeverity.WARN)))
    assert found["dot_evaluation"].severity == dg.AssetCheckSeverity.WARN


def test_each_question_has_a_check_where_dot_tells_them_apart(materialize: Materialize, sandbox: Sandbox) -> None:
    finished(
        sandbox,
        verdict="fail",
        results=[{"question": "Revenue?", "verdict": "pass"}, {"question": "Churn?", "verdict": "fail"}],
    )
    found = results(materialize(SYNC, check("revenue", questions=["Revenue?", "Churn?"])))
    assert {name: result.passed for name, result in found.items()} == {
        "dot_evaluation": False,
        "revenue": True,
        "churn": False,
    }


def test_the_verdicts_of_single_questions_are_a_table_with_the_bad_ones_first(
    materialize: Materialize, sandbox: Sandbox
) -> None:
    wrong = {"id": "q2", "verdict": "fail", "reason": "Wrong table.", "expected": "200", "observed": "194"}
    told = [{"question": "Revenue?", "verdict": "pass"}, wrong]
    finished(sandbox, verdict="fail", results=told)
    table = results(materialize(SYNC, check("revenue")))["dot_evaluation"].metadata["verdicts"]
    assert isinstance(table, dg.TableMetadataValue)
    shown = ("question", "verdict", "expected", "observed", "deviation", "reason")
    assert [[record.data[name] for name in shown] for record in table.records] == [
        ["q2", "fail", "200", "194", "-3.00 %", "Wrong table."],
        ["Revenue?", "pass", "", "", "", ""],
    ]


def test_all_checks_are_one_run_of_the_evaluation(materialize: Materialize, sandbox: Sandbox) -> None:
    materialize(SYNC, check("revenue", questions=["Revenue?", "Churn?"]))
    assert len([r for r in sandbox.requests if r.method == "POST" and r.path.endswith("/runs")]) == 1


def test_questions_follow_the_whole_where_dot_does_not_tell_them_apart(materialize: Materialize) -> None:
    found = results(materialize(SYNC, check("failing", questions=["Revenue?"])))["revenue"]
    assert not found.passed
    assert "no verdict on this question alone" in str(found.description)


def test_a_question_that_is_none_of_the_runs_fails_the_step_and_is_named(
    materialize: Materialize, sandbox: Sandbox
) -> None:
    """What was paid for is shown all the same."""
    churn = {"id": "churn", "verdict": "fail"}
    finished(sandbox, verdict="fail", results=[{"question": "Revenue?", "verdict": "pass"}, churn])
    run = materialize(SYNC, check("revenue", questions=["Revenu?"]))
    assert "'Revenu?' is no question of evaluation run evr_1; did you mean 'Revenue?'?" in run.failure[0]
    assert results(run).keys() == {"dot_evaluation"}
    assert run.retries == 0


def test_questions_that_would_have_one_name_each_have_a_check() -> None:
    questions = ["Revenue by month?", "Revenue, by month!", "売上は", "顧客は", "Dot evaluation"]
    made = check("revenue", questions=questions)
    assert len({key.name for key in made.check_keys}) == 1 + len(questions)


def test_a_question_that_comes_twice_is_refused() -> None:
    with pytest.raises(DotUsageError, match=r"questions names 'Revenue\?' twice"):
        check("revenue", questions=["Revenue?", "Revenue?"])


def test_the_checks_can_be_run_without_the_asset(dot: object, instance: dg.DagsterInstance, sandbox: Sandbox) -> None:
    checks = check("revenue", questions=["Revenue?"])
    job = dg.define_asset_job("checks", selection=dg.AssetSelection.checks(dg.AssetCheckKey(SYNC.key, "revenue")))
    defs = dg.Definitions([SYNC], asset_checks=[checks], jobs=[job], resources={"dot": dot})
    result = defs.resolve_job_def("checks").execute_in_process(instance=instance)
    assert [found.check_name for found in result.get_asset_check_evaluations()] == ["revenue"]
    assert sandbox.workspace.syncs == []


def started(sandbox: Sandbox) -> int:
    """How many runs of evaluations were paid for."""
    return len(sandbox.workspace.evaluation_runs)


def test_a_retry_takes_the_verdict_of_a_run_that_ended_between_two_tries(instance: dg.DagsterInstance) -> None:
    """The first try gives up after a look or two; Dot has finished before the second, and tells nobody."""
    with Sandbox(evaluation_polls=2) as sandbox:
        dot = DotResource(api_token=sandbox.token, base_url=sandbox.base_url)
        checks = check("revenue", timeout=1e-6, retry_policy=dg.RetryPolicy(max_retries=1))
        run = Run(dg.materialize([SYNC, checks], instance=instance, resources={"dot": dot}))
        assert run.retries == 1
        assert results(run)["dot_evaluation"].passed
        assert started(sandbox) == 1


def test_a_retry_in_a_process_of_its_own_does_so_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with Sandbox(evaluation_polls=1) as sandbox, dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
        monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)
        result = dg.execute_job(dg.reconstructable(evaluation_without_patience), instance)
        assert result.success
        assert started(sandbox) == 1


def test_a_new_run_starts_an_evaluation_of_its_own(materialize: Materialize, sandbox: Sandbox) -> None:
    materialize(SYNC, check("revenue"))
    materialize(SYNC, check("revenue"))
    assert started(sandbox) == 2


def test_a_reexecuted_run_starts_an_evaluation_of_its_own(
    materialize: Materialize, instance: dg.DagsterInstance, sandbox: Sandbox
) -> None:
    """Dagster hands the tags of a run on to its re-execution, among them what a step has remembered there."""
    first = materialize(SYNC, check("revenue"))
    tags = instance.get_run_by_id(first.result.run_id).tags  # type: ignore[union-attr]
    assert any("evr_1" in value for value in tags.values())
    again = materialize(SYNC, check("revenue"), tags=tags)
    assert results(again)["dot_evaluation"].metadata["evaluation_run"].value == "evr_2"


def test_a_verdict_is_final_whatever_the_retry_policy(materialize: Materialize, sandbox: Sandbox) -> None:
    """Dagster does not retry a step for a failed blocking check, so no evaluation is paid for a second time."""
    run = materialize(SYNC, check("failing", blocking=True, retry_policy=dg.RetryPolicy(max_retries=1)))
    assert (run.success, run.retries, started(sandbox)) == (False, 0, 1)


@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_pass_rate_is_a_share(rate: float) -> None:
    with pytest.raises(DotUsageError, match="a share from 0 to 1"):
        check("revenue", min_pass_rate=rate)


def test_an_id_that_no_url_can_carry_is_refused() -> None:
    with pytest.raises(DotUsageError, match="evaluation_id"):
        check("../users")
