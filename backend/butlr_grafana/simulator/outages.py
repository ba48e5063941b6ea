"""The times in which sensors are offline: by a fault of their own, by a switch, or because their hive is
offline.

In a test, use `simulator.outage(…)`. With a running simulator, use `curl -X PUT -d '{"device":
"hive_paris_1_1", "minutes": 60}' …/_simulator/outages`, and DELETE to remove all outages. If a hive is
offline, its sensors send no data.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .body_values import choice, instant, whole_number
from .world import Floor, Office, Sensor

Range = tuple[int, int]
"""Half-open, in UTC epoch seconds."""

_DAY_S = 86_400
_CYCLE_S = 28 * _DAY_S
_FAILS_S = 4 * _DAY_S


@dataclass(frozen=True)
class Outage:
    """A sensor or hive that is switched off over a half-open range of UTC epoch seconds."""

    device_id: str
    start_s: int
    stop_s: int


def sensor_faults(sensor: Sensor, start_s: int, stop_s: int) -> list[Range]:
    """The times within a range in which a sensor with an `outage_day` is offline: four days of each 28-day
    cycle, counted in UTC days from 1970-01-01.
    """
    if sensor.outage_day is None:
        return []
    phase_s = sensor.outage_day * _DAY_S
    first = (start_s - phase_s - _FAILS_S) // _CYCLE_S
    last = (stop_s - phase_s) // _CYCLE_S
    begins = [phase_s + cycle * _CYCLE_S for cycle in range(first, last + 1)]
    return clipped([(at_s, at_s + _FAILS_S) for at_s in begins], start_s, stop_s)


def switched_off(device_id: str, outages: Iterable[Outage], start_s: int, stop_s: int) -> list[Range]:
    """The times within a range in which a device is switched off."""
    return clipped(
        [(one.start_s, one.stop_s) for one in outages if one.device_id == device_id], start_s, stop_s
    )


def clipped(ranges: Iterable[Range], start_s: int, stop_s: int) -> list[Range]:
    """The parts of ranges that lie within another range. Empty parts are left out."""
    found = [(max(start_s, since_s), min(stop_s, until_s)) for since_s, until_s in ranges]
    return [(since_s, until_s) for since_s, until_s in found if since_s < until_s]


def any_of(ranges: Iterable[Range]) -> list[Range]:
    """The union of the ranges, in order. Ranges that touch are joined."""
    found: list[Range] = []
    for since_s, until_s in sorted(ranges):
        if found and since_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until_s))
        else:
            found.append((since_s, until_s))
    return found


def all_of(lists: Sequence[Sequence[Range]]) -> list[Range]:
    """The intersection of the lists of ranges; empty without a list. Each list must be in order."""
    if not lists:
        return []
    common = list(lists[0])
    for others in lists[1:]:
        common = [part for since_s, until_s in common for part in clipped(others, since_s, until_s)]
    return common


def presence_sensors(floor: Floor, place_id: str) -> list[Sensor]:
    """The presence sensors of the floor, or of one of its rooms or zones. Copies are used only if there is no
    original.
    """
    found = [
        one
        for one in floor.sensors
        if one.mode == "presence" and place_id in (floor.id, one.room_id, one.zone_id)
    ]
    return [one for one in found if not one.is_virtual] or found


def door_sensors(floor: Floor, room_id: str | None) -> list[Sensor]:
    """The traffic sensors at the door of a room; `None`: at the floor's entrance."""
    doors = [one for one in floor.sensors if one.mode == "traffic"]
    if room_id is None:
        return [one for one in doors if one.is_entrance]
    return [one for one in doors if not one.is_entrance and one.room_id == room_id]


def parse(body: Mapping[str, Any], office: Office, now_s: float) -> Outage:
    """Reads `device` (the id of a sensor or hive), `minutes` and, if the outage begins later, `start`."""
    devices = [*(hive.id for hive in office.hives), *(sensor.id for sensor in office.sensors)]
    device_id = choice(body, "device", "device", devices)
    minutes = whole_number(body, "minutes", "minutes", most=525_600)
    start_s = int(instant(body, "start", "start") if "start" in body else now_s)
    return Outage(device_id, start_s, start_s + 60 * minutes)


def check(office: Office, device_id: str) -> None:
    """Raises `Refusal` if the device does not exist."""
    parse({"device": device_id, "minutes": 1}, office, 0)


def to_json(outages: Sequence[Outage]) -> list[dict[str, Any]]:
    """The outages, with start and stop in ISO 8601."""
    return [
        {
            "device": one.device_id,
            "start": datetime.fromtimestamp(one.start_s, UTC).isoformat(),
            "stop": datetime.fromtimestamp(one.stop_s, UTC).isoformat(),
        }
        for one in outages
    ]
