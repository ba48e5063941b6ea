"""The share of each cell that lies in each room. The rooms and the area outside them add up to the floor.

A cell is a square of side `resolution_m` around its centre. Where rooms overlap, each gets an equal part of
the overlap; what no room covers is outside. Zones are counted separately, each for itself.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from cachetools import LRUCache
from numpy.typing import NDArray

from butlr_grafana.insight.polygon_coverage import coverage
from butlr_grafana.model.chunk import Floats, Grid, Ints
from butlr_grafana.model.floor import Floor, Polygon, Room, Zone
from butlr_grafana.model.geometry import Shape, area_of, shape_of, union_of

OUTSIDE = "outside"
"""The id of what no room covers."""

_DECIMALS = 12
"""Of a cell's share: less is where two walls meet, written with rounding."""

GRID_M = 1e-9
"""Corners that are cut are put on this grid: without one, walls that all but coincide make shapes that cross
themselves, which cannot be cut again.
"""

Ints64 = NDArray[np.int64]
Piece = tuple[Shape, tuple[int, ...]]
"""An area and the indices of those who own it, in equal parts."""


@dataclass(frozen=True, slots=True, eq=False)
class Shares:
    """A sparse matrix [n cells, m owners]: `share[k]` of cell `cell[k]` lies with `owner[k]`.

    Each pair once, sorted by owner, then cell; 0 < share <= 1. A cell wholly inside has exactly 1.0, so
    that whole detections stay whole. `ids[owner]` is the room or zone; who has no polygon has no share.
    """

    ids: tuple[str, ...]
    cell: Ints
    owner: Ints
    share: Floats

    def sums(self, value: Floats) -> Floats:
        """What of `value[n]` falls to each owner, [m]."""
        parts = self.share * value[self.cell]
        return np.bincount(self.owner, parts, minlength=len(self.ids)).astype(np.float64)

    def filled(self, value: Floats) -> set[str]:
        """The owners with more than half of a cell that has a value: it cannot be just a neighbour's."""
        hit = (self.share > 0.5) & (value[self.cell] > 0)
        return {self.ids[k] for k in np.unique(self.owner[hit])}


def of_rooms(floor: Floor, grid: Grid) -> Shares:
    """The floor's rooms in their order and, last, `OUTSIDE`; every cell's shares add up to 1.

    Depends on the floor, the resolution, the phase and the cells' indices only, not on their values.
    """
    found = _shares([*(room.id for room in floor.rooms), OUTSIDE], _drawn(floor.rooms), grid, is_divided=True)
    inside = np.bincount(found.cell, found.share, minlength=grid.ix.size)
    outside = np.round(1.0 - inside, _DECIMALS)
    bare = np.flatnonzero(outside > 0).astype(np.int32)
    return Shares(
        found.ids,
        np.concatenate([found.cell, bare]),
        np.concatenate([found.owner, np.full(bare.size, len(floor.rooms), np.int32)]),
        np.concatenate([found.share, outside[bare]]),
    )


def of_zones(floor: Floor, grid: Grid) -> Shares:
    """The floor's zones in their order, each with its plain share of the area, whatever the others have."""
    return _shares([zone.id for zone in floor.zones], _drawn(floor.zones), grid, is_divided=False)


def partition(shapes: Sequence[tuple[int, Shape]]) -> list[Piece]:
    """The areas cut into pieces without overlap, each with all who own it."""
    pieces: list[Piece] = []
    for owner, shape in shapes:
        near = shapely.intersects(np.array([piece for piece, _ in pieces], object), shape).tolist()
        cut: list[Piece] = []
        rest: Shape | None = shape
        for (piece, owners), is_near in zip(pieces, near, strict=True):
            common = area_of(shapely.intersection(piece, shape, grid_size=GRID_M)) if is_near else None
            if common is None:
                cut.append((piece, owners))
                continue
            cut.append((common, (*owners, owner)))
            if (others := area_of(shapely.difference(piece, shape, grid_size=GRID_M))) is not None:
                cut.append((others, owners))
            if rest is not None:
                rest = area_of(shapely.difference(rest, piece, grid_size=GRID_M))
        pieces = cut if rest is None else [*cut, (rest, (owner,))]
    return pieces


@dataclass(frozen=True, slots=True, eq=False)
class _Cut:
    """Of all cells in a rectangle the shares of all owners: `share[k]` of the cell `cell[k]` lies with
    `owner[k]`, sorted by owner, then cell. The rectangle has `shape` cells from index `first` on; its cell
    (x, y) is number `x * shape[1] + y`.
    """

    first: tuple[int, int]
    shape: tuple[int, int]
    cell: Ints64
    owner: Ints
    share: Floats

    @property
    def nbytes(self) -> int:
        return self.cell.nbytes + self.owner.nbytes + self.share.nbytes + 500


@dataclass(frozen=True, slots=True)
class _Drawing:
    """Where owners are: by each its outline, and those of its members. Equal where nothing was redrawn, so it
    names what was cut. `is_divided`: where they overlap each has an equal part.
    """

    outlines: tuple[tuple[Polygon | None, tuple[Polygon | None, ...]], ...]
    is_divided: bool

    def pieces(self) -> list[Piece]:
        drawn = [(k, _shape(*outline)) for k, outline in enumerate(self.outlines)]
        shapes = [(k, shape) for k, shape in drawn if shape is not None]
        return partition(shapes) if self.is_divided else [(shape, (k,)) for k, shape in shapes]


