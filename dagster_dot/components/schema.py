"""What ``dg check yaml`` knows of our fields besides their types: every wrong value is told by its field and line.

Dagster lets each field be a text as well, because a template is one. That hides every error inside a list or mapping
behind "not valid under any of the given schemas" of the whole, and lets any text pass. Here a text that is no template
must be what the field is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dot_provider.api.arguments import LONGEST_WAIT
from dot_provider.api.external_assets import ExternalAsset
from dot_provider.api.settings import REGIONS
from dot_provider.api.users import ROLES
from dot_provider.history.destination import DESTINATIONS

Schema = dict[str, Any]

_TEMPLATE: Schema = {"type": "string", "pattern": r"\{[{%]"}
_TEXT: Schema = {"type": "string"}
_FILLED: Schema = {"type": "string", "minLength": 1}
_NAME: Schema = {"pattern": "^[A-Za-z0-9_]+$"}
_DAY: Schema = {
    "pattern": r"^\d{4}-\d\d-\d\d",
    "if": {"pattern": r"^\d{4}-\d\d-\d\d"},
    "then": {"pattern": r"^\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|02-[012]\d)"},
}
_ABOVE_0: Schema = {"exclusiveMinimum": 0}
_TIME: Schema = {**_ABOVE_0, "maximum": LONGEST_WAIT, "pattern": r"^P|^\d+:\d"}
_FROM_0: Schema = {"minimum": 0}


def _like(pattern: str, words: str) -> Schema:
    """Return what a text must match, told in words: nobody reads an expression in an error."""
    return {"if": {"pattern": pattern}, "else": {"enum": [words]}}


_LOOPBACK = r"^http://(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)"
NEEDED: Mapping[str, Schema] = {
    "allow_http": {
        "if": {"properties": {"allow_http": {"enum": [False]}}},
        "then": {
            "properties": {
                "base_url": _like(
                    rf"^(?!http://)|{_LOOPBACK}|{_TEMPLATE['pattern']}", "https://..., or http:// with allow_http: true"
                )
            }
        },
    },
    "username": {
        "if": {"required": ["username"]},
        "then": {"required": ["password"]},
        "else": {"required": ["api_token"]},
    },
    "html": {
        "if": {"anyOf": [{"required": [name]} for name in ("html", "markdown_file", "dbt_doc")]},
        "else": {"required": ["markdown"]},
        "dependentRequired": {"dbt_doc": ["dbt_manifest"]},
    },
}
"""What a component with such a field needs of others, which are right by themselves."""


def _rows(fields: Mapping[str, Schema], required: tuple[str, ...]) -> Schema:
    rows = {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}
    return {"items": rows}


def _cron_field(value: str) -> str:
    item = rf"(\*|({value})(-({value}))?)(/\d+)?"
    return f"{item}(,{item})*"


_CRON_VALUES = (
    r"[0-5]?\d",
    r"[01]?\d|2[0-3]",
    r"0?[1-9]|[12]\d|3[01]|[lL]",
    r"0?[1-9]|1[0-2]|[a-zA-Z]{3}",
    r"[lL]?[0-7](#[1-5])?|[a-zA-Z]{3}(#[1-5])?",
)
_CRON_FIELDS = r"\s+".join(map(_cron_field, _CRON_VALUES))
CRON = rf"^\s*(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|{_CRON_FIELDS})\s*$"
"""A cron schedule as Dagster takes it: five fields, or a word for them."""

WEB_ADDRESS = r"^https?://[^/\s]+"
"""An address that a browser opens."""

RULES: Mapping[str, Schema] = {
    "region": {"enum": list(REGIONS)},
    "base_url": {"pattern": r"^https?://[^/\s?#@]+(/api)?/?$"},
    "webserver_url": {"pattern": WEB_ADDRESS},
    "token_header": {"enum": ["X-API-KEY", "API-KEY"]},
    "timeout": _TIME,
    "poll_interval": _TIME,
    "minimum_interval_seconds": _FROM_0,
    "lookback_days": _FROM_0,
    "max_retries": _FROM_0,
    "delay": _FROM_0,
    "max_partitions_per_run": {"minimum": 1},
    "min_pass_rate": {"minimum": 0, "maximum": 1},
    "schedule": _like(CRON, "a cron schedule such as 0 6 * * *"),
    "destination": {"enum": list(DESTINATIONS)},
    "start_date": _DAY,
    "end_date": _DAY,
    "name": _NAME,
    "group_name": _NAME,
    "owners": {"items": {"pattern": r"^team:[a-zA-Z0-9_-]+$|^[^@\s]+@[^@\s]+\.[^@\s]+$"}},
    "assets": _rows({name: {} for name in ExternalAsset.__dataclass_fields__}, ("id", "subtype")),
    "users": _rows(
        {"email": {"pattern": r"^[^@\s]+@[^@\s]+$"}, "role": {"enum": [*ROLES, None]}, "groups": {"items": _FILLED}},
        ("email",),
    ),
}
"""What a field may be, by its name, which means the same in every component."""


def strict(schema: Schema) -> Schema:
    """Return a component's JSON schema with ``RULES``, and with errors told where they are."""
    models = schema.get("$defs", {})
    whole = _model(schema, models)
    return {**whole, "$defs": {name: _model(model, models) for name, model in models.items()}} if models else whole


