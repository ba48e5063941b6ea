"""The people: always the same, seen once a minute where they are, by sensors that may be offline."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, contains_xy, distance, points, union_all

from butlr_grafana.simulator import People, default_office

FLOORS = [floor.id for floor in default_office().floors]
LARGEST = "space_paris_1"
DAY_S = 86400


def at(year: int, month: int, day: int, hour: int = 0, tz: dt.tzinfo = dt.UTC) -> int:
    return int(dt.datetime(year, month, day, hour, tzinfo=tz).timestamp())


MONDAY = at(2025, 3, 3)


def rows(columns: tuple[np.ndarray, ...]) -> list[tuple[float, ...]]:
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=30, deadline=None)
@given(
    floor=st.sampled_from(FLOORS),
    cuts=st.lists(st.integers(0, 3 * DAY_S), min_size=2, max_size=8).map(sorted),
)
def test_detections_and_crossings_add_up_over_any_split(people: People, floor: str, cuts: list[int]) -> None:
    start_s = at(2025, 3, 28)  # over the night in which Paris loses an hour
    bounds = [start_s + cut for cut in cuts]
    for send_query in (people.detections, people.crossings):
        whole = rows(send_query(floor, bounds[0], bounds[-1]))
        parts = [rows(send_query(floor, a, b)) for a, b in pairwise(bounds)]
        assert [row for part in parts for row in part] == whole


def test_ranges_are_half_open(people: People) -> None:
    t_s, _, _ = people.detections(LARGEST, MONDAY, MONDAY + DAY_S)
    one = int(t_s[len(t_s) // 2])
    assert (people.detections(LARGEST, one, one + 1)[0] == one).all()
    assert len(people.detections(LARGEST, one, one + 1)[0]) == (t_s == one).sum()
    assert one not in people.detections(LARGEST, MONDAY, one)[0]
    assert len(people.detections(LARGEST, one, one)[0]) == 0


@pytest.mark.parametrize("floor", FLOORS)
def test_everyone_is_seen_once_a_minute_where_they_are(people: People, floor: str) -> None:
    """The times are counted out second by second from the stays; the outage is on no such day."""
    start_s, stop_s = at(2025, 6, 10), at(2025, 6, 11)
    stays = people.stays(floor, start_s, stop_s)
    expected = defaultdict(list)
    for x, y, since, until, phase in zip(
        stays.x_m, stays.y_m, stays.start_s, stays.stop_s, stays.phase_s, strict=True
    ):
        for t in range(max(since, start_s), min(until, stop_s)):
            if t % 60 == phase:
                expected[t].append((x, y))
    t_s, x_m, y_m = people.detections(floor, start_s, stop_s)
    assert (np.diff(t_s) >= 0).all()
    assert t_s.tolist() == sorted(t for t, seen in expected.items() for _ in seen)
    far = [min(np.hypot(x - a, y - b) for a, b in expected[int(t)]) for t, x, y in rows((t_s, x_m, y_m))]
    assert max(far) <= 0.4 + 1e-5
    assert np.mean(far) > 0.1


def test_a_person_has_one_phase_and_one_place_at_a_time(people: People) -> None:
    for floor in FLOORS:
        stays = people.stays(floor, MONDAY, MONDAY + 7 * DAY_S)
        assert (stays.start_s < stays.stop_s).all()
        for person in np.unique(stays.person):
            mine = stays.take(stays.person == person)
            assert (mine.start_s[1:] >= mine.stop_s[:-1]).all()
            assert len(set(mine.phase_s.tolist())) == 1


def test_persons_of_different_floors_differ(people: People) -> None:
    seen = [set(people.stays(floor, MONDAY, MONDAY + DAY_S).person.tolist()) for floor in FLOORS]
    assert len(set.union(*seen)) == sum(map(len, seen))


@pytest.mark.parametrize("floor_id", FLOORS)
def test_nobody_is_seen_through_a_wall(people: People, floor_id: str) -> None:
    """In any room's polygon lie as many detections as its stays make, and none lie off the floor."""
    floor = people.office.by_id[floor_id]
    start_s, stop_s = at(2025, 6, 10), at(2025, 6, 11)
    stays = people.stays(floor_id, start_s, stop_s)
    _, x_m, y_m = people.detections(floor_id, start_s, stop_s)
    assert contains_xy(Polygon(floor.outline), x_m, y_m).all()
    walls = union_all(
        [Polygon(wall).exterior for wall in (floor.outline, *(r.footprint for r in floor.rooms))]
    )
    assert (distance(points(stays.x_m, stays.y_m), walls) > stays.reach_m).all()
    for index, room in enumerate(floor.rooms):
        if room.name in {"Quiet room", "Lounge"}:
            continue  # they overlap
        mine = stays.take(stays.room == index)
        minutes = sum(
            sum(t % 60 == phase for t in range(max(a, start_s), min(b, stop_s)))
            for a, b, phase in zip(mine.start_s, mine.stop_s, mine.phase_s, strict=True)
        )
        assert contains_xy(Polygon(room.footprint), x_m, y_m).sum() == minutes


