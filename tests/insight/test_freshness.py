"""Up to when data are known, by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from butlr_grafana.insight.freshness import freshness
from butlr_grafana.model.chunk import Chunk, Coverage
from butlr_grafana.model.queries import HeatMap, SeriesResult
from butlr_grafana.model.time import Period
from tests.insight.floors import everywhere, floor, grid, heat_map
from tests.insight.minutes import NAN, known_at, series

pytestmark = pytest.mark.fast

FLOOR = floor()
HOUR = Period(3600, 3600 + 5 * 60)
LATER = HOUR.end_s + 9
"""When the answers were known."""


def summary(result: SeriesResult | HeatMap) -> tuple[float, bool, str]:
    [one] = freshness([FLOOR], [result], {}, since_s=HOUR.start_s)
    return one.known_until_s, one.complete, one.reason


def minutes(*values: float, coverage: Coverage | None = None) -> SeriesResult:
    return series(
        FLOOR, HOUR, "1m", {FLOOR.id: {"value": values}}, level="floor", coverage=coverage or known_at(LATER)
    )


def test_people_are_known_to_the_end_of_the_newest_minute_with_a_value() -> None:
    assert summary(minutes(0, 0, 3, 0, 0)) == (HOUR.end_s, True, "")
    assert summary(minutes(0, 0, 3, NAN, NAN)) == (HOUR.start_s + 3 * 60, True, "")
    assert summary(minutes(NAN, 0, NAN, NAN, NAN)) == (HOUR.start_s + 2 * 60, True, "")


def test_where_there_is_no_value_at_all_they_are_as_old_as_what_was_looked_at() -> None:
    nothing = (HOUR.start_s, True, "Butlr has no value for this time")
    assert summary(minutes(NAN, NAN, NAN, NAN, NAN)) == nothing
    assert summary(series(FLOOR, HOUR, "1m", {}, level="floor")) == nothing


def test_nothing_is_known_for_longer_than_it_was_requested() -> None:
    """As it seems by a clock that has stepped back: the minute after the one as of which all is known."""
    stepped = known_at(HOUR.start_s + 90, stale=1)
    assert summary(minutes(1, 1, 1, 1, 1, coverage=stepped))[0] == HOUR.start_s + 90


def test_why_they_are_not_newer_is_said() -> None:
    late = known_at(LATER, stale=1, reasons=("Butlr is slow", "and down"))
    assert summary(minutes(1, NAN, NAN, NAN, NAN, coverage=late)) == (
        HOUR.start_s + 60,
        False,
        "Butlr is slow; and down",
    )


def test_a_heat_map_is_known_as_far_as_it_was_answered_empty_or_not() -> None:
    def answered(*periods: Period) -> HeatMap:
        whole = heat_map(FLOOR, grid(everywhere(2, 2)))
        return replace(whole, chunks=tuple(Chunk(p, grid({}), 0.0, False) for p in periods))

    assert summary(answered(HOUR))[0] == HOUR.end_s
    early = Period(HOUR.start_s, HOUR.start_s + 120)
    assert summary(answered(early))[0] == early.end_s
    assert summary(answered())[0] == HOUR.start_s


def test_every_floor_is_told_in_its_order_those_that_fail_too() -> None:
    floors = [floor(key="x"), FLOOR, floor(key="y")]
    found = freshness(floors, [minutes(1, 1, 1, 1, 1)], {"x": "gone"}, since_s=HOUR.start_s)
    assert [(one.floor.id, one.known_until_s, one.complete, one.reason) for one in found] == [
        ("x", HOUR.start_s, False, "gone"),
        ("f", HOUR.end_s, True, ""),
        ("y", HOUR.start_s, False, ""),
    ]
