"""What can be measured: a series a room, floor, zone or door, with a value a minute or none.

What Butlr does not document, and is taken to be so here:

- A person counts once a minute (`Minutes.people`), so occupancy adds up to the heat map's detections.
- A room without a presence sensor has no occupancy. While its sensor is offline a room, and the zones in it,
  have no data; the floor has, without the people who are in that room.
- Presence is the time in which at least one person is there, not the sum over persons.
- Occupancy from traffic counts who came less who went since the window's local midnight. It knows nobody who
  was in then, so it goes below zero when they leave; calibrated, it stays at zero instead.
- A minute has data once it is over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from .geometry import Floats
from .minutes import MINUTE_S, Count
from .people import People
from .stays import OUTSIDE, Ints
from .windows import local_days
from .world import Floor, Office, Room, Sensor, Zone

Level = Literal["floor", "room", "zone", "sensor"]


class Measurement(NamedTuple):
    """Of what, and what is counted, by the field's name ("": the measurement's); `net` is in less out."""

    level: Level | None
    fields: Mapping[str, Count | Literal["net"]]


MEASUREMENTS: Mapping[str, Measurement] = {
    "floor_occupancy": Measurement("floor", {"": "people"}),
    "room_occupancy": Measurement("room", {"": "people"}),
    "zone_occupancy": Measurement("zone", {"": "people"}),
    "traffic_floor_occupancy": Measurement("floor", {"": "net"}),
    "traffic_room_occupancy": Measurement("room", {"": "net"}),
    "traffic": Measurement("sensor", {"in": "entered", "out": "left"}),
    "presence": Measurement(None, {"": "occupied_s"}),
    "floor_presence_time_secs": Measurement("floor", {"": "occupied_s"}),
    "room_presence_time_secs": Measurement("room", {"": "occupied_s"}),
    "zone_presence_time_secs": Measurement("zone", {"": "occupied_s"}),
}
"""`presence` is of whatever the question is about; the names after it are in Butlr's public pages."""

TAGS = ("space_id", "space_name", "building_id", "room_id", "room_name", "zone_id", "sensor_id")


@dataclass(frozen=True)
class Series:
    """One line of values: of a floor, of one of its rooms or zones, or of a door's sensor."""

    measurement: str
    field: str
    counts: Count | Literal["net"]
    floor: Floor
    building_id: str
    room: Room | None = None
    zone: Zone | None = None
    sensor: Sensor | None = None

    @cached_property
    def tags(self) -> dict[str, str | None]:
        """`TAGS`, `measurement` and `field`; None where one does not apply."""
        return {
            "measurement": self.measurement,
            "field": self.field,
            "space_id": self.floor.id,
            "space_name": self.floor.name,
            "building_id": self.building_id,
            "room_id": None if self.room is None else self.room.id,
            "room_name": None if self.room is None else self.room.name,
            "zone_id": None if self.zone is None else self.zone.id,
            "sensor_id": None if self.sensor is None else self.sensor.id,
        }

    @property
    def item_id(self) -> str:
        """The zone, room or floor it is of."""
        item: Zone | Room | Floor = self.zone or self.room or self.floor
        return item.id

    @property
    def row(self) -> int:
        """Where `People.count` has it."""
        if self.zone is not None:
            return 1 + len(self.floor.rooms) + self.floor.zones.index(self.zone)
        if self.sensor is not None and self.sensor.is_entrance:
            return 0
        return (OUTSIDE if self.room is None else self.floor.rooms.index(self.room)) - OUTSIDE


def all_series(office: Office, measurement: str, level: Level = "floor") -> list[Series]:
    """Every series of a measurement, floor by floor; `level` says of what where the measurement does not."""
    said, fields = MEASUREMENTS[measurement]
    by_door = "net" in fields.values()
    return [
        Series(measurement, field or measurement, counts, floor, building.id, room, zone, sensor)
        for site in office.sites
        for building in site.buildings
        for floor in building.floors
        for room, zone, sensor in _subjects(floor, said or level, by_door=by_door)
        for field, counts in fields.items()
    ]


