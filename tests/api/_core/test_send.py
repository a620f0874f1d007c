from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from dot_provider.api import DotClient
from dot_provider.api._core.call import Call, Now, Pause, drive, run_blocking
from dot_provider.api._core.messages import Request, Response
from dot_provider.api._core.send import RetryBudget, Session, build_request, send_with_retries
from dot_provider.api.errors import (
    DotAuthError,
    DotConfigError,
    DotError,
    DotPermissionError,
    DotRateLimitedError,
    DotServerError,
    DotUnreachableError,
    DotUsageError,
)
from dot_provider.api.settings import Server, server
from dot_provider.api.users import healthcheck, whoami
from dot_provider.sandbox import Sandbox
from tests.api.samples import TOKEN, call, response
from tests.clock import FakeClock

Answer = Response | DotError


class Wire:
    """Carries out a delivery: each request gets the next answer, each pause passes on a fake clock."""

    def __init__(self, *answers: Answer, settings: Server | None = None) -> None:
        self.requests: list[Request] = []
        self.clock = FakeClock()
        self.session = Session(settings or server(token=TOKEN))
        self._answers: Iterator[Answer] = iter(answers)

    def deliver(self, what: Call[Any]) -> Any:
        return run_blocking(drive(send_with_retries(self.session, what), self._handle))

    async def _handle(self, step: Request | Pause | Now) -> Any:
        if not isinstance(step, Request):
            if isinstance(step, Pause) and step.seconds > 0:
                self.clock.sleep(step.seconds)
            return self.clock.now()
        self.requests.append(step)
        answer = next(self._answers)
        if isinstance(answer, DotError):
            raise answer
        return answer


LOST = DotUnreachableError("list things: the connection broke.", sent=True)
REFUSED = DotUnreachableError("list things: no server.", sent=False)


@pytest.mark.parametrize(
    "first", [LOST, REFUSED, response(502), response(503), response(504), response(429), response(200, b"[1, 2")]
)
def test_a_failure_that_passes_is_tried_again(first: Answer) -> None:
    wire = Wire(first, first, response(200, [7]))
    assert wire.deliver(call()) == [7]
    assert len(wire.requests) == 3
    assert len(wire.clock.waits) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500])
def test_a_failure_that_stays_is_not_tried_again(status: int) -> None:
    wire = Wire(response(status))
    with pytest.raises(DotError):
        wire.deliver(call())
    assert len(wire.requests) == 1
    assert wire.clock.waits == []


@pytest.mark.parametrize("first", [LOST, response(502), response(503), response(504), response(200, b"[1, 2")])
def test_what_must_happen_once_is_not_sent_again_once_dot_may_have_it(first: Answer) -> None:
    wire = Wire(first)
    with pytest.raises(DotError):
        wire.deliver(call(repeatable=False))
    assert len(wire.requests) == 1


@pytest.mark.parametrize("first", [REFUSED, response(429)])
def test_what_must_happen_once_is_sent_again_while_dot_cannot_have_it(first: Answer) -> None:
    wire = Wire(first, first, response(200, [7]))
    assert wire.deliver(call(repeatable=False)) == [7]


def test_it_ends_after_six_attempts_and_says_so() -> None:
    wire = Wire(*[LOST] * 6)
    with pytest.raises(DotUnreachableError, match=r"^list things: the connection broke\. Tried 6 times\.$"):
        wire.deliver(call())
    assert len(wire.requests) == 6


def test_dots_own_words_end_before_ours_begin() -> None:
    wire = Wire(*[response(503, {"detail": "Down for maintenance"})] * 6)
    with pytest.raises(DotServerError, match=r"Dot says: Down for maintenance\. Tried 6 times\.$"):
        wire.deliver(call())


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [("7", [7.0]), ("1.5", [1.5]), ("Fri, 15 Jan 2027 08:01:00 GMT", [60.0]), ("Fri, 15 Jan 2027 07:00:00 GMT", [])],
)
def test_dots_retry_after_is_waited_for_to_the_second(retry_after: str, waits: list[float]) -> None:
    wire = Wire(response(429, headers={"retry-after": retry_after}), response(200, [7]))
    assert wire.deliver(call()) == [7]
    assert wire.clock.waits == waits


def test_a_retry_after_that_says_nothing_leaves_the_wait_to_us() -> None:
    wire = Wire(response(503, headers={"retry-after": "soon"}), response(200, [7]))
    wire.deliver(call())
    assert len(wire.clock.waits) == 1
    assert 0 <= wire.clock.waits[0] <= 0.5


def test_a_retry_after_of_a_day_ends_at_once_and_says_so() -> None:
    wire = Wire(response(429, headers={"retry-after": "86400"}))
    with pytest.raises(DotRateLimitedError, match="Dot asks to wait 86400 s, longer than the 120 s") as caught:
        wire.deliver(call())
    assert caught.value.retry_after == 86400
    assert wire.clock.waits == []


def test_an_empty_budget_ends_at_once() -> None:
    wire = Wire(response(503))
    wire.session.budget = RetryBudget(tokens=0)
    with pytest.raises(DotServerError):
        wire.deliver(call())
    assert len(wire.requests) == 1


