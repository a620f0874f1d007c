"""A process that dies by SIGKILL right after Dot has taken a question, before anything is known of it."""

from __future__ import annotations

import os
import signal
from typing import Any


def die_after_post(number: int = 1) -> None:
    """Let this process die when Dot has served its ``number``-th POST."""
    from dot_provider.api._http.blocking import BlockingTransport

    exchange, left = BlockingTransport.exchange, [number]

    def deadly(self: BlockingTransport, request: Any) -> Any:
        response = exchange(self, request)
        left[0] -= request.method == "POST"
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return response

    BlockingTransport.exchange = deadly  # type: ignore[method-assign]
