"""Windows of local time, and the values of the minutes in each window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np

from .day import LocalDay
from .geometry import Floats
from .minutes import MINUTE_S
from .stays import Ints

EVERY_S: Mapping[str, int | None] = {
    "1m": MINUTE_S,
    "60s": MINUTE_S,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "6h": 6 * 3600,
    "12h": 12 * 3600,
    "1d": None,
}
"""The length of a window in seconds; None: a local day of 23, 24 or 25 hours."""

_DAY_S = 86400


def local_days(tz: ZoneInfo, start_s: int, stop_s: int) -> list[LocalDay]:
    """The local days that overlap a range, at least one."""
    day = datetime.fromtimestamp(start_s, tz).date()
    days = [LocalDay.of(day, tz)]
    while days[-1].stop_s < stop_s:
        day += timedelta(days=1)
        days.append(LocalDay.of(day, tz))
    return days


def window_edges(every: str, tz: ZoneInfo, start_s: int, stop_s: int) -> Ints:
    """The n + 1 edges of n windows, each the next one's start; the first and last are cut to the range.

    Windows are counted from local midnight, for not every zone's hours begin with those of UTC; those of more
    than an hour go by the wall's clock, also on days that lose or gain one. Where a clock changes by a part
    of a window, that part is a window of its own.
    """
    starts = np.concatenate([_starts(every, day, tz) for day in local_days(tz, start_s, stop_s)])
    edges_s: Ints = np.r_[start_s, starts[(starts > start_s) & (starts < stop_s)], stop_s]
    return edges_s


def _starts(every: str, day: LocalDay, tz: ZoneInfo) -> Ints:
    step_s = EVERY_S[every]
    if step_s is None:
        return np.array([day.midnight_s])
    if step_s <= 3600 and day.length_s % step_s == 0:
        return np.arange(day.midnight_s, day.stop_s, step_s)
    if step_s <= 3600:
        return _on_the_wall(day, step_s, tz)
    starts_s: Ints = np.r_[day.midnight_s, day.midnight_s + day.at(np.arange(step_s, _DAY_S, step_s))]
    return starts_s


def _on_the_wall(day: LocalDay, step_s: int, tz: ZoneInfo) -> Ints:
    """The windows of a day whose length is no multiple of theirs, minute by minute."""
    minutes = range(day.midnight_s, day.stop_s, MINUTE_S)
    clock = [datetime.fromtimestamp(at_s, tz) for at_s in minutes]
    changes = [False] + [a.utcoffset() != b.utcoffset() for a, b in pairwise(clock)]
    begins = [
        at_s
        for at_s, moment, change in zip(minutes, clock, changes, strict=True)
        if change or (moment.hour * 60 + moment.minute) * MINUTE_S % step_s == 0
    ]
    return np.array(begins, np.int64)


def steady_edges(every: str, start_s: int, stop_s: int) -> Ints:
    """The edges of windows of equal length from the start on. The last window may be shorter."""
    edges_s: Ints = np.r_[np.arange(start_s, stop_s, EVERY_S[every] or _DAY_S), stop_s]
    return edges_s


def aggregate(values: Floats, edges: Ints, function: str) -> Floats:
    """`[series, minute]` → `[series, window]`. `edges`: n + 1 rising columns, from 0 to the last column plus
    one.

    A minute without data is NaN and is left out. A window without data is NaN.
    """
    if len(edges) == values.shape[1] + 1:
        return values
    return FUNCTIONS[function](values, edges)


def _sums(values: Floats, edges: Ints) -> tuple[Floats, Floats]:
    """Sum of the data in each window, and their number; NaN for none."""
    known = np.isfinite(values)
    number = np.add.reduceat(known.astype(np.float64), edges[:-1], axis=1)
    number[number == 0] = np.nan
    sums: Floats = np.add.reduceat(np.where(known, values, 0.0), edges[:-1], axis=1)
    return np.where(np.isnan(number), np.nan, sums), number


def _sum(values: Floats, edges: Ints) -> Floats:
    return _sums(values, edges)[0]


def _mean(values: Floats, edges: Ints) -> Floats:
    sums, number = _sums(values, edges)
    return sums / number


def _max(values: Floats, edges: Ints) -> Floats:
    most: Floats = np.fmax.reduceat(values, edges[:-1], axis=1)
    return most


def _min(values: Floats, edges: Ints) -> Floats:
    least: Floats = np.fmin.reduceat(values, edges[:-1], axis=1)
    return least


def _first(values: Floats, edges: Ints) -> Floats:
    bounds = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return np.stack([_first_known(values[:, a:b]) for a, b in bounds], axis=1)


def _last(values: Floats, edges: Ints) -> Floats:
    return _first(values[:, ::-1], edges[-1] - edges[::-1])[:, ::-1]


def _first_known(part: Floats) -> Floats:
    first: Floats = part[np.arange(len(part)), np.isfinite(part).argmax(axis=1)]
    return first


def _median(values: Floats, edges: Ints) -> Floats:
    bounds = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return np.stack([_middle(values[:, a:b]) for a, b in bounds], axis=1)


def _middle(part: Floats) -> Floats:
    # NaN is sorted to the end; where there is nothing else, it is also what is found at the start.
    ordered, number = np.sort(part, axis=1), np.maximum(1, np.isfinite(part).sum(axis=1))
    series = np.arange(len(part))
    middle: Floats = (ordered[series, (number - 1) // 2] + ordered[series, number // 2]) / 2
    return middle


FUNCTIONS: Mapping[str, Callable[[Floats, Ints], Floats]] = {
    "mean": _mean,
    "max": _max,
    "min": _min,
    "sum": _sum,
    "first": _first,
    "last": _last,
    "median": _median,
}
"""By the value of `window.function`. Values and edges are as for `aggregate`."""
