"""The first load of years, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date

import pytest

from dot_provider.api import DotClient
from dot_provider.history.__main__ import main, months_of
from dot_provider.history.window import HistoryWindow
from dot_provider.sandbox import Sandbox

from .conftest import Warehouse

Run = Callable[..., int]


@pytest.fixture
def dot(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(history=40, history_until=date(2026, 10, 31)) as sandbox:
        monkeypatch.setenv("DOT_API_TOKEN", sandbox.token)
        monkeypatch.setenv("DOT_BASE_URL", sandbox.base_url)
        yield sandbox


@pytest.fixture
def run(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DOT_HISTORY_CREDENTIALS", warehouse.credentials)
    return lambda *more: main(
        ["--from", "2026-08-15", "--to", "2026-11-01", "--destination", warehouse.destination, *more]
    )


def _asked(dot: Sandbox) -> list[tuple[str, str]]:
    return [(request.query["start_date"], request.query["end_date"]) for request in dot.requests]


MONTHS = [("2026-08-15", "2026-09-01"), ("2026-09-01", "2026-10-01"), ("2026-10-01", "2026-11-01")]


def test_months_are_loaded_once_and_a_stopped_load_goes_on(
    dot: Sandbox, run: Run, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert run() == 0
        assert _asked(dot) == MONTHS
    assert capsys.readouterr().out.count("3 of 3") == 2
    warehouse.execute("DELETE FROM dot._dot_loads WHERE window_start < '2026-09-01'")
    assert run() == 0
    assert _asked(dot) == [*MONTHS, MONTHS[0]]
    assert run("--again") == 0
    assert _asked(dot)[4:] == MONTHS
    expected = DotClient(dot.token, dot.base_url).export_history("2026-08-15", "2026-11-01")
    assert warehouse.query("SELECT COUNT(*) FROM dot.conversations") == [(len(expected),)]


def test_a_month_that_was_loaded_before_it_was_over_is_loaded_again(
    dot: Sandbox, run: Run, warehouse: Warehouse
) -> None:
    assert run() == 0
    warehouse.execute("UPDATE dot._dot_loads SET loaded_at = '2026-10-30 00:00:00' WHERE window_end > '2026-10-15'")
    assert run() == 0
    assert _asked(dot)[3:] == MONTHS[2:]


def test_what_fails_is_told_with_what_goes_on(
    dot: Sandbox, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    dot.fail_next("/export_history", status=403)
    assert run() == 1
    assert "same command" in capsys.readouterr().err
    monkeypatch.delenv("DOT_API_TOKEN")
    assert run() == 1
    assert "DOT_API_TOKEN" in capsys.readouterr().err


def test_a_window_ends_with_its_last_month() -> None:
    months = months_of(HistoryWindow(date(2025, 12, 31), date(2026, 2, 10)))
    assert [str(month) for month in months] == [
        "2025-12-31 to 2026-01-01",
        "2026-01-01 to 2026-02-01",
        "2026-02-01 to 2026-02-10",
    ]
