"""The floor's local clock: days, windows and clock changes. No other module computes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.model.time import DAY_S, HOUR_S, MINUTE_S, LocalHours, Period

STEPS_S = {"1m": 60, "5m": 300, "15m": 900, "1h": HOUR_S, "1d": DAY_S}
"""The length of each window in seconds. A day is as long as the local day."""

MOST_CACHED = 2_000
"""Starts of windows that are cached: more than four weeks of hours."""

SERIES_SETTLE_S = 600
"""Butlr's minutes of people can change for five minutes, as its webhook documentation says. So younger
minutes are not stored permanently.
"""


def local_windows(period: Period, hours: LocalHours) -> list[Period]:
    """The parts of `period` that are within the local hours, in order.

    Windows that touch each other (a whole day and the next one) become one.
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

    If a clock change leaves a time out, the result is the instant of the change. If a time occurs twice, the
    result is its first occurrence. So adjoining windows stay adjoining across every change.
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
    """The beginning of the local hour that contains an instant.

    A clock change by a part of an hour (half an hour on Lord Howe Island) also begins an hour. The hours
    before and after it are shorter.
    """
    moment = datetime.fromtimestamp(instant_s, zone)
    begin_s = int(instant_s // 1) - moment.minute * MINUTE_S - moment.second
    changed_s = _offset_s(begin_s, zone) - _offset_s(instant_s, zone)
    return begin_s if changed_s % HOUR_S == 0 else _change(begin_s, int(instant_s // 1), zone)


def hour_after(instant_s: int, zone: ZoneInfo) -> int:
    """The first beginning of a local hour that is not before an instant."""
    moment = datetime.fromtimestamp(instant_s, zone)
    into_s = moment.minute * MINUTE_S + moment.second
    if not into_s or hour_before(instant_s, zone) == instant_s:
        return instant_s
    next_s = instant_s - into_s + HOUR_S
    changed_s = _offset_s(next_s, zone) - _offset_s(instant_s, zone)
    return next_s if changed_s % HOUR_S == 0 else _change(instant_s, next_s, zone)


def window_starts(period: Period, every: str, timezone: str) -> NDArray[np.int64]:
    """The starts of the local windows that overlap a period: int64[n].

    Days begin at local midnight. Shorter windows are counted from midnight, and again from a clock change by
    a part of a window.
    """
    is_short = period.length_s <= MOST_CACHED * STEPS_S[every]
    return _cached_starts(period, every, timezone) if is_short else _starts(period, every, timezone)


@lru_cache(maxsize=64)
def _cached_starts(period: Period, every: str, timezone: str) -> NDArray[np.int64]:
    """The same for all floors of a time zone."""
    found = _starts(period, every, timezone)
    found.setflags(write=False)
    return found


def _starts(period: Period, every: str, timezone: str) -> NDArray[np.int64]:
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


def on_clock(instant_s: int, timezone: str) -> str:
    """`Tue 16 Jun 09:41` on that clock."""
    moment = datetime.fromtimestamp(instant_s, ZoneInfo(timezone))
    return f"{moment:%a} {moment.day} {moment:%b %H:%M}"


def dates_of(period: Period, timezone: str) -> str:
    """`10 Jun 2026 00:00 to 17 Jun 2026 00:00` on that clock."""
    start, end = (datetime.fromtimestamp(at_s, ZoneInfo(timezone)) for at_s in (period.start_s, period.end_s))
    return " to ".join(f"{moment.day} {moment:%b %Y %H:%M}" for moment in (start, end))


def since(instant_s: int | None, timezone: str) -> str:
    """`since 13 Jun 01:59` on the local clock; empty if the time is unknown."""
    if instant_s is None:
        return ""
    moment = datetime.fromtimestamp(instant_s, ZoneInfo(timezone))
    return f"since {moment.day} {moment:%b %H:%M}"
