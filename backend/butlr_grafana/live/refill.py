"""Fetches what a silence left out: each gap once, one floor at a time, when Butlr's limits allow it.

A gap is fetched when all of it has settled, so that its values are final. The minutes before it that are not
sure (`minutes.unsure_s`) are fetched too. One replica fetches and shares the result with the others.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.ring import STORED_MINUTES
from butlr_grafana.live.silence import Gap
from butlr_grafana.live.values import STREAMS, has_settled, unsure_s
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.time import MINUTE_S, Period

log = logging.getLogger(__name__)

APART_S = 1.0
"""Between two calls."""

BUSY_S, IDLE_S = 10.0, 10.0
AFTER_FAULT_S = 60.0
MOST_FAULTS = 5
"""A gap that cannot be fetched after so many faults is left: readers request what they need."""

PeopleMinutes = Mapping[str, Mapping[int, float | None]]
"""By asset and start of the minute."""

DoorMinutes = Mapping[str, Mapping[int, tuple[float, float]]]
"""In and out, by sensor and start of the minute."""


@dataclass(frozen=True, slots=True)
class Missing:
    """One call: a stream of a floor, in the whole minutes of a period."""

    stream: str
    floor: Floor
    period: Period


@dataclass(frozen=True, slots=True)
class RefillCalls:
    """The way to Butlr, and to other replicas.

    `people`, `doors`: query reporting; raise `UpstreamError`. `may_call`: whether Butlr has time now.
    `claim`: returns what ends the turn, or `None` if another replica is fetching. `share_…`: what became
    known, and which gap is filled, for the others.
    """

    people: Callable[[Missing], PeopleMinutes]
    doors: Callable[[Missing], DoorMinutes]
    may_call: Callable[[], bool] = lambda: True
    claim: Callable[[], Callable[[], None] | None] = lambda: lambda: None
    share_people: Callable[[PeopleMinutes], None] = lambda _: None
    share_doors: Callable[[DoorMinutes], None] = lambda _: None
    share_filled: Callable[[str, Gap], None] = lambda _stream, _gap: None


class Refill:
    """Not thread-safe: one thread takes the steps."""

    def __init__(
        self,
        live: LiveMinutes,
        floors: Callable[[], Sequence[Floor]],
        refill_calls: RefillCalls,
        now: Callable[[], float],
    ) -> None:
        self._live = live
        self._floors = floors
        self._calls = refill_calls
        self._now = now
        self._gaps: list[tuple[str, Gap]] = []
        self._left: deque[Missing] = deque()
        self._done: Callable[[], None] | None = None
        self._faults = 0
        self._given_up: deque[tuple[str, Gap]] = deque(maxlen=STORED_MINUTES)
        self.calls_made = 0
        """How many calls were made."""

    def due(self) -> list[tuple[str, Gap]]:
        """The gaps that are over and have settled, of streams that are pushed at all."""
        now_s = self._now()
        return [
            (stream, gap)
            for stream in STREAMS
            if self._live.has_received(stream)
            for gap in self._live.gaps(stream, now_s)
            if not gap.is_open and has_settled(gap.end_s - MINUTE_S, now_s)
            if not any(stream == tried and gap.end_s <= old.end_s for tried, old in self._given_up)
        ]

    def step(self) -> float:
        """Makes one call at most; returns the seconds until the next step."""
        if not self._left and not self._begin():
            return IDLE_S
        if not self._calls.may_call():
            return BUSY_S
        try:
            self._fetch(self._left[0])
        except UpstreamError as fault:
            return self._failed(fault)
        self._left.popleft()
        if not self._left:
            self._end()
        return APART_S

    def _begin(self) -> bool:
        if not self.due() or not (floors := self._floors()):
            return False
        done = self._calls.claim()
        if done is None:
            return False
        # Who had the turn before may have filled some of them.
        gaps = self.due()
        self._gaps, self._done, self._faults = gaps, done, 0
        self._left = deque(one for floor in floors for one in self._missing(floor))
        if not self._left:
            self._end()
            return False
        log.info(
            "no events arrived: %s; these minutes are requested from reporting",
            ", ".join(f"{s}: {g}" for s, g in gaps),
        )
        return True

    def _missing(self, floor: Floor) -> Iterator[Missing]:
        has = {"floor": True, "room": bool(floor.rooms), "zone": bool(floor.zones), "traffic": True}
        oldest_s = int(self._now() // MINUTE_S - STORED_MINUTES + 1) * MINUTE_S
        for stream, gap in self._gaps:
            start_s = max(gap.start_s - unsure_s(stream), oldest_s)
            if has[stream] and start_s < gap.end_s:
                yield Missing(stream, floor, Period(start_s, gap.end_s))

    def _fetch(self, missing: Missing) -> None:
        self.calls_made += 1
        if missing.stream == "traffic":
            doors = self._calls.doors(missing)
            for sensor_id, moved in doors.items():
                self._live.set_movements(sensor_id, moved)
            self._calls.share_doors(doors)
            return
        people = self._calls.people(missing)
        for asset_id, values in people.items():
            self._live.set_people(asset_id, values)
        self._calls.share_people(people)

    def _failed(self, fault: UpstreamError) -> float:
        self._faults += 1
        if self._faults < MOST_FAULTS:
            return AFTER_FAULT_S
        log.warning("minutes without events cannot be requested from reporting: %s", fault)
        self._given_up.extend(self._gaps)
        self._left.clear()
        self.close()
        return AFTER_FAULT_S

    def _end(self) -> None:
        for stream, gap in self._gaps:
            self._live.set_filled(stream, gap)
            self._calls.share_filled(stream, gap)
        self.close()

    def close(self) -> None:
        """Ends the turn; another replica may continue."""
        done, self._done, self._gaps = self._done, None, []
        if done is not None:
            done()
