"""Waitress with our limits: how requests are received, and who may hold a connection.

Waitress receives a request whole, in its one main thread, before a thread works on it. So a silent or slow
sender holds a connection but never a thread. What is added here: limits of lines and headers, refusals in the
form of all our errors, a time limit for each request, threads of their own for probes, and a quiet end.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from collections.abc import Callable
from functools import lru_cache, partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask, ThreadedTaskDispatcher, WSGITask
from waitress.utilities import build_http_date

from butlr_grafana.web.app import MAX_BODY_BYTES
from butlr_grafana.web.cached_responses import RESPOND
from butlr_grafana.web.refusals import (
    BODY_CUT_OFF,
    HEADERS_TOO_LARGE,
    LONGEST_LINE,
    MOST_HEAD_BYTES,
    MOST_HEADERS,
    TWO_LENGTHS,
    UNKNOWN_EXPECTATION,
    URL_TOO_LONG,
    Refusal,
    refusal_of,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
"""From a connection's beginning to its first byte, and from a request's first byte to its last."""

KEEP_ALIVE_S = 75
"""How long a connection may stay idle between two requests."""

LINGER_S = 2.0
"""How long a refused sender may go on sending: a connection closed on unread bytes would lose the refusal."""

MADE_ROOM_FOR = 100
"""So many connections without a whole request are closed at a time, the longest quiet first, once all places
are taken."""

MOST_BUFFERED_BYTES = 64 * 2**20
"""Of bodies that are not whole yet, where it is not said otherwise."""

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
PROBE_THREADS = 2

JOINED_BYTES = 256 * 1024
"""Up to this size a body is sent together with its head: one system call less."""


SERVER = "butlr-grafana"

_date = lru_cache(4)(build_http_date)

Check = Callable[["Request"], Refusal | None]


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request as it is received. `error` is a `Refusal`, or a problem that waitress found; `refusal`: what
    its head is refused for.
    """

    error: Any = None
    refusal: Refusal | None = None
    path = ""
    command = ""

    def __init__(self, adj: Adjustments, check: Check) -> None:
        super().__init__(adj)
        self._check = check

    def received(self, data: bytes) -> int:
        taken: int = super().received(data)
        # What waitress says of a body's length comes after.
        self.error = self.refusal or self.error
        if self.error is None and self.body_rcv is None and len(self.header_plus) > LONGEST_LINE:
            self.error = _problem_of(self.header_plus)
        if self.error is None:
            return taken
        # What follows a request that cannot be read is no request.
        self.completed = True
        return len(data)

    def parse_header(self, header_plus: bytes) -> None:
        """Raises waitress' `ParsingError`."""
        self.refusal = _problem_of(header_plus)
        if self.refusal is not None:
            return
        super().parse_header(header_plus)
        names = self.headers
        if "CONTENT_LENGTH" in names and (self.chunked or "TRANSFER_ENCODING" in names):
            self.refusal = TWO_LENGTHS
        elif "EXPECT" in names and self.version == "1.1" and not self.expect_continue:
            self.refusal = UNKNOWN_EXPECTATION
        else:
            self.refusal = self._check(self)
        # Nobody is asked to send a body that is refused.
        self.expect_continue: bool = self.expect_continue and self.refusal is None


def _problem_of(head: bytes) -> Refusal | None:
    """Whether the head, as far as it is there, is too large."""
    if len(head) > LONGEST_LINE:
        first, *others = head.lstrip().split(b"\r\n")
        if len(first) > LONGEST_LINE:
            return URL_TOO_LONG
        if any(len(line) > LONGEST_LINE for line in others):
            return HEADERS_TOO_LARGE
    # The first line ends as the others do, and so does the head.
    return HEADERS_TOO_LARGE if head.count(b"\r\n") > MOST_HEADERS + 2 else None


