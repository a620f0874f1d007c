from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api

MANIFEST = {
    "nodes": {
        "model.shop.orders": {"name": "orders", "resource_type": "model", "relation_name": "shop.marts.orders"},
        "test.shop.unique": {"name": "unique", "resource_type": "test", "attached_node": "model.shop.orders"},
    },
    "sources": {"source.shop.raw": {"name": "raw", "relation_name": "shop.raw.raw"}},
}


def report(api: Api, **statuses: str) -> dict[str, Any]:
    names = {"model": "model.shop.orders", "check": "test.shop.unique", "source": "source.shop.raw"}
    results = [{"unique_id": names[k], "status": v, "message": "why"} for k, v in statuses.items()]
    body = {"run_results": {"metadata": {"invocation_id": "run-1"}, "results": results}, "manifest": MANIFEST}
    response = api.post("/dbt/run_results", body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_failures_open_incidents_and_passes_clear_them(dot: Sandbox, api: Api) -> None:
    assert report(api, model="error", check="fail", source="warn")["open_incidents"] == 3
    assert {incident.table for incident in dot.workspace.incidents.open} == {"shop.marts.orders", "shop.raw.raw"}
    assert report(api, model="success", check="pass", source="pass") == {
        "status": "success",
        "opened": 0,
        "resolved": 3,
        "open_incidents": 0,
    }


@pytest.mark.parametrize("status", ["skipped", "warn"])
def test_skipped_and_warning_tests_change_nothing(api: Api, status: str) -> None:
    report(api, check="fail")
    assert report(api, check=status)["open_incidents"] == 1


def test_a_repeated_failure_stays_one_incident(dot: Sandbox, api: Api) -> None:
    report(api, model="error")
    opened_at = dot.workspace.incidents.open[0].opened_at
    assert report(api, model="error")["opened"] == 0
    assert dot.workspace.incidents.open[0].opened_at == opened_at


@pytest.mark.parametrize("body", [{}, {"run_results": {"results": []}}, {"run_results": {}, "manifest": {}}])
def test_a_report_without_its_parts_is_422(api: Api, body: dict[str, Any]) -> None:
    assert api.post("/dbt/run_results", body).status_code == 422


def test_incidents_are_kept_apart_by_source(api: Api) -> None:
    item = {"table": "orders", "check": "fresh", "status": "open"}
    for source in ("airflow", "dagster"):
        assert api.post("/quality/incidents", {"source": source, "items": [item]}).json()["opened"] == 1
    resolved = api.post("/quality/incidents", {"source": "airflow", "items": [{**item, "status": "resolved"}]})
    assert resolved.json()["open_incidents"] == 0


@pytest.mark.parametrize("item", [{"table": "a"}, {"table": "a", "check": "b", "status": "closed"}])
def test_an_incident_without_check_or_with_another_status_is_422(api: Api, item: dict[str, str]) -> None:
    assert api.post("/quality/incidents", {"source": "airflow", "items": [item]}).status_code == 422


def test_exposures_name_the_models_that_dashboards_mention(api: Api) -> None:
    report(api, model="success")
    for id_, text in (("b", "Reads orders."), ("a", "Nothing we know.")):
        asset = {"id": id_, "subtype": "app", "description": text, "url": f"https://bi.example/{id_}"}
        api.post("/import_and_overwrite_external_asset", {"external_asset": asset})
    found = api.get("/dbt/exposures?format=json").json()
    assert [e["name"] for e in found["exposures"]] == ["dot_weekly_review", "dot_b"]
    assert found["exposures"][1]["depends_on"] == ["ref('orders')"]
    assert [app["id"] for app in found["apps_without_dbt_models"]] == ["a"]


def test_yaml_and_json_say_the_same_each_time(api: Api) -> None:
    text = api.get("/dbt/exposures").text
    assert api.get("/dbt/exposures?format=yaml").text == text
    assert yaml.safe_load(text)["exposures"] == json.loads(api.get("/dbt/exposures?format=json").text)["exposures"]


def test_another_format_is_422(api: Api) -> None:
    assert api.get("/dbt/exposures?format=xml").status_code == 422
