"""The sandbox's own endpoints, under ``/sandbox``: misbehave, look, start over."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from dot_provider.sandbox.faults import Fault
from dot_provider.sandbox.overview import overview
from dot_provider.sandbox.workspace import InWorkspace

router = APIRouter(prefix="/sandbox")


class FaultOrder(BaseModel):
    """The parameters of ``Sandbox.fail_next``; ``body_base64`` is for bytes that JSON cannot hold."""

    model_config = ConfigDict(extra="forbid")

    path_prefix: str | None = None
    method: str | None = None
    times: int = Field(default=1, ge=1, le=100_000)
    status: int | None = None
    detail: Any = None
    body: str | dict[str, Any] | list[Any] | None = None
    body_base64: str | None = None
    content_type: str | None = None
    headers: dict[str, str] | None = None
    retry_after: str | int | float | None = None
    latency: float = Field(default=0.0, ge=0)
    effect: bool = False
    lose: Literal["reset", "hang"] | None = None
    truncate: bool | Literal["close"] = False
    drip: float | None = Field(default=None, ge=0)
    gzip: bool = False

    def fault(self) -> Fault:
        """Return what the order asks for; raises ValueError."""
        fields = self.model_dump(exclude={"times", "body_base64"})
        if self.body_base64 is not None:
            fields["body"] = base64.b64decode(self.body_base64, validate=True)
        return Fault(**fields)


@router.post("/faults")
async def add_fault(workspace: InWorkspace, order: FaultOrder) -> dict[str, Any]:
    """Misbehave towards the next requests that match."""
    try:
        workspace.faults.add(order.fault(), order.times)
    except (ValueError, binascii.Error) as error:
        raise HTTPException(400, str(error)) from None
    return {"waiting": len(workspace.faults.waiting)}


@router.get("/faults")
async def faults(workspace: InWorkspace) -> list[dict[str, Any]]:
    """List the faults that no request has met yet."""
    return [{key: item for key, item in asdict(f).items() if key != "body"} for f in workspace.faults.waiting]


@router.delete("/faults")
async def clear_faults(workspace: InWorkspace) -> dict[str, int]:
    """Behave well again."""
    workspace.faults.clear()
    return {"waiting": 0}


@router.get("/requests")
async def requests(
    workspace: InWorkspace, path_prefix: str = "", limit: Annotated[int, Query(ge=0)] = 1000
) -> list[dict[str, Any]]:
    """List the last recorded requests, oldest first, without secrets."""
    kept = [request for request in workspace.recorder.requests if request.path.startswith(path_prefix)]
    return [asdict(request) for request in kept[max(0, len(kept) - limit) :]]


@router.post("/reset")
async def reset(workspace: InWorkspace) -> dict[str, str]:
    """Forget everything that was sent, as if the sandbox had just been started."""
    workspace.reset()
    return {"status": "reset"}


@router.get("/state")
async def state(workspace: InWorkspace) -> dict[str, Any]:
    """Show what was synced, asked, imported and reported."""
    return overview(workspace)
