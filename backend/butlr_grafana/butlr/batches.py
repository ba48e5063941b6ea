"""Metrics of many assets: how many ids go into a call, and when an empty answer is to be believed.

Over its limits Butlr answers 200 with nothing in it, so an empty answer is suspect where rows must exist: it
is asked again in halves, down to one asset, before it is "no data".
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence

from butlr_grafana.butlr.rows import Row
from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.chunk import SeriesSubject
from butlr_grafana.model.time import DAY_S, Period

MOST_IDS = ((120, 30), (480, 20))
"""Windows a call and the most ids with so many: Butlr's limits for zones at 1m (up to 2 h, up to 8 h), taken
for rooms and for other windows too.
"""

FEWEST_IDS = 10
"""The same with more windows."""

BELIEVED_S = 600.0
"""How long an emptiness that was asked for down to single assets is believed without doing so again."""

Ask = Callable[[Sequence[str], Period], list[Row]]
MustAnswer = Callable[[str, str], Collection[str]]
"""Floor and level → the assets that have a working sensor, so that rows of people must exist."""


def most_ids(windows: int) -> int:
    return next((ids for most, ids in MOST_IDS if windows <= most), FEWEST_IDS)


class Batches:
    """Thread-safe. `must_answer`: as `MustAnswer`; `now`: the wall clock; `clock`: how long things are
    believed.

    `proven` sizes are those of calls that brought rows: nothing up to them is too large.
    """

    def __init__(
        self,
        must_answer: MustAnswer = lambda _space, _level: (),
        *,
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._must_answer = must_answer
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._proven: dict[str, int] = {}
        self._believed: dict[tuple[str, SeriesSubject], float] = {}

    def rows(self, space: str, subject: SeriesSubject, period: Period, ask: Ask) -> list[Row]:
        """The rows of all items of the subject. `ask` makes one call."""
        if subject.level in ("floor", "sensor"):
            return ask((), period)
        items = subject.items
        size = most_ids(self._windows(subject, period))
        found: list[Row] = []
        for first in range(0, len(items), size):
            found += self._of_batch(space, subject, period, items[first : first + size], ask)
        return found

    def _of_batch(
        self, space: str, subject: SeriesSubject, period: Period, items: Sequence[str], ask: Ask
    ) -> list[Row]:
        rows = ask(items, period)
        if rows:
            self._prove(subject, period, len(items))
            return rows
        if not self._is_suspect(space, subject, period, items):
            return rows
        found: list[Row] = []
        for part, when in self._halves(subject, period, items):
            found += self._of_batch(space, subject, when, part, ask)
        if not found and len(items) == len(subject.items):
            with self._lock:
                self._believed[space, subject] = self._clock() + BELIEVED_S
        return found

    def _is_suspect(self, space: str, subject: SeriesSubject, period: Period, items: Sequence[str]) -> bool:
        with self._lock:
            if self._believed.get((space, subject), 0.0) > self._clock():
                return False
            proven = self._proven.get(subject.every, 0) >= self._points(subject, period, len(items))
        is_recent = period.end_s > self._now() - DAY_S
        must = is_recent and not set(items).isdisjoint(self._must_answer(space, subject.level))
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
        return [(items, part) for part in period.cut_at([starts[len(starts) // 2]])]

    def _prove(self, subject: SeriesSubject, period: Period, ids: int) -> None:
        points = self._points(subject, period, ids)
        with self._lock:
            self._proven[subject.every] = max(points, self._proven.get(subject.every, 0))

    def _points(self, subject: SeriesSubject, period: Period, ids: int) -> int:
        return ids * self._windows(subject, period)

    def _windows(self, subject: SeriesSubject, period: Period) -> int:
        return int(window_starts(period, subject.every, subject.timezone).size)
