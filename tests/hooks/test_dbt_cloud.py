"""Runs of dbt Cloud, which is played by a server on this machine, read by the real Airflow provider."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.sdk import DAG, task

from dot_provider.operators import DotReportDbtRunOperator
from tests.fixtures_dbt import Shop

pytest.importorskip("airflow.providers.dbt.cloud", reason="the provider is not installed: make matrix WORLDS=cosmos")

Step = dict[str, Any] | str | None
"""The results of a step, run_results.json or sources.json; None where it wrote none, a text where it is no JSON."""


@pytest.fixture
def cloud(shop: Shop, monkeypatch: pytest.MonkeyPatch, dot_connection: Any) -> Iterator[Callable[..., None]]:
    """A function that says how run 17 of dbt Cloud ended; the manifest is the shop's."""
    from airflow.providers.dbt.cloud.hooks.dbt import DbtCloudHook
    from requests import Session

    steps: list[Step] = []
    status = [10]
    manifests: dict[str, Any] = {"content": (shop.target_path / "manifest.json").read_bytes()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            index = int(parse_qs(url.query).get("step", [len(steps)])[0])
            file = url.path.rpartition("/17/artifacts/")[2]
            body: Any = None
            if url.path == "/api/v2/accounts/1/runs/17/":
                listed = [{"index": number, "name": f"step {number}"} for number, _ in enumerate(steps, 1)]
                body = {"data": {"id": 17, "status": status[0], "run_steps": listed}}
            elif file in ("run_results.json", "sources.json") and steps and steps[index - 1] is not None:
                body = steps[index - 1]
                is_sources = isinstance(body, dict) and "/sources/" in body["metadata"]["dbt_schema_version"]
                body = body if is_sources == (file == "sources.json") else None
            sent = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            if file == "manifest.json":
                sent = body = manifests["content"]
            self.send_response(404 if body is None else 200)
            self.end_headers()
            self.wfile.write(sent or b"")

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()

    def get_conn(self: Any, *_: Any, **__: Any) -> Session:
        self.base_url = f"http://127.0.0.1:{server.server_port}/"
        return Session()

    monkeypatch.setattr(DbtCloudHook, "get_conn", get_conn)
    dot_connection("dbt_cloud_default", conn_type="dbt_cloud", login="1", password="secret")

    def ended(state: int, *documents: Step, **changed: Any) -> None:
        status[0], steps[:] = state, documents
        manifests.update(changed)

    yield ended
    server.shutdown()


def _results(shop: Shop, which: str = "build", status: str | None = None) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((shop.target_path / "run_results.json").read_text())
    results = [{**one, "status": status or one["status"]} for one in document["results"]]
    return {**document, "args": {**document["args"], "which": which}, "results": results}


def _report(run_dag: Any, run_id: Any = 17, fails: bool = False) -> Any:
    with DAG("cloud", schedule=None) as dag:

        @task
        def dbt(ti: Any = None) -> None:
            ti.xcom_push(key="job_run_id", value=run_id)
            assert not fails

        dbt() >> DotReportDbtRunOperator(
            task_id="report", dbt_cloud_run_id="{{ ti.xcom_pull('dbt', key='job_run_id') }}", retries=0
        )
    return run_dag(dag)


def test_docs_behind_a_failed_build_clear_nothing(cloud: Any, sandbox: Any, run_dag: Any, failing_shop: Shop) -> None:
    dot = sandbox()
    cloud(20, _results(failing_shop), _results(failing_shop, "generate", "success"))
    run = _report(run_dag, fails=True)
    assert (run.state, run.states["report"]) == ("failed", "success")
    (incident,) = dot.workspace.incidents.open
    assert "completed_orders_are_paid_in_full" in incident.check
    assert run.xcom("report")["counts"]["fail"] == 1


def test_all_steps_are_one_report(cloud: Any, sandbox: Any, run_dag: Any, failing_shop: Shop) -> None:
    dot = sandbox()
    both = _results(failing_shop)
    models, tests = _results(failing_shop, "run"), _results(failing_shop, "test")
    models["results"] = [one for one in both["results"] if not one["unique_id"].startswith("test.")]
    tests["results"] = [one for one in both["results"] if one["unique_id"].startswith("test.")]
    cloud(20, None, models, tests)
    summary = _report(run_dag).xcom("report")
    assert (dot.workspace.dbt.count, len(dot.workspace.incidents.open)) == (1, 1)
    assert sum(summary["counts"].values()) == len(both["results"])
    assert summary["command"] == "build"


@pytest.mark.parametrize("state", [20, 30])
def test_a_run_that_wrote_nothing_skips_the_report(cloud: Any, sandbox: Any, run_dag: Any, state: int) -> None:
    dot = sandbox()
    cloud(state, None)
    run = _report(run_dag, fails=True)
    assert (run.state, run.states["report"]) == ("failed", "skipped")
    assert dot.requests == []


@pytest.mark.parametrize(
    ("state", "run_id", "words"),
    [
        (10, 18, "dbt Cloud has no run 18 in the account of the connection 'dbt_cloud_default'"),
        (3, 17, "has not ended"),
        (10, 17, "no results"),
        (10, None, "dbt_cloud_run_id must be the number"),
    ],
)
def test_a_run_that_is_not_there_or_not_over_is_named(
    cloud: Any, sandbox: Any, run_dag: Any, state: int, run_id: Any, words: str
) -> None:
    dot = sandbox()
    cloud(state)
    run = _report(run_dag, run_id)
    assert run.states["report"] == "failed"
    assert re.search(words, str(run.error("report")))
    assert dot.requests == []


STALE = {
    "metadata": {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/sources/v3.json",
        "generated_at": "2099-01-01T00:00:00Z",
        "invocation_id": "freshness",
    },
    "results": [
        {"unique_id": "source.shop.web.visits", "status": "error", "max_loaded_at_time_ago_in_s": 9e6, "criteria": {}}
    ],
    "elapsed_time": 1.5,
}


@pytest.mark.parametrize("with_build", [True, False])
def test_stale_sources_are_reported(cloud: Any, sandbox: Any, run_dag: Any, shop: Shop, with_build: bool) -> None:
    dot = sandbox()
    cloud(10 if with_build else 20, None, STALE, *([_results(shop)] if with_build else []))
    run = _report(run_dag, fails=not with_build)
    summary = run.xcom("report")
    assert (run.states["report"], summary["ok"], summary["counts"]["error"]) == ("success", False, 1)
    assert summary["command"] == ("build" if with_build else "source freshness")
    assert [one.severity for one in dot.workspace.incidents.open] == ["error"]


def test_a_cancelled_run_reports_what_it_wrote(cloud: Any, sandbox: Any, run_dag: Any, failing_shop: Shop) -> None:
    dot = sandbox()
    cloud(30, _results(failing_shop))
    assert _report(run_dag, fails=True).xcom("report")["ok"] is False
    assert len(dot.workspace.incidents.open) == 1


@pytest.mark.parametrize("broken", ["<html>sign in</html>", '{"metadata": {', "[]", "[" * 100_000])
def test_an_artifact_that_is_no_json_object_is_named(
    cloud: Any, sandbox: Any, run_dag: Any, shop: Shop, broken: str
) -> None:
    dot = sandbox()
    cloud(10, _results(shop), broken)
    wrong = str(_report(run_dag).error("report"))
    assert all(word in wrong for word in ("run_results.json", "step 2", "run 17"))
    cloud(10, _results(shop), content=broken.encode())
    wrong = str(_report(run_dag).error("report"))
    assert all(word in wrong for word in ("manifest.json", "step 1", "run 17"))
    assert dot.requests == []


def test_a_manifest_that_is_gone_is_named(cloud: Any, sandbox: Any, run_dag: Any, shop: Shop) -> None:
    dot = sandbox()
    cloud(10, None, _results(shop), content=None)
    wrong = str(_report(run_dag).error("report"))
    assert all(word in wrong for word in ("manifest.json", "step 2", "run 17"))
    assert dot.requests == []
