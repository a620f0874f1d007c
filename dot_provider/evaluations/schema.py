"""The JSON schema of a suite, for editors: what ``EvaluationSuite.problems`` says, as far as a schema can say it."""

from __future__ import annotations

from typing import Any

from dot_provider.evaluations import suite

_TEXT = {"type": "string", "minLength": 1}
_NAMES = {"type": "array", "items": _TEXT}
_WORDS: dict[str, tuple[str, dict[str, Any]]] = {
    "id": ("Stable from run to run.", {"type": ["string", "number"], "pattern": f"^{suite.ID.pattern}$"}),
    "question": ("What Dot is asked; {{ }} is Jinja.", {**_TEXT, "maxLength": suite.LENGTHS["question"]}),
    "sql": ("SQL with one cell, a number or a day; {{ ref() }} and {{ source() }} are dbt's.", _TEXT),
    "sql_file": ("A file of SQL, from the suite's folder.", _TEXT),
    "metric": (
        "A metric of MetricFlow's.",
        {
            "type": "object",
            "required": ["name"],
            "properties": {"name": _TEXT, "where": _TEXT},
            "additionalProperties": False,
        },
    ),
    "expected_answer": ("The answer by hand, like 1234.5, 19% or 2026-01-31.", {"type": ["string", "number"]}),
    "answer_type": ("What kind of value it is.", {"enum": list(suite.TYPES)}),
    "unit": ("Its unit, such as EUR.", _TEXT),
    "tolerance_pct": ("Per cent of the expected value, 3 by default.", {"type": ["number", "string"], "minimum": 0}),
    "concept_name": ("The concept of Dot's that it tests.", _TEXT),
    "concept_id": ("That concept's id.", {"type": ["string", "number"]}),
    "source": ("Where the answer is from.", _TEXT),
    "conn_id": ("Airflow connection or Dagster resource that the SQL runs on.", _TEXT),
    "severity": ("warn: shown, and left out of the pass rate.", {"enum": ["error", "warn"]}),
    "owners": ("Whom a wrong answer concerns.", _NAMES),
    "table": ("The table of its incident.", _TEXT),
    "asset": ("The asset of its check in Dagster.", _TEXT),
}


def suite_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a suite's file."""
    fields = {name: {"description": words, **rule} for name, (words, rule) in _WORDS.items()}
    fields["tolerance_pct"]["maximum"] = 100
    question = {
        "type": "object",
        "properties": fields,
        "required": ["id", "question"],
        "oneOf": [{"required": [name]} for name in suite.ANSWERS],
        "additionalProperties": False,
    }
    defaults = {"type": "object", "properties": {n: fields[n] for n in suite.DEFAULTS}, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Suite of questions with expected answers, for Dot",
        "type": "object",
        "properties": {
            **{name: {**_TEXT, "maxLength": suite.LENGTHS.get(name, 200)} for name in suite.SUITE_FIELDS[:3]},
            "defaults": defaults,
            "questions": {"type": "array", "minItems": 1, "items": question},
        },
        "required": ["name", "questions"],
        "additionalProperties": False,
    }
