"""Expected answers from SQL and MetricFlow: one cell per question, as a text that means the same number everywhere."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from dot_provider.api.errors import DotError, DotUsageError
from dot_provider.api.evaluations import DEFAULT_TOLERANCE
from dot_provider.api.templates import render
from dot_provider.evaluations.relations import Relations
from dot_provider.evaluations.suite import ANSWERS, EvaluationSuite, SuiteQuestion, checked_answer, number_of, refuse

_LONGEST_NUMBER = 100
_CHANGES = re.compile("(?i)(alter|call|copy|create|delete|drop|grant|insert|merge|revoke|truncate|update|vacuum)\\b")
_NO_CODE = re.compile(
    r"""'[^']*(?:'|\Z)|"[^"]*(?:"|\Z)|`[^`]*(?:`|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)|\$(\w*)\$.*?(?:\$\1\$|\Z)""", re.DOTALL
)


@dataclass
class _Connections:
    """Each connection once, however many questions ask it; one that fails is not tried again."""

    connect: Callable[[str], Any]
    stack: ExitStack
    opened: dict[str, Any] = field(default_factory=dict)

    def get(self, conn_id: str) -> Any:
        if conn_id not in self.opened:
            try:
                self.opened[conn_id] = self._open(conn_id)
            except Exception as error:  # drivers share no class of errors
                self.opened[conn_id] = error
        found = self.opened[conn_id]
        if isinstance(found, DotError):
            raise ValueError(str(found)) from None
        if isinstance(found, Exception):
            raise _Unavailable(f"connection {conn_id!r} cannot be opened: {_first_line(found)}") from None
        return found

    def _open(self, conn_id: str) -> Any:
        made = self.connect(conn_id)
        if not hasattr(made, "cursor") and hasattr(made, "__enter__"):
            made = self.stack.enter_context(made)
        elif hasattr(made, "cursor"):
            self.stack.callback(_close, made)
        if hasattr(made, "raw_connection"):  # an engine of SQLAlchemy
            made = made.raw_connection()
            self.stack.callback(_close, made)
        elif not hasattr(made, "cursor"):  # a connection of SQLAlchemy holds the driver's
            made = getattr(made, "connection", made)
        if not hasattr(made, "cursor"):
            raise DotUsageError(f"connection {conn_id!r} runs no SQL: {type(made).__name__} has no cursor.")
        return made


class _Unavailable(ValueError):
    """What may work another time: nothing was sent, so that a retry costs nothing."""


def answered(
    suite: EvaluationSuite,
    connect: Callable[[str], Any],
    variables: Mapping[str, Any],
    manifest: Mapping[str, Any] | Relations | None,
    jinja_env: Any = None,
    query_metrics: Callable[[Sequence[Mapping[str, str]]], Sequence[str]] | None = None,
    conn_id: str = "",
    on_sql: Callable[[str, str], object] = lambda id_, sql: None,
) -> EvaluationSuite:
    """Return the suite with every answer; see ``EvaluationSuite.with_answers``."""
    relations = manifest if isinstance(manifest, Relations) else Relations(manifest) if manifest is not None else None
    known = {**variables, "ref": _needs_manifest, "source": _needs_manifest}
    if relations is not None:
        known |= {"ref": relations.ref, "source": relations.source}
    metrics, told = _metrics(suite, query_metrics)
    made, passing = list[SuiteQuestion](), bool(told) and query_metrics is not None
    with ExitStack() as stack:
        connections = _Connections(connect, stack)
        for one in suite.questions:
            if "metric" in one.fields and one.id not in metrics:
                continue  # why is told already
            try:
                asked = one.with_fields(question=render(one.fields["question"], known, jinja_env))
                made.append(_answered(asked, suite, connections, known, jinja_env, conn_id, metrics, on_sql))
            except (ValueError, DotError) as error:
                passing = passing or isinstance(error, _Unavailable)
                told.append(f"{one.label}: {error}")
    try:
        refuse(suite.origin, told, "Correct the questions, or what they read.")
    except DotUsageError as error:
        error.retryable = passing
        raise
    done = replace(suite, questions=tuple(made), definition=suite.definition_fingerprint)
    return done.check()  # a rendered question may have become too long


def _answered(
    one: SuiteQuestion,
    suite: EvaluationSuite,
    connections: _Connections,
    variables: dict[str, Any],
    jinja_env: Any,
    conn_id: str,
    metrics: Mapping[str, str],
    on_sql: Callable[[str, str], object],
) -> SuiteQuestion:
    if "metric" in one.fields:
        text = answer_text(metrics[one.id] or None, one.fields)
        return _with_answer(one, text, f"metric {one.fields['metric']['name']}")
    if "sql" not in one.fields and "sql_file" not in one.fields:
        return one
    asked = one.fields.get("conn_id") or conn_id
    if not asked:
        raise ValueError("no connection: set conn_id at the question or in defaults, or the task's own.")
    sql = one.fields.get("sql") or _file(suite, one.fields["sql_file"])
    sql = render(sql, variables, jinja_env).strip().rstrip(";")
    code = _NO_CODE.sub("", sql).strip("; \t\r\n")
    if ";" in code:
        raise ValueError("its SQL holds more than one statement, all of which some drivers run: leave one.")
    if verb := _CHANGES.match(code):
        raise ValueError(f"its SQL begins with {verb[1]}, and an answer is read, not made: leave a query.")
    on_sql(one.id, sql)
    text = answer_text(_cell(connections.get(asked), sql), one.fields)
    return _with_answer(one, text, f"sql on {asked}, sha256 {hashlib.sha256(sql.encode()).hexdigest()[:12]}")