def _model(model: Schema, models: Mapping[str, Schema]) -> Schema:
    fields = model.get("properties", {})
    rules = {} if "fmt" in fields else RULES  # partitions with a format of their own for dates
    strict_fields = {name: _field(field, rules.get(name, {}), models) for name, field in fields.items()}
    needed = [rule for name, rule in NEEDED.items() if name in fields]
    return {**model, **({"allOf": needed} if needed else {}), "properties": strict_fields} if fields else model


def _field(field: Schema, rule: Schema, models: Mapping[str, Schema]) -> Schema:
    """Return a field that is a template, or what its types and its rule say."""
    variants = field.get("anyOf") or [{key: field[key] for key in ("type", "const") if key in field}]
    types = [_type(one, models) for one in variants]
    if not all(types):
        return field
    # Dagster adds the text behind the field's own types; where it stands first, it is one of them.
    own = {kind: one for kind, one in zip(types, variants, strict=True) if one != _TEXT or one is variants[0]}
    objects = [one for one in variants if "$ref" in one and _type(one, models) == "object"]
    if len(objects) > 1:
        if not all("type" in models[_name(one)]["properties"] for one in objects):
            return field
        own["object"] = _one_of(objects, models)
    kinds = list(own)
    no_text: Schema = {"type": kinds if len(kinds) > 1 else kinds[0]}
    holds: list[Schema] = [{"if": {"type": "string"}, "then": no_text}] if "string" not in own else []
    holds += [{"if": {"type": kind}, "then": _filled(one, field)} for kind, one in own.items() if kind != "null"]
    kept = {key: value for key, value in field.items() if key not in ("anyOf", "type", "const")}
    return {**kept, "type": list(dict.fromkeys(types)), "if": _TEMPLATE, "else": {"allOf": [*holds, rule]}}


def _filled(one: Schema, field: Schema) -> Schema:
    """Return a type whose texts are not empty, unless the empty text is what the field is without a value."""
    if field.get("default") == "":
        return one
    texts = {**one, "items": _FILLED} if one.get("items") == _TEXT else one
    return _FILLED if texts == _TEXT else texts


def _one_of(objects: list[Schema], models: Mapping[str, Schema]) -> Schema:
    """Return the model that a mapping's ``type`` names."""
    kinds = {models[_name(one)]["properties"]["type"]["const"]: one for one in objects}
    choices = [{"if": {"properties": {"type": {"const": kind}}}, "then": one} for kind, one in kinds.items()]
    known = {"required": ["type"], "properties": {"type": {"enum": list(kinds)}}}
    return {**known, "if": {"required": ["type"]}, "then": {"allOf": choices}}


def _type(one: Schema, models: Mapping[str, Schema]) -> str:
    found = models[_name(one)] if "$ref" in one else one
    return str(found.get("type", ""))


def _name(one: Schema) -> str:
    return str(one["$ref"]).rpartition("/")[2]
