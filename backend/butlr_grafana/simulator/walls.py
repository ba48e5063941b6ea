"""The walls of rooms and floors, their neighbours, and their doors."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .geometry import Bools, Floats, Point, Polygon, contains, edges
from .world import Floor, Room

DOOR_M, ENTRANCE_M = 0.9, 1.8
PIER_M = 0.4
"""What is left of a wall at both ends of an opening."""
_JAMB_M = 0.5
"""How far from a corner a door is."""
_STEP_M = 0.25
_OPEN = ("open_space", "kitchen", "lounge")
"""Rooms without a wall towards the corridor."""


@dataclass(frozen=True)
class Wall:
    """A straight side, `length_m` from `start` in the direction `along`; `inwards` is square to it."""

    start: Point
    along: Point
    inwards: Point
    length_m: float

    def at(self, along_m: float, inwards_m: float = 0.0) -> Point:
        """The point at a distance along the wall and at a distance from it."""
        return (
            self.start[0] + along_m * self.along[0] + inwards_m * self.inwards[0],
            self.start[1] + along_m * self.along[1] + inwards_m * self.inwards[1],
        )


@dataclass(frozen=True)
class WayIn:
    """An opening of a wall, `width_m` wide from `start_m` on; with or without a door."""

    wall: Wall
    start_m: float
    width_m: float
    has_door: bool

    @property
    def ends(self) -> tuple[Point, Point]:
        """The two sides of the opening."""
        return self.wall.at(self.start_m), self.wall.at(self.start_m + self.width_m)

    @property
    def swing(self) -> Polygon:
        """The square in front of a door, which stays free."""
        stop_m = self.start_m + self.width_m
        inner = (self.wall.at(stop_m, self.width_m), self.wall.at(self.start_m, self.width_m))
        return (*self.ends, *inner)


def sides(polygon: Polygon) -> Iterator[Wall]:
    """The walls of a room or floor. Each faces the inside."""
    for (x0, y0), (x1, y1) in edges(polygon):
        length = math.hypot(x1 - x0, y1 - y0)
        along = ((x1 - x0) / length, (y1 - y0) / length)
        left = (-along[1], along[0])
        x, y = (x0 + x1) / 2 + 0.01 * left[0], (y0 + y1) / 2 + 0.01 * left[1]
        is_left = contains(polygon, np.array([x]), np.array([y]))[0]
        yield Wall((x0, y0), along, left if is_left else (along[1], -along[0]), length)


def ways_in(floor: Floor, room: Room) -> list[WayIn]:
    """A door to the corridor or, if there is none, to another room. A room that is not closed is open to the
    corridor.
    """
    others = tuple(other.footprint for other in floor.rooms if other.id != room.id)
    return list(_ways_in(floor.outline, others, room.footprint, room.room_type))


@lru_cache(maxsize=1024)
def _ways_in(
    outline: Polygon, others: tuple[Polygon, ...], footprint: Polygon, room_type: str
) -> Sequence[WayIn]:
    """Kept, as many floors of a large tenant are drawn alike."""
    found = [(wall, *run) for wall in sides(footprint) for run in _runs(outline, others, wall)]
    corridor = [(wall, start, stop) for wall, start, stop, behind in found if behind == "corridor"]
    if room_type in _OPEN and corridor:
        return [
            WayIn(wall, start + PIER_M, stop - start - 2 * PIER_M, has_door=False)
            for wall, start, stop in corridor
            if stop - start > 4 * PIER_M
        ]
    neighbours = [(wall, start, stop) for wall, start, stop, behind in found if behind == "room"]
    wide = [run for run in corridor or neighbours if run[2] - run[1] > DOOR_M + 0.2]
    if not wide:
        return []
    wall, start, stop = max(wide, key=lambda run: run[2] - run[1])
    return [WayIn(wall, start + min(_JAMB_M, (stop - start - DOOR_M) / 2), DOOR_M, has_door=True)]


def entrance(floor: Floor) -> WayIn:
    """The opening in the outer wall that is nearest to the entrance spot."""

    def along_m(wall: Wall) -> float:
        off = (floor.entrance[0] - wall.start[0], floor.entrance[1] - wall.start[1])
        along = off[0] * wall.along[0] + off[1] * wall.along[1]
        return min(max(along, ENTRANCE_M / 2), wall.length_m - ENTRANCE_M / 2)

    wall = min(sides(floor.outline), key=lambda wall: math.dist(floor.entrance, wall.at(along_m(wall))))
    return WayIn(wall, along_m(wall) - ENTRANCE_M / 2, ENTRANCE_M, has_door=True)


def _runs(outline: Polygon, others: Iterable[Polygon], wall: Wall) -> Iterator[tuple[float, float, str]]:
    """Along a room's side: from, to, and whether `corridor` or `room` lies behind it."""
    along: Floats = np.arange(_STEP_M / 2, wall.length_m, _STEP_M)
    x: Floats = wall.start[0] + along * wall.along[0] - 0.2 * wall.inwards[0]
    y: Floats = wall.start[1] + along * wall.along[1] - 0.2 * wall.inwards[1]
    rooms: Bools = np.zeros(along.shape, dtype=np.bool_)
    for other in others:
        rooms |= contains(other, x, y)
    corridor: Bools = contains(outline, x, y) & ~rooms
    for behind, name in ((corridor, "corridor"), (rooms, "room")):
        change = np.diff(np.concatenate([[0], behind.astype(np.int8), [0]]))
        for first, stop in zip(np.flatnonzero(change == 1), np.flatnonzero(change == -1), strict=True):
            yield float(first * _STEP_M), float(min(stop * _STEP_M, wall.length_m)), name
