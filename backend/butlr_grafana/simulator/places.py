"""The places of a floor: seats in rooms, spots in open zones, and the corridor between them."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass

import numpy as np

from .geometry import Floats, Polygon, box, clearance_m, contains, grid_points
from .stays import OUTSIDE, Ints
from .world import Floor, Room

_SPOT_STEP_M = {"open_space": 1.7, "meeting_room": 1.1, "kitchen": 1.0, "open_zone": 0.5, "corridor": 0.5}
_WALL_M = 0.35
"""The smallest distance between a person and a wall."""
_REACH_M = 0.4
"""The largest distance between a detection and the person."""


@dataclass(frozen=True)
class Place:
    """A room or (`room` is `OUTSIDE`) open space; `spots` index the arrays of `Places`, best first."""

    room: int
    room_type: str
    popularity: float
    seats: int
    spots: Ints


Drawing = tuple[object, ...]


def drawing(floor: Floor) -> Drawing:
    """Everything on which the places of a floor depend. Floors with equal drawings have the same places."""
    rooms = tuple((room.footprint, room.room_type, room.popularity, room.capacity) for room in floor.rooms)
    open_zones = tuple(zone.polygon for zone in floor.zones if zone.room_id is None)
    return floor.outline, floor.entrance, rooms, open_zones


class Places:
    """The places of a floor: n spots as parallel arrays.

    `x_m`, `y_m`, `room` and `reach_m` have the length n. `reach_m`: how far a detection may lie from the
    spot; it never lies behind a wall.
    """

    def __init__(self, floor: Floor) -> None:
        self.floor = floor
        self._x: list[Floats] = []
        self._y: list[Floats] = []
        self.rooms = tuple(self._room(index, room) for index, room in enumerate(floor.rooms))
        self.open_zones = tuple(
            self._place(OUTSIDE, "open_zone", zone.polygon, zone.polygon[0])
            for zone in floor.zones
            if zone.room_id is None
        )
        self.corridor = self._place(OUTSIDE, "corridor", box(*floor.extent), floor.entrance)
        self.x_m, self.y_m = np.concatenate(self._x), np.concatenate(self._y)
        self.reach_m = np.minimum(_REACH_M, 0.9 * clearance_m(_walls(floor), self.x_m, self.y_m))
        self.room = np.full(len(self.x_m), OUTSIDE, dtype=np.int64)
        for place in self.rooms:
            self.room[place.spots] = place.room
        self._corridor_near = self._nearest_corridor()

    def on(self, floor: Floor) -> Places:
        """The same places, on another floor of the same `drawing`."""
        others = copy(self)
        others.floor = floor
        return others

    @property
    def entrance(self) -> int:
        """The spot at the entrance."""
        return int(self.corridor.spots[0])

    def corridor_near(self, x: Floats, y: Floats) -> Ints:
        """The spot of the corridor that is nearest to each of n points, within a square metre."""
        min_x, min_y, _, _ = self.floor.extent
        rows, columns = self._corridor_near.shape
        row = np.clip((y - min_y).astype(np.int64), 0, rows - 1)
        column = np.clip((x - min_x).astype(np.int64), 0, columns - 1)
        return self._corridor_near[row, column]

    def _nearest_corridor(self) -> Ints:
        min_x, min_y, max_x, max_y = self.floor.extent
        x, y = np.arange(min_x + 0.5, max_x), np.arange(min_y + 0.5, max_y)
        spots = self.corridor.spots
        off: Floats = np.hypot(x[None, :, None] - self.x_m[spots], y[:, None, None] - self.y_m[spots])
        nearest: Ints = spots[off.argmin(axis=-1)]
        return nearest

    def _room(self, index: int, room: Room) -> Place:
        """Desks fill from the entrance on, tables from the middle, counters and sofas from a corner."""
        best: Sequence[float] = room.footprint[0]
        if room.room_type == "open_space":
            best = self.floor.entrance
        elif room.room_type == "meeting_room":
            best = np.mean(room.footprint, axis=0)
        return self._place(index, room.room_type, room.footprint, best)

    def _place(self, index: int, room_type: str, polygon: Polygon, best: Sequence[float]) -> Place:
        """Adds the grid points of a polygon away from walls and, where it is no room's, outside all rooms."""
        x, y = grid_points(polygon, _SPOT_STEP_M.get(room_type, 0.8))
        free = contains(self.floor.outline, x, y) & (clearance_m(_walls(self.floor), x, y) >= _WALL_M)
        if index == OUTSIDE:
            for other in self.floor.rooms:
                free &= ~contains(other.footprint, x, y)
        x, y = x[free], y[free]
        nearest = np.argsort(np.hypot(x - best[0], y - best[1]), kind="stable")
        first = sum(map(len, self._x))
        self._x.append(x[nearest])
        self._y.append(y[nearest])
        room = None if index == OUTSIDE else self.floor.rooms[index]
        seats = len(x) if room is None or room.capacity is None else min(len(x), room.capacity.max)
        return Place(
            index, room_type, 1.0 if room is None else room.popularity, seats, first + np.arange(len(x))
        )


def _walls(floor: Floor) -> tuple[Polygon, ...]:
    return (floor.outline, *(room.footprint for room in floor.rooms))
