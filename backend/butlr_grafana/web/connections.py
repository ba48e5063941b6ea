"""The connections of the server: how many may be open, and how long each may wait.

Waitress receives the whole request in its main thread before another thread handles it. So a slow client
occupies a connection, but no thread. This module adds to waitress: a time limit for each request, a limit of
bytes in buffers, separate threads for probes, and a shutdown that answers open requests. `received_request`
adds the limits of lines and headers; `response_tasks` sends the responses and refusals.
"""

from __future__ import annotations

import logging
import select
import socket
import time
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from butlr_grafana.web.app import MAX_BODY_BYTES
from butlr_grafana.web.received_request import Check, Request
from butlr_grafana.web.refusals import BODY_CUT_OFF, MOST_HEAD_BYTES, Refusal
from butlr_grafana.web.response_tasks import SERVER, RefusalTask, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PATIENCE_S = 10.0
"""From the start of a connection to its first byte, and from the first byte of a request to its last."""

KEEP_ALIVE_S = 75
"""How long a connection may stay idle between two requests."""

LINGER_S = 2.0
"""How long a client whose request was refused may continue to send. If a connection is closed with unread
bytes, the client does not receive the refusal.
"""

CLOSED_AT_ONCE = 100
"""If all places are taken, so many connections without a complete request are closed; those that have been
quiet longest come first.
"""

MOST_BUFFERED_BYTES = 64 * 2**20
"""The default limit for incomplete bodies, for all connections together."""

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
PROBE_THREADS = 2


class Connection(HTTPChannel):  # type: ignore[misc]
    """One connection. Everything except the tasks runs in the main thread.

    `waiting_since`: since when the first request, or the rest of a request, is awaited. `quiet_since`: since
    when no complete request has arrived. `refused`: the last response is a refusal, and further bytes are
    ignored. `ended`: the client sends no more.
    """

    request: Any = None
    task_class = Response
    error_task_class = RefusalTask

    def __init__(self, server: Connections, *args: Any, **kwargs: Any) -> None:
        self.parser_class = partial(Request, check=server.check)
        self.quiet_since = time.monotonic()
        self.waiting_since: float | None = self.quiet_since
        self.refused = False
        self.ended = False
        self._shutdown_sent = False
        super().__init__(server, *args, **kwargs)

    def service(self) -> None:
        """Runs in a thread. If the connection has been closed meanwhile, its response cannot be sent: this is
        not a fault.
        """
        try:
            super().service()
        except Exception as error:
            if self.connected:
                raise
            self.logger.info("a connection ended before its response was sent (%s)", type(error).__name__)

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
                self._receive(data)
        elif self.request is not None and self.request.headers_finished:
            self.ended = True
            self._refuse(BODY_CUT_OFF)
        else:
            self.handle_close()

    def _receive(self, data: bytes) -> None:
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
        """Whether no request is being processed and no response is being sent."""
        return not self.requests and not self.total_outbufs_len

    def readable(self) -> bool:
        if self.refused:
            return self._shutdown_sent and not self.ended
        return not self.ended and bool(super().readable())

    def writable(self) -> bool:
        return bool(super().writable()) or self._is_to_end

    @property
    def _is_to_end(self) -> bool:
        return self.refused and not self._shutdown_sent and self.is_idle

    def handle_write(self) -> None:
        super().handle_write()
        if self.connected and self._is_to_end:
            self._shutdown_sent = True
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
        """Whether the client has taken too long."""
        if self.waiting_since is None:
            return False
        return now - self.waiting_since > (LINGER_S if self.refused else PATIENCE_S)

    @property
    def buffered(self) -> int:
        """Bytes of an incomplete body."""
        request = self.request
        return request.body_bytes_received if request is not None else 0


class Connections(TcpWSGIServer):  # type: ignore[misc]
    """All connections of a listening socket, and the threads that respond. Runs in the thread that calls it.

    `most`: the most open connections. `most_buffered`: the most bytes of incomplete bodies; beyond that, the
    connections that began first are closed. `check`: refuses a request by its headers, before its body is
    read.
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

    def poll(self, timeout_s: float) -> None:
        """Waits for the next events on all connections, and handles them."""
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self.map, count=1)

    def maintenance(self, now: float) -> None:
        """Closes connections that are overdue. Runs once per second."""
        super().maintenance(now)
        waiting = [one for one in self.active_channels.values() if not one.requests]
        now_s = time.monotonic()
        for one in waiting:
            if one.is_overdue(now_s):
                one.will_close = True
        if len(self.active_channels) >= self.most:
            waiting.sort(key=attrgetter("quiet_since"))
            for one in waiting[:CLOSED_AT_ONCE]:
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
        """Accepts the connections that wait, then no more. After the next response, each connection is
        closed.
        """
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
        """Closes everything. Threads end after their current task."""
        wasyncore.close_all(self.map)
        for dispatcher in (self.task_dispatcher, self._probing):
            dispatcher.set_thread_count(0)


def _dispatcher(threads: int) -> ThreadedTaskDispatcher:
    dispatcher = ThreadedTaskDispatcher()
    dispatcher.set_thread_count(threads)
    return dispatcher


def log_as(logger: logging.Logger) -> None:
    """Writes waitress' log lines in the format of `logger`, from its level on, but warnings and
    errors only.
    """
    logger_of_waitress = logging.getLogger("waitress")
    logger_of_waitress.handlers[:] = logger.handlers
    logger_of_waitress.setLevel(max(logging.WARNING, logger.getEffectiveLevel()))
    logger_of_waitress.propagate = False
    # A request that waits for a thread is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
