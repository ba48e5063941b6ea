"""The full rectangle behind a sparse grid."""

from __future__ import annotations

import numpy as np

from butlr_grafana.model import PHASE_TOLERANCE, Bounds, Floats, Grid, Ints, check_size


def dense(grid: Grid) -> tuple[Floats, Floats, Floats]:
    """The full rectangle: centres x[nx], y[ny] in metres, and values[nx, ny] with NaN for an empty cell.

    It covers the bounds that Butlr names and every cell, and is at least 2 x 2: Grafana's Heatmap panel
    gives a single cell no colour.
    """
    res = grid.resolution_m
    phase_x, phase_y = grid.phase_m or _phase_of(grid.bounds, res)
    box = grid.bounds
    first_x, nx = _extent(grid.ix, phase_x, res, (box.min_x, box.max_x) if box else None)
    first_y, ny = _extent(grid.iy, phase_y, res, (box.min_y, box.max_y) if box else None)
    check_size(nx, ny)
    values = np.full((nx, ny), np.nan)
    values[grid.ix - first_x, grid.iy - first_y] = grid.value
    xs = np.round(phase_x + (first_x + np.arange(nx)) * res, 6)
    ys = np.round(phase_y + (first_y + np.arange(ny)) * res, 6)
    return xs, ys, values


def _phase_of(bounds: Bounds | None, resolution_m: float) -> tuple[float, float]:
    """Where no cell tells: cells that begin at the corner of the bounds, so that the rectangle fits them."""
    corner = (bounds.min_x, bounds.min_y) if bounds else (0.0, 0.0)
    return (corner[0] + resolution_m / 2) % resolution_m, (corner[1] + resolution_m / 2) % resolution_m


def _extent(index: Ints, phase: float, res: float, bounds: tuple[float, float] | None) -> tuple[int, int]:
    """First index and number of cells along one axis.

    Cells whose centre lies within the bounds: right whether Butlr's bounds are edges or centres.
    """
    lows, highs = ([int(index.min())], [int(index.max())]) if index.size else ([], [])
    if bounds is not None:
        lows.append(int(np.ceil((bounds[0] - phase) / res - PHASE_TOLERANCE)))
        highs.append(int(np.floor((bounds[1] - phase) / res + PHASE_TOLERANCE)))
    first, last = min(lows, default=0), max(highs, default=1)
    return first, max(last - first + 1, 2)
