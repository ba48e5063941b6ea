"""Other offices than the default one, for tests: floors as in other accounts."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, Literal

from .fittings import with_clone
from .office import default_office
from .world import Building, Capacity, Floor, Office, Sensor, Site

PUNE, PUNE_DOORS, SOMEWHERE = "space_pune_1", "space_pune_2", "space_somewhere_1"
"""The floors of `varied_office` that the default office does not have."""

NULL_LISTS = frozenset({"rooms", "zones", "sensors", "hives", "tags"})

Tails = Literal["letters27", "lower24", "uuid"]
"""How the tails of Butlr's ids have been seen: 27 letters and digits, 24 in lower case, a UUID."""


def varied_office(rates: tuple[int, int, int] = (60, 110, 180)) -> Office:
    """Six floors, no two alike.

    The shipped floors, of which a person gives `rates` detections a minute, and:

    - `PUNE`, of 110: its zone, at half past the hour, comes from its site only; two rooms are listed twice,
      and its empty lists are null; it has no zones. Its entrance is cloned into another room of the floor,
      where it counts as entrance too. One presence sensor has neither a MAC address nor a hive.
    - `PUNE_DOORS`: doors only. The name of the floor's time zone does not exist.
    - `SOMEWHERE`: neither its site nor the floor has a zone, so that its clock is UTC.
    """
    shipped = with_rates(default_office(), dict(zip(default_office().by_id, rates, strict=True)))
    paris_2 = shipped.by_id["space_paris_2"]
    pune = copy_of(paris_2, "pune_1", "Pune, 1st floor", timezone="Asia/Kolkata", detections_per_minute=110)
    rooms = tuple(room.id for room in pune.rooms)
    seen = tuple(sensor for sensor in pune.sensors if sensor.zone_id is None)
    twice = (rooms[1], rooms[4])
    pune = replace(pune, zones=(), sensors=seen, listed_twice=twice, null_lists=NULL_LISTS)
    pune = with_clone(pune, "sensor_pune_1_entrance", "Entrance 2", "Canteen")
    pune = replace(pune, sensors=(*pune.sensors[:-1], replace(pune.sensors[-1], is_entrance=True)))
    blank = Sensor("sensor_pune_1_blank", "Blank", "", "presence", PUNE, rooms[2])
    pune = replace(pune, sensors=(*pune.sensors, blank))
    doors = doors_only(copy_of(shipped.by_id["space_newyork_1"], "pune_2", "Pune, 2nd floor"))
    doors = replace(doors, timezone="Asia/Kolkata", timezone_in_butlr="India Standard Time")
    somewhere = copy_of(shipped.by_id["space_newyork_1"], "somewhere_1", "Somewhere, 1st floor")
    somewhere = replace(somewhere, timezone="UTC", timezone_in_butlr=None)
    return replace(
        shipped,
        sites=(
            *shipped.sites,
            _site("pune", "Pune", "Asia/Kolkata", pune, doors),
            _site("somewhere", "Somewhere", None, somewhere),
        ),
    )


def _site(key: str, name: str, timezone: str | None, *floors: Floor) -> Site:
    building = Building(f"building_{key}", name, timezone or "UTC", Capacity(100), floors)
    return Site(f"site_{key}", f"{name} campus", timezone, (building,))


def with_floor(office: Office, floor_id: str, change: Callable[[Floor], Floor]) -> Office:
    """The office with one floor changed."""

    def changed(floor: Floor) -> Floor:
        return change(floor) if floor.id == floor_id else floor

    return _mapped(office, changed)


def with_rates(office: Office, rates: Mapping[str, int]) -> Office:
    """The office with other detections per person and minute, by floor."""
    return _mapped(
        office,
        lambda floor: replace(floor, detections_per_minute=rates.get(floor.id, floor.detections_per_minute)),
    )


def with_site_zone(office: Office, site_id: str, timezone: str | None) -> Office:
    """The office in which Butlr returns another time zone for a site. The clocks of its floors do
    not change.
    """
    sites = [replace(site, timezone=timezone) if site.id == site_id else site for site in office.sites]
    return replace(office, sites=tuple(sites))


def doors_only(floor: Floor) -> Floor:
    """The floor without presence sensors: it has no heat, and occupancy only by doors."""
    return replace(
        floor,
        sensors=tuple(sensor for sensor in floor.sensors if sensor.mode == "traffic"),
        doors_only=True,
    )


def copy_of(floor: Floor, key: str, name: str, **changes: Any) -> Floor:
    """A copy of the floor with its own ids and MAC addresses."""
    old = floor.id.removeprefix("space_")
    copied: Floor = _renamed(floor, lambda text: text.replace(f"_{old}", f"_{key}"))
    macs = {sensor.mac_address: _other_mac(sensor, key) for sensor in floor.sensors}
    sensors = tuple(replace(one, mac_address=macs[one.mac_address]) for one in copied.sensors)
    return replace(copied, name=name, sensors=sensors, **changes)


def with_opaque_ids(office: Office, tails: Tails = "letters27") -> Office:
    """The office with ids like Butlr's: a prefix and a random part."""
    renamed: Office = _renamed(office, lambda text: _opaque(text, tails))
    return renamed


def _opaque(text: str, tails: Tails) -> str:
    prefix, _, rest = text.partition("_")
    if prefix not in _PREFIXES or not rest or " " in rest:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    match tails:
        case "lower24":
            return f"{prefix}_{digest[:24]}"
        case "uuid":
            return f"{prefix}_{uuid.UUID(digest[:32])}"
        case _:
            number, letters = int(digest, 16), ""
            while len(letters) < 27:
                number, index = divmod(number, len(_LETTERS))
                letters += _LETTERS[index]
            return f"{prefix}_{letters}"


_PREFIXES = frozenset({"site", "building", "space", "room", "zone", "sensor", "hive", "org"})
_LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _other_mac(sensor: Sensor, key: str) -> str:
    """The last four bytes anew, so that clones and mirrors keep their twin."""
    tail = hashlib.sha256(f"{key} {sensor.mac_address[-11:]}".encode()).hexdigest()[:8].upper()
    return sensor.mac_address[:-11] + "-".join(tail[i : i + 2] for i in range(0, 8, 2))


def _renamed(value: Any, rename: Callable[[str], str]) -> Any:
    """A value of the world in which every id, wherever it stands, has another name."""
    if is_dataclass(value) and not isinstance(value, type):
        changes = {
            item.name: _renamed(getattr(value, item.name), rename)
            for item in fields(value)
            if item.init and (item.name.endswith("id") or item.name in _HOLDERS)
        }
        return replace(value, **changes)
    if isinstance(value, tuple):
        return tuple(_renamed(one, rename) for one in value)
    return rename(value) if isinstance(value, str) else value


_HOLDERS = frozenset(
    {"sites", "buildings", "floors", "rooms", "zones", "sensors", "hives", "gone", "listed_twice"}
)


def _mapped(office: Office, change: Callable[[Floor], Floor]) -> Office:
    sites = [
        replace(
            site,
            buildings=tuple(
                replace(building, floors=tuple(map(change, building.floors))) for building in site.buildings
            ),
        )
        for site in office.sites
    ]
    return replace(office, sites=tuple(sites))
