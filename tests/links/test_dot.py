"""The button "Open in Dot"."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, BaseOperator

from dot_provider.links import DotLink
from dot_provider.links.dot import link_to
from dot_provider.operators import DotAskOperator, DotRunEvaluationOperator


class Silent(BaseOperator):
    """A task with the link that never leaves a page for it."""

    operator_extra_links = (DotLink(),)

    def execute(self, context: Any) -> None: ...


class Failing(Silent):
    """A task that fails after it has left its page."""

    def execute(self, context: Any) -> None:
        link_to(self, context, "https://app.getdot.ai/?c=chat")
        link_to(self, context, "javascript:alert(1)")
        raise RuntimeError


def test_opens_the_page_that_the_task_left_also_when_it_failed(run_dag: Any) -> None:
    with DAG("links", schedule=None) as dag:
        Failing(task_id="failing")
        Silent(task_id="silent")
    run = run_dag(dag)
    assert run.xcom("failing", DotLink().xcom_key) == "https://app.getdot.ai/?c=chat"
    assert not run.xcom("silent", DotLink().xcom_key)


def test_is_there_while_the_task_still_runs(run_dag: Any) -> None:
    class Running(Silent):
        def execute(self, context: Any) -> Any:
            link_to(self, context, "https://app.getdot.ai/?c=chat")
            return context["ti"].xcom_pull(task_ids="running", key=DotLink().xcom_key)

    with DAG("links", schedule=None) as dag:
        Running(task_id="running")
    assert run_dag(dag).xcom("running") == "https://app.getdot.ai/?c=chat"


def test_airflow_shows_it_on_the_tasks_that_have_a_page() -> None:
    from airflow.providers_manager import ProvidersManager

    assert "dot_provider.links.dot.DotLink" in ProvidersManager().extra_links_class_names
    for task in (
        DotAskOperator(task_id="ask", question="q"),
        DotRunEvaluationOperator(task_id="evaluate", evaluation_id="e"),
    ):
        assert [link.name for link in task.operator_extra_links] == ["Open in Dot"]
