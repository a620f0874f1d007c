"""Texts in YAML that may not be empty: refused by ``dg check yaml``, and by their line when the project is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dagster as dg

from dagster_dot.components.hints import form_hints
from dot_provider.api.calls.arguments import checked_text, checked_texts

_TEXT = {"minLength": 1}
# Dagster lets every field be a text, because a template is one: any other text is to be told that it is no list.
_NO_TEMPLATE = {"type": "string", "not": {"pattern": r"\{\{"}}
_TEXTS = {"items": _TEXT, "if": _NO_TEMPLATE, "then": {"type": "array"}}


def text(name: str, description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of the field ``name``, a text; the other arguments are those of ``hints.field``."""
    return _checked(name, checked_text, str, _TEXT, description, examples, hints)


def texts(name: str, description: str, *, examples: list[Any] | None = None, **hints: Any) -> dg.Resolver:
    """Return the resolver of the field ``name``, a list of texts; the other arguments are those of ``hints.field``."""
    return _checked(name, checked_texts, Sequence[str], _TEXTS, description, examples, hints)


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
