"""A suite: the questions of an evaluation as a file beside the dbt project, and everything that is wrong with it."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from os import PathLike
from typing import TYPE_CHECKING, Any

from dot_provider.api.arguments import checked_id, hint_at, says_something
from dot_provider.api.errors import DotUsageError
from dot_provider.api.records import UNSTORABLE
from dot_provider.evaluations.suite_file import read_document

if TYPE_CHECKING:
    from dot_provider.evaluations.relations import Relations

Fields = Mapping[str, Any]

DOT_FIELDS = (
    *("id", "question", "expected_answer", "answer_type", "unit", "tolerance_pct", "concept_name", "source"),
    "concept_id",
)
"""The fields of a question that Dot takes; nothing else ever leaves."""

ANSWERS = ("sql", "sql_file", "metric", "expected_answer")
"""Where an expected answer is from: exactly one of them."""

OUR_FIELDS = ("sql", "sql_file", "metric", "conn_id", "severity", "owners", "table", "asset")
DEFAULTS = ("conn_id", "tolerance_pct", "answer_type", "unit", "severity", "owners", "source", "table", "asset")
_DEFINITION = (*(name for name in DOT_FIELDS if name not in ("expected_answer", "source")), *ANSWERS[:3])
SUITE_FIELDS = ("name", "description", "evaluation_id", "defaults", "questions")
TYPES = ("number", "count", "currency", "percent", "ratio", "date")
LENGTHS = {"name": 160, "description": 2000, "question": 1000}
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_NUMBER = re.compile(r"([-+]?)\s*[$€£¥]?\s*(\d+(?:\.\d+)?(?:[eE][-+]?\d{1,2})?)\s*[%$€£¥]?", re.ASCII)
_LISTS = ("owners",)


@dataclass(frozen=True)
class SuiteQuestion:
    """One question: its ``fields`` as they were written, and the line they begin at where the file has lines."""

    fields: Fields
    line: int | None = None

    @property
    def id(self) -> str:
        """The question's id, stable from run to run."""
        return str(self.fields.get("id", ""))

    @property
    def severity(self) -> str:
        """``error``, or ``warn`` for a question that is shown and not counted."""
        return str(self.fields.get("severity", "error"))

    @property
    def owners(self) -> list[str]:
        """Whom a wrong answer concerns."""
        return list(self.fields.get("owners", ()))

    @property
    def label(self) -> str:
        """What errors call it."""
        name = " ".join(self.id.split())[:60] or "a question"
        return f"{name} (line {self.line})" if self.line else name

    def with_fields(self, **fields: Any) -> SuiteQuestion:
        """Return it with other fields."""
        return replace(self, fields={**self.fields, **fields})


