"""Adds grids; the last step divides (normalises).

Raw detections are added unchanged. Sums of whole numbers are exact, so the result does not depend on the
splitting or the order. Nothing is divided before everything is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import shapely

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.model.chunk import PHASE_TOLERANCE, Grid, check_size
from butlr_grafana.model.floor import Bounds, Room
from butlr_grafana.model.geometry import shape_of_asset, union


def add(grids: Sequence[Grid], resolution_m: float) -> Grid:
    """The sum, cell by cell. Raises `UpstreamInvalid` if the resolutions differ.

    The first grid with cells defines the phase. The cells of a grid with another phase are assigned by their
    centres, and the sum is marked `rebinned`. The bounds are the union of all bounds.
    """
    if any(g.resolution_m != resolution_m for g in grids):
        found = ", ".join(sorted({f"{g.resolution_m:g} m" for g in grids}))
        raise UpstreamInvalid(f"chunks of this period have different resolutions ({found})")
    bounds = union(g.bounds for g in grids)
    phase = next((g.phase_m for g in grids if g.phase_m is not None), None)
    if phase is None:
        return Grid.empty(resolution_m, bounds)
    aligned = [aligned_to(g, phase) for g in grids if g.value.size]
    if not aligned:
        return replace(Grid.empty(resolution_m, bounds), phase_m=phase)
    ix0, iy0 = (min(int(getattr(g, axis).min()) for g in aligned) for axis in ("ix", "iy"))
    nx, ny = (
        max(int(getattr(g, axis).max()) for g in aligned) - low + 1
        for axis, low in (("ix", ix0), ("iy", iy0))
    )
    check_size(nx, ny)
    sums = np.zeros(nx * ny)
    for g in aligned:
        flat = (g.ix.astype(np.int64) - ix0) * ny + (g.iy - iy0)
        if g.rebinned:  # two cells may have landed in one
            np.add.at(sums, flat, g.value)
        else:
            sums[flat] += g.value
    filled = np.flatnonzero(sums)
    return Grid(
        resolution_m,
        phase,
        (filled // ny + ix0).astype(np.int32),
        (filled % ny + iy0).astype(np.int32),
        sums[filled],
        bounds,
        rebinned=any(g.rebinned for g in aligned),
    )


def aligned_to(grid: Grid, phase_m: tuple[float, float]) -> Grid:
    """The grid with cell indices for another phase. It is marked `rebinned` if its centres do not fit that
    phase.
    """
    if grid.phase_m is None or grid.phase_m == phase_m:
        return grid
    res = grid.resolution_m
    shifts = [(own - other) / res for own, other in zip(grid.phase_m, phase_m, strict=True)]
    # Rounding to the nearest centre is binning by centre: cells are centred on phase + i * res.
    ix = np.floor(grid.ix + shifts[0] + 0.5).astype(np.int32)
    iy = np.floor(grid.iy + shifts[1] + 0.5).astype(np.int32)
    fits = all(abs(s - round(s)) <= PHASE_TOLERANCE for s in shifts)
    return replace(grid, phase_m=phase_m, ix=ix, iy=iy, rebinned=grid.rebinned or not fits)


def within_rooms(grid: Grid, rooms: Sequence[Room]) -> Grid:
    """Only the cells whose centre lies in one of the rooms or on its edge."""
    shapes = [shape for shape in map(shape_of_asset, rooms) if shape is not None]
    together = shapely.union_all(shapes)
    keep = shapely.intersects_xy(together, *grid.centres()) if shapes else np.zeros(grid.ix.shape, bool)
    bounds = Bounds(*together.bounds) if shapes else None
    return replace(grid, ix=grid.ix[keep], iy=grid.iy[keep], value=grid.value[keep], bounds=bounds)


def on_cells_of(grid: Grid, other: Grid) -> Grid:
    """The grid's values on the cells of `other`, which has the same phase; 0 if the grid has no such cell."""
    place, wanted = (
        g.ix.astype(np.int64) << 32 | (g.iy.astype(np.int64) & 0xFFFFFFFF) for g in (grid, other)
    )
    order = np.argsort(place)
    at = np.searchsorted(place, wanted, sorter=order)
    found = np.minimum(at, max(place.size - 1, 0))
    value = np.zeros(wanted.size)
    if place.size:
        there = place[order[found]] == wanted
        value[there] = grid.value[order[found[there]]]
    return replace(other, value=value)


def normalized(grid: Grid, how: str, hours: float, hidden: float = 0.0) -> Grid:
    """Divides the values. `how`: `none`, `max` (0 to 1 of the largest cell), `hour` (per hour counted) or
    `share` (of all detections). `hidden`: detections in cells that are not in the grid; they count for
    `share`.
    """
    divisor = {
        "none": 1.0,
        "max": float(grid.value.max(initial=0.0)),
        "hour": hours,
        "share": grid.total + hidden,
    }[how]
    return grid if how == "none" or not divisor else replace(grid, value=grid.value / divisor)
