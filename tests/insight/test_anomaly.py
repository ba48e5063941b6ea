"""Rooms against their usual level, by hand. For the office's people: `tests/web/test_alert_endpoints.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from butlr_grafana.insight.anomaly import LEAST_USUAL, Unusual, hours_of, unusual
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.time import DAY_S, HOUR_S, Period
from tests.insight.floors import floor, room
from tests.insight.minutes import NAN, known_at, series
from tests.support import at

pytestmark = pytest.mark.fast

MONDAY = at("2026-06-01")
"""In UTC, which is the clock of the tiny floor."""

NOW = at("2026-06-30T12:30")
"""A Tuesday, after four whole weeks from the 1st."""

FLOOR = floor(room("a", None), room("b", None))
A, B = (r.id for r in FLOOR.rooms)
WEEKS = Period(MONDAY, MONDAY + 28 * DAY_S)


def history(**by_hour: list[float]) -> list[float]:
    """Four weeks of hours, empty but for Tuesday's, `h12=[…]`: the values of the four weeks."""
    values = [0.0] * (28 * 24)
    for name, weeks in by_hour.items():
        for week, people in enumerate(weeks):
            values[week * 168 + 24 + int(name[1:])] = people
    return values


def unusual_of(now: list[float], before: list[float], *, end_s: int = NOW, of: Floor = FLOOR) -> Unusual:
    """Room A, of which the last minutes are known."""
    period = Period(end_s - 60 * len(now), end_s)
    result = series(of, period, "1m", {A: {"value": now}}, coverage=known_at(end_s + 5))
    return unusual(result, series(of, WEEKS, "1h", {A: {"value": before}}))[0]


def test_people_are_compared_with_the_same_hour_of_the_week() -> None:
    found = unusual_of([10, 20, NAN], history(h11=[100] * 4, h12=[4, 6, 8, 6]))
    assert (found.people, found.usual, found.ratio, found.excess) == (15, 6, 2.5, 9)
    assert (found.weeks, found.absent, found.has_data, found.reason) == (4, 0, True, "")
    assert (found.as_of_s, found.complete) == (NOW + 5, True)


def test_a_window_across_two_hours_counts_each_by_its_minutes() -> None:
    found = unusual_of([9] * 4, history(h11=[8] * 4, h12=[16] * 4), end_s=at("2026-06-30T12:03"))
    assert found.usual == (1 * 8 + 3 * 16) / 4
    assert hours_of(Period(at("2026-06-30T11:59"), at("2026-06-30T12:03")), "UTC") == {(1, 11): 1, (1, 12): 3}


def test_the_hour_is_that_of_the_floors_clock() -> None:
    """Half past twelve in UTC is half past two in Paris' summer."""
    assert hours_of(Period(NOW, NOW + 60), "Europe/Paris") == {(1, 14): 1}


def test_weeks_that_are_not_known_do_not_count_as_empty() -> None:
    found = unusual_of([6], history(h12=[NAN, 4, NAN, 8]))
    assert (found.usual, found.weeks) == (6, 2)


def test_what_is_usually_little_is_no_level_to_divide_by() -> None:
    assert unusual_of([3], history(h12=[0, 0, 0, 0])).ratio == 3 / LEAST_USUAL
    assert unusual_of([3], history(h12=[1, 1, 1, 1])).ratio == 3 / LEAST_USUAL
    assert unusual_of([10], history(h12=[5, 5, 5, 5])).ratio == 2


def test_without_a_history_the_ratio_is_a_number_and_the_rest_is_not_made_up() -> None:
    found = unusual_of([12], [NAN] * (28 * 24))
    assert (found.ratio, found.usual, found.excess, found.weeks) == (12 / LEAST_USUAL, None, None, 0)
    assert found.absent == 0


def test_nobody_where_people_are_usual_is_told_and_so_is_a_sensor_that_is_silent() -> None:
    usual = history(h12=[3] * 4)
    assert unusual_of([0, 0], usual).absent == 3
    assert unusual_of([NAN, NAN], usual).absent == 3
    assert unusual_of([0, 1], usual).absent == 0
    assert unusual_of([0, 0], history()).absent == 0


@pytest.mark.parametrize(
    ("online", "reason"), [(False, "its sensors are offline"), (None, "no sensor counts")]
)
def test_a_room_without_people_known_says_why(online: bool | None, reason: str) -> None:
    own: tuple[Room, ...] = (replace(FLOOR.rooms[0], online=online), FLOOR.rooms[1])
    found = unusual_of([NAN], history(h12=[3] * 4), of=replace(FLOOR, rooms=own))
    assert (found.people, found.ratio, found.excess, found.has_data) == (None, None, None, False)
    assert found.reason.startswith(reason)


def test_hours_that_are_cut_short_count_for_less() -> None:
    """A window of hours that ends within one: two hours of 6, and half an hour of 1."""
    period = Period(at("2026-06-30T10:00"), NOW)
    now = series(FLOOR, period, "1h", {A: {"value": [6, 6, 1]}})
    [found, other] = unusual(now, series(FLOOR, WEEKS, "1h", {A: {"value": history(h12=[5] * 4)}}))
    assert found.people == pytest.approx((6 * 120 + 1 * 30) / 150)
    assert found.usual == pytest.approx(5 * 30 / 150)
    assert (other.asset.id, other.people, other.usual) == (B, None, None)


def test_a_question_for_some_rooms_is_answered_for_them() -> None:
    now = series(FLOOR, Period(NOW - HOUR_S, NOW), "1m", {})
    limited = replace(now, query=replace(now.query, rooms=(FLOOR.rooms[1],)))
    assert [one.asset.id for one in unusual(limited, series(FLOOR, WEEKS, "1h", {}))] == [B]


def test_an_answer_is_complete_where_both_its_sides_are() -> None:
    now = series(FLOOR, Period(NOW - 60, NOW), "1m", {A: {"value": [1]}})
    old = series(FLOOR, WEEKS, "1h", {A: {"value": history()}}, coverage=known_at(0, stale=1))
    assert not unusual(now, old)[0].complete
