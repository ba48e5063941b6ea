"""Tiny floors and grids, small enough to reckon by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from butlr_grafana.model.chunk import Chunk, Coverage, Grid
from butlr_grafana.model.floor import Bounds, Building, Floor, Polygon, Room, Zone
from butlr_grafana.model.queries import HeatMap, Query
from butlr_grafana.model.time import HOUR_S, Period

HOUSE = Building("b", "House", "Site")


def box(x0: float, y0: float, x1: float, y1: float) -> Polygon:
    return ((x0, y0), (x1, y0), (x1, y1), (x0, y1))


def room(
    name: str, polygon: Polygon | None, *, area_m2: float | None = None, online: bool | None = None
) -> Room:
    return Room(f"room_{name}", name, "f", polygon=polygon, area_m2=area_m2, online=online)


def zone(name: str, polygon: Polygon | None, room_id: str | None = None) -> Zone:
    return Zone(f"zone_{name}", name, "f", room_id, polygon)


def floor(
    *rooms: Room,
    zones: Sequence[Zone] = (),
    key: str = "f",
    outline: Polygon | None = None,
    area_m2: float | None = None,
) -> Floor:
    return Floor(
        key, f"Floor {key}", HOUSE, "UTC", rooms=rooms, zones=tuple(zones), outline=outline, area_m2=area_m2
    )


def grid(
    cells: Mapping[tuple[int, int], float],
    *,
    resolution_m: float = 1.0,
    phase_m: tuple[float, float] | None = (0.5, 0.5),
    bounds: Bounds | None = None,
) -> Grid:
    """Values by index; with the default phase, cell (i, j) is the square metre from (i, j) to (i+1, j+1)."""
    ordered = sorted(cells)
    ix, iy = (np.array([cell[k] for cell in ordered], np.int32) for k in (0, 1))
    value = np.array([cells[cell] for cell in ordered], float)
    return Grid(resolution_m, phase_m if ordered else None, ix, iy, value, bounds)


def everywhere(nx: int, ny: int, value: float = 1.0) -> dict[tuple[int, int], float]:
    return {(i, j): value for i in range(nx) for j in range(ny)}


def heat_map(
    where: Floor, raw: Grid, *, hours: float = 1.0, rooms: tuple[Room, ...] | None = None, chunks: int = 1
) -> HeatMap:
    """An answer as the pipeline gives it; `raw` is what is left of its one part after a limit to rooms."""
    period = Period(0, HOUR_S)
    query = Query(where, period, raw.resolution_m, rooms=rooms)
    coverage = Coverage(chunks, chunks, 0, 0, 0, hours, 0.0)
    return HeatMap(query, raw, raw, coverage, tuple(Chunk(period, raw, 0.0, True) for _ in range(chunks)))
