"""The wheel alone, in an environment that has never seen the checkout: ``make dist``.

Builds wheel and source distribution into ``dist/``, installs the wheel without extras and with those that the README
names, and runs the README's examples there with the environment's own programs and its own sandbox.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from tests.test_readme import README, block

ROOT = Path(__file__).parents[1]
DIST = ROOT / "dist"
HOME = ROOT / ".venvs" / "wheel"
PROGRAMS = HOME / "bin"


def main() -> None:
    """Build, install, run; the first thing that fails ends it."""
    shutil.rmtree(DIST, ignore_errors=True)
    run(sys.executable, "-m", "hatchling", "build", "-d", DIST)
    (wheel,) = DIST.glob("*.whl")
    uv = Path(sys.executable).with_name("uv")
    run(uv, "venv", "--quiet", "--clear", HOME)
    with tempfile.TemporaryDirectory(prefix="dot-wheel-") as folder:
        work = Path(folder)
        install = (uv, "pip", "install", "--quiet", "--python", PROGRAMS / "python")
        run(*install, wheel)
        run(
            PROGRAMS / "python",
            "-c",
            "from dot_provider.api import DotClient; help(DotClient.ask)",
            cwd=work,
            quiet=True,
        )
        tell("the wheel alone: the client")
        run(*install, f"{wheel}[airflow,dagster,sandbox]")
        with sandbox(work) as dot:
            run_examples(work, dot)
    tell(*sorted(path.name for path in DIST.iterdir()))


def run_examples(work: Path, dot: SimpleNamespace) -> None:
    """Run what the README shows, in its order, from files in an empty folder."""
    dags = work / "airflow" / "dags"
    dags.mkdir(parents=True)
    (dags / "after_dbt.py").write_text(block(README, "python", "from airflow.sdk import dag"))
    shell(block(README, "console", "airflow dags test"), work, dot)
    tell("the first DAG")
    (work / "definitions.py").write_text(block(README, "python", "import dagster as dg", dot))
    shell(block(README, "console", "dagster asset materialize"), work, dot)
    tell("the first definitions.py")
    (work / "client.py").write_text(block(README, "python", "with DotClient(", dot))
    shell("python client.py", work, dot)
    tell("the client")
    for requirement in ("airflow providers list | grep -q dot-provider", "python -c 'import dagster_dot'"):
        shell(requirement, work, dot)


def shell(command: str, work: Path, dot: SimpleNamespace) -> None:
    """Run a command as a user would: with the environment's programs, and Dot by its variables."""
    connection = {"conn_type": "dot", "host": dot.base_url, "password": dot.token}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
    environment |= {
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}",
        "AIRFLOW_HOME": str(work / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_DOT_DEFAULT": json.dumps(connection),
        "DOT_API_TOKEN": dot.token,
    }
    run("/bin/sh", "-c", command, cwd=work, env=environment, quiet=True)


def run(*command: object, cwd: Path = ROOT, env: dict[str, str] | None = None, quiet: bool = False) -> None:
    """Run a program; where it fails, show what it said, and end."""
    words = [str(word) for word in command]
    ran = subprocess.run(words, cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode:
        sys.exit(f"{' '.join(words)}\n{ran.stdout}")
    if not quiet and ran.stdout.strip():
        tell(ran.stdout.strip())


@contextmanager
def sandbox(work: Path) -> Iterator[SimpleNamespace]:
    """Run the environment's own sandbox."""
    command = [PROGRAMS / "dot-sandbox", "--port", "0"]
    server = subprocess.Popen(command, cwd=work, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = next(line.split("=")[1].strip() for line in server.stdout if "DOT_BASE_URL=" in line)
        yield SimpleNamespace(base_url=url, token="dot-sandbox-token")
    finally:
        server.terminate()
        server.wait()


def tell(*lines: str) -> None:
    """Print lines at once."""
    print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    main()