def test_30_seconds_of_503_cost_at_most_a_fifth_more_requests_and_the_budget() -> None:
    """500 assets are pushed through one client, and Dot is away for the first 30 s of them."""
    clock, sent = FakeClock(), 0
    began = clock.now()
    session = Session(server(token=TOKEN))

    async def handle(step: Request | Pause | Now) -> Any:
        nonlocal sent
        if not isinstance(step, Request):
            if isinstance(step, Pause):
                clock.sleep(step.seconds)
            return clock.now()
        sent += 1
        clock.sleep(0.05)
        return response(503 if clock.now() - began < 30 else 200)

    failed = 0
    for _ in range(500):
        try:
            run_blocking(drive(send_with_retries(session, call()), handle))
        except DotServerError:
            failed += 1
    assert sent <= 1.2 * 500 + 60
    assert failed < 500


def sent_by(settings: Server, what: Call[Any]) -> Request:
    return build_request(Session(settings), what)


def test_a_request_carries_token_agent_and_length_limits() -> None:
    request = sent_by(server(token=TOKEN, timeout=7), call(query={"a b": "c&d"}, body={"ü": 1}, method="POST"))
    assert request.url == "https://app.getdot.ai/api/things?a+b=c%26d"
    assert request.headers["X-API-KEY"] == TOKEN
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("dot-provider/")
    assert request.headers["Accept"] == "application/json"
    assert request.body == b'{"\\u00fc": 1}'
    assert request.timeout == 7
    assert TOKEN not in repr(request)


def test_a_call_may_take_longer_than_the_clients_timeout() -> None:
    assert sent_by(server(token=TOKEN, timeout=7), call(slow=600)).timeout == 600


def test_a_longer_timeout_of_the_client_wins_over_what_a_call_is_known_to_need() -> None:
    assert sent_by(server(token=TOKEN, timeout=3600), call(slow=600)).timeout == 3600


def test_a_call_may_be_cut_shorter_than_the_clients_timeout() -> None:
    assert sent_by(server(token=TOKEN, timeout=60), call(timeout=15)).timeout == 15


def test_an_older_server_gets_the_older_header() -> None:
    headers = sent_by(server(token=TOKEN, token_header="api-key"), call()).headers
    assert headers["API-KEY"] == TOKEN
    assert "X-API-KEY" not in headers


def test_url_authentication_goes_to_the_endpoints_that_know_it_and_to_no_other() -> None:
    settings = server(token=TOKEN, url_auth_user="me@shop.example")
    known, other = sent_by(settings, call(auth="url")), sent_by(settings, call())
    assert parse_qs(urlsplit(known.url).query) == {"user_id": ["me@shop.example"], "api_token": [TOKEN]}
    assert TOKEN not in known.headers.values()
    assert not urlsplit(other.url).query
    assert other.headers["API-KEY"] == TOKEN


def test_a_link_keeps_its_own_query() -> None:
    request = sent_by(
        server(token=TOKEN), call(path="https://dot.example/api/download_csv?chat_id=1", query={"a": "b"})
    )
    assert request.url == "https://dot.example/api/download_csv?chat_id=1&a=b"


def test_without_credentials_nothing_of_the_workspace_is_sent() -> None:
    """Such a request may go to another host."""
    headers = sent_by(server(token=TOKEN, environment="env_1"), healthcheck()).headers
    assert not {"X-API-KEY", "API-KEY", "Authorization", "X-Dot-Environment"} & set(headers)


def test_an_environment_is_set_for_the_client_or_for_one_call() -> None:
    here = server(token=TOKEN, environment="env_1")
    assert sent_by(here, whoami()).headers["X-Dot-Environment"] == "env_1"
    assert sent_by(here, whoami().in_environment("env_2")).headers["X-Dot-Environment"] == "env_2"
    scoped = Session(here).scoped("env_3")
    assert build_request(scoped, whoami()).headers["X-Dot-Environment"] == "env_3"
    assert "X-Dot-Environment" not in build_request(scoped.scoped(None), whoami()).headers


@pytest.mark.parametrize("environment", ["", "a b", "x\r\nX-Injected: 1", "ü"])
@pytest.mark.parametrize("scope", [whoami().in_environment, Session(server(token=TOKEN)).scoped])
def test_an_environment_that_no_header_can_carry_is_refused(scope: Callable[[str], Any], environment: str) -> None:
    with pytest.raises(DotConfigError, match="environment"):
        scope(environment)


