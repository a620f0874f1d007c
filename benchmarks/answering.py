"""A Dot as small as can be, in a process of its own, that knows when each answer was ready and when it was taken.

``POST /api/agentic`` is held open until the answer is ready, ``GET /api/c2/{chat_id}`` shows how far it is. An answer
is ready ``seconds`` after its question came or, where the script calls ``begin``, some time in the ``seconds`` after.
"""

from __future__ import annotations

import asyncio
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from aiohttp import web

from benchmarks.serving import serving


class Answering:
    """The server's process, as the script sees it."""

    def __init__(self, origin: str) -> None:
        self.origin = origin

    def begin(self) -> None:
        """Let the answers to all questions become ready, spread over the server's ``seconds`` from now on."""
        requests.post(f"{self.origin}/begin", timeout=60).raise_for_status()

    def forget_who_asked(self) -> None:
        """Start anew to count whom the server has seen."""
        requests.post(f"{self.origin}/forget", timeout=60).raise_for_status()

    def facts(self) -> dict[str, Any]:
        """Return ``posts``, ``seen`` (chats) and by chat id ``ready`` and ``taken`` (epoch seconds)."""
        facts: dict[str, Any] = requests.get(f"{self.origin}/facts", timeout=60).json()
        return facts


@contextmanager
def running_dot(seconds: float, *, asked: bool) -> Iterator[Answering]:
    """Run the server; with ``asked``, each answer is ready so many seconds after its question came."""
    with serving("benchmarks.answering", str(seconds), str(int(asked))) as origin:
        yield Answering(origin)


class _Dot:
    def __init__(self, seconds: float, asked: bool) -> None:
        self._seconds, self._asked = seconds, asked
        self._begun: float | None = None
        self._posts = 0
        self._seen: set[str] = set()
        self._ready: dict[str, float] = {}
        self._taken: dict[str, float] = {}

    async def agentic(self, request: web.Request) -> web.Response:
        chat_id = (await request.json())["chat_id"]
        self._posts += 1
        self._seen.add(chat_id)
        if self._asked:
            self._ready.setdefault(chat_id, time.time() + self._seconds)
        while not self._is_ready(chat_id):  # noqa: ASYNC110 an answer becomes ready by the clock
            await asyncio.sleep(0.02)
        return self._answered(chat_id, _answered(chat_id))

    async def chat(self, request: web.Request) -> web.Response:
        chat_id = request.match_info["chat_id"]
        self._seen.add(chat_id)
        if self._asked and chat_id not in self._ready:
            return web.json_response({"detail": "Chat not found"}, status=404)
        if not self._is_ready(chat_id):
            return web.json_response({"messages": _running(chat_id)})
        return self._answered(chat_id, {"messages": _answered(chat_id)})

    def _is_ready(self, chat_id: str) -> bool:
        if self._begun is not None and not self._asked:
            share = zlib.crc32(chat_id.encode()) / 2**32
            self._ready.setdefault(chat_id, self._begun + share * self._seconds)
        return self._ready.get(chat_id, float("inf")) <= time.time()

    def _answered(self, chat_id: str, document: Any) -> web.Response:
        self._taken.setdefault(chat_id, time.time())
        return web.json_response(document)

    async def begin(self, request: web.Request) -> web.Response:
        self._begun = time.time()
        return web.json_response({})

    async def forget(self, request: web.Request) -> web.Response:
        self._seen.clear()
        return web.json_response({})

    async def facts(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "posts": self._posts,
                "seen": len(self._seen),
                "ready": self._ready,
                "taken": self._taken,
            }
        )


def _running(chat_id: str) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": f"How many orders did {chat_id} bring?"},
        {"role": "assistant", "content": "Looking for the tables that matter.", "additional_data": {}},
    ]


def _answered(chat_id: str) -> list[dict[str, Any]]:
    text = "4,211 orders, 3 % more than the week before."
    return [
        *_running(chat_id),
        {"role": "assistant", "content": text, "additional_data": {"formatted_result": text, "explanation": text}},
    ]


def _app(dot: _Dot) -> web.Application:
    app = web.Application()
    app.add_routes(
        [
            web.post("/api/agentic", dot.agentic),
            web.get("/api/c2/{chat_id}", dot.chat),
            web.post("/begin", dot.begin),
            web.post("/forget", dot.forget),
            web.get("/facts", dot.facts),
        ]
    )
    return app


async def _serve(seconds: float, asked: bool) -> None:
    runner = web.AppRunner(_app(_Dot(seconds, asked)), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=2048)
    await site.start()
    port: int = runner.addresses[0][1]
    print(f"http://127.0.0.1:{port}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(float(sys.argv[1]), bool(int(sys.argv[2]))))
