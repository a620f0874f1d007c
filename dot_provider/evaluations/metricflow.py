"""Expected answers from MetricFlow: ``mf query``, once for all metrics that have no condition of their own."""

from __future__ import annotations

import csv
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dot_provider.api.arguments import checked_texts
from dot_provider.api.errors import DotUsageError

Query = Callable[[Sequence[Mapping[str, str]]], list[str]]

TIMEOUT = 600.0
"""Seconds that one query may take."""


def metricflow(command: Sequence[str], project_dir: Any) -> Query:
    """Return what ``EvaluationSuite.with_answers`` asks metrics by.

    Args:
        command: MetricFlow's command, which wants an environment of its own beside some adapters.
        project_dir: folder of the dbt project.
    """

    command = checked_texts("mf_command", command)
    if not command:
        raise DotUsageError("mf_command is empty: give MetricFlow's command, such as mf.")

    def query(metrics: Sequence[Mapping[str, str]]) -> list[str]:
        plain = list(dict.fromkeys(one["name"] for one in metrics if not one.get("where")))
        found = _queried(command, project_dir, plain) if plain else {}
        return [
            found[one["name"]]
            if not one.get("where")
            else _queried(command, project_dir, [one["name"]], one["where"])[one["name"]]
            for one in metrics
        ]

    return query


def _queried(command: Sequence[str], project_dir: Any, names: Sequence[str], where: str = "") -> dict[str, str]:
    """Return each metric's value as MetricFlow writes it, empty for none.

    Raises:
        DotUsageError: MetricFlow cannot be run, or does not know a metric.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "metrics.csv"
        condition = ["--where", where] if where else []
        asked = [*command, "query", "--metrics", ",".join(names), *condition, "--csv", str(file)]
        try:
            ran = subprocess.run(  # noqa: S603 - the user's own command
                asked, cwd=str(project_dir), capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise DotUsageError(f"metric: {command[0]} cannot be run in {project_dir}: {error}.") from None
        if ran.returncode or not file.exists():
            text = " ".join(f"{ran.stderr} {ran.stdout}".split())
            # Its words stand between a spinner and where to report a bug.
            said = re.sub(r"^.*?ERROR: | ?Log File:.*$", "", text)[:300].rstrip(".") or "it wrote no file"
            raise DotUsageError(f"metric: MetricFlow gives no value of {', '.join(names)}: {said}.")
        rows = list(csv.reader(file.read_text(encoding="utf-8").splitlines()))
    header, values = rows[0] if rows else [], rows[1] if len(rows) > 1 else []
    found = dict(zip_longest(header, values, fillvalue=""))  # the line of an only metric without a value is empty
    if missing := [name for name in names if name not in found]:
        raise DotUsageError(f"metric: MetricFlow's result has no column {missing[0]}.")
    return found
