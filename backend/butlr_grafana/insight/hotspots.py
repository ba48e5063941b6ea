"""Contiguous hot areas of a heat map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.insight import apportion
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.factor import Factor, Known, in_people
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.threshold import Threshold

Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Touched:
    """A room with the share of a hotspot's detections that lies in it (0 < share <= 1)."""

    room_id: str
    room: str
    share: float


@dataclass(frozen=True, slots=True)
class Hotspot:
    """Hot cells that touch side by side. Positions in metres on the floor, counts in detections.

    `people_per_m2`: the mean number of people a square metre, `peak_people_per_m2`: of the fullest cell;
    `person_hours`: of all of it; `None` where the floor's factor is not known.

    `x_m`, `y_m`: the centre, weighted by detections; in a bent area it may lie beside it. `peak`: of the
    fullest cell (of equals the leftmost, then the lowest). `rooms`: most detections first; what is
    missing from 1 lies outside any room.
    """

    x_m: float
    y_m: float
    area_m2: float
    cells: int
    peak: float
    peak_x_m: float
    peak_y_m: float
    total: float
    per_hour: float
    rooms: tuple[Touched, ...]
    people_per_m2: float | None = None
    peak_people_per_m2: float | None = None
    person_hours: float | None = None


def hotspots(heat_map: HeatMap, threshold: Threshold) -> tuple[Hotspot, ...]:
    """The hot areas, most detections first; equals from left to right, then upwards.

    A cell is hot from the threshold on: a percentile of the cells with a detection, or a number in the map's
    unit: people per m², or detections per m² and hour counted. A cell without a detection is never hot; in
    people none is where the floor's factor is not known.
    """
    hours, raw = heat_map.coverage.hours, heat_map.raw
    if hours <= 0:
        return ()
    filled, heat = raw.value > 0, raw.value / (hours * raw.resolution_m**2)
    if heat_map.unit == "people":
        if not isinstance(heat_map.factor, Factor):
            return ()
        heat = heat * heat_map.factor.people
    limit = threshold.over(heat[filled])
    if limit is None:
        return ()
    hot = _only(raw, filled & (heat >= limit))
    label = areas(hot)
    spots = _measured(hot, label, hours, _touched(hot, label, heat_map.query.floor))
    spots = [_with_people(spot, heat_map.factor, hours, raw.resolution_m**2) for spot in spots]
    return tuple(sorted(spots, key=lambda spot: (-spot.total, spot.x_m, spot.y_m)))


def _with_people(spot: Hotspot, factor: Known | None, hours: float, cell_m2: float) -> Hotspot:
    return replace(
        spot,
        people_per_m2=in_people(spot.per_hour / spot.area_m2, factor),
        peak_people_per_m2=in_people(spot.peak / (hours * cell_m2), factor),
        person_hours=in_people(spot.total, factor),
    )


def areas(grid: Grid) -> Labels:
    """The number of each cell's contiguous area, from 0; cells touch by their sides, not by corners.

    Cells are sorted by (x, y), so those above each other are runs; runs of neighbouring columns are
    joined where they lie side by side.
    """
    if not grid.ix.size:
        return np.empty(0, np.int64)
    ix, iy = grid.ix.astype(np.int64), grid.iy.astype(np.int64)
    run = np.cumsum(np.r_[0, (np.diff(ix) != 0) | (np.diff(iy) != 1)])
    height = int(iy.max() - iy.min()) + 1
    place = (ix - ix.min()) * height + (iy - iy.min())
    right = np.minimum(np.searchsorted(place, place + height), place.size - 1)
    beside = place[right] == place + height
    pairs = np.unique(run[beside] * run.size + run[right[beside]])
    parent = list(range(int(run[-1]) + 1))

    def root(k: int) -> int:
        while parent[k] != k:
            parent[k] = parent[parent[k]]
            k = parent[k]
        return k

    for a, b in zip((pairs // run.size).tolist(), (pairs % run.size).tolist(), strict=True):
        first, last = sorted((root(a), root(b)))
        parent[last] = first
    roots = np.array([root(k) for k in range(len(parent))])
    return np.unique(roots[run], return_inverse=True)[1]


def _only(grid: Grid, keep: NDArray[np.bool_]) -> Grid:
    return Grid(grid.resolution_m, grid.phase_m, grid.ix[keep], grid.iy[keep], grid.value[keep])


def _measured(grid: Grid, label: Labels, hours: float, rooms: list[tuple[Touched, ...]]) -> list[Hotspot]:
    x, y = grid.centres()
    total = np.bincount(label, grid.value)
    centre_x, centre_y = (np.bincount(label, grid.value * axis) / total for axis in (x, y))
    cells = np.bincount(label)
    by_value = np.lexsort((-grid.value, label))  # stable, and cells are sorted by (x, y)
    top = by_value[np.cumsum(cells) - cells]
    return [
        Hotspot(
            x_m=float(centre_x[k]),
            y_m=float(centre_y[k]),
            area_m2=int(cells[k]) * grid.resolution_m**2,
            cells=int(cells[k]),
            peak=float(grid.value[top[k]]),
            peak_x_m=float(x[top[k]]),
            peak_y_m=float(y[top[k]]),
            total=float(total[k]),
            per_hour=float(total[k]) / hours,
            rooms=touched,
        )
        for k, touched in enumerate(rooms)
    ]


def _touched(grid: Grid, label: Labels, floor: Floor) -> list[tuple[Touched, ...]]:
    """For each area the rooms that it touches."""
    by_room = apportion.of_rooms(floor, grid)
    outside = len(floor.rooms)
    inside = by_room.owner < outside
    cell, owner = by_room.cell[inside], by_room.owner[inside].astype(np.int64)
    pairs, place = np.unique(label[cell] * max(outside, 1) + owner, return_inverse=True)
    detections = np.bincount(place, by_room.share[inside] * grid.value[cell], minlength=pairs.size)
    area, room = np.divmod(pairs, max(outside, 1))
    share = detections / np.bincount(label, grid.value)[area]
    order = np.lexsort((room, -share, area))
    touched = [
        Touched(floor.rooms[k].id, floor.rooms[k].name, s)
        for k, s in zip(room[order].tolist(), share[order].tolist(), strict=True)
    ]
    ends = np.searchsorted(area, np.arange(int(label.max(initial=-1)) + 2)).tolist()
    return [tuple(touched[a:b]) for a, b in pairwise(ends)]
