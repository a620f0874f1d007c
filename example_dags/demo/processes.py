"""Child processes that end with the demo, however it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

from example_dags.demo.steps import PIPE, Step, heard

ROOT = Path(__file__).parents[2]


class StepFailed(Exception):
    """A child process ended with an error; the message says where its log is."""


def run_steps(module: str, env: Mapping[str, str], log: Path) -> Iterator[Step]:
    """Run ``python -m module`` and yield its steps as they finish. What it prints goes to ``log``.

    Raises:
        StepFailed: it ended with an error.
    """
    reader, writer = os.pipe()
    process = None
    try:
        with log.open("wb") as output, interrupts_put_off():
            process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env={**os.environ, **env, PIPE: str(writer)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[writer],
                start_new_session=True,
            )
        os.close(writer)
        with os.fdopen(reader) as pipe:
            yield from heard(pipe)
        if process.wait() != 0:
            raise StepFailed(f"{module} ended with an error. The end of {log}:\n{tail(log)}")
    finally:
        if process is not None:
            stop(process)


@contextlib.contextmanager
def interrupts_put_off() -> Iterator[None]:
    """Let Ctrl-C, and a request to end, wait for the end of the block: a process in the making would be lost.

    Raises:
        KeyboardInterrupt: one came.
    """
    came: list[int] = []
    before = {one: signal.signal(one, lambda number, _: came.append(number)) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    if came:
        raise KeyboardInterrupt


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started, also what left its process group, as Airflow's BashOperator does."""
    try:
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.terminate()
    _, alive = psutil.wait_procs(family, timeout=5)
    for member in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


def tail(log: Path, lines: int = 15) -> str:
    """Return the last lines of a log."""
    return "\n".join(f"    {line}" for line in log.read_text(errors="replace").splitlines()[-lines:])
