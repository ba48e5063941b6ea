"""Chunks to store, and whether a stored one is the same."""

from __future__ import annotations

import numpy as np

from butlr_grafana.model.chunk import Chunk, Grid, HeatMapSubject, Segment
from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.time import Period

SPACE = "space_1"
HALF = HeatMapSubject(0.5)


def segment(
    start_s: int = 0,
    end_s: int = 3600,
    *,
    space: str = SPACE,
    resolution_m: float = 0.5,
    settled: bool = True,
) -> Segment:
    return Segment(space, HeatMapSubject(resolution_m), Period(start_s, end_s), settled)


def chunk(requested: Segment, *, cells: int = 3, value: float = 1.0, fetched_at_s: float = 10_000.0) -> Chunk:
    """`cells` in a row from zero, each with `value`. The stopwatch shows what the wall clock does."""
    grid = Grid(
        requested.resolution_m,
        (0.25, 0.1) if cells else None,
        np.arange(cells, dtype=np.int32),
        np.zeros(cells, np.int32),
        np.full(cells, value),
        Bounds(0.0, 0.0, 20.0, 10.0),
    )
    return Chunk(requested.period, grid, fetched_at_s, requested.settled, fetched_at_s)


def same(one: Chunk | None, other: Chunk | None) -> bool:
    """Down to the last bit."""
    if one is None or other is None:
        return one is other
    a, b = one.grid, other.grid
    columns = ((a.ix, b.ix), (a.iy, b.iy), (a.value, b.value))
    return (
        (one.period, one.fetched_at_s, one.settled) == (other.period, other.fetched_at_s, other.settled)
        and (a.resolution_m, a.phase_m, a.bounds, a.rebinned)
        == (b.resolution_m, b.phase_m, b.bounds, b.rebinned)
        and all(m.dtype == n.dtype and m.tobytes() == n.tobytes() for m, n in columns)
    )
