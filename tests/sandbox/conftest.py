from __future__ import annotations

from collections.abc import Iterator

import pytest

from dot_provider.sandbox import Sandbox
from tests.sandbox.api import Api


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def dot(running: Sandbox) -> Iterator[Sandbox]:
    """A sandbox with default settings that knows nothing yet."""
    yield running
    running.reset()


@pytest.fixture
def api(dot: Sandbox) -> Api:
    """The admin's access to it."""
    return Api(dot)
