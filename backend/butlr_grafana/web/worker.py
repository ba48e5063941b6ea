"""The server's worker: a thread is for who has said something, and hears the rest of it for a while only.

The thread worker as it comes waits in a thread for a new connection's first byte, and without end for the
last one of a head or a body: as many silent or dripping connections as there are threads, and nobody else is
answered. Here silence costs no thread, slowness one for `PATIENCE_S`; where all places are taken those who
say nothing make room; and probes have threads of their own, so that a busy backend does not look dead.
"""

from __future__ import annotations

import contextlib
import resource
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from selectors import EVENT_READ
from typing import Any

from gunicorn.util import write_nonblock  # type: ignore[import-untyped]
from gunicorn.workers import gthread  # type: ignore[import-untyped]

from butlr_grafana.web.refusals import refusal_of, written

PATIENCE_S = 10.0
"""From a connection's beginning to its first byte, and from a request's first byte to its last."""

CROWDED_PATIENCE_S = 1.0
"""The latter where others wait for a thread."""

MOST_CONNECTIONS = 2000
MADE_ROOM_FOR = 100
"""So many who say nothing are let go at a time, the longest silent first, once all places are taken."""

FILES_EACH = 2
"""Open files for each connection: its own, and one for Butlr, the cache and the system."""

PROBES = (b"GET /healthz ", b"GET /readyz ", b"GET /metrics ")
BODY_HEADERS = frozenset({"CONTENT-LENGTH", "TRANSFER-ENCODING"})


def connections_allowed() -> int:
    """How many connections may be open, by the files that the system lets this process open.

    Raises the soft limit to what they need. A worker that runs out of files ends, and with it all that is
    kept in memory.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * FILES_EACH
    reached = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < reached:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reached, hard))
        soft = reached
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // FILES_EACH)


class PunctualWorker(gthread.ThreadWorker):  # type: ignore[misc]
    def __init__(self, *args: Any, **words: Any) -> None:
        super().__init__(*args, **words)
        self._heard_since: dict[Any, float] = {}
        """The connections that a thread listens to."""
        self._probing = ThreadPoolExecutor(2, thread_name_prefix="probes")

    def enqueue_req(self, conn: Any) -> None:
        """In the main loop, for a new connection and for one that says something."""
        if not conn.initialized and not conn.wait_for_data(0):
            conn.timeout = time.monotonic() + PATIENCE_S
            self.pending_conns.append(conn)
            self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
            return
        pool = self._probing if _is_probe(conn.sock) else self.tpool
        pool.submit(self.handle, conn).add_done_callback(
            lambda done: self.method_queue.defer(self.finish_request, conn, done)
        )

    def handle_error(self, _req: Any, client: Any, _addr: Any, exc: BaseException) -> None:
        """In a thread: what comes of a request that the application never saw."""
        status, fault = refusal_of(exc)
        if status >= 500:
            self.log.exception("Error handling a request")
        else:
            self.log.warning("Invalid request: %s", fault)
        with contextlib.suppress(OSError):
            write_nonblock(client, written(status, fault))

    def handle(self, conn: Any) -> Any:
        """In a thread."""
        self._heard_since[conn] = time.monotonic()
        try:
            return super().handle(conn)
        finally:
            self._heard_since.pop(conn, None)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """In a thread, once the head is there."""
        if not any(name in BODY_HEADERS for name, _ in req.headers):
            self._heard_since.pop(conn, None)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """In the main loop, at least once a second."""
        now = time.monotonic()
        crowded = self.tpool._work_queue.qsize() > 0
        earliest = now - (CROWDED_PATIENCE_S if crowded else PATIENCE_S)
        for conn, since in list(self._heard_since.items()):
            if since < earliest:
                # Who has said all, and waits for the answer, still gets it: only listening ends.
                with contextlib.suppress(OSError):
                    conn.sock.shutdown(socket.SHUT_RD)
        if self.nr_conns >= self.worker_connections:
            for silent in (self.pending_conns, self.keepalived_conns):
                for conn in islice(silent, MADE_ROOM_FOR):
                    conn.timeout = now
            super().murder_keepalived()
        super().murder_pending()


def _is_probe(connection: socket.socket) -> bool:
    try:
        said = connection.recv(max(map(len, PROBES)), socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return False
    return said.startswith(PROBES)
