from __future__ import annotations

import pytest

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


def start(api: Api, evaluation: str) -> str:
    return str(api.post(f"/evaluations/{evaluation}/runs", {"trigger": "api"}).json()["id"])


@pytest.mark.parametrize(("evaluation", "verdict"), [("smoke", "pass"), ("fail_one", "fail"), ("error_one", "error")])
def test_a_run_is_pending_until_its_verdict(api: Api, evaluation: str, verdict: str) -> None:
    run = start(api, evaluation)
    reads = [api.get(f"/evaluation_runs/{run}").json() for _ in range(3)]
    assert [read["verdict"] for read in reads] == ["pending", "pending", verdict]
    assert [read["finished"] for read in reads] == [False, False, True]
    for read in reads:
        summary = read["summary"]
        assert sum(summary[k] for k in ("pass", "fail", "error", "pending")) == summary["total"]


def test_a_second_run_is_409_and_names_the_first(api: Api) -> None:
    run = start(api, "smoke")
    response = api.post("/evaluations/smoke/runs", {"trigger": "api"})
    assert response.status_code == 409
    assert response.json()["detail"]["active_run_id"] == run
    assert api.post("/evaluations/other/runs", {"trigger": "api"}).status_code == 200


def test_after_a_run_has_finished_another_can_start() -> None:
    with Sandbox(evaluation_polls=0) as dot:
        assert start(Api(dot), "smoke") != start(Api(dot), "smoke")


def test_unknown_runs_and_evaluations_are_404(api: Api) -> None:
    assert api.get("/evaluation_runs/none").status_code == 404
    assert api.post("/evaluations/missing/runs", {"trigger": "api"}).status_code == 404
