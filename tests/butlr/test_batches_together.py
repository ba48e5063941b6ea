"""Several floors in one call: how many, and which of them are asked for alone after all."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.batches import LIMITED_S, MOST_ROOMS, SEPARATE_S, Batches
from butlr_grafana.model.chunk import Segment, SeriesSubject
from butlr_grafana.model.time import Period
from tests.butlr.test_batches import NOW_S, START_S, Overloaded
from tests.support import FakeTime

pytestmark = pytest.mark.fast

TEN_MINUTES = Period(START_S, START_S + 600)
TWO_HOURS = Period(START_S, START_S + 7200)


def floor(number: int, rooms: int, period: Period = TEN_MINUTES) -> Segment:
    items = tuple(f"room_{number:03}_{k:02}" for k in range(rooms))
    subject = SeriesSubject("room_occupancy", "room", "1m", "median", "Europe/Paris", items)
    return Segment(f"space_{number:03}", subject, period, settled=False)


def together(floors: int, rooms: int, period: Period = TEN_MINUTES) -> list[Segment]:
    return [floor(n, rooms, period) for n in range(floors)]


def most(batches: Batches, rooms: int, period: Period = TEN_MINUTES) -> int:
    """How many floors of so many rooms go in one call's batch."""
    taken: list[Segment] = []
    while batches.room_left(taken, floor(len(taken), rooms, period)):
        taken.append(floor(len(taken), rooms, period))
    return len(taken)


def everybody(space: str, level: str) -> set[str]:
    return {f"room_{space[-3:]}_{k:02}" for k in range(30)}


def sizes(butlr: Overloaded) -> list[int]:
    return [ids for ids, _ in butlr.requested]


def reported(found: dict[str, list[dict[str, object]]], segments: Sequence[Segment]) -> list[int]:
    """How many rows each floor has; -1: it is to be asked for alone."""
    return [len(found[one.space]) if one.space in found else -1 for one in segments]


@pytest.mark.parametrize(("minutes", "rooms"), [(10, 300), (60, 60), (120, 30), (240, 20), (1200, 10)])
def test_rooms_a_call_are_as_many_values_as_butlr_answers_of_zones(minutes: int, rooms: int) -> None:
    """3,600 values are 30 zones for two hours; 300 rooms at most; never fewer than zones are documented."""
    period = Period(START_S, START_S + 60 * minutes)
    expected = (
        rooms // 10 if rooms > {10: 30, 60: 30, 120: 30, 240: 20, 1200: 10}[minutes] else rooms * 2 // 10
    )
    assert most(Batches(now=lambda: NOW_S), 10, period) == expected


def test_where_rooms_are_not_limited_fifteen_floors_are_one_call() -> None:
    batches, butlr, floors = Batches(everybody, now=lambda: NOW_S), Overloaded(most=10**6), together(15, 20)
    assert reported(batches.together(floors, butlr), floors) == [20] * 15
    assert sizes(butlr) == [MOST_ROOMS]


def test_where_rooms_are_limited_no_row_is_lost_and_it_is_remembered_for_a_day() -> None:
    time = FakeTime()
    batches = Batches(everybody, now=lambda: NOW_S, clock=time)
    butlr, floors = Overloaded(most=30), together(15, 20)
    assert reported(batches.together(floors, butlr), floors) == [20] * 15
    assert sizes(butlr) == [300] + [30] * 10
    assert most(batches, 20) == 3  # 60 rooms: two calls of 30
    butlr.requested.clear()
    assert reported(batches.together(floors[:3], butlr), floors[:3]) == [20] * 3
    assert sizes(butlr) == [30, 30]
    time.now_s += LIMITED_S
    assert most(batches, 20) == 15


def test_an_answer_that_is_cut_off_is_requested_again_in_smaller_calls() -> None:
    """Butlr may as well answer the first rooms and leave out the rest."""
    requested: list[int] = []

    def butlr(ids: Sequence[str], period: Period) -> list[dict[str, object]]:
        requested.append(len(ids))
        return [{"room_id": one, "time": period.end_s} for one in ids[:30]]

    batches, floors = Batches(everybody, now=lambda: NOW_S), together(5, 20)
    assert reported(batches.together(floors, butlr), floors) == [20] * 5
    assert requested == [100, 30, 30, 30, 10]


def test_a_floor_without_a_row_among_others_is_requested_alone_where_it_must_have_some() -> None:
    silent = [f"room_001_{k:02}" for k in range(20)]
    butlr, floors = Overloaded(most=10**6, silent=silent), together(4, 20)
    assert reported(Batches(everybody, now=lambda: NOW_S).together(floors, butlr), floors) == [20, -1, 20, 20]


def test_a_floor_that_need_not_answer_is_empty() -> None:
    silent = [f"room_001_{k:02}" for k in range(20)]
    butlr, floors = Overloaded(most=10**6, silent=silent), together(4, 20)
    assert reported(Batches(now=lambda: NOW_S).together(floors, butlr), floors) == [20, 0, 20, 20]


def test_nothing_at_all_is_believed_of_no_floor() -> None:
    butlr, floors = Overloaded(most=0), together(2, 10)
    assert reported(Batches(everybody, now=lambda: NOW_S).together(floors, butlr), floors) == [-1, -1]


def test_a_row_of_a_room_that_was_not_requested_is_refused() -> None:
    def butlr(_: Sequence[str], period: Period) -> list[dict[str, object]]:
        return [{"room_id": "room_of_another", "time": period.end_s}]

    with pytest.raises(UpstreamInvalid, match="no floor that was asked for"):
        Batches(now=lambda: NOW_S).together(together(2, 10), butlr)


def test_floors_with_which_a_call_failed_are_requested_alone_for_ten_minutes() -> None:
    time = FakeTime()
    batches, floors = Batches(now=lambda: NOW_S, clock=time), together(3, 20)
    batches.not_together(floors[1:2])
    assert not batches.room_left([], floors[1])
    assert batches.room_left(floors[:1], floors[2])
    time.now_s += SEPARATE_S
    assert batches.room_left(floors[:1], floors[1])


@pytest.mark.parametrize("level", ["floor", "sensor"])
def test_of_floors_themselves_thirty_are_one_call(level: str) -> None:
    subject = SeriesSubject("traffic", level, "1m", "sum", "Europe/Paris")
    batches, taken = Batches(now=lambda: NOW_S), []
    while batches.room_left(taken, one := Segment(f"space_{len(taken)}", subject, TWO_HOURS, settled=False)):
        taken.append(one)
    assert len(taken) == 30

    def butlr(ids: Sequence[str], period: Period) -> list[dict[str, object]]:
        return [{"space_id": one, "room_id": "room_x", "time": period.end_s} for one in ids]

    assert reported(batches.together(taken, butlr), taken) == [1] * 30
