"""A real Dagster webserver with a code location, asked over GraphQL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from tests.ports import free_port

ROOT = Path(__file__).parents[2]
_SECONDS_TO_START = 120


@dataclass(frozen=True)
class Webserver:
    """A running webserver."""

    url: str

    def ask(self, query: str, **variables: Any) -> Any:
        """Send a GraphQL query and return its data."""
        response = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        document = response.json()
        assert "errors" not in document, document["errors"]
        return document["data"]


@contextmanager
def webserver(module: str, home: Path, env: Mapping[str, str]) -> Iterator[Webserver]:
    """Run a webserver for the code location in ``module`` until the block ends."""
    port = free_port()
    command = [Path(sys.executable).with_name("dagster-webserver"), "-m", module, "-p", str(port), "-h", "127.0.0.1"]
    log = home / "webserver.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **env, "DAGSTER_HOME": str(home)},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait(f"http://127.0.0.1:{port}", process, log)
        yield Webserver(f"http://127.0.0.1:{port}")
    finally:
        # The webserver's code server is in the same session and ends with it.
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            requests.get(f"{url}/server_info", timeout=5).raise_for_status()
        except requests.RequestException:
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
        else:
            return
    raise AssertionError(log.read_text())
