"""Fixtures of the core's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dot_provider.sandbox import Sandbox


@pytest.fixture
def dot() -> Iterator[Sandbox]:
    """A sandbox over real HTTP, for one test."""
    with Sandbox() as sandbox:
        yield sandbox
