"""`devices`: the state of each sensor and hive; with `level`, how many work on a floor, in a room or zone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from butlr_grafana.base.errors import Incomplete
from butlr_grafana.insight.devices import (
    SILENT,
    STATES,
    Covered,
    Device,
    FloorDevices,
    covered_rooms,
    covered_zones,
    devices,
)
from butlr_grafana.model.floor import Room, Zone
from butlr_grafana.model.sensors import Hive, Sensor
from butlr_grafana.model.time import DAY_S, iso, iso_if_known
from butlr_grafana.query.parse import ParsedQuery, check_choice
from butlr_grafana.query.scope import FloorScope, Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import Column, number
from butlr_grafana.targets.parameter_groups import AGE, FLOOR, FRAMES_ROWS_CSV

FRESH_S = 600
"""What Butlr said of its devices so long ago is of now: it is asked every five minutes."""

WHERE = (*FLOOR, "building", "timezone")


@dataclass(frozen=True, slots=True)
class DeviceStates:
    """`devices`: those that the query selects. `floors`: all devices of each floor. `covered`: rooms or
    zones, if these are requested. `as_of_s`: when Butlr reported this; `is_fresh`: whether that counts as
    now.
    """

    devices: tuple[Device, ...]
    floors: tuple[FloorDevices, ...]
    covered: tuple[Covered, ...]
    as_of_s: float
    is_fresh: bool


class Devices(TableTarget[DeviceStates]):
    name = "devices"
    title = "Sensors and hives"
    description = (
        "One row per physical sensor or hive: online, last heartbeat, last reading, battery due, place. With "
        "`level`, one row per floor, room or zone: its working sensors, and since when none works."
    )
    parameters = ("space", "level", "kind", "only", "room", "tag", "type", "require", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    without_floor = True
    tells_age = True
    renews_topology = True
    mixes_levels = True
    note_topics = frozenset({"devices"})

    def queries(self, scope: Scope) -> tuple[()]:
        check_choice("only", scope.parsed.only, "all", "faults")
        return ()

    def build(self, fetched: Fetched, sources: Sources) -> DeviceStates:
        scope = fetched.scope
        as_of_s = scope.served.as_of_s
        is_fresh = as_of_s is not None and scope.now_s - as_of_s <= FRESH_S and not scope.served.partial
        if scope.parsed.require == "complete" and not is_fresh:
            when = "an unknown time" if as_of_s is None else iso(as_of_s)
            raise Incomplete(f"Butlr's data about sensors and hives are of {when}, or incomplete")
        floors = tuple(FloorDevices(one.floor, tuple(devices(one.floor, one.rooms))) for one in scope.floors)
        # Of a topology without a time it is only known that it is not of now.
        at_s = scope.now_s if as_of_s is None else as_of_s
        found = [d for floor in floors for d in floor.devices if _is_requested(d, scope.parsed, at_s)]
        found.sort(key=lambda device: STATES.index(device.state))
        covered = tuple(c for one in scope.floors for c in _covered(one, scope.parsed))
        return DeviceStates(tuple(found), floors, covered, at_s, is_fresh)

    def is_complete(self, content: DeviceStates) -> bool:
        return content.is_fresh

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        match parsed.level:
            case "floor":
                return (
                    *(*WHERE, "sensors", "sensors_online", "sensors_offline", "sensors_unknown"),
                    *("offline_share", "hives", "hives_offline", "batteries_due", "rooms_unavailable"),
                    *("reason", "unknown_since", *AGE),
                )
            case "room" | "zone" as level:
                counts = ("sensors", "sensors_offline", "online", "unavailable")
                return (*WHERE, f"{level}_id", level, *counts, "reason", "unknown_since", *AGE)
            case _:
                return (
                    *("kind", "device_id", "device", *WHERE, "room_id", "room", "zone_id", "zone"),
                    *("state", "online", "last_heartbeat", "last_reading", "offline_s", "reason"),
                    *("battery_due", "battery_overdue_days", "hive_id", "hive", "power", "mac", "serial"),
                    *("mode", "model", "x", "y", "height_m", *AGE),
                )

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"online": number("Online", "bool_yes_no")}

    def rows_of(self, content: DeviceStates, result: Result[DeviceStates]) -> list[Row]:
        """Devices with a fault come first. A missing text is empty."""
        age = {"as_of": iso(content.as_of_s), "complete": int(content.is_fresh)}
        match result.parsed.level:
            case "floor":
                rows = [_floor_row(one, content.as_of_s) for one in content.floors]
            case "room" | "zone" as level:
                rows = [_covered_row(one, level) for one in content.covered]
            case _:
                rows = [_row(device, content.as_of_s) for device in content.devices]
        return [{**row, **age} for row in rows]

    def notes(self, result: Result[DeviceStates], rows: Sequence[Row]) -> Iterator[str]:
        if result.content is not None and not result.content.is_fresh:
            yield f"Butlr does not answer now: sensors and hives are as of {iso(result.content.as_of_s)}."

    def why_empty(self, result: Result[DeviceStates]) -> str:
        if result.parsed.only == "faults":
            level = result.parsed.level
            return f"Every {level} with sensors has one that works." if level else "No device has a fault."
        return "Butlr lists no such device here." if result.parsed.level is None else ""


def _is_requested(device: Device, parsed: ParsedQuery, now_s: float) -> bool:
    if parsed.kind is not None and (parsed.kind == "hive") != device.is_hive:
        return False
    return parsed.only == "all" or device.is_at_fault(now_s)


def _covered(one: FloorScope, parsed: ParsedQuery) -> Iterator[Covered]:
    found: Iterator[Covered] = iter(())
    if parsed.level == "room":
        found = covered_rooms(one.floor, one.rooms)
    elif parsed.level == "zone":
        found = covered_zones(one.floor)
    yield from (covered for covered in found if parsed.only == "all" or covered.is_at_fault)


def _where(floor: Device | Covered | FloorDevices) -> Row:
    own = floor.floor
    return {"space": own.id, "floor": own.name, "building": own.building.name, "timezone": own.timezone}


def _row(device: Device, as_of_s: float) -> Row:
    """Of a device in a room that is only told of with others neither the name, which often is the room's, nor
    its place, nor its last reading, which says that somebody was there.
    """
    own, hidden = device.device, device.together is not None
    room = device.together or (device.place if isinstance(device.place, Room) else None)
    zone = device.place if isinstance(device.place, Zone) else None
    due_s, offline_s = device.battery_due_s, device.offline_s(as_of_s)
    return {
        "kind": "hive" if device.is_hive else "sensor",
        "device_id": own.id,
        "device": own.id if hidden else own.name,
        **_where(device),
        "room_id": room.id if room else "",
        "room": room.name if room else "",
        "zone_id": zone.id if zone else "",
        "zone": zone.name if zone else "",
        "state": device.state,
        "online": _flag(device.online),
        "last_heartbeat": iso_if_known(own.last_heartbeat_s),
        "last_reading": None if hidden or isinstance(own, Hive) else iso_if_known(own.last_reading_s),
        "offline_s": None if offline_s is None else round(offline_s),
        "reason": device.why(as_of_s),
        "battery_due": iso_if_known(due_s),
        "battery_overdue_days": None if due_s is None else round((as_of_s - due_s) / DAY_S, 2),
        "hive_id": device.hive_id,
        "hive": device.hive_name,
        **_built(own),
        **({"x": None, "y": None} if hidden else {}),
    }


def _built(own: Sensor | Hive) -> Row:
    """What kind of device it is, and where it hangs, in metres on the floor."""
    if isinstance(own, Hive):
        at, sensor = own.at_m, None
    else:
        at, sensor = own.center_m, own
    return {
        "power": sensor.power if sensor else "",
        "mac": sensor.mac if sensor else "",
        "serial": own.serial if isinstance(own, Hive) else own.hive_serial,
        "mode": sensor.mode if sensor else "",
        "model": own.model,
        "x": round(at[0], 3) if at else None,
        "y": round(at[1], 3) if at else None,
        "height_m": sensor.height_m if sensor else None,
    }


def _floor_row(one: FloorDevices, as_of_s: float) -> Row:
    rooms = [room.is_unavailable for room in covered_rooms(one.floor, None) if room.total]
    return {
        **_where(one),
        "sensors": one.sensors("offline", "hive offline", "unknown", "asleep", "online"),
        "sensors_online": one.sensors("online"),
        "sensors_offline": one.sensors(*SILENT),
        "sensors_unknown": one.sensors("unknown"),
        "offline_share": one.offline_share,
        "hives": one.hives("offline", "unknown", "asleep", "online"),
        "hives_offline": one.hives("offline"),
        "batteries_due": sum(device.is_battery_due(as_of_s) for device in one.devices),
        "rooms_unavailable": sum(is_unavailable is True for is_unavailable in rooms),
        "reason": one.reason,
        "unknown_since": iso_if_known(one.since_s),
    }


def _covered_row(one: Covered, level: str) -> Row:
    return {
        **_where(one),
        f"{level}_id": one.asset.id,
        level: one.asset.name,
        "sensors": one.total,
        "sensors_offline": one.silent,
        "online": _flag(one.online),
        "unavailable": _flag(one.is_unavailable),
        "reason": one.reason,
        "unknown_since": iso_if_known(one.since_s),
    }


def _flag(state: bool | None) -> int | None:
    return None if state is None else int(state)
