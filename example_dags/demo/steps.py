"""How the orchestrators tell the demo what they did: one JSON line per step through a pipe."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import IO

PIPE = "DOT_DEMO_PIPE"
"""Environment variable with the number of the pipe's file descriptor."""


@dataclass(frozen=True)
class Step:
    """One finished step: what happened, how many rows (None where rows mean nothing), how long it took."""

    orchestrator: str
    name: str
    happened: str
    seconds: float
    rows: int | None = None
    ok: bool = True
    answer: str | None = None


def tell(step: Step) -> None:
    """Send ``step`` to the demo, where it listens."""
    number = os.environ.get(PIPE)
    if number:
        os.write(int(number), (json.dumps(asdict(step)) + "\n").encode())


def heard(pipe: IO[str]) -> Iterator[Step]:
    """Yield the steps that arrive, until the other side is done."""
    for line in pipe:
        yield Step(**json.loads(line))