class Response(WSGITask):  # type: ignore[misc]
    """In a thread: the application's response to a request."""

    wrote_header = False

    def build_response_header(self) -> bytes:
        if self.channel.server.stopping:
            self.request.headers["CONNECTION"] = "close"
        if self.version == "1.1" and self.content_length is not None and self.has_body and not self._is_last:
            return self._plain_head()
        head: bytes = super().build_response_header()
        return head

    def _plain_head(self) -> bytes:
        """The same for nearly all responses, of known length on a connection that is kept, as they come."""
        own = {name.lower() for name, _ in self.response_headers}
        head = [f"HTTP/1.1 {self.status}", *map(": ".join, self.response_headers)]
        if "content-length" not in own:
            head.append(f"Content-Length: {self.content_length}")
        if "date" not in own:
            head.append(f"Date: {_date(int(self.start_time))}")
        head.append(f"Server: {SERVER}\r\n\r\n")
        return "\r\n".join(head).encode("latin-1")

    def get_environment(self) -> WSGIEnvironment:
        environ: WSGIEnvironment = super().get_environment()
        # As it was sent: waitress takes away leading slashes, which are one too many.
        environ["PATH_INFO"] = self.request.path
        environ[RESPOND] = self.respond
        return environ

    def respond(self, head: bytes, body: bytes) -> bool:
        """Sends a response whose status line and headers are written already; each line is ended. `False`: it
        has to be said that it is the connection's last, so it is sent as all others.
        """
        if self.version != "1.1" or self.channel.server.stopping or self._is_last:
            return False
        self.complete = self.wrote_header = True
        end = f"Date: {_date(int(self.start_time))}\r\nServer: {SERVER}\r\n\r\n".encode()
        self.channel.write_soon(head + end + body)
        return True

    @property
    def _is_last(self) -> bool:
        return bool(self.request.headers.get("CONNECTION", "").lower() == "close")

    def write(self, data: bytes) -> None:
        if self.wrote_header or len(data) != self.content_length or len(data) > JOINED_BYTES:
            super().write(data)
            return
        head = self.build_response_header()
        self.wrote_header = True
        self.content_bytes_written = len(data)
        self.channel.write_soon(head + data if self.has_body else head)


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """In a thread: the response to what is no request, or went wrong outside the application."""

    def execute(self) -> None:
        refusal = refusal_of(self.request.error)
        if refusal.status < 500:
            log.log(refusal.level, "invalid request: %s", refusal.fault)
        self.wrote_header = True
        self.channel.refused = True
        self.channel.write_soon(refusal.response())


class Connection(HTTPChannel):  # type: ignore[misc]
    """One connection. All but the tasks run in the main thread.

    `waiting_since`: since when a request that has begun, or the connection's first, is waited for.
    `quiet_since`: since when no whole request has come. `refused`: a refusal is its last response, and what
    still comes is passed over. `ended`: the sender says no more.
    """

    request: Any = None
    task_class = Response
    error_task_class = RefusalTask

    def __init__(self, server: Connections, *args: Any, **words: Any) -> None:
        self.parser_class = partial(Request, check=server.check)
        self.quiet_since = time.monotonic()
        self.waiting_since: float | None = self.quiet_since
        self.refused = False
        self.ended = False
        self._said_end = False
        super().__init__(server, *args, **words)

    def handle_read(self) -> None:
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except BlockingIOError:
            return
        except OSError:
            self.handle_close()
            return
        if data:
            self.last_activity = time.time()
            if not self.refused:
                self._hear(data)
        elif self.request is not None and self.request.headers_finished:
            self.ended = True
            self._refuse(BODY_CUT_OFF)
        else:
            self.handle_close()

    def _hear(self, data: bytes) -> None:
        if self.waiting_since is None:
            self.waiting_since = time.monotonic()
        self.received(data)
        if self.request is None:
            self.waiting_since, self.quiet_since = None, time.monotonic()

    def _refuse(self, refusal: Refusal) -> None:
        """Ends the request that is being received."""
        with self.requests_lock:
            request, self.request = self.request, None
            request.error, request.completed = refusal, True
            self.requests.append(request)
            if len(self.requests) == 1:
                self.server.add_task(self)
        self.waiting_since = None

    @property
    def is_idle(self) -> bool:
        """No request is being answered, and no response being sent."""
        return not self.requests and not self.total_outbufs_len

    def readable(self) -> bool:
        if self.refused:
            return self._said_end and not self.ended
        return not self.ended and bool(super().readable())

    def writable(self) -> bool:
        return bool(super().writable()) or self._is_to_end

    @property
    def _is_to_end(self) -> bool:
        return self.refused and not self._said_end and self.is_idle

    def handle_write(self) -> None:
        super().handle_write()
        if self.connected and self._is_to_end:
            self._said_end = True
            self.waiting_since = time.monotonic()
            if self.ended:
                self.handle_close()
            else:
                self._end_sending()

    def _end_sending(self) -> None:
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.handle_close()

    def is_overdue(self, now: float) -> bool:
        """Whether the sender has taken too long."""
        if self.waiting_since is None:
            return False
        return now - self.waiting_since > (LINGER_S if self.refused else PATIENCE_S)

    @property
    def buffered(self) -> int:
        """Bytes of a body that is not whole yet."""
        request = self.request
        return request.body_bytes_received if request is not None else 0


