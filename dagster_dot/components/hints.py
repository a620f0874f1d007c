"""Hints for Dagster's component editor, which Dagster has known since 1.13; without it they are left out."""

from __future__ import annotations

from typing import Any

import dagster as dg


def field(description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of a field that is taken as it is, with its description and hints for the form.

    Args:
        description: what the field is.
        examples: values that are valid.
        **hints: fields of ``dagster.ComponentFormConfig``, such as ``placeholder``, ``advanced`` or ``widget``.
    """
    resolver: dg.Resolver = dg.Resolver.default(description=description, examples=examples, **form_hints(hints))
    return resolver


def form_hints(hints: dict[str, Any], schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return arguments of ``dg.Resolver``: for the form, and for what the field's JSON schema says besides its type."""
    if not _known():
        return {}
    if "widget" in hints:
        from dagster.components.resolved.form_config import FormWidget

        hints = {**hints, "widget": FormWidget(hints["widget"])}
    return {"form_config": dg.ComponentFormConfig(**hints) if hints else None, "json_schema_extra": schema}


def form(label: str) -> Any:
    """Return the form of a component that people may edit in the app, or None where Dagster has no such editor."""
    return dg.ComponentFormConfig(label=label, editable=True) if _known() else None


def type_spec(description: str, *produces: str) -> dg.ComponentTypeSpec:
    """Return what Dagster's catalog of components says."""
    kinds: dict[str, Any] = {"produces": list(produces)} if _known() else {}
    return dg.ComponentTypeSpec(description=description, tags=["dot", "ai"], **kinds)


def _known() -> bool:
    return hasattr(dg, "ComponentFormConfig")
