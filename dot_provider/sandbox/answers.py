"""The answers file: which questions the sandbox can answer, and the SQL that answers each.

A file is YAML with two lists. ``questions`` says how to answer; ``evaluations`` are saved sets of questions with
expected answers, which a run grades against what the sandbox answers::

    questions:
      - question: How many orders are there?
        sql: select count(*) as orders from orders
      - pattern: how many (?P<status>placed|completed|returned) orders
        sql: select count(*) as orders from orders where status = $status
        text: "{{ value }} orders are {{ status }}."
    evaluations:
      - id: shop-basics
        questions:
          - id: orders
            question: How many orders are there?
            expected_answer: 200
            tolerance_pct: 0
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import jinja2
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from dot_provider.sandbox.grading import Questions
from dot_provider.sandbox.results import show
from dot_provider.sandbox.settings import problems

_TEMPLATES = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701 - markdown, not HTML
_TEMPLATES.filters["show"] = show


class ChartSpec(BaseModel):
    """A bar chart of an answer: the columns to take labels and values from, by default its first and last."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = None
    x: str | None = None
    y: str | None = None


class AnswerEntry(BaseModel):
    """How to answer one question.

    Attributes:
        question: its wording; upper and lower case, spaces and the punctuation at its end do not matter.
        pattern: instead of ``question``, a regular expression that is searched for, without regard to case.
        sql: one statement of DuckDB's SQL; ``$name`` stands for what the pattern's group ``name`` matched.
        text: a Jinja template of the answer's markdown. It knows ``value`` (the first cell), ``rows`` (a list of
            mappings), ``table`` (markdown), the pattern's groups, and the filter ``show`` for numbers.
        chart: a bar chart of the result.
        follow_ups: questions to suggest.
    """

    model_config = ConfigDict(extra="forbid")

    question: str | None = Field(default=None, min_length=1)
    pattern: str | None = Field(default=None, min_length=1)
    sql: str = Field(min_length=1)
    text: str | None = None
    chart: ChartSpec | None = None
    follow_ups: tuple[str, ...] = ()

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"this is no regular expression: {error}") from None
        return value

    @field_validator("text")
    @classmethod
    def _is_template(cls, value: str | None) -> str | None:
        try:
            _TEMPLATES.from_string(value or "")
        except jinja2.TemplateSyntaxError as error:
            raise ValueError(f"this is no Jinja template: {error}") from None
        return value

    @model_validator(mode="after")
    def _one_wording(self) -> AnswerEntry:
        if (self.question is None) == (self.pattern is None):
            raise ValueError("give either question or pattern")
        return self

    def match(self, question: str) -> dict[str, str | None] | None:
        """Return what the pattern's groups matched (of a ``question`` nothing); None where the entry does not fit."""
        if self.pattern is None:
            return {} if _plain(self.question or "") == _plain(question) else None
        found = re.search(self.pattern, question, re.IGNORECASE)
        return None if found is None else found.groupdict()

    def rendered(self, variables: Mapping[str, Any]) -> str | None:
        """Return the answer's markdown; None without a template.

        Raises:
            ValueError: the template wants something that there is not.
        """
        try:
            return None if self.text is None else _TEMPLATES.from_string(self.text).render(variables)
        except Exception as error:  # a template calls what it likes
            raise ValueError(f"the entry's text cannot be rendered: {error}") from None


class SavedEvaluation(BaseModel):
    """A saved set of questions; an archived one refuses new runs."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1)
    name: str | None = None
    description: str | None = None
    archived: bool = False
    questions: Questions


class Answers(BaseModel):
    """All that an answers file says."""

    model_config = ConfigDict(extra="forbid")

    questions: tuple[AnswerEntry, ...] = ()
    evaluations: tuple[SavedEvaluation, ...] = ()

    @classmethod
    def read(cls, source: str | PathLike[str] | Mapping[str, Any] | None) -> Answers:
        """Read a file, or a mapping that says the same.

        Raises:
            ValueError: with every problem, each with its entry and field.
        """
        name = "answers" if source is None or isinstance(source, Mapping) else fspath(source)
        try:
            if source is None or isinstance(source, Mapping):
                return cls.model_validate(source or {})
            # Each scalar stays the text it is: YAML's own reading makes 83 of 0123, and a date of 2026-01-01.
            return cls.model_validate(yaml.load(Path(source).read_bytes(), yaml.BaseLoader) or {})  # noqa: S506
        except OSError as error:
            raise ValueError(f"The answers file {name} cannot be read: {error.strerror}.") from None
        except yaml.YAMLError as error:
            raise ValueError(f"The answers file {name} is no YAML (quote text with ? or : in it): {error}") from None
        except ValidationError as error:
            raise ValueError("\n  ".join([f"{name} is no answers file:", *problems(error)])) from None

    def find(self, question: str) -> tuple[AnswerEntry, dict[str, str | None]] | None:
        """Return the first entry that fits, exact wordings before patterns, and what its groups matched."""
        for entry in sorted(self.questions, key=lambda one: one.pattern is not None):
            if (groups := entry.match(question)) is not None:
                return entry, groups
        return None

    def evaluation(self, evaluation_id: str) -> SavedEvaluation | None:
        """Return a saved evaluation by its id."""
        return next((one for one in self.evaluations if one.id == evaluation_id), None)


def _plain(question: str) -> str:
    return " ".join(question.casefold().split()).rstrip(" ?!.")