def test_a_scoped_session_shares_budget_and_login() -> None:
    session = Session(server(username="me", password="pw"))
    scoped = session.scoped("env_1")
    session.login.bearer = "b1"
    assert scoped.login.bearer == "b1"
    assert scoped.budget is session.budget


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"body": {"a": float("nan")}}, "cannot be written as JSON"),
        ({"body": {"a": object()}}, "not JSON serializable"),
        ({"form": {"password": "hunter2\ud800"}}, "surrogates not allowed"),
        ({"query": {"asset_id": "a\ud800"}}, "surrogates not allowed"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_sent(fields: dict[str, Any], words: str) -> None:
    wire = Wire()
    with pytest.raises(DotUsageError, match=words) as caught:
        wire.deliver(call(**fields))
    assert wire.requests == []
    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_body_nested_too_deeply_is_refused() -> None:
    body: list[Any] = []
    for _ in range(100_000):
        body = [body]
    with pytest.raises(DotUsageError, match="cannot be written as JSON"):
        Wire().deliver(call(body=body))


PASSWORD_LOGIN = server(username="me@shop.example", password=TOKEN)


def bearer(token: str) -> Response:
    return response(200, {"access_token": token})


def test_a_password_is_exchanged_once_for_many_calls() -> None:
    wire = Wire(bearer("b1"), response(200, [1]), response(200, [2]), settings=PASSWORD_LOGIN)
    assert [wire.deliver(call()), wire.deliver(call())] == [[1], [2]]
    login, first, second = wire.requests
    assert login.url.endswith("/api/auth/token")
    assert parse_qs((login.body or b"").decode()) == {
        "grant_type": ["password"],
        "username": ["me@shop.example"],
        "password": [TOKEN],
    }
    assert "Authorization" not in login.headers
    assert first.headers["Authorization"] == second.headers["Authorization"] == "Bearer b1"


def test_an_expired_login_is_renewed_also_for_what_must_happen_once() -> None:
    wire = Wire(response(401), bearer("b2"), response(200, [1]), settings=PASSWORD_LOGIN)
    wire.session.login.bearer = "b1"
    assert wire.deliver(call(repeatable=False)) == [1]
    assert wire.requests[-1].headers["Authorization"] == "Bearer b2"


def test_a_login_that_another_call_renewed_meanwhile_is_used() -> None:
    wire = Wire(response(401), response(200, [1]), settings=PASSWORD_LOGIN)
    wire.session.login.bearer = "b1"
    delivery = send_with_retries(wire.session, call())

    async def handle(step: Request | Pause | Now) -> Any:
        if isinstance(step, Request) and not wire.requests:
            wire.session.login.bearer, wire.session.login.issued = "b2", 1
        return await wire._handle(step)

    assert run_blocking(drive(delivery, handle)) == [1]
    assert wire.requests[-1].headers["Authorization"] == "Bearer b2"


@pytest.mark.parametrize("answer", [response(401, {"detail": "Incorrect username or password"}), response(403)])
def test_a_refused_login_ends_as_itself(answer: Response) -> None:
    wire = Wire(answer, settings=PASSWORD_LOGIN)
    with pytest.raises((DotAuthError, DotPermissionError), match="password login: refused"):
        wire.deliver(call())


def test_a_login_that_keeps_being_refused_is_renewed_only_once() -> None:
    wire = Wire(bearer("b1"), response(401), bearer("b2"), response(401), settings=PASSWORD_LOGIN)
    with pytest.raises(DotAuthError):
        wire.deliver(call())
    assert len(wire.requests) == 4


def test_a_call_that_needs_no_login_does_not_log_in() -> None:
    wire = Wire(response(200), settings=PASSWORD_LOGIN)
    wire.deliver(healthcheck())
    assert len(wire.requests) == 1


SETTINGS = [server(token=TOKEN), PASSWORD_LOGIN, server(token=TOKEN, url_auth_user="me@shop.example")]


@pytest.mark.parametrize("settings", SETTINGS, ids=["token", "password", "url"])
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 409, 422, 429, 500, 503])
def test_no_error_holds_a_secret_in_text_traceback_locals_or_pickle(settings: Server, status: int) -> None:
    """Also where the server, or a proxy before it, echoes what it was sent."""
    echo = response(status, f"<title>{TOKEN}</title>".encode(), {"location": f"https://{TOKEN}/"})
    wire = Wire(*[echo] * 20, settings=settings)
    wire.session.login.bearer = f"bearer-{TOKEN}"
    with pytest.raises(DotError) as caught:
        wire.deliver(call(auth="url"))
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if "/dot_provider/" in frame.filename]
    assert ours
    assert TOKEN not in str(caught.value) + repr(caught.value.args)
    assert TOKEN not in "".join(str(frame.locals) for frame in ours)
    assert TOKEN.encode() not in pickle.dumps(caught.value)


def test_an_old_server_that_knows_only_url_authentication_is_synced_and_exported() -> None:
    with Sandbox() as dot, DotClient(dot.token, dot.base_url, url_auth_user="admin@sandbox.example") as c:
        c.sync("dbt", "shop")
        c.export_history("2026-01-01", "2026-01-02")
        c.import_external_asset({"id": "1", "subtype": "x"})
        assert all(r.query["api_token"] == "***" and "x-api-key" not in r.headers for r in dot.requests)


def test_a_server_that_knows_only_the_older_header_is_reached() -> None:
    with Sandbox() as older:
        assert DotClient(older.token, older.base_url, token_header="API-KEY").whoami().role == "admin"
        assert older.requests[0].headers["api-key"] == "***"
        assert "x-api-key" not in older.requests[0].headers
