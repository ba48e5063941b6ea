"""Many assets in few calls; an empty answer is believed only where nothing speaks against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from butlr_grafana.butlr.batches import BELIEVED_S, Batches, most_ids
from butlr_grafana.model.chunk import SeriesSubject
from butlr_grafana.model.time import Period
from tests.butlr.wire import FakeTime
from tests.support import at

pytestmark = pytest.mark.fast

START_S = at("2030-01-07T08:00")
HOUR = Period(START_S, START_S + 3600)
NOW_S = START_S + 2 * 3600


def rooms(count: int, every: str = "1m") -> SeriesSubject:
    items = tuple(f"room_{n:02d}" for n in range(count))
    return SeriesSubject("room_occupancy", "room", every, "median", "Europe/Paris", items)


class Overloaded:
    """A Butlr that answers nothing where more than `most` ids are asked for; `silent` rooms have no rows."""

    def __init__(self, most: int, silent: Sequence[str] = ()) -> None:
        self.most, self.silent = most, silent
        self.requested: list[tuple[int, int]] = []

    def __call__(self, items: Sequence[str], period: Period) -> list[dict[str, Any]]:
        self.requested.append((len(items), period.length_s))
        reported = [item for item in items if item not in self.silent]
        return (
            [{"room_id": item, "time": period.end_s} for item in reported] if len(items) <= self.most else []
        )


def requested_items(
    batches: Batches, subject: SeriesSubject, butlr: Overloaded, period: Period = HOUR
) -> tuple[set[str], list[int]]:
    """The rooms answered, and how many ids each call had."""
    before = len(butlr.requested)
    found = batches.rows("space_1", subject, period, butlr)
    return {row["room_id"] for row in found}, [ids for ids, _ in butlr.requested[before:]]


@pytest.mark.parametrize(
    ("windows", "ids"), [(1, 30), (120, 30), (121, 20), (480, 20), (481, 10), (1439, 10)]
)
def test_ids_a_call_are_those_that_butlr_documents(windows: int, ids: int) -> None:
    assert most_ids(windows) == ids


def test_large_floors_are_requested_in_batches() -> None:
    answered, sizes = requested_items(Batches(now=lambda: NOW_S), rooms(70), Overloaded(most=30))
    assert (len(answered), sizes) == (70, [30, 30, 10])


@pytest.mark.parametrize("most", [1, 2, 7, 15, 29])
def test_a_smaller_limit_than_documented_loses_no_room(most: int) -> None:
    answered, sizes = requested_items(Batches(now=lambda: NOW_S), rooms(30), Overloaded(most))
    assert len(answered) == 30
    assert max(size for size in sizes[1:]) <= 15


def test_what_has_been_proven_is_believed_when_it_is_empty() -> None:
    """A Sunday in the past: no halving where calls of that size have brought rows."""
    batches, butlr = Batches(now=lambda: NOW_S + 10 * 86_400), Overloaded(most=30)
    requested_items(batches, rooms(20), butlr)
    butlr.most = 0
    assert requested_items(batches, rooms(20), butlr) == (set(), [20])


def test_an_unproven_emptiness_is_requested_again_down_to_one() -> None:
    answered, sizes = requested_items(Batches(now=lambda: NOW_S + 10 * 86_400), rooms(4), Overloaded(most=0))
    assert (answered, sizes) == (set(), [4, 2, 1, 1, 2, 1, 1])


def test_rooms_with_working_sensors_must_have_rows_of_today() -> None:
    batches = Batches(lambda space, level: {"room_03"}, now=lambda: NOW_S)
    butlr = Overloaded(most=30)
    requested_items(batches, rooms(20), butlr)
    butlr.most = 6
    answered, sizes = requested_items(batches, rooms(20), butlr)
    # Only the part that holds the room with the working sensor is suspect; below what was proven.
    assert "room_03" in answered
    assert sizes[0] == 20


def test_an_emptiness_that_was_proven_room_by_room_is_believed_for_a_while() -> None:
    time = FakeTime()
    batches = Batches(lambda space, level: {"room_00"}, now=lambda: NOW_S, clock=time)
    butlr = Overloaded(most=0)
    assert len(requested_items(batches, rooms(4), butlr)[1]) == 7
    assert requested_items(batches, rooms(4), butlr) == (set(), [4])
    time.now_s += BELIEVED_S
    assert len(requested_items(batches, rooms(4), butlr)[1]) == 7


def test_one_room_is_halved_by_time_while_the_period_is_long() -> None:
    """12 hours of minutes: 720 windows, 360, 180, 90."""
    half_a_day = Period(START_S, START_S + 12 * 3600)
    butlr = Overloaded(most=0)
    requested_items(Batches(now=lambda: NOW_S), rooms(1), butlr, half_a_day)
    assert [length_s // 3600 for _, length_s in butlr.requested[:4]] == [12, 6, 3, 1]
    assert min(length_s for _, length_s in butlr.requested) == 5400


def test_rooms_that_are_silent_among_others_are_no_reason_to_ask_again() -> None:
    answered, sizes = requested_items(
        Batches(lambda space, level: {"room_01"}, now=lambda: NOW_S),
        rooms(3),
        Overloaded(most=30, silent=("room_01",)),
    )
    assert (answered, sizes) == ({"room_00", "room_02"}, [3])


@pytest.mark.parametrize("level", ["floor", "sensor"])
def test_a_floor_is_one_call_and_its_emptiness_is_nobody(level: str) -> None:
    subject = SeriesSubject("traffic", level, "1h", "sum", "Europe/Paris")
    assert requested_items(Batches(now=lambda: NOW_S), subject, Overloaded(most=-1)) == (set(), [1])
