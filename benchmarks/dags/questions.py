"""The same questions, asked in three ways; for ``workers.py``."""

from __future__ import annotations

import json
import os
from typing import Any

from airflow.providers.http.operators.http import HttpOperator
from airflow.sdk import DAG, task

from dot_provider.operators import DotAskOperator


def _body(chat_id: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "How many orders?"}], "chat_id": chat_id}


COUNT = int(os.environ["BENCHMARK_QUESTIONS"])

with DAG("dot", schedule=None, max_active_tasks=COUNT):
    for number in range(COUNT):
        DotAskOperator(task_id=f"ask_{number}", question="How many orders?", chat_id=f"dot-{number}", deferrable=True)

with DAG("http", schedule=None, max_active_tasks=COUNT):
    for number in range(COUNT):
        HttpOperator(
            task_id=f"ask_{number}",
            http_conn_id="http_dot",
            endpoint="api/agentic",
            headers={"Content-Type": "application/json"},
            data=json.dumps(_body(f"http-{number}")),
        )

with DAG("requests", schedule=None, max_active_tasks=COUNT):

    @task
    def ask(number: int) -> str:
        """Ask, as a script would."""
        import requests

        url = f"{os.environ['BENCHMARK_DOT']}/api/agentic"
        response = requests.post(url, json=_body(f"requests-{number}"), timeout=600)
        response.raise_for_status()
        text: str = response.json()[-1]["content"]
        return text

    for number in range(COUNT):
        ask.override(task_id=f"ask_{number}")(number)
