"""Runs the shop's DAG with ``dag.test()`` on a real metadata database and tells what each task did."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

from example_dags.demo.outcomes import Outcome, evaluated, returned
from example_dags.demo.steps import Step, tell


def main() -> int:
    """Migrate the metadata database where it is new, run the DAG, and return the exit status."""
    migrate()
    # Only now: importing the DAG opens the metadata database's settings.
    dag = import_module("example_dags.airflow_shop").dag
    for task in dag.tasks:
        task.on_success_callback = [tell_success]
        task.on_failure_callback = [tell_failure]
    # With a broken model the gate is to close.
    return 0 if dag.test().state == ("failed" if os.environ.get("SHOP_BREAK") else "success") else 1


def migrate() -> None:
    """Make the metadata database; one that this Airflow version made before is kept, because it takes a while."""
    from airflow import __version__

    home = Path(os.environ["AIRFLOW_HOME"])
    mark = home / f".migrated-{__version__}"
    if mark.exists():
        return
    began = time.monotonic()
    airflow = Path(sys.executable).with_name("airflow")
    subprocess.run([airflow, "db", "migrate"], check=True)
    mark.touch()
    tell(Step("airflow", "db migrate", "made Airflow's metadata database", time.monotonic() - began))


def tell_success(context: Mapping[str, Any]) -> None:
    """Tell the demo what a task returned."""
    ti = context["ti"]
    outcome = returned(ti.task_id, ti.xcom_pull(task_ids=ti.task_id))
    tell(Step("airflow", ti.task_id, outcome.text, seconds_of(ti), outcome.rows, answer=outcome.answer))


def tell_failure(context: Mapping[str, Any]) -> None:
    """Tell the demo why a task failed."""
    ti = context["ti"]
    judged = ti.xcom_pull(task_ids=ti.task_id, key="evaluation_run")
    said = evaluated(judged["questions"]) if judged else Outcome(str(context.get("exception", "failed"))[:200])
    tell(Step("airflow", ti.task_id, said.text, seconds_of(ti), ok=False, answer=said.answer))


def seconds_of(ti: Any) -> float:
    """Return how long a task has run."""
    started: datetime = ti.start_date
    return (datetime.now(timezone.utc) - started).total_seconds()


if __name__ == "__main__":
    sys.exit(main())
