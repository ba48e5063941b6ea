"""What events stand for, read off minutes made here; nothing is told where it cannot be."""

from __future__ import annotations

import random

import pytest

from butlr_grafana.live.agreement import (
    LEAST_TELLING,
    MEANINGS,
    SHIFTS_MIN,
    Comparison,
    Meaning,
    Reading,
    compared,
    reading_of,
)
from tests.live.makers import NOON_S

MINUTES = range(NOON_S, NOON_S + 3600, 60)


def drawn(seed: int) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]]:
    """Presence and doors of two rooms over an hour."""
    rng = random.Random(seed)
    return tuple(  # type: ignore[return-value]
        {room: {m: float(rng.randrange(6)) for m in MINUTES} for room in ("room_a", "room_b")}
        for _ in range(2)
    )


@pytest.mark.parametrize("meaning", MEANINGS)
@pytest.mark.parametrize("shift_min", SHIFTS_MIN)
def test_the_way_in_which_numbers_were_pushed_is_found(meaning: Meaning, shift_min: int) -> None:
    presence, doors = drawn(7)
    pushed: dict[str, dict[int, float]] = {}
    for room in presence:
        for m in MINUTES:
            both = (presence[room][m], doors[room][m])
            number = {"presence": both[0], "doors": both[1], "higher": max(both)}[meaning]
            pushed.setdefault(room, {})[m - 60 * shift_min] = number
    found = reading_of(pushed, presence, doors)
    assert found is not None
    assert (found.meaning, found.shift_min) == (meaning, shift_min)
    assert found.matched == found.telling > LEAST_TELLING


def test_a_few_late_values_do_not_hide_it() -> None:
    presence, doors = drawn(8)
    pushed = {room: dict(values) for room, values in presence.items()}
    for m in list(MINUTES)[:2]:
        pushed["room_a"][m] += 40
    found = reading_of(pushed, presence, doors)
    assert found is not None
    assert found == Reading("presence", 0, found.telling - found.telling + found.matched, found.telling)
    assert found.matched < found.telling


def test_nothing_is_told_of_equal_candidates_few_minutes_or_of_neither() -> None:
    presence, doors = drawn(9)
    still = {"room_a": dict.fromkeys(MINUTES, 2.0)}
    assert reading_of(still, still, still) is None
    few = {"room_a": dict(list(presence["room_a"].items())[: LEAST_TELLING - 1])}
    assert reading_of(few, presence, doors) is None
    other, _ = drawn(10)
    assert reading_of(other, presence, doors) is None
    assert reading_of({}, presence, doors) is None


def test_where_there_are_no_doors_it_is_presence() -> None:
    presence, _ = drawn(11)
    for doors in ({}, {"room_a": {}}):
        found = reading_of(presence, presence, doors)
        assert found is not None
        assert (found.meaning, found.shift_min) == ("presence", 0)


def test_settled_minutes_are_compared_where_both_are_known() -> None:
    pushed = {"room_a": {0: 1.0, 60: 5.0, 120: 3.0}, "room_b": {0: 2.0}, "room_c": {0: 1.0}}
    reported = {"room_a": {0: 1.0, 60: 2.0, 180: 9.0}, "room_b": {0: 1.0}}
    found = compared(pushed, reported)
    assert found == Comparison(3, 2, ("room_a", 60, 5.0, 2.0))
    assert found.share == 2 / 3
    assert compared({}, reported) == Comparison(0, 0)
    assert Comparison(0, 0).share == 0
