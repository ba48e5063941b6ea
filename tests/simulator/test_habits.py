"""Habits: weekdays, seasons, office hours, meetings, hot and dead places, days of 23 and 25 hours."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from butlr_grafana.simulator import People, default_office

FLOORS = [floor.id for floor in default_office().floors]
LARGEST = "space_paris_1"
PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
DAY_S = 86400


def at(year: int, month: int, day: int, hour: int = 0, tz: dt.tzinfo = dt.UTC) -> int:
    return int(dt.datetime(year, month, day, hour, tzinfo=tz).timestamp())


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
