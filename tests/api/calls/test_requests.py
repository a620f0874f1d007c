"""What each call refuses before anything is sent, and what it sends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dot_provider.api import (
    connections,
    conversations,
    dbt,
    environments,
    evaluations,
    external_assets,
    incidents,
    notes,
    users,
)
from dot_provider.api.errors import DotUsageError
from dot_provider.api.evaluations import EvaluationRun
from dot_provider.api.users import Group

INCIDENT = {"table": "orders", "check": "fresh"}


def _schema(name: str) -> dict[str, Any]:
    return {"metadata": {"dbt_schema_version": f"https://schemas.getdbt.com/dbt/{name}.json"}}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: connections.sync("dbt", ".."), "connection_id"),
        (lambda: connections.sync("", "shop"), "connection_type is empty"),
        (lambda: conversations.conversation("a/b"), "chat_id"),
        (lambda: conversations.post_question(" ", "c1"), "question is empty"),
        (lambda: conversations.post_question("q", "a/b"), "chat_id"),
        (lambda: conversations.post_question("q", "c1", "best"), "mode must be one of economy, balanced, frontier"),  # type: ignore[arg-type]
        (lambda: conversations.post_follow_up("q", ""), "chat_id is empty"),
        (lambda: conversations.add_labels("c1", []), "labels must be a list"),
        (lambda: conversations.add_labels("c1", "reviewed"), "labels must be a list"),
        (lambda: conversations.add_labels("c1", ["a", ""]), r"labels\[1\] is empty"),
        (lambda: conversations.add_labels("../c1", ["a"]), "chat_id"),
        (lambda: dbt.post_dbt_run({}, {"nodes": {}}), "run_results must be the content of dbt's run_results.json"),
        (lambda: dbt.post_dbt_run({"results": []}, {"nodes": {}}), "run_results has no results"),
        (lambda: dbt.post_dbt_run({"results": ["x"]}, {"nodes": {}}), "run_results is damaged: entry 1"),
        (lambda: dbt.post_dbt_run({"results": [{}]}, {"nodes": {}, **_schema("manifest/v99")}), "manifest/v99"),
        (lambda: dbt.post_dbt_run({"results": [{}], **_schema("run-results/v1")}, {"nodes": {}}), "run-results/v1"),
        (lambda: dbt.post_dbt_run({"results": []}, []), "manifest must be the content"),  # type: ignore[arg-type]
        (lambda: environments.create_environment(""), "name is empty"),
        (lambda: environments.merge_environment("a/b"), "environment_id"),
        (lambda: evaluations.start_evaluation_run(".."), "evaluation_id"),
        (lambda: evaluations.evaluation_run(""), "run_id is empty"),
        (lambda: external_assets.import_external_asset({"id": "a"}), "subtype is missing"),
        (lambda: external_assets.delete_external_asset(" "), "asset_id is empty"),
        (lambda: external_assets.delete_external_asset("a\nb"), "asset_id .* control character"),
        (lambda: users.embedded_user_login(""), "user_id is empty"),
        (lambda: notes.create_note("", "x"), "title is empty"),
        (lambda: notes.update_note("n1", "t", ""), "markdown is empty"),
        (lambda: notes.update_note("n/1", "t", "x"), "note_id"),
        (lambda: incidents.report_incidents("airflow", []), "items is empty"),
        (lambda: incidents.report_incidents("", [INCIDENT]), "source is empty"),
        (lambda: incidents.report_incidents("airflow", INCIDENT), "Incident 1 must be a mapping"),  # type: ignore[arg-type]
        (lambda: incidents.report_incidents("airflow", [INCIDENT, {"table": "t"}]), "Incident 2: check"),
        (lambda: incidents.report_incidents("airflow", [{**INCIDENT, "table": 7}]), "Incident 1: table"),
        (lambda: incidents.report_incidents("airflow", [{**INCIDENT, "status": "fixed"}]), "'open' or 'resolved'"),
        (lambda: incidents.report_incidents("airflow", [{**INCIDENT, "link": "x"}]), "unknown field 'link'"),
        (lambda: users.send_invitations([]), "emails must be a list"),
        (lambda: users.send_invitations("ada@shop.example"), "emails must be a list"),
        (lambda: users.send_invitations(["ada"]), "not an e-mail address"),
        (lambda: users.create_user("a@b", "", "Ada"), "password is empty"),
        (lambda: users.change_user_role("a@b", "owner"), "role must be one of admin, modeler, user"),
        (lambda: users.add_user_to_group("a@b", ""), "group is empty"),
        (lambda: users.remove_user_from_group("a", "g"), "e-mail"),
        (lambda: users.delete_user("a"), "e-mail"),
    ],
)
def test_a_wrong_argument_is_refused_by_its_name(make: Callable[[], Any], words: str) -> None:
    with pytest.raises(DotUsageError, match=words):
        make()


def test_a_connection_type_that_is_new_to_us_is_sent_and_told_once_it_was(caplog: pytest.LogCaptureFixture) -> None:
    """A code location makes its calls whenever it is loaded, and must not log each time."""
    call = connections.sync("icebergdb", "shop")
    assert call.path == "/api/sync/icebergdb/shop"
    assert call.event == "Synced icebergdb/shop (a type that is new to this package)"
    assert caplog.records == []


@pytest.mark.parametrize("known", ["dbt", "Snowflake", "sap_hana", "sap hana", "SAP-HANA", "powerbi"])
def test_a_known_connection_type_is_known_in_any_spelling(known: str) -> None:
    assert connections.sync(known, "shop").event == f"Synced {known}/shop"


def test_a_question_is_posted_with_its_mode_to_todays_dot_and_without_to_an_older_one() -> None:
    now = conversations.post_question("q", "c1", "economy", timeout=7)
    older = conversations.post_question("q", "c1", "economy", older=True)
    assert (now.path, now.body["mode"], now.timeout) == ("/api/agentic", "economy", 7)
    assert (older.path, "mode" in older.body) == ("/api/ask", False)
    assert "mode" not in conversations.post_question("q", "c1").body
    assert conversations.post_follow_up("q", "c1", older=True).path == "/api/ask_with_history"


@pytest.mark.parametrize("document", [None, {"status": "success"}, {"messages": []}, "ok"])
def test_a_post_that_is_answered_with_no_list_leaves_the_answer_to_be_read(document: Any) -> None:
    assert conversations.post_question("q", "c1").read(document) is None


def test_a_post_that_is_answered_with_a_list_has_the_final_word() -> None:
    finished = conversations.post_question("q", "c1").read([{"role": "user", "content": "q"}])
    assert finished is not None
    assert finished.complete
    assert conversations.post_question("q", "c1", older=True).read([]) is None


def test_an_incident_is_open_unless_it_says_otherwise_and_absent_facts_are_left_out() -> None:
    other = {**INCIDENT, "check": "unique", "status": "resolved"}
    call = incidents.report_incidents("airflow", iter([INCIDENT, {**other, "url": None}]))
    assert call.body["items"] == [{**INCIDENT, "status": "open"}, other]
    assert call.event == "Reported 2 incidents to Dot"
    assert incidents.report_incidents("airflow", [INCIDENT]).name == "report 1 incident"


def test_a_setting_of_an_environment_does_not_change_its_name() -> None:
    body = environments.create_environment("staging", {"name": "other", "connection_id": "shop"}).body
    assert body == {"name": "staging", "connection_id": "shop"}


def test_exposures_can_be_limited_to_a_connection() -> None:
    assert dbt.dbt_exposures("c1").query == {"format": "json", "connection_id": "c1"}
    assert dbt.dbt_exposures_yaml().query == {"format": "yaml"}


@pytest.mark.parametrize(
    "document", [["a", "b"], [{"name": "a"}, {"name": "b"}], {"groups": [{"group": "a"}, {"id": "b"}]}]
)
def test_groups_are_read_as_names_or_records(document: Any) -> None:
    assert users.groups().read(document) == [Group("a"), Group("b")]


def test_a_run_knows_its_evaluation() -> None:
    assert evaluations.start_evaluation_run("e1").read({"id": "evr_1"}) == EvaluationRun("evr_1", evaluation_id="e1")
    assert evaluations.evaluation_run("evr_1", "e1").read({"id": "evr_1"}).evaluation_id == "e1"


def test_an_email_in_a_log_line_is_the_checked_one() -> None:
    assert users.delete_user(" ada@shop.example\n").name == "delete user ada@shop.example"
