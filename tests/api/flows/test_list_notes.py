from __future__ import annotations

import pytest

from dot_provider.api.errors import DotNotFoundError, DotPermissionError
from dot_provider.api.flows.list_notes import list_notes
from dot_provider.api.models.note import Note, Organization
from tests.api.flows.runs import Run


@pytest.mark.parametrize(("text", "notes"), [("", []), ("# all", [Note("", "", "# all")])])
def test_an_older_dots_single_note_is_listed_where_there_is_one(text: str, notes: list[Note]) -> None:
    answers = iter([DotNotFoundError("x", status=404), Organization("o", text)])
    assert Run(lambda call: next(answers))(list_notes()) == notes


def test_todays_notes_are_listed_as_they_are() -> None:
    assert Run(lambda call: [Note("n1", "t", "# x")])(list_notes()) == [Note("n1", "t", "# x")]


def test_a_refusal_is_no_older_dot() -> None:
    with pytest.raises(DotPermissionError):
        Run(lambda call: DotPermissionError("x", status=403))(list_notes())