@dataclass(frozen=True)
class EvaluationSuite:
    """Questions with expected answers, which SQL, MetricFlow or a person gives.

    ``read`` takes any file or mapping that can be read at all, ``problems`` says what is wrong with it, and
    ``with_answers`` computes the answers. ``to_payload`` is what Dot gets: its own fields, never SQL or a connection.
    """

    name: str = ""
    evaluation_id: str = ""
    description: str = ""
    questions: tuple[SuiteQuestion, ...] = ()
    origin: str = "The suite"
    read_file: Callable[[str], str] | None = field(default=None, repr=False, compare=False)
    unread: tuple[str, ...] = ()
    definition: str = ""

    @classmethod
    def read(cls, source: str | PathLike[str] | Mapping[str, Any] | Any) -> EvaluationSuite:
        """Read a suite from a YAML or JSON file, local or any object with ``read_text``, or from a mapping.

        Raises:
            DotUsageError: the file is missing, no YAML or JSON, or holds no mapping.
        """
        document, origin, lines, read_file = read_document(source)
        unread = [_unknown(name, SUITE_FIELDS) for name in document if name not in SUITE_FIELDS]
        defaults, listed = document.get("defaults", {}), document.get("questions", [])
        if not isinstance(defaults, Mapping):
            unread, defaults = [*unread, "defaults must be a mapping."], {}
        unread += [f"defaults: {_unknown(name, DEFAULTS)}" for name in defaults if name not in DEFAULTS]
        if not isinstance(listed, list | tuple):
            unread, listed = [*unread, "questions must be a list."], []
        unread += [f"questions[{i}] must be a mapping." for i, one in enumerate(listed) if not isinstance(one, Mapping)]
        questions = [
            SuiteQuestion({**defaults, **one}, lines.get(id(one))) for one in listed if isinstance(one, Mapping)
        ]
        texts = {name: document.get(name, "") for name in ("name", "evaluation_id", "description")}
        unread += [f"{name} must be text." for name, value in texts.items() if not isinstance(value, str)]
        known = {name: value if isinstance(value, str) else "" for name, value in texts.items()}
        return cls(**known, questions=tuple(questions), origin=origin, read_file=read_file, unread=tuple(unread))

    def problems(self) -> list[str]:
        """Return everything that is wrong, each as a sentence with the question's id and line."""
        told = [*self.unread]
        told += [f"{name} is missing." for name in ("name",) if not self.name.strip()]
        told += [f"{n} has more than {LENGTHS[n]} characters." for n in ("name", "description") if _long(self, n)]
        if self.evaluation_id:
            try:
                checked_id("evaluation_id", self.evaluation_id)
            except DotUsageError as error:
                told.append(str(error))
        if not self.questions and not self.unread:
            told.append("There are no questions: an empty suite tests nothing.")
        times = Counter(one.id for one in self.questions)
        for one in self.questions:
            wrong = [*_wrong_fields(one.fields), *_wrong_templates(one.fields)]
            if times[one.id] > 1 and one.id:
                wrong.append("another question has the same id.")
            told += [f"{one.label}: {sentence}" for sentence in wrong]
        return told

    def check(self) -> EvaluationSuite:
        """Return the suite where it is in order.

        Raises:
            DotUsageError: it is not; the message lists every problem.
        """
        refuse(self.origin, self.problems())
        return self

    def require(self, names: Collection[str]) -> None:
        """Refuse names that are no question's id or wording.

        Raises:
            DotUsageError: names the one that was probably meant.
        """
        known = [text for one in self.questions for text in (one.id, one.fields.get("question", ""))]
        for name in names:
            if name.strip() not in known:
                raise DotUsageError(f"questions: {name!r} is none of the suite's; {hint_at(name, known, 'it has')}")

    def only(self, ids: Collection[str]) -> EvaluationSuite:
        """Return the suite with these questions alone, which is a definition of its own."""
        return replace(self, questions=tuple(one for one in self.questions if one.id in ids))

    def with_answers(
        self,
        connect: Callable[[str], Any],
        variables: Mapping[str, Any] | None = None,
        manifest: Mapping[str, Any] | Relations | None = None,
        *,
        jinja_env: Any = None,
        query_metrics: Callable[[Sequence[Mapping[str, str]]], Sequence[str]] | None = None,
        conn_id: str = "",
        on_sql: Callable[[str, str], object] = lambda id_, sql: None,
    ) -> EvaluationSuite:
        """Return the suite with every expected answer computed, as text. Nothing is sent to Dot.

        Args:
            connect: opens the connection with this id: one of the DB-API, or a context manager that yields one. Each
                is opened once, and closed.
            variables: what ``question``, ``sql`` and ``sql_file`` may use in ``{{ }}``, beside ``ref`` and ``source``.
            manifest: dbt's ``manifest.json``, parsed, for ``ref`` and ``source``; or ``Relations``.
            jinja_env: Jinja's environment, with filters of one's own; it must be strict about what is undefined.
            query_metrics: asks MetricFlow: a list of ``{"name": ...}`` to a value as text for each.
            conn_id: the connection of questions that name none.
            on_sql: is told a question's id and its SQL, rendered, before it runs.

        Raises:
            DotUsageError: the suite has problems, or an answer is no single number or date; all are told at once.
        """
        from dot_provider.evaluations.answers import answered

        return answered(self.check(), connect, variables or {}, manifest, jinja_env, query_metrics, conn_id, on_sql)

    def to_payload(self) -> list[dict[str, Any]]:
        """Return the questions as Dot takes them.

        Raises:
            DotUsageError: the suite has problems, or a question has no answer yet.
        """
        self.check()
        open_ = [f"{one.label}: has no answer yet." for one in self.questions if "expected_answer" not in one.fields]
        refuse(self.origin, open_, "Compute them with with_answers first.")
        return [_payload(one.fields) for one in self.questions]

    @property
    def definition_fingerprint(self) -> str:
        """What stays the same where only numbers and dates move: runs with the same one can be compared."""
        if self.definition:
            return self.definition
        defined = sorted(
            (one.id, {name: one.fields[name] for name in _DEFINITION if name in one.fields}) for one in self.questions
        )
        return hashlib.sha256(json.dumps(defined, sort_keys=True, default=str).encode()).hexdigest()[:32]

    @property
    def warned(self) -> frozenset[str]:
        """Ids of the questions of severity ``warn``."""
        return frozenset(one.id for one in self.questions if one.severity == "warn")


def refuse(origin: str, problems: Sequence[str], advice: str = "") -> None:
    """Raise a ``DotUsageError`` that lists all problems, where there are any."""
    if problems:
        count = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
        lines = "".join(f"\n- {problem}" for problem in problems[:50])
        more = f"\n- and {len(problems) - 50} more" if len(problems) > 50 else ""
        raise DotUsageError(f"{origin} has {count}, and nothing was sent. {advice}{lines}{more}".replace(" \n", "\n"))


