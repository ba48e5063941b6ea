"""The state of the physical sensors and hives of floors, and the rooms and floors that have no data because
of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from butlr_grafana.insight.current_occupancy import NO_SENSOR
from butlr_grafana.model.calendar import since
from butlr_grafana.model.floor import Floor, Room, Zone, as_built
from butlr_grafana.model.sensors import Hive, Sensor, one_per_device

State = Literal["offline", "hive offline", "unknown", "asleep", "online", "not installed"]
STATES: tuple[State, ...] = ("offline", "hive offline", "unknown", "asleep", "online", "not installed")
"""In the order in which somebody should look."""

SILENT: frozenset[State] = frozenset({"offline", "hive offline"})

DUE_SOON_S = 30 * 86_400
"""A battery is due so long before its date: time to order one and to come."""


@dataclass(frozen=True, slots=True)
class Device:
    """A physical sensor or hive. `place`: its room or zone; `None` if it is in neither, or in one that is
    only shown as a sum (then `together` is that sum).

    `hive_id`, `hive_name`: of the hive that a sensor reports to, if it is on the same floor. `reason`: why
    the device sends nothing, or what Butlr does not report.
    """

    floor: Floor
    device: Sensor | Hive
    state: State
    place: Room | Zone | None = None
    together: Room | None = None
    hive_id: str = ""
    hive_name: str = ""
    reason: str = ""

    @property
    def is_hive(self) -> bool:
        return isinstance(self.device, Hive)

    @property
    def online(self) -> bool | None:
        """Whether anything can be heard of it."""
        return self.device.online if isinstance(self.device, Hive) else self.device.works

    @property
    def last_heard_s(self) -> int | None:
        """Its last heartbeat, or its last reading where Butlr gives that alone."""
        found = self.device.last_heartbeat_s
        return self.device.last_reading_s if found is None and isinstance(self.device, Sensor) else found

    def offline_s(self, now_s: float) -> float | None:
        """For how long it has been offline by its own fault: 0 while it is online or asleep. `None` where
        that is not known, as behind a hive that is offline itself.
        """
        if self.state in ("online", "asleep"):
            return 0.0
        if self.state != "offline" or self.last_heard_s is None:
            return None
        return max(0.0, now_s - self.last_heard_s)

    @property
    def battery_due_s(self) -> float | None:
        """When its battery is to be changed, where Butlr gives that."""
        if isinstance(self.device, Hive) or self.device.power == "Wired" or self.state == "not installed":
            return None
        return instant_of_text(self.device.battery_due)

    def why(self, now_s: float) -> str:
        """The reason; of a device that can be heard, that its battery is due."""
        due_s = self.battery_due_s
        if self.reason or due_s is None or not self.is_battery_due(now_s):
            return self.reason
        day = datetime.fromtimestamp(due_s, ZoneInfo(self.floor.timezone))
        return f"its battery must be changed by {day.day} {day:%b %Y}"

    def is_at_fault(self, now_s: float) -> bool:
        """Whether somebody should look at it."""
        return self.state in (*SILENT, "unknown") or self.is_battery_due(now_s)

    def is_battery_due(self, now_s: float) -> bool:
        due_s = self.battery_due_s
        return due_s is not None and due_s - now_s <= DUE_SOON_S


@dataclass(frozen=True, slots=True)
class Covered:
    """A room or zone and the sensors that it has: `total`, of those `silent`. `online`: whether any can be
    heard; `None` where Butlr does not say, or where there is none. `reason`, `since_s`: why there are no
    data, and since when.
    """

    floor: Floor
    asset: Room | Zone
    total: int
    silent: int
    online: bool | None
    reason: str = ""
    since_s: int | None = None

    @property
    def is_unavailable(self) -> bool | None:
        """Whether no sensor of it works; `None` where Butlr does not say."""
        return True if not self.total else None if self.online is None else not self.online

    @property
    def is_at_fault(self) -> bool:
        """Whether it has sensors, and none of them works."""
        return bool(self.total) and self.online is False


@dataclass(frozen=True, slots=True)
class FloorDevices:
    """The devices of a floor, counted. Sensors that are asleep are neither online nor offline."""

    floor: Floor
    devices: tuple[Device, ...]

    def sensors(self, *states: State) -> int | None:
        """How many, in these states or in any; `None` where Butlr does not say which there are."""
        if self.floor.sensors is None:
            return None
        return sum(not d.is_hive and (not states or d.state in states) for d in self.devices)

    def hives(self, *states: State) -> int | None:
        if self.floor.hives is None:
            return None
        return sum(d.is_hive and (not states or d.state in states) for d in self.devices)

    @property
    def offline_share(self) -> float | None:
        """0 to 1 of the sensors of which Butlr says how they are."""
        known, silent = self.sensors("offline", "hive offline", "asleep", "online"), self.sensors(*SILENT)
        return silent / known if known and silent is not None else None

    @property
    def dead_hives(self) -> list[Hive]:
        """The offline hives that silence sensors of this floor, wherever they hang."""
        found = (d.device.behind for d in self.devices if isinstance(d.device, Sensor))
        return list(dict.fromkeys(hive for hive in found if hive is not None))

    @property
    def reason(self) -> str:
        return "; ".join(_offline_since(hive, self.floor) for hive in self.dead_hives)

    @property
    def since_s(self) -> int | None:
        """Since when the first of those hives is offline."""
        return min(
            (h.last_heartbeat_s for h in self.dead_hives if h.last_heartbeat_s is not None), default=None
        )


def devices(floor: Floor, rooms: Sequence[Room] | None) -> Iterator[Device]:
    """The physical devices of a floor, hives first; of `rooms` only, where these are given."""
    place_of = _Places(floor, rooms)
    hives = {hive.serial: (hive.id, place_of.name(hive)) for hive in floor.hives or () if hive.is_physical}
    for hive in floor.hives or ():
        if hive.is_physical and place_of.is_chosen(hive):
            state = _state(hive, hive.online)
            yield Device(floor, hive, state, *place_of(hive), reason=_reason(hive, state, floor))
    for sensor in floor.sensors or ():
        if sensor.is_physical and place_of.is_chosen(sensor):
            state = _state(sensor, sensor.works)
            reason = _reason(sensor, state, floor)
            hive_id, hive_name = hives.get(sensor.hive_serial, ("", ""))
            yield Device(floor, sensor, state, *place_of(sensor), hive_id, hive_name, reason)


class _Places:
    """Where devices of a floor hang."""

    def __init__(self, floor: Floor, chosen: Sequence[Room] | None) -> None:
        self._zones = {sensor_id: zone for zone in floor.zones for sensor_id in zone.sensor_ids}
        self._rooms = {room.id: room for room in floor.rooms if not room.members}
        self._together = {member.id: room for room in floor.rooms for member in room.members}
        self._chosen = None if chosen is None else {room.id for room in as_built(chosen)}

    def is_chosen(self, device: Sensor | Hive) -> bool:
        return self._chosen is None or device.room_id in self._chosen

    def name(self, device: Sensor | Hive) -> str:
        """A device's name; its id in a room that is only told of with others, after which it may be named."""
        return device.id if device.room_id in self._together else device.name

    def __call__(self, device: Sensor | Hive) -> tuple[Room | Zone | None, Room | None]:
        """The room or zone, and the sum that stands for it where it is only told of with others."""
        room_id = device.room_id or ""
        if room_id in self._together:
            return None, self._together[room_id]
        return self._rooms.get(room_id) or self._zones.get(device.id), None


