"""Time in use: an hour without a row is zero only if presence was fetched for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from butlr_grafana.insight.utilization import time_in_use
from butlr_grafana.model.time import HOUR_S, Period
from tests.insight.floors import floor, room
from tests.insight.minutes import NAN, WHOLE, series
from tests.support import at

pytestmark = pytest.mark.fast

START_S = at("2026-06-16T08:00")
PERIOD = Period(START_S, START_S + 4 * HOUR_S)
FLOOR = floor(room("x", None))
PEOPLE = {"room_x": {"value": [2.0, 1.0, 0.0, 3.0]}}


def test_an_hour_without_a_row_is_zero_if_its_people_are_known() -> None:
    people = series(FLOOR, PERIOD, "1h", PEOPLE)
    presence = series(FLOOR, PERIOD, "1h", {"room_x": {"value": [1800.0, 900.0, NAN, 3600.0]}})
    assert time_in_use(presence, people) == {"room_x": (6300.0, 4.0 * HOUR_S)}


def test_hours_of_which_presence_has_not_arrived_are_unknown_and_not_zero() -> None:
    """The room was full, and its presence comes later: it is not an underused room."""
    people = series(FLOOR, PERIOD, "1h", PEOPLE)
    late = replace(WHOLE, missing=1, gaps=(Period(START_S + HOUR_S, START_S + 3 * HOUR_S),))
    presence = series(FLOOR, PERIOD, "1h", {"room_x": {"value": [1800.0, NAN, NAN, NAN]}}, coverage=late)
    # Of the first hour and the last one: half an hour, and none.
    assert time_in_use(presence, people) == {"room_x": (1800.0, 2.0 * HOUR_S)}


def test_nothing_is_known_of_a_room_whose_presence_has_not_arrived_at_all() -> None:
    people = series(FLOOR, PERIOD, "1h", PEOPLE)
    presence = series(FLOOR, PERIOD, "1h", {}, coverage=replace(WHOLE, missing=1, gaps=(PERIOD,)))
    assert time_in_use(presence, people) == {}
