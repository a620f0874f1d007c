"""The small records: users, groups, tokens, connections, tables, catalog, environments, notes, exposures, replies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dot_provider.api.connections import Catalog, Connection, SyncResult, Table
from dot_provider.api.dbt import DbtExposures
from dot_provider.api.environments import Environment
from dot_provider.api.files import Download
from dot_provider.api.notes import Note, Organization
from dot_provider.api.records import Reply
from dot_provider.api.users import Group, User, UserToken

READERS: list[Callable[[Any], Any]] = [
    Catalog.from_record,
    Connection.from_record,
    DbtExposures.from_record,
    Environment.from_record,
    Group.from_record,
    Note.from_record,
    Reply,
    Table.from_record,
    User.from_record,
]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("wrong", [None, 7, "text", ["x"], {"x": 1}, True])
def test_a_record_whose_parts_are_odd_is_read_and_kept_raw(read: Callable[[Any], Any], wrong: Any) -> None:
    names = (
        *("id", "name", "type", "groups", "members", "users", "capabilities", "connections", "tables", "exposures"),
        *("external_assets", "total_tables", "apps_without_dbt_models", "note", "title", "role", "is_admin", "email"),
    )
    record = dict.fromkeys(names, wrong)
    assert read(record).raw == record
    assert read({}).raw == {}


@pytest.mark.parametrize(
    ("record", "user"),
    [
        (
            {"email": "a@x", "realname": "Ada", "role": "modeler", "org_id": "o", "groups": ["g", {"name": "h"}]},
            User("a@x", "Ada", "modeler", "o", ("g", "h")),
        ),
        ({"user_id": "a@x", "is_admin": True, "group_names": ["g"]}, User("a@x", "", "admin", "", ("g",))),
        ({"sub": "a@x"}, User("a@x")),
    ],
)
def test_a_user_is_read_in_all_known_shapes(record: dict[str, Any], user: User) -> None:
    assert User.from_record(record) == user


def test_a_group_is_read_with_its_members() -> None:
    assert Group.from_record({"name": "g", "members": ["a@x", {"email": "b@x"}]}) == Group("g", ("a@x", "b@x"))


@pytest.mark.parametrize("document", ["t0ken", {"access_token": "t0ken"}, {"token": "t0ken"}, {"api_token": "t0ken"}])
def test_a_token_is_read_in_all_known_shapes_and_never_shown(document: Any) -> None:
    token = UserToken.from_document(document)
    assert token.token == "t0ken"
    assert "t0ken" not in repr(token)


@pytest.mark.parametrize("document", [None, "", {}, {"access_token": None}, ["t"], 7, "t\r\nX: 1", {"token": "tökn"}])
def test_a_document_without_a_usable_token_is_refused(document: Any) -> None:
    with pytest.raises(KeyError, match="access_token"):
        UserToken.from_document(document)


def test_the_catalog_is_read_as_the_official_command_line_tool_documents_it() -> None:
    record = {
        "org_id": "o",
        "capabilities": ["sql"],
        "connections": [{"id": "c1", "type": "dbt", "table_count": 2}, "noise"],
        "tables": [{"id": "t1", "name": "orders", "connection_id": "c1"}],
        "external_assets": {"looker_dashboard": 3},
        "total_tables": 9,
    }
    catalog = Catalog.from_record(record)
    assert catalog.connections == (Connection("c1", "dbt"),)
    assert catalog.tables == (Table("t1", "orders", "c1"),)
    assert (catalog.org_id, catalog.capabilities, catalog.total_tables) == ("o", ("sql",), 9)
    assert catalog.external_assets == {"looker_dashboard": 3}


def test_exposures_are_read_with_the_apps_that_rest_on_no_model() -> None:
    record = {"exposures": [{"name": "a"}, "noise"], "apps_without_dbt_models": [{"name": "b"}]}
    assert DbtExposures.from_record(record) == DbtExposures(({"name": "a"},), ({"name": "b"},))


def test_environments_and_notes_are_read() -> None:
    assert Environment.from_record({"environment_id": 7, "title": "staging"}) == Environment("7", "staging")
    assert Note.from_record({"id": 7, "title": "t", "note": "# x"}) == Note("7", "t", "# x")
    assert Organization.from_record({"id": 7, "note": "n"}) == Organization("7", "n")


@pytest.mark.parametrize("record", [{}, {"id": None}])
def test_a_workspace_without_an_id_cannot_be_saved(record: dict[str, Any]) -> None:
    with pytest.raises(KeyError, match="id"):
        Organization.from_record(record)


@pytest.mark.parametrize(
    ("raw", "text"),
    [({"message": "done"}, "done"), ({"status": "ok"}, "ok"), ("done", "done"), (None, ""), ([1], ""), ({"a": 1}, "")],
)
def test_a_reply_has_dots_words_where_it_has_any(raw: Any, text: str) -> None:
    assert Reply(raw).text == text


def test_what_is_downloaded_or_synced_is_not_dumped() -> None:
    assert "secret" not in repr(Download(b"secret", "text/csv")) + repr(SyncResult("dbt", "shop", "secret"))
