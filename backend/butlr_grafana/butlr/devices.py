"""Sensors and hives from Butlr's GraphQL → values, by floor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from butlr_grafana.butlr.json_values import dicts, flag, instant_s, number, text
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.sensors import Hive, Sensor, silencing

MODES = {"presence": "presence", "activity": "presence", "traffic": "traffic", "headcount": "traffic"}
"""Butlr's modes, older names too."""


def sensors_by_floor(raw: Iterable[object], floors: Iterable[Floor]) -> dict[str, tuple[Sensor, ...]]:
    """Each sensor once, on the floor that it names, else on that of its room, else on none (an empty id)."""
    floor_of_room = {room.id: floor.id for floor in floors for room in floor.rooms}
    found: dict[str, dict[str, Sensor]] = defaultdict(dict)
    for one in dicts(list(raw)):
        sensor = _sensor(one)
        floor_id = _of(one, "floor_id", "floorID") or floor_of_room.get(sensor.room_id or "", "")
        if sensor.id:
            found[floor_id].setdefault(sensor.id, sensor)
    return {floor_id: tuple(sensors.values()) for floor_id, sensors in found.items()}


def behind_dead_hives(
    sensors: Mapping[str, Sequence[Sensor]], hives: Iterable[Hive]
) -> dict[str, tuple[Sensor, ...]]:
    """The sensors, each with the offline hive that silences it, wherever that hangs."""
    by_serial = {hive.serial: hive for hive in hives}
    return {
        floor_id: tuple(replace(sensor, behind=silencing(sensor, by_serial)) for sensor in own)
        for floor_id, own in sensors.items()
    }


def hives_by_floor(raw: object) -> dict[str, tuple[Hive, ...]]:
    """Each hive once, on the floor that it names, else on none (an empty id)."""
    found: dict[str, dict[str, Hive]] = defaultdict(dict)
    for one in dicts(raw):
        hive = Hive(
            id=text(one.get("id")),
            name=text(one.get("name")) or text(one.get("id")),
            serial=text(one.get("serialNumber")),
            room_id=_of(one, "room_id", "roomID") or None,
            online=flag(one.get("isOnline")),
            last_heartbeat_s=instant_s(one.get("lastHeartbeat")),
            asleep=flag(one.get("is_sleep_time")),
            installed=flag(one.get("installed")) is not False,
            model=text(one.get("hiveType")),
            at_m=_point(one.get("coordinates")),
        )
        floor_id = _of(one, "floor_id", "floorID")
        if hive.id:
            found[floor_id].setdefault(hive.id, hive)
    return {floor_id: tuple(hives.values()) for floor_id, hives in found.items()}


def _sensor(raw: dict[str, Any]) -> Sensor:
    return Sensor(
        id=text(raw.get("id")),
        name=text(raw.get("name")) or text(raw.get("id")),
        mac=text(raw.get("mac_address")),
        mode=MODES.get(text(raw.get("mode")).lower(), ""),
        room_id=_of(raw, "room_id", "roomID") or None,
        is_entrance=flag(raw.get("is_entrance")),
        online=flag(raw.get("is_online")),
        last_heartbeat_s=instant_s(raw.get("last_heartbeat")),
        last_reading_s=instant_s(raw.get("last_occupancy_message")),
        hive_serial=text(raw.get("hive_serial")),
        model=text(raw.get("model")),
        power=text(raw.get("power_type")),
        battery_due=text(raw.get("battery_change_by_date")) or text(raw.get("next_battery_change_date")),
        installed=text(raw.get("installation_status")).upper() != "UNINSTALLED",
        center_m=_point(raw.get("center")),
        height_m=number(raw.get("height")),
        field_of_view_deg=number(raw.get("field_of_view")),
        asleep=flag(raw.get("is_sleep_time")),
    )


def _of(raw: dict[str, Any], *names: str) -> str:
    """The first of several names that has a text; captures of older questions have other names."""
    return next((found for name in names if (found := text(raw.get(name)))), "")


def _point(raw: object) -> tuple[float, float] | None:
    if not isinstance(raw, list) or len(raw) < 2:
        return None
    x, y = number(raw[0]), number(raw[1])
    return None if x is None or y is None else (x, y)
