"""A forwarding proxy in a process of its own: plain requests and CONNECT, with or without a password.

It writes one JSON line per request to its standard output: what it was asked for, and as whom.
"""

from __future__ import annotations

import base64
import json
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit


class Proxy:
    """A running proxy; ``seen`` holds what it was asked for so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: list[dict[str, Any]] = []
        self.port: int = self._next()["port"]
        threading.Thread(target=self._collect, daemon=True).start()

    @property
    def url(self) -> str:
        """The address to put into ``HTTPS_PROXY``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def seen(self) -> list[dict[str, Any]]:
        """One entry per request: ``method``, ``target``, ``login`` and the raw ``head``."""
        return self._lines

    def _next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line: dict[str, Any] = json.loads(self._process.stdout.readline())
        return line

    def _collect(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # the proxy was stopped, and its output closed
            for line in self._process.stdout:
                self._lines.append(json.loads(line))


@contextmanager
def running_proxy(login: str = "", status: str = "") -> Iterator[Proxy]:
    """Run a proxy; with ``login`` ("user:password") it asks for it, with ``status`` it refuses everything so."""
    command = [sys.executable, "-m", "tests.proxy", login, status]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Proxy(process)
        finally:
            process.terminate()


def _serve(client: socket.socket, login: str, status: str) -> None:
    with client:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = client.recv(65536)
            if not piece:
                return
            head += piece
        first, *headers = head.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        given = next((h.partition("Basic ")[2] for h in headers if h.lower().startswith("proxy-authorization")), "")
        who = base64.b64decode(given).decode()
        # Written before the answer, so that a test which has its answer can read it.
        print(
            json.dumps({"method": method, "target": target, "login": who, "head": head.decode("latin-1")}), flush=True
        )
        if status or who != login:
            client.sendall(
                f"HTTP/1.1 {status or '407 Login'}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
            )
        elif method == "CONNECT":
            host, _, port = target.rpartition(":")
            with socket.create_connection((host, int(port))) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, server)
        else:
            parts = urlsplit(target)
            with socket.create_connection((parts.hostname, parts.port or 80)) as server:
                server.sendall(head.replace(target.encode(), (parts.path or "/").encode(), 1))
                _relay(client, server)


def _relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        for ready in select.select([one, other], [], [])[0]:
            data = ready.recv(65536)
            if not data:
                return
            (other if ready is one else one).sendall(data)


def _main(login: str, status: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_serve, args=(client, login, status), daemon=True).start()


if __name__ == "__main__":
    _main(*sys.argv[1:])
