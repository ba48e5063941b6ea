"""Questions about now: whatever is asked, they are of the minutes, or the day, that are just over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from butlr_grafana.doors import doors_by_room, entrances
from butlr_grafana.model import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    RESOLUTIONS_M,
    Floor,
    Period,
    Query,
    SeriesQuery,
    Topology,
    floor_to,
)
from butlr_grafana.plan import instant_of
from butlr_grafana.query import (
    Asked,
    Rules,
    floors_of,
    resolve,
    resolve_series,
    rooms_of,
    series_of,
    whole_windows,
    with_names,
)
from butlr_grafana.subjects import series_subject


def about_now(
    asked: Asked, topology: Topology, *, now_s: float, rules: Rules
) -> Sequence[Query | SeriesQuery]:
    """The questions of a target that is about now, floor by floor."""
    asked = with_names(asked, topology)
    match asked.target:
        case "unusual":
            return resolve_unusual(asked, topology, now_s=now_s)
        case "balance":
            return resolve_balance(asked, topology, now_s=now_s, rules=rules)
        case "freshness":
            return resolve_freshness(asked, topology, now_s=now_s, rules=rules)
        case _:
            return resolve_now(asked, topology, now_s=now_s)


LATE_S = MINUTE_S
"""Butlr's newest minute of people has been seen to be one to two minutes behind the clock."""

NOW_S = 5 * MINUTE_S

SHARED_S = 10 * MINUTE_S
"""So many minutes of people are asked for, though five are enough for now: with `unusual`, whose window they
are, and with walls it is one call.
"""

NOW = {
    "room": ("room_occupancy", "traffic_room_occupancy"),
    "floor": ("floor_occupancy", "traffic_floor_occupancy"),
    "zone": ("zone_occupancy",),
}
"""What tells how many people are there: what the sensors see, and who came through the doors."""


def resolve_now(asked: Asked, topology: Topology, *, now_s: float) -> tuple[SeriesQuery, ...]:
    """The last ten full minutes by their median, as Butlr advises, by both ways of counting: two questions a
    floor, one where it has no doors that are counted. Of the minutes five are looked at.
    """
    level = asked.level or "room"
    end_s = latest_minute(now_s)
    return tuple(
        SeriesQuery(
            target=asked.target,
            floor=floor,
            period=Period(end_s - SHARED_S, end_s),
            every="1m",
            statistic="median",
            level=level,
            base=series_subject(floor, measurement, level, "1m", "median"),
            rooms=rooms_of(asked, floor),
            require=asked.require,
            format=asked.format,
        )
        for floor in floors_of(asked, topology)
        for measurement in NOW[level]
        if measurement.startswith(level) or _has_doors(floor, level)
    )


def latest_minute(now_s: float) -> int:
    """The end of the newest minute of people that Butlr can be expected to know."""
    return floor_to(now_s - LATE_S, MINUTE_S)


def _has_doors(floor: Floor, level: str) -> bool:
    """Whether people are counted through doors there; so it is assumed where Butlr does not list its
    sensors."""
    if floor.sensors is None:
        return True
    return bool(entrances(floor) if level == "floor" else doors_by_room(floor))


HISTORY_WEEKS = 4


def resolve_unusual(asked: Asked, topology: Topology, *, now_s: float) -> tuple[SeriesQuery, ...]:
    """For each floor two questions: people in the window that ends with the newest minute, and in each hour
    of the last four whole weeks by the floor's calendar.

    The weeks are those that were over a day ago, so that all of them are kept for good. A window of more than
    an hour is asked for in hours and begins with a full one.
    """
    end_s = latest_minute(now_s)
    every, function = ("1m", "median") if asked.window_s <= HOUR_S else ("1h", "mean")
    queries = []
    for floor in floors_of(asked, topology):
        window = Period(end_s - asked.window_s, end_s)
        now = SeriesQuery(
            target=asked.target,
            floor=floor,
            period=whole_windows(window, every, floor.timezone, end_s),
            every=every,
            statistic="mean",
            level="room",
            base=series_subject(floor, "room_occupancy", "room", every, function),
            rooms=rooms_of(asked, floor),
            require=asked.require,
            format=asked.format,
        )
        hourly = replace(now.base, every="1h", function="mean")
        queries += [now, replace(now, period=_weeks_before(floor, now_s - DAY_S), every="1h", base=hourly)]
    return tuple(queries)


def _weeks_before(floor: Floor, instant_s: float) -> Period:
    """The last whole weeks before that of an instant, from Monday to Monday by the floor's calendar."""
    zone = ZoneInfo(floor.timezone)
    day = datetime.fromtimestamp(instant_s, zone).date()
    monday = day - timedelta(days=day.weekday())
    first = monday - timedelta(weeks=HISTORY_WEEKS)
    return Period(instant_of(first, 0, zone), instant_of(monday, 0, zone))


def resolve_balance(
    asked: Asked, topology: Topology, *, now_s: float, rules: Rules
) -> tuple[SeriesQuery, ...]:
    """Traffic of each floor since its own midnight, up to the last full minute, hour by hour."""
    end_s = floor_to(now_s, MINUTE_S)
    today = replace(asked, target="traffic", every="1h", level=asked.level or "floor")
    queries: list[SeriesQuery] = []
    for floor in floors_of(asked, topology):
        # Of the minute that is just over: at midnight this is still yesterday.
        day = datetime.fromtimestamp(end_s - MINUTE_S, ZoneInfo(floor.timezone)).date()
        period = Period(instant_of(day, 0, ZoneInfo(floor.timezone)), end_s)
        queries.append(series_of(today, floor, period, now_s, rules))
    return tuple(queries)


def fresh_since(now_s: float) -> int:
    """From where on freshness looks: an hour back, and a full hour. So the question of one minute lies within
    that of the next, and what is known of it is found while Butlr is away.
    """
    return floor_to(now_s - HOUR_S, HOUR_S)


def resolve_freshness(
    asked: Asked, topology: Topology, *, now_s: float, rules: Rules
) -> tuple[Query | SeriesQuery, ...]:
    """What changes by the minute on each floor: its heat map in the largest cells, or its own series."""
    period = (fresh_since(now_s), floor_to(now_s, MINUTE_S))
    if asked.metric == "heatmap":
        coarse = replace(asked, resolution=RESOLUTIONS_M[-1])
        return resolve(coarse, topology, now_s=now_s, rules=rules, asked_period=period)
    minutes = replace(asked, target=asked.metric, every="1m", level="floor", statistic="median")
    return resolve_series(minutes, topology, now_s=now_s, rules=rules, asked_period=period)
