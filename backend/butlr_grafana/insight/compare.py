"""Two periods compared, cell by cell: per hour counted, or in people per m²."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from butlr_grafana.insight.people import unknown_why
from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.factor import Factor
from butlr_grafana.model.geometry import Lattice, shape_of
from butlr_grafana.model.queries import HeatMap


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Detections per hour counted, or people per m², on one rectangle of cells, x_m[nx] by y_m[ny] centres in
    metres.

    `current`, `baseline` and `change` (their difference) are NaN where neither has a detection,
    `change_pct` (100 is twice as much) also where the baseline has none. So are a side and both changes in
    rooms that could not be seen on that side. A side without data is NaN
    throughout, and so are both changes; `reasons` says why. `rebinned`: grids did not fit on each
    other, so that cells were moved by up to half a cell.
    """

    x_m: Floats
    y_m: Floats
    change: Floats
    current: Floats
    baseline: Floats
    change_pct: Floats
    reasons: tuple[str, ...]
    rebinned: bool


def compare(current: HeatMap, baseline: HeatMap) -> Comparison:
    """Both on the union of their bounds and cells, at least 2 x 2.

    Raises `ValueError` where they differ in resolution, `UpstreamInvalid` where the rectangle is too large.
    """
    if current.raw.resolution_m != baseline.raw.resolution_m:
        raise ValueError(f"{current.raw.resolution_m} m against {baseline.raw.resolution_m} m")
    phase_m = current.raw.phase_m or baseline.raw.phase_m
    other = grid_math.aligned_to(baseline.raw, phase_m) if phase_m else baseline.raw
    lattice = Lattice.around(current.raw, other)
    rebinned = current.raw.rebinned or other.rebinned
    reasons = [silence("current", current), silence("baseline", baseline)]
    now, then = (
        np.full(lattice.shape, np.nan) if reason else lattice.laid_out(grid, 0.0) / _divisor(heat_map)
        for reason, grid, heat_map in zip(reasons, (current.raw, other), (current, baseline), strict=True)
    )
    empty = ~((now > 0) | (then > 0))
    now[empty] = then[empty] = np.nan
    for values, heat_map in ((now, current), (then, baseline)):
        values[_unseen(lattice, heat_map)] = np.nan
    change = now - then
    pct = np.full(lattice.shape, np.nan)
    np.divide(100 * change, then, out=pct, where=then > 0)
    return Comparison(*lattice.centres(), change, now, then, pct, tuple(filter(None, reasons)), rebinned)


def _divisor(heat_map: HeatMap) -> float:
    """By what a cell's detections are divided; NaN where people are not known."""
    hours, cell_m2 = heat_map.coverage.hours, heat_map.raw.resolution_m**2
    if heat_map.unit == "detections":
        return hours
    return hours * cell_m2 / heat_map.factor.people if isinstance(heat_map.factor, Factor) else np.nan


def _unseen(lattice: Lattice, heat_map: HeatMap) -> NDArray[np.bool_]:
    """The cells whose centre lies in a room whose sensors were offline."""
    shapes = [shape_of(room.polygon) for room in heat_map.query.floor.rooms if room.online is False]
    x_m, y_m = lattice.centres()
    found: NDArray[np.bool_] = np.zeros(lattice.shape, bool)
    for shape in filter(None, shapes):
        found |= shapely.contains_xy(shape, x_m[:, np.newaxis], y_m[np.newaxis, :])
    return found


def relative(comparison: Comparison) -> Comparison:
    """The same on fixed scales: `current` and `baseline` of the fullest cell of either (0 to 1), so that
    their maps can be compared by eye; `change` of the largest change, up or down (-1 to 1).
    """
    fullest, largest = _largest(comparison.current, comparison.baseline), _largest(comparison.change)
    return replace(
        comparison,
        change=comparison.change / largest,
        current=comparison.current / fullest,
        baseline=comparison.baseline / fullest,
    )


def _largest(*values: Floats) -> float:
    """The largest size of the known ones; 1 where all are zero or unknown."""
    sizes = np.abs(np.concatenate([v.ravel() for v in values]))
    return float(np.max(sizes, initial=0.0, where=~np.isnan(sizes))) or 1.0


def silences(current: HeatMap, baseline: HeatMap) -> tuple[str, ...]:
    """Why there is nothing to compare; empty where there is."""
    return tuple(filter(None, (silence("current", current), silence("baseline", baseline))))


def silence(side: str, heat_map: HeatMap) -> str:
    """Why a side says nothing; empty where it does. No detection at all is silence, not a fall to zero."""
    if heat_map.unit == "people" and (why := unknown_why(heat_map)):
        return f"{side}: {why}"
    if heat_map.coverage.hours <= 0:
        return f"{side} ({heat_map.query.period}): no hour is counted"
    return "" if heat_map.total > 0 else f"{side} ({heat_map.query.period}): no detections"
