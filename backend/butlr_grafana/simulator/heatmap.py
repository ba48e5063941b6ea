"""Detections counted on a grid: the cells of a heat map."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .geometry import Floats
from .stays import Ints
from .world import Floor


class Cells(NamedTuple):
    """n cells as parallel arrays: centre in metres and number of detections."""

    x_m: Floats
    y_m: Floats
    value: Ints


def count_cells(floor: Floor, resolution_m: float, x_m: Floats, y_m: Floats, *, empty: bool) -> Cells:
    """Counts points in squares whose corners lie at `grid_origin_m + k * resolution_m`.

    With `empty` every square that touches the floor's extent is listed, else those with a point. The order is
    a shuffle, the same each time, for Butlr promises none.
    """
    min_x, min_y, max_x, max_y = floor.extent
    origin_x, origin_y = floor.grid_origin_m
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