def _subjects(
    floor: Floor, level: Level, *, by_door: bool
) -> list[tuple[Room | None, Zone | None, Sensor | None]]:
    """What of a floor a sensor of the right mode sees."""
    rooms: dict[str | None, Room] = {room.id: room for room in floor.rooms}
    mode = "traffic" if by_door or level == "sensor" else "presence"
    sensors = [sensor for sensor in floor.sensors if sensor.mode == mode]
    seen = {None if sensor.is_entrance else sensor.room_id for sensor in sensors}
    match level:
        case "floor":
            return [(None, None, None)] if None in seen or not by_door else []
        case "room":
            return [(room, None, None) for room in floor.rooms if room.id in seen]
        case "zone":
            return [
                (rooms.get(zone.room_id), zone, None)
                for zone in floor.zones
                if zone.room_id is None or zone.room_id in seen
            ]
        case "sensor":
            return [(rooms.get(sensor.room_id), None, sensor) for sensor in sensors]


@dataclass(frozen=True)
class Span:
    """Whole minutes, half-open, in UTC epoch seconds; from `known_s` on nothing is known yet."""

    start_s: int
    stop_s: int
    known_s: int

    @classmethod
    def of(cls, start_s: float, stop_s: float, until_s: float) -> Span:
        """The minutes that begin within a range; one is known once it is over, at `until_s` at the latest."""
        first_s, end_s = (-int(-at_s // MINUTE_S) * MINUTE_S for at_s in (start_s, stop_s))
        return cls(first_s, end_s, max(first_s, min(end_s, int(until_s // MINUTE_S) * MINUTE_S)))

    @property
    def minutes(self) -> int:
        """How many."""
        return (self.stop_s - self.start_s) // MINUTE_S


def minute_values(
    people: People, series: Sequence[Series], span: Span, tz: ZoneInfo, *, calibrated: bool
) -> Floats:
    """`[series, minute]`, NaN where there are no data. `tz` has the midnights at which `net` starts anew."""
    values = np.full((len(series), span.minutes), np.nan)
    known = (span.known_s - span.start_s) // MINUTE_S
    together: dict[tuple[str, Count | Literal["net"]], list[int]] = defaultdict(list)
    for index, one in enumerate(series):
        together[one.floor.id, one.counts].append(index)
    for (floor_id, counts), indices in together.items() if known else ():
        if counts == "net":
            table = _net(people, floor_id, span, tz, calibrated=calibrated)
        else:
            table = people.count(floor_id, counts, span.start_s, span.known_s)
        values[indices, :known] = table[[series[index].row for index in indices]]
    for line, one in zip(values, series, strict=True):
        if one.room is not None and one.counts in ("people", "occupied_s"):
            for since_s, until_s in people.offline(one.room.id, span.start_s, span.stop_s):
                line[(since_s - span.start_s) // MINUTE_S : -((span.start_s - until_s) // MINUTE_S)] = np.nan
    return values


def _net(people: People, floor_id: str, span: Span, tz: ZoneInfo, *, calibrated: bool) -> Ints:
    """Who came less who went since midnight, at the end of each minute; calibrated, never below zero."""
    days = local_days(tz, span.start_s, span.known_s)
    first_s = days[0].midnight_s
    flow = people.count(floor_id, "entered", first_s, span.known_s) - people.count(
        floor_id, "left", first_s, span.known_s
    )
    cuts = [(day.midnight_s - first_s) // MINUTE_S for day in days[1:]]
    sums = [np.cumsum(part, axis=1) for part in np.split(flow, cuts, axis=1)]
    if calibrated:
        sums = [part - np.minimum(0, np.minimum.accumulate(part, axis=1)) for part in sums]
    return np.concatenate(sums, axis=1)[:, (span.start_s - first_s) // MINUTE_S :]
