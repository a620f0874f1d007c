from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.flows.chat_ids import chat_id_for, generation

IDENTITIES = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=8) | st.integers(), min_size=1)


def test_the_same_work_has_the_same_id_on_every_machine_and_in_every_release() -> None:
    """A changed id would ask, and pay for, every question of a running deployment once more."""
    assert chat_id_for("dag", "run", "task", -1, 0) == "2f158b03-8170-535f-92f3-b75b133836e5"


@given(IDENTITIES, IDENTITIES)
def test_other_work_has_another_id(one: list[object], other: list[object]) -> None:
    assert (chat_id_for(*one) == chat_id_for(*other)) is ([str(p) for p in one] == [str(p) for p in other])
    assert uuid.UUID(chat_id_for(*one)).version == 5


def test_the_first_generation_is_the_id_itself_and_each_later_one_another() -> None:
    ids = [generation("chat", number) for number in range(50)]
    assert ids[0] == "chat"
    assert len(set(ids)) == 50
