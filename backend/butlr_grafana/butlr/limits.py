"""How fast Butlr may be asked: a rate a minute, and a pause that everybody keeps after a 429."""

from __future__ import annotations

import email.utils
import threading
import time
from collections import deque
from collections.abc import Callable

MAX_PAUSE_S = 60.0
"""A `Retry-After` beyond this is taken as this: an absurd one must not silence a building for a day."""


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
        try:
            seconds = email.utils.parsedate_to_datetime(text).timestamp() - wall_clock()
        except (ValueError, TypeError, OverflowError):
            return None
    # NaN fails this comparison too.
    return min(seconds, MAX_PAUSE_S) if seconds > 0 else None


class Gate:
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
