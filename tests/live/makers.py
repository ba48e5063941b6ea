"""Events as Butlr's pages have them, made here; floors of two rooms, a zone and doors with copies."""

from __future__ import annotations

from typing import Any

import orjson

from butlr_grafana.live.events import Event, Refused, event_of
from butlr_grafana.live.minutes import LiveMinutes
from butlr_grafana.model.floor import Building, Floor, Room, Topology, Zone
from butlr_grafana.model.sensors import Sensor, VirtualRule
from butlr_grafana.model.time import Period

NOON_S = 1_893_499_200
"""2030-01-01T12:00:00Z, a full minute."""

MINUTE_S = 60
MAC = "00-17-0d-a4-00-00-00-01"


class Clock:
    def __init__(self, now_s: float = NOON_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def body(type_: str, at_s: float, data: Any, *, event_id: str = "event_a", **places: str) -> dict[str, Any]:
    return {
        "id": event_id,
        "type": type_,
        "timestamp": int(at_s * 1000),
        "version": "v1.0.0",
        "metadata": {"org_id": "org_a", "floor_id": "space_a", **places},
        "data": data,
    }


def people(room: str, at_s: float, count: float, type_: str = "ROOM_OCCUPANCY_1MIN") -> Event | Refused:
    return event_of(body(type_, at_s, count, room_id=room))


def moved(
    at_s: float, entered: int, left: int, *, event_id: str = "event_a", mac: str = MAC, sensor: str = "a"
) -> Event | Refused:
    data = {"in": entered, "out": left}
    return event_of(
        body(
            "TRAFFIC",
            at_s,
            data,
            event_id=event_id,
            room_id="room_a",
            sensor_id=sensor,
            mac_address=mac,
        )
    )


def encoded(document: Any) -> bytes:
    return orjson.dumps(document)


def door(sensor_id: str, mac: str, room: str | None, *, entrance: bool = False) -> Sensor:
    return Sensor(sensor_id, sensor_id, mac, "traffic", room, is_entrance=entrance, online=True)


SENSORS = (
    door("sensor_entrance", "00-17-0d-a4-00-00-00-01", "room_a", entrance=True),
    door("sensor_door_b", "00-17-0d-a4-00-00-00-02", "room_b"),
    # Its mirror counts the same door, in and out swapped; the clone the same device as the room's own door.
    door("sensor_mirror_b", "mi-rr-or-00-17-0d-a4-00-00-00-02", "room_b"),
    door("sensor_clone_a", "fa-ke-0d-a4-00-00-00-02", "room_a"),
)


def floor(virtual_sensors: VirtualRule = "by-place") -> Floor:
    return Floor(
        "space_a",
        "Floor",
        Building("building_a", "Building", "Site"),
        "UTC",
        rooms=(Room("room_a", "A", "space_a"), Room("room_b", "B", "space_a")),
        zones=(Zone("zone_a", "Z", "space_a"),),
        sensors=SENSORS,
        virtual_sensors=virtual_sensors,
    )


def topology(virtual_sensors: VirtualRule = "by-place") -> Topology:
    return Topology({"space_a": floor(virtual_sensors)})


def covers(live: LiveMinutes, rooms: list[str], period: Period) -> bool:
    """Whether each whole minute of a period is known of each room."""
    return bool(live.table(rooms, period, level="room").is_known.all())
