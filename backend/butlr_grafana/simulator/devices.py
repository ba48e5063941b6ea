"""Sensors and hives as Butlr has them: MAC addresses, clones, mirrors, and how they fare now.

A clone (`fa-ke-` and the tail of its twin's address) stands in another place of the same floor, with its
twin's heartbeat; a mirror (`mi-rr-or-` and the whole address) beside its twin, in and out swapped. What a
traffic sensor counts is who passes the door of its own place: the floor's entrance where it `is_entrance`,
else its room's. So a clone does not count like its twin, and a mirror counts the same door the wrong way
round. A presence clone counts the people of its twin's room.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from .people import People
from .world import Hive, Sensor

_HEARTBEAT_S = 400
"""Who is online was heard of at most so long ago."""
_HIVE_HEARTBEAT_S = 120
_MIRROR_SILENT_S = 35 * 86400
_BATTERY_CHANGED = datetime(2024, 3, 18, 9, 24, 11, 520_809, tzinfo=UTC)


def mac_address(key: str) -> str:
    """The address of a device, always the same for a key."""
    digits = f"{zlib.crc32(key.encode()):08X}"
    return "-".join(("00", "17", "0D", "A4", *(digits[i : i + 2] for i in range(0, 8, 2))))


def clone(
    twin: Sensor, sensor_id: str, name: str, room_id: str | None, *, is_entrance: bool = False
) -> Sensor:
    """The same device once more, in another room of the floor."""
    return replace(
        twin,
        id=sensor_id,
        name=name,
        mac_address=f"fa-ke-{twin.mac_address[6:]}",
        room_id=room_id,
        is_entrance=is_entrance,
        zone_id=None,
        twin_id=twin.id,
    )


def mirror(twin: Sensor, sensor_id: str, name: str) -> Sensor:
    """The same device in the same place, in and out swapped."""
    return replace(twin, id=sensor_id, name=name, mac_address=f"mi-rr-or-{twin.mac_address}", twin_id=twin.id)


@dataclass(frozen=True)
class Health:
    """How a sensor or hive fares. Times in Unix seconds; dates as Butlr writes them."""

    is_online: bool
    last_heartbeat: int
    battery_change_by_date: str | None = None


def health(sensor: Sensor, people: People, now_s: int) -> Health:
    """A sensor's, at a time."""
    # A clone is its twin, so both have the same noise.
    noise = zlib.crc32(sensor.mac_address[-17:].encode())
    if sensor.is_mirror:
        return Health(is_online=False, last_heartbeat=now_s - _MIRROR_SILENT_S - noise % 3600)
    due = None if sensor.is_virtual else _battery_due(noise)
    twin_of = sensor.twin_id or sensor.id
    since_s = people.silent_since(twin_of, now_s)
    if since_s is not None:
        return Health(is_online=False, last_heartbeat=since_s - 1, battery_change_by_date=due)
    return Health(
        is_online=True, last_heartbeat=now_s - 5 - noise % (_HEARTBEAT_S - 5), battery_change_by_date=due
    )


def hive_heartbeat(hive: Hive, now_s: int) -> int:
    """When a hive was last heard of; none ever fails."""
    return now_s - zlib.crc32(hive.id.encode()) % _HIVE_HEARTBEAT_S


def _battery_due(noise: int) -> str:
    due = _BATTERY_CHANGED.replace(year=2026 + noise % 3, month=1 + noise % 12)
    return due.isoformat(timespec="microseconds").replace("+00:00", f"{noise % 1000:03}Z")
