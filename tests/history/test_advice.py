from __future__ import annotations

import pytest

from dot_provider.history.advice import Advice, advice_on

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
    advice = advice_on([line])
    assert words in advice.text
    assert advice.retryable is retryable


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
    assert advice_on([line]) == Advice("", retryable=True)


def test_the_innermost_words_count_first() -> None:
    assert "host and port" in advice_on(["Connection refused", "permission denied"]).text
    assert "right to create" in advice_on(["a cause without known words", "permission denied"]).text
