"""`Query` → segments: periods that fit in one call to Butlr and are worth storing.

Invariants, for every period and zone:
- the segments are disjoint, in order, and together are exactly the instants requested;
- none is longer than 168 hours (statistics apart, which come in one piece);
- a segment is either wholly before the settle boundary (stored permanently) or wholly after it;
- away from the two edges of a period, boundaries do not depend on the period, so that a period that slides
  finds what its predecessor fetched: weeks of heat maps start on Monday 00:00 UTC, those of series on Monday
  of their own zone, as a series' windows must not be cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from butlr_grafana.model.calendar import SERIES_SETTLE_S, _odd_changes, hour_before, instant_of, local_windows
from butlr_grafana.model.chunk import HeatMapSubject, Segment, SeriesSubject
from butlr_grafana.model.queries import Query, SeriesQuery, StatsQuery
from butlr_grafana.model.time import DAY_S, HOUR_S, MINUTE_S, WEEK_S, Period, floor_to

MONDAY_S = 4 * DAY_S
"""1970-01-05, the first Monday of the epoch."""

MAX_SEGMENT_S = WEEK_S
"""Butlr returns at most 7 days a call (its documentation of `POST /v3/detections`)."""

MAX_MINUTES_S = DAY_S // 2
"""Of windows of a minute Butlr returns less than 24 hours a call: half a day, from midnight and noon."""


def plan(query: Query, *, now_s: float, settle_s: int) -> tuple[Segment, ...]:
    """The segments of a query, oldest first; none where no local time of the period counts.

    `settle_s`: how old a segment's end must be before it cannot change any more. The boundary moves
    in steps of an hour, so that the settled part of today is requested once an hour, not once a minute.
    """
    settled_until_s = floor_to(now_s - settle_s, HOUR_S)
    hours = query.local_hours
    if hours is None or hours.is_always:
        periods = _on_fixed_boundaries(query.period, settled_until_s)
    else:
        periods = _by_window(local_windows(query.period, hours), settled_until_s)
    subject = HeatMapSubject(query.resolution_m)
    slides = _is_about_now(query, now_s, settled_until_s)
    return tuple(
        Segment(query.floor.id, subject, p, settled=p.end_s <= settled_until_s, slides=slides)
        for p in periods
    )


def _is_about_now(query: Query, now_s: float, settled_until_s: int) -> bool:
    """Whether it is one segment that ends now and can still change."""
    hours = query.local_hours
    is_one = query.period.start_s >= settled_until_s and (hours is None or hours.is_always)
    return is_one and query.period.end_s > now_s - 2 * MINUTE_S


def plan_series(query: SeriesQuery, *, now_s: float, settle_s: int) -> tuple[Segment, ...]:
    """The segments of a series query, oldest first.

    As `plan`, but by the local calendar, so that no window of a local hour or day is cut in two; minutes
    are requested a day at a time. What is requested rarely (`good_s`) is not cut where settled data begin:
    that would be a second call.
    """
    settled_until_s = _settled_window(now_s - max(settle_s, SERIES_SETTLE_S), query.base)
    is_one = query.good_s is not None and query.period.length_s <= MAX_MINUTES_S
    cuts = (
        _odd_hours(query.period, ZoneInfo(query.base.timezone))
        if is_one
        else _local_cuts(query.period, query.base, settled_until_s)
    )
    pieces = query.period.cut_at(cuts)
    return tuple(
        Segment(query.floor.id, query.base, p, settled=p.end_s <= settled_until_s, good_s=query.good_s)
        for p in pieces
    )


def plan_stats(query: StatsQuery, *, now_s: float, settle_s: int) -> tuple[Segment, ...]:
    """One segment for the whole period: its figures cannot be computed from those of shorter periods. None
    if Butlr cannot be queried.
    """
    if query.subject is None:
        return ()
    settled = query.period.end_s <= floor_to(now_s - settle_s, HOUR_S)
    return (Segment(query.floor.id, query.subject, query.period, settled=settled),)


def _settled_window(settled_s: float, subject: SeriesSubject) -> int:
    """The end of the last window that is wholly settled."""
    zone = ZoneInfo(subject.timezone)
    if subject.is_calibrated:
        # Butlr corrects a day's door counts after its end: the day before is requested once more.
        settled_s -= DAY_S
    if subject.is_calibrated or subject.every == "1d":
        return instant_of(datetime.fromtimestamp(settled_s, zone).date(), 0, zone)
    return hour_before(settled_s, zone)


def _local_cuts(period: Period, subject: SeriesSubject, settled_until_s: int) -> list[int]:
    """Where a period is divided: Mondays, in the running week and for minutes every midnight. And where the
    clock changes by a part of a window: windows that are counted from a segment's start are then the same.
    """
    zone = ZoneInfo(subject.timezone)
    day = datetime.fromtimestamp(period.start_s, zone).date()
    last = datetime.fromtimestamp(period.end_s, zone).date()
    settled_day = datetime.fromtimestamp(settled_until_s, zone).date()
    running_week = settled_day - timedelta(days=settled_day.weekday())
    cuts = [settled_until_s]
    # The last minutes, which every query needs, are one call at noon and at midnight too.
    is_one_call = period.end_s - max(period.start_s, settled_until_s) <= MAX_MINUTES_S
    while day <= last:
        whole_weeks = not subject.is_by_the_minute and day < running_week
        # After the settle boundary nothing is stored permanently: one piece.
        if day <= settled_day and (not whole_weeks or day.weekday() == 0):
            cuts.append(instant_of(day, 0, zone))
            cuts += _long_week(day, zone) if whole_weeks else ()
        if subject.is_by_the_minute:
            halves = [instant_of(day, minute, zone) for minute in (0, 12 * 60)]
            cuts += [half_s for half_s in halves if half_s < settled_until_s or not is_one_call]
        day += timedelta(days=1)
    if subject.every == "1h":
        cuts += _odd_hours(period, zone)
    return cuts


def _long_week(monday: date, zone: ZoneInfo) -> list[int]:
    """Where a week in which the clocks go back is divided: it is longer than Butlr's 7 days."""
    begins, ends = (_midnight_offset(monday + timedelta(days=k), zone) for k in (0, 7))
    return [instant_of(monday + timedelta(days=6), 0, zone)] if ends < begins else []


