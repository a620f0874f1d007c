"""What can be imported from the packages of the Airflow side, and what Airflow registers."""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest
from airflow.sdk import BaseOperator

import dot_provider
from dot_provider import operators
from dot_provider.api import DotUsageError
from dot_provider.sensors import DotAnswerSensor, DotEvaluationSensor

PACKAGES = ("decorators", "hooks", "links", "notifications", "operators", "sensors", "task_groups", "triggers")


@pytest.mark.parametrize("package", [p for p in PACKAGES if p != "decorators"])
def test_the_list_of_public_names_is_what_can_be_imported(package: str) -> None:
    module = import_module(f"dot_provider.{package}")
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__, name
    with pytest.raises(AttributeError):
        _ = module.Nothing


def test_every_module_that_airflow_is_told_of_can_be_imported() -> None:
    info = dot_provider.get_provider_info()
    told = {name for kind in ("hooks", "operators", "sensors", "triggers") for name in info[kind][0]["python-modules"]}
    for name in told:
        import_module(name)
    classes = [*info["extra-links"], *info["notifications"]]
    classes += [c["hook-class-name"] for c in info["connection-types"]]
    classes += [d["class-name"] for d in info["task-decorators"]]
    for path in classes:
        module, _, name = path.rpartition(".")
        assert hasattr(import_module(module), name), path
    assert {f"dot_provider.operators.{m}" for m in operators._HOMES.values()} <= told


@pytest.mark.parametrize("name", operators.__all__)
def test_every_operator_takes_and_renders_the_connection_and_the_environment(name: str) -> None:
    operator: Any = getattr(operators, name)
    assert issubclass(operator, BaseOperator)
    assert {"dot_conn_id", "environment"} <= set(operator.template_fields)
    parameters = inspect.signature(operator.__init__.__wrapped__).parameters.values()
    assert all(p.kind is not p.POSITIONAL_OR_KEYWORD for p in parameters if p.name != "self")


@pytest.mark.parametrize("name", operators.__all__)
def test_every_operator_documents_each_argument(name: str) -> None:
    operator: Any = getattr(operators, name)
    documented = operator.__doc__
    for parameter in inspect.signature(operator.__init__.__wrapped__).parameters:
        if parameter not in ("self", "kwargs", "trigger_rule"):
            assert parameter in documented, parameter


FLAGS = [
    (operators.DotAskOperator, {"question": "q"}, "embed_charts"),
    (operators.DotAskOperator, {"question": "q"}, "deferrable"),
    (operators.DotRunEvaluationOperator, {"evaluation_id": "e"}, "cancel_on_kill"),
    (operators.DotRunEvaluationOperator, {"evaluation_id": "e"}, "deferrable"),
    (operators.DotExportHistoryOperator, {"destination": "duckdb"}, "mark_deleted"),
    (operators.DotExportHistoryOperator, {"destination": "duckdb"}, "include_all_workspaces"),
    (DotEvaluationSensor, {"run_id": "r"}, "require_pass"),
    (DotAnswerSensor, {"chat_id": "c"}, "deferrable"),
]


@pytest.mark.parametrize(("operator", "given", "flag"), FLAGS)
def test_a_switch_is_true_or_false_also_as_text(operator: Any, given: Any, flag: str) -> None:
    assert getattr(operator(task_id="t", **given, **{flag: "False"}), flag) is False
    for wrong in ("yes", "", 2, None):
        with pytest.raises(DotUsageError, match=flag):
            operator(task_id="t", **given, **{flag: wrong})
