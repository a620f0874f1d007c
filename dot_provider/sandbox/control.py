"""The sandbox's own endpoints, under ``/sandbox``: misbehave, look, start over."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Base64Bytes, Field

from dot_provider.sandbox.auth import InWorkspace
from dot_provider.sandbox.conversations import Conversation, iso
from dot_provider.sandbox.faults import Fault

router = APIRouter(prefix="/sandbox")


class FaultOrder(Fault):
    """The parameters of ``Sandbox.fail_next``; ``body_base64`` is for bytes that JSON cannot hold."""

    times: int = Field(default=1, ge=1, le=100_000)
    body_base64: Base64Bytes | None = None

    def fault(self) -> Fault:
        """Return what the order asks for."""
        fields = self.model_dump(exclude={"times", "body_base64"})
        return Fault(**fields if self.body_base64 is None else {**fields, "body": self.body_base64})


@router.post("/faults")
async def add_fault(workspace: InWorkspace, order: FaultOrder) -> dict[str, Any]:
    """Misbehave towards the next requests that match."""
    workspace.faults.add(order.fault(), order.times)
    return {"waiting": len(workspace.faults.waiting)}


@router.get("/faults")
async def faults(workspace: InWorkspace) -> list[dict[str, Any]]:
    """List the faults that no request has met yet."""
    return [fault.model_dump(exclude={"body"}) for fault in workspace.faults.waiting]


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
    """Show what was synced, asked, imported and reported: counts, and the things themselves where they are few."""
    return {
        "older": workspace.settings.older,
        "requests": workspace.recorder.total,
        "past_conversations": len(workspace.past),
        "conversations": [_conversation(c) for c in workspace.conversations.values()],
        "syncs": [{**asdict(sync), "time": iso(sync.time)} for sync in workspace.syncs],
        "connections": dict(workspace.connections),
        "external_assets": len(workspace.production.assets),
        "notes": [note["title"] for note in workspace.production.notes.values()],
        "environments": [environment.as_json() for environment in workspace.environments.values()],
        "evaluation_runs": [run.as_json() for run in workspace.evaluation_runs.values()],
        "incidents": [asdict(incident) for incident in workspace.incidents.all],
        "dbt": {
            "reports": workspace.dbt.count,
            "invocation_id": workspace.dbt.invocation_id,
            "statuses": workspace.dbt.statuses,
        },
        "users": [account.as_json() for account in workspace.accounts.by_email.values()],
        "faults_waiting": len(workspace.faults.waiting),
    }


def _conversation(conversation: Conversation) -> dict[str, Any]:
    names = ("chat_id", "status", "author", "posts", "duplicates", "labels", "environment", "mode")
    questions = [turn.question for turn in conversation.turns]
    return {"questions": questions, **{name: getattr(conversation, name) for name in names}}
