"""Furniture for a floor plan: desks, tables, kitchens, sofas, shelves.

It is only drawn; people do not avoid it. Furniture in front of a door is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .canvas import Canvas, placed
from .geometry import Floats, Point, Polygon, area_m2, box, contains, extent, grid_points
from .world import Floor, Room

_LINE_M, _FINE_M = 0.035, 0.025
_GREY, _PALE = 90, 130
_DESKS_APART_M = 1.7
"""As the people's desks are (see `places`)."""
_FROM_WALL_M = 0.36
_LEAST_DESK_M = 1.2


def furnish(canvas: Canvas, floor: Floor, doors: Mapping[str, Sequence[Polygon]]) -> None:
    """Draws every room by its type, then the zones in open space. `doors`: by room, the area that
    stays free.
    """
    for room in floor.rooms:
        _BY_TYPE[room.room_type](_Space(canvas, room, tuple(doors[room.id])))
    for zone in floor.zones:
        if zone.room_id is None:
            _cupboards(canvas, zone.polygon, floor.entrance)


@dataclass(frozen=True)
class _Space:
    """A room to be furnished."""

    canvas: Canvas
    room: Room
    doors: tuple[Polygon, ...]

    @property
    def extent(self) -> tuple[float, float, float, float]:
        return extent(self.room.footprint)

    def seats(self, otherwise: int) -> int:
        return self.room.capacity.max if self.room.capacity else otherwise

    def is_free(self, shape: Polygon) -> bool:
        """Whether a piece lies in the room and in no door's way, by the rectangle around it."""
        min_x, min_y, max_x, max_y = extent(shape)
        corners = box(min_x, min_y, max_x, max_y)
        x: Floats = np.array([corner[0] for corner in corners])
        y: Floats = np.array([corner[1] for corner in corners])
        if not contains(self.room.footprint, x, y).all():
            return False
        ways = (extent(door) for door in self.doors)
        return not any(min_x < d and a < max_x and min_y < e and b < max_y for a, b, d, e in ways)


def _desks(space: _Space) -> None:
    """Back to back in pairs of rows, a chair at each."""
    canvas = space.canvas
    min_x, min_y, max_x, max_y = space.extent
    xs, ys = grid_points(space.room.footprint, _DESKS_APART_M)
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        row = round((y - min_y) / _DESKS_APART_M - 0.5)
        low, high = (y + 0.2, y + 0.84) if row % 2 == 0 else (y - 0.84, y - 0.2)
        left, right = max(x - 0.78, min_x + _FROM_WALL_M), min(x + 0.78, max_x - _FROM_WALL_M)
        low, high = max(low, min_y + _FROM_WALL_M), min(high, max_y - _FROM_WALL_M)
        desk = box(left, low, right, high)
        if right - left > _LEAST_DESK_M and high - low > _LEAST_DESK_M / 3 and space.is_free(desk):
            canvas.shape(desk, _LINE_M, _GREY)
            screen_y = y + (0.68 if row % 2 == 0 else -0.68)
            canvas.line(
                (((left + right) / 2 - 0.28, screen_y), ((left + right) / 2 + 0.28, screen_y)), 0.05, _GREY
            )
            _chair(canvas, ((left + right) / 2, y))


def _meeting(space: _Space) -> None:
    """One long table with chairs around it, and a screen at its end."""
    canvas, (min_x, min_y, max_x, max_y) = space.canvas, space.extent
    across, up = max_x - min_x, max_y - min_y
    turned, long_m, short_m = (0.0, across, up) if across >= up else (90.0, up, across)
    seats = space.seats(6)
    a_side = max(1, min(math.ceil(seats / 2), int((long_m - 1.9) / 0.72)))
    length, width = 0.72 * a_side + 0.2, min(1.3, max(0.5, short_m - 2.4))
    middle = ((min_x + max_x) / 2, (min_y + max_y) / 2)
    for k in range(a_side):
        along = (k - (a_side - 1) / 2) * 0.72
        for side in (-1, 1):
            _chair(canvas, placed(((along, side * (width / 2 + 0.24)),), middle, turned)[0])
    for side in (-1, 1)[: max(0, seats - 2 * a_side)]:
        _chair(canvas, placed(((side * (length / 2 + 0.24), 0.0),), middle, turned)[0])
    canvas.shape(placed(_rounded(length, width, 0.25), middle, turned), _LINE_M, _GREY)
    for end in (long_m / 2 - 0.4, 0.4 - long_m / 2):
        screen = placed(((end, -0.7), (end, 0.7)), middle, turned)
        if space.is_free(screen):
            canvas.line(screen, 0.07, _GREY)
            break


