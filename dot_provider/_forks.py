"""What must not be shared with a forked process: connections, whose answers would go to the wrong one, and locks.

Executors, gunicorn and ``multiprocessing`` fork processes that inherit every object. Two that use one connection read
each other's answers; a lock that another thread held at that moment is never released in the child.
"""

from __future__ import annotations

import os
import threading
from typing import Any, Protocol
from weakref import WeakSet


class _Renewable(Protocol):
    def start_anew(self) -> None:
        """Replace what a forked process must not share; called in the child, while it has one thread."""


_renewable: WeakSet[Any] = WeakSet()
_of_the_parent: list[object] = []


def leave_to_parent(connections: object) -> None:
    """Keep inherited connections for good, neither used nor closed.

    Closing takes locks that a thread of the parent may have held, and would take the sockets out of the parent's event
    loop, whose selector both processes share.
    """
    _of_the_parent.append(connections)


def start_anew_when_forked(thing: _Renewable) -> None:
    """Have ``thing.start_anew()`` called in every process that is forked from this one."""
    _renewable.add(thing)


class Lock:
    """A lock that is free in a forked process, whoever held it in the parent."""

    def __init__(self) -> None:
        self.start_anew()
        start_anew_when_forked(self)

    def start_anew(self) -> None:
        """Replace the lock."""
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()


def _in_child() -> None:
    for thing in list(_renewable):
        thing.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
