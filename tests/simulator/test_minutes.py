"""What is counted minute by minute, against stays and crossings gone through one by one."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from butlr_grafana.simulator import People, default_office

FLOORS = [floor.id for floor in default_office().floors]
LARGEST, FAILING = "space_paris_1", "room_paris_1_project_room"
COUNTS = ("people", "occupied_s", "entered", "left")


def at(text: str, zone: str = "UTC") -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


START, STOP = at("2025-06-10"), at("2025-06-11")


def people_counted(people: People, floor_id: str, start_s: int, stop_s: int) -> Counter[tuple[int, int]]:
    """(room, minute) → people; room -1 is where no room is."""
    stays = people.stays(floor_id, start_s, stop_s)
    found: Counter[tuple[int, int]] = Counter()
    for room, since, until, phase in zip(
        stays.room.tolist(),
        stays.start_s.tolist(),
        stays.stop_s.tolist(),
        stays.phase_s.tolist(),
        strict=True,
    ):
        for t in range(start_s + phase, stop_s, 60):
            if since <= t < until:
                found[room, (t - start_s) // 60] += 1
    return found


@pytest.mark.parametrize("floor_id", FLOORS)
def test_occupancy_is_who_is_there_at_their_second_of_the_minute(people: People, floor_id: str) -> None:
    found = people_counted(people, floor_id, START, STOP)
    rooms = range(-1, len(people.office.by_id[floor_id].rooms))
    for room in rooms:
        expected = [found[room, minute] for minute in range(1440)]
        assert people.occupancy(floor_id, room, START, STOP).tolist() == expected
    everyone = [sum(found[room, minute] for room in rooms) for minute in range(1440)]
    assert people.occupancy(floor_id, None, START, STOP).tolist() == everyone
    assert max(everyone) > 10


@pytest.mark.parametrize("floor_id", FLOORS)
def test_sensors_count_what_is_there_when_none_is_offline(people: People, floor_id: str) -> None:
    counted = people.count(floor_id, "people", START, STOP)
    for room in range(len(people.office.by_id[floor_id].rooms)):
        assert counted[1 + room].tolist() == people.occupancy(floor_id, room, START, STOP).tolist()
    assert counted[0].tolist() == people.occupancy(floor_id, None, START, STOP).tolist()


@pytest.mark.parametrize("floor_id", FLOORS)
@pytest.mark.parametrize("day", ["2025-06-10", "2025-05-20"])
def test_minutes_add_up_to_the_detections(people: People, floor_id: str, day: str) -> None:
    """On the second day a sensor of the largest floor is offline."""
    start_s, stop_s = at(day), at(day) + 86400
    assert bool(people.offline(FAILING, start_s, stop_s)) == (day == "2025-05-20")
    t_s, _, _ = people.detections(floor_id, start_s, stop_s)
    seen = np.bincount((t_s - start_s) // 60, minlength=1440)
    assert people.count(floor_id, "people", start_s, stop_s)[0].tolist() == seen.tolist()


@pytest.mark.parametrize("floor_id", FLOORS)
def test_occupied_seconds_are_those_with_at_least_one(people: People, floor_id: str) -> None:
    floor = people.office.by_id[floor_id]
    start_s, stop_s = at("2025-06-10T06:00"), at("2025-06-10T18:00")
    counted = people.count(floor_id, "occupied_s", start_s, stop_s)
    stays = people.stays(floor_id, start_s, stop_s)
    for row in range(1 + len(floor.rooms)):
        there = np.zeros(stop_s - start_s, dtype=bool)
        mine = stays if row == 0 else stays.take(stays.room == row - 1)
        for since, until in zip(mine.start_s.tolist(), mine.stop_s.tolist(), strict=True):
            there[max(0, since - start_s) : max(0, until - start_s)] = True
        assert counted[row].tolist() == there.reshape(-1, 60).sum(axis=1).tolist()
    assert counted.max() == 60


@pytest.mark.parametrize("floor_id", FLOORS)
def test_a_zone_has_those_whose_place_lies_in_it(people: People, floor_id: str) -> None:
    floor = people.office.by_id[floor_id]
    stays = people.stays(floor_id, START, STOP)
    counted = people.count(floor_id, "people", START, STOP)
    assert len(counted) == 1 + len(floor.rooms) + len(floor.zones)
    for row, zone in enumerate(floor.zones, 1 + len(floor.rooms)):
        x0, y0, x1, y1 = Polygon(zone.polygon).bounds  # They are all rectangles.
        inside = (stays.x_m >= x0) & (stays.x_m < x1) & (stays.y_m >= y0) & (stays.y_m < y1)
        mine = stays.take(inside)
        minutes = sum(
            len(range(a + (phase - a) % 60, b, 60))
            for a, b, phase in zip(
                np.maximum(mine.start_s, START), np.minimum(mine.stop_s, STOP), mine.phase_s, strict=True
            )
        )
        assert counted[row].sum() == minutes


@pytest.mark.parametrize("floor_id", FLOORS)
def test_steps_through_doors_in_their_minute(people: People, floor_id: str) -> None:
    expected = Counter(
        (direction, room, (t - START) // 60)
        for t, room, direction in zip(
            *(column.tolist() for column in people.crossings(floor_id, START, STOP)), strict=True
        )
    )
    for direction, what in ((1, "entered"), (-1, "left")):
        counted = people.count(floor_id, what, START, STOP)  # type: ignore[arg-type]
        assert counted.shape == (1 + len(people.office.by_id[floor_id].rooms), 1440)
        for row, minutes in enumerate(counted):
            assert minutes.tolist() == [expected[direction, row - 1, minute] for minute in range(1440)]


def test_a_room_offline_is_not_counted_though_people_are_in_it(people: People) -> None:
    floor = people.office.by_id[LARGEST]
    room = [room.id for room in floor.rooms].index(FAILING)
    [(since, until)] = people.offline(FAILING, at("2025-05-10"), at("2025-06-01"))
    start_s, stop_s = since - 86400, until + 86400
    offline = slice(1440, -1440)
    counted = people.count(LARGEST, "people", start_s, stop_s)
    true = people.occupancy(LARGEST, room, start_s, stop_s)
    everyone = people.occupancy(LARGEST, None, start_s, stop_s)
    assert true[offline].sum() > 100
    assert counted[1 + room][offline].sum() == 0
    assert people.count(LARGEST, "occupied_s", since, until)[1 + room].sum() == 0
    assert counted[0][offline].tolist() == (everyone - true)[offline].tolist()
    for online in (slice(1440), slice(-1440, None)):
        assert counted[1 + room][online].tolist() == true[online].tolist()
        assert counted[0][online].tolist() == everyone[online].tolist()


@settings(max_examples=25, deadline=None)
@given(
    floor_id=st.sampled_from(FLOORS),
    what=st.sampled_from(COUNTS),
    cuts=st.lists(st.integers(0, 3 * 1440), min_size=2, max_size=6, unique=True).map(sorted),
)
def test_parts_are_parts_of_the_whole(people: People, floor_id: str, what: str, cuts: list[int]) -> None:
    """Over the nights in which Paris loses an hour and a sensor goes offline."""
    start_s = at("2025-03-29")
    bounds = [start_s + 60 * cut for cut in cuts]
    parts = [people.count(floor_id, what, a, b) for a, b in pairwise(bounds)]  # type: ignore[arg-type]
    whole = people.count(floor_id, what, bounds[0], bounds[-1])  # type: ignore[arg-type]
    assert np.concatenate(parts, axis=1).tolist() == whole.tolist()


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-10", 24)])
def test_local_days_have_their_own_length(people: People, day: str, hours: int) -> None:
    start_s = at(day, "Europe/Paris")
    following = dt.date.fromisoformat(day) + dt.timedelta(days=1)
    stop_s = at(following.isoformat(), "Europe/Paris")
    counted = people.count(LARGEST, "people", start_s, stop_s)
    assert counted.shape[1] == hours * 60
    found = people_counted(people, LARGEST, start_s, stop_s)
    assert counted[0].sum() == found.total()


@pytest.mark.parametrize(
    ("start_s", "stop_s"), [(START + 1, STOP), (START, STOP - 1), (START, START), (STOP, START)]
)
def test_only_whole_minutes_are_counted(people: People, start_s: int, stop_s: int) -> None:
    with pytest.raises(ValueError, match="whole minutes"):
        people.count(LARGEST, "people", start_s, stop_s)
    with pytest.raises(ValueError, match="whole minutes"):
        people.occupancy(LARGEST, None, start_s, stop_s)
