"""Every field of every component, alone and in the workspace: what ``dg check yaml`` says, and unset variables."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

import dagster_dot
from dagster_dot.components.workspace import DotWorkspaceComponent

jsonschema = pytest.importorskip("jsonschema")

Load = Callable[..., dg.Definitions]

TOKEN: dict[str, Any] = {"api_token": "{{ env.DOT_API_TOKEN }}"}
ALONE: dict[str, dict[str, Any]] = {
    "DotSyncComponent": {"connection_type": "dbt", "connection_id": "shop"},
    "DotQuestionComponent": {"question": "How many orders?"},
    "DotEvaluationComponent": {"evaluation_id": "revenue", "checked_asset": "dot/dbt/shop"},
    "DotNoteComponent": {"title": "Revenue", "markdown": "Net of returns."},
    "DotExternalAssetsComponent": {"assets": [{"id": "sales", "subtype": "looker_dashboard"}]},
    "DotHistoryComponent": {"destination": "duckdb"},
    "DotEvaluationHistoryComponent": {"checks": ["dot/dbt/shop:dot_evaluation"], "destination": "duckdb"},
    "DotUsersComponent": {"users": [{"email": "ada@shop.example"}]},
    "DotIncidentsComponent": {},
    "DotExposuresComponent": {"dot": TOKEN},
    "DotWorkspaceComponent": TOKEN,
}
"""The least that each component takes."""

PLACES = {
    "DotSyncComponent": "syncs",
    "DotQuestionComponent": "questions",
    "DotEvaluationComponent": "evaluations",
    "DotNoteComponent": "notes",
    "DotExternalAssetsComponent": "external_assets",
    "DotHistoryComponent": "history",
    "DotEvaluationHistoryComponent": "evaluation_history",
    "DotUsersComponent": "users",
    "DotIncidentsComponent": "incidents",
}
"""Where each stands in a workspace."""

SYNC, QUESTION, EVALUATION, PUSH = (
    "DotSyncComponent",
    "DotQuestionComponent",
    "DotEvaluationComponent",
    "DotExternalAssetsComponent",
)
STARTED = ["asset", "partitions_def", "start_date"]
DAILY = {"type": "daily", "start_date": "2026-01-01"}
WRONG: list[tuple[str, dict[str, Any], list[Any]]] = [
    *((component, {"modee": 1}, ["modee"]) for component in ALONE),
    *((component, {"schedule": "at six"}, ["schedule"]) for component in list(PLACES)[:-1]),
    *((SYNC, {"schedule": cron}, ["schedule"]) for cron in ("0 25 * * *", "0 6 * *", "@fortnightly", "0 6 32 * *")),
    (SYNC, {"connection_id": ""}, ["connection_id"]),
    (SYNC, {"connection_id": 42}, ["connection_id"]),
    (SYNC, {"retry": {"max_retry": 1}}, ["retry", "max_retry"]),
    (SYNC, {"retry": {"max_retries": -1}}, ["retry", "max_retries"]),
    (SYNC, {"retry": {"backoff": "QUADRATIC"}}, ["retry", "backoff"]),
    (SYNC, {"asset": {"deps": "orders"}}, ["asset", "deps"]),
    (SYNC, {"asset": {"owners": ["bob"]}}, ["asset", "owners", 0]),
    (SYNC, {"asset": {"group_name": "a b"}}, ["asset", "group_name"]),
    (SYNC, {"asset": {"kind": ["dbt"]}}, ["asset", "kind"]),
    (
        SYNC,
        {"asset": {"partitions_def": {**DAILY, "start_date": "01.02.2026"}}},
        ["asset", "partitions_def", "start_date"],
    ),
    (SYNC, {"asset": {"partitions_def": {**DAILY, "type": "dayly"}}}, ["asset", "partitions_def", "type"]),
    (SYNC, {"asset": {"partitions_def": {**DAILY, "hour": 3}}}, ["asset", "partitions_def", "hour"]),
    (QUESTION, {"mode": "turbo"}, ["mode"]),
    (QUESTION, {"timeout": -1}, ["timeout"]),
    (QUESTION, {"timeout": "soon"}, ["timeout"]),
    (QUESTION, {"poll_interval": 0}, ["poll_interval"]),
    (QUESTION, {"follow_ups": "Why?"}, ["follow_ups"]),
    (QUESTION, {"follow_ups": ["Why?", ""]}, ["follow_ups", 1]),
    (QUESTION, {"labels": [2026]}, ["labels", 0]),
    (EVALUATION, {"min_pass_rate": 90}, ["min_pass_rate"]),
    (EVALUATION, {"min_pass_rate": -0.1}, ["min_pass_rate"]),
    (EVALUATION, {"severity": "FATAL"}, ["severity"]),
    (EVALUATION, {"blocking": "perhaps"}, ["blocking"]),
    (PUSH, {"prune": "never"}, ["prune"]),
    (PUSH, {"assets": [{"id": "a", "subtype": "b"}, {"id": "c", "subtype": "d", "ur": "x"}]}, ["assets", 1, "ur"]),
    ("DotHistoryComponent", {"destination": "duckdbb"}, ["destination"]),
    ("DotHistoryComponent", {"start_date": "01.02.2026"}, ["start_date"]),
    ("DotHistoryComponent", {"start_date": "2026-02-30"}, ["start_date"]),
    ("DotHistoryComponent", {"start_date": "2026-99-99"}, ["start_date"]),
    ("DotHistoryComponent", {"lookback_days": -1}, ["lookback_days"]),
    ("DotHistoryComponent", {"lookback_days": 1.5}, ["lookback_days"]),
    ("DotUsersComponent", {"users": [{"email": "ada@shop.example", "rol": "user"}]}, ["users", 0, "rol"]),
    ("DotUsersComponent", {"users": [{"email": "ada@shop.example", "role": "king"}]}, ["users", 0, "role"]),
    ("DotIncidentsComponent", {"minimum_interval_seconds": -5}, ["minimum_interval_seconds"]),
    ("DotIncidentsComponent", {"webserver_url": "dagster"}, ["webserver_url"]),
    ("DotExposuresComponent", {"dot": {**TOKEN, "region": "mars"}}, ["dot", "region"]),
    ("DotWorkspaceComponent", {"region": "mars"}, ["region"]),
    ("DotWorkspaceComponent", {"base_url": "dot.example.com"}, ["base_url"]),
    ("DotWorkspaceComponent", {"base_url": "http://dot.example.com"}, ["base_url"]),
    ("DotWorkspaceComponent", {"base_url": "http://sandbox:8800", "allow_http": False}, ["base_url"]),
    ("DotExposuresComponent", {"dot": {**TOKEN, "base_url": "http://sandbox:8800"}}, ["dot", "base_url"]),
    ("DotWorkspaceComponent", {"token_header": "Authorization"}, ["token_header"]),
    ("DotWorkspaceComponent", {"timeout": 0}, ["timeout"]),
    ("DotWorkspaceComponent", {"exposures": {"dbt_def": "shop"}}, ["exposures", "dbt_def"]),
    ("DotWorkspaceComponent", {"questions": ["How many?"]}, ["questions", 0]),
]


def component(name: str) -> Any:
    return getattr(dagster_dot, name)


def told(name: str, attributes: dict[str, Any]) -> list[tuple[list[Any], str]]:
    """What ``dg check yaml`` says: places, with the key of a field that is not known, and messages."""
    errors = jsonschema.Draft202012Validator(component(name).get_model_cls().model_json_schema()).iter_errors(
        attributes
    )
    found = []
    for error in errors:
        unknown = re.match(r"Additional properties are not allowed \('(.*?)' was unexpected\)", error.message)
        found.append(([*error.absolute_path, *([unknown[1]] if unknown else [])], error.message))
    return found


def keys(defs: dg.Definitions) -> list[str]:
    made = [asset for asset in defs.assets or [] if isinstance(asset, dg.AssetsDefinition)]
    return [key.to_user_string() for asset in made for key in asset.keys]


def within(name: str, attributes: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    """Return a workspace's attributes with these in it, and the place where they stand."""
    place = PLACES[name]
    if place in ("history", "evaluation_history", "users", "incidents"):
        return {**TOKEN, place: attributes}, [place]
    return {**TOKEN, place: [ALONE[name], attributes]}, [place, 1]


