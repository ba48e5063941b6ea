"""The pattern of a week: weekday by hour, on the query's clock."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from butlr_grafana.insight.people import figure
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap, SeriesResult

Hour = tuple[int, float]
"""The instant at which a local hour begins, and its value (NaN: unknown)."""


@dataclass(frozen=True, slots=True)
class PatternCell:
    """One hour of the week of one asset: the mean over the `hours` of it that are known.

    `weekday` 0 is Monday. An hour of the week that is not known at all has `value` `None`.
    """

    floor: Floor
    asset_id: str
    name: str
    field: str
    weekday: int
    hour: int
    value: float | None
    hours: int


def of_series(results: Sequence[SeriesResult]) -> tuple[PatternCell, ...]:
    """Of series in windows of an hour: 168 cells an asset and field."""
    return tuple(
        cell
        for result in results
        for one in result.series
        for field, values in one.values.items()
        for cell in _cells(
            (one.floor, one.asset_id, one.name, field),
            result.query.timezone,
            zip(one.start_s.tolist(), values.tolist(), strict=True),
        )
    )


def of_heat_maps(maps: Sequence[HeatMap]) -> tuple[PatternCell, ...]:
    """Of heat maps of an hour each, of one floor: detections per hour, or in people their mean number; hours
    of which nothing is known do not count.
    """
    query = maps[0].query
    hours = [(m.query.period.start_s, _per_hour(m)) for m in maps]
    return tuple(_cells((query.floor, query.floor.id, query.floor.name, "value"), query.timezone, hours))


def _per_hour(heat_map: HeatMap) -> float:
    if not heat_map.coverage.hours:
        return math.nan
    value = figure(heat_map.total / heat_map.coverage.hours, heat_map)
    return math.nan if value is None else value


def _cells(asset: tuple[Floor, str, str, str], timezone: str, hours: Iterable[Hour]) -> Iterable[PatternCell]:
    """`asset`: its floor, id, name and field."""
    zone = ZoneInfo(timezone)
    sums, known = np.zeros((7, 24)), np.zeros((7, 24), np.int64)
    for start_s, value in hours:
        if not math.isnan(value):
            local = datetime.fromtimestamp(start_s, zone)
            sums[local.weekday(), local.hour] += value
            known[local.weekday(), local.hour] += 1
    for weekday, hour in np.ndindex(7, 24):
        n = int(known[weekday, hour])
        mean = float(sums[weekday, hour]) / n if n else None
        yield PatternCell(*asset, weekday, hour, mean, n)
