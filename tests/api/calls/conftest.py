"""One sandbox for all calls of a module, emptied behind each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dot_provider.sandbox import Sandbox


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    """A sandbox over real HTTP."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def dot(running: Sandbox) -> Iterator[Sandbox]:
    """A sandbox that knows nothing yet."""
    yield running
    running.reset()
