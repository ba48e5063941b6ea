"""What can be measured: one series a room, floor, zone, tag or sensor, and where its counts come from.

What Butlr does not document, and is taken to be so here:

- A room without a presence sensor has no occupancy, a floor without an entrance no door-based one.
- A zone in a room is seen by the room's presence sensors, one outside rooms by its own.
- A room's door-based occupancy is that of its door, whichever kind of sensor watches it. An entrance's sensor
  counts for the floor; for the room that it names only where `Forms.entrance_rooms` says so.
- A tag has the people of all rooms and zones that carry it and are seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from .forms import Forms
from .minutes import Count
from .stays import OUTSIDE
from .world import Building, Floor, Office, Room, Sensor, Site, Tag, Zone

Level = Literal["floor", "room", "zone", "tag", "sensor"]
Counts = Count | Literal["net"]
"""`net`: entries minus exits since midnight."""


class Measurement(NamedTuple):
    """A measurement: its level, the counts by field name, and its name in Butlr's rows."""

    level: Level | None
    fields: Mapping[str, Counts]
    inside: str

    @property
    def by_doors(self) -> bool:
        """Whether sensors at doors count."""
        return not {"people", "occupied_s"} & set(self.fields.values())

    @property
    def can_be_calibrated(self) -> bool:
        """Whether it is an occupancy that sensors at doors count."""
        return "net" in self.fields.values()


_PEOPLE: Mapping[str, Counts] = {"occupancy": "people"}
_SECONDS: Mapping[str, Counts] = {"presence_time_secs": "occupied_s"}
_NET: Mapping[str, Counts] = {"occupancy": "net"}
_MEASUREMENTS: Mapping[str, Measurement] = {
    "floor_occupancy": Measurement("floor", _PEOPLE, "occupancy"),
    "room_occupancy": Measurement("room", _PEOPLE, "occupancy"),
    "zone_occupancy": Measurement("zone", _PEOPLE, "occupancy"),
    "tag_occupancy": Measurement("tag", _PEOPLE, "occupancy"),
    "traffic_floor_occupancy": Measurement("floor", _NET, "headcount"),
    "traffic_room_occupancy": Measurement("room", _NET, "headcount"),
    "traffic": Measurement("sensor", {"in": "entered", "out": "left"}, "traffic"),
    "presence": Measurement("sensor", {"presence": "people"}, "presence"),
}
_PRESENCE_TIME: Mapping[str, Mapping[str, Measurement]] = {
    "level": {
        f"{level}_presence_time_secs": Measurement(level, _SECONDS, "presence_time")
        for level in ("floor", "room", "zone")
    },
    "floor_only": {"floor_presence_time_secs": Measurement("floor", _SECONDS, "presence_time")},
    "plain": {"presence_time_secs": Measurement(None, _SECONDS, "presence_time")},
}


def measurements(forms: Forms) -> dict[str, Measurement]:
    """All measurements by name. If `level` is None, the level is the finest one in the filters: zones, rooms
    or floors.
    """
    return {**_MEASUREMENTS, **_PRESENCE_TIME[forms.presence_names]}


class Source(NamedTuple):
    """A row of `People.count`. `place_id`: the room, zone or floor whose sensors must be online."""

    floor_id: str
    row: int
    place_id: str | None = None


@dataclass(frozen=True)
class Series:
    """One series: the sum of its sources. Fields that do not apply are None."""

    field: str
    counts: Counts
    sources: tuple[Source, ...]
    site: Site | None = None
    building: Building | None = None
    floor: Floor | None = None
    room: Room | None = None
    zone: Zone | None = None
    tag: Tag | None = None
    sensor: Sensor | None = None
    tags: tuple[str, ...] = ()
    """The names of the tags of its room, zone or floor."""

    @property
    def item_id(self) -> str:
        """The id of its zone, room or floor; "" for a tag."""
        item: Zone | Room | Floor | None = self.zone or self.room or self.floor
        return "" if item is None else item.id


def all_series(
    office: Office, measurement: Measurement, forms: Forms, level: Level = "floor"
) -> list[Series]:
    """Every series of a measurement, floor by floor. `level` applies if the measurement has no level."""
    level = measurement.level or level
    if level == "tag":
        return list(_of_tags(office, measurement))
    found = [
        replace(one, site=site, building=building)
        for site, building in office.buildings
        for floor in building.floors
        for one in _of_floor(floor, measurement, level, forms)
    ]
    # One whose sources no sensor sees has none.
    return [one for one in found if one.sources]


