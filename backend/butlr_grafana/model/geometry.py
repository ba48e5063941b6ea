"""Shapes on a floor: the rectangle of cells of sparse grids, and polygons as valid areas."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import shapely

from butlr_grafana.model.chunk import PHASE_TOLERANCE, Floats, Grid, Ints, check_size
from butlr_grafana.model.floor import Bounds, Polygon, Room, Zone

Shape = shapely.MultiPolygon

_NO_AREA_M2 = 1e-12
"""A smaller area comes from rounding, where two walls meet."""


@lru_cache(maxsize=20_000)
def shape_of(polygon: Polygon | None) -> Shape | None:
    """A polygon as a valid area. A polygon that crosses itself is repaired. `None` if it has no area.

    The results are cached, because each request reads the same rooms. A few thousand rooms take some
    megabytes.
    """
    if polygon is None or len(set(polygon)) < 3 or not np.isfinite(polygon).all():
        return None
    drawn = shapely.Polygon(polygon)
    return area_of(drawn if drawn.is_valid else shapely.make_valid(drawn))


def shape_of_asset(asset: Room | Zone) -> Shape | None:
    """The area of a room or zone. For rooms that are only shown as a sum, the area of all of them."""
    if not asset.members:
        return shape_of(asset.polygon)
    return union_of([member.polygon for member in asset.members])


def union_of(polygons: Iterable[Polygon | None]) -> Shape | None:
    """The area that the polygons cover together."""
    shapes = [shape for shape in map(shape_of, polygons) if shape is not None]
    return area_of(shapely.union_all(shapes)) if shapes else None


def area_of(geometry: shapely.Geometry) -> Shape | None:
    """The polygons of a geometry, without its lines and points; `None` if it has no area."""
    parts = shapely.get_parts(shapely.get_parts(geometry))
    area = shapely.MultiPolygon([part for part in parts if isinstance(part, shapely.Polygon)])
    return area if area.area > _NO_AREA_M2 else None


@dataclass(frozen=True, slots=True)
class Lattice:
    """A rectangle of cells: `shape` cells, from the index `first` on. The centres are at phase + index *
    resolution.
    """

    resolution_m: float
    phase_m: tuple[float, float]
    first: tuple[int, int]
    shape: tuple[int, int]

    @staticmethod
    def around(*grids: Grid) -> Lattice:
        """All cells and bounds of grids with the same resolution and phase (or without cells), at least 2 x 2
        cells: Grafana's Heatmap panel gives a single cell no colour.

        If there is no cell, the first cell begins at the corner of the bounds. Raises `UpstreamInvalid` if
        the rectangle is larger than any floor.
        """
        res, box = grids[0].resolution_m, union([grid.bounds for grid in grids])
        phase = next((g.phase_m for g in grids if g.phase_m is not None), None) or _phase_at(box, res)
        limits = ((box.min_x, box.max_x), (box.min_y, box.max_y)) if box else (None, None)
        indices = (np.concatenate([g.ix for g in grids]), np.concatenate([g.iy for g in grids]))
        (first_x, nx), (first_y, ny) = (
            _extent(index, start_m, res, limit)
            for index, start_m, limit in zip(indices, phase, limits, strict=True)
        )
        check_size(nx, ny)
        return Lattice(res, phase, (first_x, first_y), (nx, ny))

    def laid_out(self, grid: Grid, empty: float) -> Floats:
        """The grid's values as float64[nx, ny]; `empty` in cells without a value. If two cells of a moved
        grid fall on one cell, they are added.
        """
        values = np.full(self.shape, empty)
        at = (grid.ix - self.first[0], grid.iy - self.first[1])
        values[at] = 0.0
        np.add.at(values, at, grid.value)
        return values

    def centres(self) -> tuple[Floats, Floats]:
        """The centres in metres: x float64[nx] and y float64[ny]."""
        x, y = (
            np.round(start_m + (first + np.arange(count)) * self.resolution_m, 6)
            for start_m, first, count in zip(self.phase_m, self.first, self.shape, strict=True)
        )
        return x, y


def union(parts: Iterable[Bounds | None]) -> Bounds | None:
    """The rectangle around all known bounds; `None` if none is known."""
    around: Bounds | None = None
    for bounds in parts:
        if bounds is not None:
            around = bounds if around is None else around.union(bounds)
    return around


def _phase_at(box: Bounds | None, res: float) -> tuple[float, float]:
    corner = (box.min_x, box.min_y) if box else (0.0, 0.0)
    return (corner[0] + res / 2) % res, (corner[1] + res / 2) % res


def _extent(index: Ints, start_m: float, res: float, limit: tuple[float, float] | None) -> tuple[int, int]:
    """First index and number of cells on one axis: every cell, and all whose centre is within the bounds.

    Centres, so that it is right whether Butlr's bounds are edges or centres.
    """
    ends = [int(index.min()), int(index.max())] if index.size else []
    if limit is not None:
        ends.append(math.ceil((limit[0] - start_m) / res - PHASE_TOLERANCE))
        ends.append(math.floor((limit[1] - start_m) / res + PHASE_TOLERANCE))
    first, last = min(ends, default=0), max(ends, default=1)
    return first, max(last - first + 1, 2)
