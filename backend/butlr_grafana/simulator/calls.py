"""The log of calls, which tests read, and the limit of calls per minute."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_MOST_CALLS = 20_000
_WINDOW_S = 60.0


@dataclass(frozen=True)
class Call:
    """One call of an endpoint of Butlr, at `at` by the simulator's clock.

    `body` is JSON if it can be parsed, otherwise text. `status` is 0 if the connection was reset.
    """

    method: str
    path: str
    body: Any
    status: int
    at: float


class CallLog:
    """The newest calls in the order of their responses, the number of calls by path, and how many ran at the
    same time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[Call] = deque(maxlen=_MOST_CALLS)
        self._counts: Counter[str] = Counter()
        self._in_flight = 0
        self._peak = 0

    def add(self, call: Call) -> None:
        """Records a call."""
        with self._lock:
            self._calls.append(call)
            self._counts[call.path] += 1

    @contextmanager
    def running_call(self) -> Iterator[None]:
        """A context that counts a call while it runs."""
        with self._lock:
            self._in_flight += 1
            self._peak = max(self._peak, self._in_flight)
        try:
            yield
        finally:
            with self._lock:
                self._in_flight -= 1

    def latest(self) -> list[Call]:
        """The last 20,000 calls."""
        with self._lock:
            return list(self._calls)

    def counts(self) -> Counter[str]:
        """The number of calls by path."""
        with self._lock:
            return self._counts.copy()

    @property
    def in_flight(self) -> int:
        """The number of calls that are running now."""
        return self._in_flight

    @property
    def peak(self) -> int:
        """The largest number of calls that ran at the same time."""
        return self._peak

    def clear(self) -> None:
        """Removes all calls except the running ones."""
        with self._lock:
            self._calls.clear()
            self._counts.clear()
            self._peak = self._in_flight


class RateLimit:
    """Allows at most so many calls in any 60 seconds of `clock`; the default is real time."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._recent_s: deque[float] = deque()

    def wait_s(self, limit: int | None) -> int:
        """0: the call is allowed, and is counted. Otherwise the seconds until a call is allowed. Without a
        limit, the count is reset.
        """
        now_s = self._clock()
        with self._lock:
            if limit is None:
                self._recent_s.clear()
                return 0
            while self._recent_s and self._recent_s[0] <= now_s - _WINDOW_S:
                self._recent_s.popleft()
            if len(self._recent_s) < limit:
                self._recent_s.append(now_s)
                return 0
            frees_s = self._recent_s[-limit] if limit else now_s
            return max(1, math.ceil(frees_s + _WINDOW_S - now_s))

    def left(self, limit: int | None) -> int:
        """How many calls are allowed now."""
        with self._lock:
            return max(0, (limit or 0) - len(self._recent_s))


def rate_headers(form: str, limit: int | None, left: int, wait_s: int) -> dict[str, str]:
    """The headers about the limit, in the form `Forms.rate_limit_headers`; none without a limit."""
    if limit is None or form == "none":
        return {}
    prefix = {"x-ratelimit": "X-RateLimit", "ratelimit": "RateLimit"}[form]
    reset_s = wait_s or int(_WINDOW_S)
    return {f"{prefix}-Limit": str(limit), f"{prefix}-Remaining": str(left), f"{prefix}-Reset": str(reset_s)}
