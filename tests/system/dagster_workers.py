"""Two workers of dagster-celery, each with one slot; PostgreSQL is their broker and keeps their results.

They are started as a team starts them, by ``dagster-celery worker start`` and a file with the executor's settings. What
they share is Dagster's own storage, the broker and the code; each has a home and a temporary folder of its own.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

from tests.system.celery_broker import celery_urls

ROOT = Path(__file__).parents[2]
NAMES = ("worker-1", "worker-2")


@dataclass(frozen=True)
class Worker:
    """A running worker, in a session of its own."""

    name: str
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def files(self) -> list[str]:
        """What it has left on its disk."""
        return sorted(str(file.relative_to(self.home)) for file in self.home.rglob("*") if file.is_file())

    def kill_the_process_of_its_step(self) -> None:
        """Do what a kernel without memory does; the worker itself lives on, and reports the loss."""
        (celery,) = psutil.Process(self.process.pid).children()
        for slot in celery.children():
            slot.kill()

    def stop(self) -> None:
        """End it with all its processes, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def executor_config(database: str) -> dict[str, Any]:
    """Return the settings of ``dagster_celery.celery_executor``, which the workers need as well."""
    urls = celery_urls(database)
    return {
        "broker": urls.broker,
        "backend": urls.backend,
        # Remote control broadcasts, which a database as broker cannot.
        "config_source": {"worker_enable_remote_control": False},
    }


@contextmanager
def workers(config: Mapping[str, Any], folder: Path, env: Mapping[str, str]) -> Iterator[dict[str, Worker]]:
    """Run both workers until the block ends."""
    settings = folder / "celery.yaml"
    settings.write_text(yaml.safe_dump({"execution": {"config": dict(config)}}))
    with ExitStack() as running:
        yield {name: running.enter_context(_worker(name, settings, folder, env)) for name in NAMES}


@contextmanager
def _worker(name: str, settings: Path, folder: Path, env: Mapping[str, str]) -> Iterator[Worker]:
    home = folder / name
    home.mkdir()
    binaries = Path(sys.executable).parent
    command = [binaries / "dagster-celery", "worker", "start", "-A", "dagster_celery.app", "-y", settings, "-n", name]
    command += ["-q", "dagster", "--", "--concurrency=1", "--without-mingle", "--without-gossip"]
    places = {"HOME": str(home), "TMPDIR": str(home), "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}"}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env, **places},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = Worker(name, home, process)
    try:
        yield worker
    finally:
        worker.stop()
