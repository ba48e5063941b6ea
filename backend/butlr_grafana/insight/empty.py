"""Empty cells as zeros, where sensors would have detected people.

A heat map has cells only where somebody was. A missing cell is zero or unknown. It is unknown outside the
floor, in rooms whose sensors were offline or that no sensor covers, and in rooms that are only shown as a
sum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from butlr_grafana.insight.people import is_in_people, unknown_why
from butlr_grafana.insight.zones import is_unavailable, without_data
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.geometry import Lattice, Shape, area_of, shape_of, shape_of_asset, union
from butlr_grafana.model.privacy import sum_of
from butlr_grafana.model.queries import HeatMap


def with_zeros(heat_map: HeatMap) -> HeatMap:
    """The map with a cell of 0 in `shown` wherever nobody was; nothing where no hour is counted.

    The cells are those whose centre lies within the floor's outline (or on it); where Butlr knows none,
    within the bounds that it names, else around everything drawn. Of a map that is limited to rooms only
    theirs.
    """
    # In people nothing is known, zeros neither, of a floor without a factor.
    is_known = not (is_in_people(heat_map) and unknown_why(heat_map))
    is_known = is_known and heat_map.coverage.hours > 0 and not is_unavailable(heat_map)
    ground = _ground(heat_map) if is_known else None
    if ground is None:
        return heat_map
    grid = _reaching(heat_map.shown, Bounds(*ground.bounds))
    lattice = Lattice.around(grid)
    empty = _within(ground, lattice)
    for shape in _unknown(heat_map):
        empty &= ~_within(shape, lattice)
    empty[grid.ix - lattice.first[0], grid.iy - lattice.first[1]] = False
    ix, iy = (np.int32(first) + index for first, index in zip(lattice.first, np.nonzero(empty), strict=True))
    return replace(heat_map, shown=_with(replace(heat_map.shown, phase_m=lattice.phase_m), ix, iy))


def _ground(heat_map: HeatMap) -> Shape | None:
    """Where cells are told."""
    query, floor = heat_map.query, heat_map.query.floor
    ground = shape_of(floor.outline)
    if ground is None:
        named = union(chunk.grid.bounds for chunk in heat_map.chunks) or floor.bounds
        ground = None if named is None else _box(named)
    if ground is None or query.rooms is None:
        return ground
    rooms = [shape for shape in map(shape_of_asset, query.rooms) if shape is not None]
    return area_of(shapely.intersection(ground, shapely.union_all(rooms)))


def _box(bounds: Bounds) -> Shape | None:
    return area_of(shapely.box(bounds.min_x, bounds.min_y, bounds.max_x, bounds.max_y))


def _unknown(heat_map: HeatMap) -> list[Shape]:
    """Where an empty cell is no zero."""
    floor = heat_map.query.floor
    together = sum_of(floor)
    rooms = [*without_data(heat_map), *([together] if together else [])]
    return [shape for shape in map(shape_of_asset, rooms) if shape is not None]


def _reaching(grid: Grid, bounds: Bounds) -> Grid:
    """The grid with bounds that reach further. Where no cell tells the phase, it stays as it was without."""
    phase_m = grid.phase_m if grid.bounds is None else Lattice.around(grid).phase_m
    return replace(grid, phase_m=phase_m, bounds=union([grid.bounds, bounds]))


def _within(shape: Shape, lattice: Lattice) -> NDArray[np.bool_]:
    """Whether each cell's centre lies in a shape or on its edge, [nx, ny]."""
    x_m, y_m = lattice.centres()
    shapely.prepare(shape)
    found: NDArray[np.bool_] = shapely.intersects_xy(shape, x_m[:, np.newaxis], y_m[np.newaxis, :])
    return found


def _with(grid: Grid, ix: NDArray[np.int32], iy: NDArray[np.int32]) -> Grid:
    """The grid with cells of 0 at these indices, in its order."""
    all_x, all_y = np.concatenate([grid.ix, ix]), np.concatenate([grid.iy, iy])
    value = np.concatenate([grid.value, np.zeros(ix.size)])
    order = np.lexsort((all_y, all_x))
    return replace(
        grid, ix=all_x[order].astype(np.int32), iy=all_y[order].astype(np.int32), value=value[order]
    )
