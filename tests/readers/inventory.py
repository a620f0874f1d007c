"""Every reader of ours, as a function of bytes; and good documents, for tests to damage and to repeat."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dot_provider.api._core.decode import parse_retry_after, read_response
from dot_provider.api._core.messages import Response
from dot_provider.api.answer import read_answer
from dot_provider.api.answer_markdown import answer_markdown
from dot_provider.api.asset_file import read_asset_rows
from dot_provider.api.conversations import conversation
from dot_provider.api.errors import DotConfigError, DotError
from dot_provider.api.external_assets import external_assets
from dot_provider.api.history import stream_records
from dot_provider.api.manage_users import desired_users
from dot_provider.api.notes import markdown_from_html
from dot_provider.api.settings import server
from dot_provider.dbt import (
    external_assets_from_manifest,
    parse_exposures,
    parse_reference,
    read_artifacts,
    read_manifest,
    summarize,
)
from dot_provider.history.matching import matching_chats
from dot_provider.history.source import opened
from dot_provider.history.stage import Stage
from dot_provider.hooks.connection import server_of
from tests.api.calls.inventory import CALLS

Reader = Callable[[bytes], Any]


@dataclass(frozen=True)
class File:
    """A file in some storage."""

    name: str
    content: bytes

    def __str__(self) -> str:
        return self.name

    def __truediv__(self, name: str) -> File:
        return File(f"{self.name}/{name}", self.content)

    def read_text(self, encoding: str | None = None) -> str:
        return self.content.decode(encoding or "utf-8")


@dataclass
class Connection:
    """The fields of an Airflow connection."""

    host: str | None
    login: str | None = None
    password: str | None = "t0ken"
    port: int | None = None
    schema: str | None = None
    conn_id: str = "dot_default"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _document(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return _text(data)


def read_calls(data: bytes) -> None:
    for call in CALLS:
        for status in (200, 302, 404, 422, 500):
            headers = {"content-type": "application/json", "retry-after": _text(data), "location": _text(data)}
            with contextlib.suppress(DotError):
                read_response(call, Response(status, headers, data), 0.0)


def read_chat(data: bytes) -> None:
    chat = read_response(conversation("c1"), Response(200, {}, data), 0.0)
    for position in range(len(chat.questions)):
        chat.state_of(position)
        answer = read_answer(chat, position, "https://app.getdot.ai/?c=c1")
        if answer is not None:
            json.dumps(answer.to_record(), allow_nan=False).encode()
            answer_markdown(answer, {chart.key: b"png" for chart in answer.charts})
            assert all(all(len(row) == len(table.columns) for row in table.rows) for table in answer.tables)


def read_stage(data: bytes) -> None:
    with opened(data) as document, contextlib.closing(Stage(document, len(data))) as stage:
        for row, messages in stage.conversations():
            json.dumps([row, messages], default=str, allow_nan=False).encode()


def read_records(source: Any) -> list[Any]:
    with opened(source) as document:
        return [found.value for found in stream_records(document)]


def read_rows(ending: str) -> Reader:
    return lambda data: list(external_assets(read_asset_rows(File(f"a.{ending}", data))))


def read_run(data: bytes) -> None:
    artifacts = read_artifacts(run_results=File("run_results.json", data), manifest=MANIFEST)
    assert isinstance(artifacts.project + artifacts.command + (artifacts.mismatch or ""), str)
    assert summarize(artifacts).text


def read_project(data: bytes) -> None:
    manifest = read_manifest(File("manifest.json", data))
    external_assets_from_manifest(manifest, types=["dashboard"], skip_files=["models/dot_exposures.yml"])
    external_assets_from_manifest(manifest)
    artifacts = read_artifacts(run_results=RUN_RESULTS, manifest=manifest)
    assert isinstance(artifacts.project + artifacts.command + (artifacts.mismatch or ""), str)
    assert summarize(artifacts).text


def read_exposures(data: bytes) -> None:
    document = _document(data)
    entries = document.get("exposures") if isinstance(document, dict) else document
    parse_exposures([entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else [])


def read_settings(data: bytes) -> None:
    text, extra = _text(data), _document(data)
    for refused in (
        lambda: server(token="t0ken", base_url=text),
        lambda: server(token=text, environment=text),
        lambda: server_of(Connection(text, port=443), extra if isinstance(extra, dict) else {"environment": extra}),
    ):
        try:
            refused()
        except DotConfigError:
            continue


READERS: dict[str, Reader] = {
    "calls": read_calls,
    "chat": read_chat,
    "records": lambda data: list(read_records(data)),
    "records in pieces": lambda data: list(read_records(data[i : i + 7] for i in range(0, len(data), 7))),
    "records of a file": lambda data: list(read_records(io.BytesIO(data))),
    "watcher": lambda data: matching_chats(data, ["negative"], ["urgent"]),
    "stage": read_stage,
    "json": read_rows("json"),
    "yaml": read_rows("yaml"),
    "csv": read_rows("csv"),
    "users": lambda data: desired_users(_document(data)),
    "html": lambda data: markdown_from_html(_text(data)),
    "run results": read_run,
    "manifest": read_project,
    "exposures": read_exposures,
    "reference": lambda data: parse_reference(_text(data)),
    "retry-after": lambda data: parse_retry_after(_text(data), 0.0),
    "settings": read_settings,
}

_V = "https://schemas.getdbt.com/dbt"
_NODE = {
    "resource_type": "model", "name": "orders", "relation_name": '"db"."s"."orders"', "config": {"severity": "warn"},
    "description": "d", "columns": {"id": {"name": "id", "data_type": "int", "description": "key"}}, "version": 2,
    "source_name": "raw", "depends_on": {"nodes": ["source.shop.raw.orders"]}, "attached_node": "model.shop.orders",
}  # fmt: skip

MANIFEST: dict[str, Any] = {
    "metadata": {"dbt_schema_version": f"{_V}/manifest/v12.json", "project_name": "shop", "invocation_id": "a"},
    "nodes": {"model.shop.orders": _NODE, "test.shop.unique": {**_NODE, "resource_type": "test", "name": "unique"}},
    "sources": {"source.shop.raw.orders": {"name": "orders", "source_name": "raw"}},
    "exposures": {
        "exposure.shop.sales": {
            "name": "sales", "type": "dashboard", "label": "Sales", "fqn": ["shop", "marts", "sales"], "url": "u",
            "description": "d", "owner": {"name": "Ada", "email": ["a@x.y"]}, "tags": ["t"], "maturity": "high",
            "original_file_path": "models/e.yml", "depends_on": {"nodes": ["model.shop.orders"]},
        }
    },
}  # fmt: skip

RUN_RESULTS: dict[str, Any] = {
    "metadata": {"dbt_schema_version": f"{_V}/run-results/v6.json", "invocation_id": "b", "generated_at": "now"},
    "args": {"which": "build"},
    "elapsed_time": 1.5,
    "results": [
        {"unique_id": "model.shop.orders", "status": "error", "message": "m"},
        {"unique_id": "test.shop.unique", "status": "fail", "message": None},
        {
            "unique_id": "source.shop.raw.orders", "status": "pass", "max_loaded_at_time_ago_in_s": 9.0,
            "max_loaded_at": "now", "criteria": {"warn_after": {"count": 1, "period": "day"}},
        },
    ],
}  # fmt: skip

CHAT: dict[str, Any] = {
    "status": "done",
    "messages": [
        {"role": "user", "content": "How many?"},
        {
            "role": "assistant", "content": "success", "explanation": "e", "suggested_follow_ups": ["f"],
            "feedback": {"rating": "negative"}, "rating": 1, "created_at": "2026-01-01T00:00:00Z", "error": None,
            "additional_data": {
                "formatted_result": [{"type": "text", "data": "t"}, {"type": "dataframe", "data": "a"}],
                "assets": {
                    "a": {"sql_query": "s", "text_preview": "a,b\n1,2", "text_summary": "t", "shape": [1, 2]},
                    "c": {"chart_download_url": "u", "interpretation": "i"}, "f": {"download_url": "u", "path": "p"},
                },
                "credits_used": 1.5, "dot_url": "https://x", "needs_confirmation": False, "error": "",
            },
        },
    ],
}  # fmt: skip

EXPORT: dict[str, Any] = {
    "data": {
        "history": [
            {**CHAT, "chat_id": "c", "labels": ["urgent"], "rating": "negative", "author": {"email": "a"}},
            {"conversation_id": "d", "id": 1, "content": "q", "position": 1, "timestamp": 1e9, "labels": "urgent"},
        ]
    }
}

ROWS: list[Any] = [
    {"id": "1", "subtype": "s", "view_count": "2", "active": "yes", "last_accessed_at": None, "folder": "f"},
    {"id": 2, "subtype": "s", "view_count": 2.0, "active": True},
]

USERS: list[Any] = [{"email": "a@x.y", "role": "admin", "groups": ["g"]}]
EXPOSURES: dict[str, Any] = {
    "exposures": [{**MANIFEST["exposures"]["exposure.shop.sales"], "depends_on": ["ref('a', v=2)", "source('a', 'b')"]}]
}
SETTINGS: dict[str, Any] = {"region": "eu", "environment": "e", "timeout": "60", "key_header": "API-KEY"}

DOCUMENTS: dict[str, Any] = {
    "chat": CHAT, "records": EXPORT, "watcher": EXPORT, "stage": EXPORT, "json": ROWS, "yaml": ROWS,
    "users": USERS, "run results": RUN_RESULTS, "manifest": MANIFEST, "exposures": EXPOSURES, "settings": SETTINGS,
}  # fmt: skip
"""A good document for each reader of JSON."""
