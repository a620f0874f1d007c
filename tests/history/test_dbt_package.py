"""The dbt package dot_history, built by the real dbt, and the six questions that an analyst has."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from .conftest import Warehouse

pytest.importorskip("dbt.adapters.postgres", reason="where only versions of dlt are tried there is no dbt")

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dbt_package"
QUERIES = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "dbt-package.md").read_text(encoding="utf-8"), re.DOTALL)


def _chat(chat_id: str, day: int, *turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for hour, turn in enumerate(turns):
        at = f"2026-08-{day:02}T{10 + hour}:00"
        messages.append({"role": "user", "content": turn["q"], "created_at": f"{at}:00Z"})
        if "a" in turn:
            answer = {"role": "assistant", "content": turn["a"], "created_at": f"{at}:{turn.get('seconds', 5):02}Z"}
            messages.append({**answer, **{name: turn[name] for name in ("sql", "credits", "feedback") if name in turn}})
    return {"chat_id": chat_id, "messages": messages, "created_at": f"2026-08-{day:02}T10:00:00Z", **fields}


EXPORT = [
    _chat(
        "a",
        1,
        {"q": "revenue?", "a": "42", "sql": "SELECT sum(x) FROM shop.orders", "credits": 1.5, "seconds": 7},
        {"q": "by region?", "a": "no idea", "credits": 0.5, "feedback": "negative", "seconds": 30},
        {"q": "and now?"},
        user="ann",
        labels=["sales", "weekly"],
    ),
    _chat(
        "b",
        2,
        {"q": "orders?", "a": "3", "sql": "SELECT 1 FROM shop.orders JOIN shop.customers USING (id)", "credits": 1},
        user="bob",
        labels=["sales"],
        review="Issue",
        review_reason="wrong join",
    ),
    _chat("c", 2, {"q": "hello", "a": "hi"}, user="ann"),
]


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse with a history of which the package's models were built, and its tests passed."""
    folder = tmp_path_factory.mktemp("dbt")
    warehouse = Warehouse("duckdb", str(folder / "warehouse.duckdb"))
    if request.param == "postgres":
        warehouse = Warehouse("postgres", request.getfixturevalue("postgres_server").get_uri())
    warehouse.load(EXPORT)
    dbt_in(folder, warehouse)("build")
    yield warehouse
    if request.param == "postgres":
        for schema in warehouse.schemas():
            warehouse.execute(f'DROP SCHEMA "{schema}" CASCADE')


def dbt_in(folder: Path, warehouse: Warehouse) -> Callable[..., str]:
    """Return what runs dbt in a project that uses the package as a user's would."""
    project = folder / "analytics"
    shutil.copytree(PACKAGE, project / "dbt_packages" / "dot_history")
    target: dict[str, Any] = {"type": "duckdb", "path": warehouse.credentials}
    if warehouse.destination == "postgres":
        url = urlsplit(warehouse.credentials)
        place = {"host": parse_qs(url.query)["host"][0], "port": 5432, "dbname": url.path.lstrip("/")}
        target = {"type": "postgres", "user": url.username, "password": url.password or "", **place}
    profile = {"outputs": {"dev": {**target, "schema": "analytics", "threads": 2}}, "target": "dev"}
    (project / "profiles.yml").write_text(json.dumps({"analytics": profile}), encoding="utf-8")
    (project / "packages.yml").write_text(json.dumps({"packages": [{"local": str(PACKAGE)}]}), encoding="utf-8")
    settings = {"name": "analytics", "profile": "analytics", "version": "1.0.0", "config-version": 2}
    (project / "dbt_project.yml").write_text(json.dumps(settings), encoding="utf-8")

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name("dbt"), *arguments],
            cwd=project,
            env={**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DBT_USE_COLORS": "false"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    return run


def test_the_six_questions_of_an_analyst_have_answers(built: Warehouse) -> None:
    first, second, month = date(2026, 8, 1), date(2026, 8, 2), date(2026, 8, 1)

    # How many questions a day, and how many were answered?
    days = "SELECT day, questions, conversations, authors, answered, credits FROM analytics.dot_days ORDER BY day"
    assert built.query(days) == [(first, 3, 1, 1, 2, 2.0), (second, 2, 2, 2, 2, 1.0)]
    rates = built.query("SELECT day, answer_rate FROM analytics.dot_days ORDER BY day")
    assert [(day, round(float(rate), 3)) for day, rate in rates] == [(first, 0.667), (second, 1.0)]

    # What went wrong?
    issues = "SELECT chat_id, has_issue, is_disliked, review_reason FROM analytics.dot_issues ORDER BY chat_id"
    assert built.query(issues) == [("a", False, True, None), ("b", True, False, "wrong join")]

    # What do people and labels cost?
    costs = "SELECT month, author, label, conversations, credits FROM analytics.dot_credits ORDER BY author, label"
    assert sorted(built.query(costs), key=str) == sorted(
        [
            (month, "ann", "sales", 1, 2.0),
            (month, "ann", "weekly", 1, 2.0),
            (month, "ann", None, 1, None),
            (month, "bob", "sales", 1, 1.0),
        ],
        key=str,
    )

    # Which answers were slow?
    slow = "SELECT place, question, seconds_to_answer FROM analytics.dot_slow_answers ORDER BY place"
    assert built.query(slow)[:2] == [(1, "by region?", 30.0), (2, "revenue?", 7.0)]

    # What are people asking about?
    tables = "SELECT table_name, questions, authors, complaints FROM analytics.dot_tables ORDER BY table_name"
    assert built.query(tables) == [("shop.customers", 1, 1, 1), ("shop.orders", 2, 2, 1)]


def test_a_question_has_the_last_thing_said_as_its_answer(built: Warehouse) -> None:
    found = built.query("SELECT question, is_answered, answer FROM analytics.dot_questions ORDER BY asked_at, chat_id")
    assert found == [
        ("revenue?", True, "42"),
        ("by region?", True, "no idea"),
        ("and now?", False, None),
        ("orders?", True, "3"),
        ("hello", True, "hi"),
    ]


def test_the_queries_of_the_page_run(built: Warehouse) -> None:
    days, tables = (built.query(query) for query in QUERIES)
    assert [(day, int(questions), float(percent)) for day, questions, percent in days] == [
        (date(2026, 8, 2), 2, 100.0),
        (date(2026, 8, 1), 3, 66.7),
    ]
    assert tables == [("shop.orders", 2, 1), ("shop.customers", 1, 1)]
