"""Builds the site strictly, and puts the JSON schemas of the components beside it."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import dagster_dot
from dot_provider.evaluations.schema import suite_schema

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"

PUBLIC = (
    *("dagster_dot", "dot_provider.api", "dot_provider.dbt", "dot_provider.history", "dot_provider.hooks"),
    *("dot_provider.notifications", "dot_provider.operators", "dot_provider.sandbox", "dot_provider.sensors"),
    *("dot_provider.task_groups", "dot_provider.triggers"),
)
"""The packages whose `__all__` is what users may import."""


def main(zensical: str) -> int:
    """Build the site with this program; return 1 where a link, a reference or a docstring is broken."""
    shutil.rmtree(SITE, ignore_errors=True)
    built = subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, capture_output=True, text=True)
    report = built.stdout + built.stderr
    print(report, end="")
    if built.returncode or "griffe:" in report:  # what the reference says of a docstring is no warning to zensical
        return 1
    if missing := public_names() - reference_names():
        print("docs/reference shows no", ", ".join(sorted(missing)))
        return 1
    write_schemas(SITE / "schemas")
    print(f"To look at it: python3 -m http.server --bind 127.0.0.1 --directory {SITE.relative_to(ROOT)} 8000")
    return 0


def public_names() -> set[str]:
    """Return the full name of all that users may import, and of the clients' methods."""
    names = {f"{package}.{name}" for package in PUBLIC for name in importlib.import_module(package).__all__}
    client = importlib.import_module("dot_provider.api").DotClient
    return names | {f"dot_provider.api.DotClient.{name}" for name in dir(client) if not name.startswith("_")}


def reference_names() -> set[str]:
    """Return what the reference shows, from the inventory that it leaves for other projects' documentation."""
    inventory = (SITE / "objects.inv").read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(inventory).decode().splitlines()}


def write_schemas(folder: Path) -> None:
    """Write the JSON schema of each component's `attributes`, and that of a suite, for editors of YAML."""
    folder.mkdir(parents=True)
    (folder / "EvaluationSuite.json").write_text(json.dumps(suite_schema(), indent=2), encoding="utf-8")
    for name in sorted(dagster_dot.__all__):
        if name.endswith("Component"):
            schema = getattr(dagster_dot, name).get_model_cls().model_json_schema()
            (folder / f"{name}.json").write_text(json.dumps(schema, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
