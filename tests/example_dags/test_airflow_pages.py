"""The example DAGs of the documentation: each runs, and its page shows it as it is."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from dot_provider.sandbox import Sandbox
from tests.smtp import running_mail_server

ROOT = Path(__file__).parents[2]
ANSWERS = ROOT / "example_dags" / "shop" / "answers.yaml"
PAGES = [*(ROOT / "docs" / "airflow").glob("*.md"), *(ROOT / "docs").glob("*.md")]
EXAMPLES = sorted(path.stem for path in (ROOT / "example_dags").glob("airflow_*.py") if path.stem != "airflow_shop")


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Message]]:
    """Connections to a mail server and to a channel's webhook, and what has come by mail."""
    with running_mail_server() as (port, mails), Sandbox() as channel:
        extra = {"disable_ssl": True, "disable_tls": True}
        smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_SMTP_DEFAULT", json.dumps(smtp))
        channel.fail_next(status=200, body="ok", times=10)
        webhook = {"conn_type": "http", "host": f"{channel.base_url}/hooks/secret"}
        monkeypatch.setenv("AIRFLOW_CONN_SLACK_WEBHOOK", json.dumps(webhook))
        yield mails
        assert all("text" in request.json for request in channel.requests)


@pytest.fixture
def surroundings(inbox: list[Message], shop_copy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples' users have: a dbt project, a warehouse, a folder for reports."""
    monkeypatch.setenv("DOT_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("DBT_PROJECT", str(shop_copy.project_dir))
    monkeypatch.setenv("DBT_TARGET_PATH", str(shop_copy.target_path))
    monkeypatch.setenv("SHOP_DUCKDB", str(shop_copy.duckdb_path))
    monkeypatch.setenv("DBT_ARTIFACTS", str(tmp_path / "artifacts"))
    monkeypatch.setenv("DBT", str(Path(sys.executable).with_name("dbt")))
    warehouse = {"conn_type": "duckdb", "host": str(tmp_path / "history.duckdb")}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE_DEFAULT", json.dumps(warehouse))
    shop = {"conn_type": "duckdb", "host": str(shop_copy.duckdb_path)}
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(shop))
    return tmp_path


@pytest.mark.usefixtures("quick_clock")
@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs(name: str, surroundings: Path, sandbox: Any, run_dag: Any, shop_copy: Any) -> None:
    if name == "airflow_cosmos":
        pytest.importorskip("cosmos", reason="astronomer-cosmos is not installed: make matrix WORLDS=cosmos")
    shop = {"answers": ANSWERS, "duckdb": shop_copy.duckdb_path} if name.endswith(("suite", "request")) else {}
    sandbox(history=50, **shop)
    module = importlib.import_module(f"example_dags.{name}")
    run = run_dag(importlib.reload(module).dag)
    assert run.state == "success", run.states


def test_an_answer_arrives_with_its_chart_and_table(
    surroundings: Path, inbox: list[Message], sandbox: Any, run_dag: Any
) -> None:
    sandbox()
    module = importlib.import_module("example_dags.airflow_deliver")
    assert run_dag(importlib.reload(module).dag).state == "success"
    (mail,) = inbox
    parts = {part.get_filename() or part.get_content_type(): part.get_payload(decode=True) for part in mail.walk()}
    assert b"How many orders per month?" in parts["text/html"]
    assert b"data:image/png;base64," in parts["text/html"]
    assert {name.rpartition(".")[2] for name in parts if "/" not in name} == {"md", "html", "csv", "png"}


@pytest.mark.parametrize("name", [*(f"{name}.py" for name in [*EXAMPLES, "airflow_shop"]), "dashboards.csv"])
def test_a_page_shows_the_example_as_it_is(name: str) -> None:
    pages = "".join(path.read_text() for path in PAGES)
    shown = re.search(rf"<!-- example_dags/{re.escape(name)} -->\n```\w+\n(.*?)```", pages, re.DOTALL)
    assert shown, f"no page shows example_dags/{name}"
    assert shown[1] == (ROOT / "example_dags" / name).read_text()
