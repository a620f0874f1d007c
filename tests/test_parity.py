"""What each side has is told by a page that is made from the code."""

from __future__ import annotations

import pytest

from tests import parity


@pytest.mark.parametrize("side", ["client", "airflow", "dagster", "yaml"])
def test_every_public_name_stands_in_a_row_and_no_other(side: str) -> None:
    assert {name for row in parity.ROWS for name in getattr(row, side)} == parity.public_names()[side]


def test_the_page_says_what_the_code_has() -> None:
    """Where this fails: ``python -m tests.parity``, and look at what changed."""
    assert parity.PAGE.read_text(encoding="utf-8") == parity.page()


def test_every_reason_is_needed() -> None:
    page = parity.page()
    assert [name for name, why in parity.REASONS.items() if why not in page] == []
