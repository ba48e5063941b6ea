"""Heat maps of consecutive windows as one of their whole period."""

from __future__ import annotations

from dataclasses import replace

import pytest

from butlr_grafana.insight.rollup import whole
from butlr_grafana.model.chunk import Chunk, Coverage, Grid
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import HOUR_S, Period
from tests.insight.floors import floor, grid, heat_map

pytestmark = pytest.mark.fast


def window(
    number: int,
    cells: dict[tuple[int, int], float],
    *,
    settled: bool = True,
    as_of_s: float = 0,
    stale: int = 0,
) -> HeatMap:
    """The hour that begins after so many hours."""
    period = Period(number * HOUR_S, (number + 1) * HOUR_S)
    raw = grid(cells)
    own = heat_map(floor(), raw)
    coverage = Coverage(1, 1, 0, stale, 0, 1.0, as_of_s or float(period.end_s))
    return replace(
        own,
        query=replace(own.query, period=period, normalize="max"),
        coverage=coverage,
        chunks=(Chunk(period, raw, 0.0, settled),),
        hidden=3.0,
    )


def values(of: Grid) -> dict[tuple[int, int], float]:
    return dict(zip(zip(of.ix.tolist(), of.iy.tolist(), strict=True), of.value.tolist(), strict=True))


def test_cells_hours_and_what_is_hidden_add_up() -> None:
    found = whole([window(0, {(0, 0): 1.0}), window(1, {(0, 0): 2.0, (1, 1): 4.0}), window(2, {})])
    assert values(found.raw) == {(0, 0): 3.0, (1, 1): 4.0}
    assert (found.hidden, found.total, found.coverage.hours) == (9.0, 16.0, 3.0)
    assert found.query.period == Period(0, 3 * HOUR_S)
    assert found.query.normalize == "none"
    assert (found.coverage.planned, found.coverage.fetched) == (3, 3)
    assert len(found.chunks) == 3


def test_what_is_settled_is_as_old_as_its_end() -> None:
    assert whole([window(0, {}), window(1, {})]).coverage.as_of_s == 2 * HOUR_S


def test_the_oldest_that_can_still_change_or_is_stale_decides() -> None:
    live = window(2, {}, settled=False, as_of_s=9_000.0)
    assert whole([window(0, {}), window(1, {}), live]).coverage.as_of_s == 9_000.0
    stale = window(1, {}, as_of_s=4_000.0, stale=1)
    found = whole([window(0, {}), stale, live]).coverage
    assert found.as_of_s == 4_000.0
    assert not found.complete
