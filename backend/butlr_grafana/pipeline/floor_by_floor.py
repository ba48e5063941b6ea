"""A query about many floors requests some of them at a time from Butlr, and the others as those arrive.

All at once would fill the queue, and every floor would be complete only at the end, because a floor is shown
when all of its chunks have arrived. So the first floors are complete while others are not requested yet. The
floor whose last turn is longest ago comes first: at the next query, those that were not requested before.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Hashable, Mapping, Sequence

from cachetools import LRUCache

from butlr_grafana.model.calendar import STEPS_S
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Segment, SeriesSubject
from butlr_grafana.pipeline import gather

CALLS_AT_A_TIME = 40.0
"""About so many calls of a request wait or run at once. With fewer, floors cannot share calls; with 100, no
floor of `utilization` is there within the first 25 seconds at 50 calls a minute, which Butlr is said to
allow."""

IDS_A_CALL, POINTS_A_CALL = 30, 3_600
"""So many floors or rooms share a call about people at least, and so many of their values: see
`butlr.batches`."""

POLL_S = 0.5
"""How often at most to check whether there is room for further floors."""

REMEMBERED = 20_000
"""For so many floors, by query, the time of the last turn is remembered."""


def calls_of(segment: Segment) -> float:
    """How many calls a segment needs, about."""
    subject = segment.subject
    if not isinstance(subject, SeriesSubject):
        return 1.0
    ids = max(len(subject.items), 1) if subject.level in ("room", "zone") else 1
    windows = segment.period.length_s / STEPS_S[subject.every]
    return ids * max(1 / IDS_A_CALL, windows / POINTS_A_CALL)


class FloorOrder:
    """When each floor was last complete. Thread-safe, and bounded."""

    def __init__(self) -> None:
        self._sequence = itertools.count()
        self._last: LRUCache[Hashable, int] = LRUCache(REMEMBERED)
        self._lock = threading.Lock()

    def in_order(self, query_key: Hashable, floors: Sequence[str]) -> list[str]:
        """Those that never had a turn first, then those whose turn is longest ago."""
        with self._lock:
            return sorted(floors, key=lambda floor: self._last.get((query_key, floor), -1))

    def mark_complete(self, query_key: Hashable, floors: Sequence[str]) -> None:
        with self._lock:
            for floor in floors:
                self._last[query_key, floor] = next(self._sequence)


class FloorByFloor:
    """The floors of one query. Not thread-safe: it belongs to one query.

    `floors`: what was looked up of each and not requested yet; `query_key`: what is requested of them.
    """

    def __init__(
        self,
        gatherer: gather.Gatherer,
        floors: Mapping[str, Sequence[gather.PendingFetch]],
        query_key: Hashable,
        order: FloorOrder,
        call_class: CallClass,
    ) -> None:
        self._gatherer = gatherer
        self._floors = floors
        self._query_key = query_key
        self._order = order
        self._call_class = call_class
        self._waiting = deque(order.in_order(query_key, list(floors)))
        self._requested: list[str] = []

    def request_more(self) -> None:
        """Requests further floors, together, if those already requested leave half of the room."""
        room = CALLS_AT_A_TIME - sum(map(_calls_left, self._requested_fetches()))
        if room < CALLS_AT_A_TIME / 2:
            return
        further: list[gather.PendingFetch] = []
        while self._waiting and room > 0:
            floor = self._waiting.popleft()
            self._requested.append(floor)
            fetches = [pending for pending in self._floors[floor] if pending.missing]
            room -= sum(calls_of(segment) for pending in fetches for segment in pending.missing)
            further += fetches
        if further:
            self._gatherer.request(further, call_class=self._call_class)

    def wait(self, deadline: float) -> None:
        """Until all floors are there, or the deadline on the monotonic clock; shorter where older data can be
        shown of all others.
        """
        now = self._gatherer.wait((), 0.0)
        soon, checked = now + gather.PATIENCE_S, False
        while now < deadline:
            self.request_more()
            late = [
                call for pending in self._requested_fetches() for call in pending.calls if not call.done()
            ]
            if not late:
                break
            if now >= soon and not checked:
                checked = True
                if all(self._gatherer.has_older(pending) for pending in self._all()):
                    break
            ends = deadline if checked else min(soon, deadline)
            now = self._gatherer.wait(late, min(POLL_S, ends - now))
        self._order.mark_complete(
            self._query_key, [floor for floor in self._requested if self._is_there(floor)]
        )

    def _is_there(self, floor: str) -> bool:
        return all(call.done() for pending in self._floors[floor] for call in pending.calls)

    def _requested_fetches(self) -> list[gather.PendingFetch]:
        return [pending for floor in self._requested for pending in self._floors[floor]]

    def _all(self) -> list[gather.PendingFetch]:
        return [pending for fetches in self._floors.values() for pending in fetches]


def _calls_left(pending: gather.PendingFetch) -> float:
    return sum(map(calls_of, pending.late))
