"""The vocabulary of the core: a call is a value, a flow is a generator of steps, a driver carries the steps out.

Nothing here performs I/O. The modules of ``dot_provider.api`` build calls and flows, one module per noun, and the two
clients carry them out, one blocking and one on an event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, Generic, Literal, TypeVar

from dot_provider.api.errors import DotError
from dot_provider.api.settings import Server, environment_header

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request to Dot and how to read its response.

    Attributes:
        name: what it does, in words for logs and errors ("sync dbt/shop"); holds nothing secret.
        method: HTTP method.
        path: path below the server's origin, made by ``api_path``; or an absolute URL, for downloads.
        read: turns the decoded response (JSON or text; a ``Download`` for ``accepts="file"``) into the result.
        repeatable: True where a second identical request does no harm, so that a lost response may be retried.
        query: query parameters.
        body: JSON body.
        form: form fields instead of a JSON body (password login).
        headers: additional headers.
        accepts: "json", "text" (UTF-8) or "file" (bytes as they are, redirects handed to ``read``).
        sink: where JSON too large for memory is written instead of being read; rewound before each attempt.
        timeout: seconds that one request may take, instead of the client's.
        slow: seconds that the endpoint is known to need; a longer timeout of the client wins.
        auth: where credentials may be sent: in a header, also in the "url" on the three endpoints that Dot documents
            ``?user_id=&api_token=`` for, or nowhere ("none").
        returns_run: the reply is a run with a status of its own, which is no failure of the call.
        event: the line that tells a user what has been done, once it has; nothing where it is no event of theirs.
    """

    name: str
    method: str
    path: str
    read: Callable[[Any], T] = field(repr=False)
    repeatable: bool = True
    query: Mapping[str, str] = field(default_factory=dict)
    body: Any = field(default=None, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    accepts: Literal["json", "text", "file"] = "json"
    sink: BinaryIO | None = field(default=None, repr=False)
    timeout: float | None = None
    slow: float = 0.0
    auth: Literal["header", "url", "none"] = "header"
    returns_run: bool = False
    event: str = ""

    def in_environment(self, environment: str) -> Call[T]:
        """Return the same call scoped to one of Dot's environments (header ``X-Dot-Environment``).

        Raises:
            DotConfigError: this is no environment's id.
        """
        return replace(self, headers={**self.headers, **environment_header(environment)})


@dataclass(frozen=True)
class Gather:
    """A step: send several calls side by side, at most ``concurrency`` at once.

    The driver answers with one entry per call, in order: its result, or the ``DotError`` that it ended with.
    """

    calls: Sequence[Call[Any]]
    concurrency: int = 8


@dataclass(frozen=True)
class Pause:
    """A step: wait for ``seconds``."""

    seconds: float


@dataclass(frozen=True)
class Now:
    """A step: the driver answers with the time, in seconds since the epoch."""


@dataclass(frozen=True)
class ThisServer:
    """A step: the driver answers with the ``Server`` that calls are sent to, for links to its pages."""


@dataclass(frozen=True)
class Progress:
    """A step: tell the user what just happened, in one line. ``event`` lines go to INFO, the others to DEBUG."""

    message: str
    event: bool = True


Step = Call[Any] | Gather | Pause | Now | ThisServer | Progress
Flow = Generator[Step, Any, T]


def send(call: Call[T]) -> Flow[T]:
    """Send ``call`` from within a flow and return its result; errors arrive as exceptions."""
    result: T = yield call
    return result


def gather(calls: Sequence[Call[T]], concurrency: int) -> Flow[list[T | Exception]]:
    """Send ``calls`` side by side from within a flow; each entry is a result or the error of that call."""
    results: list[T | Exception] = yield Gather(calls, concurrency)
    return results


def pause(seconds: float) -> Flow[None]:
    """Wait within a flow."""
    yield Pause(seconds)


def now() -> Flow[float]:
    """Return the time in seconds since the epoch, from the driver's clock."""
    moment: float = yield Now()
    return moment


def chat_url(chat_id: str) -> Flow[str]:
    """Return the page on which a person reads this chat."""
    return (yield from this_server()).chat_url(chat_id)


def this_server() -> Flow[Server]:
    """Return the server that calls are sent to."""
    server: Server = yield ThisServer()
    return server


def progress(message: str, *, event: bool = True) -> Flow[None]:
    """Report a line of progress from within a flow."""
    yield Progress(message, event)


async def drive(steps: Generator[S, Any, T], handle: Callable[[S], Awaitable[Any]]) -> T:
    """Run ``steps``, answering each step with ``handle(step)``; a ``DotError`` is thrown into the generator."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await handle(step)
            except DotError as error:
                step = steps.throw(error)
            else:
                step = steps.send(answer)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        steps.close()


def run_blocking(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end without an event loop: nothing that it awaits hands control back, all of it blocks."""
    try:
        work.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        work.close()
    raise RuntimeError("A blocking client cannot wait for an event loop.")


class SystemClock:
    """Tells the time and waits, blocking or on an event loop; tests have another."""

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait, blocking the thread."""
        time.sleep(seconds)

    async def sleep_async(self, seconds: float) -> None:
        """Wait, leaving the event loop to others."""
        await asyncio.sleep(seconds)
