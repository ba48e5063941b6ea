"""The period of a query: rounded, cut to now, and its baseline."""

from __future__ import annotations

from calendar import isleap
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.calendar import hour_after, hour_before, window_starts
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import DAY_S, HOUR_S, MINUTE_S, Period, floor_to, iso
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameter_values import EARLIEST_S, Baseline
from butlr_grafana.query.parse import ParsedQuery

CLOCK_CHANGE_S = HOUR_S
"""In seconds. A day or week in which the clocks go back is at most so much longer than others."""


def whole_windows(period: Period, every: str, timezone: str, now_s: float) -> Period:
    """The period extended to whole windows. It ends at the last full minute at the latest."""
    beyond = window_starts(Period(period.start_s, period.end_s + 2 * DAY_S), every, timezone)
    end_s = min(int(beyond[beyond >= period.end_s][0]), floor_to(now_s, MINUTE_S))
    return Period(int(beyond[0]), max(end_s, period.end_s))


def before(query: Query, baseline: Baseline, *, now_s: float, limits: QueryLimits) -> Query:
    """The same query for the period of comparison. The local hours apply to both."""
    period = period_before(query.period, query.timezone, baseline, now_s=now_s, limits=limits)
    return replace(query, period=period)


def period_before(
    period: Period, timezone: str, baseline: Baseline, *, now_s: float, limits: QueryLimits
) -> Period:
    """The period of comparison.

    The period before is exactly as long as `period`; it is not rounded again. Offsets follow the calendar of
    the time zone: `-7d` from nine o'clock is nine o'clock, also across a clock change. Raises `BadParameter`.
    """
    if baseline.span is not None:
        start_s, end_s = baseline.span
    elif baseline.count:
        start_s, end_s = (_earlier(t, baseline, timezone) for t in (period.start_s, period.end_s))
    else:
        start_s, end_s = period.start_s - period.length_s, period.start_s
    if start_s < EARLIEST_S:
        raise BadParameter(
            "baseline", f"begins on {iso(start_s)[:10]}; use a period that begins in 2010 or later"
        )
    if baseline.span is not None:
        return cover(start_s, end_s, timezone, now_s=now_s, limits=limits)
    check_range(start_s, end_s, now_s=now_s, limits=limits)
    # A period that ends now ends within an hour: rounded outwards, the earlier one would be the longer.
    return _up_to_now(start_s, end_s, now_s)


def _earlier(instant_s: int, baseline: Baseline, timezone: str) -> int:
    zone = ZoneInfo(timezone)
    wall = datetime.fromtimestamp(instant_s, zone)
    if baseline.unit == "y":
        year = wall.year - baseline.count
        leap_day = wall.month == 2 and wall.day == 29 and not isleap(year)
        earlier = wall.replace(year=year, day=28 if leap_day else wall.day)
    else:
        earlier = wall - timedelta(days=baseline.count * (7 if baseline.unit == "w" else 1))
    # Through UTC: a wall time that the clock change left out becomes the one after it.
    return int(earlier.astimezone(UTC).timestamp())


def range_of(parsed: ParsedQuery) -> tuple[int, int]:
    """The parameters `from` and `to`. Raises `BadParameter` if one is missing."""
    for name, value in (("from", parsed.start_s), ("to", parsed.end_s)):
        if value is None:
            raise BadParameter(name, "is missing; use ISO 8601 (2024-01-31T08:00:00Z) or epoch ms")
    assert parsed.start_s is not None
    assert parsed.end_s is not None
    return parsed.start_s, parsed.end_s


def to_the_minute(start_s: int, end_s: int, *, now_s: float, limits: QueryLimits) -> Period:
    """A range rounded outwards to whole minutes, whatever its length. For data without segments."""
    check_range(start_s, end_s, now_s=now_s, limits=limits)
    return _up_to_now(floor_to(start_s, MINUTE_S), -floor_to(-end_s, MINUTE_S), now_s)


def cover(start_s: int, end_s: int, timezone: str, *, now_s: float, limits: QueryLimits) -> Period:
    """The period of a result: rounded outwards, never into the future.

    Up to a day, it is rounded to the minute. Longer periods are rounded to the hour on the zone's clock, so
    that a sliding window finds its cached segments, and a period on local hours stays as requested. A period
    that has not ended yet ends at the last full minute, so that all requests within a minute share a call.
    """
    check_range(start_s, end_s, now_s=now_s, limits=limits)
    if end_s - start_s <= DAY_S:
        return _up_to_now(floor_to(start_s, MINUTE_S), -floor_to(-end_s, MINUTE_S), now_s)
    zone = ZoneInfo(timezone)
    return _up_to_now(hour_before(start_s, zone), hour_after(end_s, zone), now_s)


def check_range(start_s: int, end_s: int, *, now_s: float, limits: QueryLimits) -> None:
    """Raises `BadParameter` if the range is empty, in the future or too long."""
    if start_s >= end_s:
        raise BadParameter("from", f"{iso(start_s)} is not before to ({iso(end_s)})")
    if start_s >= now_s:
        raise BadParameter("from", f"{iso(start_s)} is in the future; use a time before now ({iso(now_s)})")
    if end_s - start_s > limits.max_range_days * DAY_S + CLOCK_CHANGE_S:
        days = (end_s - start_s) / DAY_S
        raise BadParameter(
            "from", f"the range up to `to` is {days:.0f} days; allowed: at most {limits.max_range_days} days"
        )


def _up_to_now(start_s: int, end_s: int, now_s: float) -> Period:
    last_minute = floor_to(now_s, MINUTE_S)
    if end_s > last_minute:
        end_s = last_minute if last_minute > start_s else int(now_s)
    return Period(start_s, end_s) if start_s < end_s else Period(start_s, start_s + 1)
