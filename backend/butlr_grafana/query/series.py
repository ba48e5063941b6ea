"""Queries for time series of a scope: occupancy, traffic, presence."""

from __future__ import annotations

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.chosen_rooms import check_adds_up
from butlr_grafana.model.chunk import SeriesSubject
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.subjects import series_subject
from butlr_grafana.model.time import DAY_S, HOUR_S, LocalHours, Period
from butlr_grafana.query.period import CLOCK_CHANGE_S, whole_windows
from butlr_grafana.query.scope import FloorScope, Scope

MEASUREMENTS = {
    ("occupancy", "floor"): "floor_occupancy",
    ("occupancy", "room"): "room_occupancy",
    ("occupancy", "zone"): "zone_occupancy",
}
LONGEST_IN_MINUTES_S, LONGEST_IN_HOURS_S = 7 * DAY_S, 45 * DAY_S


def series_queries(
    scope: Scope, metric: str, *, statistic: str = "mean", every: str = "auto", level: str = "room"
) -> tuple[SeriesQuery, ...]:
    """One query for each floor, over whole windows up to now.

    `metric`: `occupancy`, `traffic` or `presence`. `statistic`: for occupancy; the other metrics are sums.
    `every`: the length of the windows; `auto` depends on the length of the range. Raises `BadParameter`.
    """
    start_s, end_s = scope.range_s
    every = _every(every, end_s - start_s)
    return tuple(
        series_query(scope, one, metric, statistic=statistic, every=every, level=level)
        for one in scope.floors
    )


def series_query(
    scope: Scope, one: FloorScope, metric: str, *, statistic: str = "mean", every: str, level: str = "room"
) -> SeriesQuery:
    """The query for one floor. `every` is a length, not `auto`. Raises `BadParameter`."""
    parsed = scope.parsed
    if metric == "traffic" and level == "zone":
        raise BadParameter("level", "zones have no doors; allowed: room, floor")
    return SeriesQuery(
        metric=metric,
        floor=one.floor,
        period=whole_windows(one.period, every, one.timezone, scope.now_s),
        every=every,
        statistic=statistic if metric == "occupancy" else "sum",
        level=level,
        base=_base(one, metric, statistic, every, level),
        local_hours=one.local_hours,
        rooms=one.rooms,
        require=parsed.require,
        format=parsed.format,
    )


def hourly_means(floor: Floor, period: Period, *, now_s: float, require: str) -> SeriesQuery:
    """The query for the mean number of people in each room of a floor, for each hour, as panels
    request it.
    """
    timezone = floor.timezone
    return SeriesQuery(
        metric="occupancy",
        floor=floor,
        period=whole_windows(period, "1h", timezone, now_s),
        every="1h",
        statistic="mean",
        level="room",
        base=series_subject(floor, "room_occupancy", "room", "1h", "mean", timezone=timezone),
        require=require,
    )


def _every(every: str, length_s: int) -> str:
    """The windows' length for a range as it is asked for: the same on all floors, however each rounds it."""
    if every == "auto":
        day_s, longest_in_hours_s = (s + CLOCK_CHANGE_S for s in (DAY_S, LONGEST_IN_HOURS_S))
        steps = ((6 * HOUR_S, "1m"), (day_s, "5m"), (longest_in_hours_s, "1h"))
        return next((every for longest, every in steps if length_s <= longest), "1d")
    if every in ("1m", "5m", "15m") and length_s > LONGEST_IN_MINUTES_S + CLOCK_CHANGE_S:
        raise BadParameter(
            "every", f"{every} is allowed for ranges up to 7 days; for longer ranges use auto, 1h or 1d"
        )
    return every


def _base(one: FloorScope, metric: str, statistic: str, every: str, level: str) -> SeriesSubject:
    """What Butlr is asked for."""
    window, function = _window(metric, statistic, every, one.period, one.local_hours)
    # Rooms that are chosen stand for their floor, added up.
    counted = "room" if level == "floor" and one.rooms is not None else level
    measurement = MEASUREMENTS.get((metric, counted), metric)
    base = series_subject(one.floor, measurement, counted, window, function, timezone=one.timezone)
    if counted != level:
        check_adds_up(base, one.rooms or ())
    return base


def _window(
    metric: str, statistic: str, every: str, period: Period, hours: LocalHours | None
) -> tuple[str, str]:
    """Butlr's windows and their function.

    Minutes by their median, as Butlr advises. Percentiles are of minutes up to a day, of hourly means
    above. Days of which only some hours count are made of hours.
    """
    function = statistic if metric == "occupancy" else "sum"
    is_percentile = function.startswith("p")
    if every in ("1m", "5m", "15m") or (is_percentile and period.length_s <= DAY_S + CLOCK_CHANGE_S):
        return "1m", "sum" if metric != "occupancy" else "median"
    if is_percentile:
        return "1h", "mean"
    if every == "1d" and hours is not None:
        return "1h", "mean" if function == "median" else function
    return every, function
