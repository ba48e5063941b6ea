"""In and out by the doors, by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from butlr_grafana.insight.entry_exit_balance import balances
from butlr_grafana.model.time import HOUR_S, Period
from tests.insight.floors import floor, room
from tests.insight.minutes import NAN, Values, known_at, series

pytestmark = pytest.mark.fast

FLOOR = replace(floor(room("a", None), room("b", None)), capacity=50)
DAY = Period(0, 3 * HOUR_S)


def requested(values: Values, *, capacity: int | None = 50, level: str = "floor") -> list[Any]:
    of = replace(FLOOR, capacity=capacity)
    found = balances([series(of, DAY, "1h", values, level=level)])
    return [(one.id, one.entered, one.left, one.inside, one.beyond) for one in found]


@pytest.mark.parametrize(
    ("came", "went", "inside", "beyond"),
    [(30, 10, 20, 0), (60, 10, 50, 0), (60, 3, 57, 7), (5, 9, -4, 4), (0, 0, 0, 0)],
)
def test_what_is_inside_is_between_nobody_and_the_capacity(
    came: float, went: float, inside: float, beyond: float
) -> None:
    values = {FLOOR.id: {"in": [came, 0, NAN], "out": [0, went, NAN]}}
    assert requested(values) == [(FLOOR.id, came, went, inside, beyond)]


def test_without_a_capacity_only_fewer_than_none_is_too_few() -> None:
    assert requested({FLOOR.id: {"in": [900.0] * 3, "out": [0.0] * 3}}, capacity=None)[0][-1] == 0
    assert requested({FLOOR.id: {"in": [0.0] * 3, "out": [1.0] * 3}}, capacity=None)[0][-1] == 3


def test_no_doors_and_doors_that_tell_nothing_are_not_known_and_not_beyond() -> None:
    assert requested({}) == [(FLOOR.id, None, None, None, 0)]
    assert requested({FLOOR.id: {"in": [NAN] * 3, "out": [NAN] * 3}}) == [(FLOOR.id, None, None, None, 0)]


def test_rooms_have_doors_of_their_own() -> None:
    found = requested({"room_b": {"in": [2.0, 2.0, 2.0], "out": [1.0, 0.0, 0.0]}}, level="room")
    assert found == [("room_a", None, None, None, 0), ("room_b", 6, 1, 5, 0)]


def test_its_age_is_that_of_the_answer() -> None:
    [one] = balances([series(FLOOR, DAY, "1h", {}, level="floor", coverage=known_at(7, stale=1))])
    assert (one.as_of_s, one.complete) == (7, False)


@pytest.mark.parametrize(
    ("came", "went", "beyond"),
    [
        # Hour by hour. The first came seven hours ago, and nobody left.
        ([20, 10, 0, 0, 5, 0, 0], [0, 0, 0, 0, 0, 0, 0], 35),
        # The counter of exits died in the second hour.
        ([20, 10, 0, 0, 5, 0, 0, 0], [4, 0, 0, 0, 0, 0, 0, 0], 15),
        # The first came five hours ago: an early morning.
        ([0, 0, 20, 10, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], 0),
        # Somebody left since.
        ([20, 10, 0, 0, 5, 0, 0], [0, 0, 0, 1, 0, 0, 0], 0),
        # An evening: all leave, nobody comes.
        ([30, 0, 0, 0, 0, 0, 0], [0, 6, 6, 6, 6, 3, 3], 0),
        # A night: nobody at all.
        ([0] * 7, [0] * 7, 0),
        # Whether somebody left is not known.
        ([20, 10, 0, 0, 5, 0, 0], [0, 0, 0, NAN, 0, 0, 0], 0),
        # How many came in an hour is not known: the others did.
        ([20, NAN, 0, 0, 5, 0, 0], [0, 0, 0, 0, 0, 0, 0], 25),
    ],
)
def test_entries_without_exits_for_six_hours_cannot_be(
    came: list[float], went: list[float], beyond: float
) -> None:
    """Whatever the capacity."""
    period = Period(0, len(came) * HOUR_S)
    for capacity in (None, 500):
        of = replace(FLOOR, capacity=capacity)
        [one] = balances([series(of, period, "1h", {of.id: {"in": came, "out": went}}, level="floor")])
        assert one.beyond == beyond


def test_entries_alone_tell_nothing_of_exits() -> None:
    period = Period(0, 8 * HOUR_S)
    [one] = balances([series(FLOOR, period, "1h", {FLOOR.id: {"in": [9.0] * 8}}, level="floor")])
    assert (one.entered, one.left, one.beyond) == (72, None, 0)


def test_the_hour_under_way_counts_as_far_as_it_has_gone() -> None:
    of = replace(FLOOR, capacity=None)
    for minutes, beyond in ((359, 0), (360, 9)):
        hours = -(-minutes // 60)
        values = {of.id: {"in": [9.0, *[0.0] * (hours - 1)], "out": [0.0] * hours}}
        [one] = balances([series(of, Period(0, minutes * 60), "1h", values, level="floor")])
        assert one.beyond == beyond
