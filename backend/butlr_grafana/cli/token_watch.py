"""Tokens from files, without a restart: if a file changes, the next request is checked against its new
content.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path

from butlr_grafana.base.access import BackendToken, SettingError
from butlr_grafana.settings import TOKEN_SETTINGS, tokens_of

log = logging.getLogger("butlr_grafana.tokens")

Stamp = tuple[int, int, int] | None
"""Of a file: device and number, size, and when it was written; `None` where it cannot be seen."""


class TokenWatch:
    """The current tokens of callers. It is called before each request, from any thread.

    Each call costs a `stat` of each file. If a file cannot be used, the tokens stay unchanged, and the log
    says why, once.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Raises `SettingError` where the tokens cannot be used now."""
        self._environment = environment
        self._paths = [
            path for name in TOKEN_SETTINGS if (path := environment.get(f"{name}_FILE", "").strip())
        ]
        # Guards both below: one thread reads, the others go on with what was known.
        self._lock = threading.Lock()
        self._stamps = self._read_stamps()
        self._tokens = tokens_of(environment)

    def __call__(self) -> tuple[BackendToken, ...]:
        stamps = self._read_stamps()
        if stamps != self._stamps and self._lock.acquire(blocking=False):
            try:
                self._read(stamps)
            finally:
                self._lock.release()
        return self._tokens

    def _read_stamps(self) -> list[Stamp]:
        """Before the files are read: a change in between is seen by the next look."""
        return [_stamp(path) for path in self._paths]

    def _read(self, stamps: list[Stamp]) -> None:
        self._stamps = stamps
        try:
            found = tokens_of(self._environment)
        except SettingError as error:
            log.warning("the changed tokens are not used, the old ones stay valid: %s", error)
            return
        if found != self._tokens:
            self._tokens = found
            log.info("the tokens were read again; number of tokens: %d", len(found))


def _stamp(path: str) -> Stamp:
    try:
        seen = Path(path).stat()
    except OSError:
        return None
    return (seen.st_dev ^ seen.st_ino, seen.st_size, seen.st_mtime_ns)
