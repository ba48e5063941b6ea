"""Metrics of many assets: how many ids one call has, and when an empty response is true.

Beyond its limits Butlr answers 200 with an empty body. So an empty response is suspect if rows must exist:
the ids are requested again in two halves, down to one asset, before the result is "no data".
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache

from cachetools import TTLCache

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.metrics import places_of
from butlr_grafana.butlr.rows import Row
from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.chunk import Segment, SeriesSubject
from butlr_grafana.model.time import DAY_S, Period

MOST_IDS = ((120, 30), (480, 20))
"""Windows a call and the most ids with so many: Butlr's limits for zones at 1m (up to 2 h, up to 8 h), taken
for rooms and for other windows too.
"""

FEWEST_IDS = 10
"""The same with more windows."""

BELIEVED_S = 600.0
"""How long an empty result that was requested down to single assets is accepted without doing so again."""

BY_FLOOR = ("floor", "sensor")
"""Levels that are requested by floor: each floor is one id."""

CALLS_TOGETHER = 2
"""Where Butlr limits their rooms, floors are put together until they fill so many calls: of 20 rooms each,
three in two calls of 30.
"""

MOST_ROOMS, MOST_POINTS = 300, 3_600
"""The most rooms a call where Butlr does not limit them, and the most of them times windows: as many values
as Butlr documents that it returns for zones.
"""

LIMITED_S = 86_400.0
"""How long Butlr's limit for zones is taken for rooms too, before more are tried again."""

SEPARATE_S = 600.0
"""How long a floor with which a call failed gets calls of its own."""

MOST_SEPARATE = 10_000

FetchRows = Callable[[Sequence[str], Period], list[Row]]
MustHaveRows = Callable[[str, str], Collection[str]]
"""Floor and level → the assets that have a working sensor, so that rows of people must exist."""


def most_ids(windows: int) -> int:
    return next((ids for most, ids in MOST_IDS if windows <= most), FEWEST_IDS)