@pytest.mark.parametrize(("name", "wrong", "place"), WRONG)
def test_a_wrong_field_is_told_by_its_place(name: str, wrong: dict[str, Any], place: list[Any]) -> None:
    attributes = {**ALONE[name], **wrong}
    assert [found for found, _ in told(name, attributes)] == [place]
    if name in PLACES:
        whole, before = within(name, attributes)
        assert [found for found, _ in told("DotWorkspaceComponent", whole)] == [[*before, *place]]


@pytest.mark.parametrize("name", ALONE)
def test_the_least_is_valid_and_so_is_a_template_for_any_field(name: str) -> None:
    assert told(name, ALONE[name]) == []
    fields = component(name).get_model_cls().model_json_schema()["properties"]
    assert told(name, dict.fromkeys(fields, "{{ anything }}")) == []


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("DotWorkspaceComponent", {"base_url": "http://sandbox:8800", "allow_http": True}),
        ("DotWorkspaceComponent", {"base_url": "http://sandbox:8800", "allow_http": "{{ env.DOT_ALLOW_HTTP }}"}),
        ("DotWorkspaceComponent", {"base_url": "http://{{ env.HOST }}:8800"}),
        ("DotWorkspaceComponent", {"base_url": "http://127.0.0.1:8800"}),
        ("DotWorkspaceComponent", {"base_url": "http://localhost"}),
        ("DotHistoryComponent", {"destination": "sqlite"}),
        *(
            (SYNC, {"schedule": cron})
            for cron in ("*/15 6-22 * * MON-FRI", "@daily", " 0 0 1,15 * 7", "5 4 L jan,jul *", "0 6 * * fri#2")
        ),
    ],
)
def test_what_is_right_passes(name: str, fields: dict[str, Any]) -> None:
    assert told(name, {**ALONE[name], **fields}) == []


