"""The files of an answer."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from typing import Any

import pytest

from dot_provider.api.answer import Answer, AnswerChart, AnswerFile, AnswerTable
from dot_provider.api.answer_files import collect_files
from dot_provider.api.errors import DotServerError


def _collected(client: Any, answer: Answer) -> dict[str, bytes]:
    return {file.name: file.content for file in client.run(collect_files(answer))}


def test_text_tables_and_charts(dot: Any, connect: Any) -> None:
    client = connect(dot.base_url)
    answer = client.ask("How many orders per region?")
    files = _collected(client, answer)
    assert set(files) == {"answer.md", "answer.html", f"{answer.tables[0].key}.csv", f"{answer.charts[0].key}.png"}
    assert answer.text in files["answer.md"].decode()
    rows = list(csv.reader(io.StringIO(files[f"{answer.tables[0].key}.csv"].decode())))
    assert len(rows) == answer.tables[0].shape[0] + 1
    assert files[f"{answer.charts[0].key}.png"].startswith(b"\x89PNG")


def test_the_page_needs_nothing_else_and_runs_nothing(dot: Any, connect: Any) -> None:
    hostile = "<script>x</script> [go](javascript:x) ![pixel](https://example.com/p.png) <img src=x onerror=x>"
    answer = replace(connect(dot.base_url).ask("How many orders per region?"), text=hostile, question="<b>Why?</b>")
    page = _collected(connect(dot.base_url), answer)["answer.html"].decode()
    assert "data:image/png;base64," in page
    assert "default-src 'none'" in page
    elements = set(re.findall(r"<([a-z]+)", page))
    assert not elements & {"script", "b", "iframe", "object", "form", "link"}
    assert set(re.findall(r'<img src="([a-z]+:)', page)) == {"data:"}
    assert 'href="javascript' not in page


def test_a_file_that_has_expired_is_left_out(dot: Any, connect: Any) -> None:
    client = connect(dot.base_url)
    answer = client.ask("How many orders per region?")
    dot.fail_next("/download_csv", status=404, detail="expired")
    assert {name.rpartition(".")[2] for name in _collected(client, answer)} == {"md", "html", "png"}


@pytest.mark.parametrize("link", ["ftp://elsewhere/orders.csv", "http://[", "/api/round"])
def test_a_file_behind_an_unusable_link_is_left_out_and_reported(dot: Any, connect: Any, link: str) -> None:
    """No web address, or one that redirects in a circle."""
    dot.fail_next("/round", status=302, headers={"Location": "/api/round"}, times=99)
    tables = (AnswerTable("orders", csv_url=link), AnswerTable("users", csv_url="/api/healthcheck"))
    client, said = connect(dot.base_url), list[str]()
    flow = collect_files(Answer("text", "chat", "https://dot", tables=tables))
    assert [file.name for file in client.run(flow, said.append)] == ["answer.md", "users.csv", "answer.html"]
    assert [line.partition(":")[0] for line in said] == ["Left out orders.csv"]


def test_a_download_that_can_succeed_later_is_left_to_a_retry(dot: Any, connect: Any) -> None:
    client = connect(dot.base_url)
    answer = client.ask("How many orders per region?")
    dot.fail_next("/download_csv", status=503, times=99)
    with pytest.raises(DotServerError):
        _collected(client, answer)


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (["df_1", "df_1"], {"df_1.csv", "df_1_2.csv"}),
        (["../../etc/passwd", "a b", "…"], {"etc_passwd.csv", "a_b.csv", "file.csv"}),
        (["Orders", "orders"], {"Orders.csv", "orders_2.csv"}),
    ],
)
def test_names_are_plain_and_used_once(dot: Any, connect: Any, keys: list[str], names: set[str]) -> None:
    url = f"{dot.base_url}/api/healthcheck"
    tables = tuple(AnswerTable(key, csv_url=url) for key in keys)
    files = _collected(connect(dot.base_url), Answer("text", "chat", "https://dot", tables=tables))
    assert set(files) == {"answer.md", "answer.html", *names}


def test_a_file_is_named_after_its_path_and_assets_without_a_link_are_left_out(dot: Any, connect: Any) -> None:
    answer = Answer(
        "text",
        "chat",
        "https://dot",
        charts=(AnswerChart("chart_1"),),
        files=(AnswerFile("f1", "/tmp/report.xlsx", f"{dot.base_url}/api/healthcheck"), AnswerFile("f2")),
    )
    assert set(_collected(connect(dot.base_url), answer)) == {"answer.md", "answer.html", "report.xlsx"}


@pytest.mark.parametrize("letter", ["x", "é", "日"])
def test_a_long_name_is_shortened_to_what_file_systems_take(dot: Any, connect: Any, letter: str) -> None:
    files = tuple(AnswerFile(f"f{n}", path=f"{letter * 300}.xlsx", url="/api/healthcheck") for n in range(2))
    tables = (AnswerTable(letter * 300, csv_url="/api/healthcheck"),)
    client = connect(dot.base_url)
    names = set(_collected(client, Answer("text", "chat", "https://dot", tables=tables, files=files)))
    assert len(names) == 5
    assert all(len(name.encode()) <= 200 for name in names)
    assert sorted(name.rpartition(".")[2] for name in names) == ["csv", "html", "md", "xlsx", "xlsx"]


@pytest.mark.parametrize(
    ("cell", "told"),
    [("=1+1", True), ('"@SUM(A1)"', True), ("-A1", True), ("-5", False), ("+49", False), ("a=b", False)],
)
def test_a_table_that_a_spreadsheet_would_run_is_kept_and_told(dot: Any, connect: Any, cell: str, told: bool) -> None:
    body = f"id,name\r\n1,{cell}\r\n".encode()
    dot.fail_next("/download_csv", status=200, body=body, content_type="text/csv")
    tables = (AnswerTable("orders", csv_url=f"{dot.base_url}/api/download_csv"),)
    client, said = connect(dot.base_url), list[str]()
    flow = collect_files(Answer("text", "chat", "https://dot", tables=tables))
    assert client.run(flow, said.append)[1].content == body
    assert any("spreadsheet" in line for line in said) is told
