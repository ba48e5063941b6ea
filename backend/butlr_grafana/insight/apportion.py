"""Which share of each cell lies in each room, so that rooms and what is outside add up to the floor.

A cell is a square of side `resolution_m` around its centre. Where rooms overlap, each has an equal part of
the overlap; what no room covers is outside. Zones are counted apart, each for itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from butlr_grafana.insight.polygon_coverage import coverage
from butlr_grafana.model.chunk import Floats, Grid, Ints
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.geometry import Shape, area_of, shape_of_asset

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
    drawn = [(k, shape_of_asset(room)) for k, room in enumerate(floor.rooms)]
    pieces = partition([(k, shape) for k, shape in drawn if shape is not None])
    return _shares([*(room.id for room in floor.rooms), OUTSIDE], pieces, grid, rest=len(floor.rooms))


def of_zones(floor: Floor, grid: Grid) -> Shares:
    """The floor's zones in their order, each with its plain share of the area, whatever the others have."""
    drawn = [(shape_of_asset(zone), (k,)) for k, zone in enumerate(floor.zones)]
    pieces = [(shape, owners) for shape, owners in drawn if shape is not None]
    return _shares([zone.id for zone in floor.zones], pieces, grid, rest=None)


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


def _shares(ids: Sequence[str], pieces: Sequence[Piece], grid: Grid, rest: int | None) -> Shares:
    """`rest`: the index of the owner of what is in no piece, if there is one."""
    n = grid.ix.size
    found = list(_covered([piece for piece, _ in pieces], grid)) if n else []
    # A key for each pair of owner and cell; pieces of one room may meet in a cell.
    keys, parts = [np.empty(0, np.int64)], [np.empty(0)]
    for (cell, share), (_, owners) in zip(found, pieces if n else (), strict=True):
        keys += [owner * n + cell for owner in owners]
        parts += [share / len(owners)] * len(owners)
    if rest is not None and n:
        inside = np.bincount(np.concatenate(keys) % n, np.concatenate(parts), minlength=n)
        outside = np.round(1.0 - inside, _DECIMALS)
        bare = np.flatnonzero(outside > 0)
        keys.append(rest * n + bare)
        parts.append(outside[bare])
    pairs, place = np.unique(np.concatenate(keys), return_inverse=True)
    owner, cell = np.divmod(pairs, max(n, 1))
    share = np.minimum(np.bincount(place, np.concatenate(parts), minlength=pairs.size), 1.0)
    return Shares(tuple(ids), cell.astype(np.int32), owner.astype(np.int32), share)


def _covered(shapes: Sequence[Shape], grid: Grid) -> Iterator[tuple[Ints64, Floats]]:
    """For each shape the cells that it touches, and its share of each."""
    first_x, first_y = int(grid.ix.min()), int(grid.iy.min())
    nx, ny = int(grid.ix.max()) - first_x + 1, int(grid.iy.max()) - first_y + 1
    cell_at = np.full((nx, ny), -1, np.int64)
    cell_at[grid.ix - first_x, grid.iy - first_y] = np.arange(grid.ix.size)
    phase = np.array(grid.phase_m or (0.0, 0.0))
    corner_m = phase + (np.array([first_x, first_y]) - 0.5) * grid.resolution_m
    for shape in shapes:
        in_cells = shapely.transform(shape, lambda points: (points - corner_m) / grid.resolution_m)
        # Cut to the cells first: a room drawn kilometres wide must not cost memory.
        inside = area_of(shapely.intersection(in_cells, shapely.box(0, 0, nx, ny), grid_size=GRID_M))
        if inside is None:
            yield np.empty(0, np.int64), np.empty(0)
            continue
        x, y, share = coverage(inside)
        share = np.round(share, _DECIMALS)
        cell = cell_at[x : x + share.shape[0], y : y + share.shape[1]]
        touched = (cell >= 0) & (share > 0)
        yield cell[touched], share[touched]
