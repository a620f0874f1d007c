from __future__ import annotations

import re

import requests

from dot_provider.sandbox import Sandbox
from dot_provider.sandbox.pages import markdown
from tests.sandbox.api import Api


def page(dot: Sandbox, path: str = "/") -> str:
    response = requests.get(f"{dot.base_url}{path}", timeout=5)
    assert response.headers["content-type"].startswith("text/html")
    return response.text


def test_the_start_page_shows_what_was_sent(dot: Sandbox, api: Api) -> None:
    api.ask("How many orders?")
    api.ask("How many orders?")
    api.post("/sync/dbt/shop_connection")
    api.post("/import_and_overwrite_external_asset", {"external_asset": {"id": "looker.7", "subtype": "looker"}})
    api.post("/quality/incidents", {"source": "airflow", "items": [{"table": "t", "check": "c", "status": "open"}]})
    text = page(dot)
    for shown in ("How many orders?", "2, 1 too many", "shop_connection", "looker.7", "airflow", "/api/sync/dbt"):
        assert shown in text


def test_nothing_that_was_sent_becomes_markup(dot: Sandbox, api: Api) -> None:
    nasty = "<script>alert(1)</script>"
    api.ask(nasty, nasty.replace("/", ""))
    asset = {"id": nasty, "subtype": nasty, "name": nasty, "url": "javascript:alert(1)"}
    api.post("/import_and_overwrite_external_asset", {"external_asset": asset})
    api.post("/org_notes", {"title": nasty, "note": nasty})
    text = page(dot) + page(dot, f"/?c={nasty.replace('/', '')}")
    assert "<script" not in text
    assert "javascript:" not in text


def test_the_pages_need_nothing_from_elsewhere(dot: Sandbox) -> None:
    assert not re.findall(r"(?:src|href)=\"https?:", page(dot))


def test_an_answer_links_to_a_page_with_its_table_chart_and_sql(dot: Sandbox, api: Api) -> None:
    answer = api.ask("What is the revenue by region?")[-1]
    text = requests.get(answer["additional_data"]["dot_url"], timeout=5).text
    assert "<table>" in text
    assert "select region" in text
    chart = re.findall(r'src="([^"]+)"', text)[0]
    assert requests.get(f"{dot.base_url}{chart}", timeout=5).content.startswith(b"\x89PNG")


def test_a_past_conversation_has_a_page() -> None:
    with Sandbox(history=1) as dot:
        chat_id = dot.workspace.past.record(0)["chat_id"]
        assert dot.workspace.past.record(0)["title"] in page(dot, f"/?c={chat_id}").replace("&#39;", "'")


def test_an_unknown_chat_is_404(dot: Sandbox) -> None:
    assert requests.get(f"{dot.base_url}/?c=none", timeout=5).status_code == 404


def test_markdown_becomes_html() -> None:
    html = markdown(
        "**2** of `a_b_c` <b>\n\n| x | y |\n| --- | --- |\n| 1 | 2 |\n\n_done_ ![x](https://a.example/b.png)"
    )
    for shown in ("<strong>2</strong>", "<code>a_b_c</code>", "&lt;b&gt;", "<th>x</th>", "<td>2</td>", "<em>done</em>"):
        assert shown in html
    assert "<img" not in html
