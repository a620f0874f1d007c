# ruff: noqa: E501 - an advice is a line
"""Messages as users meet them, each provoked, with what to do about it. ``python -m tests.troubleshooting`` writes the page.

The message is what the code says now; only the advice is written by hand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dot_provider.api import DotClient, DotError, ExternalAsset, judge
from dot_provider.sandbox import Sandbox
from tests.clock import FakeClock

PAGE = Path(__file__).parents[1] / "docs" / "troubleshooting.md"
HEAD = """# Troubleshooting

Look for words of the message in the search, or for its kind here. The messages are those that the code says, taken by
provoking each; addresses, ids and names are examples. The page is made by `python -m tests.troubleshooting`.

In Airflow the message stands in the task's log, in Dagster it is the step's failure.
Kinds link to the [tree of errors](reference/errors.md).
"""


class Case(NamedTuple):
    """What provokes a message, and what to do about it."""

    title: str
    provoke: Callable[[Any], Any]
    advice: str


def client(dot: Any, **changed: Any) -> DotClient:
    """Return a client of the sandbox, whose waits take no time."""
    return DotClient(**{"token": dot.token, "base_url": dot.base_url, "clock": FakeClock(), **changed})


def refused(path: str, call: Callable[[DotClient], Any], **fault: Any) -> Callable[[Any], Any]:
    """Return a provocation: the sandbox misbehaves on a path, always."""

    def provoke(dot: Any) -> Any:
        dot.fail_next(path, times=20, **fault)
        return call(client(dot))

    return provoke


def without_connection(_: Any) -> Any:
    """Ask Airflow for a connection that is not there."""
    from dot_provider.hooks import DotHook

    return DotHook("dot_nowhere").get_conn()


def misspelt_extra(dot: Any) -> Any:
    """Read a connection of Airflow's with a field that does not exist."""
    from dot_provider.hooks import DotHook

    value = '{"conn_type": "dot", "host": "eu", "password": "x", "extra": {"enviroment": "staging"}}'
    with variable("AIRFLOW_CONN_DOT_MISSPELT", value):
        return DotHook("dot_misspelt").get_conn()


def unset_variable(_: Any) -> Any:
    """Resolve a resource whose variable is not set."""
    import dagster as dg

    from dagster_dot import DotResource

    return DotResource(api_token=dg.EnvVar("DOT_TOKEN_OF_NOBODY")).get_client()


