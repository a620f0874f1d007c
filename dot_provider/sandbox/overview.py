"""What happened in a sandbox so far, as plain data for ``/sandbox/state`` and the page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from dot_provider.sandbox.conversations import Conversation, iso
from dot_provider.sandbox.workspace import Workspace


def overview(workspace: Workspace) -> dict[str, Any]:
    """Return counts, and the things themselves where they are few enough to read."""
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
    return {
        "chat_id": conversation.chat_id,
        "questions": [turn.question for turn in conversation.turns],
        "status": conversation.status,
        "author": conversation.author,
        "posts": conversation.posts,
        "duplicates": conversation.duplicates,
        "labels": conversation.labels,
        "environment": conversation.environment,
        "mode": conversation.mode,
    }
