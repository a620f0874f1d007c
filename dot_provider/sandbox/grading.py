"""Grades an answer against the expected one, in decimal numbers."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import date, datetime
from decimal import Context, Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

AnswerType = Literal["number", "count", "currency", "percent", "ratio", "date"]

_CURRENCIES = "$€£¥"
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LONGEST = 100
# Exact for numbers of this many digits: a product on the edge of the tolerance must not be rounded over it.
_EXACT = Context(prec=10 * _LONGEST)


def _number_or_text(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("a number or an ISO date is expected, as a number or as text")
    parsed(value)
    return value


class EvaluationQuestion(BaseModel):
    """A question with its expected answer, in the nine fields that Dot knows."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]*$")
    question: str = Field(min_length=1, max_length=1000)
    expected_answer: Annotated[int | float | str, BeforeValidator(_number_or_text)]
    answer_type: AnswerType | None = None
    unit: str | None = None
    tolerance_pct: float = Field(default=3, ge=0, le=100, allow_inf_nan=False)
    concept_name: str | None = None
    concept_id: str | None = None
    source: str | None = None

    @model_validator(mode="after")
    def _type_fits(self) -> EvaluationQuestion:
        is_date = isinstance(parsed(self.expected_answer), date)
        if self.answer_type is None:
            text = str(self.expected_answer)
            money = any(sign in text for sign in _CURRENCIES)
            self.answer_type = "date" if is_date else "percent" if "%" in text else "currency" if money else "number"
        elif is_date != (self.answer_type == "date"):
            raise ValueError(f"expected_answer {self.expected_answer!r} is no {self.answer_type}")
        return self

    def grade(self, observed: Any) -> bool:
        """Tell whether an observed value passes: a date exactly, a number within the tolerance.

        Raises:
            ValueError: what was observed is no number or date.
        """
        expected, found = parsed(self.expected_answer), parsed(observed)
        if isinstance(expected, date) or isinstance(found, date):
            if type(expected) is not type(found):
                raise ValueError(f"{observed} is {'a' if isinstance(found, date) else 'no'} date")
            return expected == found
        tolerance = Decimal(repr(self.tolerance_pct))
        if not expected:  # no percentage of 0 is more than 0; all of it is
            return not found or tolerance >= 100
        deviation = _EXACT.multiply(_EXACT.abs(_EXACT.subtract(found, expected)), Decimal(100))
        return deviation <= _EXACT.multiply(_EXACT.abs(expected), tolerance)


def _ids_differ(questions: tuple[EvaluationQuestion, ...]) -> tuple[EvaluationQuestion, ...]:
    twice = [id_ for id_, count in Counter(one.id for one in questions).items() if count > 1]
    if twice:
        raise ValueError(f"more than one question has the id {', '.join(twice)}")
    return questions


Questions = Annotated[tuple[EvaluationQuestion, ...], Field(min_length=1), AfterValidator(_ids_differ)]


def parsed(value: Any) -> Decimal | date:
    """Return a value of JSON, YAML or DuckDB as a number or a date.

    ``12.5 %`` is 12.5 (percent points), and ``€ 3`` is 3. A double counts with its 15 significant digits.

    Raises:
        ValueError: it is neither; prose, booleans, NULL and what is not finite are not.
    """
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, float) and math.isfinite(value):
        value = format(value, ".15g")
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = Decimal(value)
        if number.is_finite() and abs(number.adjusted()) < 4 * _LONGEST:
            return number
    text = value.strip() if isinstance(value, str) else ""
    if _DATE.fullmatch(text):
        return date.fromisoformat(text)
    number_text = text.strip(f"% {_CURRENCIES}")
    if len(number_text) <= _LONGEST and _NUMBER.fullmatch(number_text):
        return Decimal(number_text)
    raise ValueError(f"{value!r:.100} is no number and no ISO date")
