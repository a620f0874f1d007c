"""The glossary of the wiki as a note of Dot's."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.sdk import dag, task

from dot_provider.operators import DotUpsertNoteOperator


@dag(schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_note() -> None:
    """A note that already says the same is left alone."""

    @task
    def read_wiki() -> str:
        return "<h1>Glossary</h1><ul><li><b>Revenue</b>: net of refunds</li></ul>"

    DotUpsertNoteOperator(task_id="note", title="Glossary", html=read_wiki())


dag = airflow_note()
