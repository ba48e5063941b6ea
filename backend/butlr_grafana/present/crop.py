"""A map that is limited to rooms shows these rooms only, not the whole floor, and no outline of others."""

from __future__ import annotations

import numpy as np

from butlr_grafana.model.floor import Bounds, Room
from butlr_grafana.model.geometry import shape_of_asset, union
from butlr_grafana.model.queries import HeatMap

MARGIN_M = 1.0
"""Around the rooms: their walls, and where they are."""

LEAST_M = 6.0
"""A picture of a booth alone would tell nobody where it is."""


def around(rooms: tuple[Room, ...]) -> Bounds | None:
    """The rectangle around rooms and their walls; `None` where none has an outline."""
    shapes = [shape for shape in map(shape_of_asset, rooms) if shape is not None]
    box = union(Bounds(*shape.bounds) for shape in shapes)
    if box is None:
        return None
    x, y = (max(MARGIN_M, (LEAST_M - side) / 2) for side in (box.max_x - box.min_x, box.max_y - box.min_y))
    return Bounds(box.min_x - x, box.min_y - y, box.max_x + x, box.max_y + y)


def same_scale(box: Bounds, whole: Bounds) -> Bounds:
    """The rectangle made as wide for its height as the whole floor is, within the floor as far as it goes: a
    panel that fills itself with either then shows cells of one shape.
    """
    shape = (whole.max_x - whole.min_x) / max(whole.max_y - whole.min_y, 1e-6)
    wide, high = box.max_x - box.min_x, box.max_y - box.min_y
    x0, x1 = _widened(box.min_x, box.max_x, max(wide, high * shape), whole.min_x, whole.max_x)
    y0, y1 = _widened(box.min_y, box.max_y, max(high, wide / shape), whole.min_y, whole.max_y)
    return Bounds(x0, y0, x1, y1)


def _widened(low: float, high: float, length: float, least: float, most: float) -> tuple[float, float]:
    """An interval of this length that holds another one, as far as it goes within the limits."""
    least, most = min(least, low), max(most, high)
    fits = length <= most - least
    start = (
        float(np.clip((low + high - length) / 2, least, most - length))
        if fits
        else (least + most - length) / 2
    )
    start = min(max(start, high - length), low)
    return start, start + length


def of_map(result: HeatMap) -> Bounds | None:
    """What a map's frame covers beyond its cells, where it is limited to rooms."""
    whole, rooms = result.query.floor.bounds, result.query.rooms
    box = around(rooms) if rooms else None
    return same_scale(box, whole) if box and whole else None
