"""Sensors and hives as `schema.graphql` has them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .devices import health, hive_health
from .forms import Forms
from .geometry import Point, centre
from .messages import Failure
from .people import People
from .walls import entrance, ways_in
from .world import Floor, Hive, Room, Sensor

Object = dict[str, Any]

_HEIGHT_M = 2.5
_FIELD_OF_VIEW_DEG = 77.2
"""A footprint of 3.99 m: twice the tangent of half the angle, by the height."""


def sensor_values(sensor: Sensor, people: People, now_s: int, forms: Forms) -> Object:
    """All fields of `Sensor` except its relations."""
    floor, state = people.office.by_id[sensor.floor_id], health(sensor, people, now_s, forms)
    hive = next((one for one in floor.hives if one.serial_number == sensor.hive_serial), None)
    line = door_line(sensor, floor)
    return {
        "id": sensor.id,
        "name": sensor.name,
        "mac_address": sensor.mac_address,
        "mode": sensor.mode,
        "model": "Heatic 2+",
        "floor_id": sensor.floor_id,
        "room_id": sensor.room_id,
        "floorID": sensor.floor_id,
        "roomID": _or_fails(sensor.room_id),
        "hiveID": _or_fails(None if hive is None else hive.id),
        "hive_serial": sensor.hive_serial or None,
        "is_entrance": sensor.is_entrance,
        "is_online": state.is_online,
        "is_streaming": state.is_online,
        "is_sleep_time": False,
        "power_type": power(sensor),
        "last_heartbeat": state.last_heartbeat,
        "last_occupancy_message": state.last_heartbeat,
        "installation_status": "INSTALLED",
        "last_battery_change_date": None,
        "next_battery_change_date": None,
        "battery_change_by_date": state.battery_change_by_date,
        "center": sensor_centre(sensor, floor),
        "height": _HEIGHT_M,
        "orientation": [0.0, 0.0, 0.0],
        "field_of_view": _FIELD_OF_VIEW_DEG,
        "door_line": line,
        "in_direction": None if line is None else 1,
        "parallel_to_door": None if line is None else True,
    }


def power(sensor: Sensor) -> str | None:
    """The power source, which Butlr knows of few sensors."""
    if sensor.is_entrance and not sensor.is_virtual:
        return "Wired"
    return "Battery" if zlib.crc32(sensor.id.encode()) % 25 == 0 else None


def hive_values(hive: Hive, people: People, now_s: int) -> Object:
    """All fields of `Hive` except its relations."""
    state = hive_health(hive, people, now_s)
    return {
        "id": hive.id,
        "name": hive.name,
        "serialNumber": hive.serial_number,
        "floor_id": hive.floor_id,
        "floorID": hive.floor_id,
        "room_id": hive.room_id,
        "roomID": hive.room_id,
        "isOnline": state.is_online,
        "isStreaming": state.is_online,
        "is_sleep_time": False,
        "lastHeartbeat": state.last_heartbeat,
        "netPathStability": 0.98,
        "hiveVersion": "2.4.4",
        "hiveType": "2.0",
        "coordinates": hive.at,
        "installed": True,
    }


def sensor_centre(sensor: Sensor, floor: Floor) -> Point:
    """The centre of the area that a sensor sees: its door, room or zone."""
    line = door_line(sensor, floor)
    if line is not None:
        return centre(line)
    for place in floor.placed:
        if place.id in (sensor.zone_id, sensor.room_id):
            return centre(place.footprint if isinstance(place, Room) else place.polygon)
    return floor.entrance


@lru_cache(maxsize=1024)
def door_line(sensor: Sensor, floor: Floor) -> tuple[Point, Point] | None:
    """The two ends of the door that a traffic sensor sees; `None` for other sensors."""
    if sensor.mode != "traffic":
        return None
    room = (
        None if sensor.is_entrance else next((one for one in floor.rooms if one.id == sensor.room_id), None)
    )
    ways = [entrance(floor)] if room is None else ways_in(floor, room)
    return ways[0].ends if ways else (floor.entrance, floor.entrance)


def _or_fails(value: str | None) -> Callable[[object], str]:
    def found(_: object) -> str:
        if value is None:
            raise Failure("internal system error")
        return value

    return found
