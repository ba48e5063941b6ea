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

from .forms import Forms
from .people import People
from .world import Hive, Sensor

_HEARTBEAT_S = 400
"""Who is online was heard of at most so long ago."""
_HIVE_HEARTBEAT_S = 120
_MIRROR_SILENT_S = 35 * 86400
_BATTERY_CHANGED = datetime(2024, 3, 18, 9, 24, 11, 520_809, tzinfo=UTC)
_BATTERY_LASTS_S = 3 * 365 * 86400
_CHANGED_AHEAD_S = 60 * 86400
"""How long before it is due a battery is changed; but one, of which nobody thinks (`Sensor.battery_due`)."""


def mac_address(key: str) -> str:
    """The MAC address of a device; always the same for a key."""
    digits = f"{zlib.crc32(key.encode()):08X}"
    return "-".join(("00", "17", "0D", "A4", *(digits[i : i + 2] for i in range(0, 8, 2))))


def clone(
    twin: Sensor, sensor_id: str, name: str, room_id: str | None, *, is_entrance: bool = False
) -> Sensor:
    """A clone of the device in another room of the floor."""
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
    """A mirror of the device at the same place: in and out are swapped."""
    return replace(twin, id=sensor_id, name=name, mac_address=f"mi-rr-or-{twin.mac_address}", twin_id=twin.id)


@dataclass(frozen=True)
class Health:
    """The state of a sensor or hive. Times are epoch seconds; dates are as Butlr writes them."""

    is_online: bool
    last_heartbeat: int
    battery_change_by_date: str | None = None


def health(sensor: Sensor, people: People, now_s: int, forms: Forms | None = None) -> Health:
    """The state of a sensor at a time."""
    # A clone is its twin, so both have the same noise.
    noise = zlib.crc32(sensor.mac_address[-17:].encode())
    if sensor.is_mirror:
        return Health(is_online=False, last_heartbeat=now_s - _MIRROR_SILENT_S - noise % 3600)
    due = _battery_due(sensor, noise, now_s)
    since_s = people.silent_since(sensor.twin_id or sensor.id, now_s)
    if since_s is not None:
        hive_is_off = _hive_is_off(sensor, people, now_s)
        is_reported_online = hive_is_off and (forms or Forms()).sensors_of_dead_hives == "online"
        return Health(is_online=is_reported_online, last_heartbeat=since_s - 1, battery_change_by_date=due)
    return Health(
        is_online=True, last_heartbeat=now_s - 5 - noise % (_HEARTBEAT_S - 5), battery_change_by_date=due
    )


def hive_health(hive: Hive, people: People, now_s: int) -> Health:
    """The state of a hive at a time."""
    since_s = people.hive_silent_since(hive.id, now_s)
    if since_s is not None:
        return Health(is_online=False, last_heartbeat=since_s - 1)
    return Health(is_online=True, last_heartbeat=now_s - zlib.crc32(hive.id.encode()) % _HIVE_HEARTBEAT_S)


def _hive_is_off(sensor: Sensor, people: People, now_s: int) -> bool:
    hives = [one for one in people.office.hives if one.serial_number == sensor.hive_serial]
    return any(people.hive_silent_since(one.id, now_s) is not None for one in hives)


def _battery_due(sensor: Sensor, noise: int, now_s: int) -> str | None:
    """When the battery is to be changed; those over entrances have a cable, and copies no device."""
    if sensor.is_virtual or sensor.is_entrance:
        return None
    if sensor.battery_due is not None:
        return sensor.battery_due
    changed_s = int(_BATTERY_CHANGED.timestamp()) + noise % _BATTERY_LASTS_S
    ahead_s = _CHANGED_AHEAD_S + _BATTERY_LASTS_S - (now_s + _CHANGED_AHEAD_S - changed_s) % _BATTERY_LASTS_S
    due = datetime.fromtimestamp(now_s + ahead_s, UTC).replace(microsecond=520_809)
    return due.isoformat(timespec="microseconds").replace("+00:00", f"{noise % 1000:03}Z")
