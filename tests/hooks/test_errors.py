"""What an error of Dot means to an Airflow task."""

from __future__ import annotations

import pytest
from airflow.exceptions import AirflowException, AirflowFailException

from dot_provider.api.errors import DotTimeoutError, DotUsageError
from dot_provider.hooks.errors import failing_the_task


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (DotTimeoutError("Dot has not answered in time."), AirflowException),
        (DotUsageError("question is empty."), AirflowFailException),
    ],
    ids=["retried", "not retried"],
)
def test_its_sentence_is_the_failures_text_and_logged_by_itself(
    error: Exception, failure: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(failure) as raised, failing_the_task():
        raise error
    assert type(raised.value) is failure
    assert str(raised.value) == str(error)
    assert raised.value.__suppress_context__
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [("ERROR", str(error))]


def test_other_errors_are_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError), failing_the_task():
        raise RuntimeError
    assert caplog.records == []


def test_a_long_sentence_is_logged_in_lines_that_fit_and_its_link_can_be_clicked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Airflow's log view makes a link of all that follows https:// without a space, a full stop too."""
    link = "https://app.getdot.ai/?c=00000000-0000-0000-0000-000000000000"
    before, after = "Dot has not answered in time; it may still do so, and then you find it in", "Raise timeout. " * 9
    with pytest.raises(AirflowException), failing_the_task():
        raise DotTimeoutError(f"{before} {link}. {after.strip()}")
    (record,) = caplog.records
    lines = record.getMessage().splitlines()
    assert lines[:2] == [before, link]
    assert " ".join(lines[2:]) == after.strip()
    assert max(map(len, lines)) <= 100
