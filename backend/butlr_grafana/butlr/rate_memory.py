"""What a process has learnt about Butlr's rate limit, for the next process: a file in the cache folder.

After a restart, the calls of the last minute still count, and the limit need not be learnt again from 429s.
The file is written at most every two seconds: if a process is killed, the calls of the last two seconds are
lost.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from butlr_grafana.butlr.limits import RateLimiter

log = logging.getLogger(__name__)

APART_S = 2.0

MOST_AGES = 10_000
"""More calls a minute need no limit that a restart could break."""

LARGEST_RATE = 1_000_000


class RateMemory:
    """Thread-safe. `now`: the wall clock, the only one that two processes have in common. A fault of the disk
    costs what is remembered, nothing else.
    """

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._lock = threading.Lock()
        self._written_at = -math.inf
        self._rate = 0
        self._can_write = True

    def recall(self, limiter: RateLimiter) -> None:
        """Tells a limiter what the process before knew."""
        try:
            document = orjson.loads(self._path.read_bytes())
            rate, since_s = int(document["rate"]), max(0.0, self._now() - float(document["at"]))
            ages_s = [float(age_s) + since_s for age_s in document["ages"]]
        except FileNotFoundError:
            return
        except (OSError, ValueError, OverflowError, KeyError, TypeError) as error:
            log.warning("the stored rate of Butlr cannot be read (%s)", type(error).__name__)
            return
        self._rate = min(max(rate, 0), LARGEST_RATE)
        limiter.remembered(self._rate, ages_s)

    def note(self, limiter: RateLimiter, *, at_once: bool = False) -> None:
        """To be called after each call that ended; writes what is new of it, now and then."""
        with self._lock:
            now_s, rate = self._now(), limiter.learnt
            if at_once or rate != self._rate or not 0 <= now_s - self._written_at < APART_S:
                self._written_at, self._rate = now_s, rate
                self._write({"rate": rate, "at": now_s, "ages": limiter.ages_s[-MOST_AGES:]})

    def _write(self, document: dict[str, object]) -> None:
        fresh = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(orjson.dumps(document))
            fresh.replace(self._path)
            self._can_write = True
        except OSError as error:
            if self._can_write:
                log.warning("Butlr's rate cannot be stored on disk (%s)", error)
            self._can_write = False