class Connections(TcpWSGIServer):  # type: ignore[misc]
    """All connections of a listening socket, and the threads that answer. Runs in the thread that calls it.

    `most`: how many may be open; `most_buffered`: bytes of bodies that are not whole yet, beyond which the
    connections that began first are closed; `check`: refuses a request by its head, before its body is read.
    """

    channel_class = Connection

    def __init__(
        self,
        app: WSGIApplication,
        listener: socket.socket,
        *,
        threads: int,
        most: int,
        most_buffered: int = MOST_BUFFERED_BYTES,
        check: Check = lambda _: None,
    ) -> None:
        self.map: dict[int, Any] = {}
        self.most = most
        self.most_buffered = most_buffered
        self.check = check
        self.stopping = False
        self._probing = _dispatcher(PROBE_THREADS)
        super().__init__(
            app,
            map=self.map,
            # The names by which `waitress.create_server` hands over a socket that listens.
            _sock=listener,
            bind_socket=False,
            sockinfo=(listener.family, listener.type, listener.proto, listener.getsockname()),
            dispatcher=_dispatcher(threads),
            adj=Adjustments(
                backlog=1024,
                # Beside them the map holds the listener and the pipe that wakes the main thread.
                connection_limit=most + 2,
                channel_timeout=KEEP_ALIVE_S,
                cleanup_interval=1,
                max_request_header_size=MOST_HEAD_BYTES,
                max_request_body_size=MAX_BODY_BYTES + 1,
                clear_untrusted_proxy_headers=False,
                ident=SERVER,
            ),
        )

    def add_task(self, task: Connection) -> None:
        request = task.requests[0]
        is_probe = request.path in PROBES and request.command == "GET"
        (self._probing if is_probe else self.task_dispatcher).add_task(task)

    def look(self, timeout_s: float) -> None:
        """Waits for what comes next on any connection, and handles it."""
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self.map, count=1)

    def maintenance(self, now: float) -> None:
        """Once a second."""
        super().maintenance(now)
        waiting = [one for one in self.active_channels.values() if not one.requests]
        here = time.monotonic()
        for one in waiting:
            if one.is_overdue(here):
                one.will_close = True
        if len(self.active_channels) >= self.most:
            waiting.sort(key=attrgetter("quiet_since"))
            for one in waiting[:MADE_ROOM_FOR]:
                one.will_close = True
        self._bound_buffers(waiting)

    def _bound_buffers(self, waiting: list[Connection]) -> None:
        left = self.most_buffered
        sending = [one for one in waiting if one.buffered]
        for one in sorted(sending, key=attrgetter("waiting_since"), reverse=True):
            left -= one.buffered
            if left < 0:
                one.will_close = True

    def end_listening(self) -> None:
        """Accepts who is connected already, then nobody any more; each response is its connection's last."""
        self.stopping = True
        while self.accepting and select.select([self.socket], [], [], 0)[0]:
            self.handle_accept()
        wasyncore.dispatcher.close(self)

    def close_idle(self) -> None:
        for one in list(self.active_channels.values()):
            if one.is_idle and one.request is None:
                one.handle_close()

    @property
    def is_empty(self) -> bool:
        return not self.active_channels

    def end(self) -> None:
        """Closes everything; threads end with what they are doing."""
        wasyncore.close_all(self.map)
        for dispatcher in (self.task_dispatcher, self._probing):
            dispatcher.set_thread_count(0)


def _dispatcher(threads: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    return dispatcher


def log_as(logger: logging.Logger) -> None:
    """Waitress' own lines, in the form and from the level of those of `logger`, but warnings at least."""
    own = logging.getLogger("waitress")
    own.handlers[:] = logger.handlers
    own.setLevel(max(logging.WARNING, logger.getEffectiveLevel()))
    own.propagate = False
    # A request that waits for a thread is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
