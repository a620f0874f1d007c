"""The Dot HTTP API, without an orchestrator: two clients, what they return, and what they raise.

    from dot_provider.api import DotClient

    with DotClient(token="...") as dot:
        print(dot.ask("How many orders did we ship last week?").text)

Names are loaded when they are first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dot_provider.api.async_client import AsyncDotClient
    from dot_provider.api.client import DotClient
    from dot_provider.api.errors import (
        DotAnswerFailedError,
        DotAuthError,
        DotConfigError,
        DotConflictError,
        DotError,
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
    from dot_provider.api.flows.chat_ids import chat_id_for
    from dot_provider.api.models.answer import Answer, AnswerChart, AnswerFile, AnswerTable
    from dot_provider.api.models.catalog import Catalog
    from dot_provider.api.models.connection import Connection, SyncResult, Table
    from dot_provider.api.models.conversation import Conversation
    from dot_provider.api.models.download import Download
    from dot_provider.api.models.environment import Environment
    from dot_provider.api.models.evaluation import EvaluationQuestion, EvaluationRun
    from dot_provider.api.models.exposures import DbtExposures
    from dot_provider.api.models.external_asset import ExternalAsset, StoredAsset
    from dot_provider.api.models.note import Note
    from dot_provider.api.models.push_report import PushedAsset, PushReport
    from dot_provider.api.models.reply import Reply
    from dot_provider.api.models.user import Group, User, UserToken

_MODULES = {
    "async_client": ("AsyncDotClient",),
    "client": ("DotClient",),
    "errors": (
        *("DotAnswerFailedError", "DotAuthError", "DotConfigError", "DotConflictError", "DotError"),
        *("DotEvaluationFailedError", "DotNeedsConfirmationError", "DotNotFoundError", "DotOutcomeError"),
        *("DotPartialError", "DotPermissionError", "DotProtocolError", "DotRateLimitedError", "DotRefusedError"),
        *("DotServerError", "DotTimeoutError", "DotTransientError", "DotUnreachableError", "DotUsageError"),
        "DotValidationError",
    ),
    "flows.chat_ids": ("chat_id_for",),
    "models.answer": ("Answer", "AnswerChart", "AnswerFile", "AnswerTable"),
    "models.catalog": ("Catalog",),
    "models.connection": ("Connection", "SyncResult", "Table"),
    "models.conversation": ("Conversation",),
    "models.download": ("Download",),
    "models.environment": ("Environment",),
    "models.evaluation": ("EvaluationQuestion", "EvaluationRun"),
    "models.exposures": ("DbtExposures",),
    "models.external_asset": ("ExternalAsset", "StoredAsset"),
    "models.note": ("Note",),
    "models.push_report": ("PushReport", "PushedAsset"),
    "models.reply": ("Reply",),
    "models.user": ("Group", "User", "UserToken"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

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
    "DotAuthError",
    "DotClient",
    "DotConfigError",
    "DotConflictError",
    "DotError",
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
    "ExternalAsset",
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
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    except ModuleNotFoundError as error:
        if error.name == "aiohttp":
            raise ImportError("AsyncDotClient needs aiohttp: pip install 'dot-provider[async]'.") from None
        raise


def __dir__() -> list[str]:
    return __all__
