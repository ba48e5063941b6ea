"""The values of `POST /api/v3/reporting`, over HTTP, against the people and their crossings."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from butlr_grafana.simulator import People, Simulator

LARGEST, FAILING, MEETING = "space_paris_1", "room_paris_1_project_room", "room_paris_1_meeting_room_1"
PARIS, NEW_YORK = ZoneInfo("Europe/Paris"), ZoneInfo("America/New_York")
Report = Callable[..., Any]


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


def iso(at_s: int) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def midnight(day: str, tz: ZoneInfo, days: int = 0) -> int:
    date = dt.date.fromisoformat(day) + dt.timedelta(days=days)
    return int(dt.datetime.combine(date, dt.time(), tz).timestamp())


def room_index(people: People, room_id: str) -> int:
    return [room.id for room in people.office.by_id[LARGEST].rooms].index(room_id)


FIGURES: dict[str, Callable[[list[int]], float]] = {
    "mean": statistics.fmean,
    "max": max,
    "min": min,
    "sum": sum,
    "first": lambda minutes: minutes[0],
    "last": lambda minutes: minutes[-1],
    "median": statistics.median,
}


@pytest.mark.parametrize("function", FIGURES)
def test_every_room_every_hour(report: Report, people: People, function: str) -> None:
    rows = report("room_occupancy", function=function, spaces=[LARGEST])["data"]
    rooms = people.office.by_id[LARGEST].rooms
    expected = {}
    for index, room in enumerate(rooms):
        minutes = people.occupancy(LARGEST, index, at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z")).tolist()
        for hour in range(24):
            start_s = at("2025-06-10T00:00Z") + 3600 * hour
            expected[iso(start_s), room.id] = FIGURES[function](minutes[60 * hour : 60 * hour + 60])
    assert {(row["time"], row["room_id"]): row["value"] for row in rows} == pytest.approx(expected)
    assert len(rows) == len(expected) == 24 * 18


def test_a_row_says_what_it_is_of(report: Report) -> None:
    [row, *_] = report("room_occupancy", rooms=[MEETING])["data"]
    assert row == {
        "field": "room_occupancy",
        "measurement": "room_occupancy",
        "time": "2025-06-10T00:00:00Z",
        "start": "2025-06-10T00:00:00Z",
        "stop": "2025-06-11T00:00:00Z",
        "value": row["value"],
        "room_id": MEETING,
        "room_name": "Meeting room 1",
        "space_id": LARGEST,
        "space_name": "Paris, 1st floor",
        "zone_id": None,
        "sensor_id": None,
        "timezone_offset": "2h",
    }


def test_minutes_agree_with_the_heat_map(report: Report, people: People) -> None:
    rows = report("floor_occupancy", every="1m", function="median", spaces=[LARGEST])["data"]
    t_s, _, _ = people.detections(LARGEST, at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z"))
    seen = np.bincount((t_s - at("2025-06-10T00:00Z")) // 60, minlength=1440)
    assert [row["value"] for row in rows] == seen.tolist()


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2024-10-27", 25), ("2025-06-04", 24)])
@pytest.mark.parametrize("every", ["1h", "1d"])
def test_days_that_lose_or_gain_an_hour(
    report: Report, people: People, day: str, hours: int, every: str
) -> None:
    start_s, stop_s = midnight(day, PARIS, -1), midnight(day, PARIS, 2)
    rows = report(
        "floor_occupancy", start=iso(start_s), stop=iso(stop_s), every=every, function="sum", spaces=[LARGEST]
    )["data"]
    if every == "1d":
        edges = [start_s, midnight(day, PARIS), midnight(day, PARIS, 1), stop_s]
    else:
        edges = list(range(start_s, stop_s + 1, 3600))
    assert len(edges) - 1 == (3 if every == "1d" else 48 + hours)
    expected = [(iso(a), int(people.occupancy(LARGEST, None, a, b).sum())) for a, b in pairwise(edges)]
    assert [(row["time"], row["value"]) for row in rows] == expected


def test_windows_follow_the_clock_asked_for(report: Report) -> None:
    """India's hours begin at half past; what the period cuts off is cut."""
    rows = report("floor_occupancy", timezone="Asia/Kolkata", spaces=[LARGEST])["data"]
    times = [row["time"][11:16] for row in rows]
    assert times == ["00:00", *(f"{hour:02}:30" for hour in range(24))]
    assert {row["timezone_offset"] for row in rows} == {"5h"}
    [*rows] = report("floor_occupancy", every="1d", timezone="America/New_York", spaces=[LARGEST])["data"]
    assert [row["time"] for row in rows] == ["2025-06-10T00:00:00Z", "2025-06-10T04:00:00Z"]


