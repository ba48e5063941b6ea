"""Sensors and hives, and which of them count.

Butlr Studio can clone a sensor (the same detections at another place: one door counts for its room and for
its floor) and mirror it (in and out swapped). Copies are listed with the originals. A sum over all of them
counts a person twice. A sum without copies may lose the only entrance of a floor. So a copy counts at a place
where its original does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

VirtualRule = Literal["by-place", "drop"]
"""`by-place`: one sensor per device counts at each place. `drop`: only physical sensors count, as in Butlr's
own client.
"""

Kind = Literal["physical", "clone", "mirror"]
KINDS: tuple[Kind, ...] = ("physical", "clone", "mirror")
"""In the order of preference at a place."""

CLONE, MIRROR = ("fa", "ke"), ("mi", "rr", "or")
"""How the MAC address of a virtual sensor begins; the rest names the device that it is a copy of."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A heat sensor, or a copy of one.

    `mode`: `presence` (people in a room), `traffic` (people through a door), or empty where Butlr does not
    say. `online`, `is_entrance`: `None` where Butlr does not say. Times are seconds since the epoch; the
    battery's date is Butlr's own text. `center_m`: the centre of what it covers. `asleep`: silent by a
    schedule. `behind`: the offline hive that silences it (see `silencing`).
    """

    id: str
    name: str
    mac: str
    mode: str = ""
    room_id: str | None = None
    is_entrance: bool | None = None
    online: bool | None = None
    last_heartbeat_s: int | None = None
    last_reading_s: int | None = None
    hive_serial: str = ""
    model: str = ""
    power: str = ""
    battery_due: str = ""
    installed: bool = True
    center_m: tuple[float, float] | None = None
    height_m: float | None = None
    field_of_view_deg: float | None = None
    asleep: bool | None = None
    behind: Hive | None = None

    @property
    def works(self) -> bool | None:
        """Whether the sensor sends data; `None` if Butlr does not say."""
        return False if self.behind is not None else self.online

    @property
    def kind(self) -> Kind:
        return kind_of(self.mac)

    @property
    def tail(self) -> str:
        return device_part(self.mac) or self.id

    @property
    def is_physical(self) -> bool:
        """Whether it is a real device: it has a MAC address of its own."""
        return bool(self.mac) and self.kind == "physical"

    @property
    def counts_doors(self) -> bool:
        return self.mode == "traffic"


@dataclass(frozen=True, slots=True)
class Hive:
    """A hub that forwards the data of sensors. While it is offline, its sensors send no data. `at_m`: its
    position.
    """

    id: str
    name: str
    serial: str
    room_id: str | None = None
    online: bool | None = None
    last_heartbeat_s: int | None = None
    asleep: bool | None = None
    installed: bool = True
    model: str = ""
    at_m: tuple[float, float] | None = None

    @property
    def is_physical(self) -> bool:
        """Whether it is a real device. Butlr also lists hives without a serial number, or with an invented
        one.
        """
        return bool(self.serial) and not self.serial.lower().startswith("fake")


OTHER_ROUTE_S = 600
"""In seconds. A sensor that sent data so long after its hive uses another hive: a hive's heartbeat is at most
2 minutes old, a sensor's at most 7, while they are online.
"""


def silencing(sensor: Sensor, hives: Mapping[str, Hive]) -> Hive | None:
    """The hive that a sensor reports to, by serial number, if the hive is offline and the sensor has sent
    nothing since.

    Butlr may call such a sensor online: the last report of the sensor is all that Butlr knows.
    """
    hive = hives.get(sensor.hive_serial) if sensor.hive_serial else None
    if hive is None or hive.online is not False or hive.asleep or not hive.installed:
        return None
    if sensor.online is False or sensor.last_heartbeat_s is None or hive.last_heartbeat_s is None:
        return hive
    return hive if sensor.last_heartbeat_s <= hive.last_heartbeat_s + OTHER_ROUTE_S else None


def _groups(mac: str) -> tuple[str, ...]:
    return tuple(mac.lower().replace(":", "-").split("-")) if mac else ()


def kind_of(mac: str) -> Kind:
    """The kind of sensor, from the first groups of its MAC address."""
    groups = _groups(mac)
    if groups[:2] == CLONE:
        return "clone"
    return "mirror" if groups[:3] == MIRROR else "physical"


def device_part(mac: str) -> str:
    """The part of a MAC address that a device and its copies share; empty without an address.

    A clone has `fa-ke` in place of the first two groups. A mirror has `mi-rr-or-` before all of them.
    """
    groups = _groups(mac)
    if kind_of(mac) == "mirror":
        groups = groups[len(MIRROR) :]
    return "-".join(groups[len(CLONE) :])


def one_per_device(sensors: Iterable[Sensor], rule: VirtualRule) -> tuple[Sensor, ...]:
    """The sensors of one place that count, in their order: one per device, the original before a clone, a
    clone before a mirror. With `drop`: only originals.
    """
    listed = list(sensors)
    if rule == "drop":
        return tuple(sensor for sensor in listed if sensor.kind == "physical")
    best: dict[str, Sensor] = {}
    for sensor in listed:
        known = best.get(sensor.tail)
        if known is None or KINDS.index(sensor.kind) < KINDS.index(known.kind):
            best[sensor.tail] = sensor
    return tuple(sensor for sensor in listed if best[sensor.tail] is sensor)
