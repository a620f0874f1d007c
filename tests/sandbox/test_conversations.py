from __future__ import annotations

import pytest
import requests

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api

CLI = {"X-Response-Format": "cli"}


def test_posting_answers_with_a_list_and_reading_with_a_dict(api: Api) -> None:
    posted = api.ask("How many orders?")
    read = api.get("/c2/chat").json()
    assert isinstance(posted, list)
    assert read["messages"] == posted


def test_downloads_are_named_for_the_command_line_tool_only(api: Api) -> None:
    assets = api.ask("How many orders?", "plain")[-1]["additional_data"]["assets"]
    assert not {"csv_download_url", "chart_download_url", "text_preview"} & {k for a in assets.values() for k in a}
    assets = api.ask("How many orders?", "cli", headers=CLI)[-1]["additional_data"]["assets"]
    assert {"csv_download_url", "text_preview"} <= assets["df_1"].keys()
    assert "chart_download_url" in assets["chart_1"]


def test_the_table_can_be_downloaded_with_the_token_only(api: Api) -> None:
    url = api.ask("What is the revenue by region?", headers=CLI)[-1]["additional_data"]["assets"]["df_1"][
        "csv_download_url"
    ]
    assert requests.get(url, timeout=5).status_code == 401
    csv = api.session.get(url, timeout=5)
    assert csv.headers["content-type"].startswith("text/csv")
    assert csv.text.splitlines()[0] == "region,revenue"
    assert len(csv.text.splitlines()) == 5


def test_the_chart_can_be_downloaded_by_whoever_knows_its_address(api: Api) -> None:
    url = api.ask("How many orders?", headers=CLI)[-1]["additional_data"]["assets"]["chart_1"]["chart_download_url"]
    image = requests.get(url, timeout=5)
    assert image.headers["content-type"] == "image/png"
    assert image.content.startswith(b"\x89PNG")


@pytest.mark.parametrize("path", ["/c2/none", "/download_csv?chat_id=none&df_key=df_1", "/asset/none.png"])
def test_what_does_not_exist_is_404(api: Api, path: str) -> None:
    assert api.get(path).status_code == 404


def test_labels_are_added_once(dot: Sandbox, api: Api) -> None:
    api.ask("How many orders?")
    for _ in range(2):
        api.post("/add_label_to_chat", {"chat_id": "chat", "labels": ["a", "b", "a"]})
    assert dot.conversations["chat"].labels == ["a", "b"]


@pytest.mark.parametrize(
    "body", [{}, {"messages": [], "chat_id": "a"}, {"messages": [{}]}, {"messages": [{}], "chat_id": "a", "mode": "x"}]
)
def test_a_body_that_is_not_complete_is_422_in_fastapis_form(api: Api, body: dict[str, object]) -> None:
    response = api.post("/agentic", body)
    assert response.status_code == 422
    assert {"loc", "msg", "type"} <= response.json()["detail"][0].keys()
