from __future__ import annotations

import dagster as dg
import pytest
from pydantic import ValidationError

from dagster_dot import DotResource
from dot_provider.api import DotConfigError
from dot_provider.sandbox import Sandbox


def test_an_env_var_is_resolved_outside_of_runs(dot: DotResource) -> None:
    """In a sensor or a script Dagster leaves the EnvVar as it is; the token is sent, not the variable's name."""
    assert dot.get_client().whoami()


def test_an_env_var_is_resolved_in_a_run(dot: DotResource, sandbox: Sandbox) -> None:
    @dg.asset
    def who(dot: DotResource) -> None:
        dot.get_client().whoami()

    assert dg.materialize([who], resources={"dot": dot}).success
    assert [request.status for request in sandbox.requests] == [200]


def test_a_missing_environment_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_TOKEN_HERE", raising=False)
    with pytest.raises(DotConfigError, match="NO_TOKEN_HERE is not set"):
        DotResource(api_token=dg.EnvVar("NO_TOKEN_HERE")).get_client()


def test_the_token_is_absent_from_the_resources_text() -> None:
    assert "a-very-secret-token" not in repr(DotResource(api_token="a-very-secret-token"))
    assert "a-very-secret-token" not in str(DotResource(api_token="a-very-secret-token"))


def test_all_steps_of_a_process_share_one_client(dot: DotResource) -> None:
    assert dot.get_client() is dot.get_client()


def test_nothing_is_sent_before_the_first_call(dot: DotResource, sandbox: Sandbox) -> None:
    dot.get_client()
    assert sandbox.requests == []


def test_region_environment_and_header_reach_the_client() -> None:
    client = DotResource(api_token="t", region="eu", environment="staging", token_header="API-KEY").get_client()
    assert client.server.origin == "https://eu.getdot.ai"
    assert client.server.environment == "staging"
    assert client.server.credentials.headers() == {"API-KEY": "t"}


def test_a_region_and_another_url_are_refused() -> None:
    with pytest.raises(DotConfigError, match="disagree"):
        DotResource(api_token="t", region="eu", base_url="https://dot.example.com").get_client()


def test_plain_http_to_another_machine_is_allowed_by_its_own_field() -> None:
    with pytest.raises(DotConfigError, match="or set allow_http"):
        DotResource(api_token="t", base_url="http://sandbox:8800").get_client()
    allowed = DotResource(api_token="t", base_url="http://sandbox:8800", allow_http=True)
    assert allowed.get_client().server.origin == "http://sandbox:8800"


def test_a_missing_token_is_asked_for_under_the_resources_own_name() -> None:
    with pytest.raises(DotConfigError, match="put it into api_token"):
        DotResource(api_token="").get_client()


def test_requests_say_that_they_come_from_dagster(dot: DotResource, sandbox: Sandbox) -> None:
    dot.get_client().whoami()
    assert sandbox.requests[0].headers["user-agent"].startswith("dagster-dot/")


def test_two_threads_that_start_together_get_one_client(dot: DotResource) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        clients = list(pool.map(lambda _: dot.get_client(), range(32)))
    assert len(set(map(id, clients))) == 1


@pytest.mark.parametrize("misspelt", ["enviroment", "baseurl"])
def test_a_misspelt_field_is_refused_and_never_means_production(misspelt: str) -> None:
    with pytest.raises(DotConfigError, match=f"'{misspelt}'.*environment"):
        DotResource(api_token="t", **{misspelt: "staging"})


def test_a_token_of_the_wrong_type_is_not_shown() -> None:
    with pytest.raises(Exception, match="api_token") as caught:
        DotResource(api_token=["secret-token"])
    assert "secret-token" not in str(caught.value)


PASTED = "sk_live_9f8e7d6c5b4a39281706f5e4d3c2b1a0"


@pytest.mark.parametrize(
    "place", ["api_tokn", "region", "base_url", "environment", "timeout", "token_header", "allow_http", "url_auth_user"]
)
def test_a_token_in_another_field_is_refused_and_not_shown(place: str) -> None:
    with pytest.raises((DotConfigError, ValidationError)) as refused:
        DotResource(**{"api_token": PASTED, place: PASTED}).get_client()
    assert PASTED not in str(refused.value)


def test_a_token_in_the_place_of_its_variable_is_not_shown() -> None:
    with pytest.raises(DotConfigError) as refused:
        DotResource(api_token=dg.EnvVar(PASTED)).get_client()
    assert PASTED not in str(refused.value)
