"""What one call through ``DotClient`` costs, against ``requests.Session`` with nothing around it.

    python -m benchmarks.one_call

The same GET, in alternating rounds over one kept-open connection to a server that answers at once. Bare ``requests``
has a timeout per read and nothing else; ``DotClient`` adds a total deadline, size cap, retries, errors and the model.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import requests

from benchmarks.server import running_server
from benchmarks.table import print_table
from dot_provider.api import DotClient

ROUNDS, CALLS = 20, 300


def main() -> None:
    """Measure, and print the table."""
    with running_server() as origin, requests.Session() as session, DotClient("token", origin) as dot:
        session.headers["X-API-KEY"] = "token"
        ways: dict[str, Callable[[], object]] = {
            "requests.Session": lambda: session.get(f"{origin}/api/healthcheck", timeout=60).json(),
            "DotClient": dot.healthcheck,
        }
        wall: dict[str, list[float]] = {name: [] for name in ways}
        cpu: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(ROUNDS):
            for name, call in ways.items():
                began, began_cpu = time.perf_counter(), time.process_time()
                for _ in range(CALLS):
                    call()
                wall[name].append((time.perf_counter() - began) / CALLS)
                cpu[name].append((time.process_time() - began_cpu) / CALLS)
    _report(wall, cpu)


def _report(wall: dict[str, list[float]], cpu: dict[str, list[float]]) -> None:
    bare, bare_cpu = statistics.median(wall["requests.Session"]), statistics.median(cpu["requests.Session"])
    rows = []
    for name in wall:
        took, used = statistics.median(wall[name]), statistics.median(cpu[name])
        rows.append([name, f"{took * 1e3:.2f}", f"{took / bare:.2f}", f"{used * 1e3:.2f}", f"{used / bare_cpu:.2f}"])
    title = f"One GET over a kept-open connection, median of {ROUNDS} rounds of {CALLS} calls"
    print_table(title, ["", "ms per call", "ratio", "CPU ms per call", "ratio"], rows)


if __name__ == "__main__":
    main()
