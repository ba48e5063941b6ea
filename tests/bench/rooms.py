"""The work of each evaluation of a rule on a floor with 20 rooms, with and without its cache."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from zoneinfo import ZoneInfo

import numpy as np

from butlr_grafana.insight import apportion
from butlr_grafana.insight.anomaly import hours_of
from butlr_grafana.insight.apportion import of_rooms
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.time import Period
from tests.bench.row import Row, median_ms
from tests.bench.simulation import simulated

CELLS = 700
TIMES = 30
ZONE = "Europe/Paris"
TEN_HOURS = Period(1_750_000_000 // 60 * 60, 1_750_000_000 // 60 * 60 + 36_000)


def rows() -> list[Row]:
    return [cutting(), usual_hours()]


def cutting() -> Row:
    """The share of each cell in each room, for other cells each time."""
    with simulated(1, start="2026-06-17T14:30:05") as simulation:
        [floor] = simulation.service.topology(None, deadline=0.0).floors.values()
    numbers = count()

    def cached() -> None:
        of_rooms(floor, some_cells(floor, next(numbers)))

    def uncached() -> None:
        apportion._cache.clear()
        cached()

    return Row(
        "shares of cells in 20 rooms",
        median_ms(cached, TIMES),
        "cut anew",
        median_ms(uncached, TIMES),
        wanted=5.0,
    )


def some_cells(floor: Floor, seed: int) -> Grid:
    assert floor.outline
    nx, ny = (int(2 * max(axis)) for axis in zip(*floor.outline, strict=True))
    chosen = np.sort(np.random.default_rng(seed).choice(nx * ny, CELLS, replace=False))
    ix, iy = np.divmod(chosen, ny)
    return Grid(0.5, (0.25, 0.25), ix.astype(np.int32), iy.astype(np.int32), np.ones(CELLS))


def usual_hours() -> Row:
    """The hours of the week that a period of ten hours touches."""
    zone = ZoneInfo(ZONE)

    def minute_by_minute() -> None:
        for instant_s in range(TEN_HOURS.start_s, TEN_HOURS.end_s, 60):
            local = datetime.fromtimestamp(instant_s, zone)
            assert 0 <= local.weekday() < 7
            assert 0 <= local.hour < 24

    return Row(
        "hours of the week in ten hours",
        median_ms(lambda: hours_of(TEN_HOURS, ZONE), TIMES),
        "minute by minute",
        median_ms(minute_by_minute, TIMES),
        wanted=3.0,
    )
