"""Polygons on a floor: points in metres, and numpy arrays for many points."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Point = tuple[float, float]
Polygon = tuple[Point, ...]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def box(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    """The rectangle between two corners, anticlockwise."""
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def edges(polygon: Polygon) -> Iterator[tuple[Point, Point]]:
    """All sides from corner to corner, including the last one."""
    return zip(polygon, (*polygon[1:], polygon[0]), strict=True)


def area_m2(polygon: Polygon) -> float:
    """The area by the shoelace formula, whatever the winding."""
    return abs(sum(x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in edges(polygon))) / 2


def extent(polygon: Polygon) -> tuple[float, float, float, float]:
    """`min_x, min_y, max_x, max_y`."""
    xs, ys = zip(*polygon, strict=True)
    return float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))


def centre(polygon: Polygon) -> Point:
    """The middle of the extent."""
    min_x, min_y, max_x, max_y = extent(polygon)
    return (min_x + max_x) / 2, (min_y + max_y) / 2


def contains(polygon: Polygon, x: Floats, y: Floats) -> Bools:
    """Whether each of n points lies inside: a ray to the right crosses an odd number of sides."""
    inside = np.zeros(x.shape, dtype=np.bool_)
    for (x0, y0), (x1, y1) in edges(polygon):
        if y0 != y1:
            inside ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return inside


def clearance_m(polygons: Iterable[Polygon], x: Floats, y: Floats) -> Floats:
    """The distance in metres of each of n points to the nearest side of any polygon."""
    sides = np.array([side for polygon in polygons for side in edges(polygon)])
    start, along = sides[:, 0], sides[:, 1] - sides[:, 0]
    from_start = np.stack([x, y], axis=-1)[:, None, :] - start
    share = np.clip((from_start * along).sum(-1) / (along * along).sum(-1), 0.0, 1.0)
    off = from_start - share[..., None] * along
    nearest: Floats = np.sqrt((off * off).sum(-1).min(axis=1))
    return nearest


def grid_points(polygon: Polygon, step_m: float) -> tuple[Floats, Floats]:
    """The points of a square grid over the polygon's extent that lie inside it, half a step from its edge."""
    min_x, min_y, max_x, max_y = extent(polygon)
    xs, ys = np.meshgrid(
        np.arange(min_x + step_m / 2, max_x, step_m), np.arange(min_y + step_m / 2, max_y, step_m)
    )
    x, y = xs.ravel(), ys.ravel()
    inside = contains(polygon, x, y)
    return x[inside], y[inside]
