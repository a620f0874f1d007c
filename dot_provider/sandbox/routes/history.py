"""The export of all conversations."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse

from dot_provider.sandbox import export
from dot_provider.sandbox.auth import AdminByUrl
from dot_provider.sandbox.history import day_start, default_days
from dot_provider.sandbox.workspace import InWorkspace

router = APIRouter(prefix="/api")

_EARLIEST, _LATEST = day_start("1970-01-01"), day_start("3000-01-01")


@router.get("/export_history")
async def export_history(
    workspace: InWorkspace,
    _: AdminByUrl,
    start_date: str | None = None,
    end_date: str | None = None,
    include_all_workspaces: bool = False,
) -> StreamingResponse:
    """Stream the conversations between two days, by default from two weeks ago to tomorrow."""
    first, last = default_days()
    start = _parsed("start_date", start_date) if start_date else first
    end = _parsed("end_date", end_date) if end_date else last
    pieces = export.exported(workspace, start, end, include_all_workspaces)
    return StreamingResponse(pieces, media_type="application/json")


def _parsed(name: str, value: str) -> datetime:
    try:
        return min(max(day_start(value), _EARLIEST), _LATEST)
    except ValueError:
        error = {"type": "date_parsing", "loc": ("query", name), "msg": "Input should be YYYY-MM-DD", "input": value}
        raise RequestValidationError([error]) from None
