"""Limits for calls to Butlr: a rate per minute, a common pause after a 429, how many calls run at the same
time, and when not to retry.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    """Seconds to wait, from seconds or an HTTP date; `None` if the header has no usable value.

    A negative number or a date in the past is not usable: all clients would retry at once.
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


WINDOW_S = 60.0

LEAST_LEARNT = 10
"""Fewer calls than this in the minute before a 429 teach no rate: an outage may answer 429 too."""

RAISE_AFTER_S = 6 * 3600.0
"""After so long without a 429 a learnt rate is raised by a tenth, where it was used up."""

MOST_COUNTED = 100_000
"""Calls of the last minute that are counted where there is no rate."""


class RateLimiter:
    """Passes at most `rate` calls in any 60 s, wherever in these Butlr counts them, and none during a pause.

    A call takes its place when it is reserved and gives it back 60 s after it has *ended*: Butlr counts it
    somewhere between the two, sooner or later each time. Counting from when it was sent would let a slow call
    and the first of the next minute meet in one minute of Butlr's.

    `rate_per_minute`: as it is set; 0: as it is learnt from Butlr's 429s and headers, no limit until then. A
    429 under a set rate teaches a lower one. Thread-safe.
    """

    def __init__(
        self,
        rate_per_minute: int,
        clock: Callable[[], float] = time.monotonic,
        *,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`changed`: called, outside the lock, after each call that ended and each rate that was learnt."""
        self._set = rate_per_minute
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._end = threading.Condition(self._lock)
        self._under_way = 0
        self._ended: deque[float] = deque(maxlen=MOST_COUNTED)
        self._well: deque[float] = deque(maxlen=MOST_COUNTED)
        self._paused_until = 0.0
        self._learnt = 0
        self._learnt_at = -math.inf
        self._was_full = False

    @property
    def rate(self) -> int:
        """Calls a minute; 0: no limit."""
        return min(filter(None, (self._set, self._learnt)), default=0)

    @property
    def own_rate(self) -> int:
        """What of the rate is this process' own."""
        return self.rate

    @property
    def learnt(self) -> int:
        """The rate learnt from Butlr's responses; 0: none."""
        return self._learnt

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
            self._forget(self._clock())
            return max(0, self.own_rate - self._under_way - len(self._ended)) if self.rate else math.inf

    def reserve(self, spare: int = 0, *, for_rules: bool | None = None) -> float:  # noqa: ARG002  # see below
        """0.0: go, it is counted; `ended` or `give_back` has to follow. Else: seconds after which to try
        again; infinite: not before a call has ended (`wait_for_an_end`). `spare`: so many places are left to
        others. `for_rules`: whether requests of alert rules wait here; `None`: for a call that must follow
        another one. Only replicas need it: within a process, the queue decides.
        """
        with self._lock:
            now = self._clock()
            if now < self._paused_until:
                return self._paused_until - now
            self._forget(now)
            # So many of those that have ended must be forgotten first.
            excess = self._under_way + len(self._ended) + spare - self.own_rate
            if self.rate and excess >= 0:
                self._was_full = True
                return self._ended[excess] + WINDOW_S - now if excess < len(self._ended) else math.inf
            self._under_way += 1
            return 0.0

    def ended(self, *, well: bool = True) -> None:
        """A call that was reserved has got a response, or has failed."""
        with self._lock:
            self._under_way -= 1
            now = self._clock()
            self._ended.append(now)
            if well:
                self._well.append(now)
                self._raise(now)
            self._end.notify_all()
        self._changed()

    def give_back(self) -> None:
        """A call that was reserved is not made."""
        with self._lock:
            self._under_way -= 1
            self._end.notify_all()

    def wait_for_an_end(self, timeout_s: float) -> None:
        """In real time, as calls are."""
        with self._end:
            self._end.wait(timeout_s)

    def refused(self, *, reserved_at: float) -> None:
        """Butlr answered 429 to a call that was reserved then: what it let through in the minute before is
        what it lets through. Calls that were in flight together count once.
        """
        with self._lock:
            now = self._clock()
            if reserved_at < self._learnt_at:
                return
            passed = sum(at > now - WINDOW_S for at in self._well)
            if passed < LEAST_LEARNT:
                return
            # Where Butlr counts by its own minutes, up to twice its rate passes in one of ours: so less.
            most = self.rate * 9 // 10 if self.rate else passed
            self._learn(max(1, min(passed, most)), now)
        self._changed()

    def note_limits(self, limits: Mapping[str, str]) -> None:
        """The headers of a response about limits; a limit of calls a minute is used."""
        rate = rate_in(limits)
        with self._lock:
            if rate is None or rate == self._learnt or self._set:
                return
            self._learn(rate, self._clock())
        self._changed()

    def remembered(self, rate: int, ages_s: Iterable[float]) -> None:
        """The state of an earlier process: the rate that it had learnt, and how long ago its calls ended."""
        with self._lock:
            now = self._clock()
            self._learnt = rate
            known = [*(now - age for age in ages_s if 0 <= age < WINDOW_S), *self._ended]
            self._ended = deque(sorted(known), maxlen=MOST_COUNTED)

    @property
    def ages_s(self) -> list[float]:
        """How long ago the calls of the last minute ended; 0 of those under way."""
        with self._lock:
            now = self._clock()
            self._forget(now)
            return [now - at for at in self._ended] + [0.0] * self._under_way

    def _count(self) -> None:
        """A call goes that was reserved elsewhere."""
        with self._lock:
            self._under_way += 1

    def _is_used_up(self) -> None:
        with self._lock:
            self._was_full = True

    def _take_over(self, rate: int) -> None:
        """What others have learnt; 0: nothing."""
        with self._lock:
            if rate not in (self.rate, 0):
                self._learnt, self._learnt_at = rate, self._clock()

    def _learn(self, rate: int, now: float) -> None:
        self._learnt, self._learnt_at, self._was_full = rate, now, False

    def _raise(self, now: float) -> None:
        if self._learnt and self._was_full and now - self._learnt_at >= RAISE_AFTER_S:
            self._learn(self._learnt + max(1, self._learnt // 10), now)

    def _forget(self, now: float) -> None:
        # One formula for both: two that round differently would let a call through uncounted.
        for ended in (self._ended, self._well):
            while ended and ended[0] + WINDOW_S - now <= 0.0:
                ended.popleft()


def rate_in(limits: Mapping[str, str]) -> int | None:
    """The calls a minute in `X-RateLimit-Limit` or `RateLimit-Limit`; `None` where none is named, or one of
    another length of time.
    """
    for name in ("x-ratelimit-limit", "ratelimit-limit"):
        found = re.match(r"\s*(\d{1,6})\s*(?:$|[,;])", limits.get(name, ""))
        window = re.search(r"\bw=(\d+)", limits.get(name, ""))
        reset = limits.get(name.replace("-limit", "-reset"), "0").strip()
        is_minute = window is None or window[1] == "60"
        is_soon = not reset.isdecimal() or int(reset) <= WINDOW_S
        if found and int(found[1]) and is_minute and is_soon:
            return int(found[1])
    return None


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
        """A call, when there is room for it; how it ends says whether there may be more or fewer."""
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
            # Of calls that were under way together each gets a 429: they count once.
            if limited and halvings == self._halvings:
                self._open = max(1, self._open // 2)
                self._halvings += 1
            elif self._run >= RAISE_AFTER and self._open < self._most:
                self._open += 1
                self._run = 0
            self._changed.notify_all()


OPEN_AFTER = 32
"""So many attempts in a row on a path failed, of whatever requests: trying again at once is for
hiccups. In an outage it would only multiply the calls, and the time until a viewer gets an error."""


class CircuitBreaker:
    """Whether Butlr is down on a path, rather than failing there now and then. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed_in_a_row: Counter[str] = Counter()

    def lasts(self, path: str) -> bool:
        return self._failed_in_a_row[path] >= OPEN_AFTER

    def failed(self, path: str) -> None:
        """An attempt found Butlr down, late or broken."""
        with self._lock:
            self._failed_in_a_row[path] += 1

    def responded(self, path: str) -> None:
        """An attempt got a response, also a refusal."""
        with self._lock:
            self._failed_in_a_row[path] = 0
