from __future__ import annotations

import random
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from dot_provider.sandbox.grading import EvaluationQuestion, parsed


def question(expected: Any, tolerance: float = 3, **more: Any) -> EvaluationQuestion:
    return EvaluationQuestion(id="q", question="?", expected_answer=expected, tolerance_pct=tolerance, **more)


@pytest.mark.parametrize(
    ("expected", "tolerance", "observed", "passes"),
    [
        (100, 3, 103, True),
        (100, 3, Decimal("103.0000000001"), False),
        (100, 0, 100.0, True),
        (0.3, 0, 0.1 + 0.2, True),
        (-100, 3, -97, True),
        (-100, 3, 100, False),
        (0, 99.9, 0, True),
        (0, 99.9, Decimal("1e-30"), False),
        (0, 100, 5, True),
        (2**70, 0, 2**70, True),
        (2**70, 0, 2**70 + 1, False),
        ("12.5%", 0, 12.5, True),
        ("$ 7", 0, "7 $", True),
        ("1e3", 0, 1000, True),
        ("2026-01-02", 100, date(2026, 1, 2), True),
        ("2026-01-02", 100, datetime(2026, 1, 2, 5), True),
        ("2026-01-02", 100, date(2026, 1, 3), False),
    ],
)
def test_numbers_pass_within_the_tolerance_and_dates_exactly(
    expected: Any, tolerance: float, observed: Any, passes: bool
) -> None:
    assert question(expected, tolerance).grade(observed) is passes


def test_an_answer_on_the_edge_passes_and_one_beyond_fails() -> None:
    rng = random.Random(1)
    for _ in range(5_000):
        expected = Decimal(rng.randrange(-(10**9), 10**9)).scaleb(-rng.randrange(6))
        tolerance = rng.randrange(1, 1000) / 10
        edge = expected + abs(expected) * Decimal(repr(tolerance)) / 100
        graded = question(str(expected), tolerance)
        assert graded.grade(edge)
        beyond = edge + Decimal("1e-12")
        exact = abs(Fraction(beyond) - Fraction(expected)) * 100 <= abs(Fraction(expected)) * Fraction(repr(tolerance))
        assert graded.grade(beyond) is exact or expected == 0


@pytest.mark.parametrize(
    "value",
    [None, True, float("nan"), float("inf"), "", "many", "1,234", "1 2", "٣", b"1", "2026-13-01", "1e9999", 10**500],
)
def test_what_is_no_number_and_no_date_is_refused(value: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - also of date.fromisoformat
        parsed(value)


@pytest.mark.parametrize(
    ("expected", "kind"),
    [("5%", "percent"), ("£5", "currency"), ("2026-01-01", "date"), (5, "number"), ("0", "number")],
)
def test_the_answer_type_is_inferred(expected: Any, kind: str) -> None:
    assert question(expected).answer_type == kind


def test_a_date_is_no_number() -> None:
    with pytest.raises(ValueError, match="date"):
        question(5).grade(date(2026, 1, 1))
    with pytest.raises(ValueError, match="date"):
        question("2026-01-01").grade(5)
