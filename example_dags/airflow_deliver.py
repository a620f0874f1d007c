"""A weekly answer by e-mail, with its chart and table, and as a message to a channel."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from pathlib import Path

from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.smtp.operators.smtp import EmailOperator
from airflow.sdk import dag, task

from dot_provider.operators import DotAskOperator

REPORTS = os.environ.get("DOT_REPORTS", "dot-reports")  # a folder that all workers see


@dag(schedule="0 7 * * 1", start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False, tags=["dot"])
def airflow_deliver() -> None:
    """Ask, save the files, send them on."""
    ask = DotAskOperator(
        task_id="ask",
        question="How many orders per month?",
        save_to=REPORTS + "/weekly/{{ dag_run.run_after | ds }}",
    )

    @task
    def page(saved: list[str]) -> str:
        (file,) = [Path(path) for path in saved if path.endswith("/answer.html")]
        return file.read_text(encoding="utf-8")

    @task
    def message(text: str, url: str) -> str:
        return json.dumps({"text": f"{text[:3000]}\n{url}"})

    EmailOperator(
        task_id="send",
        to="team@example.com",
        from_email="reports@example.com",
        subject="Orders, week of {{ dag_run.run_after | ds }}",
        html_content=page(ask.output["saved"]),
        files=ask.output["saved"],
    )
    HttpOperator(
        task_id="post",
        http_conn_id="slack_webhook",
        endpoint="",
        headers={"Content-Type": "application/json"},
        data=message(ask.output["text"], ask.output["url"]),
    )


dag = airflow_deliver()