@contextmanager
def variable(name: str, value: str) -> Any:
    """Set a variable of the environment for a while."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]


SETTINGS = (
    Case(
        "No token",
        lambda _: DotClient(token=""),
        "The variable or field that holds the token is empty where the task runs, which may be another machine than yours.",
    ),
    Case(
        "Plain http",
        lambda _: DotClient(token="t", base_url="http://dot.example.com"),
        "Use `https://`. Where nobody can listen on the way, set `allow_http`: in the connection's extra, on `DotResource`, in YAML.",
    ),
    Case("An unknown region", lambda _: DotClient(token="t", region="de"), "A Dot of your own is named by `base_url`."),
    Case(
        "Airflow: no such connection",
        without_connection,
        "Make it under this id, or name another by `dot_conn_id`. A connection in an environment variable must be set for "
        "scheduler, workers and triggerer alike. See [the connection](airflow/connection.md).",
    ),
    Case("Airflow: a misspelt extra", misspelt_extra, "Correct the name: ignored, it would have worked in production."),
    Case(
        "Dagster: a variable that is not set",
        unset_variable,
        "Set it where the step runs; a code location that loads is no proof, because it does not look.",
    ),
)
REFUSED = (
    Case(
        "401: the token",
        lambda dot: client(dot, token="dot-sandbox-expired").whoami(),
        "Dot keeps one token per user: whoever made a new one revoked this. Use that of a service user, see "
        "[security](airflow/security.md).",
    ),
    Case(
        "403: the role",
        lambda dot: client(dot, token="dot-sandbox-user").export_history("2026-11-01", "2026-11-02"),
        "Give the token's user the role that the message names.",
    ),
    Case(
        "404: a connection",
        lambda dot: client(dot).sync("dbt", "missing"),
        "Copy type and id from Dot's settings. An old self-hosted Dot says the same of an endpoint that it does not have.",
    ),
    Case(
        "422: a field",
        refused(
            "/import",
            lambda dot: dot.import_external_asset(ExternalAsset(id="1", subtype="dashboard", name="Sales")),
            status=422,
            detail=[{"loc": ["body", "external_asset", "url"], "msg": "invalid or missing URL scheme", "type": "url"}],
        ),
        "Dot names the field that it does not accept; correct it in your list.",
    ),
    Case(
        "Refused before anything was sent",
        lambda dot: client(dot).push_external_assets([{"id": "1", "name": "Sales"}]),
        "Correct the row. No item of the list was sent.",
    ),
)
REACHED = (
    Case(
        "Connection refused",
        lambda dot: client(dot, base_url="http://127.0.0.1:9").whoami(),
        "Nothing listens there: a sandbox that was stopped, or a wrong port.",
    ),
    Case(
        "A name that is not known",
        lambda dot: client(dot, base_url="https://dot.invalid").whoami(),
        "A typo, or a machine without a way out: DNS and port 443 have to be open where the task runs, see "
        "[managed Airflow](howto/managed-airflow.md).",
    ),
    Case(
        "The connection broke",
        refused("/auth/me", lambda dot: dot.whoami(), lose="reset"),
        "Often a proxy or load balancer that closes connections. Reads were tried again; a question was not asked twice.",
    ),
    Case(
        "429: too many requests",
        refused("/auth/me", lambda dot: dot.whoami(), status=429, detail="Slow down.", retry_after=7),
        "The client waited as long as Dot asked for, up to its limits. Let fewer tasks run side by side: a pool in Airflow or Dagster.",
    ),
    Case(
        "503: down for maintenance",
        refused("/auth/me", lambda dot: dot.whoami(), status=503, detail="Down for maintenance."),
        "Give the task `retries`: the client has tried for a minute.",
    ),
    Case(
        "A page instead of an answer",
        refused("/auth/me", lambda dot: dot.whoami(), body="<html>Please log in</html>", content_type="text/html"),
        "Something answers that is not Dot: a proxy's login, or an address without Dot behind it. Open `base_url` from that machine.",
    ),
    Case(
        "A redirect",
        refused("/auth/me", lambda dot: dot.whoami(), status=307, headers={"Location": "https://login.example.com/"}),
        "Followed, it would carry the token to another address. Name the final origin as `base_url`.",
    ),
)
OUTCOMES = (
    Case(
        "The question failed",
        lambda dot: client(dot).ask("[fail] How many orders?"),
        "Open the chat: Dot says there what it could not do. A retry asks anew.",
    ),
    Case(
        "Dot asks whether to go on",
        lambda dot: client(dot).ask("[confirm] How many orders?"),
        "Somebody says yes in the chat, and a retry takes the answer without paying again; or choose a cheaper `mode`.",
    ),
    Case(
        "The evaluation did not pass",
        lambda dot: judge(client(dot).run_evaluation("revenue-fails")).require_pass(),
        "Look at the questions that failed. `min_pass_rate`, `questions` and `on_fail` say what is enough: "
        "[Airflow](airflow/evaluations.md), [Dagster](dagster/evaluations.md).",
    ),
    Case(
        "No answer in time",
        lambda dot: client(dot).ask("How many orders?", timeout=0.5),
        "Dot may still be at work: a retry attaches to the same question. Raise `timeout`.",
    ),
)
SECTIONS = {
    "Settings": SETTINGS,
    "Refused": REFUSED,
    "Not reached": REACHED,
    "Answered, and no success": OUTCOMES,
}

BY_HAND = """## Not from Dot

**`ModuleNotFoundError: No module named 'dlt'`**, or a message that ends in `pip install 'dot-provider[...]'`: the extra of your
warehouse is not installed where the task runs.

**`Bad Request` from the connection's "Test" button**: Airflow 3.3.0 to 3.3.2 want a port in every connection, see
[the connection](airflow/connection.md).

**`resource with key 'dot' required by op '...' was not provided`**: a component or asset without a `DotResource` in the same code
location, see [the resource](dagster/index.md#the-resource).

**A deferred task waits for ever**: no triggerer runs (`airflow jobs check --job-type TriggererJob`).
"""


def message_of(case: Case, dot: Any) -> DotError | Exception:
    """Return the error that a case ends in."""
    try:
        case.provoke(dot)
    except Exception as error:
        return error
    raise AssertionError(f"{case.title}: nothing was raised")


def settled(text: str) -> str:
    """Return a message without what differs from run to run."""
    text = re.sub(r"127\.0\.0\.1:\d{4,5}", "127.0.0.1:8800", text)
    return re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<chat id>", text)


def page() -> str:
    """Return the page as the code makes it now."""
    parts = [HEAD]
    for section, cases in SECTIONS.items():
        parts.append(f"## {section}\n")
        for case in cases:
            settings = {"answer_polls": 10_000, "hold_requests": False} if case.title == "No answer in time" else {}
            with Sandbox(**settings) as dot:
                error = message_of(case, dot)
            kind = type(error).__name__
            named = (
                f"[`{kind}`](reference/errors.md#dot_provider.api.errors.{kind})"
                if isinstance(error, DotError)
                else f"`{kind}`"
            )
            parts.append(f"### {case.title}\n\n```text\n{settled(str(error))}\n```\n\n{named}. {case.advice}\n")
    return "\n".join([*parts, BY_HAND])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
