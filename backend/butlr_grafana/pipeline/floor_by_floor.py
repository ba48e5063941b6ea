"""A request about many floors asks Butlr for some of them at a time, and for the others as those arrive.

All at once would fill the queue, and every floor would arrive last, because a floor is shown when all of its
parts are there. So the first floors are whole while others have not been asked for. The floor whose turn is
longest ago comes first: at the next request those that were not asked for before.
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

LOOK_S = 0.5
"""How long at most before it is looked whether there is room for further floors."""

REMEMBERED = 20_000
"""So many floors, by what is asked about them, keep their place in the turn."""


def calls_of(segment: Segment) -> float:
    """How many calls a question takes, about."""
    subject = segment.subject
    if not isinstance(subject, SeriesSubject):
        return 1.0
    ids = max(len(subject.items), 1) if subject.level in ("room", "zone") else 1
    windows = segment.period.length_s / STEPS_S[subject.every]
    return ids * max(1 / IDS_A_CALL, windows / POINTS_A_CALL)


class FloorOrder:
    """When a floor was last told of in full. Thread-safe, and bounded."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._last: LRUCache[Hashable, int] = LRUCache(REMEMBERED)
        self._lock = threading.Lock()

    def in_order(self, question: Hashable, floors: Sequence[str]) -> list[str]:
        """Those that never had a turn first, then those whose turn is longest ago."""
        with self._lock:
            return sorted(floors, key=lambda floor: self._last.get((question, floor), -1))

    def had(self, question: Hashable, floors: Sequence[str]) -> None:
        with self._lock:
            for floor in floors:
                self._last[question, floor] = next(self._numbers)


class FloorByFloor:
    """The floors of one request. Not thread-safe: the request's own.

    `floors`: what was looked up of each and not asked for yet; `question`: what is asked about them.
    """

    def __init__(
        self,
        gatherer: gather.Gatherer,
        floors: Mapping[str, Sequence[gather.PendingFetch]],
        question: Hashable,
        order: FloorOrder,
        need: CallClass,
    ) -> None:
        self._gatherer = gatherer
        self._floors = floors
        self._question = question
        self._order = order
        self._need = need
        self._waiting = deque(order.in_order(question, list(floors)))
        self._asked: list[str] = []

    def ask_more(self) -> None:
        """Asks for further floors, together, where those asked for leave half of the room."""
        room = CALLS_AT_A_TIME - sum(map(_calls_left, self._asked_for()))
        if room < CALLS_AT_A_TIME / 2:
            return
        further: list[gather.PendingFetch] = []
        while self._waiting and room > 0:
            floor = self._waiting.popleft()
            self._asked.append(floor)
            own = [one for one in self._floors[floor] if one.missing]
            room -= sum(calls_of(segment) for one in own for segment in one.missing)
            further += own
        if further:
            self._gatherer.ask(further, need=self._need)

    def wait(self, deadline: float) -> None:
        """Until all floors are there, or the deadline on the monotonic clock; shorter where older data can be
        shown of all others.
        """
        now = self._gatherer.wait((), 0.0)
        soon, looked = now + gather.PATIENCE_S, False
        while now < deadline:
            self.ask_more()
            late = [call for one in self._asked_for() for call in one.calls if not call.done()]
            if not late:
                break
            if now >= soon and not looked:
                looked = True
                if all(self._gatherer.knows_older(one) for one in self._all()):
                    break
            ends = deadline if looked else min(soon, deadline)
            now = self._gatherer.wait(late, min(LOOK_S, ends - now))
        self._order.had(self._question, [floor for floor in self._asked if self._is_there(floor)])

    def _is_there(self, floor: str) -> bool:
        return all(call.done() for one in self._floors[floor] for call in one.calls)

    def _asked_for(self) -> list[gather.PendingFetch]:
        return [one for floor in self._asked for one in self._floors[floor]]

    def _all(self) -> list[gather.PendingFetch]:
        return [one for own in self._floors.values() for one in own]


def _calls_left(one: gather.PendingFetch) -> float:
    return sum(map(calls_of, one.late))
