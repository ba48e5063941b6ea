"""The area of each unit square that a polygon covers: exact, without cutting any square.

By Green's theorem, the area of a polygon within a square is the integral of x dy along the polygon's edge,
with x limited to the square and y to its row. So each edge is split where it crosses a grid line. A piece
counts in its own square with its mean x, and in each square to the left with its whole dy. Font rasterisers
use the same method for antialiasing (FreeType's `ftgrays.c`, font-rs).
"""

from __future__ import annotations

import math

import numpy as np
import shapely

from butlr_grafana.model.chunk import Floats


def coverage(shape: shapely.MultiPolygon) -> tuple[int, int, Floats]:
    """The first square's corner, and the areas [nx, ny] of the valid shape in the squares from there on.

    The squares are [i, i + 1) x [j, j + 1), as many as the shape reaches. Exact but for the rounding of
    floats, about 1e-13.
    """
    min_x, min_y, max_x, max_y = shape.bounds
    first_x, first_y = math.floor(min_x), math.floor(min_y)
    nx, ny = math.ceil(max_x) - first_x, math.ceil(max_y) - first_y
    start, end = _split(*(points - (first_x, first_y) for points in _edges(shape)))
    middle_x, middle_y = ((start + end) / 2).T
    # On the far rim, or by rounding beyond one, a piece belongs to the last square.
    column = np.clip(np.floor(middle_x).astype(np.int64), 0, nx - 1)
    row = np.clip(np.floor(middle_y).astype(np.int64), 0, ny - 1)
    rise = (end - start)[:, 1]
    own, passed = np.zeros((nx, ny)), np.zeros((nx, ny))
    np.add.at(own, (column, row), rise * (middle_x - column))
    np.add.at(passed, (column, row), rise)
    own[:-1] += np.cumsum(passed[:0:-1], axis=0)[::-1]
    return first_x, first_y, own


def _edges(shape: shapely.MultiPolygon) -> tuple[Floats, Floats]:
    """Starts and ends [m, 2] of all edges, the area to the left of each."""
    rings = shapely.get_rings(shapely.orient_polygons(shapely.get_parts(shape)))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    joined = ring[1:] == ring[:-1]
    return points[:-1][joined], points[1:][joined]


def _split(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """The edges in pieces, none of which crosses a grid line."""
    along = end - start
    whole = np.arange(len(start))
    edges, places = [whole, whole], [np.zeros(len(start)), np.ones(len(start))]
    for axis in (0, 1):
        first = np.floor(np.minimum(start, end)[:, axis]) + 1
        crossed = np.maximum(np.ceil(np.maximum(start, end)[:, axis]) - first, 0).astype(np.int64)
        edge = np.repeat(whole, crossed)
        line = first[edge] + np.arange(edge.size) - np.repeat(np.cumsum(crossed) - crossed, crossed)
        edges.append(edge)
        places.append((line - start[edge, axis]) / along[edge, axis])
    edge, place = np.concatenate(edges), np.concatenate(places)
    order = np.lexsort((place, edge))
    edge, place = edge[order], place[order]
    points = start[edge] + place[:, None] * along[edge]
    joined = edge[1:] == edge[:-1]
    return points[:-1][joined], points[1:][joined]
