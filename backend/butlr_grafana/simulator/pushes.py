"""What Butlr pushes, from the people: who passes a door as it happens, minutes of people once a minute.

A minute of people is computed anew, and pushed again, as each of the five minutes after it ends. The first
time not all sensors have been heard: it has the number of the minute before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from .forms import Forms
from .geometry import Floats
from .measuring import CountingOptions, Span, minute_values
from .minutes import MINUTE_S
from .people import People
from .series import Series, all_series, measurements
from .stays import OUTSIDE
from .world import Building, Floor, Room, Sensor, Site, Zone

ROLLING_MINUTES = 5
VERSION = "v1.0.0"

Event = dict[str, Any]


def events(people: People, forms: Forms, since_s: float, until_s: float) -> Iterator[Event]:
    """All events after `since_s` and up to `until_s`, in order."""
    for site, building in people.office.buildings:
        for floor in building.floors:
            yield from _movements(
                people, _Place(people.office.org_id, site, building, floor), since_s, until_s
            )
    first_s = (int(since_s) // MINUTE_S + 1) * MINUTE_S
    for at_s in range(first_s, int(until_s) + 1, MINUTE_S):
        yield from _minutes(people, forms, at_s)


class _Place:
    """A floor with all that it lies in: `metadata` of its events."""

    def __init__(self, org_id: str, site: Site, building: Building, floor: Floor) -> None:
        self.floor = floor
        self._metadata = {
            "org_id": org_id,
            "site_id": site.id,
            "building_id": building.id,
            "floor_id": floor.id,
            "org_name": "Demo",
            "site_name": site.name,
            "building_name": building.name,
            "floor_name": floor.name,
        }

    def metadata(self, *, room: Room | None = None, zone: Zone | None = None) -> dict[str, str]:
        found = dict(self._metadata)
        if room is not None:
            found |= {"room_id": room.id, "room_name": room.name}
        if zone is not None:
            found |= {"zone_id": zone.id, "zone_name": zone.name}
        return found


def _event(type_: str, at_s: float, metadata: dict[str, str], data: Any, *of: object) -> Event:
    name = " ".join(map(str, (type_, at_s, *of)))
    return {
        "id": f"event_{hashlib.blake2b(name.encode(), digest_size=12).hexdigest()}",
        "type": type_,
        "timestamp": int(at_s * 1000),
        "version": VERSION,
        "metadata": metadata,
        "data": data,
    }


def _movements(people: People, place: _Place, since_s: float, until_s: float) -> Iterator[Event]:
    start_s, stop_s = int(since_s) + 1, int(until_s) + 1
    if start_s >= stop_s:
        return
    steps = people.crossings(place.floor.id, start_s, stop_s)
    for number, (t_s, room, direction) in enumerate(zip(*(one.tolist() for one in steps), strict=True)):
        for sensor in _over(place.floor, room):
            came = (direction == 1) is not sensor.is_mirror
            data = {"in": int(came), "out": int(not came)}
            yield _event("TRAFFIC", t_s, _device(place, sensor), data, sensor.id, number, start_s)


def _over(floor: Floor, room: int) -> list[Sensor]:
    """The sensors over a door: the floor's entrance, or a room's."""
    doors = [sensor for sensor in floor.sensors if sensor.mode == "traffic"]
    if room == OUTSIDE:
        return [sensor for sensor in doors if sensor.is_entrance]
    return [one for one in doors if not one.is_entrance and one.room_id == floor.rooms[room].id]


def _device(place: _Place, sensor: Sensor) -> dict[str, str]:
    room = next((room for room in place.floor.rooms if room.id == sensor.room_id), None)
    hive = next((hive for hive in place.floor.hives if hive.serial_number == sensor.hive_serial), None)
    return {
        **place.metadata(room=room),
        "hive_id": hive.id if hive else "",
        "sensor_id": sensor.id.removeprefix("sensor_"),
        "hive_serial": sensor.hive_serial,
        "mac_address": sensor.mac_address,
        "sensor_mode": sensor.mode,
        "sensor_model": "Heatic 2+",
        "hive_model": "2.0",
        "hive_version": "2.4.4",
    }


def _minutes(people: People, forms: Forms, at_s: int) -> Iterator[Event]:
    """The five minutes before `at_s`, of every floor, room and zone that is seen."""
    for site, building in people.office.buildings:
        for floor in building.floors:
            place = _Place(people.office.org_id, site, building, floor)
            for series, counts in _counts(people, forms, floor, at_s):
                yield from _of_asset(place, series, counts, forms, at_s)


def _of_asset(place: _Place, series: Series, counts: Floats, forms: Forms, at_s: int) -> Iterator[Event]:
    """`counts`: the minute before the first one too."""
    metadata = place.metadata(room=series.room, zone=series.zone)
    level = "ZONE" if series.zone else "ROOM" if series.room else "FLOOR"
    for number in range(ROLLING_MINUTES):
        is_new = number == ROLLING_MINUTES - 1
        count = counts[number if is_new else number + 1]
        if np.isnan(count):
            continue
        start_s = at_s - (ROLLING_MINUTES - number) * MINUTE_S
        reported_until_s = start_s + MINUTE_S if forms.pushed_times == "end" else start_s
        for ending in ("", f"_{forms.event_names.upper()}"):
            yield _event(
                f"{level}_OCCUPANCY{ending}", reported_until_s, metadata, int(count), series.item_id, at_s
            )


def _counts(people: People, forms: Forms, floor: Floor, at_s: int) -> Iterator[tuple[Series, Floats]]:
    """Of each asset of a floor the people of the last six minutes, or NaN where no sensor tells."""
    for level in ("floor", "room", "zone"):
        seen = _by_asset(people, forms, floor, f"{level}_occupancy", at_s)
        if forms.pushed_people == "presence" or level == "zone":
            yield from seen.values()
            continue
        doors = _by_asset(people, forms, floor, f"traffic_{level}_occupancy", at_s)
        if forms.pushed_people == "doors":
            yield from doors.values()
            continue
        for item in {**seen, **doors}:
            ways = [way[item] for way in (seen, doors) if item in way]
            yield ways[0][0], np.fmax.reduce([values for _, values in ways])


def _by_asset(
    people: People, forms: Forms, floor: Floor, name: str, at_s: int
) -> dict[str, tuple[Series, Floats]]:
    """As reporting tells it, but at once."""
    at_once = replace(forms, minutes_late_s=0, traffic_late_s=0, minutes_move_s=0)
    span = Span(at_s - (ROLLING_MINUTES + 1) * MINUTE_S, at_s, at_s)
    found = [one for one in all_series(people.office, measurements(forms)[name], forms) if one.floor is floor]
    counts = minute_values(people, found, span, CountingOptions(floor.zone_info, "true", at_once))
    return {one.item_id: (one, values) for one, values in zip(found, counts, strict=True)}
