"""Words → `Query`, in two steps.

`read` turns words (a JSON payload, URL parameters) into typed values; it needs nothing but the words,
so that a typing error is answered before anything else happens. `resolve` fills in what depends on the
floor, the clock and the settings.
"""

from __future__ import annotations

from dataclasses import replace

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.chunk import AUTO_RESOLUTIONS_M
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.queries import Query, SeriesQuery
from butlr_grafana.model.subjects import series_subject
from butlr_grafana.model.time import DAY_S, HOUR_S, LocalHours, Period
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameters import MAX_COLUMNS
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.period import CLOCK_CHANGE_S, _from_to, period_of, whole_windows, zone_of
from butlr_grafana.query.rooms import floors_of, rooms_of, with_names


def resolve(
    asked: ParsedQuery,
    topology: Topology,
    *,
    now_s: float,
    rules: QueryLimits,
    asked_period: tuple[int, int] | None = None,
    max_data_points: int | None = None,
) -> tuple[Query, ...]:
    """Fills in what depends on the floor, the clock and the settings: a query a floor.

    `asked_period`: the panel's range in seconds where the door has one (`/query`), else `from` and `to`.
    Raises `BadParameter`, `UnknownSpace`.
    """
    asked = with_names(asked, topology)
    columns = min(asked.columns, max(max_data_points or MAX_COLUMNS, 2))
    return tuple(
        Query(
            target=asked.target,
            floor=floor,
            period=period_of(asked, floor, asked_period, now_s=now_s, rules=rules),
            resolution_m=asked.resolution or finest(floor, columns),
            normalize=asked.normalize,
            local_hours=_local_hours(asked, floor, rules),
            rooms=rooms_of(asked, floor),
            require=asked.require,
            format=asked.format,
            tz=asked.tz,
        )
        for floor in floors_of(asked, topology)
    )


MEASUREMENTS = {
    ("occupancy", "floor"): "floor_occupancy",
    ("occupancy", "room"): "room_occupancy",
    ("occupancy", "zone"): "zone_occupancy",
}
LONGEST_IN_MINUTES_S, LONGEST_IN_HOURS_S = 7 * DAY_S, 45 * DAY_S


def resolve_series(
    asked: ParsedQuery,
    topology: Topology,
    *,
    now_s: float,
    rules: QueryLimits,
    asked_period: tuple[int, int] | None = None,
) -> tuple[SeriesQuery, ...]:
    """As `resolve`, for values over time; each floor's period is widened to whole windows, up to now."""
    asked = with_names(asked, topology)
    start_s, end_s = asked_period or _from_to(asked)
    every = _every(asked, end_s - start_s)
    return tuple(
        series_of(
            replace(asked, every=every),
            floor,
            period_of(asked, floor, asked_period, now_s=now_s, rules=rules),
            now_s,
            rules,
        )
        for floor in floors_of(asked, topology)
    )


def series_of(
    asked: ParsedQuery, floor: Floor, period: Period, now_s: float, rules: QueryLimits
) -> SeriesQuery:
    """`asked.every` is the windows' length, not `auto`."""
    every, level, timezone = asked.every, asked.level or "room", zone_of(asked, floor)
    if asked.target == "traffic" and level == "zone":
        raise BadParameter("level", "zones have no doors; it may be room, floor")
    hours = _local_hours(asked, floor, rules)
    base_every, function = _base(asked, every, period, limited=hours is not None)
    measurement = MEASUREMENTS.get((asked.target, level), asked.target)
    return SeriesQuery(
        target=asked.target,
        floor=floor,
        period=whole_windows(period, every, timezone, now_s),
        every=every,
        statistic=asked.statistic if asked.target == "occupancy" else "sum",
        level=level,
        base=series_subject(floor, measurement, level, base_every, function, timezone=timezone),
        local_hours=hours,
        rooms=rooms_of(asked, floor),
        require=asked.require,
        format=asked.format,
    )


def _every(asked: ParsedQuery, length_s: int) -> str:
    """The windows' length for a range as it is asked for: the same on all floors, however each rounds it."""
    if asked.every == "auto":
        day_s, longest_in_hours_s = (s + CLOCK_CHANGE_S for s in (DAY_S, LONGEST_IN_HOURS_S))
        steps = ((6 * HOUR_S, "1m"), (day_s, "5m"), (longest_in_hours_s, "1h"))
        return next((every for longest, every in steps if length_s <= longest), "1d")
    if asked.every in ("1m", "5m", "15m") and length_s > LONGEST_IN_MINUTES_S + CLOCK_CHANGE_S:
        raise BadParameter("every", f"{asked.every} is for ranges of up to 7 days; it may be auto, 1h, 1d")
    return asked.every


def _base(asked: ParsedQuery, every: str, period: Period, *, limited: bool) -> tuple[str, str]:
    """What Butlr is asked for: windows and their function.

    Minutes by their median, as Butlr advises. Percentiles are of minutes up to a day, of hourly means
    above. Days of which only some hours count are made of hours.
    """
    function = asked.statistic if asked.target == "occupancy" else "sum"
    is_percentile = function.startswith("p")
    if every in ("1m", "5m", "15m") or (is_percentile and period.length_s <= DAY_S + CLOCK_CHANGE_S):
        return "1m", "sum" if asked.target != "occupancy" else "median"
    if is_percentile:
        return "1h", "mean"
    if every == "1d" and limited:
        return "1h", "mean" if function == "median" else function
    return every, function


def finest(floor: Floor, columns: int) -> float:
    """The finer of 0.5 and 1.0 metres with at most `columns` columns on this floor, else 1.0.

    0.25 is finer than the sensors see, so it is only taken where it is asked for. Where Butlr knows no
    outline and no polygon of the floor, its width is unknown: 1.0.
    """
    coarsest, bounds = AUTO_RESOLUTIONS_M[-1], floor.bounds
    if bounds is None:
        return coarsest
    width_m = bounds.max_x - bounds.min_x
    return next((metres for metres in AUTO_RESOLUTIONS_M if width_m / metres <= columns), coarsest)


def _local_hours(asked: ParsedQuery, floor: Floor, rules: QueryLimits) -> LocalHours | None:
    limits = LocalHours(zone_of(asked, floor))
    if asked.holidays == "out":
        if not rules.holidays:
            raise BadParameter(
                "holidays", "out needs the setting BACKEND_HOLIDAYS (a file of dates or a country code)"
            )
        limits = replace(limits, excluded=rules.holidays)
    if asked.hours is not None:
        limits = replace(limits, opens_min=asked.hours[0], closes_min=asked.hours[1])
    if asked.days is not None:
        limits = replace(limits, weekdays=asked.days)
    return None if limits.is_always else limits