def _of_floor(floor: Floor, measurement: Measurement, level: Level, forms: Forms) -> Iterator[Series]:
    for name, counts in measurement.fields.items():
        if level == "sensor":
            yield from _of_sensors(floor, name, counts)
        elif level == "floor":
            yield Series(name, counts, _floor_sources(floor, measurement), floor=floor, tags=floor.tags)
        elif level == "room":
            for room in floor.rooms:
                sources = _doors(floor, room, forms) if measurement.by_doors else _room_sources(floor, room)
                yield Series(name, counts, sources, floor=floor, room=room, tags=room.tags)
        else:
            for zone in floor.zones:
                yield Series(name, counts, _zone_sources(floor, zone), floor=floor, zone=zone, tags=zone.tags)


def _of_sensors(floor: Floor, name: str, counts: Counts) -> Iterator[Series]:
    rooms = {room.id: room for room in floor.rooms}
    mode = "presence" if counts == "people" else "traffic"
    for sensor in floor.sensors:
        if sensor.mode != mode:
            continue
        source = _presence_of(floor, sensor) if mode == "presence" else _door_of(floor, sensor)
        # A mirror has in and out the wrong way round.
        swapped: Mapping[Counts, Counts] = {"entered": "left", "left": "entered"} if sensor.is_mirror else {}
        room = rooms.get(sensor.room_id or "")
        yield Series(
            name,
            swapped.get(counts, counts),
            () if source is None else (source,),
            floor=floor,
            room=room,
            sensor=sensor,
            tags=() if room is None else room.tags,
        )


def _of_tags(office: Office, measurement: Measurement) -> Iterator[Series]:
    [(name, counts)] = measurement.fields.items()
    for tag in office.tags:
        sources = [
            source
            for floor in office.floors
            for placed in floor.placed
            if tag.name in placed.tags
            for source in (
                _room_sources(floor, placed) if isinstance(placed, Room) else _zone_sources(floor, placed)
            )
        ]
        if sources:
            yield Series(name, counts, tuple(sources), tag=tag, tags=(tag.name,))


def _room_row(floor: Floor, room_id: str | None) -> int:
    return next(index for index, room in enumerate(floor.rooms) if room.id == room_id) - OUTSIDE


def _zone_row(floor: Floor, zone_id: str | None) -> int:
    return 1 + len(floor.rooms) + next(k for k, zone in enumerate(floor.zones) if zone.id == zone_id)


def _floor_sources(floor: Floor, measurement: Measurement) -> tuple[Source, ...]:
    source = any(one.is_entrance for one in floor.sensors) if measurement.by_doors else not floor.doors_only
    return (Source(floor.id, 0, None if measurement.by_doors else floor.id),) if source else ()


def _room_sources(floor: Floor, room: Room) -> tuple[Source, ...]:
    source = any(one.mode == "presence" and one.room_id == room.id for one in floor.sensors)
    return (Source(floor.id, _room_row(floor, room.id), room.id),) if source else ()


def _zone_sources(floor: Floor, zone: Zone) -> tuple[Source, ...]:
    source = any(
        one.mode == "presence"
        and (one.zone_id == zone.id or (one.room_id is not None and one.room_id == zone.room_id))
        for one in floor.sensors
    )
    return (Source(floor.id, _zone_row(floor, zone.id), zone.room_id or zone.id),) if source else ()


def _doors(floor: Floor, room: Room, forms: Forms) -> tuple[Source, ...]:
    """The room's own door, and the floor's entrance where its sensor counts for the room."""
    room_sensors = [one for one in floor.sensors if one.mode == "traffic" and one.room_id == room.id]
    found = {
        _door_of(floor, one)
        for one in room_sensors
        if not one.is_entrance or forms.entrance_rooms == "counted"
    }
    return tuple(sorted(source for source in found if source is not None))


def _door_of(floor: Floor, sensor: Sensor) -> Source | None:
    if sensor.is_entrance:
        return Source(floor.id, 0)
    return None if sensor.room_id is None else Source(floor.id, _room_row(floor, sensor.room_id))


def _presence_of(floor: Floor, sensor: Sensor) -> Source | None:
    """A clone sees what its twin sees."""
    if sensor.twin_id is not None:
        sensor = next(one for one in floor.sensors if one.id == sensor.twin_id)
    if sensor.room_id is not None:
        return Source(floor.id, _room_row(floor, sensor.room_id), sensor.room_id)
    if sensor.zone_id is None:
        return None
    return Source(floor.id, _zone_row(floor, sensor.zone_id), sensor.zone_id)
