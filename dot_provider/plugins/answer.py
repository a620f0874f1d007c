"""The tab "Dot answer" of Airflow's task pages, from 3.1 on: one static script, which reads Airflow's own XComs.

There is no endpoint with data of ours: the script asks Airflow's public API as the person who looks, so that whoever
may not read a DAG's XComs sees no answer either. Every component of Airflow imports this module when it starts, hence
no web framework: the script is served by a plain ASGI function.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow.plugins_manager import AirflowPlugin

from dot_provider._airflow import conf

SHOWN = ("auto", "always", "never")
"""What ``[dot] answer_tab`` may say; ``auto`` shows the tab wherever Airflow has tabs of plugins."""

_PREFIX = "/dot-provider"
_SCRIPT = Path(__file__).with_name("www") / "answer.js"
_HEADERS = ((b"content-type", b"text/javascript; charset=utf-8"), (b"cache-control", b"max-age=300"))

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def serve_script(scope: dict[str, Any], receive: Any, send: Send) -> None:
    """Answer ``GET /dot-provider/answer.js``, and 404 to everything else."""
    if scope["type"] != "http":
        return
    found = scope["path"].endswith("/answer.js") and scope["method"] in ("GET", "HEAD")
    # A list of its own each time: Airflow's compression writes into it.
    headers = list(_HEADERS) if found else []
    await send({"type": "http.response.start", "status": 200 if found else 404, "headers": headers})
    wanted = found and scope["method"] == "GET"
    await send({"type": "http.response.body", "body": _SCRIPT.read_bytes() if wanted else b""})


def tabs() -> list[dict[str, Any]]:
    """Return the tab as Airflow's ``react_apps`` want it; none where ``[dot] answer_tab`` is ``never``."""
    shown = conf.get("dot", "answer_tab", fallback="auto").strip().lower()
    if shown not in SHOWN:
        raise ValueError(f"[dot] answer_tab must be one of {', '.join(SHOWN)}, not {shown!r}.")
    if shown == "never":
        return []
    # The path alone: the browser may know the server by another name than base_url says.
    path = urlsplit(conf.get("api", "base_url", fallback="/")).path.rstrip("/")
    return [
        {
            "name": "Dot answer",
            "url_route": "dot-answer",
            "destination": "task_instance",
            "bundle_url": f"{path}{_PREFIX}/answer.js",
            # Airflow reads it from 3.4 on; before, the tab stands on every task and says so where there is no answer.
            "applies_to": {"operator_name": ["DotAskOperator", "@task.dot_ask", "DotRunEvaluationOperator"]},
        }
    ]


class DotPlugin(AirflowPlugin):
    """Registered by the entry point ``airflow.plugins``; Airflow before 3.1 has no such tabs and ignores them."""

    name = "dot"
    fastapi_apps = [{"name": "dot", "app": serve_script, "url_prefix": _PREFIX}]
    react_apps = tabs()