def _kitchen(space: _Space) -> None:
    """A counter with sink and hob along the lower wall, tables for four where there is space."""
    canvas, (min_x, min_y, max_x, max_y) = space.canvas, space.extent
    left, right, back = min_x + _FROM_WALL_M, max_x - _FROM_WALL_M, min_y + _FROM_WALL_M
    canvas.shape(box(left, back, right, back + 0.62), _LINE_M, _GREY)
    canvas.shape(box(left + 0.4, back + 0.12, left + 1.1, back + 0.5), _FINE_M, _PALE)
    for x, y in ((1.7, 0.2), (2.0, 0.2), (1.7, 0.43), (2.0, 0.43)):
        canvas.circle((left + x, back + y), 0.1, _FINE_M, _PALE)
    hall = box(min_x + 0.2, back + 1.3, max_x - 0.2, max_y - 0.3)
    for centre in list(_middles(hall, 2.1))[: max(1, space.seats(8) // 4)]:
        for turn in (45, 135, 225, 315):
            _chair(canvas, placed(((0.68, 0.0),), centre, turn)[0])
        canvas.circle(centre, 0.5, _LINE_M, _GREY)


def _lounge(space: _Space) -> None:
    """Sofas round low tables."""
    for centre in _middles(space.room.footprint, 3.3):
        group = box(centre[0] - 1.4, centre[1] - 1.4, centre[0] + 1.4, centre[1] + 1.4)
        if space.is_free(group):
            space.canvas.circle(centre, 0.42, _LINE_M, _GREY)
            for turned, width in ((0.0, 2.0), (180.0, 2.0), (90.0, 0.8)):
                _sofa(space.canvas, centre, width, turned)


def _booth(space: _Space) -> None:
    """A shelf to work at and a chair; a large one is a room to rest in."""
    canvas, (min_x, min_y, max_x, max_y) = space.canvas, space.extent
    middle = ((min_x + max_x) / 2, (min_y + max_y) / 2)
    if area_m2(space.room.footprint) > 12:
        for centre in _middles(space.room.footprint, 1.9):
            seat = box(centre[0] - 0.4, centre[1] - 0.6, centre[0] + 0.4, centre[1] + 0.6)
            if space.is_free(seat):
                _sofa(canvas, (centre[0], centre[1] - 1.0), 0.8, 0.0)
        return
    for turned in (180.0, 0.0, 90.0, 270.0):
        depth = (max_y - min_y if turned in (0.0, 180.0) else max_x - min_x) / 2 - _FROM_WALL_M
        shelf = placed(box(-0.5, depth - 0.5, 0.5, depth), middle, turned)
        chair = placed(((0.0, depth - 0.75),), middle, turned)[0]
        if space.is_free((*shelf, chair)):
            canvas.shape(shelf, _LINE_M, _GREY)
            _chair(canvas, chair)
            return


def _store(space: _Space) -> None:
    """Rows of shelves."""
    min_x, min_y, max_x, max_y = space.extent
    for y in np.arange(min_y + 0.45, max_y - 0.6, 1.35).tolist():
        shelf = box(min_x + 0.5, y, max_x - 0.5, y + 0.45)
        if space.is_free(shelf):
            space.canvas.shape(shelf, _LINE_M, _GREY)
            for x in np.arange(min_x + 1.4, max_x - 0.6, 0.9).tolist():
                space.canvas.line(((x, y), (x, y + 0.45)), _FINE_M, _PALE)


_BY_TYPE: Mapping[str, Callable[[_Space], None]] = {
    "open_space": _desks,
    "meeting_room": _meeting,
    "kitchen": _kitchen,
    "lounge": _lounge,
    "phone_booth": _booth,
    "storage": _store,
}


def _cupboards(canvas: Canvas, polygon: Polygon, entrance: Point) -> None:
    """A row of boxes along the longer side of an open zone; across its far end where one comes in there."""
    min_x, min_y, max_x, max_y = extent(polygon)
    wide, high = max_x - min_x, max_y - min_y
    middle = ((min_x + max_x) / 2, (min_y + max_y) / 2)
    length, turned = max(wide, high), 0.0 if wide >= high else 90.0
    if math.dist(middle, entrance) < 2:
        far = max_x - 0.3 if entrance[0] < middle[0] else min_x + 0.3
        middle, length, turned = (far, middle[1]), high, 90.0
    count = max(2, int(length / 0.65))
    step = length / count
    for k in range(count):
        at = (k - (count - 1) / 2) * step
        canvas.shape(placed(box(at - step / 2, -0.25, at + step / 2, 0.25), middle, turned), _LINE_M, _GREY)


def _chair(canvas: Canvas, at: Point) -> None:
    canvas.circle(at, 0.21, _FINE_M, _PALE)


def _sofa(canvas: Canvas, centre: Point, width_m: float, turned_deg: float) -> None:
    """A seat a step away from the centre of its group, its back to the outside."""
    half, near, far = width_m / 2, 0.68, 1.38
    canvas.shape(placed(box(-half, near, half, far), centre, turned_deg), _LINE_M, _GREY)
    canvas.line(placed(((-half, far - 0.16), (half, far - 0.16)), centre, turned_deg), _FINE_M, _PALE)
    for cut in np.arange(-half + 0.67, half - 0.3, 0.67).tolist():
        canvas.line(placed(((cut, near), (cut, far - 0.16)), centre, turned_deg), _FINE_M, _PALE)


def _rounded(length_m: float, width_m: float, corner_m: float) -> Polygon:
    """A rectangle around the origin with round corners."""
    corner_m = min(corner_m, width_m / 2)
    x, y = length_m / 2 - corner_m, width_m / 2 - corner_m
    quarter = [math.radians(degrees) for degrees in range(0, 91, 15)]
    return tuple(
        (cx + corner_m * math.cos(turn + angle), cy + corner_m * math.sin(turn + angle))
        for cx, cy, turn in ((x, y, 0.0), (-x, y, math.pi / 2), (-x, -y, math.pi), (x, -y, math.pi * 1.5))
        for angle in quarter
    )


def _middles(polygon: Polygon, apart_m: float) -> Iterator[Point]:
    """Evenly spread points within a polygon, at least so far apart."""
    min_x, min_y, max_x, max_y = extent(polygon)
    nx, ny = (max(1, int(length / apart_m)) for length in (max_x - min_x, max_y - min_y))
    for j in range(ny):
        for i in range(nx):
            x, y = min_x + (i + 0.5) * (max_x - min_x) / nx, min_y + (j + 0.5) * (max_y - min_y) / ny
            if contains(polygon, np.array([x]), np.array([y]))[0]:
                yield x, y
