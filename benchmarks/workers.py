"""What questions cost the workers: ``DotAskOperator`` against ``HttpOperator`` and against ``requests`` in a ``@task``.

    python -m benchmarks.workers [questions]

A real Airflow with the LocalExecutor and two task slots, on PostgreSQL. Each answer is ready a minute after its
question was posted; Dot holds the request open until then.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import psutil

from benchmarks.answering import Answering, running_dot
from benchmarks.table import print_table
from tests.system.airflow.cluster import PARALLELISM, Cluster, running_cluster
from tests.system.airflow.rest import Rest

SECONDS = 60.0
"""How long Dot takes for an answer."""

NAMES = {
    "dot": "DotAskOperator(deferrable=True)",
    "http": "HttpOperator",
    "requests": "requests in a @task",
}


def main(questions: int) -> None:
    """Let one Airflow ask in each way, and print the table."""
    rows = []
    os.environ["BENCHMARK_QUESTIONS"] = str(questions)
    with running_dot(SECONDS, asked=True) as dot:
        os.environ["BENCHMARK_DOT"] = dot.origin
        with running_cluster(Path(__file__).parent / "dags") as cluster:
            rest = _connected(cluster, dot)
            for way, name in NAMES.items():
                rows.append([name, *_measure(way, questions, cluster, rest)])
    header = ["", "s for all", "worker s per question", "workers' peak MiB"]
    print_table(f"{questions} questions on {PARALLELISM} task slots, answered after {SECONDS:.0f} s", header, rows)


def _connected(cluster: Cluster, dot: Answering) -> Rest:
    rest = Rest(cluster.url)
    rest.connect("dot_default", dot.origin, "token")
    rest.call("POST", "/connections", {"connection_id": "http_dot", "conn_type": "http", "host": dot.origin})
    return rest


def _measure(way: str, questions: int, cluster: Cluster, rest: Rest) -> list[str]:
    began, busy, peak = time.monotonic(), 0.0, 0
    run = rest.run(way)
    looked = time.monotonic()
    while (state := rest.call("GET", f"/dags/{way}/dagRuns/{run.run_id}")["state"]) in ("queued", "running"):
        (running,) = cluster.query(
            f"SELECT count(*) FROM task_instance WHERE run_id = '{run.run_id}' AND state = 'running'"
        )
        busy += int(str(running[0])) * (time.monotonic() - looked)
        looked = time.monotonic()
        peak = max(peak, sum(_memory(worker) for worker in cluster.workers()))
        time.sleep(0.5)
    if state != "success":
        raise RuntimeError(f"The DAG {way} ended as {state}.")
    return [f"{time.monotonic() - began:.0f}", f"{busy / questions:.1f}", f"{peak / 2**20:.0f}"]


def _memory(worker: psutil.Process) -> int:
    """Return the bytes that a worker and its task use, with their part of what they share."""
    total = 0
    for process in (worker, *worker.children(recursive=True)):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 6)
