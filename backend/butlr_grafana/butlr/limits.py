"""How fast Butlr may be asked: a rate a minute, a pause that everybody keeps after a 429, how many calls at
a time, and when not to try again.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from butlr_grafana.base.errors import UpstreamLimited
from butlr_grafana.butlr.clock import date_s

MAX_PAUSE_S = 60.0
"""A `Retry-After` beyond this is taken as this: an absurd one must not silence a building for a day."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How tokens age and pauses pass; tests bring one of their own.

    `clock`: seconds since whenever; `wait`: waits for an event, at most so many of its seconds, and tells
    whether it came.
    """

    clock: Callable[[], float] = time.monotonic
    wait: Callable[[threading.Event, float], bool] = threading.Event.wait


REAL_TIME = Timing()


def retry_after_s(header: str | None, wall_clock: Callable[[], float] = time.time) -> float | None:
    """Seconds to wait, from seconds or an HTTP date; `None` where there is no usable word.

    Negative and past is no usable word: it would be a call for a storm.
    """
    if header is None:
        return None
    text = header.strip()
    try:
        seconds = float(text)
    except ValueError:
        until_s = date_s(text)
        if until_s is None:
            return None
        seconds = until_s - wall_clock()
    # NaN fails this comparison too.
    return min(seconds, MAX_PAUSE_S) if seconds > 0 else None


class RateLimiter:
    """Passes at most `rate_per_minute` calls in any 60 s (0: no limit), none during a pause."""

    def __init__(self, rate_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate_per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        with self._lock:
            self._paused_until = max(self._paused_until, self._clock() + seconds)

    @property
    def paused_s(self) -> float:
        """How long the present pause still lasts."""
        return max(0.0, self._paused_until - self._clock())

    @property
    def left(self) -> float:
        """How many calls the rate still allows now; infinite where there is none."""
        with self._lock:
            minute_began = self._clock() - 60.0
            return self._rate - sum(t > minute_began for t in self._sent) if self._rate else math.inf

    def reserve(self) -> float:
        """0.0: go, it is counted. Else: seconds after which to ask again."""
        with self._lock:
            now = self._clock()
            if now < self._paused_until:
                return self._paused_until - now
            if not self._rate:
                return 0.0
            # One formula for both: two that round differently would let a call through uncounted.
            while self._sent and self._sent[0] + 60.0 - now <= 0.0:
                self._sent.popleft()
            if len(self._sent) >= self._rate:
                return self._sent[0] + 60.0 - now
            self._sent.append(now)
            return 0.0


RAISE_AFTER = 10
"""So many calls in a row that Butlr answered well make room for one more at a time."""


class ConcurrencyLimit:
    """How many calls at a time: half as many after a 429, one more after a run of successes; never more
    than `most`, never none.
    """

    def __init__(self, most: int) -> None:
        self._most = self._open = most
        self._under_way = 0
        self._run = 0
        self._halvings = 0
        self._changed = threading.Condition()

    @property
    def open(self) -> int:
        """How many calls may be under way now."""
        return self._open

    @property
    def under_way(self) -> int:
        return self._under_way

    @contextlib.contextmanager
    def one(self) -> Iterator[None]:
        """A call in a lane of its own, waited for; how it ends says whether there may be more or fewer."""
        with self._changed:
            self._changed.wait_for(lambda: self._under_way < self._open)
            self._under_way += 1
            halvings = self._halvings
        try:
            yield
        except UpstreamLimited:
            self._left(halvings, limited=True)
            raise
        except BaseException:
            self._left(halvings)
            raise
        else:
            self._left(halvings, well=True)

    def _left(self, halvings: int, *, limited: bool = False, well: bool = False) -> None:
        with self._changed:
            self._under_way -= 1
            self._run = self._run + 1 if well else 0
            # Of calls that were under way together each hears 429: they say it once.
            if limited and halvings == self._halvings:
                self._open = max(1, self._open // 2)
                self._halvings += 1
            elif self._run >= RAISE_AFTER and self._open < self._most:
                self._open += 1
                self._run = 0
            self._changed.notify_all()


GONE_AFTER = 32
"""So many attempts in a row on a path, of whatever questions, that failed: trying again at once is for
hiccups. In an outage it would only multiply the calls, and the time until a viewer is told."""


class CircuitBreaker:
    """Whether Butlr is gone on a path, rather than failing there now and then. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_in_a_row: Counter[str] = Counter()

    def lasts(self, path: str) -> bool:
        return self._failed_in_a_row[path] >= GONE_AFTER

    def failed(self, path: str) -> None:
        """An attempt found Butlr away, late or broken."""
        with self._lock:
            self._failed_in_a_row[path] += 1

    def answered(self, path: str) -> None:
        """An attempt was answered, and be it with a refusal."""
        with self._lock:
            self._failed_in_a_row[path] = 0
