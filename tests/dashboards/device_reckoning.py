"""What `devices` must answer, reckoned from the simulator's own sensors and hives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from butlr_grafana.simulator.device_values import power, sensor_centre
from butlr_grafana.simulator.devices import Health, health, hive_health
from butlr_grafana.simulator.world import Floor, Hive, Room, Sensor
from tests.dashboards.people import View
from tests.support import PEOPLE

Row = dict[str, Any]
DAY_S = 86_400
ORDER = ("offline", "hive offline", "online")


def expected(view: View) -> list[Row]:
    """The rows, in their order."""
    faults = view.params.get("only") == "faults"
    age = {"as_of": view.now_s * 1000, "complete": 1, "age_s": 0, "as_of_ms": view.now_s * 1000}
    level = view.params.get("level")
    if level == "floor":
        found = [_floor(floor, view.now_s) for floor in view.floors]
    elif level == "room":
        found = [_room(floor, room, view.now_s) for floor in view.floors for room in floor.rooms]
        found = [row for row in found if not faults or (row["sensors"] and row["unavailable"])]
    else:
        found = [row for floor in view.floors for row in _devices(floor, view.now_s)]
        for row in found:
            if _is_due(row) and not row["reason"]:
                wall = datetime.fromtimestamp(row["battery_due"] / 1000, ZoneInfo(row["timezone"]))
                row["reason"] = f"its battery must be changed by {wall.day} {wall:%b %Y}"
        found = [row for row in found if not faults or row["state"] != "online" or _is_due(row)]
        found.sort(key=lambda row: ORDER.index(row["state"]))
    return [{**row, **age} for row in found]


def physical(floor: Floor) -> list[Sensor]:
    return [sensor for sensor in floor.sensors if not sensor.is_virtual]


def hive_of(sensor: Sensor) -> Hive:
    [found] = [hive for hive in PEOPLE.office.hives if hive.serial_number == sensor.hive_serial]
    return found


def is_silenced(sensor: Sensor, now_s: int) -> bool:
    """Whether its hive is offline."""
    return not hive_health(hive_of(sensor), PEOPLE, now_s).is_online


def is_silent(sensor: Sensor, now_s: int) -> bool:
    return is_silenced(sensor, now_s) or not health(sensor, PEOPLE, now_s).is_online


def _devices(floor: Floor, now_s: int) -> Iterator[Row]:
    for hive in floor.hives:
        state = hive_health(hive, PEOPLE, now_s)
        yield {
            **_device(hive, floor, state, "online" if state.is_online else "offline", now_s),
            **{"kind": "hive", "serial": hive.serial_number, "model": "2.0", "last_reading": None},
            **{"mac": "", "mode": "", "power": "", "hive": "", "hive_id": "", "height_m": None},
            "reason": "" if state.is_online else f"no signal since {_wall(state.last_heartbeat, floor)}",
            "x": hive.at[0],
            "y": hive.at[1],
        }
    for sensor in physical(floor):
        text, silenced = health(sensor, PEOPLE, now_s), is_silenced(sensor, now_s)
        state = "hive offline" if silenced else "online" if text.is_online else "offline"
        x, y = sensor_centre(sensor, floor)
        hive = hive_of(sensor)
        yield {
            **_device(sensor, floor, text, state, now_s),
            **{"kind": "sensor", "mac": sensor.mac_address, "mode": sensor.mode, "model": "Heatic 2+"},
            **{"hive": hive.name, "hive_id": hive.id, "serial": hive.serial_number, "height_m": 2.5},
            "power": power(sensor) or "",
            "last_reading": text.last_heartbeat * 1000,
            "reason": _why_silent(text, hive, floor, now_s),
            "x": round(x, 3),
            "y": round(y, 3),
        }


def _why_silent(sensor: Health, hive: Hive, floor: Floor, now_s: int) -> str:
    """Of a sensor: its hive is offline, or it sends nothing although its hive is online."""
    if not hive_health(hive, PEOPLE, now_s).is_online:
        return _because([hive], floor, now_s)
    if sensor.is_online:
        return ""
    return f"no signal since {_wall(sensor.last_heartbeat, floor)}; its hive is online"


def _wall(instant_s: int, floor: Floor) -> str:
    wall = datetime.fromtimestamp(instant_s, ZoneInfo(floor.timezone))
    return f"{wall.day} {wall:%b %H:%M}"


def _device(one: Sensor | Hive, floor: Floor, message: Health, state: str, now_s: int) -> Row:
    room = next((room for room in floor.rooms if room.id == one.room_id), None)
    zone_id = one.zone_id if isinstance(one, Sensor) else None
    zone = next((zone for zone in floor.zones if zone.id == zone_id), None)
    due_s = None
    if message.battery_change_by_date:
        due_s = datetime.fromisoformat(message.battery_change_by_date).timestamp()
    offline_s = {"online": 0, "offline": now_s - message.last_heartbeat, "hive offline": None}[state]
    return {
        **_where(floor),
        "device_id": one.id,
        "device": one.name,
        "room_id": room.id if room else "",
        "room": room.name if room else "",
        "zone_id": zone.id if zone else "",
        "zone": zone.name if zone else "",
        "state": state,
        "online": int(state == "online"),
        "last_heartbeat": message.last_heartbeat * 1000,
        "offline_s": offline_s,
        "reason": "",
        "battery_due": None if due_s is None else int(due_s) * 1000,
        "battery_overdue_days": None if due_s is None else round((now_s - due_s) / DAY_S, 2),
    }


def _where(floor: Floor) -> Row:
    [building] = [b.name for _, b in PEOPLE.office.buildings if floor in b.floors]
    return {"space": floor.id, "floor": floor.name, "building": building, "timezone": floor.timezone}


def _is_due(row: Row) -> bool:
    return row["battery_overdue_days"] is not None and row["battery_overdue_days"] >= -30


def _because(hives: Sequence[Hive], floor: Floor, now_s: int) -> str:
    texts = []
    for hive in dict.fromkeys(hives):
        heard_s = hive_health(hive, PEOPLE, now_s).last_heartbeat
        texts.append(f"its hive {hive.serial_number} is offline since {_wall(heard_s, floor)}")
    return "; ".join(texts)


def _room(floor: Floor, room: Room, now_s: int) -> Row:
    """By the sensors that see into it, copies of others' too; where there are none, by that over its door."""
    here = [s for s in floor.sensors if s.room_id == room.id and not s.is_entrance and not s.is_mirror]
    counted = [s for s in here if s.mode == "presence"] or [s for s in here if s.mode == "traffic"]
    silent = [s for s in counted if is_silent(s, now_s)]
    is_dead = bool(counted) and len(silent) == len(counted)
    reason, since_s = "" if counted else "no sensor counts its people", None
    if is_dead:
        by_hives = all(is_silenced(s, now_s) for s in silent)
        hives = [hive_of(s) for s in silent]
        reason = _because(hives, floor, now_s) if by_hives else "its sensors are offline"
        since_s = max(health(s, PEOPLE, now_s).last_heartbeat for s in silent)
    return {
        **_where(floor),
        "room_id": room.id,
        "room": room.name,
        "sensors": len(counted),
        "sensors_offline": len(silent),
        "online": int(not is_dead) if counted else None,
        "unavailable": int(is_dead or not counted),
        "reason": reason,
        "unknown_since": None if since_s is None else since_s * 1000,
    }


def _floor(floor: Floor, now_s: int) -> Row:
    own = physical(floor)
    silent = [s for s in own if is_silent(s, now_s)]
    dead = list(dict.fromkeys(hive_of(s) for s in own if is_silenced(s, now_s)))
    rooms = [_room(floor, room, now_s) for room in floor.rooms]
    heard = [hive_health(hive, PEOPLE, now_s).last_heartbeat for hive in dead]
    return {
        **_where(floor),
        "sensors": len(own),
        "sensors_online": len(own) - len(silent),
        "sensors_offline": len(silent),
        "sensors_unknown": 0,
        "offline_share": len(silent) / len(own),
        "hives": len(floor.hives),
        "hives_offline": sum(not hive_health(hive, PEOPLE, now_s).is_online for hive in floor.hives),
        "batteries_due": sum(_is_due(row) for row in _devices(floor, now_s)),
        "rooms_unavailable": sum(bool(row["sensors"] and row["unavailable"]) for row in rooms),
        "reason": _because(dead, floor, now_s),
        "unknown_since": min(heard) * 1000 if heard else None,
    }
