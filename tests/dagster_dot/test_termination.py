from __future__ import annotations

import logging

import dagster as dg
import pytest

from dagster_dot.termination import saying_what_goes_on

LOG = logging.getLogger("step")


def test_a_termination_is_told_and_goes_on_its_way(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(dg.DagsterExecutionInterruptedError), saying_what_goes_on(LOG, "Dot goes on."):
        raise dg.DagsterExecutionInterruptedError
    assert caplog.messages == ["The run was terminated. Dot goes on."]


def test_nothing_is_said_of_any_other_end(caplog: pytest.LogCaptureFixture) -> None:
    with saying_what_goes_on(LOG, "Dot goes on."):
        pass
    with pytest.raises(dg.Failure), saying_what_goes_on(LOG, "Dot goes on."):
        raise dg.Failure
    assert caplog.messages == []
