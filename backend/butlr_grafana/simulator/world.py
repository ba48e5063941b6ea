"""The world that stands still: sites, buildings, floors, rooms, zones and sensors.

Lengths are metres on the floor, x to the right and y upwards. The office that ships is
`office.default_office()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from zoneinfo import ZoneInfo

from .geometry import Point, Polygon, area_m2, extent

SQUARE_FEET_PER_M2 = 10.763910416709722


@dataclass(frozen=True)
class Capacity:
    """Seats: the most, and the comfortable number."""

    max: int
    mid: int


@dataclass(frozen=True)
class Room:
    """A room as built, and what Butlr was told of it.

    `footprint` is where it is; Butlr knows the outline only of a `mapped` room. `appeal` weighs how much it
    is used beside rooms of its type: 0 is a room that nobody ever enters.
    """

    id: str
    name: str
    room_type: str
    footprint: Polygon
    capacity: Capacity | None
    tags: tuple[str, ...] = ()
    appeal: float = 1.0
    mapped: bool = True

    @property
    def polygon(self) -> Polygon | None:
        """The outline Butlr serves, None where the room was never drawn."""
        return self.footprint if self.mapped else None


@dataclass(frozen=True)
class Zone:
    """A marked area, inside one room or, with no `room_id`, in open space."""

    id: str
    name: str
    polygon: Polygon
    room_id: str | None


@dataclass(frozen=True)
class Sensor:
    """A heat sensor in a room (`presence`) or over a door (`traffic`; of the floor itself: `is_entrance`).

    With `outage_day` it is offline for four days of each 28-day cycle, from that day of the cycle on
    (see `People.offline`).
    """

    id: str
    name: str
    mac_address: str
    mode: str
    floor_id: str
    room_id: str | None
    is_entrance: bool = False
    outage_day: int | None = None


@dataclass(frozen=True)
class Floor:
    """A floor: its outline, what is on it, and how many people have their desk there.

    `grid_origin_m` is where a corner of the heat map's cells lies: Butlr does not document its own.
    `capacity` is a bare number on some floors, as Butlr may answer one. `guarded`: someone is there at night.
    `plan_rotation_deg`: how far its plan's picture is to be turned counterclockwise to lie right.
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
    capacity: Capacity | int
    area_unit: str = "m2"
    grid_origin_m: Point = (0.0, 0.0)
    guarded: bool = False
    plan_rotation_deg: int = 0

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """`min_x, min_y, max_x, max_y` of the outline."""
        return extent(self.outline)

    @property
    def zone_info(self) -> ZoneInfo:
        """The floor's clock."""
        return ZoneInfo(self.timezone)

    def area(self, polygon: Polygon) -> float:
        """A polygon's area in this floor's `area_unit`."""
        return area_m2(polygon) * (SQUARE_FEET_PER_M2 if self.area_unit == "sqft" else 1.0)


@dataclass(frozen=True)
class Building:
    """A building, whose clock its floors share."""

    id: str
    name: str
    timezone: str
    capacity: Capacity
    floors: tuple[Floor, ...]


@dataclass(frozen=True)
class Site:
    """A campus of buildings."""

    id: str
    name: str
    timezone: str
    buildings: tuple[Building, ...]


@dataclass(frozen=True)
class Office:
    """Everything one Butlr account sees."""

    sites: tuple[Site, ...]

    @property
    def floors(self) -> Iterator[Floor]:
        """Every floor, in the order of the sites."""
        return (floor for site in self.sites for building in site.buildings for floor in building.floors)

    @property
    def sensors(self) -> Iterator[Sensor]:
        """Every sensor of every floor."""
        return (sensor for floor in self.floors for sensor in floor.sensors)

    @cached_property
    def by_id(self) -> dict[str, Floor]:
        """The floors by their id."""
        return {floor.id: floor for floor in self.floors}
