"""Segments: disjoint, at most 168 h, on fixed boundaries, few."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from butlr_grafana.model.calendar import instant_of, local_windows, window_starts
from butlr_grafana.model.chunk import Segment, SeriesSubject
from butlr_grafana.model.floor import Building, Floor
from butlr_grafana.model.queries import Query, SeriesQuery
from butlr_grafana.model.time import LocalHours, Period
from butlr_grafana.pipeline.split import plan, plan_series
from tests.support import at

pytestmark = pytest.mark.fast

DAY, WEEK = 86_400, 7 * 86_400
FLOOR = Floor("f", "F", Building("b", "B", "S"), "Europe/Paris")
ZONES = (
    "Europe/Paris",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Cairo",
    "UTC",
)


def planned(
    start: int, end: int, now: int, hours: LocalHours | None = None, settle: int = 3600
) -> list[Segment]:
    query = Query(FLOOR, Period(start, end), 0.5, local_hours=hours)
    return list(plan(query, now_s=now, settle_s=settle))


periods = st.builds(
    lambda start, length: (start, start + length),
    st.integers(at("2024-01-01"), at("2026-06-01")),
    st.integers(1, 400 * DAY),
)


@given(periods, st.integers(0, 40 * DAY), st.integers(0, 10 * DAY))
def test_segments_are_the_period_in_order_none_longer_than_a_week(
    period: tuple[int, int], age: int, settle: int
) -> None:
    start, end = period
    now = end + age
    segments = planned(start, end, now, settle=settle)
    assert segments[0].period.start_s == start
    assert segments[-1].period.end_s == end
    for left, right in pairwise(segments):
        assert left.period.end_s == right.period.start_s
    for segment in segments:
        assert 0 < segment.period.length_s <= WEEK
        assert segment.settled == (segment.period.end_s <= (now - settle) // 3600 * 3600)


@given(st.integers(at("2024-01-01"), at("2028-01-01")), st.sampled_from([365, 366]))
def test_a_year_up_to_now_is_at_most_60_segments(now: int, days: int) -> None:
    start = (now - days * DAY) // 3600 * 3600
    assert len(planned(start, now // 60 * 60, now)) <= 60


@given(st.integers(at("2024-01-01"), at("2028-01-01")))
def test_a_year_seen_again_the_next_day_has_at_most_4_new_segments(now: int) -> None:
    def stored(at_s: int) -> set[Period]:
        start = (at_s - 365 * DAY) // 3600 * 3600
        return {s.period for s in planned(start, at_s // 60 * 60, at_s)}

    before, after = stored(now), stored(now + DAY)
    # A week that was kept as days is made of them.
    new = [p for p in after - before if not (p.length_s == WEEK and _made_of(p, before))]
    assert len(new) <= 4


def _made_of(week: Period, known: set[Period]) -> bool:
    days = {Period(t, t + DAY) for t in range(week.start_s, week.end_s, DAY)}
    return len(days - known) <= 1


@pytest.mark.parametrize("change", ["2026-03-29", "2026-10-25"])
@pytest.mark.parametrize("zone", ["Europe/Paris", "Europe/London"])
def test_business_weeks_across_a_clock_change_are_168_hours_at_most(change: str, zone: str) -> None:
    middle = at(change)
    for hours in (
        LocalHours(zone),
        LocalHours(zone, weekdays=frozenset(range(6))),
        LocalHours(zone, opens_min=8 * 60, closes_min=18 * 60),
        LocalHours(zone, excluded=frozenset({date(2026, 1, 1)})),
    ):
        segments = planned(middle - 20 * DAY, middle + 20 * DAY, middle + 60 * DAY, hours)
        assert all(s.period.length_s <= WEEK for s in segments)


def test_one_segment_a_local_window() -> None:
    hours = LocalHours("Europe/Paris", 8 * 60, 18 * 60, frozenset(range(5)))
    segments = planned(at("2026-05-04"), at("2026-06-01"), at("2026-06-10"), hours)
    assert len(segments) == 20
    assert {s.period.length_s for s in segments} == {10 * 3600}
    whole_days = LocalHours("Europe/Paris", weekdays=frozenset(range(5)))
    segments = planned(at("2026-05-04"), at("2026-06-01"), at("2026-06-10"), whole_days)
    # Five days that touch are one window. The period is UTC: it begins and ends at 02:00 of a Paris Monday.
    assert [s.period.length_s // 3600 for s in segments] == [118, 120, 120, 120, 2]


def counts(instant: int, hours: LocalHours) -> bool:
    """Whether a local time counts, said once more and differently: by the wall clock of the instant."""
    wall = datetime.fromtimestamp(instant, ZoneInfo(hours.timezone))
    minute = wall.hour * 60 + wall.minute
    day, overnight = wall.date(), hours.closes_min <= hours.opens_min
    if overnight and minute < hours.closes_min:
        day -= timedelta(days=1)
    inside = (
        minute >= hours.opens_min or minute < hours.closes_min
        if overnight
        else hours.opens_min <= minute < hours.closes_min
    )
    return inside and day.weekday() in hours.weekdays and day not in hours.excluded


@given(
    zone=st.sampled_from(ZONES),
    opens=st.integers(0, 23).map(lambda h: h * 60),
    closes=st.integers(1, 24).map(lambda h: h * 60),
    weekdays=st.frozensets(st.integers(0, 6), min_size=1),
    start=st.integers(at("2018-01-01") // 3600, at("2019-06-01") // 3600).map(lambda h: h * 3600),
)
def test_windows_are_the_local_times_that_count(
    zone: str, opens: int, closes: int, weekdays: frozenset[int], start: int
) -> None:
    hours = LocalHours(zone, opens, closes, weekdays, frozenset({date(2018, 5, 1)}))
    period = Period(start, start + 9 * DAY)
    windows = local_windows(period, hours)
    inside = {t for w in windows for t in range(w.start_s, w.end_s, 1800)}
    changes = offset_changes(period, zone)
    for instant in range(start, start + 9 * DAY, 1800):
        # In a repeated or left-out hour the wall clock alone does not say which it is; see below.
        if all(abs(instant - change) > 2 * 3600 for change in changes):
            assert (instant in inside) == counts(instant, hours)
    assert all(a.end_s < b.start_s for a, b in pairwise(windows))


def offset_changes(period: Period, zone: str) -> list[int]:
    instants = range(period.start_s - DAY, period.end_s + DAY, 1800)
    offsets = [datetime.fromtimestamp(t, ZoneInfo(zone)).utcoffset() for t in instants]
    return [t for t, a, b in zip(instants, offsets, offsets[1:], strict=False) if a != b]


@pytest.mark.parametrize(
    ("day", "minute", "zone", "expected"),
    [
        # Paris, spring: 02:00 to 03:00 is left out; what would begin there begins at the change.
        (date(2026, 3, 29), 120, "Europe/Paris", "2026-03-29T01:00"),
        (date(2026, 3, 29), 150, "Europe/Paris", "2026-03-29T01:00"),
        (date(2026, 3, 29), 180, "Europe/Paris", "2026-03-29T01:00"),
        # Paris, autumn: 02:30 comes twice, the first counts.
        (date(2026, 10, 25), 150, "Europe/Paris", "2026-10-25T00:30"),
        (date(2026, 10, 25), 180, "Europe/Paris", "2026-10-25T02:00"),
        # São Paulo, 2018: midnight itself was left out.
        (date(2018, 11, 4), 0, "America/Sao_Paulo", "2018-11-04T03:00"),
        (date(2018, 11, 3), 1440, "America/Sao_Paulo", "2018-11-04T03:00"),
        # Lord Howe changes by half an hour.
        (date(2026, 10, 4), 135, "Australia/Lord_Howe", "2026-10-03T15:30"),
    ],
)
def test_local_times_at_clock_changes(day: date, minute: int, zone: str, expected: str) -> None:
    assert instant_of(day, minute, ZoneInfo(zone)) == at(expected)


def test_adjoining_windows_stay_adjoining_through_every_change() -> None:
    for zone in ZONES:
        for first, second in (((0, 150), (150, 1440)), ((0, 120), (120, 1440))):
            for start in ("2026-03-26", "2026-10-22"):
                period = Period(at(start), at(start) + 6 * DAY)
                left, right = (local_windows(period, LocalHours(zone, *span)) for span in (first, second))
                assert sum(w.length_s for w in left + right) == period.length_s


ODD_ZONES = (*ZONES, "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Pacific/Chatham")


def planned_series(zone: str, every: str, period: Period, now: int) -> list[Segment]:
    base = SeriesSubject("presence", "room", every, "sum", zone)
    query = SeriesQuery("presence", FLOOR, period, every, "sum", "room", base)
    return list(plan_series(query, now_s=now, settle_s=3600))


@given(
    zone=st.sampled_from(ODD_ZONES),
    every=st.sampled_from(["1m", "1h", "1d"]),
    start=st.integers(at("2024-01-01"), at("2026-06-01")).map(lambda t: t // 60 * 60),
    length=st.integers(1, 400 * 24 * 60).map(lambda minutes: minutes * 60),
    age=st.integers(0, 40 * DAY),
)
def test_series_are_cut_between_windows_of_the_local_clock_at_most_a_week_long(
    zone: str, every: str, start: int, length: int, age: int
) -> None:
    """But for days that are not settled, which are asked for in one piece as they always were."""
    period = Period(start, start + min(length, 8 * DAY if every == "1m" else length))
    segments = planned_series(zone, every, period, period.end_s + age)
    assert (segments[0].period.start_s, segments[-1].period.end_s) == (period.start_s, period.end_s)
    assert all(a.period.end_s == b.period.start_s for a, b in pairwise(segments))
    assert all(segment.period.length_s <= WEEK for segment in segments if segment.settled)
    starts = set(window_starts(Period(start - DAY, period.end_s + DAY), every, zone).tolist())
    assert {segment.period.end_s for segment in segments[:-1]} <= starts
    if every == "1m":
        assert all(segment.period.length_s < DAY for segment in segments), "Butlr answers less than 24 hours"


@pytest.mark.parametrize("zone", ["Europe/Paris", "Asia/Kathmandu"])
@pytest.mark.parametrize("hour", [0, 12])
def test_the_last_minutes_are_one_call_at_noon_and_at_midnight_too(zone: str, hour: int) -> None:
    middle_s = instant_of(date(2026, 6, 17), hour * 60, ZoneInfo(zone))
    start_s = middle_s - 5 * 60
    for length_s, pieces in ((10 * 60, 1), (12 * 3600, 1), (12 * 3600 + 60, 2)):
        period = Period(start_s, start_s + length_s)
        assert len(planned_series(zone, "1m", period, now=start_s)) == pieces


def test_what_is_requested_once_an_hour_is_one_call_but_for_a_clock_that_changes_by_half_an_hour() -> None:
    base = SeriesSubject("room_occupancy", "room", "1h", "mean", "Australia/Lord_Howe")
    noon_s = at("2026-06-17T12:30")  # a full hour there
    change_s = instant_of(date(2026, 4, 5), 0, ZoneInfo("Australia/Lord_Howe")) + 2 * 3600
    for end_s, calls, usual in ((noon_s, 1, 2), (change_s + 3 * 3600, 3, 5)):
        query = SeriesQuery("unusual", FLOOR, Period(end_s - 10 * 3600, end_s), "1h", "mean", "room", base)
        good = replace(query, good_s=3600.0)
        assert len(plan_series(good, now_s=end_s + 300, settle_s=3600)) == calls
        assert len(plan_series(query, now_s=end_s + 300, settle_s=3600)) == usual


@given(
    zone=st.sampled_from(ODD_ZONES),
    every=st.sampled_from(["15m", "1h"]),
    day=st.dates(date(2018, 1, 1), date(2026, 12, 30)),
)
@example(zone="Australia/Lord_Howe", every="1h", day=date(2026, 4, 5))
@example(zone="Australia/Lord_Howe", every="1h", day=date(2026, 10, 4))
def test_windows_begin_where_the_clock_shows_a_multiple_of_them_or_jumps_by_a_part(
    zone: str, every: str, day: date
) -> None:
    start, end = (instant_of(d, 0, ZoneInfo(zone)) for d in (day, day + timedelta(days=1)))
    minutes = 15 if every == "15m" else 60
    clock = {t: datetime.fromtimestamp(t, ZoneInfo(zone)) for t in range(start - 60, end, 60)}
    expected = []
    for t in range(start, end, 60):
        jump = (clock[t].utcoffset() or timedelta()) - (clock[t - 60].utcoffset() or timedelta())
        if clock[t].minute % minutes == 0 or jump % timedelta(minutes=minutes):
            expected.append(t)
    assert window_starts(Period(start, end), every, zone).tolist() == expected


def test_a_week_of_169_hours_is_two_calls_and_a_changed_clock_begins_a_call() -> None:
    paris = planned_series(
        "Europe/Paris", "1h", Period(at("2026-10-18T22:00"), at("2026-10-25T23:00")), 2**31
    )
    assert [s.period.length_s // 3600 for s in paris] == [6 * 24, 25]
    lord_howe = Period(at("2026-03-29T13:00"), at("2026-04-05T13:30"))
    segments = planned_series("Australia/Lord_Howe", "1h", lord_howe, 2**31)
    assert [s.period.length_s / 3600 for s in segments] == [6 * 24, 2, 0.5, 22]
    assert len(planned_series("Australia/Lord_Howe", "1d", lord_howe, 2**31)) == 2
