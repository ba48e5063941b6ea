"""Buildings, floors, rooms, zones and floor plans, as in Butlr's topology. All lengths are in metres."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.model.sensors import Hive, Sensor, VirtualRule

FOOT_M = 0.3048
"""Exactly."""
Polygon = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle on the floor in metres."""

    min_x: float
    min_y: float
    max_x: float
    max_y: float

    def union(self, other: Bounds) -> Bounds:
        return Bounds(
            min(self.min_x, other.min_x),
            min(self.min_y, other.min_y),
            max(self.max_x, other.max_x),
            max(self.max_y, other.max_y),
        )


@dataclass(frozen=True, slots=True)
class Room:
    """A room; a value that Butlr does not know is `None`. With `members` it stands for several rooms that are
    only shown as a sum (see `privacy`), and has no polygon. `silent_since_s`: when its sensors last sent
    data, if it is offline now.
    """

    id: str
    name: str
    floor_id: str
    type: str | None = None
    polygon: Polygon | None = None
    capacity: int | None = None
    area_m2: float | None = None
    tags: tuple[str, ...] = ()
    online: bool | None = None
    members: tuple[Room, ...] = ()
    rotation_deg: float = 0.0
    silent_since_s: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A marked area; `members`, `silent_since_s` as in `Room`."""

    id: str
    name: str
    floor_id: str
    room_id: str | None = None
    polygon: Polygon | None = None
    members: tuple[Zone, ...] = ()
    capacity: int | None = None
    area_m2: float | None = None
    tags: tuple[str, ...] = ()
    sensor_ids: tuple[str, ...] = ()
    online: bool | None = None
    rotation_deg: float = 0.0
    silent_since_s: int | None = None


Asset = TypeVar("Asset", Room, Zone)


def as_built(assets: Iterable[Asset]) -> list[Asset]:
    """The rooms or zones one by one, including those that are only shown as a sum. Only for outlines, not for
    values.
    """
    return [member for asset in assets for member in asset.members or (asset,)]


@dataclass(frozen=True, slots=True)
class Building:
    id: str
    name: str
    site: str


@dataclass(frozen=True, slots=True)
class FloorPlanPicture:
    """The address of Butlr's picture of a floor, and its place on the floor.

    The picture is turned by `rotation_deg` (from x towards y) and then covers `polygon`, in metres. The
    address may contain a signature, so it is never shown.
    """

    url: str = field(repr=False)
    polygon: Polygon
    rotation_deg: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class PlanDrawing:
    """The floor plan from Butlr's picture. `line_art`: uint8[height, width]; 0 is blank, 255 is darkest."""

    plan: FloorPlanPicture
    line_art: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor, which Butlr's heat-map API calls a space.

    `sensors`, `hives`: all that Butlr lists on the floor, including virtual sensors; `None`: Butlr did not
    list them. `virtual_sensors`: which of the sensors count (`sensors.one_per_device`).
    """

    id: str
    name: str
    building: Building
    timezone: str
    number: int | None = None
    capacity: int | None = None
    area_m2: float | None = None
    outline: Polygon | None = None
    plan: FloorPlanPicture | None = None
    rooms: tuple[Room, ...] = ()
    zones: tuple[Zone, ...] = ()
    tags: tuple[str, ...] = ()
    sensors: tuple[Sensor, ...] | None = None
    hives: tuple[Hive, ...] | None = ()
    virtual_sensors: VirtualRule = "by-place"

    def chosen(self, rooms: Sequence[Room] | None) -> Sequence[Room]:
        """The rooms that are chosen: all of the floor's, where none are."""
        return self.rooms if rooms is None else rooms

    @property
    def is_silent(self) -> bool:
        """Whether no sensor of the floor sends data. Then it is unknown whether people are there."""
        states = [sensor.works for sensor in self.sensors or () if sensor.installed]
        return bool(states) and all(works is False for works in states)

    @property
    def silent_since_s(self) -> int | None:
        """When the sensors of a silent floor last sent data; `None` if the floor is not silent, or if the
        time is unknown.
        """
        heartbeats_s = [s.last_heartbeat_s for s in self.sensors or () if s.last_heartbeat_s is not None]
        return max(heartbeats_s, default=None) if self.is_silent else None

    @property
    def bounds(self) -> Bounds | None:
        """The rectangle around the floor's outline and all its polygons, in metres."""
        rooms, zones = as_built(self.rooms), as_built(self.zones)
        shapes = [self.outline, *(r.polygon for r in rooms), *(z.polygon for z in zones)]
        points = [p for shape in shapes if shape for p in shape]
        if not points:
            return None
        xs, ys = zip(*points, strict=True)
        return Bounds(min(xs), min(ys), max(xs), max(ys))


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the topology that a viewer of a floor should know. If `floor_id` is `None`, it concerns
    every floor and names none, because not everybody may see each.

    `about`: what it concerns: `time` (windows and days), `area`, `traffic`, `places` (rooms, zones), `gone`
    (a floor that is no longer listed), `schema` (fields that an account lacks), `devices`, `all`. `of`: the
    ids of the rooms and zones that the text names; `anonymous`: the text for callers who may not see these
    names. `is_neutral`: nothing is missing or wrong; it only says how figures come about.
    """

    floor_id: str | None
    text: str
    about: str = "all"
    of: tuple[str, ...] = ()
    anonymous: str = ""
    is_neutral: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """The floors that may be queried, by id, in Butlr's order.

    `notes`: what could not be read, or was decided instead of Butlr. `partial`: Butlr left out a part of its
    response, so a missing floor may still exist. `as_of_s`: when Butlr was called; `None` if that is not
    known.
    """

    floors: dict[str, Floor]
    notes: tuple[Note, ...] = ()
    partial: bool = False
    as_of_s: float | None = None

    def restricted_to(self, floors: frozenset[str] | None) -> Topology:
        """The topology with only these floors; `None`: all floors."""
        if floors is None:
            return self
        notes = tuple(n for n in self.notes if n.floor_id is None or n.floor_id in floors)
        return replace(self, floors={k: f for k, f in self.floors.items() if k in floors}, notes=notes)

    def notes_on(self, floor_id: str) -> tuple[Note, ...]:
        """The notes that concern a floor."""
        return tuple(note for note in self.notes if note.floor_id in (None, floor_id))

    @property
    def buildings(self) -> tuple[Building, ...]:
        return tuple(dict.fromkeys(f.building for f in self.floors.values()))