def test_the_same_in_another_process_and_order(people: People) -> None:
    code = (
        "from butlr_grafana.simulator import People, default_office\n"
        "people = People(default_office())\n"
        f"people.stays('space_newyork_1', {MONDAY}, {MONDAY + 9 * DAY_S})\n"
        f"t, x, y = people.detections('space_newyork_1', {MONDAY + DAY_S}, {MONDAY + 2 * DAY_S})\n"
        "print(len(t), int(t.sum()), x.tobytes().hex()[:400], y.tobytes().hex()[:400])"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": "7"},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    t, x, y = people.detections("space_newyork_1", MONDAY + DAY_S, MONDAY + 2 * DAY_S)
    assert out == [str(len(t)), str(int(t.sum())), x.tobytes().hex()[:400], y.tobytes().hex()[:400]]


def test_the_same_from_many_threads() -> None:
    people = People(default_office())
    days = [at(2024, 11, 4) + k % 5 * DAY_S for k in range(40)]
    with ThreadPoolExecutor(16) as pool:
        sums = list(pool.map(lambda s: people.detections(LARGEST, s, s + DAY_S)[1].sum(), days))
    assert sums == sums[:5] * 8


def test_another_seed_is_another_crowd(people: People) -> None:
    other = People(default_office(), seed=2)
    mine, theirs = (crowd.detections(LARGEST, MONDAY, MONDAY + DAY_S)[0] for crowd in (people, other))
    assert mine.tolist() != theirs.tolist()


def test_a_failing_sensor_is_offline_four_days_in_twenty_eight(people: People) -> None:
    room = next(room for room in people.office.by_id[LARGEST].rooms if room.name == "Project room")
    start_s = at(2025, 1, 1)
    days = [people.offline(room.id, start_s + d * DAY_S, start_s + (d + 1) * DAY_S) for d in range(112)]
    off = [d for d, periods in enumerate(days) if periods]
    assert off == [off[0] + 28 * cycle + d for cycle in range(4) for d in range(4)]
    assert all(days[d] == [(start_s + d * DAY_S, start_s + (d + 1) * DAY_S)] for d in off)
    assert people.offline(room.id, start_s, start_s + 112 * DAY_S) == [
        (start_s + d * DAY_S, start_s + (d + 4) * DAY_S) for d in off[::4]
    ]
    assert all(
        not people.offline(other.id, start_s, start_s + 112 * DAY_S)
        for floor in people.office.floors
        for other in floor.rooms
        if other is not room
    )
    with pytest.raises(KeyError):
        people.offline("room_nowhere", start_s, start_s + 1)


def test_an_offline_room_has_people_but_no_detections(people: People) -> None:
    floor = people.office.by_id[LARGEST]
    index, room = next((k, room) for k, room in enumerate(floor.rooms) if room.name == "Project room")
    [(start_s, stop_s), *_] = people.offline(room.id, at(2025, 1, 6), at(2025, 2, 3))
    polygon = Polygon(room.footprint)

    def seen(a: int, b: int) -> int:
        _, x_m, y_m = people.detections(LARGEST, a, b)
        return int(contains_xy(polygon, x_m, y_m).sum())

    assert stop_s - start_s == 4 * DAY_S
    assert seen(start_s, stop_s) == 0
    assert (people.stays(LARGEST, start_s, stop_s).room == index).sum() > 0
    assert seen(start_s - 7 * DAY_S, start_s) > 100
    assert seen(stop_s, stop_s + 7 * DAY_S) > 100


@pytest.mark.parametrize("floor_id", FLOORS)
def test_crossings_lead_to_the_occupancy_of_the_stays(people: People, floor_id: str) -> None:
    """In and out from local midnight on, added to who was in then, give the people of every room."""
    floor = people.office.by_id[floor_id]
    start_s = at(2025, 3, 4, tz=ZoneInfo(floor.timezone))
    stays = people.stays(floor_id, start_s, start_s + DAY_S)
    t_s, room, direction = people.crossings(floor_id, start_s, start_s + DAY_S)
    assert (np.diff(t_s) >= 0).all()
    assert set(direction.tolist()) == {-1, 1}

    def inside(now: int, index: int) -> int:
        there = (stays.start_s <= now) & (stays.stop_s > now)
        return int(there.sum() if index == -1 else (there & (stays.room == index)).sum())

    for index in range(-1, len(floor.rooms)):
        for now in range(start_s, start_s + DAY_S, 1777):
            steps = direction[(room == index) & (t_s <= now)].sum()
            assert inside(start_s, index) + steps == inside(now, index)
