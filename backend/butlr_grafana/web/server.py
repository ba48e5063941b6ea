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
from butlr_grafana.web.connections import MOST_BUFFERED_BYTES, Connections, log_as
from butlr_grafana.web.received_request import Check

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SWITCH_S = 0.001
"""How long a thread may go on computing while others want to run: an answer that is kept takes less."""

MOST_CONNECTIONS = 2000
FILES_PER_CONNECTION = 2
"""Open files for each connection: its own, and one for Butlr, the cache and the system."""

STILL_ACCEPTED_S = 2.0
"""How long requests are still taken, once the server is asked to stop, on connections that are open: whoever
keeps one may be sending a request just then."""

END_WAITS_AFTER_S = 8.0
"""How long those who wait may go on waiting once the server is asked to stop. What Butlr answers within some
seconds is to be whole for them too, and all is to be over within `GRACE_S`."""

GRACE_S = 10.0
"""How long the server may take to stop."""

POLL_S = 1.0
"""How long the main thread waits at most for something to happen."""

DRAIN_POLL_S = 0.1
"""The same while the server stops: it ends so long after the last response at most."""


def listen(host: str, port: int, setting: str = "BACKEND_PORT") -> socket.socket:
    """A listening socket; a fault names the setting that is behind it."""
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
    """How many connections may be open, by the files that the system lets this process open.

    Raises the soft limit to what they need.
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
    """A listening socket and what answers there. `most`: connections of its own, beside those of the others;
    `None`: all that the others leave. The rest as in `Connections`.
    """

    app: WSGIApplication
    listener: socket.socket
    threads: int
    check: Check = lambda _: None
    most: int | None = None
    most_buffered: int = MOST_BUFFERED_BYTES


class Server:
    """Each port has its own connections, threads and buffers, so that a flood on one leaves the others alone.

    `end_waits` ends what requests still wait for; it is called once, when the server stops.
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

    def run(self) -> None:
        """Until SIGTERM or SIGINT, then as long as requests are being answered, at most `GRACE_S`; a second
        signal ends it at once. To be called in the process' main thread.
        """
        sys.setswitchinterval(SWITCH_S)
        log_as(logging.getLogger("butlr_grafana"))
        first, *others = self._all
        beside = [threading.Thread(target=self._serve, args=(c,), name="port", daemon=True) for c in others]
        with self._handling_signals():
            for thread in beside:
                thread.start()
            self._serve(first)
            for thread in beside:
                thread.join()
            self._end_waits_once()
        # Not earlier: each may still be woken by the others.
        for connections in self._all:
            connections.end()
        if self._fault is not None:
            raise self._fault

    def _serve(self, connections: Connections) -> None:
        """Serves one port until the end. A fault there ends the server: it is not to go on half deaf."""
        try:
            while not self._stop.is_set():
                connections.poll(POLL_S)
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
