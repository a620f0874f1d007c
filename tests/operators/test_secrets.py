"""The token is nowhere but in the header: not in logs, errors, XComs, rendered fields or stored triggers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from dot_provider.operators import DotAskOperator, DotSyncConnectionOperator
from dot_provider.sensors import DotAnswerSensor

SECRET = "planted-secret-0123456789"


def _everything_stored() -> str:
    """All rows of all tables of Airflow's metadata database, as text."""
    from airflow.utils.session import create_session
    from sqlalchemy import inspect, text

    with create_session() as session:
        tables = inspect(session.get_bind()).get_table_names()
        return "".join(str(session.execute(text(f'select * from "{table}"')).all()) for table in tables)


def _dag() -> DAG:
    with DAG("secrets", schedule=None, default_args={"retries": 1, "retry_delay": timedelta(0)}) as dag:
        DotSyncConnectionOperator(task_id="sync", connection_type="dbt", connection_id="shop")
        DotAskOperator(task_id="ask", question="How many?", deferrable=True, poll_interval=0.05)
        DotAskOperator(task_id="fail", question="[fail] How many?", deferrable=True, poll_interval=0.05)
        DotAnswerSensor(task_id="sense", chat_id="nowhere", poke_interval=0.05, timeout=0.2)
    return dag


@pytest.mark.usefixtures("quick_clock")
@pytest.mark.parametrize("works", [True, False], ids=["accepted", "refused"])
def test_the_token_is_nowhere(
    sandbox: Any, dot_connection: Any, run_dag: Any, capfd: Any, caplog: Any, works: bool
) -> None:
    caplog.set_level("DEBUG")
    dot = sandbox(token=SECRET if works else "another", answer_polls=1, hold_requests=False)
    dot_connection(host=dot.base_url, password=SECRET)
    run = run_dag(_dag())
    assert (run.states["sync"] == "success") is works
    printed = "".join(capfd.readouterr())
    errors = "".join(str(run.error(task)) for task in ("fail", "sense"))
    for place in (printed, caplog.text, errors, _everything_stored()):
        assert SECRET not in place
    assert ("How many?" in printed) is works
