"""Why a load failed, in words that a person can act on."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

import pytest

from dot_provider.api.errors import DotUnreachableError
from dot_provider.history import HistoryLoadError, load_history
from dot_provider.history.load_errors import advice_on, explain, is_conflict

from .conftest import Warehouse

WORDS = [
    ('FATAL:  password authentication failed for user "loader"', "user name and password", False),
    ("(1045, \"Access denied for user 'loader'@'host'\")", "user name and password", False),
    ("Incorrect username or password was specified.", "user name and password", False),
    ('FATAL:  database "shop" does not exist', "correct its name", False),
    ('FATAL:  role "loader" does not exist', "correct its name", False),
    ("Database 'SHOP' does not exist or not authorized.", "correct its name", False),
    ("(1049, \"Unknown database 'shop'\")", "correct its name", False),
    ('IO Error: Cannot open file "/x/w.duckdb": No such file or directory', "folder", False),
    ('IO Error: Cannot open file "/x/w.duckdb": Permission denied', "folder", False),
    ('IO Error: Could not read from file "/x": Is a directory', "folder", False),
    ("unable to open database file", "folder", False),
    ('The file "w.duckdb" exists, but it is not a valid DuckDB database file!', "DuckDB file", False),
    ("permission denied for database shop", "right to create", False),
    ("Object 'DOT.MESSAGES' does not exist or not authorized.", "right to create", False),
    ("Could not parse SQLAlchemy URL from given URL string", "correct the URL", False),
    ('connection to server at "db" (10.0.0.1), port 5432 failed: Connection refused', "host and port", True),
    ('could not translate host name "db.invalid" to address: Name or service not known', "host and port", True),
    ('connection to server at "db", port 5432 failed: timeout expired', "host and port", True),
    ('connection to server on socket "/x/.s.PGSQL.5432" failed: No such file or directory', "host and port", True),
]


@pytest.mark.parametrize(("line", "words", "retryable"), WORDS)
def test_known_words_say_what_to_do(line: str, words: str, retryable: bool) -> None:
    advice, may_pass = advice_on([line])
    assert words in advice
    assert may_pass is retryable


@pytest.mark.parametrize(
    "line",
    [
        'relation "dot_staging_20261122_abcdefgh.messages" does not exist',
        'schema "dot" does not exist',
        "Table with name messages does not exist!",
        "FATAL:  the database system is starting up",
        "server closed the connection unexpectedly",
        "disk full",
    ],
)
def test_what_may_pass_is_tried_again_without_advice(line: str) -> None:
    assert advice_on([line]) == ("", True)


def test_the_innermost_words_count_first() -> None:
    assert "host and port" in advice_on(["Connection refused", "permission denied"])[0]
    assert "right to create" in advice_on(["a cause without known words", "permission denied"])[0]


SECRET = "s3cret-Pässword"


def _failed(destination: str, credentials: Any) -> HistoryLoadError:
    with pytest.raises(HistoryLoadError) as caught:
        load_history([{"chat_id": "a"}], destination=destination, credentials=credentials)
    return caught.value


def test_a_locked_duckdb_file_names_its_holder(tmp_path: Path) -> None:
    path = str(tmp_path / "warehouse.duckdb")
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        error = _failed("duckdb", path)
        holder.communicate("")
    assert f"The DuckDB file {path} is open in another process (process {holder.pid})" in str(error)
    assert error.retryable


@pytest.mark.parametrize(
    "credentials",
    [
        f"postgresql://user:{SECRET}@127.0.0.1:1/db",
        {"host": "127.0.0.1", "port": 1, "username": "user", "password": SECRET, "database": "db"},
    ],
)
def test_a_warehouse_out_of_reach_is_told_without_the_password(
    credentials: Any, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    error = _failed("postgres", credentials)
    assert str(error).endswith(
        "Connection refused; check host and port in its credentials, that it runs, and that this machine may reach it."
    )
    assert error.retryable
    told = "".join(traceback.TracebackException.from_exception(error, capture_locals=False).format())
    assert SECRET not in told + caplog.text + "".join(capfd.readouterr())


def test_a_driver_that_quotes_the_credentials_is_scrubbed() -> None:
    url = f"postgresql://user:{SECRET}@host/db?options=hidden-option"
    for quoted in (url, SECRET, "s3cret-P%C3%A4ssword", "hidden-option"):
        assert quoted not in str(explain(RuntimeError(f"cannot use {quoted} here\nat row 1"), "postgres", url))


def test_only_the_first_line_is_told() -> None:
    error = explain(ValueError("duplicate key\nDETAIL: Key (chat_id)=(private) exists."), "postgres", None)
    assert str(error) == "Loading history into postgres failed with ValueError: duplicate key"


def test_missing_credentials_are_told_once_for_all() -> None:
    error = _failed("postgres", None)
    assert "DESTINATION__POSTGRES__CREDENTIALS" in str(error)
    assert not error.retryable


def test_a_file_that_is_no_database_is_no_reason_to_retry(tmp_path: Path) -> None:
    path = tmp_path / "notes.duckdb"
    path.write_text("These are notes. " * 1000)
    error = _failed("duckdb", str(path))
    assert str(error).endswith("database file; give the path of a DuckDB file, or of none yet.")
    assert not error.retryable


def test_a_database_that_does_not_exist_is_no_reason_to_retry(postgres_warehouse: Warehouse) -> None:
    error = _failed("postgres", postgres_warehouse.credentials.replace("/postgres?", "/elsewhere?"))
    assert 'database "elsewhere" does not exist; create it, or correct its name in the credentials.' in str(error)
    assert not error.retryable


def test_a_driver_that_is_missing_is_named() -> None:
    error = explain(ModuleNotFoundError("No module named 'MySQLdb'", name="MySQLdb"), "sqlalchemy", None)
    assert str(error) == "Loading into sqlalchemy needs the package MySQLdb: install it where the load runs."
    assert not error.retryable


def test_settings_that_dlt_refuses_are_no_reason_to_retry() -> None:
    credentials = {"host": "h", "port": 1, "username": "u", "password": SECRET, "database": "d", "driver": "Own Driver"}
    from dlt.destinations.impl.mssql.configuration import MsSqlCredentials

    known = MsSqlCredentials()
    known.update(credentials)
    with pytest.raises(Exception, match="not supported") as refused:
        known.on_resolved()
    error = explain(refused.value, "mssql", credentials)
    assert "The specified driver" in str(error)
    assert not error.retryable


def test_an_error_of_dots_within_one_of_dlts_comes_out_as_itself() -> None:
    inner = DotUnreachableError("gone", sent=True)
    outer = RuntimeError("pipeline failed")
    outer.__cause__ = inner
    assert explain(outer, "postgres", None) is inner


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("TransactionContext Error: Conflict on tuple deletion!", True),
        ('TransactionContext Error: Catalog write-write conflict on create with "dot"', True),
        ("deadlock detected\nDETAIL:  Process 1 waits for ShareLock", True),
        ("could not serialize access due to concurrent update", True),
        ('duplicate key value violates unique constraint "conversations_chat_id_key"', True),
        ("1023: Serializable isolation violation on table", True),
        ("Transaction is aborted due to concurrent update against table dot.messages", True),
        ("permission denied for table conversations", False),
        ('syntax error at or near "DELET"', False),
        ("new row violates check constraint\nDETAIL:  Failing row contains (deadlock).", False),
    ],
)
def test_a_conflict_is_told_from_other_errors_by_its_first_line(message: str, expected: bool) -> None:
    error = RuntimeError("the load failed")
    error.__cause__ = RuntimeError(message)
    assert is_conflict(error) is expected
