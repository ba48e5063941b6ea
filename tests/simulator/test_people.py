"""The people: always the same, seen once a minute, in believable places at believable times."""

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
from shapely import Polygon, contains_xy

from butlr_grafana.simulator import People, default_office

FLOORS = [floor.id for floor in default_office().floors]
LARGEST = "space_paris_1"
PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
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
    for ask in (people.detections, people.crossings):
        whole = rows(ask(floor, bounds[0], bounds[-1]))
        parts = [rows(ask(floor, a, b)) for a, b in pairwise(bounds)]
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


def heads(people: People, day: dt.date) -> int:
    start_s = at(day.year, day.month, day.day, tz=PARIS)
    return len(np.unique(people.stays(LARGEST, start_s, start_s + 20 * 3600).person))


def test_weekdays_and_seasons(people: People) -> None:
    def mean(days: list[dt.date]) -> float:
        return float(np.mean([heads(people, day) for day in days]))

    mondays = [dt.date(2025, 3, 3) + dt.timedelta(weeks=k) for k in range(8)]
    week = [mean([monday + dt.timedelta(days=d) for monday in mondays]) for d in range(7)]
    monday, tuesday, wednesday, thursday, friday, saturday, sunday = week
    assert min(tuesday, wednesday, thursday) > monday > friday > 5 * max(saturday, sunday)
    assert 40 <= min(tuesday, wednesday, thursday) <= max(tuesday, wednesday, thursday) <= 66
    august = mean([dt.date(2025, 8, 5) + dt.timedelta(weeks=k) for k in range(4)])
    assert august < 0.65 * tuesday


@pytest.mark.parametrize("year", [2022, 2024, 2026, 2029])
def test_years_before_and_after(people: People, year: int) -> None:
    start_s = at(year, 5, 18)
    assert len(people.detections(LARGEST, start_s, start_s + 7 * DAY_S)[0]) > 50_000


def test_a_day_at_the_office(people: People) -> None:
    """Desk people come from 7:30 to 10:00 and leave from 16:00 to 19:30; at one many eat in a kitchen."""
    start_s = at(2025, 3, 4, tz=PARIS)
    stays = people.stays(LARGEST, start_s, start_s + DAY_S)
    rooms = people.office.by_id[LARGEST].rooms
    desks = [k for k, room in enumerate(rooms) if room.room_type == "open_space"]
    desk_hours: dict[int, int] = defaultdict(int)
    for person, room, a, b in zip(stays.person, stays.room, stays.start_s, stays.stop_s, strict=True):
        desk_hours[int(person)] += int(b - a) if room in desks else 0
    staff = [person for person, seconds in desk_hours.items() if seconds > 2 * 3600]
    assert len(staff) > 40
    for person in staff:
        mine = stays.take(stays.person == person)
        assert 7.5 * 3600 <= mine.start_s.min() - start_s <= 10 * 3600
        assert 16 * 3600 <= mine.stop_s.max() - start_s <= 19.5 * 3600

    def in_kitchen(hour: float) -> int:
        now = start_s + int(hour * 3600)
        there = (stays.start_s <= now) & (stays.stop_s > now)
        return sum(rooms[k].name == "Kitchen" for k in stays.room[there] if k >= 0)

    assert max(in_kitchen(12.5), in_kitchen(12.8)) >= 3 + max(in_kitchen(9.5), in_kitchen(15.5))


def test_meetings_start_on_the_half_hour_and_fit_the_room(people: People) -> None:
    start_s = at(2025, 3, 4, tz=PARIS)
    for floor_id in ("space_paris_1", "space_paris_2"):
        stays = people.stays(floor_id, start_s + 8 * 3600, start_s + 19 * 3600)
        for index, room in enumerate(people.office.by_id[floor_id].rooms):
            if room.room_type != "meeting_room":
                continue
            meeting = stays.take((stays.room == index) & (stays.stop_s - stays.start_s > 900))
            assert (meeting.stop_s % 1800 == 0).all()
            assert ((meeting.start_s % 1800) < 100).all()
            for now in np.unique(meeting.start_s):
                there = ((meeting.start_s <= now) & (meeting.stop_s > now)).sum()
                assert room.capacity is not None
                assert there <= room.capacity.max


def test_hot_and_dead_places(people: People) -> None:
    _, x_m, y_m = people.detections(LARGEST, at(2025, 3, 3), at(2025, 3, 31))

    def seen(x0: float, y0: float, x1: float, y1: float) -> int:
        return int(((x_m >= x0) & (x_m < x1) & (y_m >= y0) & (y_m < y1)).sum())

    assert seen(36, 0, 41, 6) == 0, "nobody enters the library"
    assert seen(26, 8, 37, 14) > 50 * seen(40, 8, 48, 14), "the far end of Open space East is dead"
    assert seen(27.5, 0, 36, 6) > 5000, "the kitchen is hot"
    assert seen(0, 6, 48, 8) > 5000, "the corridor is no room's"


@pytest.mark.parametrize("floor_id", FLOORS)
def test_every_other_room_is_used(people: People, floor_id: str) -> None:
    floor = people.office.by_id[floor_id]
    used = set(people.stays(floor_id, at(2025, 3, 3), at(2025, 3, 31)).room.tolist())
    unused = [room.name for index, room in enumerate(floor.rooms) if index not in used]
    assert unused == (["Library"] if floor_id == LARGEST else [])
    assert -1 in used


@pytest.mark.parametrize(
    ("day", "hours", "guard_hours"),
    [
        pytest.param(dt.date(2025, 3, 30), 23, 7, id="spring"),
        pytest.param(dt.date(2025, 10, 26), 25, 9, id="autumn"),
        pytest.param(dt.date(2025, 6, 22), 24, 8, id="summer"),
    ],
)
def test_days_with_another_length(people: People, day: dt.date, hours: int, guard_hours: int) -> None:
    """The guard watches to 6:00 and from 22:00 local time, so the changed hour is his; nobody else is up."""
    start_s = at(day.year, day.month, day.day, tz=PARIS)
    following = day + dt.timedelta(days=1)
    stop_s = at(following.year, following.month, following.day, tz=PARIS)
    assert stop_s - start_s == hours * 3600
    stays = people.stays(LARGEST, start_s, stop_s)
    assert stays.start_s.min() == start_s
    assert stays.stop_s.max() == stop_s
    guard = stays.take(stays.person == stays.person[0])
    assert (guard.stop_s - guard.start_s).sum() == guard_hours * 3600
    t_s, _, _ = people.detections(LARGEST, start_s, start_s + (guard_hours - 2) * 3600)
    assert len(t_s) == (guard_hours - 2) * 60


@pytest.mark.parametrize(
    ("floor", "tz", "monday"),
    [
        (LARGEST, PARIS, dt.date(2025, 3, 31)),
        (LARGEST, PARIS, dt.date(2025, 10, 27)),
        ("space_newyork_1", NEW_YORK, dt.date(2025, 3, 10)),
        ("space_newyork_1", NEW_YORK, dt.date(2025, 11, 3)),
    ],
)
def test_the_first_to_come_keep_local_time(people: People, floor: str, tz: ZoneInfo, monday: dt.date) -> None:
    start_s = at(monday.year, monday.month, monday.day, 6, tz=tz)
    stays = people.stays(floor, start_s, start_s + 12 * 3600)
    first = dt.datetime.fromtimestamp(int(stays.start_s[stays.start_s >= start_s].min()), tz)
    assert dt.time(7, 30) <= first.time() <= dt.time(9, 0)


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
