"""Ten times the input costs some ten times the work, whatever it is made of."""

# ruff: noqa: E501 - the tables of inputs

from __future__ import annotations

import contextlib
import json
import time

import pytest

from dot_provider.api._core.decode import read_response
from dot_provider.api._core.messages import Response
from dot_provider.api.errors import DotError, DotProtocolError
from dot_provider.api.history import export_history
from dot_provider.api.records import UnreadableJsonError, parse_json
from tests.readers.inventory import MANIFEST, READERS, RUN_RESULTS, Reader

UNSUSPICIOUS = 0.3
"""Seconds of CPU within which it does not matter how they grew."""

MOST = 35
"""Times as long as a tenth of the input may take; growth by the square is a hundred."""

# What is repeated, with what stands before and behind.
PIECES: dict[str, list[tuple[str, str, str]]] = {
    "json": [
        ("[", "{},", "0]"), ("[", '{"a":1},', "0]"), ("[", "[],", "0]"), ('["', "\\\\", '"]'), ('["', "\\", '"]'),
        ('["', "\\ud83d", '"]'), ('["', "[{,:", '"]'), ("[", " ", "]"), ("[", '"",', "0]"), ("[", '"', "]"), ("", "[", ""),
        ("[", '{"chat_id":"a","content":"x"},', "0]"), ("[", '{"chat_id":"a","messages":[{"content":"x"}]},', "0]"),
        ('[{"chat_id":"a","messages":[', '{"content":"x"},', "0]}]"), ('{"data":{', '"a":[{}],', '"b":1}}'),
        ("{", '"a":[{}],', '"b":1}'), ('{"a":1', ' "', "}"), ('[{"rating":"', "[", '"}]'), ("[", "1.5,", "0]"),
        ('[{"created_at":"', "1.", '"}]'), ('[{"created_at":"', "z", '"}]'), ('["', "é", '"]'),
    ],
    "chat": [
        ('[{"role":"user","content":"q"},{"role":"assistant","additional_data":{"formatted_result":[', "{},", "0]}}]"),
        ('[{"role":"user"},{"explanation":"e","additional_data":{"assets":{"a":{"text_preview":"', "a,b\\n", '"}}}}]'),
        ('[{"role":"user"},{"explanation":"e","additional_data":{"assets":{"a":{"text_preview":"', "a  b ", '"}}}}]'),
        ('[{"role":"user"},{"explanation":"e","additional_data":{"assets":{"a":{"text_preview":"', " ", '"}}}}]'),
        ('[{"role":"user"},{"explanation":"e","additional_data":{"assets":{"a":{"text_preview":"', "\\n", '"}}}}]'),
        ('[{"role":"user"},{"explanation":"e","additional_data":{"assets":{"a":{"sql_query":"', "`", '"}}}}]'),
    ],
    "yaml": [
        ("", "- {id: a, subtype: b}\n", ""), ("", "[", ""), ("", "- ", ""), ("", "? ", ""), ("", " ", "a"), ("a: '", "\n", "'"),
        ("a: &a {x: 1}\nb:\n  <<: [", "*a,", "]"), ("a: &a {x: 1}\n", "b: {<<: *a}\n", ""), ("", "a ", ""), ("", "# \n", ""),
        ("- id: 1", ":1", ""), ("- id: 1", "_1", ""), ("- !!", "a", ""), ('- "', "\\x41", '"'),
    ],
    "csv": [("", "a,", "\n1"), ("id\n", "x\n", ""), ("id\n", '"', ""), ("id\n", ",", ""), ("id,subtype\n", "\n", "a,b")],
    "html": [
        ("", "<a ", ""), ("", "<a ", ">"), ("", '<a b="', ""), ("", '<a b="', ">"), ("", "<title>", ""), ("x<a b", " ", ">"),
        ("<pre>x", " ", "y</pre>"), ("<pre>x", " \n", "y</pre>"), ("<p>x", " ", "y"), ("<p>x", "&#32;", "y"), ("", "<!--", ""),
        ("", "<!--", ">"), ("", "<![CDATA[", ""), ("", "<![if ", ""), ("", "<", ""), ("", "</", ""), ("", "<?", ""), ("", "&", ""),
        ("", "&#", ""), ("", "<b>x</b>", ""), ("<ol>", "<li>x</li>", "</ol>"), ("<ul>", "<li>x</li>", "</ul>"), ("", "x<img>", ""),
        ("<table>", "<tr><td>x</td></tr>", "</table>"), ("<table><tr>", "<td>x</td>", "</tr></table>"), ("", "x<br>", ""),
        ("", "<div>", "x"), ("", "<script>", ""), ("", "x<svg></svg>", ""), ("<code>", "`", "</code>x"), ("", "*_", ""),
        ("<h1>x", "\n", "y</h1>"), ("<p>x", "\u00a0", "y</p>"), ("<blockquote>", "x\n<p>", "</blockquote>"), ("", "1. ", ""),
    ],
    "text": [
        ("", "ref(", ""), ("", "ref ", ""), ("ref(", "'", ")"), ("ref(", "v = ", ")"), ("", "source.", ""), ("model.a.b", ".v1", ""),
        ("", "1", ""), ("", ".", ""), ("", "GMT ", ""), ("", ":1", ""), ("https://", "a.", ""), ("https://", "[", ""), ("", "@", ""),
    ],
}  # fmt: skip

