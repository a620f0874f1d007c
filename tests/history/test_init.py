from __future__ import annotations

import subprocess
import sys

import dot_provider.history


def test_public_names_are_sorted_and_importable() -> None:
    names = dot_provider.history.__all__
    assert sorted(names) == names
    assert all(getattr(dot_provider.history, name) is not None for name in names)


def test_import_loads_neither_dlt_nor_a_driver_nor_an_orchestrator() -> None:
    code = (
        "import sys; from dot_provider.history import load_history, LoadResult, HistoryWindow\n"
        "heavy = {'dlt', 'pyarrow', 'duckdb', 'airflow', 'dagster', 'requests'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
