"""A real webserver and code location: what the UI is told of secrets, answers and checks, and what termination does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dot_provider.sandbox import Conversation, RecordedRequest, Sandbox
from tests.system.webserver import Webserver, webserver

pytestmark = pytest.mark.system

TOKEN = "a-token-that-nobody-may-see"
LOCATION = {"repositoryLocationName": "tests.system.dagster_location", "repositoryName": "__repository__"}

# Without a daemon there is nobody to take runs from a queue.
INSTANCE = """
telemetry:
  enabled: false
run_coordinator:
  module: dagster.core.run_coordinator
  class: DefaultRunCoordinator
"""

LAUNCH = """
mutation ($selector: JobOrPipelineSelector!) {
  launchRun(executionParams: {selector: $selector, mode: "default"}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
  }
}
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(token=TOKEN, slow_seconds=600, hold_requests=False) as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dagster_home")
    (folder / "dagster.yaml").write_text(INSTANCE)
    return folder


@pytest.fixture(scope="module")
def dagster(sandbox: Sandbox, home: Path) -> Iterator[Webserver]:
    env = {"DOT_API_TOKEN": TOKEN, "DOT_BASE_URL": sandbox.base_url}
    with webserver("tests.system.dagster_location", home, env) as running:
        yield running


def launch(dagster: Webserver, job: str) -> str:
    launched = dagster.ask(LAUNCH, selector={**LOCATION, "pipelineName": job})["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    run_id: str = launched["run"]["runId"]
    return run_id


def status(dagster: Webserver, run_id: str) -> str:
    query = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
    found: str = dagster.ask(query, id=run_id)["runOrError"]["status"]
    return found


def wait_for(dagster: Webserver, run_id: str, *wanted: str) -> str:
    deadline = time.monotonic() + 120
    while (now := status(dagster, run_id)) not in wanted and time.monotonic() < deadline:
        time.sleep(0.3)
    return now


@pytest.fixture(scope="module")
def finished_run(dagster: Webserver) -> str:
    run_id = launch(dagster, "daily")
    assert wait_for(dagster, run_id, "SUCCESS", "FAILURE") == "SUCCESS"
    return run_id


def metadata(dagster: Webserver, *path: str) -> dict[str, Any]:
    query = """
    query ($key: AssetKeyInput!) {
      assetNodeOrError(assetKey: $key) { ... on AssetNode { assetMaterializations(limit: 1) { metadataEntries {
        label __typename
        ... on MarkdownMetadataEntry { mdStr }
        ... on UrlMetadataEntry { url }
        ... on TableMetadataEntry { table { records schema { columns { name } } } }
      } } } }
    }
    """
    (materialization,) = dagster.ask(query, key={"path": path})["assetNodeOrError"]["assetMaterializations"]
    return {entry["label"]: entry for entry in materialization["metadataEntries"]}


def test_the_ui_is_told_a_masked_token(dagster: Webserver) -> None:
    query = """
    query ($selector: RepositorySelector!) { allTopLevelResourceDetailsOrError(repositorySelector: $selector) {
      ... on ResourceDetailsList { results { name configuredValues { key value type } } }
    } }
    """
    (found,) = [
        resource
        for resource in dagster.ask(query, selector=LOCATION)["allTopLevelResourceDetailsOrError"]["results"]
        if resource["name"] == "dot"
    ]
    values = {entry["key"]: entry["value"] for entry in found["configuredValues"]}
    assert set(values["api_token"].strip('"')) == {"*"}
    assert TOKEN not in str(values)


def test_the_answer_is_on_the_assets_page(dagster: Webserver, finished_run: str) -> None:
    entries = metadata(dagster, "dot", "orders_per_month")
    assert "data:image/png;base64," in entries["answer"]["mdStr"]
    assert entries["table"]["table"]["records"]
    assert entries["chat"]["url"].startswith("http")


def test_the_evaluation_is_a_check_result(dagster: Webserver, finished_run: str) -> None:
    query = """
    query ($key: AssetKeyInput!) { assetCheckExecutions(assetKey: $key, checkName: "dot_evaluation", limit: 1) {
      status evaluation { success metadataEntries { label ... on TextMetadataEntry { text } } }
    } }
    """
    (found,) = dagster.ask(query, key={"path": ["dot", "dbt", "shop"]})["assetCheckExecutions"]
    assert (found["status"], found["evaluation"]["success"]) == ("SUCCEEDED", True)


def test_the_code_server_reports_the_packages_version(dagster: Webserver) -> None:
    query = """
    { workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError {
      ... on RepositoryLocation { dagsterLibraryVersions { name version } }
    } } } } }
    """
    (entry,) = dagster.ask(query)["workspaceOrError"]["locationEntries"]
    assert "dagster-dot" in {library["name"] for library in entry["locationOrLoadError"]["dagsterLibraryVersions"]}


def terminated(dagster: Webserver, job: str, begun: Callable[[], bool]) -> list[str]:
    """Terminate a job's run once Dot has begun with its work; return what the run's log says then."""
    run_id = launch(dagster, job)
    deadline = time.monotonic() + 120
    while not begun() and time.monotonic() < deadline:
        time.sleep(0.2)
    dagster.ask("mutation ($id: String!) { terminateRun(runId: $id) { __typename } }", id=run_id)
    assert wait_for(dagster, run_id, "CANCELED", "FAILURE", "SUCCESS") == "CANCELED"
    query = """
    query ($id: ID!) { logsForRun(runId: $id) {
      ... on EventConnection { events { ... on LogMessageEvent { message } } }
    } }
    """
    events = dagster.ask(query, id=run_id)["logsForRun"]["events"]
    return [event["message"] for event in events if event]


def test_a_terminated_question_was_asked_once_and_goes_on(dagster: Webserver, sandbox: Sandbox) -> None:
    """A re-execution of the run would find its answer."""

    def chats() -> list[Conversation]:
        return [chat for chat in sandbox.conversations.values() if "[slow]" in chat.title]

    said = terminated(dagster, "ask_slowly", lambda: bool(chats()))
    assert any("Dot goes on with the question" in line for line in said)
    assert [chat.posts for chat in chats()] == [1]


def test_a_terminated_evaluation_is_cancelled(dagster: Webserver, sandbox: Sandbox) -> None:
    """Its open questions would cost credits, and nobody would see their answers."""

    def runs() -> dict[str, str]:
        found = sandbox.workspace.evaluation_runs.values()
        return {run.id: run.status for run in found if run.evaluation_id == "slow"}

    def looks() -> list[RecordedRequest]:
        return [request for request in sandbox.requests if request.path.removeprefix("/api/evaluation_runs/") in runs()]

    said = terminated(dagster, "evaluate_slowly", lambda: bool(looks()))
    assert any("cancelling evaluation run evr_" in line for line in said)
    assert list(runs().values()) == ["cancelled"]
    assert {request.method for request in looks()} == {"GET"}


def test_a_terminated_sync_goes_on(dagster: Webserver, sandbox: Sandbox) -> None:
    """The run ends in the middle of the one request that a sync is, long before Dot answers it."""
    sandbox.fail_next("/sync/dbt/slow", latency=600, effect=True)

    def requests() -> list[str]:
        return [request.method for request in sandbox.requests if request.path.endswith("/dbt/slow")]

    said = terminated(dagster, "sync_slowly", lambda: bool(requests()))
    assert any("Dot goes on with the sync of dbt/slow" in line for line in said)
    assert requests() == ["POST"]


def test_the_token_is_in_no_file_that_dagster_keeps(dagster: Webserver, finished_run: str, home: Path) -> None:
    leaks = [file.name for file in home.rglob("*") if file.is_file() and TOKEN.encode() in file.read_bytes()]
    assert leaks == []
