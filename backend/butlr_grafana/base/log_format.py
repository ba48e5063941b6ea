"""The format of log lines: text for people, or JSON for log collectors. Each event is one line on standard
error.

A record may have values of its own: `extra={"data": {name: value}}`. Each line has the id of its request. No
line contains a secret, a body or a query: the code that logs chooses what may be logged.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from butlr_grafana.base import request_id

FORMS = ("text", "json")
LEVELS = ("debug", "info", "warning", "error")

_ESCAPED = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160), 0x2028, 0x2029)}
"""Whatever ends a line or moves a terminal's cursor: texts of others must not look like lines of ours."""


def form_named(environment: Mapping[str, str]) -> str:
    """The format in `BACKEND_LOG`, for lines before the settings are read, or if they are wrong."""
    return "json" if environment.get("BACKEND_LOG", "").strip().lower() == "json" else "text"


def log_to_stderr(form: str = "text", level: str = "info") -> None:
    """Starts logging. `form`: one of `FORMS`; `level`: the lowest of `LEVELS` that is written."""
    # No line names them, and finding them out for each line takes longer than the rest of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger("butlr_grafana")
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    root.propagate = False


def log_what_is_uncaught() -> None:
    """Writes uncaught exceptions and warnings as log lines."""
    logger = logging.getLogger("butlr_grafana")
    logging.captureWarnings(True)
    logging.getLogger("py.warnings").handlers[:] = logger.handlers

    def uncaught(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None and not issubclass(kind, KeyboardInterrupt):
            logger.critical("uncaught exception", exc_info=(kind, error, trace))

    sys.excepthook = uncaught
    threading.excepthook = lambda seen: uncaught(seen.exc_type, seen.exc_value, seen.exc_traceback)


class TextLines(logging.Formatter):
    """Writes `time LEVEL logger: message name=value …`. A traceback follows on separate lines."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._second = (-1, "")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802, ARG002
        """As logging's own; all lines of a second share its text."""
        second, text = self._second
        if second != int(record.created):
            second = int(record.created)
            text = time.strftime(self.default_time_format, self.converter(second))
            self._second = (second, text)
        return f"{text},{record.msecs:03.0f}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        appended = "".join(f" {name}={value}" for name, value in figures(record).items())
        line = f"{record.asctime} {record.levelname} {record.name}: {record.message}{appended}"
        # Nearly all are: looking is a tenth of the work of translating.
        return line if line.isprintable() else line.translate(_ESCAPED)


class JsonLines(logging.Formatter):
    """Writes one JSON object per line: `time` (ISO, UTC), `level`, `logger`, `message`, `request_id`, the
    values of the event, and `exception` with the traceback if there is one.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **figures(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _AS_JSON(line)


_AS_JSON = json.JSONEncoder(default=str).encode


def figures(record: logging.LogRecord) -> Mapping[str, object]:
    """The id of the request, if there is one, and the values of the event."""
    known = request_id.current()
    own: Mapping[str, object] = getattr(record, "data", {})
    return {**({"request_id": known} if known else {}), **own}