def test_a_room_offline_has_gaps_and_no_zeros(report: Report, people: People) -> None:
    [(since, until)] = people.offline(FAILING, at("2025-05-10T00:00Z"), at("2025-06-01T00:00Z"))
    words = {"start": iso(since - 3 * 3600), "stop": iso(until + 3 * 3600), "rooms": [FAILING]}
    for measurement in ("room_occupancy", "presence"):
        times = [row["time"] for row in report(measurement, **words)["data"]]
        hours = [*range(since - 3 * 3600, since, 3600), *range(until, until + 3 * 3600, 3600)]
        assert times == [iso(hour) for hour in hours]
        every = report(measurement, create_empty=True, value={"gte": 0}, **words)["data"]
        assert [row["time"] for row in every if row["value"] is None] == [
            iso(hour) for hour in range(since, until, 3600)
        ]
        assert len(every) == 4 * 24 + 6
    # A window that is partly online is of the part that is.
    days = report("room_occupancy", function="sum", every="1d", **words)["data"]
    index = room_index(people, FAILING)
    assert days[-1]["value"] == people.occupancy(LARGEST, index, until, until + 3 * 3600).sum()


def test_a_floor_goes_on_without_the_room_that_is_offline(report: Report, people: People) -> None:
    [(since, until)] = people.offline(FAILING, at("2025-05-10T00:00Z"), at("2025-06-01T00:00Z"))
    rows = report("floor_occupancy", function="sum", start=iso(since), stop=iso(until), spaces=[LARGEST])[
        "data"
    ]
    assert len(rows) == 96
    assert sum(row["value"] for row in rows) == len(people.detections(LARGEST, since, until)[0])
    assert sum(row["value"] for row in rows) < people.occupancy(LARGEST, None, since, until).sum()


def test_a_zone_goes_offline_with_its_room_only(report: Report) -> None:
    rows = report("zone_occupancy", spaces=[LARGEST, "space_paris_2"])["data"]
    assert len({row["zone_id"] for row in rows}) == 7
    assert len(rows) == 7 * 24
    by_zone = {row["zone_id"]: row["room_id"] for row in rows}
    assert by_zone["zone_paris_1_coffee_machine"] == "room_paris_1_kitchen"
    assert by_zone["zone_paris_1_reception"] is None


def test_rooms_without_a_sensor_of_the_kind_have_no_rows(report: Report) -> None:
    def rooms(measurement: str) -> set[str]:
        return {row["room_name"] for row in report(measurement, create_empty=True)["data"]}

    assert not rooms("room_occupancy") & {"Parcel room", "Store"}
    assert len(rooms("room_occupancy")) > 20
    assert all("oom" in name or name in ("Boardroom", "Workshop") for name in rooms("traffic_room_occupancy"))


def test_presence_is_seconds_with_someone_there(report: Report, people: People) -> None:
    rows = report("presence", function="sum", rooms=[MEETING])["data"]
    start_s = at("2025-06-10T00:00Z")
    there = np.zeros(86400, dtype=bool)
    stays = people.stays(LARGEST, start_s, start_s + 86400)
    for a, b, room in zip(stays.start_s.tolist(), stays.stop_s.tolist(), stays.room.tolist(), strict=True):
        if room == room_index(people, MEETING):
            there[max(0, a - start_s) : max(0, b - start_s)] = True
    assert [row["value"] for row in rows] == there.reshape(24, 3600).sum(axis=1).tolist()
    assert max(row["value"] for row in rows) > 1000


@pytest.mark.parametrize(
    ("words", "id_name", "same"),
    [
        ({"order": ("time",), "spaces": [LARGEST]}, "space_id", "floor_presence_time_secs"),
        ({"order": ("time", "room_id"), "spaces": [LARGEST]}, "room_id", "room_presence_time_secs"),
        ({"order": ("time",), "rooms": [MEETING]}, "room_id", "room_presence_time_secs"),
        ({"order": ("time", "zone_id")}, "zone_id", "zone_presence_time_secs"),
        ({"order": ("time",), "zones": ["zone_paris_1_reception"]}, "zone_id", "zone_presence_time_secs"),
    ],
)
def test_presence_is_of_what_is_asked_about(
    report: Report, words: dict[str, Any], id_name: str, same: str
) -> None:
    rows = report("presence", function="sum", **words)["data"]
    ids = ("zone_id", "room_id", "space_id")
    assert {next(name for name in ids if row[name] or name == id_name) for row in rows} == {id_name}
    named = report(same, function="sum", **words)["data"]
    assert [row["value"] for row in named] == [row["value"] for row in rows]


def test_the_future_has_no_data(report: Report, simulator: Simulator, people: People) -> None:
    """The clock stands at 2025-06-11T12:00Z."""
    words = {"start": "2025-06-11T10:00:00Z", "stop": "2025-06-11T14:00:00Z", "spaces": [LARGEST]}

    def values(**more: Any) -> list[float | None]:
        return [row["value"] for row in report("floor_occupancy", function="sum", **words, **more)["data"]]

    past = [
        int(people.occupancy(LARGEST, None, at(f"2025-06-11T{h}:00Z"), at(f"2025-06-11T{h + 1}:00Z")).sum())
        for h in (10, 11)
    ]
    assert values() == past
    assert values(create_empty=True) == [*past, None, None]
    simulator.faults.lag_s = 3599.5
    assert values() == past[:1], "the first minute of the second hour is not over yet"
    simulator.faults.lag_s = 3540
    first = people.occupancy(LARGEST, None, at("2025-06-11T11:00Z"), at("2025-06-11T11:01Z")).sum()
    assert values() == [past[0], first]
