"""What an answer must hold for a pipeline to go on: a number or rows, read from its table and never from its prose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dot_provider.api.answer import Answer, read_number, typed_cell
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
        found = number_of_answer(answer)
        if found is None:
            raise _unexpected(answer, f"one number is expected, and the answer has {_tables(answer)}")
        wanted = self.expect["number"] if isinstance(self.expect, Mapping) else None
        value, unit = found
        if wanted and unit and unit != wanted:
            why = f"a number in {wanted} is expected, and the answer is in {unit}"
            raise _unexpected(answer, why, {"value": value, "unit": unit})
        return value, unit or wanted or ""

    def _meet_schema(self, answer: Answer, rows: list[dict[str, Any]]) -> None:
        from jsonschema import ValidationError, validate

        if len(answer.tables) != 1 or not answer.tables[0].is_whole:
            raise _unexpected(
                answer, f"one table with all of its rows is expected, and the answer has {_tables(answer)}"
            )
        try:
            validate(rows, self._schema)
        except ValidationError as error:
            place = "".join(f"[{part!r}]" for part in error.absolute_path)
            raise _unexpected(answer, f"rows{place}: {error.message[:300]}") from None
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


def number_of_answer(answer: Answer) -> tuple[int | float, str] | None:
    """Return the number that is the answer's only cell, and its unit ("" without one); None where there is none."""
    tables = answer.tables
    if len(tables) != 1 or len(tables[0].rows) != 1 or len(tables[0].columns) != 1 or not tables[0].is_whole:
        return None
    return read_number(tables[0].rows[0][0])


def _by_column(columns: list[str], row: list[str]) -> dict[str, Any]:
    return dict(zip(columns, map(typed_cell, row), strict=True))


def _tables(answer: Answer) -> str:
    if len(answer.tables) != 1:
        return f"{len(answer.tables)} tables"
    (table,) = answer.tables
    count = table.shape[0] if table.shape else len(table.rows)
    cell = f" ({table.rows[0][0][:40]!r})" if count == 1 and len(table.columns) == 1 and table.rows else ""
    return f"a table of {count} rows and {len(table.columns)} columns{cell}, of which {len(table.rows)} rows are here"


def _unexpected(answer: Answer, why: str, facts: Mapping[str, Any] | None = None) -> DotAnswerUnexpectedError:
    said = f"{answer.question[:200]!r}: {why}. See {answer.url}."
    return DotAnswerUnexpectedError(said, facts=facts, chat_url=answer.url)


_OF_ONE_ROW = {
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "dependentRequired",
    "minProperties",
}
_NOTES = {
    "$schema",
    "$id",
    "$defs",
    "$comment",
    "definitions",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
}


def _check_schema(schema: Mapping[str, Any]) -> None:
    """Refuse what is no JSON schema, and one that every list of rows meets because it speaks of something else."""
    try:
        from jsonschema import SchemaError
        from jsonschema.validators import validator_for
        from referencing import Registry
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import DRAFT202012
    except ModuleNotFoundError:
        raise DotUsageError("A JSON schema in expect needs jsonschema: pip install jsonschema.") from None
    validator = validator_for(schema)
    if unknown := sorted(map(str, schema.keys() - validator.VALIDATORS.keys() - _NOTES)):
        hint = hint_at(
            unknown[0], ["number", *validator.VALIDATORS], "expect is 'number', {'number': UNIT} or a JSON schema:"
        )
        raise DotUsageError(f"expect: {unknown[0]!r} is no keyword of a JSON schema; {hint}")
    if of_row := sorted(schema.keys() & _OF_ONE_ROW):
        raise DotUsageError(
            f"expect: {of_row[0]} speaks of one row, and the rows are a list: {{'items': {{{of_row[0]!r}: ...}}}}."
        )
    try:
        validator.check_schema(schema)
        resolver = Registry().resolver_with_root(DRAFT202012.create_resource(schema))  # fetches nothing
        for reference in _references(schema):
            resolver.lookup(reference)
    except SchemaError as error:
        raise DotUsageError(f"expect is no JSON schema: {error.message[:300]}") from None
    except Unresolvable as error:
        raise DotUsageError(f"expect: $ref {str(error.ref)[:80]!r} leads nowhere within the schema.") from None


def _references(schema: Any) -> Iterator[str]:
    parts = schema.values() if isinstance(schema, Mapping) else schema if isinstance(schema, list | tuple) else ()
    for part in parts:
        yield from _references(part)
    if isinstance(schema, Mapping) and isinstance(schema.get("$ref"), str):
        yield schema["$ref"]


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
