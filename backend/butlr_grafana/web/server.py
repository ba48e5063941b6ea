"""The production server: waitress, one process with threads.

In one process, calls in flight, the token and the limits are shared. More processes are replicas.
"""

from __future__ import annotations

import errno
import logging
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from butlr_grafana.base.access import SettingError
from butlr_grafana.base.full_collections import FullCollections
from butlr_grafana.web.connections import MOST_BUFFERED_BYTES, Connections, log_as
from butlr_grafana.web.received_request import Check

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SWITCH_S = 0.0001
"""How long a thread may compute while others wait to run. A response from the cache changes threads several
times, and waits so long each time while rules are evaluated.
"""

MOST_CONNECTIONS = 2000
FILES_PER_CONNECTION = 2
"""Open files for each connection: one for the connection, and one for Butlr, the cache and the system."""

STILL_ACCEPTED_S = 2.0
"""After the server was asked to stop, requests on open connections are still accepted for this time, because
a client may be sending one.
"""

END_WAITS_AFTER_S = 8.0
"""After the server was asked to stop, waiting requests may continue to wait for this time. So they still get
data that Butlr sends within some seconds, and everything ends within `GRACE_S`.
"""

GRACE_S = 10.0
"""The longest time in which the server stops."""

POLL_S = 1.0
"""The longest wait of the main thread."""

DRAIN_POLL_S = 0.1
"""The same while the server stops: it ends at most so long after the last response."""


def listen(host: str, port: int, setting: str = "BACKEND_PORT") -> socket.socket:
    """Opens a listening socket. Raises `SettingError`, which names the setting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingError(f"{setting}={port}: the port is in use; set another one") from None
        if error.errno == errno.EACCES:
            raise SettingError(f"{setting}={port}: not allowed; set one above 1023") from None
        raise SettingError(f"BACKEND_HOST={host}: {os.strerror(error.errno or 0) or error}") from None


def connections_allowed() -> int:
    """The most open connections, limited by the files that this process may open.

    Raises the soft limit of open files if necessary.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * FILES_PER_CONNECTION
    reached = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < reached:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reached, hard))
        soft = reached
    return (
        MOST_CONNECTIONS
        if soft == resource.RLIM_INFINITY
        else min(MOST_CONNECTIONS, soft // FILES_PER_CONNECTION)
    )


@dataclass(frozen=True, slots=True)
class Port:
    """A listening socket and its application.

    `most`: the connections of this port; `None`: all that the other ports leave. The other fields are as in
    `Connections`.
    """

    app: WSGIApplication
    listener: socket.socket
    threads: int
    check: Check = lambda _: None
    most: int | None = None
    most_buffered: int = MOST_BUFFERED_BYTES


class Server:
    """The server. Each port has separate connections, threads and buffers, so that a flood on one port does
    not affect the others.

    `end_waits`: ends the waits of all requests. It is called once, when the server stops.
    """

    def __init__(self, *ports: Port, end_waits: Callable[[], None] = lambda: None) -> None:
        left = connections_allowed() - sum(port.most or 0 for port in ports)
        self._all = [
            Connections(
                port.app,
                port.listener,
                threads=port.threads,
                most=left if port.most is None else port.most,
                most_buffered=port.most_buffered,
                check=port.check,
            )
            for port in ports
        ]
        self._end_waits = end_waits
        self._ending = threading.Lock()
        """Held while it is decided who makes the last call."""
        self._is_ended = False
        self._stop = threading.Event()
        self._fault: Exception | None = None
        self._full_collections = FullCollections(time.monotonic)

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT, then until all requests have their response, at most `GRACE_S`. A
        second signal ends it at once. It must be called in the main thread.
        """
        sys.setswitchinterval(SWITCH_S)
        self._full_collections.begin()
        log_as(logging.getLogger("butlr_grafana"))
        first, *others = self._all
        beside = [threading.Thread(target=self._serve, args=(c,), name="port", daemon=True) for c in others]
        with self._handling_signals():
            for thread in beside:
                thread.start()
            self._serve(first, self._full_collections.collect_if_due)
            for thread in beside:
                thread.join()
            self._end_waits_once()
        self._full_collections.end()
        # Not earlier: each may still be woken by the others.
        for connections in self._all:
            connections.end()
        if self._fault is not None:
            raise self._fault

    def _serve(self, connections: Connections, at_each_turn: Callable[[], None] = lambda: None) -> None:
        """Serves one port until the end. A fault there ends the server: it is not to go on half deaf.

        `at_each_turn` is called after each wait, at least once in `POLL_S`.
        """
        try:
            while not self._stop.is_set():
                connections.poll(POLL_S)
                at_each_turn()
            self._drain(connections)
        except Exception as fault:  # noqa: BLE001  # `run` raises it
            self._fault = fault
            self._end()

    def _end(self) -> None:
        self._stop.set()
        for connections in self._all:
            connections.pull_trigger()

    def _end_waits_once(self) -> None:
        with self._ending:
            is_ended, self._is_ended = self._is_ended, True
        if not is_ended:
            self._end_waits()

    @contextmanager
    def _handling_signals(self) -> Iterator[None]:
        def stop(number: int, _frame: Any) -> None:
            if self._stop.is_set():
                raise SystemExit(128 + number)
            self._end()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _drain(self, connections: Connections) -> None:
        began = time.monotonic()
        connections.end_listening()
        is_ended = False
        while not connections.is_empty and (passed_s := time.monotonic() - began) < GRACE_S:
            if passed_s >= STILL_ACCEPTED_S:
                connections.close_idle()
            if passed_s >= END_WAITS_AFTER_S and not is_ended:
                is_ended = True
                # Elsewhere: this thread sends the answers.
                threading.Thread(target=self._end_waits_once, name="last-call", daemon=True).start()
            connections.poll(DRAIN_POLL_S)
