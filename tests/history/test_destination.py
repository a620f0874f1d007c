from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dot_provider.api.arguments import says_something
from dot_provider.api.errors import DotConfigError, DotUsageError
from dot_provider.history import WarehouseDestination, load_history
from dot_provider.history.destination import check_destination, dataset_name, usable_destination


def unread() -> Any:
    raise AssertionError("something was read")
    yield


def test_a_missing_driver_names_the_extra_that_brings_it() -> None:
    with pytest.raises(DotConfigError, match=r"pip install 'dot-provider\[snowflake\]'"):
        check_destination("snowflake")


@pytest.mark.parametrize("credentials", ["mysql+pymysql://u@h/db", {"drivername": "mysql+pymysql"}])
def test_mysql_names_the_extra_that_brings_its_driver(credentials: Any, mocker: Any) -> None:
    mocker.patch("dot_provider.history.destination.find_spec", lambda name: None if name == "pymysql" else name)
    with pytest.raises(DotConfigError, match=r"pymysql: pip install 'dot-provider\[mysql\]'"):
        check_destination("sqlalchemy", credentials)


def test_a_driver_without_its_system_library_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "raise ImportError('libodbc.so.2: cannot open shared object file: No such file or directory')"
    (tmp_path / "pyodbc.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "pyodbc", raising=False)
    with pytest.raises(DotConfigError, match=r"needs the system library libodbc\.so\.2 .*: install unixODBC"):
        load_history(unread(), destination="mssql", credentials={})


def test_duckdb_keeps_to_a_share_of_the_memory_unless_told_otherwise() -> None:
    assert usable_destination("duckdb", "duckdb:///x.db", "dot").credentials == {
        "database": "x.db",
        "global_config": {"memory_limit": "64000000B", "threads": 2},
    }
    for config in ({"memory_limit": "4GB"}, {"threads": 16}):  # one needs the other
        own = {"database": "x.db", "global_config": config}
        assert usable_destination("duckdb", own, "dot").credentials == own


@pytest.mark.parametrize("credentials", [None, object(), "postgresql://me@host/db"])
def test_other_credentials_are_left_alone(credentials: Any) -> None:
    assert usable_destination("postgres", credentials, "dot").credentials is credentials


def test_a_postgres_url_without_a_host_means_a_socket() -> None:
    expected = {"host": "localhost", "username": "me", "database": "db", "query": {"host": "/run/pg"}, "password": "p"}
    found = usable_destination("postgres", "postgresql://me:p@/db?host=/run/pg", "dot")
    assert found.credentials == expected


@pytest.mark.parametrize("credentials", ["dot.duckdb", "duckdb:///data/DOT.duckdb", {"database": "/data/dot.db"}])
def test_a_duckdb_file_named_like_the_dataset_is_refused_before_anything_is_read(credentials: Any) -> None:
    with pytest.raises(DotConfigError, match="give the file or the dataset another name"):
        load_history(unread(), destination="duckdb", credentials=credentials)


def test_a_duckdb_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "warehouse.duckdb"
    for credentials in (path, str(path), f"duckdb:///{path}", {"database": str(path)}):
        with pytest.raises(DotConfigError, match=f"This machine has no folder {path.parent} for"):
            load_history(unread(), destination="duckdb", credentials=credentials)


@pytest.mark.parametrize("credentials", [":memory:", {"database": ":memory:dot"}, "duckdb:///:memory:"])
def test_a_database_in_memory_is_refused(credentials: Any) -> None:
    with pytest.raises(DotConfigError, match="in memory would be gone with the load"):
        load_history(unread(), destination="duckdb", credentials=credentials)


@pytest.mark.parametrize(
    ("name", "written"), [("sqlite", "{}/no such/x.db"), ("sqlalchemy", "sqlite:///{}/no%20such/x.db")]
)
def test_the_folder_of_a_sqlite_file_is_named_where_there_is_none(name: str, written: str, tmp_path: Path) -> None:
    with pytest.raises(DotConfigError, match=f"{tmp_path}/no such .* x.db"):
        usable_destination(name, written.format(tmp_path), "dot")


@pytest.mark.parametrize("credentials", ["sqlite://", "sqlite:///", "sqlite:///:memory:"])
def test_sqlite_in_memory_is_refused(credentials: str) -> None:
    with pytest.raises(DotConfigError, match="in memory would be gone with the load"):
        load_history(unread(), destination="sqlalchemy", credentials=credentials)


@pytest.mark.parametrize("credentials", [None, {}, ""])
def test_duckdb_without_a_path_is_refused_and_makes_no_file(
    credentials: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DotConfigError, match="DuckDB file has no path"):
        load_history(unread(), destination="duckdb", credentials=credentials)
    assert list(tmp_path.iterdir()) == []


def test_duckdb_without_a_path_may_have_it_in_dlts_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.duckdb"
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", f"duckdb:///{path}")
    load_history([{"chat_id": "a"}], destination="duckdb")
    assert path.exists()


@pytest.mark.parametrize("credentials", ["md:shop?motherduck_token=t", {"database": "md:shop", "password": "t"}])
def test_a_duckdb_path_in_the_cloud_is_motherduck(credentials: Any) -> None:
    found = usable_destination("duckdb", credentials, "dot")
    assert found == WarehouseDestination("motherduck", {"database": "shop", "password": "t"})


NAMES = [("dot", "dot"), ("DotHistory", "dot_history"), ("raw.dot", "raw_dot"), ("123abc", "_123abc"), ("_", "x")]


@pytest.mark.parametrize(("given_name", "name"), NAMES)
def test_a_dataset_has_the_name_that_dlt_gives_it(given_name: str, name: str) -> None:
    assert dataset_name(given_name) == name


@given(
    st.text(min_size=1, max_size=50).filter(says_something) | st.from_regex(r"[A-Za-z0-9_.\-]{1,40}", fullmatch=True)
)
def test_dlt_takes_a_datasets_name_as_it_is(name: str) -> None:
    from dlt.common.normalizers.naming.snake_case import NamingConvention

    naming = NamingConvention(LONGEST)
    found = dataset_name(name)
    assert naming.normalize_table_identifier(name) == found == naming.normalize_table_identifier(found)


LONGEST = 255


@pytest.mark.parametrize(("name", "words"), [("", "empty"), ("  ", "empty"), (None, "text"), ("x" * 64, "64 char")])
def test_a_dataset_without_a_usable_name_is_refused(name: Any, words: str) -> None:
    with pytest.raises(DotUsageError, match=f"dataset .*{words}"):
        load_history(unread(), destination="duckdb", credentials="x.duckdb", dataset=name)


@pytest.mark.parametrize(
    ("name", "given", "credentials"),
    [
        ("sqlite", "/shop.db", "sqlite:////shop.db"),
        ("sqlite", "sqlite:////shop.db?mode=rw", "sqlite:////shop.db?mode=rw"),
        ("mysql", "mysql://u:p@h/db", "mysql+pymysql://u:p@h/db"),
        ("mysql", {"host": "h"}, {"drivername": "mysql+pymysql", "host": "h"}),
    ],
)
def test_a_warehouse_is_taken_by_the_name_that_users_say(name: str, given: Any, credentials: Any, mocker: Any) -> None:
    mocker.patch("dot_provider.history.destination.find_spec", lambda name: name)
    found = usable_destination(name, given, "dot")
    assert (found.destination, found.credentials) == ("sqlalchemy", credentials)


@pytest.mark.parametrize("name", ["sqlite", "mysql"])
def test_without_credentials_such_a_warehouse_is_refused(name: str) -> None:
    with pytest.raises(DotConfigError, match="credentials"):
        usable_destination(name, None, "dot")
