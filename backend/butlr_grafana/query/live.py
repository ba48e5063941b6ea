"""Queries about now: about the last minutes, or the day until now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.calendar import hour_before, instant_of
from butlr_grafana.model.chunk import SeriesSubject
from butlr_grafana.model.doors import doors_by_room, entrances
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import Query, SeriesQuery
from butlr_grafana.model.subjects import series_subject
from butlr_grafana.model.time import DAY_S, HOUR_S, MINUTE_S, NOW_S, Period, floor_to
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.period import whole_windows
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries, series_query

DOORS_EVERY_S = 10 * MINUTE_S
"""In seconds. How often the count of people by doors is requested while Butlr pushes each movement."""

SHARED_WINDOW_S = 10 * MINUTE_S
"""In seconds. Ten minutes of people are requested, although five are enough for now. Then walls and
`unusual`, which uses ten minutes, share the call.
"""

PEOPLE_MEASUREMENTS = {
    "room": ("room_occupancy", "traffic_room_occupancy"),
    "floor": ("floor_occupancy", "traffic_floor_occupancy"),
    "zone": ("zone_occupancy",),
}
"""By level, Butlr's measurements of people: by sensors in rooms, and by doors."""


def newest_people(scope: Scope) -> tuple[SeriesQuery, ...]:
    """The last ten full minutes of people by their median, as Butlr advises, by both ways of counting: two
    queries per floor, or one if no doors are counted. Results use five of the minutes.
    """
    parsed, level = scope.parsed, scope.parsed.level or "room"
    if level == "floor" and (parsed.room or parsed.tag or parsed.filters):
        level = "room"  # those that are chosen are added up
    end_s = latest_minute(scope)
    return tuple(
        SeriesQuery(
            metric="occupancy-now",
            floor=one.floor,
            period=_period_of_people(scope, base, end_s),
            every="1m",
            statistic="median",
            level=level,
            base=base,
            rooms=one.rooms,
            require=scope.parsed.require,
            format=scope.parsed.format,
            good_s=DOORS_EVERY_S if scope.live.has_doors and base.is_calibrated else None,
        )
        for one in scope.floors
        for measurement in PEOPLE_MEASUREMENTS[level]
        if measurement.startswith(level) or _has_doors(one.floor, level)
        for base in [series_subject(one.floor, measurement, level, "1m", "median")]
    )


def latest_minute(scope: Scope) -> int:
    """The end of the newest minute of people that should be known by now."""
    return floor_to(scope.now_s - scope.live.late_s, MINUTE_S)


def _period_of_people(scope: Scope, base: SeriesSubject, end_s: int) -> Period:
    """The last ten minutes, or five if they are pushed; for doors an earlier five minutes if movements since
    then are pushed.

    Those stay the same for ten minutes, on all floors. So thirty floors cost one call in ten minutes.
    """
    if scope.live.has_doors and base.is_calibrated:
        end_s = floor_to(scope.now_s - 2 * MINUTE_S, DOORS_EVERY_S)
        return Period(end_s - NOW_S, end_s)
    return Period(end_s - (NOW_S if scope.live.has_people else SHARED_WINDOW_S), end_s)


def _has_doors(floor: Floor, level: str) -> bool:
    """Whether people are counted through doors there; so it is assumed where Butlr does not list its
    sensors."""
    if floor.sensors is None:
        return True
    return bool(entrances(floor) if level == "floor" else doors_by_room(floor))


HEAT_S = 10 * MINUTE_S
"""In seconds. The window of the alert rule for hot zones."""

HISTORY_WEEKS = 4


def now_and_usual(scope: Scope) -> tuple[SeriesQuery, ...]:
    """Two queries for each floor, of its rooms or of the floor: people in the window that ends with the
    newest minute, and in each hour of the last four whole weeks by the floor's calendar.

    The weeks ended more than a day ago, so all of them are stored permanently. A window of more than an hour
    is requested in hours and begins with a full one. If data of an hour ago will do (`max_age`), it ends with
    a full one too: then it is requested once an hour. Raises `BadParameter`.
    """
    parsed, now_s = scope.parsed, latest_minute(scope)
    level = parsed.level or "room"
    if level == "zone":
        raise BadParameter("level", "zones have no usual values; allowed: room, floor")
    every, function = ("1m", "median") if parsed.window_s <= HOUR_S else ("1h", "mean")
    is_of_full_hours = every == "1h" and parsed.max_age_s >= HOUR_S
    queries = []
    for one in scope.floors:
        floor = one.floor
        end_s = hour_before(now_s, ZoneInfo(floor.timezone)) if is_of_full_hours else now_s
        window = Period(end_s - parsed.window_s, end_s)
        # Rooms that are chosen stand for their floor, added up.
        counted = "room" if one.rooms is not None else level
        now = SeriesQuery(
            metric="unusual",
            floor=floor,
            period=whole_windows(window, every, floor.timezone, end_s),
            every=every,
            statistic="mean",
            level=level,
            base=series_subject(floor, f"{counted}_occupancy", counted, every, function),
            rooms=one.rooms,
            require=parsed.require,
            format=parsed.format,
            good_s=HOUR_S if is_of_full_hours else None,
        )
        hourly, weeks = (
            replace(now.base, every="1h", function="mean"),
            _weeks_before(floor, scope.now_s - DAY_S),
        )
        queries += [now, replace(now, period=weeks, every="1h", base=hourly, good_s=None)]
    return tuple(queries)


def _weeks_before(floor: Floor, instant_s: float) -> Period:
    """The last whole weeks before that of an instant, from Monday to Monday by the floor's calendar."""
    zone = ZoneInfo(floor.timezone)
    day = datetime.fromtimestamp(instant_s, zone).date()
    monday = day - timedelta(days=day.weekday())
    first = monday - timedelta(weeks=HISTORY_WEEKS)
    return Period(instant_of(first, 0, zone), instant_of(monday, 0, zone))


def traffic_today(scope: Scope) -> tuple[SeriesQuery, ...]:
    """Hourly traffic of each floor from its local midnight to the last full minute."""
    end_s, level = floor_to(scope.now_s, MINUTE_S), scope.parsed.level or "floor"
    queries = []
    for one in scope.floors:
        # Of the minute that is just over: at midnight this is still yesterday.
        zone = ZoneInfo(one.floor.timezone)
        day = datetime.fromtimestamp(end_s - MINUTE_S, zone).date()
        today = replace(one, known_period=Period(instant_of(day, 0, zone), end_s))
        if level == "floor":
            today = replace(today, rooms=None)
        queries.append(series_query(scope, today, "traffic", every="1h", level=level))
    return tuple(queries)


def freshness_start(now_s: float) -> int:
    """The start of the period for `freshness`: the full hour before the last 60 minutes. So the query of each
    minute lies within that of the next minute, and known data are found while Butlr cannot be reached.
    """
    return floor_to(now_s - HOUR_S, HOUR_S)


def newest_known(scope: Scope) -> tuple[Query, ...] | tuple[SeriesQuery, ...]:
    """The data of each floor that change every minute: its own series, or the heat map that the alert rule
    for hot zones requests in the same minute. A second heat-map call per floor would cost too many calls.
    """
    if scope.parsed.metric == "heatmap":
        return heat_map_queries(scope.over(int(scope.now_s) - HEAT_S, int(scope.now_s)))
    recent = scope.over(freshness_start(scope.now_s), floor_to(scope.now_s, MINUTE_S))
    return series_queries(recent, scope.parsed.metric, statistic="median", every="1m", level="floor")
