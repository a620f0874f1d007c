"""What a DAG file pays for importing operators: ours, and those of other providers that are installed.

    python -m benchmarks.imports

Each is imported in a process of its own after what every DAG file and operator imports (``airflow.sdk`` and the compat
layer), seven times, in turn. To compare, install the providers into an environment of their own beside this package.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys

from benchmarks.table import print_table

RUNS = 7

OPERATORS = {
    "dot_provider": ("dot_provider.operators",),
    "fivetran_provider_async": ("fivetran_provider_async.operators",),
    "common.ai, LLMBatchOperator": ("airflow.providers.common.ai.operators.llm_batch",),
    "airbyte": ("airflow.providers.airbyte.operators.airbyte",),
    "http": ("airflow.providers.http.operators.http",),
    "dbt.cloud": ("airflow.providers.dbt.cloud.operators.dbt",),
    "databricks": (
        "airflow.providers.databricks.operators.databricks",
        "airflow.providers.databricks.operators.databricks_repos",
        "airflow.providers.databricks.operators.databricks_sql",
        "airflow.providers.databricks.operators.databricks_workflow",
    ),
    "anthropic": ("airflow.providers.anthropic.operators.agent", "airflow.providers.anthropic.operators.batch"),
}
"""By provider, the modules of its operators; all of them where they are several."""

PROBE = """
import importlib, json, sys, time
import airflow.sdk
from airflow.sdk import BaseHook, BaseOperator, BaseSensorOperator
from airflow.sdk.configuration import conf
import airflow.triggers.base
names = json.loads(sys.argv[1])
before, began = len(sys.modules), time.perf_counter()
for name in names:
    module = importlib.import_module(name)
    for public in getattr(module, "__all__", ()):
        getattr(module, public)
print(json.dumps([(time.perf_counter() - began) * 1e3, len(sys.modules) - before]))
"""


def main() -> None:
    """Import each provider's operators several times, and print the table."""
    installed = {name: modules for name, modules in OPERATORS.items() if all(map(_is_there, modules))}
    runs: dict[str, list[tuple[float, int]]] = {name: [] for name in installed}
    for _ in range(RUNS):
        for name, modules in installed.items():
            runs[name].append(_import(modules))
    rows = []
    for name, measured in runs.items():
        times = [milliseconds for milliseconds, _ in measured]
        rows.append([name, f"{statistics.median(times):.0f}", f"{min(times):.0f}", str(measured[-1][1])])
    print_table("Importing a provider's operators", ["", "ms, median", "least", "modules"], rows)
    missing = [name for name in OPERATORS if name not in installed]
    if missing:
        print(f"Not installed here: {', '.join(missing)}.")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _import(modules: tuple[str, ...]) -> tuple[float, int]:
    command = [sys.executable, "-c", PROBE, json.dumps(modules)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    milliseconds, count = json.loads(output.splitlines()[-1])
    return milliseconds, count


if __name__ == "__main__":
    main()
