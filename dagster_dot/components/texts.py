"""Texts and times in YAML, checked: refused by ``dg check yaml``, and by their line when the project is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import dagster as dg
from pydantic import TypeAdapter, ValidationError

from dagster_dot.components.hints import form_hints
from dot_provider.api.calls.arguments import checked_seconds, checked_text, checked_texts

_TEXT = {"minLength": 1}
# Dagster lets every field be a text, because a template is one: any other text is to be told that it is no list.
_NO_TEMPLATE = {"type": "string", "not": {"pattern": r"\{\{"}}
_TEXTS = {"items": _TEXT, "if": _NO_TEMPLATE, "then": {"type": "array"}}

_SECONDS = {"exclusiveMinimum": 0, "pattern": r"\{\{|^P|^\d+:\d"}


def text(name: str, description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of the field ``name``, a text; the other arguments are those of ``hints.field``."""
    return _checked(name, checked_text, str, _TEXT, description, examples, hints)


def texts(name: str, description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of the field ``name``, a list of texts; the other arguments are those of ``hints.field``."""
    return _checked(name, checked_texts, Sequence[str], _TEXTS, description, examples, hints)


def seconds(name: str, description: str) -> dg.Resolver:
    """Return the resolver of the field ``name``, a time to wait: seconds, or a text like ``PT1H``, ``01:00:00``."""

    def check(name: str, value: object) -> float:
        if isinstance(value, str):
            with suppress(ValidationError):  # what is no time is told below
                value = TypeAdapter(timedelta).validate_python(value)
        return checked_seconds(name, value)

    return _checked(name, check, float | str, _SECONDS, description, [3600, "PT1H"], {"advanced": True})


def _checked(
    name: str,
    check: Callable[[str, object], Any],
    written_as: Any,
    schema: dict[str, Any],
    description: str,
    examples: list[Any] | None,
    hints: dict[str, Any],
) -> dg.Resolver:
    def resolve(context: dg.ResolutionContext, written: Any) -> Any:
        return check(name, context.resolve_value(written))

    return dg.Resolver(
        resolve,
        model_field_type=written_as,
        inject_before_resolve=False,
        description=description,
        examples=examples,
        **form_hints(hints, schema),
    )
