"""How long 10,000 external assets take at 50 ms server latency, against a serial loop with ``requests``.

    python -m benchmarks.assets [assets]

The serial loop is measured on a sample of 500 and scaled up: all 10,000 take it about nine minutes.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import requests

from benchmarks.server import running_server
from benchmarks.table import print_table
from dot_provider.api import DotClient

LATENCY, SAMPLE = 0.05, 500


def main(count: int) -> None:
    """Measure, and print the table."""
    with running_server(LATENCY) as origin:
        serial = _serial(origin, SAMPLE) / SAMPLE
        before = _peak_mib()
        with DotClient("token", origin) as dot:
            began = time.perf_counter()
            report = dot.push_external_assets(_assets(count))
            took = time.perf_counter() - began
    assert report.counts == {"sent": count}
    rows = [
        [f"requests, one after another ({SAMPLE} measured)", f"{serial * count:.0f}", f"{1 / serial:.0f}", "1.0"],
        ["DotClient.push_external_assets", f"{took:.0f}", f"{count / took:.0f}", f"{serial * count / took:.1f}"],
    ]
    print_table(f"{count:,} external assets at {LATENCY * 1e3:.0f} ms", ["", "s", "assets/s", "times as fast"], rows)
    print(f"Memory that the push added to this process: {_peak_mib() - before:.0f} MiB\n")


def _assets(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield {
            "id": f"dashboard-{number}",
            "subtype": "looker_dashboard",
            "folder": "Sales",
            "name": f"Orders of store {number}",
            "description": "Orders, revenue and returns by day, product and channel. " * 10,
            "url": f"https://looker.example.com/dashboards/{number}",
        }


def _serial(origin: str, count: int) -> float:
    with requests.Session() as session:
        session.headers["X-API-KEY"] = "token"
        began = time.perf_counter()
        for asset in _assets(count):
            url = f"{origin}/api/import_and_overwrite_external_asset"
            session.post(url, json={"external_asset": asset}, timeout=60).raise_for_status()
        return time.perf_counter() - began


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
