"""The fixed parts of the world: sites, buildings, floors, rooms, zones, sensors and hives, and their tags.

Lengths are metres on the floor, x to the right and y upwards. The default office is
`office.default_office()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from zoneinfo import ZoneInfo

from .geometry import Point, Polygon, area_m2, extent

SQUARE_FEET_PER_M2 = 10.763910416709722


@dataclass(frozen=True)
class Capacity:
    """The number of seats: the maximum, and the comfortable number. 0: not set, as `mid` in most cases."""

    max: int
    mid: int = 0


UNSET = Capacity(0)


@dataclass(frozen=True)
class Tag:
    """A tag of floors, rooms and zones."""

    id: str
    name: str

    @classmethod
    def named(cls, name: str) -> Tag:
        """The tag with this name, with its id."""
        return cls(f"tag_{name.lower().replace(' ', '-')}", name)


@dataclass(frozen=True)
class Room:
    """A room as built, and what Butlr was told of it.

    `footprint` is where it is; Butlr knows the outline only of a `mapped` room. `popularity` weighs how much
    it is used beside rooms of its type: 0 is a room that nobody ever enters. `tags` are names. Whether Butlr
    was told the `room_type`: `type_given` is `None` where not, or the word it has then.
    """

    id: str
    name: str
    room_type: str
    footprint: Polygon
    capacity: Capacity | None
    tags: tuple[str, ...] = ()
    popularity: float = 1.0
    mapped: bool = True
    type_given: Literal["", "Untagged"] | None = ""

    @property
    def type_in_butlr(self) -> str | None:
        """The type of the room in Butlr's responses."""
        return self.room_type if self.type_given == "" else self.type_given

    @property
    def polygon(self) -> Polygon | None:
        """The outline in Butlr's responses; None if the room was never drawn."""
        return self.footprint if self.mapped else None


@dataclass(frozen=True)
class Zone:
    """A marked area, inside one room or, with no `room_id`, in open space."""

    id: str
    name: str
    polygon: Polygon
    room_id: str | None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sensor:
    """A heat sensor in a room (`presence`) or over a door (`traffic`; of the floor itself: `is_entrance`).

    The room of an entrance's sensor is one beside it. `zone_id`: the zone outside rooms that it watches. With
    `outage_day` it is offline for four days of each 28-day cycle, from that day of the cycle on (see
    `People.offline`). `twin_id`: the sensor that it is a clone or a mirror of (see `devices`).
    `battery_due`: of a battery that nobody changes in time, as Butlr writes it.
    """

    id: str
    name: str
    mac_address: str
    mode: str
    floor_id: str
    room_id: str | None
    is_entrance: bool = False
    outage_day: int | None = None
    zone_id: str | None = None
    hive_serial: str = ""
    twin_id: str | None = None
    battery_due: str | None = None

    @property
    def is_clone(self) -> bool:
        """Whether it is a clone of another sensor, at another place."""
        return self.mac_address.startswith("fa-ke-")

    @property
    def is_mirror(self) -> bool:
        """Whether it is another sensor with in and out swapped."""
        return self.mac_address.startswith("mi-rr-or-")

    @property
    def is_virtual(self) -> bool:
        """Whether there is no device of its own."""
        return self.is_clone or self.is_mirror


@dataclass(frozen=True)
class Hive:
    """The hub to which the sensors around it send their data."""

    id: str
    name: str
    serial_number: str
    floor_id: str
    room_id: str | None
    at: Point


