"""When a request is tried again, and how long that waits."""

from __future__ import annotations

import threading
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api._core.decode import parse_retry_after
from dot_provider.api._core.send import (
    Attempts,
    RetryBudget,
    explain_end,
    may_repeat,
    wait_before_retry,
)
from dot_provider.api.errors import (
    DotAnswerFailedError,
    DotAuthError,
    DotConfigError,
    DotError,
    DotProtocolError,
    DotRateLimitedError,
    DotServerError,
    DotTimeoutError,
    DotUnreachableError,
)
from tests.api.samples import call

NEVER_SENT = DotUnreachableError("refused", sent=False)
LOST = DotUnreachableError("reset", sent=True)
LIMITED = DotRateLimitedError("slow down")


def longest(low: float, high: float) -> float:
    return high


def wait(error: DotError, made: int = 1, now: float = 0.0, give_up_at: float = 60.0) -> float | None:
    return wait_before_retry(call(), error, Attempts(made, give_up_at), now, longest)


@pytest.mark.parametrize(
    ("error", "repeatable", "once"),
    [
        (NEVER_SENT, True, True),
        (LIMITED, True, True),
        (LOST, True, False),
        (DotTimeoutError("late"), True, False),
        (DotServerError("x", status=502), True, False),
        (DotServerError("x", status=503), True, False),
        (DotServerError("x", status=504), True, False),
        (DotServerError("x", status=500), False, False),
        (DotServerError("x", status=501), False, False),
        (DotProtocolError("cut", retryable=True), True, False),
        (DotProtocolError("a page"), False, False),
        (DotAuthError("x", status=401), False, False),
        (DotConfigError("x"), False, False),
        (DotAnswerFailedError("x"), False, False),
    ],
    ids=lambda value: f"{type(value).__name__} {value}" if isinstance(value, DotError) else "",
)
def test_only_what_is_safe_and_can_help_is_repeated(error: DotError, repeatable: bool, once: bool) -> None:
    """A call that must happen once is repeated only where it certainly did not happen."""
    assert may_repeat(call(repeatable=True), error) is repeatable
    assert may_repeat(call(repeatable=False), error) is once


def test_waits_double_up_to_six_attempts() -> None:
    assert [wait(LOST, made) for made in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 8.0, None]


def test_waits_are_jittered_over_their_whole_range() -> None:
    asked = []
    wait_before_retry(call(), LOST, Attempts(3, 60), 0, lambda low, high: asked.append((low, high)) or low)  # type: ignore[func-returns-value]
    assert asked == [(0.0, 2.0)]


def test_no_wait_reaches_the_deadline() -> None:
    assert wait(LOST, made=5, now=51.9) == 8.0
    assert wait(LOST, made=5, now=52.0) is None


@pytest.mark.parametrize(("seconds", "waited"), [(0.0, 0.0), (1.5, 1.5), (7.0, 7.0), (120.0, 120.0), (120.1, None)])
def test_retry_after_is_followed_up_to_two_minutes(seconds: float, waited: float | None) -> None:
    for error in (
        DotRateLimitedError("x", retry_after=seconds),
        DotServerError("x", status=503, retry_after=seconds),
    ):
        assert wait(error) == waited


def test_only_one_retry_after_leads_past_the_deadline() -> None:
    error = DotRateLimitedError("x", retry_after=100)
    assert wait(error, now=59.0) == 100
    assert wait(error, made=2, now=159.0) is None


def test_a_retry_after_too_long_to_wait_for_is_said_so() -> None:
    error = DotRateLimitedError("x", retry_after=86400)
    assert explain_end(error, Attempts(1, 0)) == (
        " Dot asks to wait 86400 s, longer than the 120 s that a call waits: run this again later."
    )


@pytest.mark.parametrize(("made", "words"), [(1, ""), (6, " Tried 6 times.")])
def test_the_end_says_how_often_was_tried(made: int, words: str) -> None:
    assert explain_end(LOST, Attempts(made, 0)) == words
    assert explain_end(DotRateLimitedError("x", retry_after=3), Attempts(made, 0)) == words
    assert explain_end(DotConfigError("x"), Attempts(made, 0)) == words


@given(st.integers(1, 6), st.floats(0, 1e6), st.none() | st.floats(0, 1e6))
def test_a_wait_is_never_negative_nor_longer_than_two_minutes(made: int, now: float, asked: float | None) -> None:
    seconds = wait(DotRateLimitedError("x", retry_after=asked), made, now, give_up_at=1e5)
    assert seconds is None or 0 <= seconds <= 120


def test_a_budget_lets_a_storm_cost_its_tokens_and_one_request_in_five() -> None:
    budget = RetryBudget(tokens=10, refill=0.2)
    retries = 0
    for _ in range(1000):
        while budget.take():
            retries += 1
        budget.succeeded()
    assert retries <= 10 + 0.2 * 1000


def test_a_budget_never_holds_more_than_it_began_with() -> None:
    budget = RetryBudget(tokens=2)
    for _ in range(100):
        budget.succeeded()
    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_a_budget_is_exact_among_threads() -> None:
    budget, taken = RetryBudget(tokens=500, refill=0), []
    threads = [threading.Thread(target=lambda: taken.append(sum(budget.take() for _ in range(100)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 500


NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("0", 0.0),
        ("-1", 0.0),
        ("+3", 3.0),
        ("86400", 86400.0),
        (formatdate(NOW + 60, usegmt=True), 60.0),
        (formatdate(NOW - 60, usegmt=True), 0.0),
        ("Fri, 15 Jan 2027 08:00:30", 30.0),
    ],
)
def test_seconds_decimals_and_dates_are_understood(value: str, seconds: float) -> None:
    assert parse_retry_after(value, NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "  ", "soon", "nan", "inf", "-inf", "1e3", "1_000", "٣", "1,5", "7 s", "9" * 400, ":", "0;0"),
        *("Fri, 99 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 99999 08:00:30 GMT", "15 Jan 0000 00:00:00 -9999"),
    ],
)
def test_what_says_nothing_is_none(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


@given(st.text())
def test_no_text_breaks_it(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0


@given(st.floats(min_value=0, max_value=1e6), st.integers(0, 2_000_000_000))
def test_any_number_of_seconds_is_itself_whatever_the_clock_says(seconds: float, now: int) -> None:
    assert parse_retry_after(f"{seconds:.6f}", now) == pytest.approx(seconds, abs=1e-6)


@given(st.integers(0, 4_000_000_000), st.integers(-86_400, 86_400))
def test_a_date_is_the_time_until_it_and_never_negative(now: int, ahead: int) -> None:
    """Also with a clock that is wrong by an hour: the caller bounds what comes out."""
    wait = parse_retry_after(formatdate(now + ahead, usegmt=True), now)
    assert wait == max(0, ahead)
