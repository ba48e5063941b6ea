"""The production server: waitress, one process with threads.

One process, so that calls under way, the token and the limits are shared; more processes are replicas.
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
from typing import TYPE_CHECKING, Any

from butlr_grafana.base.access import SettingError
from butlr_grafana.web.connections import Connections, log_as

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SWITCH_S = 0.001
"""How long a thread may go on computing while others want to run: an answer that is kept takes less."""

MOST_CONNECTIONS = 2000
FILES_EACH = 2
"""Open files for each connection: its own, and one for Butlr, the cache and the system."""

KEPT_S = 2.0
"""How long requests are still taken, once the server is asked to stop, on connections that are open: whoever
keeps one may be sending a request just then."""

LAST_CALL_S = 8.0
"""How long those who wait may go on waiting once the server is asked to stop. What Butlr answers within some
seconds is to be whole for them too, and all is to be over within `GRACE_S`."""

GRACE_S = 10.0
"""How long the server may take to stop."""

LOOK_S = 1.0
"""How long the main thread waits at most for something to happen."""

DRAIN_LOOK_S = 0.1
"""The same while the server stops: it ends so long after the last response at most."""


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a fault names the setting that is behind it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingError(f"BACKEND_PORT={port}: the port is in use; set another one") from None
        if error.errno == errno.EACCES:
            raise SettingError(f"BACKEND_PORT={port}: not allowed; set one above 1023") from None
        raise SettingError(f"BACKEND_HOST={host}: {os.strerror(error.errno or 0) or error}") from None


def connections_allowed() -> int:
    """How many connections may be open, by the files that the system lets this process open.

    Raises the soft limit to what they need.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS * FILES_EACH
    reached = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < reached:
        resource.setrlimit(resource.RLIMIT_NOFILE, (reached, hard))
        soft = reached
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else min(MOST_CONNECTIONS, soft // FILES_EACH)


class Server:
    """`last_call` ends what requests still wait for; it is called once, when the server stops."""

    def __init__(
        self,
        app: WSGIApplication,
        listener: socket.socket,
        *,
        threads: int,
        last_call: Callable[[], None] = lambda: None,
    ) -> None:
        self._connections = Connections(app, listener, threads=threads, most=connections_allowed())
        self._last_call = last_call
        self._stop = threading.Event()

    def run(self) -> None:
        """Until SIGTERM or SIGINT, then as long as requests are being answered, at most `GRACE_S`; a second
        signal ends it at once. To be called in the process' main thread.
        """
        sys.setswitchinterval(SWITCH_S)
        log_as(logging.getLogger("butlr_grafana"))
        with self._heeding_signals():
            while not self._stop.is_set():
                self._connections.look(LOOK_S)
            self._drain()
            self._connections.end()

    @contextmanager
    def _heeding_signals(self) -> Iterator[None]:
        def stop(number: int, _frame: Any) -> None:
            if self._stop.is_set():
                raise SystemExit(128 + number)
            self._stop.set()
            self._connections.pull_trigger()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _drain(self) -> None:
        connections, began = self._connections, time.monotonic()
        connections.end_listening()
        is_called = False
        while not connections.is_empty and (passed_s := time.monotonic() - began) < GRACE_S:
            if passed_s >= KEPT_S:
                connections.close_idle()
            if passed_s >= LAST_CALL_S and not is_called:
                is_called = True
                # Elsewhere: this thread sends the answers.
                threading.Thread(target=self._last_call, name="last-call", daemon=True).start()
            connections.look(DRAIN_LOOK_S)
        if not is_called:
            self._last_call()
