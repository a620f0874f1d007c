"""A server that does on the wire what no framework can: cut, drip, reset, lie about lengths, and speak TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType

Answer = Callable[["Connection"], None]


class Connection:
    """One connection of a client, after its request was read."""

    def __init__(self, sock: socket.socket, request: bytes, stopped: threading.Event) -> None:
        self.request = request
        self.sock = sock
        self._stopped = stopped

    def send(self, data: bytes) -> None:
        """Send ``data`` at once."""
        self.sock.sendall(data)

    def drip(self, data: bytes, every: float = 0.05) -> None:
        """Send one byte of ``data`` after another."""
        for position in range(len(data)):
            self.send(data[position : position + 1])
            if self._stopped.wait(every):
                return

    def drip_forever(self, data: bytes = b"x", every: float = 0.05) -> None:
        """Send ``data`` again and again until the client hangs up."""
        while not self._stopped.wait(every):
            self.send(data)

    def hang(self) -> None:
        """Say nothing until the server stops."""
        self._stopped.wait()

    def reset(self) -> None:
        """Break the connection so that the client sees a reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class RawServer:
    """Reads one request per connection, hands it to ``answer``, and closes the connection.

    Attributes:
        requests: the raw requests, oldest first.
        connections: how many connections were accepted, also those on which nothing was sent.
    """

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None = None, *, port: int = 0, read: bool = True) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._answer, self._tls, self._read = answer, tls, read
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=128)

    @property
    def url(self) -> str:
        """Its origin."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> RawServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts; closing alone would not
        self._listener.close()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            with contextlib.suppress(OSError):
                sock, _ = self._listener.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError), sock:
            served = self._tls.wrap_socket(sock, server_side=True) if self._tls else sock
            with served:
                request = read_request(served) if self._read else b""
                if request or not self._read:
                    self.requests.append(request)
                    self._answer(Connection(served, request, self._stopped))


def read_request(sock: socket.socket) -> bytes:
    """Read one HTTP request with its body; empty bytes where the client sent none."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = sock.recv(65536)
        if not piece:
            return b""
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(h[15:]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += sock.recv(65536)
    return head + b"\r\n\r\n" + body


def response(body: bytes, *, status: str = "200 OK", headers: str = "", length: int | None = None) -> bytes:
    """Return a JSON response; ``length`` is what it claims its length is."""
    claimed = len(body) if length is None else length
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {claimed}\r\nConnection: close\r\n"
    return f"{head}{headers}\r\n".encode() + body


def without_length(body: bytes, *, headers: str = "") -> bytes:
    """Return a JSON response that ends with its connection."""
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n".encode() + body
