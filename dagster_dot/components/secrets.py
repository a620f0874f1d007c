"""Secrets in YAML: references to environment variables that stay references."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

import dagster as dg

_REFERENCE = re.compile(r"^\s*\{\{\s*env\.(\w+)\s*\}\}\s*$")


def _resolve_secret(context: dg.ResolutionContext, raw: Any) -> Any:
    """Turn ``{{ env.NAME }}`` into an ``EnvVar``, so that the secret itself is in no definition and no snapshot of one.

    It also lets the code location load where the variable is not set; the step then says what is missing.
    """
    reference = _REFERENCE.match(raw) if isinstance(raw, str) else None
    if reference is not None:
        return dg.EnvVar(reference[1])
    if isinstance(raw, dict):
        return {name: _resolve_secret(context, value) for name, value in raw.items()}
    return context.resolve_value(raw)


# Not str: pydantic would turn an EnvVar into the bare name of its variable, and that would be sent as the token.
Token: TypeAlias = Annotated[
    Any,
    dg.Resolver(
        _resolve_secret,
        model_field_type=str,
        inject_before_resolve=False,
        description="API token from Dot's settings, of a service user, as a reference to an environment variable.",
        examples=["{{ env.DOT_API_TOKEN }}"],
    ),
]

Secret: TypeAlias = Annotated[
    Any,
    dg.Resolver(
        _resolve_secret,
        model_field_type=str | dict[str, Any],
        inject_before_resolve=False,
        description="What dlt takes as credentials: a URL, a path or a mapping, with references for what is secret.",
        examples=["{{ env.WAREHOUSE_URL }}"],
    ),
]
