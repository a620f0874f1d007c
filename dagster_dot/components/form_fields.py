"""Fields of components in YAML: how each is read, and what Dagster's catalog and form say of it.

A component declares plain typed fields. Their words come from the docstring of the builder that takes the same
arguments, their examples and hints from ``FIELDS``, and a reader from their type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import cache
from inspect import getdoc
from typing import Any, NamedTuple

import dagster as dg
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from dagster_dot.references import is_template, kept_reference, render
from dot_provider.api.arguments import Seconds, checked_seconds, checked_text, checked_texts


class Hint(NamedTuple):
    """What is shown of a field beside its words: valid values, and hints for the form (since Dagster 1.13)."""

    examples: Sequence[Any] = ()
    advanced: bool = False
    multiline: bool = False
    widget: str | None = None
    placeholder: str | None = None


ADVANCED = Hint(advanced=True)
_TIME = Hint([3600, "PT1H"], advanced=True)
_DASHBOARD, _PERSON = {"id": "1", "subtype": "looker_dashboard"}, {"email": "ada@shop.example", "role": "modeler"}

FIELDS: Mapping[str, Hint] = {
    "allow_http": ADVANCED,
    "api_token": Hint(["{{ env.DOT_API_TOKEN }}"]),
    "assets": Hint([[_DASHBOARD]]),
    "assets_file": Hint(["dashboards.csv"]),
    "base_url": Hint(["https://dot.example.com"]),
    "connection_id": Hint(["shop"]),
    "connection_type": Hint(["dbt", "snowflake"], placeholder="dbt"),
    "credentials": Hint(["{{ env.WAREHOUSE_URL }}"]),
    "dbt_defs": Hint(["shop"]),
    "dbt_manifest": Hint(["{{ context.project_root }}/dbt/target"]),
    "destination": Hint(["duckdb", "snowflake"]),
    "destination_options": ADVANCED,
    "evaluation_id": Hint(["revenue"]),
    "folder": Hint(["Finance"]),
    "follow_ups": Hint([["Which products fell behind?"]]),
    "group_name": ADVANCED,
    "html": Hint(multiline=True),
    "include_all_workspaces": ADVANCED,
    "key_prefix": ADVANCED,
    "labels": Hint([["weekly"]]),
    "lookback_days": ADVANCED,
    "markdown": Hint(multiline=True),
    "min_pass_rate": Hint([0.9]),
    "minimum_interval_seconds": ADVANCED,
    "mode": Hint(["balanced"]),
    "op_tags": ADVANCED,
    "password": Hint(["{{ env.DOT_PASSWORD }}"], advanced=True),
    "pool": ADVANCED,
    "poll_interval": _TIME,
    "question": Hint(["How many orders did we ship last week?"], multiline=True),
    "questions": Hint([["What was revenue last month?"]]),
    "region": Hint(placeholder="us"),
    "resource_key": ADVANCED,
    "retry": ADVANCED,
    "save_to": Hint(["s3://reports/orders"]),
    "schedule": Hint(["0 6 * * *"]),
    "severity": Hint(["WARN"]),
    "start_date": Hint(["2026-01-01"], widget="date"),
    "subtype": Hint(["looker_dashboard"]),
    "timeout": _TIME,
    "title": Hint(["Revenue"]),
    "token_header": ADVANCED,
    "url_auth_user": ADVANCED,
    "username": ADVANCED,
    "users": Hint([[_PERSON]]),
    "webserver_url": Hint(["https://dagster.example.com"]),
}
"""Hints by a field's name, which means the same in every component."""


def field(description: str, *, examples: Sequence[Any] = (), advanced: bool = False) -> dg.Resolver:
    """Return the resolver of a field with words and examples of its own; it is read as its type says."""
    return _described(dg.Resolver.default(), description, Hint(examples, advanced))


def reference(written_as: Any = str | None) -> dg.Resolver:
    """Return the resolver of a setting that stays a reference to the environment until it is needed."""
    return dg.Resolver(kept_reference, inject_before_resolve=False, model_field_type=written_as)


def complete(fields: Mapping[str, FieldInfo], words: Mapping[str, str]) -> None:
    """Give each field of a component the resolver that its type, ``words`` and ``FIELDS`` say.

    A field of which they say nothing, such as one that a user's subclass adds, is left to Dagster.
    """
    for name, info in fields.items():
        given = next((one for one in info.metadata if isinstance(one, dg.Resolver)), None)
        description = (given and given.description) or words.get(name)
        if description is None:
            continue
        resolver = given if given is not None and not given.is_default else _by_type(info.annotation)
        hint = FIELDS.get(name, Hint(given.examples or ()) if given else Hint())
        info.metadata = [one for one in info.metadata if one is not given]
        info.metadata.append(_described(resolver, description, hint))


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
        return _reader(_read_seconds, model_field_type=str | float)
    resolver: dg.Resolver = dg.Resolver.default()
    return resolver


def _reader(read: Callable[[dg.ResolutionContext, Any], Any], **settings: Any) -> dg.Resolver:
    return dg.Resolver(read, inject_before_resolve=False, **settings)


def _described(resolver: dg.Resolver, description: str, hint: Hint) -> dg.Resolver:
    """Return a copy with words and hints, because one resolver may be that of several fields."""
    examples = list(hint.examples) or None
    given = {name: value for name, value in hint._asdict().items() if value and name != "examples"}
    if "widget" in given:
        from dagster.components.resolved.form_config import FormWidget

        given["widget"] = FormWidget(given["widget"])
    form: dict[str, Any] = {"form_config": dg.ComponentFormConfig(**given)} if given and has_forms() else {}
    return dg.Resolver(
        resolver.fn,
        model_field_type=resolver.model_field_type,
        inject_before_resolve=resolver.inject_before_resolve,
        description=description,
        examples=examples,
        **form,
    )


def has_forms() -> bool:
    """Whether this Dagster has an editor of components."""
    return hasattr(dg, "ComponentFormConfig")


def _sentence(words: str) -> str:
    text = " ".join(words.split()).partition(" In Python ")[0].replace("``", "")
    return text[:1].upper() + text[1:]


def _name(context: dg.ResolutionContext) -> str:
    *before, last = context.path
    return f"{before[-1]}[{last}]" if isinstance(last, int) else str(last)
