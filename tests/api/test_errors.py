from __future__ import annotations

import copy
import inspect
import pickle
import re
from typing import Any

import pytest

from dot_provider.api import errors
from dot_provider.api.errors import (
    DotAnswerFailedError,
    DotConfigError,
    DotConflictError,
    DotError,
    DotEvaluationFailedError,
    DotPartialError,
    DotProtocolError,
    DotRateLimitedError,
    DotServerError,
    DotTransientError,
    DotUnreachableError,
    DotUsageError,
    DotValidationError,
)
from dot_provider.api.evaluations import EvaluationRun
from dot_provider.api.external_assets import ExternalAsset
from dot_provider.api.push import PushedAsset

KINDS = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, DotError)]

SAMPLES = [
    DotUsageError("field is empty"),
    DotConfigError("token is missing"),
    DotConflictError("in the way", status=409, detail="busy", payload={"active_run_id": "evr_1"}),
    DotUnreachableError("no route", sent=False),
    DotRateLimitedError("slow down", retry_after=7.5),
    DotServerError("broken", status=503, retry_after=None),
    DotProtocolError("cut", retryable=True),
    DotAnswerFailedError("no data", chat_url="https://app.getdot.ai/?c=1"),
    DotEvaluationFailedError("no pass", run=EvaluationRun("evr_1", raw={"id": "evr_1"})),
    DotPartialError("some failed", report=[PushedAsset("a", "failed", "why", True)], retryable=True),
]


def test_the_docstring_draws_every_error_below_its_parent() -> None:
    drawn: dict[int, str] = {}
    pairs = set()
    for line in (errors.__doc__ or "").splitlines():
        name = re.search(r"Dot\w+Error|DotError", line)
        if line.startswith("    ") and name and not line.strip().startswith("``"):
            drawn[name.start()] = name[0]
            parents = [column for column in drawn if column < name.start()]
            pairs.add((name[0], drawn[max(parents)] if parents else "Exception"))
    assert pairs == {(kind.__name__, kind.__bases__[0].__name__) for kind in KINDS}


@pytest.mark.parametrize("error", SAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_it_knows(error: DotError) -> None:
    """Executors of both orchestrators pickle exceptions from worker to scheduler."""
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        assert again.__dict__ == error.__dict__
        assert (again.retryable, again.chat_url) == (error.retryable, error.chat_url)


def test_an_error_with_a_deep_detail_travels_without_it() -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    refused = DotConflictError("in the way", status=409, detail="busy", payload={"a": deep})
    again = pickle.loads(pickle.dumps(refused))
    assert (str(again), again.status, again.payload) == ("in the way", 409, None)
    partial = pickle.loads(pickle.dumps(DotPartialError("some failed", report=[deep], retryable=True)))
    assert (partial.report, partial.retryable) == ((), True)


def test_what_an_error_shows_of_a_value_is_short_however_large_it_is() -> None:
    """Forty lines of YAML aliases stand for more text than memory holds."""
    bomb: list[object] = ["lol"]
    for _ in range(40):
        bomb = [bomb] * 10
    assert len(errors.brief(bomb)) < 1000
    with pytest.raises(DotUsageError) as caught:
        ExternalAsset(id=bomb, subtype="x")  # type: ignore[arg-type]
    assert len(str(caught.value)) < 1000


def test_a_usage_error_is_a_value_error_for_code_that_knows_nothing_of_dot() -> None:
    assert issubclass(DotUsageError, ValueError)


def test_only_what_time_can_mend_is_retryable() -> None:
    by_default = {kind.__name__ for kind in KINDS if kind.retryable}
    assert by_default == {
        "DotTransientError",
        *(kind.__name__ for kind in DotTransientError.__subclasses__()),
        "DotAnswerFailedError",
        "DotNeedsConfirmationError",
    }


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ([{"loc": ["body", "external_asset", "id"], "msg": "Field required"}], ["body.external_asset.id"]),
        ([{"loc": ("body", 0)}, {"loc": "query"}], ["body.0", "query"]),
        ([{"loc": None}, {"msg": "x"}, "text"], []),
        ("text", []),
        (None, []),
    ],
)
def test_a_validation_error_names_the_refused_fields(payload: Any, fields: list[str]) -> None:
    assert DotValidationError("refused", status=422, payload=payload).fields == fields