def _odd_hours(period: Period, zone: ZoneInfo) -> Iterator[int]:
    """The `_odd_changes` of all days of a period, for windows of an hour; few weeks have one."""
    first, last = (datetime.fromtimestamp(t, zone).date() for t in (period.start_s, period.end_s))
    weeks = [first + timedelta(days=k) for k in range(0, (last - first).days + 8, 7)]
    offsets = [_midnight_offset(day, zone) for day in weeks]
    for week, begins, ends in zip(weeks, offsets, offsets[1:], strict=False):
        if (ends - begins) % timedelta(seconds=HOUR_S):
            midnights = [instant_of(week + timedelta(days=k), 0, zone) for k in range(8)]
            for start_s, end_s in pairwise(midnights):
                yield from _odd_changes(start_s, end_s, HOUR_S, zone)


def _midnight_offset(day: date, zone: ZoneInfo) -> timedelta:
    """What the zone's clock shows less UTC when a day begins."""
    offset = datetime(day.year, day.month, day.day, tzinfo=zone).utcoffset()
    assert offset is not None
    return offset


def _on_fixed_boundaries(period: Period, settled_until_s: int) -> Iterator[Period]:
    """Whole weeks; the running week as whole days; what is not settled yet as one piece.

    The running week is the one of the settle boundary, not of the clock: on a Monday morning last
    week's days stay as they are until its last hour is settled. With one piece before the first week
    boundary, a year is at most 1 + 51 + 6 + 1 + 1 pieces.
    """
    running_week_s = floor_to(settled_until_s, WEEK_S, MONDAY_S)
    for piece in period.cut_at([settled_until_s]):
        if piece.start_s >= settled_until_s:
            yield from _at_most_a_week(piece)
            continue
        weeks = range(floor_to(piece.start_s, WEEK_S, MONDAY_S), piece.end_s, WEEK_S)
        first_day_s = max(running_week_s, floor_to(piece.start_s, DAY_S))
        yield from piece.cut_at([*weeks, *range(first_day_s, piece.end_s, DAY_S)])


def _by_window(windows: list[Period], settled_until_s: int) -> Iterator[Period]:
    for window in windows:
        for piece in window.cut_at([settled_until_s]):
            yield from _at_most_a_week(piece)


def _at_most_a_week(period: Period) -> Iterator[Period]:
    return period.cut_at(range(period.start_s, period.end_s, MAX_SEGMENT_S))
