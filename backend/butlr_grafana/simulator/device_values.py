"""Sensors and hives as `schema.graphql` has them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from .devices import health, hive_heartbeat
from .geometry import Point, centre
from .messages import Failure
from .people import People
from .world import Floor, Hive, Room, Sensor

Object = dict[str, Any]

_HEIGHT_M = 2.5
_FIELD_OF_VIEW_DEG = 77.2
"""A footprint of 3.99 m: twice the tangent of half the angle, by the height."""
_DOOR_M = 0.9


def sensor_values(sensor: Sensor, people: People, now_s: int) -> Object:
    """All fields of `Sensor` but its relations."""
    floor, state = people.office.by_id[sensor.floor_id], health(sensor, people, now_s)
    hive = next((one for one in floor.hives if one.serial_number == sensor.hive_serial), None)
    x, y = sensor_centre(sensor, floor)
    is_door = sensor.mode == "traffic"
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
        # Butlr knows of few sensors how they are fed.
        "power_type": "Battery" if zlib.crc32(sensor.id.encode()) % 25 == 0 else None,
        "last_heartbeat": state.last_heartbeat,
        "last_occupancy_message": state.last_heartbeat,
        "installation_status": "INSTALLED",
        "last_battery_change_date": None,
        "next_battery_change_date": None,
        "battery_change_by_date": state.battery_change_by_date,
        "center": [x, y],
        "height": _HEIGHT_M,
        "orientation": [0.0, 0.0, 0.0],
        "field_of_view": _FIELD_OF_VIEW_DEG,
        "door_line": [[x - _DOOR_M / 2, y], [x + _DOOR_M / 2, y]] if is_door else None,
        "in_direction": 1 if is_door else None,
        "parallel_to_door": True if is_door else None,
    }


def hive_values(hive: Hive, now_s: int) -> Object:
    """All fields of `Hive` but its relations."""
    return {
        "id": hive.id,
        "name": hive.name,
        "serialNumber": hive.serial_number,
        "floor_id": hive.floor_id,
        "floorID": hive.floor_id,
        "room_id": hive.room_id,
        "roomID": hive.room_id,
        "isOnline": True,
        "isStreaming": True,
        "is_sleep_time": False,
        "lastHeartbeat": hive_heartbeat(hive, now_s),
        "netPathStability": 0.98,
        "hiveVersion": "2.4.4",
        "hiveType": "2.0",
        "coordinates": hive.at,
        "installed": True,
    }


def sensor_centre(sensor: Sensor, floor: Floor) -> Point:
    """The centre of what a sensor sees: of its room or zone, or the floor's entrance."""
    for place in () if sensor.is_entrance else floor.placed:
        if place.id in (sensor.zone_id, sensor.room_id):
            return centre(place.footprint if isinstance(place, Room) else place.polygon)
    return floor.entrance


def _or_fails(value: str | None) -> Callable[[object], str]:
    def found(_: object) -> str:
        if value is None:
            raise Failure("internal system error")
        return value

    return found
