"""Connections of the server, byte by byte, in this process: what is kept open, refused, closed, and ended."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from waitress.channel import HTTPChannel

from butlr_grafana.web import connections
from butlr_grafana.web.app import MAX_BODY_BYTES
from butlr_grafana.web.connections import LINGER_S, PATIENCE_S, Connections
from butlr_grafana.web.server import listen
from tests.support import HANG_S, until

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

MOST = 20


class Application:
    """Answers what it was asked; `/held` when it is let go."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.let_go = threading.Event()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read()
        self.requested.append(environ["PATH_INFO"])
        if environ["PATH_INFO"] == "/held":
            assert self.let_go.wait(HANG_S)
        text = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} {len(body)}".encode()
        start_response("200 Fine", [("Content-Length", str(len(text)))])
        return [text]


class Served:
    """The server's main thread is one of ours, which can be halted."""

    def __init__(self, application: Application, stack: ExitStack) -> None:
        self.application = application
        listener = listen("127.0.0.1", 0)
        self.address = listener.getsockname()
        self.server = Connections(application, listener, threads=2, most=MOST)
        self.todo: list[Callable[[], None]] = []
        self.over = False
        self._stack = stack
        thread = threading.Thread(target=self._run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(self._end)

    def _run(self) -> None:
        while not self.over:
            self.server.poll(0.02)
            while self.todo:
                self.todo.pop()()
        self.server.end()

    def _end(self) -> None:
        self.application.let_go.set()
        self.over = True

    def do(self, work: Callable[[], None]) -> None:
        """In the server's main thread."""
        done = threading.Event()
        self.todo.append(lambda: (work(), done.set())[0])
        self.server.pull_trigger()
        assert done.wait(HANG_S)

    def connect(self) -> socket.socket:
        return self._stack.enter_context(socket.create_connection(self.address, HANG_S))


@pytest.fixture
def served() -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(Application(), stack)


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def response(connection: socket.socket) -> tuple[bytes, bytes]:
    """Head and body of one response, which names its length."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += some(connection)
    assert len(body) == length
    return head, body


def some(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 16)
    assert data, "closed in the middle"
    return data


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_connection_is_kept_until_either_side_says_otherwise(served: Served) -> None:
    stored = served.connect()
    for path in ("/a", "/b"):
        stored.sendall(get(path))
        head, body = response(stored)
        assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 Fine", f"GET {path} 0".encode())
        assert b"connection: close" not in head.lower()
    stored.sendall(get("/c", "Connection: close"))
    assert b"connection: close" in response(stored)[0].lower()
    assert is_closed(stored)


def test_of_http_1_0_a_response_is_the_last(served: Served) -> None:
    old = served.connect()
    old.sendall(b"GET /old HTTP/1.0\r\n\r\n")
    assert response(old)[1] == b"GET /old 0"
    assert is_closed(old)


def test_requests_that_are_sent_together_are_answered_in_their_order(served: Served) -> None:
    one = served.connect()
    one.sendall(
        get("/a") + b"POST /b HTTP/1.1\r\nContent-Length: 3\r\n\r\nxyz" + get("/c", "Connection: close")
    )
    data = b""
    while piece := one.recv(1 << 16):
        data += piece
    places = [data.index(text) for text in (b"GET /a 0", b"POST /b 3", b"GET /c 0")]
    assert places == sorted(places)


def test_a_body_in_chunks_arrives_whole(served: Served) -> None:
    one = served.connect()
    one.sendall(
        b"POST /chunks HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    assert response(one)[1] == b"POST /chunks 5"


def test_who_waits_to_be_told_to_go_on_is(served: Served) -> None:
    one = served.connect()
    one.sendall(b"POST /on HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert some(one) == b"HTTP/1.1 100 Continue\r\n\r\n"
    one.sendall(b"ab")
    assert response(one)[1] == b"POST /on 2"


def test_slashes_arrive_as_they_were_sent(served: Served) -> None:
    one = served.connect()
    one.sendall(get("//a//b"))
    assert response(one)[1] == b"GET //a//b 0"


@pytest.mark.parametrize("length", [f"Content-Length: {8 * MAX_BODY_BYTES}", "Transfer-Encoding: chunked"])
def test_who_sends_too_large_a_body_to_its_end_is_told_so(served: Served, length: str) -> None:
    """Closed on bytes that it has not read, the connection would be reset, and the refusal lost."""
    one = served.connect()
    chunk = b"%x\r\n%b\r\n" % (MAX_BODY_BYTES, b" " * MAX_BODY_BYTES)
    sent = 8 * (chunk if "chunked" in length else b" " * MAX_BODY_BYTES)
    one.sendall(f"POST /large HTTP/1.1\r\n{length}\r\n\r\n".encode() + sent)
    head, body = response(one)
    assert head.startswith(b"HTTP/1.1 413 the body is larger than 256 KB\r\n")
    assert b'"code":"body_too_large"' in body
    assert is_closed(one)
    assert served.application.requested == []


def test_the_largest_body_that_is_allowed_arrives(served: Served) -> None:
    one = served.connect()
    head = f"POST /full HTTP/1.1\r\nContent-Length: {MAX_BODY_BYTES}\r\n\r\n"
    one.sendall(head.encode() + b" " * MAX_BODY_BYTES)
    assert response(one)[1] == f"POST /full {MAX_BODY_BYTES}".encode()


CHUNKED = b"Transfer-Encoding: chunked\r\n"
POST = b"POST / HTTP/1.1\r\n"
NO_REQUESTS = {
    "no HTTP": b"hello\r\n\r\n",
    "a header without a colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    "two kinds of length": POST + b"Content-Length: 3\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "an old one in chunks": b"POST / HTTP/1.0\r\n" + CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n",
    "a chunk without a size": POST + CHUNKED + b"\r\nzz\r\n",
}


@pytest.mark.parametrize("sent", NO_REQUESTS.values(), ids=NO_REQUESTS)
def test_nothing_that_follows_what_is_no_request_is_answered(served: Served, sent: bytes) -> None:
    """Whoever passes requests on may have read it in another way: the rest could be somebody else's."""
    one = served.connect()
    one.sendall(sent + get("/smuggled"))
    assert response(one)[0].startswith(b"HTTP/1.1 400 ")
    assert is_closed(one)
    assert served.application.requested == []


def test_codings_and_expectations_that_are_not_known_are_named(served: Served) -> None:
    for line, status in (("Transfer-Encoding: gzip, chunked", b"501"), ("Expect: miracles", b"417")):
        one = served.connect()
        one.sendall(get("/", line))
        head, _ = response(one)
        assert head.split(b"\r\n")[0] == b"HTTP/1.1 %b %b: the value is unknown; allowed: %b" % (
            status,
            line.partition(":")[0].encode(),
            b"chunked" if status == b"501" else b"100-continue",
        )


def the_only_connection(served: Served) -> connections.Connection:
    until(lambda: len(served.server.active_channels) == 1)
    [found] = served.server.active_channels.values()
    assert isinstance(found, connections.Connection)
    return found


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nabc"])
def test_a_request_has_a_time_in_which_to_be_sent(served: Served, begun: bytes) -> None:
    one = served.connect()
    one.sendall(begun)
    here = the_only_connection(served)
    if begun:
        until(lambda: here.request is not None)
    assert here.waiting_since is not None
    assert not here.is_overdue(here.waiting_since + PATIENCE_S)
    assert here.is_overdue(here.waiting_since + PATIENCE_S + 0.001)


def test_a_connection_that_has_been_answered_may_be_quiet_for_longer(served: Served) -> None:
    one = served.connect()
    one.sendall(get("/a"))
    response(one)
    assert not the_only_connection(served).is_overdue(time.monotonic() + 2 * PATIENCE_S)


def test_who_is_refused_and_goes_on_sending_is_not_heard_for_long(served: Served) -> None:
    one = served.connect()
    one.sendall(b"hello\r\n\r\n")
    response(one)
    assert is_closed(one)  # its half; ours is open
    here = the_only_connection(served)
    until(lambda: here.waiting_since is not None)
    assert here.is_overdue(time.monotonic() + LINGER_S + 0.001)


def test_where_all_places_are_taken_the_longest_quiet_goes_first(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CLOSED_AT_ONCE", 1)
    quiet = [served.connect() for _ in range(MOST)]
    until(lambda: len(served.server.active_channels) == MOST)
    quiet[0].sendall(get("/a"))
    response(quiet[0])
    served.do(lambda: served.server.maintenance(time.time()))
    assert is_closed(quiet[1])
    until(lambda: len(served.server.active_channels) == MOST - 1)


def buffered(served: Served) -> int:
    return sum(one.buffered for one in list(served.server.active_channels.values()))


def test_bodies_that_are_not_whole_have_a_limit_together(
    served: Served,
) -> None:
    served.server.most_buffered = 2500
    sending = []
    for number in range(3):
        one = served.connect()
        one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + b" " * 1000)
        until(
            lambda n=number: sum(c.buffered for c in served.server.active_channels.values()) == 1000 * (n + 1)
        )
        sending.append(one)
    served.do(lambda: served.server.maintenance(time.time()))
    assert is_closed(sending[0])
    for one in sending[1:]:
        one.sendall(b" " * 1000)
        assert response(one)[1] == b"POST / 2000"


def test_at_the_end_what_is_under_way_is_answered_and_nothing_new_comes(served: Served) -> None:
    waiting, idle = served.connect(), served.connect()
    idle.sendall(get("/before"))
    response(idle)
    waiting.sendall(get("/held"))
    until(lambda: "/held" in served.application.requested)
    served.do(served.server.end_listening)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(served.address, HANG_S)
    # Who was about to ask on a connection that was kept still is answered, for the last time.
    idle.sendall(get("/after"))
    head, body = response(idle)
    assert body == b"GET /after 0"
    assert b"connection: close" in head.lower()
    served.do(served.server.close_idle)
    assert not served.server.is_empty
    served.application.let_go.set()
    head, body = response(waiting)
    assert body == b"GET /held 0"
    assert b"connection: close" in head.lower()
    assert is_closed(waiting)
    until(lambda: served.server.is_empty)


def test_who_has_connected_before_the_end_is_still_answered(served: Served) -> None:
    """The system accepts connections for the server; with the socket they would be closed unheard."""
    halted, go_on = threading.Event(), threading.Event()
    served.todo.append(lambda: (halted.set(), go_on.wait(HANG_S))[0])
    served.server.pull_trigger()
    assert halted.wait(HANG_S)
    one = served.connect()
    one.sendall(get("/late"))
    served.todo.append(served.server.end_listening)
    go_on.set()
    assert response(one)[1] == b"GET /late 0"


@pytest.mark.parametrize("connected", [True, False])
def test_a_fault_of_a_connection_that_has_been_closed_is_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, connected: bool
) -> None:
    """The main thread closes it, and its buffers, while a thread fills them."""

    def fails(_: object) -> None:
        raise ValueError("I/O operation on closed file.")

    monkeypatch.setattr(HTTPChannel, "service", fails)
    connection = object.__new__(connections.Connection)
    connection.connected = connected
    if connected:
        with pytest.raises(ValueError, match="closed file"):
            connection.service()
    else:
        connection.service()
