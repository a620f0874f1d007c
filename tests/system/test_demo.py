"""The demo, run as a person runs it: a process of its own, real dbt, Airflow and Dagster, and a sandbox."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import psutil
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.system


def start(home: Path, **env: str) -> subprocess.Popen[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "DOT_", "DAGSTER", "DBT_"))}
    return subprocess.Popen(
        [sys.executable, "-m", "example_dags.demo"],
        cwd=ROOT,
        env={**clean, "DOT_DEMO_HOME": str(home), **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts tests in the background ignores SIGINT, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def rows(home: Path, dataset: str) -> tuple[int, int, int]:
    """Return conversations, messages, and messages whose key occurs twice."""
    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as warehouse:
        query = (
            f"select (select count(*) from {dataset}.conversations), count(*),"
            f" count(*) - count(distinct (chat_id, position)) from {dataset}.messages"
        )
        result: tuple[int, int, int] = warehouse.execute(query).fetchall()[0]
        return result


@pytest.mark.timeout(600)
def test_both_orchestrators_fill_their_schema_and_the_table_tells_it(tmp_path: Path) -> None:
    demo = start(tmp_path)
    output, errors = demo.communicate()

    assert demo.returncode == 0, output + errors
    assert "FAILED" not in output
    assert "There are **200** orders" in output
    # A line and a row of each orchestrator; whether the second one had anything to send is up to its manifest.
    assert len(re.findall(r"dashboards of the dbt project: 2 (?:sent|unchanged)", output)) == 4
    for dataset in ("dot_airflow", "dot_dagster"):
        conversations, messages, duplicates = rows(tmp_path, dataset)
        assert messages > conversations > 0
        assert duplicates == 0
        assert f"{conversations} conversations, {messages} messages" in output
    assert "dot-sandbox-token" not in output + errors + logs(tmp_path)


@pytest.mark.timeout(600)
def test_a_broken_model_closes_both_gates_and_the_table_says_what_became_wrong(tmp_path: Path) -> None:
    demo = start(tmp_path, BREAK="1")
    output, errors = demo.communicate()
    assert demo.returncode == 0, output + errors
    assert output.count("FAILED") == 2
    assert len(re.findall(r"How many orders are there\? +200 +194", output)) == 2


def logs(home: Path) -> str:
    return "".join(path.read_text(errors="replace") for path in home.glob("*.log"))


def test_a_taken_port_is_one_sentence_that_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        demo = start(tmp_path, DOT_DEMO_PORT=str(taken.getsockname()[1]))
        output, errors = demo.communicate(timeout=60)

    assert demo.returncode == 1
    assert "is taken: set DOT_DEMO_PORT to another" in errors
    assert "Traceback" not in output + errors


def test_a_dot_without_a_token_is_refused_by_the_name_of_the_variable(tmp_path: Path) -> None:
    demo = start(tmp_path, DOT_BASE_URL="http://127.0.0.1:1")
    _, errors = demo.communicate(timeout=60)

    assert demo.returncode == 1
    assert "put it into DOT_API_TOKEN" in errors


def test_an_interrupt_leaves_nothing_running(tmp_path: Path) -> None:
    demo = start(tmp_path)
    parent = psutil.Process(demo.pid)
    deadline = time.monotonic() + 60
    while not (family := parent.children(recursive=True)) and time.monotonic() < deadline:
        time.sleep(0.1)
    demo.send_signal(signal.SIGINT)
    _, errors = demo.communicate(timeout=60)

    assert demo.returncode == 130
    assert "Nothing is left running" in errors
    assert [p for p in family if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert not (tmp_path / "warehouse.duckdb").exists()
