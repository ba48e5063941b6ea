"""What Butlr's statistics can be asked, and why not the rest."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.model.calendar import local_windows
from butlr_grafana.model.chunk import SeriesSubject, StatsSubject
from butlr_grafana.model.floor import Building, Floor, Room
from butlr_grafana.model.queries import SeriesQuery, StatsQuery
from butlr_grafana.model.time import LocalHours, Period
from butlr_grafana.pipeline.split import plan_stats
from butlr_grafana.query.statistics import stats_of
from tests.support import at

pytestmark = pytest.mark.fast

PARIS = "Europe/Paris"
ROOMS = (Room("room_1", "One", "f"), Room("room_2", "Two", "f"))
FLOOR = Floor("f", "F", Building("b", "B", "S"), PARIS, rooms=ROOMS)
MONDAY, DAY, HOUR = at("2026-06-07T22:00"), 86_400, 3600
"""Midnight in Paris."""
WEEKDAYS = frozenset(range(5))


def statistics_query(
    hours: LocalHours | None = None, start: int = MONDAY, end: int = MONDAY + 7 * DAY, **more: Any
) -> StatsQuery:
    base = SeriesSubject("room_occupancy", "room", "1h", "mean", PARIS)
    query = SeriesQuery("occupancy", FLOOR, Period(start, end), "1h", "mean", "room", base, hours)
    return stats_of(replace(query, **more), "m")


def hours(opens: str = "00:00", closes: str = "24:00", **more: Any) -> LocalHours:
    minutes = [int(clock[:2]) * 60 + int(clock[3:]) for clock in (opens, closes)]
    return LocalHours(more.pop("timezone", PARIS), *minutes, **more)


def test_all_rooms_are_asked_for_in_one_question_whichever_are_shown() -> None:
    everything = StatsQuery(
        FLOOR, Period(MONDAY, MONDAY + 7 * DAY), StatsSubject(("m",), ("room_1", "room_2"))
    )
    assert statistics_query() == everything
    assert statistics_query(rooms=ROOMS[:1]) == everything
    assert statistics_query(require="complete").require == "complete"


def test_a_floor_without_rooms_is_not_requested() -> None:
    query = statistics_query(floor=replace(FLOOR, rooms=()))
    assert (query.subject, query.why_not) == (None, "")
    assert plan_stats(query, now_s=MONDAY + 30 * DAY, settle_s=3600) == ()


@pytest.mark.parametrize(
    ("limits", "ranges", "excluded"),
    [
        (hours("08:00", "18:00"), ((480, 1080),), ()),
        (hours("08:00", "18:00", weekdays=WEEKDAYS), ((480, 1080),), (5, 6)),
        (hours(weekdays=frozenset({2})), (), (0, 1, 3, 4, 5, 6)),
        (hours("22:00", "06:00"), ((0, 360), (1320, 1440)), ()),
        (hours("22:00", "00:00", weekdays=WEEKDAYS), ((1320, 1440),), (5, 6)),
        (hours("08:00", "08:00"), ((0, 480), (480, 1440)), ()),
        (hours("08:00", "18:00", excluded=frozenset({date(2026, 7, 14)})), ((480, 1080),), ()),
        (
            hours("08:00", "18:00", weekdays=WEEKDAYS, excluded=frozenset({date(2026, 6, 14)})),
            ((480, 1080),),
            (5, 6),
        ),
    ],
)
def test_what_filters_can_say_is_said(
    limits: LocalHours, ranges: tuple[tuple[int, int], ...], excluded: tuple[int, ...]
) -> None:
    assert statistics_query(limits).subject == StatsSubject(("m",), ("room_1", "room_2"), ranges, excluded)


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (hours("08:00", "18:00", timezone="Asia/Tokyo"), "tz=Asia/Tokyo"),
        (hours("22:00", "06:00", weekdays=WEEKDAYS), "overnight hours of some weekdays"),
        (hours("08:00", "18:00", excluded=frozenset({date(2026, 6, 10)})), "holidays"),
        # The night from Sunday to Monday belongs to the Sunday before the period.
        (hours("22:00", "06:00", excluded=frozenset({date(2026, 6, 7)})), "holidays"),
    ],
)
def test_what_filters_cannot_say_is_not_requested_and_named(limits: LocalHours, says: str) -> None:
    query = statistics_query(limits)
    assert query.subject is None
    assert says in query.why_not
    assert plan_stats(query, now_s=MONDAY + 30 * DAY, settle_s=3600) == ()


@given(
    st.tuples(st.integers(0, 23), st.integers(0, 24)),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 7 * 48),
    st.integers(1, 7 * 48),
)
def test_filters_count_the_minutes_that_the_windows_count(
    clock: tuple[int, int], weekdays: frozenset[int], start: int, length: int
) -> None:
    """Half-hours picked one by one by the clock on the wall, as the filters say, are those of the windows."""
    limits = LocalHours(PARIS, clock[0] * 60, clock[1] * 60, weekdays)
    start_s = MONDAY + start * 1800
    query = statistics_query(limits, start_s, start_s + length * 1800)
    if query.subject is None:
        assert clock[1] <= clock[0]
        assert len(weekdays) < 7
        return
    counted = set()
    for t in range(query.period.start_s, query.period.end_s, 1800):
        wall = datetime.fromtimestamp(t, ZoneInfo(PARIS))
        minute = wall.hour * 60 + wall.minute
        ranges = query.subject.time_ranges or ((0, 1440),)
        if wall.weekday() not in query.subject.excluded_weekdays and any(a <= minute < b for a, b in ranges):
            counted.add(t)
    windows = local_windows(query.period, limits)
    assert counted == {t for w in windows for t in range(w.start_s, w.end_s, 1800)}


@pytest.mark.parametrize(
    ("start", "end", "answered"),
    [
        ("2026-06-10T12:00", "2026-06-17T12:34", "2026-06-17T12:00"),
        ("2026-06-10T12:00", "2026-06-17T12:00", "2026-06-17T12:00"),
        ("2026-06-17T06:00", "2026-06-17T12:34", "2026-06-17T12:34"),
        ("2026-06-16T12:34", "2026-06-17T12:34", "2026-06-17T12:34"),
    ],
)
def test_a_period_of_more_than_a_day_ends_at_its_last_full_hour(start: str, end: str, answered: str) -> None:
    query = statistics_query(start=at(start), end=at(end))
    assert query.period == Period(at(start), at(answered))


@pytest.mark.parametrize(("end", "settled"), [("2026-06-17T11:00", True), ("2026-06-17T11:01", False)])
def test_a_period_of_any_length_is_one_segment(end: str, settled: bool) -> None:
    query = statistics_query(start=at("2025-06-17T00:00"), end=at("2025-06-17T00:00") + DAY)
    query = replace(query, period=Period(at("2025-06-17"), at(end)))
    [segment] = plan_stats(query, now_s=at("2026-06-17T12:34:56"), settle_s=3600)
    assert (segment.space, segment.subject, segment.period) == ("f", query.subject, query.period)
    assert segment.settled is settled
