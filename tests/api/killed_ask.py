"""Asks a question and a follow-up in a process that dies by SIGKILL at the given point; run by ``test_killed``."""

from __future__ import annotations

import os
import signal
from typing import Any

from dot_provider.api import DotClient
from dot_provider.api._http.blocking import BlockingTransport
from tests.clock import FakeClock, QuickClock
from tests.deadly import die_after_post


class Deadly(BlockingTransport):
    """A transport whose process does not survive its n-th request.

    It dies ``before`` the request is sent, or ``after`` Dot served it and before its response is looked at.
    """

    def __init__(self, number: int, side: str) -> None:
        super().__init__()
        self._left, self._side = number, side

    def exchange(self, request: Any) -> Any:
        """Send the request, or die."""
        self._left -= 1
        if self._left == 0 and self._side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        response = super().exchange(request)
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return response


def ask(base_url: str, chat_id: str, number: int, side: str) -> None:
    """Ask and follow up; a process that lives to see no answers ends with an error."""
    dot = DotClient("dot-sandbox-token", base_url, clock=FakeClock())
    dot._transport = Deadly(number, side)
    first = dot.ask("How many orders?", chat_id)
    second = dot.follow_up("And per week?", first.chat_id, position=1)
    if not (first.text and second.text):
        raise SystemExit("no answer")


def ask_in_time(base_url: str, chat_id: str, post: int) -> None:
    """Ask and follow up by a clock that waits; die right after Dot served POST number ``post``, if any."""
    if post:
        die_after_post(post)
    dot = DotClient("dot-sandbox-token", base_url, clock=QuickClock())
    first = dot.ask("How many orders?", chat_id, poll_interval=0.1)
    dot.follow_up("And per week?", first.chat_id, position=1, poll_interval=0.1)