def checked_answer(text: str, kind: str | None = None) -> str | None:
    """Return what is wrong with an expected answer, or None: a finite number, or a day, as its ``answer_type`` says."""
    value = text.strip()
    is_day = re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII)
    if is_day:
        try:
            date.fromisoformat(value)
        except ValueError:
            return f"{value!r} is no day of the calendar."
    if is_day or (_NUMBER.fullmatch(value) and len(value) <= 100):
        fits = kind not in TYPES or (kind == "date") is (is_day is not None)
        return None if fits else f"{value!r} does not fit answer_type {kind}."
    if re.fullmatch(r"[-+$€£¥\s]*\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+(?:[.,]\d+)?\s*[%$€£¥]?", value):
        return (
            f"{value[:40]!r} has thousands separators, which mean different numbers in two countries: leave them out."
        )
    return f"{value[:40]!r} must be a finite number like 1234.5 or 19%, or a day like 2026-01-31."


def _wrong_fields(fields: Fields) -> Iterator[str]:
    known = (*DOT_FIELDS, *OUR_FIELDS)
    yield from (_unknown(name, known) for name in fields if name not in known)
    for name, value in fields.items():
        if name not in (*_LISTS, "metric") and not isinstance(value, str):
            yield f"{name} must be text or a number, not {type(value).__name__}."
            return
    for name in DOT_FIELDS:
        if odd := UNSTORABLE.search(fields.get(name, "")):
            yield f"{name} holds a character that no database stores, {odd[0]!a}."
    if not ID.fullmatch(fields.get("id", "")):
        yield "id must begin with a letter or digit, and hold only those and . _ : -"
    if not says_something(fields.get("question", "")):
        yield "question is missing."
    elif len(fields["question"]) > LENGTHS["question"]:
        yield f"question has more than {LENGTHS['question']} characters."
    given = [name for name in ANSWERS if name in fields]
    if len(given) != 1:
        yield f"exactly one of {', '.join(ANSWERS)} must be given, not {' and '.join(given) or 'none'}."
    if "expected_answer" in fields and (wrong := checked_answer(fields["expected_answer"], fields.get("answer_type"))):
        yield f"expected_answer {wrong}"
    yield from (f"{name} is empty." for name in ("sql", "sql_file", "conn_id") if not fields.get(name, "x").strip())
    yield from _wrong_choices(fields)


def _wrong_choices(fields: Fields) -> Iterator[str]:
    if fields.get("answer_type", "number") not in TYPES:
        yield f"answer_type must be one of {', '.join(TYPES)}, not {fields['answer_type'][:40]!r}."
    if fields.get("severity", "error") not in ("error", "warn"):
        yield f"severity must be error or warn, not {fields['severity'][:40]!r}."
    if "tolerance_pct" in fields and not 0 <= number_of(fields["tolerance_pct"], -1) <= 100:
        yield f"tolerance_pct must be a number from 0 to 100, not {fields['tolerance_pct'][:40]!r}."
    owners = fields.get("owners", [])
    if not isinstance(owners, list | tuple) or not all(isinstance(one, str) for one in owners):
        yield "owners must be a list of texts."
    metric = fields.get("metric", {"name": "x"})
    if isinstance(metric, str):
        yield f"metric must be a mapping: {{name: {metric[:40]}}}."
    elif not isinstance(metric, Mapping) or not metric.get("name") or metric.keys() - {"name", "where"}:
        yield "metric must be a mapping with name, and perhaps where."
    elif not all(isinstance(one, str) for one in metric.values()):
        yield "metric must be a mapping of texts."


def _wrong_templates(fields: Fields) -> Iterator[str]:
    templates = [name for name in ("question", "sql") if isinstance(fields.get(name), str)]
    if not (templates := [name for name in templates if "{" in fields[name]]):
        return
    from dot_provider.api.templates import syntax_error

    yield from (f"{name}: {wrong}" for name in templates if (wrong := syntax_error(fields[name])))


def number_of(text: str, otherwise: float) -> Decimal:
    """Return the finite number in ``text``, or another one where there is none."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return Decimal(otherwise)
    return number if number.is_finite() else Decimal(otherwise)


def _payload(fields: Fields) -> dict[str, Any]:
    sent: dict[str, Any] = {name: fields[name] for name in DOT_FIELDS if fields.get(name)}
    if "tolerance_pct" in sent:
        share = number_of(sent["tolerance_pct"], 0)
        sent["tolerance_pct"] = int(share) if share == share.to_integral_value() else float(share)
    return sent


def _long(suite: EvaluationSuite, name: str) -> bool:
    return len(getattr(suite, name)) > LENGTHS[name]


def _unknown(name: Any, known: Sequence[str]) -> str:
    return f"{str(name)[:40]!r} is no field here; {hint_at(str(name), known, 'there are')}"
