"""Fields of components in YAML: how they are read, and hints for Dagster's component editor (since Dagster 1.13)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from dagster_dot.references import is_template, kept_reference
from dot_provider.api.arguments import checked_seconds, checked_text, checked_texts


def field(description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of a field that is taken as it is, with its description and hints for the form.

    Args:
        description: what the field is.
        examples: values that are valid.
        **hints: fields of ``dagster.ComponentFormConfig``, such as ``placeholder``, ``advanced`` or ``widget``.
    """
    resolver: dg.Resolver = dg.Resolver.default(description=description, examples=examples, **_form_hints(hints))
    return resolver


def text(description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of a text, which may not be empty; ``"42"`` stays one, which Dagster takes for a number."""
    return _read_by(read_text, description, examples, hints)


def texts(description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of a list of texts, of which none may be empty."""
    return _read_by(_texts, description, examples, hints)


def seconds(description: str) -> dg.Resolver:
    """Return the resolver of a time to wait: seconds, or a text like ``PT1H`` or ``01:00:00``."""
    return _read_by(_seconds, description, [3600, "PT1H"], {"advanced": True}, model_field_type=str | float)


def reference(
    description: str, *, written_as: Any = str | None, examples: list[Any] | None = None, **hints: Any
) -> dg.Resolver:
    """Return the resolver of a setting that stays a reference to the environment until it is needed."""
    return _read_by(kept_reference, description, examples, hints, model_field_type=written_as)


def read_text(context: dg.ResolutionContext, written: Any) -> Any:
    """Return a text of a YAML file with its templates filled in; what looks like a number stays a text.

    Raises:
        DotUsageError: it is empty or no text.
    """
    if written is None:
        return None
    found = context.resolve_value(written) if is_template(written) else written
    if is_template(written) and not isinstance(found, str):
        from dagster_dot.templates import render

        found = render(_name(context), written, **context.scope)
    return checked_text(_name(context), found)


def form(label: str) -> Any:
    """Return the form of a component that people may edit in the app, or None where Dagster has no such editor."""
    return dg.ComponentFormConfig(label=label, editable=True) if _known() else None


def type_spec(description: str, *produces: str) -> dg.ComponentTypeSpec:
    """Return what Dagster's catalog of components says."""
    kinds: dict[str, Any] = {"produces": list(produces)} if _known() else {}
    return dg.ComponentTypeSpec(description=description, tags=["dot", "ai"], **kinds)


def _read_by(
    read: Callable[[dg.ResolutionContext, Any], Any],
    description: str,
    examples: list[Any] | None,
    hints: dict[str, Any],
    **settings: Any,
) -> dg.Resolver:
    return dg.Resolver(
        read,
        inject_before_resolve=False,
        description=description,
        examples=examples,
        **settings,
        **_form_hints(hints),
    )


def _texts(context: dg.ResolutionContext, written: Any) -> Any:
    if isinstance(written, list | tuple):
        return [read_text(context.at_path(place), one) for place, one in enumerate(written)]
    return None if written is None else checked_texts(_name(context), context.resolve_value(written))


def _seconds(context: dg.ResolutionContext, written: Any) -> float:
    found = context.resolve_value(written)
    if isinstance(found, str):
        with suppress(ValidationError):  # what is no time is told below
            found = TypeAdapter(timedelta).validate_python(found)
    return checked_seconds(_name(context), found)


def _name(context: dg.ResolutionContext) -> str:
    *before, last = context.path
    return f"{before[-1]}[{last}]" if isinstance(last, int) else str(last)


def _form_hints(hints: dict[str, Any]) -> dict[str, Any]:
    if not _known() or not hints:
        return {}
    if "widget" in hints:
        from dagster.components.resolved.form_config import FormWidget

        hints = {**hints, "widget": FormWidget(hints["widget"])}
    return {"form_config": dg.ComponentFormConfig(**hints)}


def _known() -> bool:
    return hasattr(dg, "ComponentFormConfig")
