"""The Dot HTTP API, without an orchestrator: two clients, what they return, and what they raise.

    from dot_provider.api import DotClient

    with DotClient(token="...") as dot:
        print(dot.ask("How many orders did we ship last week?").text)

Names are loaded when they are first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dot_provider._lazy import lazy_names

if TYPE_CHECKING:
    from dot_provider.api._core.login import UserToken
    from dot_provider.api._core.messages import Download
    from dot_provider.api.answer import Answer, AnswerChart, AnswerFile, AnswerTable
    from dot_provider.api.ask import chat_id_for
    from dot_provider.api.client import AsyncDotClient, DotClient
    from dot_provider.api.connections import Catalog, Connection, SyncResult, Table
    from dot_provider.api.conversations import Conversation
    from dot_provider.api.dbt import DbtExposures
    from dot_provider.api.environments import Environment
    from dot_provider.api.errors import (
        DotAnswerFailedError,
        DotAnswerUnexpectedError,
        DotAuthError,
        DotConfigError,
        DotConflictError,
        DotError,
        DotEvaluationBrokenError,
        DotEvaluationFailedError,
        DotNeedsConfirmationError,
        DotNotFoundError,
        DotOutcomeError,
        DotPartialError,
        DotPermissionError,
        DotProtocolError,
        DotRateLimitedError,
        DotRefusedError,
        DotServerError,
        DotTimeoutError,
        DotTransientError,
        DotUnreachableError,
        DotUsageError,
        DotValidationError,
    )
    from dot_provider.api.evaluations import EvaluationQuestion, EvaluationRun, EvaluationTarget
    from dot_provider.api.external_assets import ExternalAsset, StoredAsset
    from dot_provider.api.gate import Gate, judge
    from dot_provider.api.notes import Note
    from dot_provider.api.push import PushedAsset, PushReport
    from dot_provider.api.records import Reply
    from dot_provider.api.users import Group, User
    from dot_provider.evaluations.suite import EvaluationSuite

_MODULES = {
    "answer": ("Answer", "AnswerChart", "AnswerFile", "AnswerTable"),
    "ask": ("chat_id_for",),
    "client": ("AsyncDotClient", "DotClient"),
    "connections": ("Catalog", "Connection", "SyncResult", "Table"),
    "conversations": ("Conversation",),
    "dbt": ("DbtExposures",),
    "environments": ("Environment",),
    "errors": (
        *("DotAnswerFailedError", "DotAnswerUnexpectedError", "DotAuthError", "DotConfigError"),
        *("DotConflictError", "DotError"),
        *(
            "DotEvaluationBrokenError",
            "DotEvaluationFailedError",
            "DotNeedsConfirmationError",
            "DotNotFoundError",
            "DotOutcomeError",
        ),
        *("DotPartialError", "DotPermissionError", "DotProtocolError", "DotRateLimitedError", "DotRefusedError"),
        *("DotServerError", "DotTimeoutError", "DotTransientError", "DotUnreachableError", "DotUsageError"),
        "DotValidationError",
    ),
    "evaluations": ("EvaluationQuestion", "EvaluationRun", "EvaluationTarget"),
    "external_assets": ("ExternalAsset", "StoredAsset"),
    "gate": ("Gate", "judge"),
    "_core.messages": ("Download",),
    "notes": ("Note",),
    "push": ("PushReport", "PushedAsset"),
    "users": ("Group", "User"),
    "_core.login": ("UserToken",),
    "records": ("Reply",),
    # A suite reads files and warehouses, which nothing in this package does; here is its public name only.
    ".evaluations.suite": ("EvaluationSuite",),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Answer",
    "AnswerChart",
    "AnswerFile",
    "AnswerTable",
    "AsyncDotClient",
    "Catalog",
    "Connection",
    "Conversation",
    "DbtExposures",
    "DotAnswerFailedError",
    "DotAnswerUnexpectedError",
    "DotAuthError",
    "DotClient",
    "DotConfigError",
    "DotConflictError",
    "DotError",
    "DotEvaluationBrokenError",
    "DotEvaluationFailedError",
    "DotNeedsConfirmationError",
    "DotNotFoundError",
    "DotOutcomeError",
    "DotPartialError",
    "DotPermissionError",
    "DotProtocolError",
    "DotRateLimitedError",
    "DotRefusedError",
    "DotServerError",
    "DotTimeoutError",
    "DotTransientError",
    "DotUnreachableError",
    "DotUsageError",
    "DotValidationError",
    "Download",
    "Environment",
    "EvaluationQuestion",
    "EvaluationRun",
    "EvaluationSuite",
    "EvaluationTarget",
    "ExternalAsset",
    "Gate",
    "Group",
    "Note",
    "PushReport",
    "PushedAsset",
    "Reply",
    "StoredAsset",
    "SyncResult",
    "Table",
    "User",
    "UserToken",
    "chat_id_for",
    "judge",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
