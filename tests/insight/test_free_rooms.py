"""Which rooms are free, by hand: five minutes of a room with sensors, with doors, with both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from butlr_grafana.insight.current_occupancy import NO_COUNT, NO_SENSOR, occupancy_now
from butlr_grafana.insight.free_rooms import (
    SOME_OCCUPIED,
    RoomState,
    all_unknown,
    in_order,
    room_states,
)
from butlr_grafana.insight.zones import OFFLINE
from butlr_grafana.model.floor import Building, Floor, Room
from butlr_grafana.model.privacy import ALONE
from butlr_grafana.model.queries import SeriesResult
from butlr_grafana.model.time import Period
from tests.insight.minutes import NAN, series
from tests.support import at

pytestmark = pytest.mark.fast

END = at("2026-06-17T12:33:00")
"""14:33 in Paris."""

Minutes = Sequence[float]
EMPTY = (0, 0, 0, 0, 0)


def floor(*rooms: Room) -> Floor:
    return Floor("f", "First", Building("b", "B", "S"), "Europe/Paris", rooms=rooms)


def room(key: str = "r", **what: object) -> Room:
    return replace(Room(key, key.upper(), "f", capacity=6, online=True), **what)  # type: ignore[arg-type]


def results(
    of: Floor, seen: Mapping[str, Minutes], by_doors: Mapping[str, Minutes] | None = None
) -> list[SeriesResult]:
    """What sensors see and what doors count, by room; the last minute ends at `END`."""
    found = []
    for minutes, measurement in ((seen, "room_occupancy"), (by_doors, "traffic_room_occupancy")):
        if minutes is None:
            continue
        length = max(len(one) for one in minutes.values())
        values = {key: {"value": one} for key, one in minutes.items()}
        summary = series(of, Period(END - 60 * length, END), "1m", values)
        base = replace(summary.query.base, measurement=measurement)
        found.append(replace(summary, query=replace(summary.query, base=base)))
    return found


def state(of: Room, seen: Minutes | None, by_doors: Minutes | None = None) -> RoomState:
    own = floor(of)
    requested = results(
        own,
        {"other": EMPTY} if seen is None else {of.id: seen},
        None if by_doors is None else {of.id: by_doors},
    )
    [found] = room_states(occupancy_now(requested), requested)
    return found


def summary(one: RoomState) -> tuple[object, ...]:
    return one.state, one.people, one.empty_for_s, one.is_exact, one.reason


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (EMPTY, ("free", 0, 300, False, "")),
        ((0, 0, 0, 0, 2), ("occupied", 2, None, False, "")),
        # Nobody for less than five minutes.
        ((0, 0, 0, 1, 0), ("occupied", 0, 60, True, "")),
        ((3, 0, 0, 0, 0), ("occupied", 0, 240, True, "")),
        # More was asked: then it is known since when.
        ((1, *EMPTY), ("free", 0, 300, True, "")),
        ((0, 4, 0, *EMPTY), ("free", 0, 360, True, "")),
        ((0, 0, *EMPTY), ("free", 0, 420, False, "")),
        # Before a gap somebody may have been there.
        ((2, NAN, 0, *EMPTY), ("free", 0, 360, False, "")),
        ((0, 0, NAN, 0, 0), ("free", 0, 120, False, "")),
        # The newest minute may be late, but not the one before it too.
        ((0, 0, 0, 0, NAN), ("free", 0, 300, False, "")),
        ((0, 0, 0, NAN, NAN), ("unknown", None, None, False, NO_COUNT)),
        ((2, 2, 2, NAN, NAN), ("unknown", None, None, False, NO_COUNT)),
        ((NAN,) * 5, ("unknown", None, None, False, NO_COUNT)),
    ],
)
def test_five_minutes_without_anybody_are_free_and_no_data_never_is(
    minutes: Minutes, expected: tuple[object, ...]
) -> None:
    assert summary(state(room(), minutes)) == expected


def test_it_is_free_since_the_minute_after_the_last_person() -> None:
    assert state(room(), (2, 2, 0, *EMPTY)).empty_since_s == END - 6 * 60
    assert state(room(), EMPTY).empty_since_s == END - 5 * 60


@pytest.mark.parametrize(
    ("seen", "by_doors", "expected"),
    [
        (EMPTY, EMPTY, ("free", 0, 300, False, "")),
        (EMPTY, (1, 1, 1, 1, 1), ("occupied", 1, None, False, "")),
        ((1, 1, 1, 1, 1), EMPTY, ("occupied", 1, None, False, "")),
        (EMPTY, (1, 0, 0, 0, 0), ("occupied", 0, 240, True, "")),
        # Doors alone would make a full room an empty one.
        ((NAN,) * 5, EMPTY, ("unknown", None, None, False, NO_COUNT)),
    ],
)
def test_both_ways_of_counting_have_to_agree(
    seen: Minutes, by_doors: Minutes, expected: tuple[object, ...]
) -> None:
    assert summary(state(room(), seen, by_doors)) == expected


def test_a_room_without_sensors_is_told_by_its_doors() -> None:
    assert summary(state(room(online=None), None, EMPTY)) == ("free", 0, 300, False, "")
    assert summary(state(room(online=None), None, (0, 0, 0, 2, 2))) == ("occupied", 2, None, False, "")
    assert summary(state(room(online=None), None)) == ("unknown", None, None, False, NO_SENSOR)


def test_an_offline_room_is_unknown_whatever_is_counted() -> None:
    offline = room(online=False, silent_since_s=at("2026-06-17T09:12:00"))
    for by_doors in (EMPTY, (1, 1, 1, 1, 1)):
        found = state(offline, EMPTY, by_doors)
        assert summary(found) == ("unknown", None, None, False, f"{OFFLINE} since 17 Jun 11:12")
        assert found.unknown_since_s == offline.silent_since_s


def test_rooms_that_are_told_of_together_are_free_together_or_not_told() -> None:
    """That one of several is occupied does not say that another is not free."""
    small = room("sum", capacity=3, members=(room("a", capacity=1), room("b", capacity=2)))
    assert summary(state(small, EMPTY)) == ("free", 0, 300, False, "")
    assert summary(state(small, (0, 0, 0, 0, 1))) == ("unknown", 1, None, False, SOME_OCCUPIED)
    assert summary(state(small, (1, 0, 0, 0, 0))) == ("unknown", 0, None, False, SOME_OCCUPIED)
    assert state(small, EMPTY).capacity is None
    alone = replace(small, members=small.members[:1])
    assert summary(state(alone, (NAN,) * 5)) == ("unknown", None, None, False, ALONE)


def test_of_a_floor_that_fails_all_rooms_are_unknown() -> None:
    own = floor(room("a"), room("b"))
    found = list(all_unknown(own, own.rooms, "Butlr is away"))
    assert [(one.room.id, *summary(one)) for one in found] == [
        (key, "unknown", None, None, False, "Butlr is away") for key in ("a", "b")
    ]
    assert {(one.complete, one.as_of_s) for one in found} == {(False, None)}


def test_who_looks_for_a_room_for_six_reads_the_smallest_that_fits_first() -> None:
    sizes = {"huge": 20, "exact": 6, "booth": 1, "larger": 8, "busy": 6, "silent": 6, "unset": None}
    own = floor(*(room(key, capacity=most) for key, most in sizes.items()))
    minutes: dict[str, Minutes] = dict.fromkeys(sizes, EMPTY) | {"busy": (3,) * 5, "silent": (NAN,) * 5}
    requested = results(own, minutes)
    found = list(room_states(occupancy_now(requested), requested))
    assert [one.room.id for one in in_order(found, 6)] == ["exact", "larger", "huge", "busy", "silent"]
    assert [one.room.id for one in in_order(found, 0)] == [
        *("booth", "exact", "larger", "huge", "unset"),
        *("busy", "silent"),
    ]
    assert in_order(found, 21) == []


def test_equal_rooms_stay_in_the_floors_order() -> None:
    own = floor(*(room(key) for key in "dbca"))
    requested = results(own, dict.fromkeys("dbca", EMPTY))
    found = in_order(room_states(occupancy_now(requested), requested), 6)
    assert [one.room.id for one in found] == list("dbca")


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({}, ("free", 0, 420, True, "")),
        # Somebody comes in the minute before the last: at once taken.
        ({-2: (1, 0)}, ("occupied", 1, None, False, "")),
        # Who came and went again within three minutes was there.
        ({-5: (1, 0), -2: (0, 1)}, ("occupied", 0, 120, True, "")),
        # Where not every movement is known, the minutes after the last count are not known.
        (None, ("unknown", None, None, False, NO_COUNT)),
    ],
)
def test_an_older_count_by_doors_is_moved_on_minute_by_minute(
    steps: Mapping[int, tuple[float, float]] | None, expected: tuple[object, ...]
) -> None:
    """The doors were asked for until six minutes before the end; who passed since then is pushed."""
    own = floor(room(online=None))
    seen, doors = results(own, {"other": (0,) * 10}, {"r": (2, 2, 2, 0)})
    # Ten minutes that end now, and four that ended six minutes ago.
    start_s = END - 600
    [older] = [replace(one, start_s=np.arange(start_s, start_s + 240, 60)) for one in doors.series]
    requested = [
        seen,
        replace(doors, query=replace(doors.query, period=Period(start_s, start_s + 240)), series=(older,)),
    ]

    def moved(_floor: Floor, level: str, period: Period) -> dict[str, tuple[float, float]] | None:
        assert level == "room"
        assert period.start_s == END - 360
        if steps is None:
            return None
        passed = [both for at_, both in steps.items() if END + 60 * at_ < period.end_s]
        return {"r": (sum(came for came, _ in passed), sum(went for _, went in passed))}

    [found] = [
        one for one in room_states(occupancy_now(requested, moved), requested, moved) if one.room.id == "r"
    ]
    assert summary(found) == expected
