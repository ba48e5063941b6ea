"""Heat maps over time: the hours of a pattern, the windows of a film.

Each window is a query of its own, so their number is limited. What is beyond the limit is left out, and the
queries say so in a text (`Query.limits`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from butlr_grafana.model.calendar import local_windows, window_starts
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import DAY_S, HOUR_S, Period
from butlr_grafana.query.period import CLOCK_CHANGE_S

MOST_WINDOWS = 200
MOST_PATTERN_S = 14 * DAY_S
ROUNDED_S = HOUR_S + CLOCK_CHANGE_S
"""In seconds. A rounded period may be longer than the requested one by so much, and a local week longer than
7 days.
"""

STEPS = {"1m": "minutes", "5m": "five minutes", "15m": "quarters of an hour", "1h": "hours", "1d": "days"}
"""The windows of a film, the shortest first, and their names in texts."""


def hours_of(query: Query) -> list[Query]:
    """One heat-map query for each hour of a pattern, for the last 14 days. Hours that do not count are left
    out.
    """
    period, limits = query.period, ""
    if period.length_s > MOST_PATTERN_S + ROUNDED_S:
        starts = window_starts(period, "1h", query.timezone)
        first_s = int(starts[starts >= period.end_s - MOST_PATTERN_S][0])
        period = Period(first_s, period.end_s)
        limits = f"Only the last 14 days are counted here, from {_day(first_s, query)}."
    counted = local_windows(period, query.local_hours) if query.local_hours else [period]
    starts = window_starts(period, "1h", query.timezone).tolist()
    return [
        replace(query, period=piece, local_hours=None, limits=limits)
        for part in counted
        for piece in part.cut_at(starts)
    ]


def windows(query: Query, every: str) -> list[Query]:
    """The queries of a film's windows, in local time. The first and the last window may be shorter. Windows
    that do not count are left out, but at least one remains.

    `auto`: 15 minutes up to 6 hours, hours up to two days, then days. If there are too many windows, the next
    longer ones are used; of days, only the last ones.
    """
    length_s = query.period.length_s
    if every == "auto":
        is_short = length_s <= 2 * DAY_S + ROUNDED_S
        every = "15m" if length_s <= 6 * HOUR_S else "1h" if is_short else "1d"
    steps = list(STEPS)
    for step in steps[steps.index(every) :]:
        found = _counted(query, step)
        if len(found) <= MOST_WINDOWS:
            break
    limits = (
        ""
        if step == every
        else f"The range has too many windows of {STEPS[every]}. Windows of {STEPS[step]} are shown."
    )
    if len(found) > MOST_WINDOWS:
        found = found[-MOST_WINDOWS:]
        limits = f"Only the last {MOST_WINDOWS} days are shown, from {_day(found[0].start_s, query)}."
    return [replace(query, period=window, limits=limits) for window in found]


def _counted(query: Query, every: str) -> list[Period]:
    starts = window_starts(query.period, every, query.timezone)
    found = list(query.period.cut_at(starts.tolist()))
    hours = query.local_hours
    if hours is None:
        return found
    counted = local_windows(query.period, hours)
    return [w for w in found if any(w.overlap(part) for part in counted)] or found[:1]


def _day(instant_s: int, query: Query) -> str:
    moment = datetime.fromtimestamp(instant_s, ZoneInfo(query.timezone))
    return f"{moment.day} {moment:%b %Y}"