@dataclass(frozen=True)
class Floor:
    """A floor: its outline, what is on it, and how many people have their desk there.

    `timezone` is its clock; what Butlr says of it is `timezone_in_butlr`, else only the site's.
    `grid_origin_m` is where a corner of the heat map's cells lies: Butlr does not document its own.
    `guarded`: someone is there at night. `plan_rotation_deg`: how far its plan's picture is to be turned
    counterclockwise to lie right.
    `detections_per_minute` of a person. `doors_only`: nothing sees who is there. `listed_twice`: rooms that
    Butlr lists twice. `null_lists`: its lists that are null rather than empty, by their names in the schema.
    """

    id: str
    name: str
    number: int
    timezone: str
    outline: Polygon
    entrance: Point
    rooms: tuple[Room, ...]
    zones: tuple[Zone, ...]
    sensors: tuple[Sensor, ...]
    staff: int
    capacity: Capacity
    area_unit: str = "m2"
    grid_origin_m: Point = (0.0, 0.0)
    guarded: bool = False
    plan_rotation_deg: int = 0
    hives: tuple[Hive, ...] = ()
    tags: tuple[str, ...] = ()
    timezone_in_butlr: str | None = None
    detections_per_minute: int = 110
    doors_only: bool = False
    installed: str | None = "2023-09-04T00:00:00Z"
    listed_twice: tuple[str, ...] = ()
    null_lists: frozenset[str] = frozenset({"sensors", "hives"})

    def __hash__(self) -> int:
        # Of all that is on it would take a millisecond, and floors are keys of caches.
        return hash(self.id)

    @property
    def placed(self) -> tuple[Room | Zone, ...]:
        """The rooms, then the zones."""
        return (*self.rooms, *self.zones)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """`min_x, min_y, max_x, max_y` of the outline."""
        return extent(self.outline)

    @property
    def zone_info(self) -> ZoneInfo:
        """The time zone of the floor's clock."""
        return ZoneInfo(self.timezone)

    def area(self, polygon: Polygon) -> float:
        """A polygon's area in this floor's `area_unit`."""
        return area_m2(polygon) * (SQUARE_FEET_PER_M2 if self.area_unit == "sqft" else 1.0)


@dataclass(frozen=True)
class Building:
    """A building. Butlr has no time zone for it; its floors have the same one."""

    id: str
    name: str
    timezone: str
    capacity: Capacity
    floors: tuple[Floor, ...]


@dataclass(frozen=True)
class Site:
    """A group of buildings. `timezone`: as in Butlr; it may be missing or unknown."""

    id: str
    name: str
    timezone: str | None
    buildings: tuple[Building, ...]


@dataclass(frozen=True)
class RemovedAsset:
    """An asset that no longer exists, although a tag still has it. `kind` is `rooms`, `zones` or `floors`."""

    tag: str
    kind: Literal["rooms", "zones", "floors"]
    id: str
    name: str


@dataclass(frozen=True)
class Office:
    """Everything one Butlr account sees. `unused_tags` are names."""

    sites: tuple[Site, ...]
    removed: tuple[RemovedAsset, ...] = ()
    unused_tags: tuple[str, ...] = ()
    org_id: str = "org_demo"

    @property
    def buildings(self) -> Iterator[tuple[Site, Building]]:
        """Every building with its site."""
        return ((site, building) for site in self.sites for building in site.buildings)

    @property
    def floors(self) -> Iterator[Floor]:
        """Every floor, in the order of the sites."""
        return (floor for _, building in self.buildings for floor in building.floors)

    @property
    def sensors(self) -> Iterator[Sensor]:
        """Every sensor of every floor."""
        return (sensor for floor in self.floors for sensor in floor.sensors)

    @property
    def hives(self) -> Iterator[Hive]:
        """Every hive of every floor."""
        return (hive for floor in self.floors for hive in floor.hives)

    @cached_property
    def by_id(self) -> dict[str, Floor]:
        """The floors by their id."""
        return {floor.id: floor for floor in self.floors}

    @cached_property
    def tags(self) -> tuple[Tag, ...]:
        """Every tag, by name."""
        used = [name for floor in self.floors for name in floor.tags]
        used += [name for floor in self.floors for one in floor.placed for name in one.tags]
        return tuple(
            map(Tag.named, sorted({*used, *self.unused_tags, *(removed.tag for removed in self.removed)}))
        )