def test_a_dbt_project_is_checked_as_strictly() -> None:
    pytest.importorskip("dagster_dbt")
    attributes = {"project": "dbt", "dot": {**TOKEN, "region": "mars"}, "exclude": "", "requird": True}
    assert sorted(place for place, _ in told("DotDbtProjectComponent", attributes)) == [["dot", "region"], ["requird"]]


def test_a_connection_needs_a_token_or_a_user() -> None:
    assert told("DotWorkspaceComponent", {})[0][1] == "'api_token' is a required property"
    assert told("DotWorkspaceComponent", {"username": "ada"})[0][1] == "'password' is a required property"
    assert told("DotWorkspaceComponent", {"username": "ada", "password": "{{ env.P }}"}) == []


def test_a_note_needs_a_text() -> None:
    assert told("DotNoteComponent", {"title": "Revenue"})[0][1] == "'markdown' is a required property"
    assert told("DotNoteComponent", {"title": "Revenue", "html": "<p>Net.</p>"}) == []


def text_fields(name: str) -> list[str]:
    """The fields in which a text, or a list of texts, may stand."""
    schema = component(name).get_model_cls().model_json_schema()["properties"]
    kept = {"api_token", "region", "base_url", "environment", "token_header", "username", "password", "url_auth_user"}
    kept |= {"credentials", "destination_options"}  # looked up when they are needed: see test_references
    return [field for field in schema if field not in kept]


@pytest.mark.parametrize(("name", "field"), [(name, field) for name in ALONE for field in text_fields(name)])
def test_a_variable_that_is_not_set_names_field_and_variable(
    load: Load, monkeypatch: pytest.MonkeyPatch, name: str, field: str
) -> None:
    """Nowhere does it become None, nor an empty text, nor "None" in the middle of one."""
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    for written in ("{{ env.NOT_SET_HERE }}", "a{{ env.NOT_SET_HERE }}b"):
        with pytest.raises(Exception, match=name) as raised:
            load(component(name), {**ALONE[name], field: written})
        said = str(raised.value.__cause__)
        assert re.search(rf"defs\.yaml:\d+ - attributes\.{field}", said)
        assert "NOT_SET_HERE is not set" in said


