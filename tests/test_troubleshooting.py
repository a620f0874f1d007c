"""The page of messages says what the code says."""

from __future__ import annotations

from tests import troubleshooting


def test_the_page_has_the_messages_of_today() -> None:
    """Where this fails: ``python -m tests.troubleshooting``, and see whether the advice still fits."""
    assert troubleshooting.PAGE.read_text(encoding="utf-8") == troubleshooting.page()
