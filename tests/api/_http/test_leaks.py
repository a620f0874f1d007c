"""A planted secret is searched for wherever a library, a log or an exception could have put it: it is nowhere."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from dot_provider.api import DotError
from dot_provider.sandbox import Sandbox
from tests.both_clients import Connect
from tests.raw_server import Connection, RawServer, response

CANARY = "canary+S3CRET/42=="
FORMS = {CANARY, quote(CANARY, safe=""), quote(CANARY)}
USER = "admin@sandbox.example"

AUTH: dict[str, dict[str, Any]] = {
    "header": {"token": CANARY},
    "url": {"token": CANARY, "url_auth_user": USER},
    "password": {"token": None, "username": USER, "password": CANARY},
}

FAULTS: dict[str, dict[str, Any]] = {
    "fine": {},
    "401 that echoes": {"status": 401, "detail": f"bad token {CANARY}"},
    "422 that echoes": {"status": 422, "detail": [{"loc": ["query"], "msg": f"{CANARY}", "input": CANARY}]},
    "500 page that echoes": {"status": 500, "body": f"<title>{CANARY}</title>{quote(CANARY, safe='')}"},
    "200 page that echoes": {"body": f"<title>{quote(CANARY, safe='')}</title>"},
    "redirect that echoes": {"status": 302, "headers": {"Location": f"https://{quote(CANARY, safe='')}.example/?t=1"}},
    "cut": {"truncate": True},
    "reset": {"lose": "reset"},
    "hang": {"lose": "hang"},
    "not gzip": {"body": b"{}", "headers": {"Content-Encoding": "gzip"}},
    "unknown encoding": {"body": b"{}", "headers": {"Content-Encoding": "br"}},
    "too long to wait for": {"status": 429, "retry_after": 9999},
    "garbled": {"body": b'{"a": '},
    "too large": {"body": b" " * 5000},
}


class Records(logging.Handler):
    """Everything that any logger says."""

    def __init__(self) -> None:
        super().__init__(logging.NOTSET)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts += [record.getMessage(), repr(record.__dict__), repr(record.args)]
        if record.exc_info:
            self.texts.append(logging.Formatter().formatException(record.exc_info))


@pytest.fixture
def records() -> Iterator[Records]:
    """All records at DEBUG, urllib3's, aiohttp's and asyncio's included."""
    handler, root = Records(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


@pytest.fixture(scope="module")
def shared_dot() -> Iterator[Sandbox]:
    with Sandbox(token=CANARY) as sandbox:
        yield sandbox


@pytest.fixture
def dot(shared_dot: Sandbox) -> Sandbox:
    shared_dot.reset()
    shared_dot.workspace.accounts.by_email[USER].password = CANARY
    return shared_dot


def calls(client: Any) -> dict[str, Callable[[], Any]]:
    """One call of each kind: read, post, question, download, and those that know URL authentication."""
    return {
        "whoami": client.whoami,
        "sync": lambda: client.sync("dbt", "shop"),
        "export": lambda: client.export_history("2026-01-01", "2026-01-02"),
        "ask": lambda: client.ask("How many orders?"),
        "download": lambda: client.download("/api/download_csv?chat_id=1&df_key=df_1"),
    }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("auth", AUTH)
def test_a_planted_secret_is_found_nowhere(
    connect: Connect, dot: Sandbox, records: Records, auth: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(dot.base_url, timeout=0.3 if fault == "hang" else 5, **AUTH[auth])
    _limit(client, 4000, monkeypatch)
    seen: list[str] = [repr(client.client), repr(client.client.server)]

    for name, call in calls(client).items():
        if fault == "hang" and name in ("sync", "export"):
            continue  # these have minutes, whatever the client's timeout
        if FAULTS[fault]:
            dot.fail_next("/agentic" if name == "ask" else None, **FAULTS[fault])
        try:
            seen.append(repr(call()))
        except DotError as error:
            seen += _everything_about(error)

    leaks = [text for text in [*records.texts, *seen] if any(form in text for form in FORMS)]
    assert leaks == []
    assert records.texts


@pytest.mark.parametrize("auth", ["header", "password"])
def test_no_url_holds_the_secret(connect: Connect, auth: str) -> None:
    """URL authentication is the one opt-in; nothing else puts a secret where access logs keep it."""

    def serve(connection: Connection) -> None:
        connection.send(response(b'{"access_token": "bearer-1", "messages": []}'))

    with RawServer(serve) as server:
        client = connect(server.url, **AUTH[auth])
        for call in calls(client).values():
            try:
                call()
            except DotError:
                continue

        targets = [request.split(b"\r\n")[0].decode() for request in server.requests]
        assert len(targets) >= 5
        assert not [t for t in targets if "bearer-1" in t or any(form in t for form in FORMS)]


def test_url_authentication_puts_the_secret_into_the_three_urls_that_know_it(connect: Connect) -> None:
    with RawServer(lambda connection: connection.send(response(b"[]"))) as server:
        client = connect(server.url, **AUTH["url"])
        client.sync("dbt", "shop")
        client.export_history("2026-01-01", "2026-01-02")
        client.import_external_asset({"id": "1", "subtype": "looker_dashboard"})
        client.tables()

        heads = [request.split(b"\r\n\r\n")[0].decode() for request in server.requests]
        assert [quote(CANARY, safe="") in head.split("\r\n")[0] for head in heads] == [True, True, True, False]
        assert [f"API-KEY: {CANARY}" in head for head in heads] == [False, False, False, True]


@pytest.mark.parametrize("token", [f"{CANARY}\n X", f"{CANARY} {CANARY}", f"{CANARY}\u2019", f"{CANARY}\x00"])
def test_a_malformed_token_is_refused_without_being_shown(connect: Connect, token: str) -> None:
    with pytest.raises(DotError) as caught:
        connect("http://127.0.0.1:1", token)

    assert CANARY not in str(caught.value)
    assert CANARY not in pickle.dumps(caught.value).decode("latin-1")
    assert not [text for text in _frames(caught.value, ours_only=True) if CANARY in text]


def _everything_about(error: BaseException) -> list[str]:
    """Return all texts that a log, a crash report or another process could get out of an exception."""
    texts = [str(error), repr(error), repr(vars(error)), repr(pickle.loads(pickle.dumps(error)))]
    texts.append(pickle.dumps(error).decode("latin-1"))
    texts += traceback.format_exception(error)
    texts += _frames(error)
    for other in (error.__cause__, error.__context__):
        if other is not None:
            texts += _everything_about(other)
    return texts


def _frames(error: BaseException, *, ours_only: bool = False) -> list[str]:
    """Return every local variable of every frame behind ``error`` but those of the tests, which know the secret."""
    return [
        f"{frame.f_code.co_filename}:{frame.f_code.co_name} {name}={_repr(value)}"
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if "/tests/" not in frame.f_code.co_filename
        if not ours_only or "dot_provider" in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
    ]


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except AttributeError:  # a client that was refused before it was complete
        return "?"


def _limit(client: Any, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    session = client.client._session
    monkeypatch.setattr(session, "server", replace(session.server, max_body_bytes=size))
