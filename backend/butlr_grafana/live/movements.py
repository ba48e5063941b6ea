"""People through doors, sensor by sensor and minute by minute; each event counts once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from butlr_grafana.live.ring import STORED_MINUTES, Floats, MinuteRing, Source
from butlr_grafana.model.sensors import Sensor
from butlr_grafana.model.time import MINUTE_S

MOST_SENSORS = 10_000
MOST_REMEMBERED = 200_000
"""Events whose repetition is noticed: those of the minutes that have not settled."""


class Movements:
    """Not thread-safe. A minute of which nothing is known is without a movement, where somebody listened."""

    def __init__(self, most_sensors: int = MOST_SENSORS, most_remembered: int = MOST_REMEMBERED) -> None:
        self._rings: dict[str, MinuteRing] = {}
        self._most_sensors = most_sensors
        self._most_remembered = most_remembered
        self._seen: dict[int, set[int]] = {}
        self._remembered = 0

    def __len__(self) -> int:
        return len(self._rings)

    @property
    def remembered(self) -> int:
        return self._remembered

    def forget_before(self, minute: int) -> None:
        """The events of settled minutes need not be known again: such an event is late."""
        for old in [known for known in self._seen if known < minute]:
            self._remembered -= len(self._seen.pop(old))

    def is_repeated(self, minute: int, identity: str) -> bool:
        return hash(identity) in self._seen.get(minute, ())

    def add(self, sensor: str, minute: int, identity: str, entered: int, left: int) -> bool:
        """Counts one event; `False`: there is no room for it."""
        ring = self._ring(sensor)
        if ring is None or self._remembered >= self._most_remembered:
            return False
        known = ring.get(minute)
        before = known[0] if known is not None else (0.0, 0.0)
        if not ring.put(minute, (before[0] + entered, before[1] + left), "pushed"):
            return False
        self._seen.setdefault(minute, set()).add(hash(identity))
        self._remembered += 1
        return True

    def set_reported(self, sensor: str, minute: int, entered: float, left: float) -> None:
        """What reporting says of a minute, in place of what was counted."""
        ring = self._ring(sensor)
        if ring is not None:
            ring.put(minute, (entered, left), "reported")

    def of(self, sensor: str, minute: int) -> tuple[tuple[float, float], Source] | None:
        ring = self._rings.get(sensor)
        known = ring.get(minute) if ring is not None else None
        return None if known is None else ((known[0][0], known[0][1]), known[1])

    def table(self, sensors: Sequence[str], first: int, last: int) -> Floats:
        """In and out [sensor, 2, minute] of the minutes `first` to `last`; 0 where nothing was counted."""
        moved = np.zeros((len(sensors), 2, last + 1 - first))
        for row, sensor in enumerate(sensors):
            if (ring := self._rings.get(sensor)) is not None:
                numbers, is_known, _ = ring.between(first, last)
                moved[row][:, is_known] = numbers[:, is_known]
        return moved

    def total(self, sensors: Sequence[Sensor], minutes: range) -> tuple[float, float]:
        """In and out of some sensors together."""
        if not minutes:
            return 0.0, 0.0
        moved = self.table([sensor.id for sensor in sensors], minutes[0], minutes[-1])
        entered, left = moved.sum(axis=(0, 2)).tolist()
        return entered, left

    def _ring(self, sensor: str) -> MinuteRing | None:
        ring = self._rings.get(sensor)
        if ring is None and len(self._rings) < self._most_sensors:
            ring = self._rings[sensor] = MinuteRing(width=2)
        return ring

    def drop_idle(self, now_minute: int) -> None:
        """Removes sensors that have sent nothing for as long as values are stored."""
        for sensor in [s for s, ring in self._rings.items() if ring.newest < now_minute - STORED_MINUTES]:
            del self._rings[sensor]


def minutes_of(start_s: int, end_s: int) -> range:
    """The whole minutes of a period, by their numbers."""
    return range(-(-start_s // MINUTE_S), end_s // MINUTE_S)