def _with_answer(one: SuiteQuestion, text: str, source: str) -> SuiteQuestion:
    kept = {name: value for name, value in one.fields.items() if name not in ANSWERS}
    return replace(one, fields={**kept, "expected_answer": text, "source": one.fields.get("source") or source})


def _cell(connection: Any, sql: str) -> Any:
    """Return the only cell of a query.

    Raises:
        ValueError: there is none, or more than one.
    """
    cursor = connection.cursor()
    try:
        with closing(cursor):
            cursor.execute(sql)
            columns, rows = len(cursor.description or ()), cursor.fetchmany(2) if cursor.description else []
    except Exception as error:  # drivers share no class of errors
        with suppress(Exception):
            connection.rollback()  # or the next question would fail for this one
        raise _Unavailable(f"the statement failed: {_first_line(error)}") from None
    if columns != 1:
        raise ValueError(f"its SQL gives {columns or 'no'} columns: select the one value that is expected.")
    if len(rows) != 1:
        raise ValueError(f"its SQL gives {'more than one row' if rows else 'no row'}: aggregate to a single one.")
    return rows[0][0]


def answer_text(value: Any, fields: Mapping[str, Any]) -> str:
    """Return a cell as the text of a number or a day.

    Raises:
        ValueError: it is neither, or it would not be the same at the next reading; the message says what to do.
    """
    tolerance = number_of(str(fields.get("tolerance_pct", DEFAULT_TOLERANCE)), DEFAULT_TOLERANCE)
    text = _text_of(value, exact=tolerance == 0)
    if wrong := checked_answer(text, fields.get("answer_type")):
        raise ValueError(f"the value {wrong}")
    return text


def _text_of(value: Any, *, exact: bool) -> str:
    if hasattr(value, "item") and type(value).__module__.startswith("numpy"):
        value = value.item()
    if value is None:
        raise ValueError("the value is NULL: nothing is expected of an empty table; use coalesce if 0 is meant.")
    if isinstance(value, bool):
        raise ValueError("the value is true or false: select a number or a day.")
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, datetime):
        if value.tzinfo is not None or (value.hour, value.minute, value.second, value.microsecond) != (0, 0, 0, 0):
            raise ValueError("the value is a time: cast it to date, in the time zone that the question means.")
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        value = _of_float(value, exact)
    if not isinstance(value, int | Decimal):
        raise ValueError(f"the value is of type {type(value).__name__}: cast it to a number or a date.")
    number = Decimal(value)
    if not number.is_finite() or abs(number.adjusted()) >= _LONGEST_NUMBER:
        raise ValueError("the value is no finite number, or one of more than a hundred digits.")
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text


def _of_float(value: float, exact: bool) -> Decimal:
    """Return a float with 12 significant digits: sums of doubles differ from run to run behind them."""
    if not math.isfinite(value):
        raise ValueError(f"the value is {value}: no finite number.")
    if value.is_integer():
        return Decimal(int(value))
    if exact:
        raise ValueError("the value is a float, which tolerance_pct 0 compares exactly: cast it to decimal.")
    return Decimal(f"{value:.12g}")


def _metrics(
    suite: EvaluationSuite, query: Callable[[Sequence[Mapping[str, str]]], Sequence[str]] | None
) -> tuple[dict[str, str], list[str]]:
    """Return the value of each question's metric by the question's id, and what went wrong."""
    asked = {one.id: one.fields["metric"] for one in suite.questions if "metric" in one.fields}
    if not asked:
        return {}, []
    if query is None:
        return {}, ["metric: MetricFlow is needed for it: set mf_command and dbt_project_dir."]
    try:
        return dict(zip(asked, query(list(asked.values())), strict=True)), []
    except DotUsageError as error:
        return {}, [str(error)]


def _file(suite: EvaluationSuite, name: str) -> str:
    if suite.read_file is None:
        raise ValueError("sql_file is looked for beside the suite's file: give the suite as a file, or use sql.")
    return suite.read_file(name)


def _needs_manifest(*names: Any, **options: Any) -> str:
    raise DotUsageError("ref and source need dbt's manifest: set dbt_manifest.")


def _close(connection: Any) -> None:
    with suppress(Exception):  # the answers are there
        connection.close()


def _first_line(error: Exception) -> str:
    words = (str(error).strip() or type(error).__name__).splitlines()[0][:300].rstrip(".")
    return f"{type(error).__name__}: {words}."
