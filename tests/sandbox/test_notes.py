from __future__ import annotations

import pytest

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


def test_a_note_is_created_and_replaced(api: Api) -> None:
    created = api.post("/org_notes", {"title": "Glossary", "note": "old"}).json()
    api.send("PUT", f"/org_notes/{created['id']}", json={"title": "Glossary", "note": "new"})
    assert api.get("/org_notes").json() == [{"id": created["id"], "title": "Glossary", "note": "new"}]


def test_replacing_no_note_is_404(api: Api) -> None:
    assert api.send("PUT", "/org_notes/none", json={"title": "a", "note": "b"}).status_code == 404


def test_the_single_note_of_older_servers_is_apart(api: Api) -> None:
    org = api.get("/org").json()
    assert org["note"] == ""
    api.post("/save_note", {"org_id": org["id"], "note": "text"})
    assert api.get("/org").json()["note"] == "text"
    assert api.get("/org_notes").json() == []


def test_a_note_for_another_organization_is_403(api: Api) -> None:
    assert api.post("/save_note", {"org_id": "another", "note": "text"}).status_code == 403


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/org_notes"),
        ("POST", "/agentic"),
        ("POST", "/agentic_with_history"),
        ("POST", "/evaluations/a/runs"),
        ("POST", "/dbt/run_results"),
        ("GET", "/dbt/exposures"),
        ("POST", "/quality/incidents"),
        ("GET", "/environments"),
    ],
)
def test_an_older_dot_does_not_know_the_newer_endpoints(older: Sandbox, method: str, path: str) -> None:
    response = Api(older).send(method, path, json={})
    assert (response.status_code, response.json()) == (404, {"detail": "Not Found"})


@pytest.fixture(scope="module")
def older() -> object:
    with Sandbox(older=True) as dot:
        yield dot
