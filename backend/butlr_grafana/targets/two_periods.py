"""Which two periods are compared: their dates, whose clock these are on, and how many hours count in each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from butlr_grafana.model.calendar import dates_of, local_windows
from butlr_grafana.model.queries import HeatMap, Query, SeriesQuery, SeriesResult
from butlr_grafana.model.time import HOUR_S
from butlr_grafana.targets.base import Row
from butlr_grafana.targets.columns import HOURS, Column, number, text

LEAST_DIFFERENCE_H = 0.05
"""Less is not seen in a figure with one decimal."""

NAMES = ("now_dates", "then_dates", "timezone", "now_hours", "then_hours")

COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        "now_dates": text("Dates now"),
        "then_dates": text("Dates then"),
        "now_hours": number("Hours counted, now", HOURS, 1),
        "then_hours": number("Hours counted, then", HOURS, 1),
    }
)


def shared_zone(queries: Iterable[Query | SeriesQuery]) -> str:
    """The time zone of the queries; UTC if they have several."""
    zones = {query.timezone for query in queries}
    return zones.pop() if len(zones) == 1 else "UTC"


def difference(periods: Row) -> str:
    """What a reader must know if more hours count in one period than in the other; empty if they do not."""
    now, then = periods["now_hours"], periods["then_hours"]
    if abs(now - then) < LEAST_DIFFERENCE_H:
        return ""
    return f"Hours counted: {now:.1f} now, {then:.1f} then. The values are per hour counted."


def values(now: HeatMap | SeriesResult, then: HeatMap | SeriesResult, timezone: str) -> Row:
    """The columns `NAMES`, with dates on the clock of `timezone`."""
    return {
        "now_dates": dates_of(now.query.period, timezone),
        "then_dates": dates_of(then.query.period, timezone),
        "timezone": timezone,
        "now_hours": round(_hours(now), 4),
        "then_hours": round(_hours(then), 4),
    }


def _hours(one: HeatMap | SeriesResult) -> float:
    """Of a series also the hours that are not counted are fetched."""
    if isinstance(one, HeatMap):
        return one.coverage.hours
    period, counted = one.query.period, one.query.local_hours
    windows = [period] if counted is None else local_windows(period, counted)
    return sum(window.length_s for window in windows) / HOUR_S
