"""``@task.dot_ask``: the function returns the question, the task the answer; another DAG's chat is waited for."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.sdk import dag, task

from dot_provider.sensors import DotAnswerSensor


@dag(schedule="@weekly", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_ask_decorator() -> None:
    """One chat per region, side by side; the first one is also read back by its chat id."""

    @task
    def regions() -> list[str]:
        return ["North", "South"]

    @task.dot_ask(chat_id="weekly-{{ dag_run.run_after | ds }}-{{ ti.map_index }}", mode="economy", deferrable=True)
    def growth(region: str, dag_run: Any = None) -> str:
        return f"How did orders grow in {region} in the week before {dag_run.run_after:%Y-%m-%d}?"

    @task
    def collect(answers: list[dict[str, Any]]) -> str:
        return "\n\n".join(answer["text"] for answer in answers)

    answers = growth.expand(region=regions())
    collect(answers)
    answers >> DotAnswerSensor(task_id="read_back", chat_id="weekly-{{ dag_run.run_after | ds }}-0", deferrable=True)


dag = airflow_ask_decorator()
