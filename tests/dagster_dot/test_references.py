"""Settings that refer to the environment: in Python, in a run, in scripts, and what they come to."""

from __future__ import annotations

import re
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotResource, build_dot_history_assets
from dagster_dot.references import StrictEnv, is_reference, keep_reference, look_up
from dot_provider.api import DotConfigError
from dot_provider.sandbox import Sandbox
from tests.dagster_dot.runs import Run

SETTINGS = ("api_token", "base_url", "region", "environment", "token_header", "username", "password", "url_auth_user")
STATES = {"NOT_SET_HERE": "not set", "EMPTY_HERE": "empty"}


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_HERE", raising=False)
    monkeypatch.setenv("EMPTY_HERE", " ")
    monkeypatch.setenv("HOST_HERE", "dot.example.com")
    monkeypatch.setenv("NUMBER_HERE", "0042")


def context() -> dg.ResolutionContext:
    return dg.ResolutionContext.default().with_scope(env=StrictEnv(), folder="models")


def resource(**settings: Any) -> DotResource:
    return DotResource(**{"api_token": "t", **settings})


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("variable", STATES)
@pytest.mark.parametrize("written", ["variable", "{{ env.%s }}", "https://{{ env.%s }}.example.com", "{{ env('%s') }}"])
def test_a_reference_that_resolves_to_nothing_names_field_and_variable(
    setting: str, variable: str, written: str
) -> None:
    value = dg.EnvVar(variable) if written == "variable" else written % variable
    with pytest.raises(DotConfigError, match=rf"{setting}.*{variable} is {STATES[variable]}"):
        resource(**{setting: value}).get_client()


@pytest.mark.parametrize("setting", SETTINGS)
def test_an_empty_variable_is_named_in_a_run_too(setting: str, instance: dg.DagsterInstance) -> None:
    """There Dagster has replaced the reference by its value already."""

    @dg.asset
    def reader(dot: DotResource) -> None:
        dot.get_client()

    ran = dg.materialize(
        [reader],
        instance=instance,
        resources={"dot": resource(**{setting: dg.EnvVar("EMPTY_HERE")})},
        raise_on_error=False,
    )
    (event,) = ran.get_step_failure_events()
    assert f"{setting} is empty. The environment variable EMPTY_HERE is empty." in str(event.step_failure_data.error)


@pytest.mark.parametrize("setting", SETTINGS[1:])
def test_an_empty_text_never_means_a_default(setting: str) -> None:
    with pytest.raises(DotConfigError, match=f"{setting} is empty"):
        resource(**{setting: ""}).get_client()


def test_a_number_that_is_not_set_is_named() -> None:
    with pytest.raises(DotConfigError, match=r"timeout.*NOT_SET_HERE is not set"):
        resource(timeout=dg.EnvVar.int("NOT_SET_HERE")).get_client()


def test_a_reference_in_the_middle_of_a_text_reaches_the_server() -> None:
    assert resource(base_url="https://{{ env.HOST_HERE }}").get_client().server.origin == "https://dot.example.com"


@pytest.mark.parametrize(
    ("written", "kept", "found"),
    [
        ("{{ env.NUMBER_HERE }}", dg.EnvVar("NUMBER_HERE"), "0042"),
        ("pg://u:{{ env.NUMBER_HERE }}@h", "pg://u:{{ env.NUMBER_HERE }}@h", "pg://u:0042@h"),
        ("{{ folder }}/{{ env.HOST_HERE }}", "models/{{ env.HOST_HERE }}", "models/dot.example.com"),
        ("{{ env.NOT_SET_HERE or 'a' }}", "{{ env.NOT_SET_HERE or 'a' }}", "a"),
        ("{{ env('NOT_SET_HERE', 'b') }}", "{{ env('NOT_SET_HERE', 'b') }}", "b"),
        ("{{ env.HOST_HERE | upper }}", "{{ env.HOST_HERE | upper }}", "DOT.EXAMPLE.COM"),
        ({"a": ["{{ env.NUMBER_HERE }}", "007"]}, {"a": [dg.EnvVar("NUMBER_HERE"), "007"]}, {"a": ["0042", "007"]}),
        ("{{ folder }}", "models", "models"),
        ("{%", None, None),
    ],
)
def test_a_reference_is_kept_until_it_is_looked_up(written: Any, kept: Any, found: Any) -> None:
    if kept is None:
        assert look_up("credentials", written) == written  # a password may look like this
        return
    assert repr(keep_reference(context(), written)) == repr(kept)
    assert look_up("credentials", keep_reference(context(), written)) == found


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ({"host": "h", "extra": ["a", "x{{ env.NOT_SET_HERE }}"]}, r"credentials\.extra\[1\]"),
        ({"password": dg.EnvVar("NOT_SET_HERE")}, r"credentials\.password"),
        ("postgresql://u:{{ env.NOT_SET_HERE }}@h/db", "credentials"),
    ],
)
def test_nested_credentials_name_their_place(
    written: Any, field: str, dot: DotResource, sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    assets = build_dot_history_assets(destination="postgres", credentials=written)
    ran = dg.materialize([assets], instance=instance, resources={"dot": dot}, raise_on_error=False)
    assert re.match(rf"{field}: The environment variable NOT_SET_HERE is not set", Run(ran).failure[0])
    assert sandbox.requests == []


def test_the_environment_and_something_else_take_two_expressions() -> None:
    with pytest.raises(DotConfigError, match="several expressions"):
        keep_reference(context(), "{{ folder ~ env.HOST_HERE }}")


def test_what_is_no_reference_is_left_alone() -> None:
    assert [is_reference(value) for value in ("env", "{{ folder }}", 4, None, "{{ env", "{% env")] == [False] * 6
