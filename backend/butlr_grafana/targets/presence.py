"""Sensor availability of rooms in the period of a heat map: when it is requested, how, and for which map.

The query is for people, in the same windows as panels and rules, so that all share their calls. It is not for
presence time: for an hour without anybody, Butlr may return no row of it at all, but a count of people has a
0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from butlr_grafana.insight.sensor_availability import with_room_availability
from butlr_grafana.model.calendar import local_windows, window_starts
from butlr_grafana.model.queries import HeatMap, Query, SeriesQuery, SeriesResult
from butlr_grafana.model.subjects import series_subject
from butlr_grafana.model.time import HOUR_S, NOW_S, Period
from butlr_grafana.query.period import CLOCK_CHANGE_S, whole_windows
from butlr_grafana.query.series import LONGEST_IN_HOURS_S


def availability_queries(maps: Sequence[Query], *, now_s: float) -> list[SeriesQuery]:
    """The queries for sensor availability, for heat maps. None if Butlr reports for no room whether it is
    online, and none for the last one or two hours, for which the topology has the state. So the queried
    part of a running period has settled, and the next request needs no call.
    """
    found = [_people(query, now_s) for query in maps]
    return [people for people in found if people is not None]


def with_availability(
    maps: Sequence[HeatMap], availability: Sequence[SeriesResult], why_not: Mapping[str, str], *, now_s: float
) -> tuple[HeatMap, ...]:
    """The maps with what is known of their rooms; `why_not`: by floor, why nothing is."""
    return tuple(_with_seen(heat_map, availability, why_not, now_s - NOW_S) for heat_map in maps)


def _with_seen(
    heat_map: HeatMap, availability: Sequence[SeriesResult], why_not: Mapping[str, str], since_s: float
) -> HeatMap:
    query = heat_map.query
    # Of two periods that are compared each has its own, which covers most of it.
    own = max(availability, key=lambda one: _common_s(one.query, query), default=None)
    if own is None or not _common_s(own.query, query):
        return replace(heat_map, unavailable_reason=why_not.get(query.floor.id, ""))
    counted = local_windows(query.period, query.local_hours) if query.local_hours else [query.period]
    return with_room_availability(heat_map, own, counted, since_s=since_s)


def _people(query: Query, now_s: float) -> SeriesQuery | None:
    """All hours, whichever of them count; over more than 45 days whole days, unless only some hours do."""
    floor, period = query.floor, query.period
    if not any(room.online is not None and not room.members for room in floor.rooms):
        return None
    in_hours = query.local_hours or period.length_s <= LONGEST_IN_HOURS_S + CLOCK_CHANGE_S
    every = "1h" if in_hours else "1d"
    if period.end_s > now_s - NOW_S:
        starts = window_starts(period, every, query.timezone)
        end_s = int(starts[starts <= now_s - HOUR_S].max(initial=period.start_s))
        if end_s <= period.start_s:
            return None
        period = Period(period.start_s, end_s)
    return SeriesQuery(
        metric="occupancy",
        floor=floor,
        period=whole_windows(period, every, query.timezone, now_s),
        every=every,
        statistic="mean",
        level="room",
        base=series_subject(floor, "room_occupancy", "room", every, "mean", timezone=query.timezone),
        require=query.require,
    )


def _common_s(series_query: SeriesQuery, query: Query) -> int:
    if series_query.floor.id != query.floor.id:
        return 0
    common = series_query.period.overlap(query.period)
    return common.length_s if common else 0
