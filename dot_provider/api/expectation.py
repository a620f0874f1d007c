"""What an answer must hold for a pipeline to go on: a number or rows, read from its table and never from its prose."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from dot_provider.api.answer import Answer, one_unit, read_number, typed_cell, units_in
from dot_provider.api.arguments import checked_text, hint_at
from dot_provider.api.errors import DotAnswerUnexpectedError, DotUsageError
from dot_provider.api.templates import strict_environment

Expect = Literal["number"] | Mapping[str, Any]
"""``"number"``; ``{"number": "EUR"}`` for one with its unit; or a JSON schema that the table's rows must meet."""


@dataclass(frozen=True)
class Expectation:
    """``expect=`` and ``check=`` of a question; refuses what cannot be meant before the question is asked.

    Attributes:
        expect: see ``Expect``; None takes any answer.
        check: an expression in Jinja's words, such as ``value < 1000``, that must be true. It knows ``value`` and
            ``unit`` (where ``expect`` is a number), ``rows`` (each a mapping by column), ``text`` and ``credits``.

    Raises:
        DotUsageError: one of them is wrong, or what it needs is not installed.
    """

    expect: Expect | None = None
    check: str | None = None
    _expression: Any = field(init=False, default=None, repr=False, compare=False)
    _reads_rows: bool = field(init=False, default=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not (self.expect is None or self.expect == "number" or (isinstance(self.expect, Mapping) and self.expect)):
            raise DotUsageError("expect must be 'number', {'number': UNIT}, or a JSON schema for the table's rows.")
        if self._is_number and isinstance(self.expect, Mapping):
            checked_text("expect: number", self.expect["number"])
        if self._schema is not None:
            _check_schema(self._schema)
        if self.check is not None:
            expression, names = _compiled(self.check, number=self._is_number)
            object.__setattr__(self, "_expression", expression)
            object.__setattr__(self, "_reads_rows", "rows" in names)

    def __bool__(self) -> bool:
        return self.expect is not None or self.check is not None

    def judge(self, answer: Answer) -> dict[str, Any]:
        """Return what was read from the answer: ``value`` and ``unit``, or ``rows``; nothing where none is expected.

        Args:
            answer: with its tables whole, as ``with_whole_tables`` returns them.

        Raises:
            DotAnswerUnexpectedError: the answer does not hold what is expected, or ``check`` is not true of it.
        """
        rows = [_by_column(table.columns, row) for table in answer.tables for row in table.rows]
        if (self._reads_rows or self._schema) and (twice := _named_twice(answer)):
            raise _unexpected(answer, f"rows are expected, and two columns of the answer are named {twice!r}")
        if self._reads_rows and not all(table.is_whole for table in answer.tables):
            raise _unexpected(answer, f"check {self.check!r} reads rows, and the answer has {_tables(answer)}")
        facts: dict[str, Any] = {}
        if self._is_number:
            facts = dict(zip(("value", "unit"), self._number(answer), strict=True))
        elif self._schema is not None:
            self._meet_schema(answer, rows)
            facts = {"rows": rows}
        if self._expression is not None:
            known = {**facts, "rows": rows, "text": answer.text, "credits": answer.credits}
            self._check(answer, known, facts)
        return facts

    @property
    def _is_number(self) -> bool:
        return self.expect == "number" or (isinstance(self.expect, Mapping) and self.expect.keys() == {"number"})

    @property
    def _schema(self) -> Mapping[str, Any] | None:
        return self.expect if isinstance(self.expect, Mapping) and not self._is_number else None

    def _number(self, answer: Answer) -> tuple[int | float, str]:
        wanted = self.expect["number"] if isinstance(self.expect, Mapping) else ""
        found = number_of_answer(answer, wanted)
        if found is None:
            raise _unexpected(answer, f"one number is expected, and the answer has {_tables(answer)}")
        value, unit = found
        column = answer.tables[0].columns[0]
        others = {one_unit(said) for said in [unit, *units_in(column)] if said} - {one_unit(wanted)}
        if wanted and others:
            where = f"{unit or 'a number'} in the column {column!r}"
            why = f"a number in {wanted} is expected, and the answer is {where}"
            raise _unexpected(answer, why, {"value": value, "unit": unit or ", ".join(sorted(others))})
        return value, unit or wanted

    def _meet_schema(self, answer: Answer, rows: list[dict[str, Any]]) -> None:
        from jsonschema import ValidationError

        if len(answer.tables) != 1 or not answer.tables[0].is_whole:
            raise _unexpected(
                answer, f"one table with all of its rows is expected, and the answer has {_tables(answer)}"
            )
        try:
            _validator()(self._schema, format_checker=_validator().FORMAT_CHECKER).validate(rows)
        except ValidationError as error:
            place = "".join(f"[{part!r}]" for part in error.absolute_path)
            raise _unexpected(answer, f"rows{place}: {error.message[:300]}") from None
        except _UndecidedError as error:
            raise _unexpected(answer, f"expect cannot be decided: {error}") from None
        except Exception as error:  # a schema that refers to itself without an end
            raise _unexpected(answer, f"expect cannot be decided: {type(error).__name__}") from None

    def _check(self, answer: Answer, known: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        try:
            met = self._expression(known)
        except Exception as error:  # whatever an expression of the user's raises
            raise _unexpected(answer, f"check {self.check!r} cannot be decided: {error}", facts) from None
        if met is not True:
            value = f" of {known['value']}" if "value" in known else ""
            raise _unexpected(answer, f"check {self.check!r} is not true{value}", facts)


def number_of_answer(answer: Answer, expected_unit: str = "") -> tuple[int | float, str] | None:
    """Return the number that is the answer's only cell, and its unit, as ``read_number`` does, or None."""
    tables = answer.tables
    if len(tables) != 1 or len(tables[0].rows) != 1 or len(tables[0].columns) != 1 or not tables[0].is_whole:
        return None
    return read_number(tables[0].rows[0][0], expected_unit)


def _by_column(columns: list[str], row: list[str]) -> dict[str, Any]:
    return dict(zip(columns, map(typed_cell, row), strict=True))


def _named_twice(answer: Answer) -> str | None:
    return next((name for table in answer.tables for name in table.columns if table.columns.count(name) > 1), None)


def _tables(answer: Answer) -> str:
    if len(answer.tables) != 1:
        return f"{len(answer.tables)} tables"
    (table,) = answer.tables
    count = table.shape[0] if table.shape else len(table.rows)
    cell = f" ({table.rows[0][0][:40]!r})" if count == 1 and len(table.columns) == 1 and table.rows else ""
    here = "whose file cannot be read" if table.unread else f"of which {len(table.rows)} rows are here"
    return f"a table of {count} rows and {len(table.columns)} columns{cell}, {here}"


def _unexpected(answer: Answer, why: str, facts: Mapping[str, Any] | None = None) -> DotAnswerUnexpectedError:
    said = f"{answer.question[:200]!r}: {why}. See {answer.url}."
    error = DotAnswerUnexpectedError(said, facts=facts, chat_url=answer.url)
    error.retryable = any(table.unread for table in answer.tables)  # the same answer, with its file
    return error


_KEYWORDS = {
    "array": "items prefixItems contains minContains maxContains unevaluatedItems minItems maxItems uniqueItems",
    "object": "properties patternProperties additionalProperties unevaluatedProperties propertyNames required "
    "dependentRequired dependentSchemas minProperties maxProperties",
    "number": "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf",
    "string": "pattern minLength maxLength format",
    "": "type enum const allOf anyOf oneOf not if then else $ref $defs definitions "
    "$schema $id $anchor $comment title description default examples deprecated readOnly writeOnly",
}
_SPEAKS_OF = {keyword: kind for kind, keywords in _KEYWORDS.items() for keyword in keywords.split()}
"""The kind of value that a keyword speaks of, "" for any: other values meet it, which is no promise."""

_NEEDS = {"then": ["if"], "else": ["if"], "if": ["then", "else"], "minContains": ["contains"]}
_NEEDS["maxContains"] = _NEEDS["minContains"]
_KINDS = {
    "the list of rows": {"array"},
    "one row": {"object"},
    "one cell": {"number", "string", "null", "integer"},
    "a column's name": {"string"},
}
_WITHIN = {"the list of rows": "one row", "one row": "one cell", "": ""}
_OF_THE_SAME = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas")
_WITHIN_IT = (
    *("items", "prefixItems", "contains", "unevaluatedItems"),
    *("properties", "patternProperties", "additionalProperties", "unevaluatedProperties"),
)
_NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON schema, and one that rows meet because a part of it speaks of nothing that they have."""
    try:
        from jsonschema import Draft202012Validator, SchemaError
        from referencing import Registry
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import DRAFT202012
    except ModuleNotFoundError:
        raise DotUsageError("A JSON schema in expect needs jsonschema: pip install jsonschema.") from None
    if str(schema.get("$schema", _DRAFT)).rstrip("#") != _DRAFT:
        raise DotUsageError(f"expect: $schema must be {_DRAFT}, or be left out.")
    try:
        resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))  # fetches nothing
        Draft202012Validator.check_schema(schema)
        _check_part(schema, "the list of rows", "expect", lambda reference: resolver.lookup(reference).contents, set())
    except SchemaError as error:
        raise DotUsageError(f"expect is no JSON schema: {error.json_path[1:]} {error.message[:300]}") from None
    except Unresolvable as error:
        raise DotUsageError(f"expect: $ref {str(error.ref)[:80]!r} leads nowhere within the schema.") from None
    except RecursionError:
        raise DotUsageError("expect is nested too deeply.") from None


def _check_part(schema: Any, of: str, at: str, lookup: Callable[[str], Any], seen: set[tuple[int, str]]) -> None:
    """Check the part of a schema that speaks ``of`` something, "" where that is not known, and the parts within it."""
    if not isinstance(schema, Mapping) or (id(schema), of) in seen:
        return
    seen.add((id(schema), of))
    types = schema.get("type", [])
    types = {types} if isinstance(types, str) else set(types)
    for keyword in map(str, schema):
        _check_keyword(schema, keyword, of, types, at)
    for keyword, part, there in _parts(schema, of):
        _check_part(part, there, f"{at}.{keyword}", lookup, seen)
    if "$ref" in schema:
        _check_part(lookup(schema["$ref"]), of, at, lookup, seen)


def _check_keyword(schema: Mapping[str, Any], keyword: str, of: str, types: set[str], at: str) -> None:
    kind = _SPEAKS_OF.get(keyword)
    if kind is None:
        hint = hint_at(keyword, ["number", *_SPEAKS_OF], "expect is 'number', {'number': UNIT} or a JSON schema of")
        raise DotUsageError(f"{at}: {keyword!r} is no keyword of a JSON schema; {hint}")
    if keyword in _NEEDS and not schema.keys() & _NEEDS[keyword]:
        raise DotUsageError(f"{at}: {keyword} says nothing without {' or '.join(_NEEDS[keyword])}.")
    if of and kind and kind not in _KINDS[of]:
        hint = f": {{'items': {{{keyword!r}: ...}}}}" if kind == "object" and of == "the list of rows" else ""
        raise DotUsageError(f"{at}: {keyword} stands where {of} is spoken of, and is for another kind of value{hint}.")
    if kind and types and kind not in types and not (kind == "number" and "integer" in types):
        raise DotUsageError(f"{at}: {keyword} says nothing of type {' or '.join(sorted(types))}.")
    if keyword == "type" and of and not types & _KINDS[of]:
        raise DotUsageError(f"{at}: {of} has never the type {' or '.join(sorted(types))}.")
    value = schema.get(keyword)
    if kind == "number" and isinstance(value, float) and not math.isfinite(value):
        raise DotUsageError(f"{at}: {keyword} must be a number, not {value}.")
    if keyword == "format" and value not in _validator().FORMAT_CHECKER.checkers:
        raise DotUsageError(f"{at}: the format {str(value)[:40]!r} cannot be checked here: say it as a pattern.")


def _parts(schema: Mapping[str, Any], of: str) -> Iterator[tuple[str, Any, str]]:
    """Yield the keyword, the part and what that speaks of, for all parts of a schema."""
    places = {**dict.fromkeys(_OF_THE_SAME, of), **dict.fromkeys(_WITHIN_IT, _WITHIN.get(of, "one cell"))}
    places |= {"$defs": "", "definitions": "", "propertyNames": "a column's name" if of else ""}
    for keyword in schema.keys() & places.keys():
        parts = schema[keyword]
        named = (
            parts.items() if keyword in _NAMED else [("", part) for part in parts] if isinstance(parts, list) else []
        )
        yield from ((f"{keyword}.{name}".rstrip("."), part, places[keyword]) for name, part in named or [("", parts)])


class _UndecidedError(Exception):
    """A schema asks something of a value that it does not have, which JSON Schema would let pass."""


@cache
def _validator() -> Any:
    """Return JSON Schema's validator, which lets no text pass for a number, and no column that is not there."""
    from jsonschema import Draft202012Validator
    from jsonschema.validators import extend

    rules = Draft202012Validator.VALIDATORS

    def of_its_kind(keyword: str, kind: str) -> Any:
        def rule(validator: Any, value: Any, instance: Any, schema: Mapping[str, Any]) -> Iterator[Any]:
            if "type" not in schema and not validator.is_type(instance, kind):
                raise _UndecidedError(
                    f"{keyword} is for a {kind}, and a cell is {instance!r}; type says what it may be"
                )
            yield from rules[keyword](validator, value, instance, schema) or ()

        return rule

    def of_columns(keyword: str) -> Any:
        def rule(validator: Any, value: Mapping[str, Any], row: Mapping[str, Any], schema: Any) -> Iterator[Any]:
            for column, part in value.items():
                is_there = column in row if keyword == "properties" else any(re.search(column, name) for name in row)
                if part not in (True, {}) and not is_there:
                    raise _UndecidedError(f"there is no column {column!r}; the answer has {', '.join(row)}")
            yield from rules[keyword](validator, value, row, schema) or ()

        return rule

    strict = {name: of_its_kind(name, kind) for name, kind in _SPEAKS_OF.items() if kind in ("number", "string")}
    return extend(Draft202012Validator, strict | {n: of_columns(n) for n in ("properties", "patternProperties")})


def _compiled(check: str, *, number: bool) -> tuple[Any, set[str]]:
    environment = strict_environment()
    from jinja2 import TemplateError, meta

    try:
        expression = environment.compile_expression(check, undefined_to_none=False)
        names = meta.find_undeclared_variables(environment.parse("{{ " + check + " }}"))
    except (TemplateError, TypeError, RecursionError) as error:
        raise DotUsageError(f"check {check!r} is no expression: {error}.") from None
    known = {"rows", "text", "credits"} | ({"value", "unit"} if number else set())
    if unknown := names - known:
        hint = "" if number else "; value and unit need expect='number'"
        raise DotUsageError(f"check knows {', '.join(sorted(known))}, not {', '.join(sorted(unknown))}{hint}.")
    return expression, names
