"""The console script ``dot-sandbox``."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Sequence
from datetime import date


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a sandbox until it is interrupted; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        from dot_provider.sandbox import Sandbox

        sandbox = Sandbox(**vars(options))
    except (ModuleNotFoundError, ValueError) as error:
        return _refuse(str(error))
    try:
        sandbox.start()
    except OSError as error:
        return _refuse(
            f"Cannot listen on {options.host}:{options.port}: {_reason(error)}."
            " Choose another port with --port, or --port 0 for a free one."
        )
    print(_greeting(sandbox.base_url, sandbox.token), flush=True)
    if options.host in ("", "0.0.0.0", "::"):  # noqa: S104
        print("Other machines and containers put this machine's name in its place, and set allow_http.", flush=True)
    try:
        sandbox.wait()
    except KeyboardInterrupt:
        sandbox.stop()
        print("Stopped.", flush=True)
    return 0


def _greeting(base_url: str, token: str) -> str:
    return f"""Dot sandbox on {base_url}   (open it in a browser to see what it was sent; Ctrl-C stops it)

  export DOT_BASE_URL={base_url}
  export DOT_API_BASE_URL={base_url}   # for Dot's own command line tool
  export DOT_API_TOKEN={token}

Tokens with a lower role: dot-sandbox-modeler, dot-sandbox-user. It answers from memory and forgets all at the end."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dot-sandbox", description="A local Dot: try DAGs and clients without spending credits."
    )
    add = parser.add_argument
    add("--port", type=_port, default=8800, help="port to listen on, 0 for a free one (default %(default)s)")
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--token", default="dot-sandbox-token", help="API token of the admin (default %(default)s)")
    add("--answers", metavar="FILE", help="YAML file of questions, the SQL that answers each, and saved evaluations")
    add("--duckdb", metavar="FILE", help="DuckDB file that the SQL reads; open only while a question is answered")
    add("--history", type=int, default=0, metavar="N", help="start with N past conversations")
    add("--history-days", type=int, default=180, metavar="DAYS", help="spread over so many days (%(default)s)")
    add("--history-until", type=date.fromisoformat, metavar="DATE", help="their last day (default today)")
    add("--seed", type=int, default=0, help="what past conversations and made-up answers derive from")
    add("--older", action="store_true", help="be a Dot without /agentic, /org_notes, evaluations and so on")
    add("--answer-seconds", type=float, default=0.0, metavar="S", help="how long an answer takes")
    add("--answer-polls", type=int, default=0, metavar="N", help="reads of /c2 that still show it as running")
    add("--unseen-seconds", type=float, default=0.0, metavar="S", help="time for which /c2 does not show a question")
    return parser


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror) or not error.errno:
        return error.strerror or str(error)
    # Python adds the address to this error's own text.
    return os.strerror(error.errno)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not {text}")
    return int(text)


def _refuse(sentence: str) -> int:
    print(f"dot-sandbox: {sentence}", file=sys.stderr)
    return 1
