"""The tab "Dot answer" as Airflow's components load it; how it looks is in ``tests/system/airflow``."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest

from dot_provider.plugins import answer


def test_airflow_finds_the_plugin_by_its_entry_point() -> None:
    """Plugins in a provider's description alone are loaded only where ``lazy_discover_providers`` is off."""
    (found,) = (point for point in entry_points(group="airflow.plugins") if point.name == "dot")
    assert found.load() is answer.DotPlugin


async def _asked(path: str, method: str = "GET") -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await answer.serve_script({"type": "http", "path": path, "method": method}, None, send)
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def test_the_script_is_served_as_a_script() -> None:
    status, headers, body = await _asked("/answer.js")
    assert (status, headers[b"content-type"]) == (200, b"text/javascript; charset=utf-8")
    assert b"innerHTML" not in body
    assert b"dangerouslySetInnerHTML" not in body


async def test_what_compression_writes_into_a_response_does_not_reach_the_next() -> None:
    sent: list[dict[str, Any]] = []

    async def compress(message: dict[str, Any]) -> None:
        message.get("headers", []).append((b"content-encoding", b"gzip"))
        sent.append(message)

    await answer.serve_script({"type": "http", "path": "/answer.js", "method": "GET"}, None, compress)
    assert b"content-encoding" not in (await _asked("/answer.js"))[1]


@pytest.mark.parametrize(("path", "method"), [("/answer.js.map", "GET"), ("/", "GET"), ("/answer.js", "POST")])
async def test_nothing_else_is_served(path: str, method: str) -> None:
    assert (await _asked(path, method))[0] == 404


@pytest.mark.parametrize(("shown", "tabs"), [("auto", 1), ("always", 1), ("never", 0)])
def test_a_setting_says_where_the_tab_is(monkeypatch: pytest.MonkeyPatch, shown: str, tabs: int) -> None:
    monkeypatch.setenv("AIRFLOW__DOT__ANSWER_TAB", shown)
    assert len(answer.tabs()) == tabs


def test_an_unknown_word_in_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__DOT__ANSWER_TAB", "sometimes")
    with pytest.raises(ValueError, match="answer_tab"):
        answer.tabs()


def test_the_script_is_found_behind_a_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example/af/")
    assert answer.tabs()[0]["bundle_url"] == "/af/dot-provider/answer.js"


def test_loading_the_plugin_costs_next_to_nothing() -> None:
    """Every component of Airflow loads it when it starts."""
    program = (
        "import sys, airflow.plugins_manager, airflow.sdk; from dot_provider import _airflow;"
        "before = set(sys.modules);"
        "import dot_provider.plugins.answer; print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1].split() == ["dot_provider.plugins", "dot_provider.plugins.answer"]
