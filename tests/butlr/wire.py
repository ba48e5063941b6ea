"""What the tests of the vendor's room share: a server of raw bytes, and clients whose sleeps pass at once."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import orjson

from butlr_grafana.butlr.client import Client
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.butlr.limits import Timing
from tests.support import HANG_S, LOGIN, FakeTime

QUERY = {"query": "{ sites { data { id } } }"}
OFFICE = b'{"data":{"sites":{"data":[{"id":"site_paris"},{"id":"site_newyork"}]}}}'
"""The simulator's answer to `QUERY`."""

AtOnce = Callable[[Callable[[], object], int], list[object]]
Clients = Callable[..., Client]
Hurried = Callable[..., "HurriedClient"]


class HurriedClient(Client):
    """A client whose sleeps pass at once, on the fake clock."""

    def __init__(self, access: ButlrConfig, fake: FakeTime, clock: Callable[[], float] | None = None) -> None:
        super().__init__(access, pace=Timing(clock or fake, fake.wait))
        self.fake = fake


@dataclass(frozen=True)
class Sent:
    """A request as the wire saw it; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


Result = Callable[[socket.socket, Sent], None]


def respond(body: bytes, status: str = "200 OK", *headers: str) -> Result:
    """A whole answer, after which the connection closes."""
    lines = [f"HTTP/1.1 {status}", "Connection: close", *headers]
    if not any(header.startswith("Content-Length") for header in headers):
        lines.append(f"Content-Length: {len(body)}")
    return lambda to, _: to.sendall("\r\n".join([*lines, "", ""]).encode() + body)


def logged_in(token: str, lifetime_s: object = 1000) -> Result:
    return respond(orjson.dumps({"access_token": token, "expires_in": lifetime_s, "token_type": "Bearer"}))


class Wire:
    """A server that sends whatever bytes a test wants. One request a connection.

    `login` and `reply` get the connection and the request; what they send is all that is answered.
    """

    def __init__(self) -> None:
        self.login: Result = logged_in("token-1")
        self.reply: Result = respond(b"{}")
        self.requested: list[Sent] = []
        self.ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._threads = [threading.Thread(target=self._accept, name="wire", daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def paths(self) -> list[str]:
        return [requested.path for requested in self.requested]

    def drip(self, to: socket.socket, pieces: Iterable[bytes], pause_s: float = 0.05) -> None:
        """Slow enough to be late as a whole, fast enough to keep each read from timing out."""
        for piece in pieces:
            to.sendall(piece)
            if self.ending.wait(pause_s):
                return

    def stop(self) -> None:
        self.ending.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(HANG_S)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                serving = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(serving)
                serving.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            requested = _read(connection)
            self.requested.append(requested)
            (self.login if requested.path == LOGIN else self.reply)(connection, requested)


def _read(connection: socket.socket) -> Sent:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Sent(first.split(" ")[1], headers, body)
