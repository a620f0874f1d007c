"""Paths that users write into operators."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dot_provider.operators import (
    DotAskOperator,
    DotFetchDbtExposuresOperator,
    DotPushExternalAssetsOperator,
    DotReportDbtRunOperator,
)

PATH = Path("/not/there/yet")


@pytest.mark.parametrize(
    ("operator", "arguments"),
    [
        (DotAskOperator, {"question": "?", "save_to": PATH}),
        (DotFetchDbtExposuresOperator, {"path": PATH}),
        (DotReportDbtRunOperator, {"target_path": PATH}),
        (DotReportDbtRunOperator, {"run_results": PATH, "manifest": PATH}),
        (DotPushExternalAssetsOperator, {"assets_file": PATH}),
        (DotPushExternalAssetsOperator, {"dbt_manifest": PATH}),
    ],
)
def test_a_path_is_text_before_airflow_renders_it(operator: Any, arguments: dict[str, Any]) -> None:
    """Airflow before 3.2 calls ``resolve(context)`` of whatever has it, so that a file must be there already."""
    task = operator(task_id="task", **arguments)
    for name, value in arguments.items():
        if value is PATH:
            assert getattr(task, name) == str(PATH)
