"""The production server: gunicorn, one worker process with threads.

One process, so that calls under way, the token and the limits are shared; more processes are replicas.
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from butlr_grafana.base.access import SettingError
from butlr_grafana.web.refusals import LONGEST_LINE
from butlr_grafana.web.worker import PunctualWorker, connections_allowed

SWITCH_S = 0.001
"""How long a thread may go on computing while others want to run: an answer that is kept takes less."""

LAST_CALL_S = 8.0
"""How long those who wait may go on waiting once the worker is asked to stop.

Requests still come for two seconds on connections that were kept. What Butlr answers within some seconds is
to be whole for them too, and all is to be over within `GRACE_S`.
"""

GRACE_S = 10
"""How long the worker may take to stop."""


def before_the_end(work: Callable[[], None]) -> None:
    """Has `work` done when this worker, asked to stop, has waited long enough, and is still there to answer.

    To be called in the worker's main thread, once its signals are set.
    """
    stop = signal.getsignal(signal.SIGTERM)

    def stopping(number: int, frame: Any) -> None:
        last_call = threading.Timer(LAST_CALL_S, work)
        last_call.daemon = True
        last_call.start()
        if callable(stop):
            stop(number, frame)

    signal.signal(signal.SIGTERM, stopping)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; a fault names the setting that is behind it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise SettingError(f"BACKEND_PORT={port}: the port is taken; set another one") from None
        if error.errno == errno.EACCES:
            raise SettingError(f"BACKEND_PORT={port}: not allowed; set one above 1023") from None
        raise SettingError(f"BACKEND_HOST={host}: {os.strerror(error.errno or 0) or error}") from None


class Server(BaseApplication):  # type: ignore[misc]
    """`make_app` runs in the worker, so that its threads belong to the process that serves."""

    def __init__(
        self,
        make_app: Callable[[], Flask],
        listener: socket.socket,
        *,
        threads: int,
        ready: Callable[[], None],
    ) -> None:
        self._make_app = make_app
        self._options: dict[str, Any] = {
            "bind": f"fd://{listener.fileno()}",
            "workers": 1,
            "worker_class": PunctualWorker,
            "threads": threads,
            "worker_connections": connections_allowed(),
            "keepalive": 75,
            "graceful_timeout": GRACE_S,
            "timeout": 60,
            "loglevel": "warning",
            "logger_class": SameLines,
            "limit_request_line": LONGEST_LINE,
            "control_socket_disable": True,
            "when_ready": lambda _server: ready(),
        }
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Flask:
        sys.setswitchinterval(SWITCH_S)
        return self._make_app()


class SameLines(Logger):  # type: ignore[misc]
    """The server's own lines, in the form of all others."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers[:] = logging.getLogger("butlr_grafana").handlers
