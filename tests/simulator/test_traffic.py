"""Who came and went by the doors' sensors, and the occupancy that follows, against every single crossing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from butlr_grafana.simulator import People

LARGEST, MEETING = "space_paris_1", "room_paris_1_meeting_room_1"
Report = Callable[..., Any]


def at(text: str, zone: str = "UTC") -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def iso(at_s: int) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def steps(people: People, room: int, start_s: int, stop_s: int) -> list[tuple[int, int]]:
    """Time and direction of the crossings of one door; room -1 is the entrance."""
    crossings = people.crossings(LARGEST, start_s, stop_s)
    rows = zip(*(column.tolist() for column in crossings), strict=True)
    return [(t, direction) for t, where, direction in rows if where == room]


def test_in_and_out_by_sensor(report: Report, people: People) -> None:
    rows = report("traffic", function="sum", spaces=[LARGEST], order=("time", "sensor_id", "field"))["data"]
    floor = people.office.by_id[LARGEST]
    doors = {sensor.id: sensor.room_id for sensor in floor.sensors if sensor.mode == "traffic"}
    assert len(rows) == len(doors) * 24 * 2
    rooms = [room.id for room in floor.rooms]
    found: Counter[tuple[str, str, str]] = Counter()
    for sensor_id, room_id in doors.items():
        index = -1 if room_id is None else rooms.index(room_id)
        for t, direction in steps(people, index, at("2025-06-10"), at("2025-06-11")):
            found[sensor_id, "in" if direction > 0 else "out", iso(t // 3600 * 3600)] += 1
    got = {(row["sensor_id"], row["field"], row["time"]): row["value"] for row in rows}
    assert got == {key: found[key] for key in got}
    assert sum(got.values()) == found.total() > 500
    assert {(row["sensor_id"], row["room_id"]) for row in rows} == set(doors.items())
    assert [row["field"] for row in rows[:4]] == ["in", "out", "in", "out"]


def test_doors_of_rooms_only_where_rooms_are_asked_for(report: Report) -> None:
    rows = report("traffic", function="sum", rooms=[MEETING])["data"]
    assert {row["sensor_id"] for row in rows} == {"sensor_paris_1_meeting_room_1_door"}
    only = report("traffic", function="sum", sensors=["sensor_paris_1_entrance"])["data"]
    assert {row["room_id"] for row in only} == {None}
    assert len(only) == 48


def counted(people: People, room: int, day: str, zone: str, minutes: int, *, calibrated: bool) -> list[int]:
    """At the end of each minute since midnight: in less out, calibrated never below zero."""
    start_s = at(day, zone)
    by_minute: Counter[int] = Counter()
    for t, direction in steps(people, room, start_s, start_s + 60 * minutes):
        by_minute[(t - start_s) // 60] += direction
    total, found = 0, []
    for minute in range(minutes):
        total += by_minute[minute]
        total = max(0, total) if calibrated else total
        found.append(total)
    return found


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "UTC"])
@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.parametrize("measurement", ["traffic_floor_occupancy", "traffic_room_occupancy"])
def test_occupancy_from_traffic_starts_anew_at_midnight(
    report: Report, people: People, zone: str, measurement: str, calibrated: bool
) -> None:
    """Asked for from inside one day to inside the next, as if it had been counted from midnight on."""
    of_floor = measurement == "traffic_floor_occupancy"
    rooms = [room.id for room in people.office.by_id[LARGEST].rooms]
    room = -1 if of_floor else rooms.index(MEETING)
    start_s, midnight_s, stop_s = at("2025-06-05T14:00"), at("2025-06-06", zone), at("2025-06-06T10:00")
    rows = report(
        measurement,
        start=iso(start_s),
        stop=iso(stop_s),
        every="1m",
        function="median",
        timezone=zone,
        order=("time",),
        calibrated=str(calibrated).lower(),
        **({"spaces": [LARGEST]} if of_floor else {"rooms": [MEETING]}),
    )["data"]
    before = counted(people, room, "2025-06-05", zone, 1440, calibrated=calibrated)
    after = counted(people, room, "2025-06-06", zone, (stop_s - midnight_s) // 60, calibrated=calibrated)
    expected = [*before[-((midnight_s - start_s) // 60) :], *after]
    assert [row["value"] for row in rows] == expected
    assert max(expected) > 5


@pytest.mark.parametrize("calibrated", ["true", True, "false", False, None])
def test_who_was_in_at_midnight_makes_it_go_low(report: Report, calibrated: object) -> None:
    """The guard leaves at 6, having come in yesterday."""
    words = {} if calibrated is None else {"calibrated": calibrated}
    rows = report(
        "traffic_floor_occupancy",
        start="2025-06-09T22:00:00Z",
        stop="2025-06-10T22:00:00Z",
        function="min",
        spaces=[LARGEST],
        order=("time",),
        **words,
    )["data"]
    values = [row["value"] for row in rows]
    assert values[:4] == [0, 0, 0, 0]
    assert min(values) == (0 if calibrated in ("true", True) else -1)


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2024-10-27", 25)])
def test_the_days_clock_decides(report: Report, people: People, day: str, hours: int) -> None:
    following = (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()
    stop_s = at(following, "Europe/Paris") + 12 * 3600
    rows = report(
        "traffic_floor_occupancy",
        start=iso(at(day, "Europe/Paris")),
        stop=iso(stop_s),
        every="1d",
        function="last",
        spaces=[LARGEST],
        order=("time",),
    )["data"]
    assert [row["time"] for row in rows] == [iso(at(day, "Europe/Paris")), iso(at(following, "Europe/Paris"))]
    for row, date, minutes in zip(rows, (day, following), (hours * 60, 720), strict=True):
        assert row["value"] == counted(people, -1, date, "Europe/Paris", minutes, calibrated=False)[-1]
    assert rows[1]["value"] > 10