def _state(device: Sensor | Hive, online: bool | None) -> State:
    if not device.installed:
        return "not installed"
    if online is None:
        return "unknown"
    if online:
        return "online"
    if isinstance(device, Sensor) and device.behind is not None:
        return "hive offline"
    return "asleep" if device.asleep else "offline"


def _reason(device: Sensor | Hive, state: State, floor: Floor) -> str:
    match state:
        case "hive offline":
            assert isinstance(device, Sensor)
            assert device.behind is not None
            return _offline_since(device.behind, floor)
        case "unknown":
            return "Butlr does not say whether it is online"
        case "offline" if device.last_heartbeat_s is None:
            return "Butlr does not say since when"
        case "offline":
            what = "; its hive is online" if isinstance(device, Sensor) and _has_hive(device, floor) else ""
            return f"no signal {since(device.last_heartbeat_s, floor.timezone)}{what}"
        case "asleep":
            return "asleep by its schedule"
    return ""


def _has_hive(sensor: Sensor, floor: Floor) -> bool:
    """Whether the hive that a sensor reports to is online on the same floor."""
    return any(hive.serial == sensor.hive_serial and hive.online for hive in floor.hives or ())


def _offline_since(hive: Hive, floor: Floor) -> str:
    """By the serial number: a hive is often named after a room, which may be one that must not be named."""
    return f"its hive {hive.serial} is offline {since(hive.last_heartbeat_s, floor.timezone)}".strip()


def covered_rooms(floor: Floor, rooms: Sequence[Room] | None) -> Iterator[Covered]:
    """Every room (or those given) with the sensors that see into it, or else with those over its doors."""
    for room in floor.chosen(rooms):
        ids = {member.id for member in as_built([room])}
        own = [s for s in floor.sensors or () if s.room_id in ids and s.installed]
        seeing = [s for s in own if not s.counts_doors and not s.is_entrance]
        yield _covered(floor, room, seeing or [s for s in own if s.counts_doors and not s.is_entrance])


def covered_zones(floor: Floor) -> Iterator[Covered]:
    """Every zone with the sensors that it lists."""
    by_id = {sensor.id: sensor for sensor in floor.sensors or ()}
    for zone in floor.zones:
        ids = [one for member in as_built([zone]) for one in member.sensor_ids]
        yield _covered(floor, zone, [by_id[one] for one in ids if one in by_id and by_id[one].installed])


def _covered(floor: Floor, asset: Room | Zone, sensors: Sequence[Sensor]) -> Covered:
    """By one sensor a device, as everywhere: a copy counts where its original does not."""
    counted = one_per_device(sensors, floor.virtual_sensors)
    states = [sensor.works for sensor in counted if sensor.works is not None]
    online = any(states) if states else None
    silent = [sensor for sensor in counted if sensor.works is False]
    if floor.sensors is None:
        return Covered(floor, asset, 0, 0, None, "Butlr does not say which sensors there are")
    if not counted:
        return Covered(floor, asset, 0, 0, None, NO_SENSOR)
    if online is not False:
        return Covered(floor, asset, len(counted), len(silent), online)
    heartbeats_s = [s.last_heartbeat_s for s in silent if s.last_heartbeat_s is not None]
    hives = dict.fromkeys(s.behind for s in silent if s.behind is not None)
    is_by_hives = all(s.behind is not None for s in silent)
    reason = (
        "; ".join(_offline_since(hive, floor) for hive in hives) if is_by_hives else "its sensors are offline"
    )
    return Covered(floor, asset, len(counted), len(silent), online, reason, max(heartbeats_s, default=None))


def instant_of_text(text: str) -> float | None:
    """Seconds since the epoch of a date as Butlr writes it, with up to nine decimals; `None` of any other."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
