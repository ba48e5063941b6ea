"""Converts a series query to a query of Butlr's statistics, if their filters can express it.

The filters have times of day and days of the week by the floor's clock, but no dates. A time range ends on
the day on which it starts. A query that the filters cannot express is not sent: no value is better than a
wrong one.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from butlr_grafana.model.calendar import hour_before
from butlr_grafana.model.chunk import StatsSubject
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import SeriesQuery, StatsQuery
from butlr_grafana.model.time import DAY_S, LocalHours, Period

USED_MEAN = "occupancy_used_avg_presence"
"""Butlr's measurement of the mean number of people in a room, in the minutes in which anybody is there."""

MIDNIGHT_MIN = 24 * 60


def stats_of(query: SeriesQuery, *measurements: str) -> StatsQuery:
    """The query for all rooms of the floor, so that all panels share the call. Rooms that are only shown as a
    sum are left out, because their values do not add up.

    A period of more than a day ends at its last full local hour, so that a sliding period is requested once
    an hour.
    """
    floor, period, hours = query.floor, query.period, query.local_hours
    if period.length_s > DAY_S:
        period = Period(period.start_s, hour_before(period.end_s, ZoneInfo(query.timezone)))
    why_not = unsupported_hours(hours, floor, period) if hours else ""
    subject = None
    rooms = tuple(room.id for room in floor.rooms if not room.members)
    if rooms and not why_not:
        ranges = time_ranges(hours) if hours else ()
        days = tuple(d for d in range(7) if hours and d not in hours.weekdays)
        subject = StatsSubject(measurements, rooms, ranges, days)
    return StatsQuery(floor, period, subject, why_not, query.require)


def time_ranges(hours: LocalHours) -> tuple[tuple[int, int], ...]:
    """The hours as ranges that end on the day on which they start; empty: the whole day.

    Overnight hours become two ranges. This is correct only if every day counts.
    """
    opens, closes = hours.opens_min, hours.closes_min or MIDNIGHT_MIN
    if opens < closes:
        return () if (opens, closes) == (0, MIDNIGHT_MIN) else ((opens, closes),)
    return ((0, closes), (opens, MIDNIGHT_MIN))


def unsupported_hours(hours: LocalHours, floor: Floor, period: Period) -> str:
    """Why Butlr's filters cannot express the hours in this period; empty if they can."""
    if hours.timezone != floor.timezone:
        return f"are available only in the floor's time zone ({floor.timezone}), not for tz={hours.timezone}"
    if len(time_ranges(hours)) > 1 and len(hours.weekdays) < 7:
        return "cannot count overnight hours of some weekdays only"
    if _leaves_out_a_day(hours, period):
        return "cannot leave out holidays"
    return ""


def _leaves_out_a_day(hours: LocalHours, period: Period) -> bool:
    """Whether a date that does not count would count otherwise."""
    zone = ZoneInfo(hours.timezone)
    first, last = (datetime.fromtimestamp(t, zone).date() for t in (period.start_s, period.end_s - 1))
    # Overnight hours belong to the day they start.
    first -= timedelta(days=1)
    return any(first <= day <= last and day.weekday() in hours.weekdays for day in hours.excluded)