class Batches:
    """Thread-safe. `must_have_rows`: as `MustHaveRows`; `now`: the wall clock; `clock`: how long things are
    believed.

    `proven` sizes are those of calls that brought rows: nothing up to them is too large.
    """

    def __init__(
        self,
        must_have_rows: MustHaveRows = lambda _space, _level: (),
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._must_have_rows = must_have_rows
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._proven: dict[str, int] = {}
        self._believed: dict[tuple[str, SeriesSubject], float] = {}
        self._rooms_limited_until = -math.inf
        self._separate: TTLCache[str, bool] = TTLCache(MOST_SEPARATE, SEPARATE_S, timer=clock)

    def rows(self, space: str, subject: SeriesSubject, period: Period, fetch_rows: FetchRows) -> list[Row]:
        """The rows of all items of the subject. `fetch_rows` makes one call."""
        if subject.level in BY_FLOOR:
            rows = fetch_rows((space,), period)
            if not rows:
                self._believe(space, subject)
            return rows
        items = subject.items
        size = most_ids(self._windows(subject, period))
        found: list[Row] = []
        for own in _in_calls(items, size):
            found += self._of_batch(space, subject, period, own, fetch_rows)
        return found

    def room_left(self, segments: Sequence[Segment], one: Segment) -> bool:
        """Whether one more floor may be requested together with others."""
        subject = _subject_of(one)
        if one.space in self._separate:
            return False
        windows = self._windows(subject, one.period)
        most = self._most_together(subject, windows)
        if subject.level not in BY_FLOOR and most == most_ids(windows):
            most *= CALLS_TOGETHER
        return sum(len(named(other)) for other in segments) + len(named(one)) <= most

    def together(self, segments: Sequence[Segment], fetch_rows: FetchRows) -> dict[str, list[Row]]:
        """The rows of several floors, by floor. A floor that is not in it needs a call of its own: no row
        came, but there may be some. Raises `UpstreamInvalid` for a row that is of none of them.
        """
        subject, period = _subject_of(segments[0]), segments[0].period
        owner = {one: segment.space for segment in segments for one in named(segment)}
        ids = list(owner)
        size = self._most_together(subject, self._windows(subject, period))
        found: dict[str, list[Row]] = {segment.space: [] for segment in segments}
        for own in _in_calls(ids, size):
            for row in self._of_call(segments, own, fetch_rows):
                space = next((owner[one] for one in places_of(row, subject.level) if one in owner), None)
                if space is None:
                    raise UpstreamInvalid("Butlr's metrics hold a row of no floor that was asked for")
                found[space].append(row)
        for segment in segments:
            is_empty = not found[segment.space]
            if is_empty and self._is_suspect(segment.space, subject, period, named(segment), among=len(ids)):
                del found[segment.space]
        return found

    def _of_call(self, segments: Sequence[Segment], ids: Sequence[str], fetch_rows: FetchRows) -> list[Row]:
        """The rows for the ids of one call. If the call has more ids than Butlr documents for zones and the
        response has few rows, rooms have the same limit: then the ids are requested in smaller calls.
        """
        subject, period = _subject_of(segments[0]), segments[0].period
        most = most_ids(self._windows(subject, period))
        rows = fetch_rows(ids, period)
        if len(ids) > most and self._is_incomplete(rows, segments, ids):
            rows = [row for own in _in_calls(ids, most) for row in fetch_rows(own, period)]
            if rows:
                self._rooms_limited_until = self._clock() + LIMITED_S
                self._prove(subject, period, min(most, len(ids)))
        elif rows:
            self._prove(subject, period, len(ids))
        return rows

    def _is_incomplete(self, rows: Sequence[Row], segments: Sequence[Segment], ids: Sequence[str]) -> bool:
        """Whether there is no row, or none of most of those that must have some."""
        subject, requested = _subject_of(segments[0]), set(ids)
        must = {
            one for s in segments for one in self._must_have_rows(s.space, subject.level) if one in requested
        }
        if segments[0].period.end_s <= self._now() - DAY_S:
            must = set()
        with_rows = {one for row in rows for one in places_of(row, subject.level)}
        return not rows or 2 * len(must & with_rows) < len(must)

    def _most_together(self, subject: SeriesSubject, windows: int) -> int:
        """The most ids in a call for several floors: Butlr documents its limit for zones only."""
        documented = most_ids(windows)
        if subject.level != "room" or self._clock() < self._rooms_limited_until:
            return documented
        return max(documented, min(MOST_ROOMS, MOST_POINTS // max(windows, 1)))

    def not_together(self, segments: Sequence[Segment]) -> None:
        """A call with these floors failed: for some minutes each gets calls of its own."""
        with self._lock:
            self._separate.update(dict.fromkeys((one.space for one in segments), True))

    def _of_batch(
        self, space: str, subject: SeriesSubject, period: Period, items: Sequence[str], fetch_rows: FetchRows
    ) -> list[Row]:
        rows = fetch_rows(items, period)
        if rows:
            self._prove(subject, period, len(items))
            return rows
        if not self._is_suspect(space, subject, period, items):
            return rows
        found: list[Row] = []
        for items_of_half, when in self._halves(subject, period, items):
            found += self._of_batch(space, subject, when, items_of_half, fetch_rows)
        if not found and len(items) == len(subject.items):
            self._believe(space, subject)
        return found

    def _believe(self, space: str, subject: SeriesSubject) -> None:
        with self._lock:
            self._believed[space, subject] = self._clock() + BELIEVED_S

    def _is_suspect(
        self, space: str, subject: SeriesSubject, period: Period, items: Sequence[str], *, among: int = 0
    ) -> bool:
        """Whether an empty response may be that of a call above Butlr's limits. `among`: how many ids were in
        the call, where there were others' too.
        """
        with self._lock:
            if self._believed.get((space, subject), 0.0) > self._clock():
                return False
            proven = self._proven.get(subject.every, 0) >= self._points(subject, period, among or len(items))
        is_recent = period.end_s > self._now() - DAY_S
        must = is_recent and not set(items).isdisjoint(self._must_have_rows(space, subject.level))
        return must or not proven

    def _halves(
        self, subject: SeriesSubject, period: Period, items: Sequence[str]
    ) -> list[tuple[Sequence[str], Period]]:
        """The same in two; of one asset the period in two, while it is longer than the shortest limit."""
        if len(items) > 1:
            middle = len(items) // 2
            return [(items[:middle], period), (items[middle:], period)]
        starts = window_starts(period, subject.every, subject.timezone).tolist()
        if len(starts) <= MOST_IDS[0][0]:
            return []
        return [(items, half) for half in period.cut_at([starts[len(starts) // 2]])]

    def _prove(self, subject: SeriesSubject, period: Period, ids: int) -> None:
        points = self._points(subject, period, ids)
        with self._lock:
            self._proven[subject.every] = max(points, self._proven.get(subject.every, 0))

    def _points(self, subject: SeriesSubject, period: Period, ids: int) -> int:
        return ids * self._windows(subject, period)

    def _windows(self, subject: SeriesSubject, period: Period) -> int:
        return _windows(period, subject.every, subject.timezone)


@lru_cache(maxsize=1024)
def _windows(period: Period, every: str, timezone: str) -> int:
    return int(window_starts(period, every, timezone).size)


def named(segment: Segment) -> Sequence[str]:
    """The ids that a call for a segment names."""
    subject = _subject_of(segment)
    return (segment.space,) if subject.level in BY_FLOOR else subject.items


def _subject_of(segment: Segment) -> SeriesSubject:
    assert isinstance(segment.subject, SeriesSubject)
    return segment.subject


def _in_calls(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    """The ids, so many a call."""
    return (ids[first : first + size] for first in range(0, len(ids), size))
