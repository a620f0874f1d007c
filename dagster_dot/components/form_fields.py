"""Fields of components in YAML: how each is read, and what Dagster's catalog and form say of it.

A component declares plain typed fields. Their words come from the docstring of the builder that takes the same
arguments, or from a text in their annotation; examples and hints stand below, and a reader follows from the type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from inspect import getdoc
from typing import Any

import dagster as dg
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from dagster_dot.references import is_template, keep_reference, render
from dot_provider.api.arguments import Seconds, checked_seconds, checked_text, checked_texts

EXAMPLES: Mapping[str, list[Any]] = {
    "api_token": ["{{ env.DOT_API_TOKEN }}"],
    "baseline": ["latest_pass"],
    "assets": [[{"id": "1", "subtype": "looker_dashboard"}]],
    "assets_file": ["dashboards.csv"],
    "base_url": ["https://dot.example.com"],
    "connection_id": ["shop"],
    "connection_type": ["dbt", "snowflake"],
    "credentials": ["{{ env.WAREHOUSE_URL }}"],
    "dbt_defs": ["shop"],
    "dbt_manifest": ["{{ context.project_root }}/dbt/target"],
    "destination": ["duckdb", "snowflake"],
    "evaluation_id": ["revenue"],
    "follow_ups": [["Which products fell behind?"]],
    "labels": [["weekly"]],
    "min_pass_rate": [0.9],
    "mode": ["balanced"],
    "password": ["{{ env.DOT_PASSWORD }}"],
    "question": ["How many orders did we ship last week?"],
    "save_to": ["s3://reports/orders"],
    "schedule": ["0 6 * * *"],
    "severity": ["WARN"],
    "sql_resource_key": ["warehouse"],
    "start_date": ["2026-01-01"],
    "subtype": ["looker_dashboard"],
    "suite_file": ["{{ context.project_root }}/evaluations/shop.yaml"],
    "title": ["Revenue"],
    "webserver_url": ["https://dagster.example.com"],
}
"""Valid values by a field's name, which means the same in every component."""

_ADVANCED = """allow_http dbt_project_dir destination_options group_name include_all_workspaces key_prefix
    lookback_days mf_command minimum_interval_seconds op_tags password per_question poll_interval pool
    required resource_key retry since target_environment timeout token_header url_auth_user username"""
FORM: Mapping[str, Mapping[str, Any]] = {
    **{name: {"advanced": True} for name in _ADVANCED.split()},
    **{name: {"multiline": True} for name in ("html", "markdown", "question")},
}
"""Hints for the form, where Dagster has one (since 1.13), by a field's name."""


def field(name: str, description: str) -> dg.Resolver:
    """Return the resolver of a field with words of its own, for a class that ``complete`` does not see."""
    return _described(dg.Resolver.default(), name, description)


def reference(written_as: Any = str | None) -> dg.Resolver:
    """Return the resolver of a setting that stays a reference to the environment until it is needed."""
    return dg.Resolver(keep_reference, inject_before_resolve=False, model_field_type=written_as)


def complete(fields: Mapping[str, FieldInfo], words: Mapping[str, str]) -> None:
    """Give each field of a component the resolver that its type says, described by ``words`` or by an annotated text.

    A field of which nothing is said, such as one that a user's subclass adds, is left to Dagster.
    """
    for name, info in fields.items():
        given = next((one for one in info.metadata if isinstance(one, dg.Resolver | str)), None)
        own = given if isinstance(given, str) else given and given.description
        if description := own or words.get(name):
            resolver = given if isinstance(given, dg.Resolver) else _by_type(info.annotation)
            info.metadata = [one for one in info.metadata if one is not given]
            info.metadata.append(_described(resolver, name, description))


@cache
def words_of(documented: Any) -> Mapping[str, str]:
    """Return what the docstring of a function or class says of each argument or attribute, up to the words for Python.

    A paragraph of Google's style: ``name: words``, indented below ``Args:`` or ``Attributes:``.
    """
    section = re.search(r"^(?:Args|Attributes):\n((?: .*\n?|\n(?= ))+)", getdoc(documented) or "", re.MULTILINE)
    entries = re.findall(r"^ {4}(\w+): ((?:.*\n?)(?: {8}.*\n?)*)", section[1] if section else "", re.MULTILINE)
    return {name: _sentence(words) for name, words in entries}


def read_text(context: dg.ResolutionContext, written: Any) -> Any:
    """Return a text of a YAML file with its templates filled in; what looks like a number stays a text.

    Raises:
        DotUsageError: it is empty or no text.
    """
    if written is None:
        return None
    found = context.resolve_value(written) if is_template(written) else written
    if is_template(written) and not isinstance(found, str):
        found = render(_name(context), written, **context.scope)
    return checked_text(_name(context), found)


def _read_texts(context: dg.ResolutionContext, written: Any) -> Any:
    if isinstance(written, list | tuple):
        return [read_text(context.at_path(place), one) for place, one in enumerate(written)]
    return None if written is None else checked_texts(_name(context), context.resolve_value(written))


def _read_seconds(context: dg.ResolutionContext, written: Any) -> float | None:
    found = context.resolve_value(written)
    if isinstance(found, str):
        with suppress(ValidationError):  # what is no time is told below
            found = TypeAdapter(timedelta).validate_python(found)
    return None if found is None else checked_seconds(_name(context), found)


def _by_type(annotation: Any) -> dg.Resolver:
    """Return the resolver of a field: a text may not be empty, and ``"42"`` stays one, which Dagster makes a number."""
    if annotation in (str, str | None):
        return _reader(read_text)
    if annotation == Sequence[str]:
        return _reader(_read_texts)
    if annotation in (Seconds, Seconds | None):
        return _reader(_read_seconds, model_field_type=str | float, examples=[3600, "PT1H"])
    resolver: dg.Resolver = dg.Resolver.default()
    return resolver


def _reader(read: Callable[[dg.ResolutionContext, Any], Any], **settings: Any) -> dg.Resolver:
    return dg.Resolver(read, inject_before_resolve=False, **settings)


def _described(resolver: dg.Resolver, name: str, description: str) -> dg.Resolver:
    """Return a copy with words, examples and hints, because one resolver may be that of several fields."""
    form: dict[str, Any] = {"form_config": dg.ComponentFormConfig(**FORM[name])} if name in FORM and has_forms() else {}
    return dg.Resolver(
        resolver.fn,
        model_field_type=resolver.model_field_type,
        inject_before_resolve=resolver.inject_before_resolve,
        description=description,
        examples=resolver.examples or EXAMPLES.get(name),
        **form,
    )


def has_forms() -> bool:
    """Whether this Dagster has an editor of components."""
    return hasattr(dg, "ComponentFormConfig")


def _sentence(words: str) -> str:
    text = " ".join(words.split()).partition(" In Python ")[0]
    return (text[:1].upper() + text[1:]).replace("``", "")


def _name(context: dg.ResolutionContext) -> str:
    *before, last = context.path
    return f"{before[-1]}[{last}]" if isinstance(last, int) else str(last)
