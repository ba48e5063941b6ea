"""Detections counted on a grid: the cells of a heat map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .geometry import Floats, Point
from .stays import Ints


class Cells(NamedTuple):
    """n cells as parallel arrays: centre in metres and number of detections."""

    x_m: Floats
    y_m: Floats
    value: Ints


Extent = tuple[float, float, float, float]
"""`min_x, min_y, max_x, max_y`."""


def count_cells(
    extent: Extent, origin: Point, resolution_m: float, x_m: Floats, y_m: Floats, *, empty: bool
) -> Cells:
    """Counts points in squares whose corners lie at `origin + k * resolution_m`.

    With `empty`, every square that touches the extent is listed, otherwise only squares with a point. The
    order is shuffled, but always the same, because Butlr does not promise any order.
    """
    min_x, min_y, max_x, max_y = extent
    origin_x, origin_y = origin
    first_x, last_x = np.floor((np.array([min_x, max_x - 1e-9]) - origin_x) / resolution_m).astype(np.int64)
    first_y, last_y = np.floor((np.array([min_y, max_y - 1e-9]) - origin_y) / resolution_m).astype(np.int64)
    columns, rows = int(last_x - first_x + 1), int(last_y - first_y + 1)
    column = np.floor((x_m - origin_x) / resolution_m).astype(np.int64) - first_x
    row = np.floor((y_m - origin_y) / resolution_m).astype(np.int64) - first_y
    value = np.bincount(row * columns + column, minlength=rows * columns)
    cell = np.arange(value.size) if empty else np.flatnonzero(value)
    cell = np.random.default_rng(0).permutation(cell)
    row, column = np.divmod(cell, columns)
    # Rounded, for 0.1 + 0.5 * 0.5 and its like are not what one would write down.
    return Cells(
        np.round(origin_x + (first_x + column + 0.5) * resolution_m, 6),
        np.round(origin_y + (first_y + row + 0.5) * resolution_m, 6),
        value[cell],
    )


def call_origin(x_m: Floats, y_m: Floats) -> Point:
    """The corner of a grid for one call only: a multiple of 1/16 metre just below the smallest coordinate of
    its points.
    """
    x, y = (float(np.floor(values.min(initial=1e6) * 16) / 16) for values in (x_m, y_m))
    return x, y


def flipped(cells: Cells, extent: Extent) -> Cells:
    """The cells mirrored, top to bottom, within the extent."""
    _, min_y, _, max_y = extent
    return cells._replace(y_m=np.round(min_y + max_y - cells.y_m, 6))
