"""Texts and lists of texts in YAML, as ``dg check yaml`` sees them and as a project loads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import dagster as dg
import pytest

from dagster_dot import DotEvaluationComponent, DotNoteComponent, DotQuestionComponent, DotSyncComponent

Load = Callable[..., dg.Definitions]
QUESTION = {"question": "How many orders?"}
BAD_LISTS = [
    ("Why?", "must be a list of texts, not str", "'Why?' is not of type 'array'"),
    (["Why?", ""], r"\[1\] is empty", "'' should be non-empty"),
]


def refusal(load: Load, component: type[dg.Component], attributes: dict[str, Any]) -> str:
    """What a person reads who loads the project: Dagster names the component, and the cause names the line."""
    with pytest.raises(Exception, match=component.__name__) as raised:
        load(component, attributes)
    return str(raised.value.__cause__)


def told(component: type[dg.Component], attributes: dict[str, Any]) -> list[str]:
    """What ``dg check yaml`` says, which asks the component's JSON schema."""
    jsonschema = pytest.importorskip("jsonschema")
    model = component.get_model_cls()
    assert model is not None
    errors = jsonschema.Draft202012Validator(model.model_json_schema()).iter_errors(attributes)
    return [error.message for error in errors]


@pytest.mark.parametrize("name", ["follow_ups", "labels"])
@pytest.mark.parametrize(("written", "loading", "checking"), BAD_LISTS)
def test_a_bad_list_is_refused_before_anything_runs(
    load: Load, name: str, written: Any, loading: str, checking: str
) -> None:
    attributes = {**QUESTION, name: written}
    assert re.search(
        rf"defs\.yaml:\d+ - attributes\.{name}(.|\n)*{loading}", refusal(load, DotQuestionComponent, attributes)
    )
    if hasattr(dg, "ComponentFormConfig"):
        assert told(DotQuestionComponent, attributes) == [checking]


@pytest.mark.parametrize(
    ("component", "attributes", "empty"),
    [
        (DotQuestionComponent, {"question": ""}, "question"),
        (DotNoteComponent, {"title": "Revenue", "markdown": ""}, "markdown"),
        (DotSyncComponent, {"connection_type": "dbt", "connection_id": ""}, "connection_id"),
        (DotEvaluationComponent, {"evaluation_id": "", "checked_asset": "a"}, "evaluation_id"),
    ],
)
def test_an_empty_text_is_named_with_its_line(
    load: Load, component: type[dg.Component], attributes: dict[str, str], empty: str
) -> None:
    assert re.search(
        rf"defs\.yaml:\d+ - attributes\.{empty}(.|\n)*{empty} is empty", refusal(load, component, attributes)
    )


def test_a_template_may_stand_for_a_list(load: Load) -> None:
    attributes = {**QUESTION, "follow_ups": "{{ ['Why?', 'Where?'] }}"}
    assert load(DotQuestionComponent, attributes).assets
    if hasattr(dg, "ComponentFormConfig"):
        assert told(DotQuestionComponent, attributes) == []


@pytest.mark.parametrize("written", [5400, 5400.0, "PT1H30M", "01:30:00"])
def test_a_time_to_wait_is_seconds_or_a_duration(load: Load, written: Any) -> None:
    attributes = {"evaluation_id": "revenue", "checked_asset": "a", "timeout": written}
    assert load(DotEvaluationComponent, attributes)
    assert told(DotEvaluationComponent, attributes) == []


@pytest.mark.parametrize("written", [0, -1, "soon"])
def test_what_is_no_time_to_wait_is_refused_before_anything_runs(load: Load, written: Any) -> None:
    attributes = {**QUESTION, "timeout": written}
    words = r"defs\.yaml:\d+ - attributes\.timeout(.|\n)*timeout must be a number of seconds above 0"
    assert re.search(words, refusal(load, DotQuestionComponent, attributes))
    if hasattr(dg, "ComponentFormConfig"):
        assert told(DotQuestionComponent, attributes)