KINDS = {"json": "json", "yaml": "yaml", "csv": "csv", "html": "html", "chat": "chat"} | dict.fromkeys(
    ("records", "records of a file", "watcher", "stage", "users", "exposures"), "json"
)
KINDS |= dict.fromkeys(("reference", "retry-after", "settings"), "text")


def _seconds(read: Reader, data: bytes) -> float:
    start = time.process_time()
    with contextlib.suppress(DotError):
        read(data)
    return time.process_time() - start


def _check(read: Reader, prefix: str, piece: str, suffix: str, length: int) -> None:
    def data(size: int) -> bytes:
        return (prefix + piece * (size // len(piece)) + suffix).encode()

    ratio = 0.0
    for _ in range(3):
        large = _seconds(read, data(length))
        if large < UNSUSPICIOUS:
            return
        ratio = large / max(_seconds(read, data(length // 10)), UNSUSPICIOUS / 10)
        if ratio < MOST:
            return
    pytest.fail(f"{prefix[-40:]!r} + {piece!r} * n + {suffix!r}: {ratio:.0f} times the work of a tenth")


@pytest.mark.parametrize("name", KINDS)
def test_ten_times_the_input_costs_about_ten_times_the_work(name: str) -> None:
    length = {"html": 20_000, "yaml": 20_000}.get(name, 60_000)
    for prefix, piece, suffix in PIECES[KINDS[name]] + (PIECES["json"] if name == "chat" else []):
        _check(READERS[name], prefix, piece, suffix, length)


@pytest.mark.parametrize(
    "piece", ["<title>", "<TITLE", "<title></titl", " ", "<", '{"detail":', "[", '{"loc":["a"],"msg":"b"},', "\\", "é"]
)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_so_does_an_answer_that_is_no_success(piece: str, status: int) -> None:
    call = export_history("2026-01-01", "2026-01-02")
    for prefix in ("", "<html>", '{"detail": ['):
        _check(lambda data: read_response(call, Response(status, {}, data), 0.0), prefix, piece, "", 250_000)


@pytest.mark.parametrize("name", ["manifest", "run results"])
def test_so_do_artifacts_of_dbt(name: str) -> None:
    def artifact(count: int) -> bytes:
        document = json.loads(json.dumps(MANIFEST if name == "manifest" else RUN_RESULTS))
        if name == "manifest":
            node = document["nodes"]["model.shop.orders"]
            document["nodes"] |= {f"model.shop.m{n}": node for n in range(count)}
            exposure = document["exposures"]["exposure.shop.sales"]
            document["exposures"] = {f"exposure.shop.e{n}": exposure for n in range(count)}
        else:
            document["results"] = [{"unique_id": f"model.shop.m{n}", "status": "error"} for n in range(count)]
        return json.dumps(document).encode()

    small, large = artifact(200), artifact(2000)
    ratio = min(_seconds(READERS[name], large) / max(_seconds(READERS[name], small), 0.003) for _ in range(3))
    assert ratio < MOST


def test_what_decoding_would_cost_is_bounded_and_not_only_the_bytes() -> None:
    for piece in ("{},", '{"a":{}},', "[],", '{"a":[[]]},'):
        body = "[" + piece * (27 * 2**20 // len(piece)) + "0]"
        with pytest.raises(DotProtocolError, match="MiB of memory: ask for less") as caught:
            read_response(export_history("2026-01-01", "2026-01-02"), Response(200, {}, body.encode()), 0.0)
        assert not caught.value.retryable


def test_signs_within_texts_cost_nothing() -> None:
    document = [{"text": "{[,:" * 1_000_000}]
    text = json.dumps(document)
    assert parse_json(text, max_memory=1_000_000) == document
    with pytest.raises(UnreadableJsonError):
        parse_json("[" + "{}," * 100_000 + "0]", max_memory=1_000_000)


@pytest.mark.parametrize("piece", ["\\\\", "\\", "x", "\\ud83d", "é"])
def test_a_record_of_megabytes_is_not_begun_over_and_over(piece: str) -> None:
    for name in ("records", "watcher"):
        _check(READERS[name], '[{"chat_id": "a", "messages": [{"content": "', piece, '"}]}]', 4_000_000)
