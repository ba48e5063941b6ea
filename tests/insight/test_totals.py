"""People of several floors at the same time, by hand. For the office's people: `tests/web/test_totals.py`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from butlr_grafana.insight.totals import Group, by_building, by_tag, totals
from butlr_grafana.model.floor import Building, Floor
from butlr_grafana.model.queries import SeriesResult
from butlr_grafana.model.time import HOUR_S, MINUTE_S, Period
from tests.insight.floors import floor
from tests.insight.minutes import NAN, series
from tests.support import at

pytestmark = pytest.mark.fast

NOW = at("2026-06-17T12:00")
A, B, C = (replace(floor(key=key), capacity=seats) for key, seats in (("a", 20), ("b", 10), ("c", None)))
PAIR = Group("pair", "Pair", (A, B))


def minutes(of: Floor, *values: float, end_s: int = NOW) -> SeriesResult:
    period = Period(end_s - MINUTE_S * len(values), end_s)
    return series(of, period, "1m", {of.id: {"value": values}}, level="floor")


def doors(of: Floor, *values: float, end_s: int = NOW) -> SeriesResult:
    found = minutes(of, *values, end_s=end_s)
    base = replace(found.query.base, measurement="traffic_floor_occupancy")
    assert base.is_calibrated
    return replace(found, query=replace(found.query, base=base))


def hours(of: Floor, *values: float) -> SeriesResult:
    period = Period(NOW - HOUR_S * len(values), NOW)
    return series(of, period, "1h", {of.id: {"value": values}}, level="floor")


def now(*results: SeriesResult, group: Group = PAIR) -> tuple[float | None, Sequence[str], int | None]:
    [found] = totals([group], results, [])
    return found.now.people, [one.id for one in found.now.floors], found.now.at_s


def test_peaks_at_other_hours_are_never_added_up() -> None:
    """A has 10 people as B has 2, B has 8 as A has 4: together they are 12 at most, not 18."""
    [found] = totals([PAIR], [], [hours(A, 10, 7, 4), hours(B, 2, 4, 8)])
    assert (found.peak.people, found.peak.at_s) == (12, NOW - 3 * HOUR_S)
    assert found.peak.share == 12 / 30


def test_the_peak_says_how_many_floors_are_in_it() -> None:
    [found] = totals([PAIR], [], [hours(A, 10, NAN, 4), hours(B, 1, 12, NAN)])
    assert (found.peak.people, found.peak.floors, found.peak.at_s) == (12, (B,), NOW - 2 * HOUR_S)
    assert found.peak.share == 12 / 10


def test_hours_that_begin_at_other_minutes_count_where_they_overlap() -> None:
    """Hours of a floor in India begin at half past."""
    half = replace(B, timezone="Asia/Kolkata")
    period = Period(NOW - 3 * HOUR_S // 2, NOW - HOUR_S // 2)
    later = series(half, period, "1h", {half.id: {"value": [5]}}, level="floor")
    group = Group("both", "Both", (A, half))
    [found] = totals([group], [], [hours(A, 3, 9), later])
    assert (found.peak.people, found.peak.at_s) == (14, NOW - HOUR_S)
    [found] = totals([group], [], [hours(A, 9, 3), later])
    assert (found.peak.people, found.peak.at_s) == (14, NOW - 3 * HOUR_S // 2)


def test_people_now_are_those_of_one_minute() -> None:
    assert now(minutes(A, 1, 2, 3, 4, 5), minutes(B, 10, 20, 30, 40, 50)) == (55, ["a", "b"], NOW)


def test_a_minute_in_which_all_floors_are_known_goes_before_a_newer_one() -> None:
    """Of the newest minute A alone is known."""
    assert now(minutes(A, 1, 2, 3, 4, 5), minutes(B, 10, 20, 30, 40, NAN)) == (44, ["a", "b"], NOW - MINUTE_S)


def test_what_is_older_than_five_minutes_is_not_now() -> None:
    assert now(minutes(A, 1, 1, 1, 1, 1, 1), minutes(B, 9, NAN, NAN, NAN, NAN, NAN)) == (1, ["a"], NOW)


def test_a_floor_that_is_not_known_is_not_in_the_sum() -> None:
    [found] = totals([Group("all", "All", (A, B, C))], [minutes(A, 6), minutes(B, 3)], [])
    assert (found.now.people, found.now.floors, found.missing) == (9, (A, B), (C,))
    assert found.now.share == 9 / 30
    [found] = totals([PAIR], [], [])
    assert (found.now.people, found.now.floors, found.now.at_s) == (None, (), None)
    assert (found.peak.people, found.peak.floors) == (None, ())


def test_the_share_is_unknown_where_the_capacity_of_one_is() -> None:
    [found] = totals([Group("all", "All", (A, C))], [minutes(A, 6), minutes(C, 3)], [])
    assert (found.now.people, found.now.share) == (9, None)


def test_of_both_ways_of_counting_the_higher_counts() -> None:
    assert now(minutes(A, 6), doors(A, 8), minutes(B, 3), doors(B, 1)) == (11, ["a", "b"], NOW)


def test_who_has_moved_since_is_added_to_an_older_count_of_doors() -> None:
    older = doors(A, 8, end_s=NOW - 2 * MINUTE_S)
    group = Group("one", "One", (A,))

    def moved(of: Floor, level: str, period: Period) -> dict[str, tuple[float, float]]:
        assert (of, level, period.start_s) == (A, "floor", NOW - 2 * MINUTE_S)
        return {"a": (5.0, 2.0)} if period.end_s == NOW else {"a": (1.0, 0.0)}

    [found] = totals([group], [minutes(A, 1, 1, 1), older], [], moved)
    assert (found.now.people, found.now.at_s) == (11, NOW)
    # Nobody knows who has moved: then the sensors' count stands alone.
    [found] = totals([group], [minutes(A, 1, 1, 1), older], [])
    assert (found.now.people, found.now.at_s) == (1, NOW)


def test_floors_are_grouped_by_building_and_by_each_of_their_tags() -> None:
    other = replace(C, building=Building("b2", "Mill", "Site"), tags=("lab",))
    tagged = replace(A, tags=("lab", "quiet"))
    floors = (tagged, other, B)
    assert [(g.name, [f.id for f in g.floors]) for g in by_building(floors)] == [
        ("House", ["a", "b"]),
        ("Mill", ["c"]),
    ]
    assert [(g.name, [f.id for f in g.floors]) for g in by_tag(floors)] == [
        ("lab", ["a", "c"]),
        ("quiet", ["a"]),
    ]
