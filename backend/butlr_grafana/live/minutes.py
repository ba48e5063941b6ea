"""The newest minutes of people and movements that Butlr has pushed.

A minute is half-open, `[start, start + 60)`. For five minutes, Butlr computes each minute again and pushes it
again. There is no sequence number, so the last value to arrive for a place and minute wins. `SETTLE_S` after
its end, a minute has settled: a later push is ignored, and only the reported value replaces it.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from butlr_grafana.live.counts import Counts, EventCounts
from butlr_grafana.live.events import Event, EventOutcome, Level, PeopleEvent, Refused, TrafficEvent
from butlr_grafana.live.movements import Movements, minutes_of
from butlr_grafana.live.ring import STORED_MINUTES, MinuteRing
from butlr_grafana.live.roster import Roster
from butlr_grafana.live.silence import Gap, Silence
from butlr_grafana.live.values import (
    SETTLE_S,
    STREAMS,
    DoorTable,
    LiveMinute,
    PeopleTable,
    has_settled,
    unsure_s,
)
from butlr_grafana.model.doors import doors_by_room, entrances
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.sensors import Sensor
from butlr_grafana.model.time import MINUTE_S, Period

FUTURE_S = 60
"""How far ahead of our clock an event may be: clocks differ a little."""

TRAFFIC_PROOF_S = 3600
"""Without a movement for so long it is not known whether movements are pushed at all."""

MOST_ASSETS = 20_000
"""Series of people at a time, of whatever ids arrive: some 20 MB."""


class LiveMinutes:
    """Thread-safe. `now`: the wall clock (Butlr's, where it is known); `roster`: what is ours, now.

    Memory is bounded, whatever arrives: `most_assets` series of people and `Movements`' own bounds.
    """

    def __init__(
        self,
        now: Callable[[], float],
        roster: Callable[[], Roster] = lambda: Roster(()),
        *,
        most_assets: int = MOST_ASSETS,
        movements: Movements | None = None,
    ) -> None:
        self._now = now
        self._roster = roster
        self._most_assets = most_assets
        self._people: dict[tuple[str, bool], MinuteRing] = {}
        self._movements = Movements() if movements is None else movements
        self._silence = {stream: Silence(now()) for stream in STREAMS}
        self._traffic_at_s = -math.inf
        self._shift_s = 0
        self._tidied = 0
        self._counts = EventCounts()
        self._lock = threading.Lock()
        """Held for each look and each event: rings are changed in several steps."""

    def note(
        self, event: Event | Refused, *, arrived_s: float | None = None, elsewhere: bool = False
    ) -> EventOutcome:
        """What became of an event. `arrived_s`: when it arrived, where that was not now; `elsewhere`: at
        another replica.
        """
        at_s = self._now() if arrived_s is None else arrived_s
        with self._lock:
            self._tidy(at_s)
            outcome = self._note(event, at_s, elsewhere=elsewhere)
            if not elsewhere:
                self._counts.add(event.type, outcome, at_s)
            return outcome

    def _note(self, event: Event | Refused, at_s: float, *, elsewhere: bool) -> EventOutcome:
        if isinstance(event, Refused):
            return event.reason
        shift_s = self._shift_s if isinstance(event, PeopleEvent) else 0
        minute = (event.at_ms + 1000 * shift_s) // (1000 * MINUTE_S)
        if event.at_ms / 1000 > at_s + FUTURE_S:
            return "future"
        stream = event.level if isinstance(event, PeopleEvent) else "traffic"
        roster = self._roster()
        key = event.asset_id if isinstance(event, PeopleEvent) else roster.sensor_key(event)
        if key is None or (isinstance(event, PeopleEvent) and not roster.has(event)):
            return "foreign"
        for one in {stream, "traffic"}:
            self._silence[one].received(at_s, elsewhere=elsewhere)
        if isinstance(event, TrafficEvent):
            self._traffic_at_s = max(self._traffic_at_s, at_s)
        if has_settled(minute * MINUTE_S, at_s):
            return "late"
        if isinstance(event, PeopleEvent):
            return self._note_people(event, minute)
        return self._note_traffic(event, key, minute, at_s)

    def _note_people(self, event: PeopleEvent, minute: int) -> EventOutcome:
        ring = self._ring(event.asset_id, by_minute=event.by_minute)
        if ring is None:
            return "full"
        known = ring.get(minute)
        if known is not None and known[1] == "reported" and has_settled(minute * MINUTE_S, self._now()):
            return "late"
        if not ring.put(minute, (event.people,), "pushed"):
            return "late"
        if known is None:
            return "stored"
        return "repeated" if known[0][0] == event.people else "replaced"

    def _note_traffic(self, event: TrafficEvent, key: str, minute: int, at_s: float) -> EventOutcome:
        if self._movements.is_repeated(minute, event.identity):
            return "repeated"
        known = self._movements.of(key, minute)
        if known is not None and known[1] == "reported":
            return "late"
        if not self._movements.add(key, minute, event.identity, event.entered, event.left):
            self._silence["traffic"].lost(at_s)
            return "full"
        return "stored"

    @property
    def shift_s(self) -> int:
        """What is added to the time of an event of people to have the start of its minute."""
        return self._shift_s

    def shift(self, shift_s: int) -> None:
        """From now on events of people are read so; what was read otherwise is forgotten, and asked for."""
        with self._lock:
            if shift_s != self._shift_s:
                self._shift_s = shift_s
                self._people.clear()

    def lost(self, at_s: float) -> None:
        """Another replica may have received what this one does not know: movements of this minute are asked
        for, as only they cannot be seen to be missing.
        """
        with self._lock:
            self._silence["traffic"].lost(at_s)

    def set_people(self, asset_id: str, values: Mapping[int, float | None]) -> int:
        """What reporting says, by the start of each minute. Replaces settled minutes, and fills empty ones; a
        minute that was pushed and can still change stays. Tells how many settled minutes differed.
        """
        differed = 0
        with self._lock:
            now_s = self._now()
            for start_s, people in values.items():
                differed += self._set_reported(asset_id, start_s // MINUTE_S, people, now_s)
        return differed

    def _set_reported(self, asset_id: str, minute: int, people: float | None, now_s: float) -> bool:
        ring = self._ring(asset_id, by_minute=True)
        if ring is None or minute <= now_s // MINUTE_S - STORED_MINUTES:
            return False
        known = ring.get(minute)
        was_pushed = known is not None and known[1] == "pushed"
        if was_pushed and not has_settled(minute * MINUTE_S, now_s):
            return False
        number = math.nan if people is None else float(people)
        ring.put(minute, (number,), "reported")
        return was_pushed and known is not None and known[0][0] != number

    def set_movements(self, sensor_id: str, values: Mapping[int, tuple[float, float]]) -> None:
        """What reporting says of a sensor: in and out, by the start of each minute."""
        with self._lock:
            oldest = self._now() // MINUTE_S - STORED_MINUTES
            for start_s, (entered, left) in values.items():
                if start_s // MINUTE_S > oldest:
                    self._movements.set_reported(sensor_id, start_s // MINUTE_S, entered, left)

    def newest(self, asset_id: str) -> LiveMinute | None:
        """The newest minute of which the number of people is known; the series by the minute first."""
        with self._lock:
            now_s = self._now()
            for by_minute in (True, False):
                ring = self._people.get((asset_id, by_minute))
                if ring is None:
                    continue
                for minute in range(ring.newest, ring.newest - STORED_MINUTES, -1):
                    found = _minute_of(ring, minute, now_s)
                    if found is not None and found.people is not None:
                        return found
        return None

    def minutes(self, asset_id: str, period: Period) -> tuple[LiveMinute, ...]:
        """The whole minutes of a period of which something is known, oldest first."""
        with self._lock:
            return self._minutes(asset_id, period, self._now())

    def table(self, asset_ids: Sequence[str], period: Period, *, level: Level) -> PeopleTable:
        """People of assets in the whole minutes of a period, `STORED_MINUTES` of them at most."""
        minutes = minutes_of(period.start_s, period.end_s)
        shape = len(asset_ids), len(minutes)
        people, is_known = np.full(shape, np.nan), np.zeros(shape, bool)
        with self._lock:
            now_s = self._now()
            doubted = self._doubted(level, now_s)
            is_doubted = np.array([m in doubted and has_settled(m * MINUTE_S, now_s) for m in minutes], bool)
            for row, asset_id in enumerate(asset_ids):
                # The series by the minute goes over the other.
                for by_minute in (False, True):
                    ring = self._people.get((asset_id, by_minute))
                    if ring is not None and minutes:
                        [numbers], known, pushed = ring.between(minutes[0], minutes[-1])
                        sure = known & ~(pushed & is_doubted)
                        people[row][sure], is_known[row][sure] = numbers[sure], True
        return PeopleTable(np.array(minutes, np.int64) * MINUTE_S, people, is_known)

    def doors(self, sensor_ids: Sequence[str], period: Period) -> DoorTable | None:
        """In and out of sensors in the whole minutes of a period; `None` where not every minute is known."""
        minutes = minutes_of(period.start_s, period.end_s)
        with self._lock:
            if not minutes or not self._are_known(minutes):
                return None
            moved = self._movements.table(sensor_ids, minutes[0], minutes[-1])
        return DoorTable(np.array(minutes, np.int64) * MINUTE_S, moved)

    def movements(self, floor: Floor, level: str, period: Period) -> dict[str, tuple[float, float]] | None:
        """In and out of the floor, or of each of its rooms with doors, in the whole minutes of a period.

        `None` where not every minute is known. Of a sensor and its copies one counts at each place, as
        everywhere (`sensors.one_per_device`).
        """
        places: Mapping[str, Sequence[Sensor]] = (
            {floor.id: entrances(floor)} if level == "floor" else doors_by_room(floor)
        )
        wanted = minutes_of(period.start_s, period.end_s)
        with self._lock:
            if not self._are_known(wanted):
                return None
            return {
                place: self._movements.total(sensors, wanted) for place, sensors in places.items() if sensors
            }

    def _are_known(self, minutes: range) -> bool:
        """Whether movements were pushed in all of these minutes, or reporting was asked."""
        now_s = self._now()
        silent = self._doubted("traffic", now_s)
        oldest = now_s // MINUTE_S - STORED_MINUTES
        is_pushed = now_s - self._traffic_at_s <= TRAFFIC_PROOF_S
        return is_pushed and not any(minute in silent or minute <= oldest for minute in minutes)

    def gaps(self, stream: str, now_s: float | None = None) -> list[Gap]:
        """When nothing of a stream (`floor`, `room`, `zone`; `traffic`: anything) was received, and reporting
        has not been asked instead. Oldest first.
        """
        with self._lock:
            return self._silence[stream].gaps(self._now() if now_s is None else now_s)

    def set_filled(self, stream: str, gap: Gap) -> None:
        with self._lock:
            self._silence[stream].filled(gap)

    def has_received(self, stream: str) -> bool:
        """Whether anything of a stream has ever been received."""
        with self._lock:
            if stream == "traffic":
                return self._traffic_at_s > -math.inf
            return self._silence[stream].newest_s > -math.inf

    @property
    def newest_event_s(self) -> float:
        """When the newest event of ours arrived, here or at another replica; minus infinity: never."""
        with self._lock:
            return self._silence["traffic"].newest_s

    @property
    def sizes(self) -> dict[str, int]:
        """How much is kept: of what memory is bounded by."""
        with self._lock:
            return {
                "people": len(self._people),
                "sensors": len(self._movements),
                "remembered": self._movements.remembered,
            }

    def counted(self, minutes: int, now_s: float | None = None) -> Counts:
        """How many events of each type and outcome arrived here in the last minutes, the running one too."""
        with self._lock:
            return self._counts.of_last(minutes, self._now() if now_s is None else now_s)

    def _doubted(self, stream: str, now_s: float) -> frozenset[int]:
        """The minutes whose last value may have been pushed while nobody listened."""
        before = unsure_s(stream) // MINUTE_S
        return frozenset(
            minute
            for gap in self._silence[stream].gaps(now_s)
            for minute in range(gap.start_s // MINUTE_S - before, gap.end_s // MINUTE_S)
        )

    def _minutes(self, asset_id: str, period: Period, now_s: float) -> tuple[LiveMinute, ...]:
        """From the series by the minute, and where that has none from the other."""
        found: dict[int, LiveMinute] = {}
        for by_minute in (False, True):
            ring = self._people.get((asset_id, by_minute))
            for minute in minutes_of(period.start_s, period.end_s) if ring is not None else ():
                one = _minute_of(ring, minute, now_s) if ring is not None else None
                if one is not None:
                    found[minute] = one
        return tuple(found[minute] for minute in sorted(found))

    def _ring(self, asset_id: str, *, by_minute: bool) -> MinuteRing | None:
        ring = self._people.get((asset_id, by_minute))
        if ring is None and len(self._people) < self._most_assets:
            ring = self._people[asset_id, by_minute] = MinuteRing()
        return ring

    def _tidy(self, at_s: float) -> None:
        """Once a minute: what nobody needs any more makes room."""
        minute = int(at_s // MINUTE_S)
        if minute <= self._tidied:
            return
        self._tidied = minute
        self._movements.forget_before(minute - SETTLE_S // MINUTE_S - 1)
        self._movements.drop_idle(minute)
        for key in [k for k, ring in self._people.items() if ring.newest < minute - STORED_MINUTES]:
            del self._people[key]
        self._counts.forget(minute)


def _minute_of(ring: MinuteRing, minute: int, now_s: float) -> LiveMinute | None:
    known = ring.get(minute) if minute > now_s // MINUTE_S - STORED_MINUTES else None
    if known is None:
        return None
    [number], source = known
    start_s = minute * MINUTE_S
    return LiveMinute(start_s, None if math.isnan(number) else number, has_settled(start_s, now_s), source)