def _drawn(assets: Sequence[Room | Zone]) -> tuple[tuple[Polygon | None, tuple[Polygon | None, ...]], ...]:
    return tuple((a.polygon, tuple(member.polygon for member in a.members)) for a in assets)


def _shape(polygon: Polygon | None, members: Sequence[Polygon | None]) -> Shape | None:
    return union_of(members) if members else shape_of(polygon)


def _shares(
    ids: Sequence[str],
    outlines: tuple[tuple[Polygon | None, tuple[Polygon | None, ...]], ...],
    grid: Grid,
    *,
    is_divided: bool,
) -> Shares:
    if not grid.ix.size:
        none = np.empty(0, np.int32)
        return Shares(tuple(ids), none, none, np.empty(0))
    cut = _cut_for(_Drawing(outlines, is_divided), grid)
    x, y = grid.ix.astype(np.int64) - cut.first[0], grid.iy.astype(np.int64) - cut.first[1]
    nx, ny = cut.shape
    within = np.flatnonzero((x >= 0) & (x < nx) & (y >= 0) & (y < ny))
    cell_at = np.full(nx * ny, -1, np.int32)
    cell_at[x[within] * ny + y[within]] = within
    cell = cell_at[cut.cell]
    there = cell >= 0
    return Shares(tuple(ids), cell[there], cut.owner[there], cut.share[there])


MOST_CELLS = 1_000_000
"""A rectangle of more than these is not kept: a room drawn kilometres wide must not cost memory."""

MAX_BYTES = 64 * 2**20
"""Some 1,000 floors of 30 by 48 m at 0.5 m."""

_cache: LRUCache[Hashable, _Cut] = LRUCache(MAX_BYTES, getsizeof=lambda cut: cut.nbytes)
_cache_lock = threading.Lock()
"""Held to look and to keep, not while anything is cut."""


def _cut_for(drawing: _Drawing, grid: Grid) -> _Cut:
    """What was cut before, of the same drawing and cells; else it is cut now, and kept."""
    phase_m = grid.phase_m or (0.0, 0.0)
    key = (drawing, grid.resolution_m, phase_m)
    with _cache_lock:
        known = _cache.get(key)
    if known is not None:
        return known
    pieces = drawing.pieces()
    first, shape = _extent_of([piece for piece, _ in pieces], grid.resolution_m, phase_m)
    is_cacheable = shape[0] * shape[1] <= MOST_CELLS
    if not is_cacheable:
        first = int(grid.ix.min()), int(grid.iy.min())
        shape = int(grid.ix.max()) - first[0] + 1, int(grid.iy.max()) - first[1] + 1
    cut = _cut(pieces, grid.resolution_m, phase_m, first, shape)
    if is_cacheable and cut.nbytes <= MAX_BYTES:
        with _cache_lock:
            _cache[key] = cut
    return cut


def _extent_of(
    shapes: Sequence[Shape], resolution_m: float, phase_m: tuple[float, float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """The first cell, and how many there are each way, that shapes can reach."""
    if not shapes:
        return (0, 0), (1, 1)
    low_x, low_y, high_x, high_y = shapely.total_bounds(np.array(shapes, object))
    ends = [
        (math.floor((low - start) / resolution_m + 0.5), math.ceil((high - start) / resolution_m + 0.5))
        for low, high, start in ((low_x, high_x, phase_m[0]), (low_y, high_y, phase_m[1]))
    ]
    (first_x, end_x), (first_y, end_y) = ends
    return (first_x, first_y), (max(end_x - first_x, 1), max(end_y - first_y, 1))


def _cut(
    pieces: Sequence[Piece],
    resolution_m: float,
    phase_m: tuple[float, float],
    first: tuple[int, int],
    shape: tuple[int, int],
) -> _Cut:
    cells = shape[0] * shape[1]
    # A key for each pair of owner and cell; pieces of one room may meet in a cell.
    keys, parts = [np.empty(0, np.int64)], [np.empty(0)]
    corner_m = np.array(phase_m) + (np.array(first) - 0.5) * resolution_m
    for piece, owners in pieces:
        cell, share = _covered(piece, resolution_m, corner_m, shape)
        keys += [owner * cells + cell for owner in owners]
        parts += [share / len(owners)] * len(owners)
    pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
    owner, cell = np.divmod(pairs, max(cells, 1))
    share = np.minimum(np.bincount(place, np.concatenate(parts), minlength=pairs.size), 1.0)
    return _Cut(first, shape, cell, owner.astype(np.int32), share)


def _covered(
    piece: Shape, resolution_m: float, corner_m: Floats, cells: tuple[int, int]
) -> tuple[Ints64, Floats]:
    """The cells that a shape touches, by number, and its share of each."""
    nx, ny = cells
    in_cells = shapely.transform(piece, lambda points: (points - corner_m) / resolution_m)
    # Cut to the cells first, which may be few where the shape is large.
    inside = area_of(shapely.intersection(in_cells, shapely.box(0, 0, nx, ny), grid_size=GRID_M))
    if inside is None:
        return np.empty(0, np.int64), np.empty(0)
    x, y, share = coverage(inside)
    share = np.round(share, _DECIMALS)[: nx - x, : ny - y]
    at_x, at_y = np.nonzero(share > 0)
    return (at_x + x) * ny + at_y + y, share[at_x, at_y]
