"""The devices of the default office, and the ids of its rooms and zones."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .devices import clone, mac_address, mirror
from .geometry import Point, centre
from .world import Floor, Hive, Room, Sensor

HIVES_A_FLOOR = 2
FORGOTTEN_BATTERY = "2026-12-08T09:24:11.520809417Z"


def slug(name: str) -> str:
    """A name as a part of an id, without accents."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def furnish(
    floor: Floor, *, entrance_room: str, failing: str | None = None, forgotten: str | None = None
) -> Floor:
    """Gives rooms and zones their ids, the floor its sensors and hives.

    A presence sensor a room but storage and a zone outside rooms, a traffic sensor over a meeting room's door
    and over the entrance, which names the room beside it. `failing` is the room whose sensor fails,
    `forgotten` the one whose sensor's battery nobody changes.
    """
    key = floor.id.removeprefix("space_")
    rooms = tuple(replace(room, id=f"room_{key}_{slug(room.name)}") for room in floor.rooms)
    ids = {room.name: room.id for room in rooms}
    zones = tuple(
        replace(zone, id=f"zone_{key}_{slug(zone.name)}", room_id=zone.room_id and ids[zone.room_id])
        for zone in floor.zones
    )
    hives = tuple(_hive(floor, key, number, rooms) for number in range(1, HIVES_A_FLOOR + 1))
    built = replace(floor, rooms=rooms, zones=zones, hives=hives)
    return replace(built, sensors=_sensors(built, failing, forgotten, ids[entrance_room]))


def _hive(floor: Floor, key: str, number: int, rooms: Sequence[Room]) -> Hive:
    serial = f"H{zlib.crc32(f'{key}{number}'.encode()):08X}"
    room = rooms[number * len(rooms) // (HIVES_A_FLOOR + 1)]
    at: Point = centre(room.footprint)
    return Hive(f"hive_{key}_{number}", f"{floor.name}, hive {number}", serial, floor.id, room.id, at)


def _sensors(
    floor: Floor, failing: str | None, forgotten: str | None, entrance_room_id: str
) -> tuple[Sensor, ...]:
    key, hives = floor.id.removeprefix("space_"), floor.hives

    def sensor(name: str, mode: str, room_id: str | None, **more: Any) -> Sensor:
        own = f"{key}_{slug(name)}"
        serial = hives[zlib.crc32(own.encode()) % len(hives)].serial_number
        first = Sensor(f"sensor_{own}", name, mac_address(own), mode, floor.id, room_id, hive_serial=serial)
        return replace(first, **more)

    return (
        *(
            sensor(
                f"{room.name} heat",
                "presence",
                room.id,
                outage_day=9 if room.name == failing else None,
                battery_due=FORGOTTEN_BATTERY if room.name == forgotten else None,
            )
            for room in floor.rooms
            if room.room_type != "storage"
        ),
        *(
            sensor(f"{zone.name} heat", "presence", None, zone_id=zone.id)
            for zone in floor.zones
            if zone.room_id is None
        ),
        *(
            sensor(f"{room.name} door", "traffic", room.id)
            for room in floor.rooms
            if room.room_type == "meeting_room"
        ),
        sensor("Entrance", "traffic", entrance_room_id, is_entrance=True),
    )


def with_clone(floor: Floor, twin_id: str, name: str, room: str) -> Floor:
    """The floor with a clone of a sensor in another room."""
    key, twin = floor.id.removeprefix("space_"), _sensor(floor, twin_id)
    room_id = next(one.id for one in floor.rooms if one.name == room)
    own = clone(twin, f"sensor_{key}_{slug(name)}", name, room_id)
    return replace(floor, sensors=(*floor.sensors, own))


def with_mirror(floor: Floor, twin_id: str, name: str) -> Floor:
    """The floor with a mirror of a sensor."""
    key, twin = floor.id.removeprefix("space_"), _sensor(floor, twin_id)
    return replace(floor, sensors=(*floor.sensors, mirror(twin, f"sensor_{key}_{slug(name)}", name)))


def entrance_by_clone(floor: Floor, twin_id: str) -> Floor:
    """The floor whose entrance sensor is replaced by a clone of the sensor at another door."""
    twin, entrance = _sensor(floor, twin_id), next(one for one in floor.sensors if one.is_entrance)
    own = clone(twin, entrance.id, entrance.name, entrance.room_id, is_entrance=True)
    sensors = tuple(own if one is entrance else one for one in floor.sensors)
    return replace(floor, sensors=sensors)


def _sensor(floor: Floor, sensor_id: str) -> Sensor:
    return next(sensor for sensor in floor.sensors if sensor.id == sensor_id)
