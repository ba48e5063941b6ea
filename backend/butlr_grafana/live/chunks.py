"""Pushed minutes instead of a call: the chunk that Butlr would return for a segment, if it is known.

It is made from minutes of people or of movements, if all assets that must have a value have one. The newest
two minutes may be missing, as in a response of Butlr.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from butlr_grafana.live.agreement import Meaning, Reading
from butlr_grafana.live.events import LEVELS, Level
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.live.ring import Flags
from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.chunk import Chunk, Samples, Segment, SeriesSubject
from butlr_grafana.model.doors import door_key
from butlr_grafana.model.floor import Floor, as_built
from butlr_grafana.model.subjects import TRAFFIC
from butlr_grafana.model.time import MINUTE_S, Period

NEWEST_LATE_S = 2 * MINUTE_S
"""How far behind the clock the newest minute may be."""

MEASUREMENTS: dict[str, tuple[Level, Meaning]] = {
    **{f"{level}_occupancy": (level, "presence") for level in LEVELS},
    "traffic_room_occupancy": ("room", "doors"),
    "traffic_floor_occupancy": ("floor", "doors"),
}
"""Of what, and by which way of counting, Butlr's measurements of people are."""


class PushedChunks:
    """Thread-safe. `floors`: those that are served, by id, as Butlr lists them; `reading`: what the events of
    a level were measured to stand for, `None` before.
    """

    def __init__(
        self,
        live: LiveMinutes,
        floors: Callable[[], dict[str, Floor]],
        reading: Callable[[Level], Reading | None],
        now: Callable[[], float],
    ) -> None:
        self._live = live
        self._floors = floors
        self._reading = reading
        self._now = now

    def __call__(self, segment: Segment) -> Chunk | None:
        """The chunk of a segment that has not settled; `None` where Butlr is to be asked."""
        subject, floor = segment.subject, self._floors().get(segment.space)
        if not isinstance(subject, SeriesSubject) or floor is None:
            return None
        if subject.measurement == TRAFFIC and subject.every in ("1m", "1h"):
            return self._of_doors(segment, subject, floor)
        if subject.measurement in MEASUREMENTS and subject.is_by_the_minute and subject.function == "median":
            return self._of_people(segment, subject, floor)
        return None

    def _of_people(self, segment: Segment, subject: SeriesSubject, floor: Floor) -> Chunk | None:
        level, meaning = MEASUREMENTS[subject.measurement]
        reading = self._reading(level)
        if reading is None or reading.meaning != meaning:
            return None
        assets = subject.items or (floor.id,)
        must = _must_be_known(floor, level, meaning, assets)
        table = self._live.table(assets, segment.period, level=level)
        if not must.any() or not table.start_s.size:
            return None
        now_s = self._now()
        is_due = table.start_s + MINUTE_S <= now_s - NEWEST_LATE_S
        if not table.is_known[must][:, is_due].all():
            return None
        whole = np.flatnonzero(table.is_known[must].all(axis=0))
        if not whole.size:
            return None
        known_until_s = float(table.start_s[whole[-1]] + MINUTE_S)
        index, column = np.nonzero(table.is_known)
        samples = Samples(
            tuple((asset, "value") for asset in assets),
            index.astype(np.int32),
            table.start_s[column],
            table.people[index, column],
        )
        return _chunk(segment.period, samples, min(known_until_s, now_s))

    def _of_doors(self, segment: Segment, subject: SeriesSubject, floor: Floor) -> Chunk | None:
        sensors = [sensor for sensor in floor.sensors or () if sensor.counts_doors]
        table = self._live.doors([sensor.id for sensor in sensors], segment.period) if sensors else None
        if table is None:
            return None
        starts = window_starts(segment.period, subject.every, subject.timezone)
        # Whole windows: a period's minutes are those of its windows.
        moved = np.add.reduceat(table.moved, np.searchsorted(table.start_s, starts), axis=2)
        row, way, column = np.nonzero(moved)
        names = tuple(
            (door_key(sensor.room_id or "", sensor.id, sensor.mac), field)
            for sensor in sensors
            for field in ("in", "out")
        )
        index = (2 * row + way).astype(np.int32)
        samples = Samples(names, index, starts[column], moved[row, way, column])
        return _chunk(segment.period, samples, min(self._live.newest_event_s, self._now()))


def _must_be_known(floor: Floor, level: Level, meaning: Meaning, assets: Sequence[str]) -> Flags:
    """Of which assets each minute is pushed: those with a working sensor."""
    if level == "floor" or meaning == "doors":
        return np.ones(len(assets), bool)
    listed = as_built(floor.zones) if level == "zone" else as_built(floor.rooms)
    working = {asset.id for asset in listed if asset.online}
    return np.array([asset in working for asset in assets], bool)


def _chunk(period: Period, samples: Samples, known_at_s: float) -> Chunk:
    return Chunk(period, samples, known_at_s, settled=False, source="pushed")
