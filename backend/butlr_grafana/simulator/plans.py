"""Floor plans as an architect's PNG: walls, doors, windows and furniture, every room as built.

A picture covers exactly the floor's extent. As any upload it may lie on its side: it is to be turned by the
floor's `plan_rotation_deg`.
"""

from __future__ import annotations

import io
import math
from functools import lru_cache

from .canvas import PIXELS_PER_M, WHITE, Canvas
from .furniture import furnish
from .geometry import Point
from .walls import ENTRANCE_M, Wall, WayIn, entrance, sides, ways_in
from .world import Floor

__all__ = ["PIXELS_PER_M", "draw"]

_WALL, _LEAF = 40, 110
"""Greys of walls and of doors that stand open."""
_OUTER_M, _INNER_M, _THIN_M = 0.32, 0.13, 0.03
_WINDOW_M, _BETWEEN_M = 1.7, 0.8


@lru_cache(maxsize=16)
def draw(floor: Floor) -> bytes:
    """A grey PNG with `PIXELS_PER_M` pixels per metre."""
    inside = Canvas(floor.extent)
    ways = {room.id: ways_in(floor, room) for room in floor.rooms}
    for room in floor.rooms:
        inside.line([*room.footprint, *room.footprint[:2]], _INNER_M, _WALL)
    for way in (way for found in ways.values() for way in found):
        inside.line(way.ends, _INNER_M + 0.04, WHITE)
        if way.has_door:
            _leaf(inside, way.wall, way.start_m, way.width_m)
    doors = {room_id: [way.swing for way in found if way.has_door] for room_id, found in ways.items()}
    furnish(inside, floor, doors)
    _outer_wall(inside, floor, entrance(floor))
    sheet = Canvas(floor.extent)
    sheet.cover(inside, floor.outline)
    file = io.BytesIO()
    sheet.finished().rotate(-floor.plan_rotation_deg, expand=True).save(file, "PNG", optimize=True)
    return file.getvalue()


def _outer_wall(canvas: Canvas, floor: Floor, way_in: WayIn) -> None:
    """Windows evenly along each side but where the way in is, which has two leaves."""
    # Its outer half lies outside the floor and is cut off.
    canvas.line([*floor.outline, *floor.outline[:2]], 2 * _OUTER_M, _WALL)
    door = way_in.wall.at(way_in.start_m + way_in.width_m / 2)
    for wall in sides(floor.outline):
        _windows(canvas, wall, door)
    start, stop = (way_in.wall.at(m, _OUTER_M / 2) for m in (way_in.start_m, way_in.start_m + ENTRANCE_M))
    canvas.line((start, stop), _OUTER_M + 0.1, WHITE)
    wall = way_in.wall
    inner = Wall(wall.at(0.0, _OUTER_M), wall.along, wall.inwards, wall.length_m)
    _leaf(canvas, inner, way_in.start_m, ENTRANCE_M / 2)
    _leaf(canvas, inner, way_in.start_m + ENTRANCE_M / 2, ENTRANCE_M / 2, hinge_last=True)


def _windows(canvas: Canvas, wall: Wall, door: Point) -> None:
    count = int((wall.length_m - _BETWEEN_M) / (_WINDOW_M + _BETWEEN_M))
    for number in range(count):
        middle = (number + 0.5) * wall.length_m / count
        if math.dist(wall.at(middle), door) < (ENTRANCE_M + _WINDOW_M) / 2 + 0.3:
            continue
        start, stop = middle - _WINDOW_M / 2, middle + _WINDOW_M / 2
        frame = (wall.at(start), wall.at(stop), wall.at(stop, _OUTER_M), wall.at(start, _OUTER_M))
        canvas.shape(frame, _THIN_M, _WALL)
        canvas.line((wall.at(start, _OUTER_M / 2), wall.at(stop, _OUTER_M / 2)), _THIN_M, _WALL)


def _leaf(canvas: Canvas, wall: Wall, start_m: float, width_m: float, *, hinge_last: bool = False) -> None:
    """A door that stands open, and the way it swings."""
    hinge_m, other_m = (start_m + width_m, start_m) if hinge_last else (start_m, start_m + width_m)
    hinge, open_, shut = wall.at(hinge_m), wall.at(hinge_m, width_m), wall.at(other_m)
    first, last = (math.degrees(math.atan2(y - hinge[1], x - hinge[0])) for x, y in (shut, open_))
    if (last - first) % 360 > 180:
        first, last = last, first
    canvas.arc(hinge, width_m, (first, first + (last - first) % 360), _THIN_M, _LEAF)
    canvas.line((hinge, open_), 2 * _THIN_M, _LEAF)
