"""A local Dot: the documented API over real HTTP, to try DAGs without spending credits.

Run it with the console script ``dot-sandbox``, or from Python::

    from dot_provider.sandbox import Sandbox

    with Sandbox() as dot:
        print(dot.base_url, dot.token)

Needs the extra ``sandbox`` (FastAPI, uvicorn, DuckDB, Jinja, markdown-it, Pillow), imported when a name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dot_provider._lazy import lazy_names

if TYPE_CHECKING:
    from dot_provider.sandbox.conversations import Conversation
    from dot_provider.sandbox.faults import Fault
    from dot_provider.sandbox.recording import RecordedRequest
    from dot_provider.sandbox.server import Sandbox

__all__ = ["Conversation", "Fault", "RecordedRequest", "Sandbox"]

_HOMES = {
    "Conversation": "conversations",
    "Fault": "faults",
    "RecordedRequest": "recording",
    "Sandbox": "server",
}


def _explain(error: ModuleNotFoundError) -> str | None:
    if (error.name or "").startswith("dot_provider"):
        return None
    return f"The sandbox needs {error.name!r}, which is not installed: pip install 'dot-provider[sandbox]'"


__getattr__, __dir__ = lazy_names(__name__, _HOMES, _explain)
