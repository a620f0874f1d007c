"""What 1,000 waiting questions cost: ``AsyncDotClient`` against ``httpx.AsyncClient`` and against a thread each.

    python -m benchmarks.waiting [questions]

Every question is looked at once a second, or as fast as its client manages, on a server that answers after 200 ms. Each
way runs for 15 seconds in a process of its own, over at most 100 connections where it has a pool.
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.server import running_server
from benchmarks.table import print_table

LATENCY, INTERVAL, SECONDS = 0.2, 1.0, 15.0
NAMES = {"dot": "AsyncDotClient", "httpx": "httpx.AsyncClient", "threads": "a thread and requests.Session each"}


def main(questions: int) -> None:
    """Measure each way in a process of its own, and print the table."""
    results = {}
    with running_server(LATENCY) as origin:
        for way in NAMES:
            command = [sys.executable, "-m", "benchmarks.waiting", way, origin, str(questions)]
            results[way] = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
    best = results["dot"]["polls"] / results["dot"]["seconds"]
    rows = [[NAMES[way], *_figures(result, best)] for way, result in results.items()]
    header = ["", "polls/s", "ratio", "CPU s", "CPU s per 1,000 polls", "loop late by (s)", "peak MiB"]
    print_table(f"{questions:,} questions, a look a second each, {LATENCY * 1e3:.0f} ms latency", header, rows)


def _figures(result: dict[str, Any], best: float) -> list[str]:
    rate, lag = result["polls"] / result["seconds"], result["lag"]
    return [
        f"{rate:.0f}",
        f"{rate / best:.2f}",
        f"{result['cpu']:.1f}",
        f"{result['cpu'] / max(result['polls'], 1) * 1000:.2f}",
        "-" if lag is None else f"{lag:.2f}",
        f"{result['peak_mib']:.0f}",
    ]


async def _with_dot(origin: str, questions: int, count: list[float]) -> None:
    from dot_provider.api import AsyncDotClient
    from dot_provider.api._http.event_loop import EventLoopTransport
    from dot_provider.api.post_once import AskedQuestion
    from dot_provider.api.wait import wait_for_answer

    class Counting(EventLoopTransport):
        async def exchange(self, request: Any) -> Any:
            response = await super().exchange(request)
            count.append(time.perf_counter())
            return response

    async with AsyncDotClient("token", origin) as dot:
        dot._transport = Counting()
        waits = [
            dot.run(
                wait_for_answer(
                    AskedQuestion(f"chat-{number}"),
                    deadline=time.time() + 3600,
                    poll_interval=INTERVAL,
                )
            )
            for number in range(questions)
        ]
        await _for_a_while(waits)


async def _with_httpx(origin: str, questions: int, count: list[float]) -> None:
    import httpx

    async def wait(client: httpx.AsyncClient, chat_id: str) -> None:
        while True:
            response = await client.get(f"{origin}/api/c2/{chat_id}")
            response.json()
            count.append(time.perf_counter())
            await asyncio.sleep(INTERVAL)

    limits = httpx.Limits(max_connections=100, max_keepalive_connections=100)
    async with httpx.AsyncClient(headers={"X-API-KEY": "token"}, timeout=None, limits=limits) as client:
        await _for_a_while([wait(client, f"chat-{number}") for number in range(questions)])


def _with_threads(origin: str, questions: int, count: list[float]) -> None:
    import requests

    over = threading.Event()

    def wait(chat_id: str) -> None:
        with requests.Session() as session:
            session.headers["X-API-KEY"] = "token"
            while not over.is_set():
                session.get(f"{origin}/api/c2/{chat_id}", timeout=60).json()
                count.append(time.perf_counter())
                over.wait(INTERVAL)

    threads = [threading.Thread(target=wait, args=(f"chat-{number}",), daemon=True) for number in range(questions)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS)
    over.set()


async def _for_a_while(waits: list[Any]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    await asyncio.sleep(SECONDS)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _with_lag(waiting: Any) -> float:
    """Run ``waiting``, and return by how many seconds a timer of 50 ms was late at most."""
    late = [0.0]

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.05)
            late.append(time.perf_counter() - began - 0.05)

    watching = asyncio.ensure_future(watch())
    await waiting
    watching.cancel()
    return max(late)


def _measure(way: str, origin: str, questions: int) -> dict[str, Any]:
    count: list[float] = []
    began, lag = time.perf_counter(), None
    if way == "threads":
        _with_threads(origin, questions, count)
    else:
        run = {"dot": _with_dot, "httpx": _with_httpx}[way]
        lag = asyncio.run(_with_lag(run(origin, questions, count)))
    seconds = time.perf_counter() - began
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "polls": len(count),
        "seconds": seconds,
        "cpu": used.ru_utime + used.ru_stime,
        "lag": lag,
        "peak_mib": used.ru_maxrss / 1024,
    }


if __name__ == "__main__":
    if len(sys.argv) > 2:
        print(json.dumps(_measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
