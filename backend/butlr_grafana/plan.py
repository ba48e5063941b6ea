"""`Query` → segments: periods that Butlr answers in one call and that are worth keeping.

Invariants, for every period and zone:
- the segments are disjoint, in order, and together are exactly the instants asked for;
- none is longer than 168 hours (statistics apart, which come in one piece);
- a segment is either wholly before the settle boundary (kept for good) or wholly after it;
- away from the two edges of a period, boundaries do not depend on the period, so that a period that slides
  finds what its predecessor fetched: weeks of heat maps start on Monday 00:00 UTC, those of series on Monday
  of their own zone, as a series' windows must not be cut.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.model import (
    DAY_S,
    HOUR_S,
    MINUTE_S,
    WEEK_S,
    HeatMapSubject,
    LocalHours,
    Period,
    Query,
    Segment,
    SeriesQuery,
    SeriesSubject,
    StatsQuery,
    floor_to,
)

MONDAY_S = 4 * DAY_S
"""1970-01-05, the first Monday of the epoch."""

STEPS_S = {"1m": 60, "5m": 300, "15m": 900, "1h": HOUR_S, "1d": DAY_S}
"""The words of windows in seconds; a day is as long as the local day is."""

SERIES_SETTLE_S = 600
"""Minutes of people move for five minutes (Butlr's documentation of its webhooks): none younger is kept for
good."""

MAX_SEGMENT_S = WEEK_S
"""Butlr answers at most 7 days a call (its documentation of `POST /v3/detections`)."""


def plan(query: Query, *, now_s: float, settle_s: int) -> tuple[Segment, ...]:
    """The segments of a query, oldest first; none where no local time of the period counts.

    `settle_s`: how old a segment's end must be before it cannot change any more. The boundary moves
    in steps of an hour, so that the settled part of today is asked for once an hour, not once a minute.
    """
    settled_until_s = floor_to(now_s - settle_s, HOUR_S)
    hours = query.local_hours
    if hours is None or hours.is_always:
        periods = _on_fixed_boundaries(query.period, settled_until_s)
    else:
        periods = _by_window(local_windows(query.period, hours), settled_until_s)
    subject = HeatMapSubject(query.resolution_m)
    return tuple(Segment(query.floor.id, subject, p, settled=p.end_s <= settled_until_s) for p in periods)


def plan_series(query: SeriesQuery, *, now_s: float, settle_s: int) -> tuple[Segment, ...]:
    """The segments of a series query, oldest first.

    As `plan`, but by the local calendar, so that no window of a local hour or day is cut in two; minutes
    are asked for a day at a time.
    """
    settled_until_s = _settled_window(now_s - max(settle_s, SERIES_SETTLE_S), query.base)
    pieces = query.period.cut_at(_local_cuts(query.period, query.base, settled_until_s))
    return tuple(Segment(query.floor.id, query.base, p, settled=p.end_s <= settled_until_s) for p in pieces)


def plan_stats(query: StatsQuery, *, now_s: float, settle_s: int) -> tuple[Segment, ...]:
    """One segment for the whole period: its figures cannot be made of those of its parts. None where
    Butlr cannot be asked.
    """
    if query.subject is None:
        return ()
    settled = query.period.end_s <= floor_to(now_s - settle_s, HOUR_S)
    return (Segment(query.floor.id, query.subject, query.period, settled=settled),)


def _settled_window(settled_s: float, subject: SeriesSubject) -> int:
    """The end of the last window that is wholly settled."""
    zone = ZoneInfo(subject.timezone)
    if subject.is_calibrated:
        # Butlr corrects a day's door counts after its end: the day before is asked for once more.
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
    while day <= last:
        whole_weeks = subject.every != "1m" and day < running_week
        # After the settle boundary nothing is kept for good: one piece.
        if day <= settled_day and (not whole_weeks or day.weekday() == 0):
            cuts.append(instant_of(day, 0, zone))
            cuts += _long_week(day, zone) if whole_weeks else ()
        if subject.every == "1m":
            # Butlr answers minutes of less than 24 hours a call.
            cuts += [instant_of(day, minute, zone) for minute in (0, 12 * 60)]
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


def local_windows(period: Period, hours: LocalHours) -> list[Period]:
    """The contiguous stretches of `period` whose local time counts, in order.

    Windows that touch (a whole day and the next) become one.
    """
    zone = ZoneInfo(hours.timezone)
    # A day before and after: the period's edges may lie in a window that belongs to the day before.
    day = datetime.fromtimestamp(period.start_s, zone).date() - timedelta(days=1)
    last = datetime.fromtimestamp(period.end_s, zone).date()
    overnight = 1 if hours.closes_min <= hours.opens_min else 0
    windows: list[Period] = []
    while day <= last:
        if day.weekday() in hours.weekdays and day not in hours.excluded:
            opens_s = instant_of(day, hours.opens_min, zone)
            closes_s = instant_of(day + timedelta(days=overnight), hours.closes_min, zone)
            inside = Period(opens_s, closes_s).overlap(period) if opens_s < closes_s else None
            if inside and windows and windows[-1].end_s == inside.start_s:
                windows[-1] = Period(windows[-1].start_s, inside.end_s)
            elif inside:
                windows.append(inside)
        day += timedelta(days=1)
    return windows


def instant_of(day: date, minute: int, zone: ZoneInfo) -> int:
    """The first instant of a local day at which its clock shows `minute` (0 to 1440) or later.

    A time that a clock change leaves out is the instant of the change; one that comes twice is its
    first coming. So adjoining windows stay adjoining through every change.
    """
    wall = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    before, after = (int(wall.replace(fold=f).astimezone(UTC).timestamp()) for f in (0, 1))
    # fold 0 reads a left-out time with the offset before the change: later than with the one after it.
    return before if before <= after else _change(after, before, zone)


def _change(low_s: int, high_s: int, zone: ZoneInfo) -> int:
    """The first instant after `low_s` at which a zone has the offset of `high_s`, another one than before."""
    offset_s = _offset_s(high_s, zone)
    while high_s - low_s > 1:
        middle_s = (low_s + high_s) // 2
        if _offset_s(middle_s, zone) == offset_s:
            high_s = middle_s
        else:
            low_s = middle_s
    return high_s


def _offset_s(instant_s: float, zone: ZoneInfo) -> int:
    """What a zone's clock shows less UTC, in seconds."""
    offset = datetime.fromtimestamp(instant_s, zone).utcoffset()
    assert offset is not None
    return int(offset.total_seconds())


def hour_before(instant_s: float, zone: ZoneInfo) -> int:
    """The beginning of the hour on a zone's clock in which an instant lies.

    A change of the clock by a part of an hour (Lord Howe's is half of one) begins an hour too, and the one
    before it and the one that it begins are the shorter.
    """
    moment = datetime.fromtimestamp(instant_s, zone)
    begin_s = int(instant_s // 1) - moment.minute * MINUTE_S - moment.second
    changed_s = _offset_s(begin_s, zone) - _offset_s(instant_s, zone)
    return begin_s if changed_s % HOUR_S == 0 else _change(begin_s, int(instant_s // 1), zone)


def hour_after(instant_s: int, zone: ZoneInfo) -> int:
    """The first beginning of an hour on a zone's clock that is not before an instant."""
    moment = datetime.fromtimestamp(instant_s, zone)
    into_s = moment.minute * MINUTE_S + moment.second
    if not into_s or hour_before(instant_s, zone) == instant_s:
        return instant_s
    next_s = instant_s - into_s + HOUR_S
    changed_s = _offset_s(next_s, zone) - _offset_s(instant_s, zone)
    return next_s if changed_s % HOUR_S == 0 else _change(instant_s, next_s, zone)


def window_starts(period: Period, every: str, timezone: str) -> NDArray[np.int64]:
    """The windows that overlap a period, by the local clock: days begin at local midnight, whatever their
    length; the finer ones are counted from there, and anew from a change of the clock by a part of one.
    """
    zone, step_s = ZoneInfo(timezone), STEPS_S[every]
    day = datetime.fromtimestamp(period.start_s, zone).date()
    starts: list[NDArray[np.int64]] = []
    midnight_s = instant_of(day, 0, zone)
    while midnight_s < period.end_s:
        day += timedelta(days=1)
        next_s = instant_of(day, 0, zone)
        if every == "1d":
            starts.append(np.array([midnight_s]))
        else:
            starts += _within_day(midnight_s, next_s, step_s, zone)
        midnight_s = next_s
    found = np.concatenate(starts)
    ends = np.append(found[1:], midnight_s)
    return found[(ends > period.start_s) & (found < period.end_s)]


def _within_day(midnight_s: int, next_s: int, step_s: int, zone: ZoneInfo) -> list[NDArray[np.int64]]:
    """The windows of `step_s`, at most an hour, of the day between two local midnights, in stretches."""
    edges = [midnight_s, *_odd_changes(midnight_s, next_s, step_s, zone), next_s]
    return [np.arange(start_s, end_s, step_s) for start_s, end_s in pairwise(edges)]


def _odd_changes(midnight_s: int, next_s: int, step_s: int, zone: ZoneInfo) -> list[int]:
    """Where a day's clock changes by a part of a window: the change, and the first whole hour after it."""
    if (_offset_s(next_s, zone) - _offset_s(midnight_s, zone)) % step_s == 0:
        return []
    change_s = _change(midnight_s, next_s, zone)
    return sorted({change_s, min(hour_after(change_s + 1, zone), next_s)})