@pytest.mark.parametrize(
    ("name", "attributes", "place"),
    [
        (QUESTION, {"labels": ["a", "x{{ env.NOT_SET_HERE }}"]}, r"labels\.1"),
        (SYNC, {"asset": {"metadata": {"deep": [{"er": "{{ env.NOT_SET_HERE }}"}]}}}, "asset.metadata"),
        (SYNC, {"asset": {"deps": ["{{ env.NOT_SET_HERE }}"]}}, r"asset\.deps"),
        (PUSH, {"assets": [{"id": "{{ env.NOT_SET_HERE }}", "subtype": "b"}]}, r"assets\.0\.id"),
        ("DotUsersComponent", {"users": [{"email": "{{ env.NOT_SET_HERE }}"}]}, r"users\.0\.email"),
        (
            "DotWorkspaceComponent",
            {"questions": [{"question": "In {{ env.NOT_SET_HERE }}?"}]},
            r"questions\.0\.question",
        ),
        ("DotWorkspaceComponent", {"history": {"destination": "{{ env.NOT_SET_HERE }}"}}, r"history\.destination"),
    ],
)
def test_a_nested_variable_that_is_not_set_names_its_place(
    load: Load, monkeypatch: pytest.MonkeyPatch, name: str, attributes: dict[str, Any], place: str
) -> None:
    monkeypatch.setenv("NOT_SET_HERE", "")
    with pytest.raises(Exception, match=name) as raised:
        load(component(name), {**ALONE[name], **attributes})
    said = str(raised.value.__cause__)
    assert re.search(rf"defs\.yaml:\d+ - attributes\.{place}", said)
    assert "NOT_SET_HERE is empty" in said


def test_a_default_in_a_template_counts(load: Load) -> None:
    for written in ("{{ env.NOT_SET_HERE or 'shop' }}", "{{ env('NOT_SET_HERE', 'shop') }}"):
        defs = load(component(SYNC), {"connection_type": "dbt", "connection_id": written})
        assert keys(defs) == ["dot/dbt/shop"]


@pytest.mark.parametrize("written", ["42", "{{ env.NUMBER_HERE }}"])
def test_what_looks_like_a_number_stays_a_text(load: Load, monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("NUMBER_HERE", "42")
    defs = load(component(SYNC), {"connection_type": "dbt", "connection_id": written})
    assert keys(defs) == ["dot/dbt/42"]


def test_settings_of_the_connection_stay_references(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the definitions nor the pages that show them hold what the variables hold."""
    monkeypatch.setenv("SECRET_HERE", "a-very-secret-value")
    references = dict.fromkeys(("api_token", "username", "password", "environment"), "{{ env.SECRET_HERE }}")
    written = {**references, "base_url": "https://{{ env.SECRET_HERE }}.example.com"}
    (resource,) = (load(DotWorkspaceComponent, written).resources or {}).values()
    assert "a-very-secret-value" not in str(dict(resource)) + str(resource._convert_to_config_dictionary())  # type: ignore[attr-defined]
    assert resource.base_url == "https://{{ env.SECRET_HERE }}.example.com"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ALONE)
def test_every_example_is_valid_and_every_field_is_described(name: str) -> None:
    """What the form and the catalog show; the words are those of the builder in Python."""
    fields = component(name).get_model_cls().model_json_schema()["properties"]
    assert [field for field, shown in fields.items() if not shown.get("description") and field != "defs_state"] == []
    for field, shown in fields.items():
        for example in shown.get("examples", ()):
            assert [found for found, _ in told(name, {**ALONE[name], field: example}) if found[0] == field] == []


PASTED = "sk_live_9f8e7d6c5b4a39281706f5e4d3c2b1a0"


@pytest.mark.parametrize(
    "attributes",
    [
        {"api_tokn": PASTED},
        {"api_token": {"value": PASTED}},
        {"timeout": PASTED},
        {"allow_http": PASTED},
        {"syncs": [{"connection_type": "dbt", "connection_id": "shop", "token": PASTED}]},
    ],
)
def test_a_wrong_field_shows_no_value_that_may_be_a_secret(load: Load, attributes: Any) -> None:
    with pytest.raises(Exception) as refused:  # noqa: PT011 - Dagster's own, by its version
        load(DotWorkspaceComponent, attributes)
    told = "".join(traceback.format_exception(refused.value))
    assert "DotWorkspaceComponent" in told
    assert PASTED not in told
