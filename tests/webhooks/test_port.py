"""The server's side of `POST /webhooks/butlr`: who has no key is refused by the headers alone."""

from __future__ import annotations

import base64
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from butlr_grafana.web.connections import Connections
from butlr_grafana.web.server import Port, Server, listen
from butlr_grafana.web.webhook_port import BUFFERED_BYTES, CONNECTIONS, HeaderCheck, ports
from butlr_grafana.web.webhooks import MAX_BODY_BYTES, PATH
from tests.support import HANG_S, World, until
from tests.web.test_connections import is_closed, response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

KEY = "a-key-of-this-test-alone"
MakeWorld = Callable[..., World]


class Served:
    """A port of `ports`, served by a thread of the test; `requested`: requests of its application."""

    def __init__(self, port: Port, stack: ExitStack) -> None:
        self.requested: list[str] = []
        self.address = port.listener.getsockname()
        self.connections = Connections(
            self._noting(port.app), port.listener, threads=2, most=50, check=port.check
        )
        self._over = False
        self._stack = stack
        thread = threading.Thread(target=self._run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(self._end)

    def _noting(self, app: WSGIApplication) -> WSGIApplication:
        def noting(environ: WSGIEnvironment, start_response: StartResponse) -> Any:
            self.requested.append(environ["PATH_INFO"])
            return app(environ, start_response)

        return noting

    def _run(self) -> None:
        while not self._over:
            self.connections.poll(0.02)
        self.connections.end()

    def _end(self) -> None:
        self._over = True

    def connect(self) -> socket.socket:
        return self._stack.enter_context(socket.create_connection(self.address, HANG_S))

    @property
    def buffered(self) -> int:
        return sum(one.buffered for one in list(self.connections.active_channels.values()))


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return make_world(webhook_keys=(KEY,))


@pytest.fixture(params=["backend's port", "own port"])
def served(request: pytest.FixtureRequest, world: World) -> Iterator[Served]:
    """Once where the backend's port takes pushes too, once on a port of their own."""
    count = 1 if request.param == "backend's port" else 2
    listeners = [listen("127.0.0.1", 0) for _ in range(count)]
    made = ports(world.application.web, world.application.receiver, listeners, threads=2)
    with ExitStack() as stack:
        for port in made[:-1]:
            stack.enter_context(port.listener)
        yield Served(made[-1], stack)


def head(*lines: str, path: str = PATH) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def requests_counted(world: World) -> dict[str, float]:
    metric = world.application.service.telemetry.registry
    return {
        sample.labels["result"]: sample.value
        for family in metric.collect()
        for sample in family.samples
        if sample.name == "butlr_webhook_requests_total"
    }


STRANGERS = [
    ("Content-Length: 200000",),
    (f"Content-Length: {10**12}",),
    ("Transfer-Encoding: chunked",),
    ("Content-Length: 200000", "Expect: 100-continue"),
    ("Content-Length: 200000", "X-Api-Key: another-key-altogether"),
    ("Content-Length: 200000", f"Authorization: Bearer {KEY}"),
    ("Content-Length: 200000", "Authorization: Basic !!!"),
]


@pytest.mark.parametrize("lines", STRANGERS, ids=str)
def test_a_strangers_body_is_neither_waited_for_nor_kept(
    served: Served, world: World, lines: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    one = served.connect()
    # The response comes although hardly anything of the body does.
    one.sendall(head(*lines) + b"5\r\nabcde")
    reported, body = response(one)
    assert reported.startswith(b"HTTP/1.1 401 ")
    assert orjson.loads(body)["error"]["code"] == "unauthorized"
    assert served.buffered == 0
    assert served.requested == []
    assert requests_counted(world) == {"unauthorized": 1}
    assert not [line for line in caplog.records if line.levelno > logging.DEBUG and PATH in line.message]
    one.close()


def test_a_flood_of_strangers_takes_no_memory_and_no_turn(served: Served, world: World) -> None:
    """All places but one are held by strangers who have been refused and go on sending."""
    strangers = [served.connect() for _ in range(40)]
    for one in strangers:
        one.sendall(head(f"Content-Length: {MAX_BODY_BYTES}") + b"x" * 5000)
    for one in strangers:
        assert response(one)[0].startswith(b"HTTP/1.1 401 ")
        one.sendall(b"x" * 5000)
    butlr = served.connect()
    butlr.sendall(head(f"X-Api-Key: {KEY}", "Content-Length: 2") + b"[]")
    assert butlr.recv(12) == b"HTTP/1.1 204"
    assert served.buffered == 0
    assert served.requested == [PATH]
    assert requests_counted(world) == {"unauthorized": 40, "accepted": 1}


def test_with_a_key_256_kb_are_taken_and_no_more(served: Served, world: World) -> None:
    body = b"[]".ljust(MAX_BODY_BYTES)
    key = f"X-Api-Key: {KEY}"
    whole = served.connect()
    whole.sendall(head(key, f"Content-Length: {len(body)}") + body)
    assert whole.recv(12) == b"HTTP/1.1 204"
    larger = served.connect()
    larger.sendall(head(key, f"Content-Length: {len(body) + 1}"))
    reported, text = response(larger)
    assert reported.startswith(b"HTTP/1.1 413 ")
    assert orjson.loads(text)["message"] == "the body is larger than 256 KB"
    assert requests_counted(world) == {"accepted": 1, "body_too_large": 1}


def test_the_basic_password_is_a_key_too(served: Served) -> None:
    one = served.connect()
    password = base64.b64encode(f"butlr:{KEY}".encode()).decode()
    one.sendall(head(f"Authorization: Basic {password}", "Content-Length: 2") + b"[]")
    assert one.recv(12) == b"HTTP/1.1 204"


def test_bodies_for_other_paths_are_the_backends_only(served: Served, world: World) -> None:
    is_own = isinstance(served.connections.check, HeaderCheck) and served.connections.check.only
    one = served.connect()
    one.sendall(head("Content-Length: 200000", path="/query") + b"{")
    if not is_own:
        until(lambda: served.buffered == 1)
        return
    reported, body = response(one)
    assert reported.startswith(b"HTTP/1.1 404 ")
    assert orjson.loads(body)["message"] == f"this port serves only POST {PATH}"
    assert served.buffered == 0
    probe = served.connect()
    probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert orjson.loads(response(probe)[1]) == {"status": "ok"}
    assert is_closed(probe)


def test_a_port_of_its_own_has_its_own_bounds(world: World) -> None:
    listeners = [listen("127.0.0.1", 0) for _ in range(2)]
    with ExitStack() as stack:
        for one in listeners:
            stack.enter_context(one)
        backend, own = ports(world.application.web, world.application.receiver, listeners, threads=7)
        assert (backend.threads, backend.most, backend.listener) == (7, None, listeners[0])
        assert (own.most, own.most_buffered, own.listener) == (CONNECTIONS, BUFFERED_BYTES, listeners[1])
        # So many whole bodies fit at least.
        assert BUFFERED_BYTES >= 32 * MAX_BODY_BYTES


def test_a_fault_on_one_port_ends_the_server_and_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def app(_: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    listeners = [listen("127.0.0.1", 0) for _ in range(2)]
    called: list[str] = []
    server = Server(*(Port(app, one, 1) for one in listeners), end_waits=lambda: called.append("last"))
    [_, second] = server._all

    def broken(_: float) -> None:
        raise RuntimeError("a fault of this test")

    monkeypatch.setattr(second, "poll", broken)
    with pytest.raises(RuntimeError, match="a fault of this test"):
        server.run()
    assert called == ["last"]
