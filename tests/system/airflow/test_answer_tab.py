"""The tab "Dot answer" in a real browser: what a person sees, and what a hostile answer cannot do."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.system.airflow.asking import Connected
from tests.system.airflow.cluster import Cluster
from tests.system.airflow.no_xcoms import NoXComs
from tests.system.airflow.rest import Rest, Run

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
HOSTILE = (
    "<img src='{pixel}' onerror='document.title=1'><script>document.body.id='pwned'</script> [go](javascript:alert(1))"
    " ![pixel]({pixel}) **as text**"
)

pytestmark = [
    pytest.mark.system,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed"),
]


@contextmanager
def first_page(html: str) -> Iterator[str]:
    """Serve a page from another port of this machine, whose requests count as the same site's; yields its URL."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def tab(cluster: Cluster, run: Run, profile: Path) -> str:
    """Return the page of a task's tab as the browser has built it, for somebody who has logged in.

    The login of Airflow before 3.2 leads to the home page, whatever page it was asked for; here it is a picture.
    """
    url = f"{cluster.url}{run.path.replace('/dagRuns/', '/runs/')}/tasks/{run.task_id}/plugin/dot-answer"
    flags = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", "--virtual-time-budget=20000")
    login = f"{cluster.url}/auth/token/login"
    with first_page(f"""<img src="{login}" onerror="location='{url}'">""") as first:
        command = [str(CHROMIUM), *flags, "--dump-dom", first]
        return subprocess.run(command, capture_output=True, check=True, timeout=120, text=True).stdout


def asked_for_a_number(rest: Rest, connected: Connected) -> Run:
    """Return the run of a question whose answer is 8530."""
    answers = {"questions": [{"question": "How many orders?", "sql": "select 8530 as orders"}]}
    _, connection = connected(answers=answers, answer_polls=0)
    run = rest.run("asks_for_a_number", connection=connection, question="How many orders?")
    assert run.ended() == "success"
    return run


def test_the_answer_is_shown_with_its_number(
    cluster: Cluster, rest: Rest, connected: Connected, tmp_path: Path
) -> None:
    run = asked_for_a_number(rest, connected)

    page = tab(cluster, run, tmp_path)
    assert "8,530" in page
    assert "Open in Dot" in page
    assert "select 8530 as orders" in page


def test_a_hostile_answer_stays_text(cluster: Cluster, rest: Rest, connected: Connected, tmp_path: Path) -> None:
    dot, connection = connected(answer_polls=0)
    text = HOSTILE.format(pixel=f"{dot.base_url}/api/pixel.png")
    message = {"role": "assistant", "additional_data": {"formatted_result": [{"type": "text", "data": text}]}}
    asked = {"role": "user", "content": "How many orders?"}
    dot.fail_next("/c2", body=[asked, message], status=200, times=1000)
    run = rest.run("holds_its_worker", connection=connection, question="How many orders?")
    assert run.ended() == "success"

    page = tab(cluster, run, tmp_path)
    assert "&lt;script&gt;" in page
    assert "<strong>as text</strong>" in page
    assert 'id="pwned"' not in page
    assert 'href="javascript' not in page
    assert not [request for request in dot.requests if "pixel" in request.path]


def test_who_may_not_read_xcoms_is_told_so_and_sees_nothing_of_the_answer(
    cluster: Cluster, rest: Rest, connected: Connected, tmp_path: Path
) -> None:
    run = asked_for_a_number(rest, connected)
    denied = {"AIRFLOW__CORE__AUTH_MANAGER": f"{NoXComs.__module__}.NoXComs", "PYTHONPATH": str(Path.cwd())}
    cluster.restart_component("api-server", denied)
    try:
        page = tab(cluster, run, tmp_path)
    finally:
        cluster.restart_component("api-server")
    assert "You may not read this DAG's XComs" in page
    assert "8,530" not in page
    assert "8,530" in tab(cluster, run, tmp_path)
