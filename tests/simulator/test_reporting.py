"""`POST /api/v3/reporting`: values and windows of rows, against `people` counted minute by minute."""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from butlr_grafana.simulator import Forms, People, Simulator

LARGEST, MEETING, FAILING = "space_paris_1", "room_paris_1_meeting_room_1", "room_paris_1_project_room"
PARIS = ZoneInfo("Europe/Paris")
Report = Callable[..., Any]


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


def iso(at_s: float) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def midnight(day: str, zone: ZoneInfo, later: int = 0) -> int:
    date = dt.date.fromisoformat(day) + dt.timedelta(days=later)
    return int(dt.datetime.combine(date, dt.time(), zone).timestamp())


def room_index(people: People, room_id: str) -> int:
    return [room.id for room in people.office.by_id[LARGEST].rooms].index(room_id)


def by_time(rows: list[dict[str, Any]]) -> list[tuple[str, Any]]:
    return sorted((row["time"], row["value"]) for row in rows)


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
def test_every_room_every_hour_labelled_by_its_end(report: Report, people: People, function: str) -> None:
    rows = report("room_occupancy", function=function, spaces=[LARGEST])["data"]
    expected = {}
    for index, room in enumerate(people.office.by_id[LARGEST].rooms):
        minutes = people.occupancy(LARGEST, index, at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z")).tolist()
        for hour in range(24):
            end = iso(at("2025-06-10T00:00Z") + 3600 * (hour + 1))
            expected[end, room.id] = FIGURES[function](minutes[60 * hour : 60 * hour + 60])
    assert {(row["time"], row["room_id"]): row["value"] for row in rows} == pytest.approx(expected)
    assert len(rows) == len(expected) == 24 * 18


def test_a_row_says_what_it_is_of(report: Report) -> None:
    rows = report("room_occupancy", rooms=[MEETING])["data"]
    [row] = [row for row in rows if row["time"] == "2025-06-10T10:00:00Z"]
    assert row == {
        "field": "occupancy",
        "measurement": "occupancy",
        "time": "2025-06-10T10:00:00Z",
        "start": "2025-06-10T00:00:00Z",
        "stop": "2025-06-11T00:00:00Z",
        "value": row["value"],
        "preprocessed": False,
        "timezone_offset": "2h",
        "tag_id": "",
        "building_id": "building_paris",
        "building_name": "Paris",
        "hive_id": "",
        "hive_serial": "",
        "sensor_id": "",
        "space_id": LARGEST,
        "space_name": "Paris, 1st floor",
        "room_id": MEETING,
        "room_name": "Meeting room 1",
        "zone_id": "",
        "zone_name": "",
        "mac_address": "",
    }


def test_rows_come_series_by_series_not_by_time(report: Report, people: People) -> None:
    rows = report("room_occupancy", spaces=[LARGEST])["data"]
    assert rows == report("room_occupancy", spaces=[LARGEST])["data"]
    times = [row["time"] for row in rows]
    assert times != sorted(times)
    rooms = list(dict.fromkeys(row["room_id"] for row in rows))
    assert [row["room_id"] for row in rows] == [room for room in rooms for _ in range(24)]
    assert rooms not in (sorted(rooms), [room.id for room in people.office.by_id[LARGEST].rooms])


@pytest.mark.parametrize("every", ["1m", "60s"])
def test_minutes_agree_with_the_heat_map(report: Report, people: People, every: str) -> None:
    stop = "2025-06-10T23:59:00Z"
    rows = report("floor_occupancy", every=every, function="median", stop=stop, spaces=[LARGEST])["data"]
    t_s, _, _ = people.detections(LARGEST, at("2025-06-10T00:00Z"), at(stop))
    seen = np.bincount((t_s - at("2025-06-10T00:00Z")) // 60, minlength=1439)
    assert by_time(rows) == [(iso(at("2025-06-10T00:01Z") + 60 * k), n) for k, n in enumerate(seen.tolist())]


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2024-10-27", 25), ("2025-06-04", 24)])
@pytest.mark.parametrize("every", ["30m", "1h", "6h", "12h", "1d"])
def test_days_that_lose_or_gain_an_hour(
    report: Report, people: People, day: str, hours: int, every: str
) -> None:
    start_s, stop_s = midnight(day, PARIS, -1), midnight(day, PARIS, 2)
    params = {"start": iso(start_s), "stop": iso(stop_s), "every": every, "spaces": [LARGEST]}
    rows = report("floor_occupancy", function="sum", **params)["data"]
    if every == "1d":
        edges = [start_s, midnight(day, PARIS), midnight(day, PARIS, 1), stop_s]
    elif every in ("6h", "12h"):
        step = int(every[:-1])
        first = dt.date.fromisoformat(day) - dt.timedelta(days=1)
        clocks = [
            dt.datetime.combine(first + dt.timedelta(days=k), dt.time(hour), PARIS)
            for k in range(3)
            for hour in range(0, 24, step)
        ]
        edges = [*(int(clock.timestamp()) for clock in clocks), stop_s]
    else:
        edges = list(range(start_s, stop_s + 1, {"30m": 1800, "1h": 3600}[every]))
        assert (len(edges) - 1) * (edges[1] - edges[0]) == (48 + hours) * 3600
    expected = [(iso(b), int(people.occupancy(LARGEST, None, a, b).sum())) for a, b in pairwise(edges)]
    assert by_time(rows) == expected


def test_windows_follow_the_clock_requested(report: Report) -> None:
    """India's hours begin at half past; what the period cuts off is cut, and labelled with its stop."""
    rows = report("floor_occupancy", timezone="Asia/Kolkata", spaces=[LARGEST])["data"]
    times = [row["time"][11:16] for row in rows]
    assert times == [*(f"{hour:02}:30" for hour in range(24)), "00:00"]
    assert {row["timezone_offset"] for row in rows} == {"5h"}
    days = report("floor_occupancy", every="1d", timezone="America/New_York", spaces=[LARGEST])["data"]
    assert [row["time"] for row in days] == ["2025-06-10T04:00:00Z", "2025-06-11T00:00:00Z"]


@pytest.mark.parametrize(("every", "ends"), [("5m", [30, 35, 40, 45]), ("15m", [30, 45]), ("30m", [30, 45])])
def test_a_cut_window_is_labelled_with_the_questions_stop(
    report: Report, people: People, every: str, ends: list[int]
) -> None:
    hour_s = at("2025-06-10T10:00Z")
    params = {"start": iso(hour_s + 25 * 60), "stop": "2025-06-10T10:44:45Z", "every": every}
    rows = report("floor_occupancy", function="sum", spaces=[LARGEST], **params)["data"]
    starts = [25, *ends[:-1]]
    expected = [
        (iso(hour_s + 60 * b), int(people.occupancy(LARGEST, None, hour_s + 60 * a, hour_s + 60 * b).sum()))
        for a, b in zip(starts, ends, strict=True)
    ]
    expected[-1] = ("2025-06-10T10:44:45Z", expected[-1][1])
    assert by_time(rows) == expected


def test_labels_may_be_starts(report: Report, simulator: Simulator) -> None:
    params = {"stop": "2025-06-10T12:30:00Z", "spaces": [LARGEST], "function": "max"}
    ends = by_time(report("floor_occupancy", **params)["data"])
    simulator.forms = Forms(window_labels="start")
    starts = by_time(report("floor_occupancy", **params)["data"])
    assert [value for _, value in starts] == [value for _, value in ends]
    assert [time for time, _ in starts] == ["2025-06-10T00:00:00Z", *(time for time, _ in ends[:-1])]


@pytest.mark.parametrize(
    ("forms", "labels"),
    [
        (Forms(), ["2025-06-09T22:00:00Z", "2025-06-10T22:00:00Z"]),
        (Forms(window_labels="start"), ["2025-06-08T22:00:00Z", "2025-06-09T22:00:00Z"]),
        (Forms(day_labels="start"), ["2025-06-08T22:00:00Z", "2025-06-09T22:00:00Z"]),
        (Forms(window_labels="start", day_labels="end"), ["2025-06-09T22:00:00Z", "2025-06-10T22:00:00Z"]),
        (
            Forms(day_windows="utc"),
            ["2025-06-09T00:00:00Z", "2025-06-10T00:00:00Z", "2025-06-10T22:00:00Z"],
        ),
    ],
)
def test_days_may_be_others_and_have_other_labels(
    report: Report, simulator: Simulator, people: People, forms: Forms, labels: list[str]
) -> None:
    simulator.forms = forms
    start, stop = "2025-06-08T22:00:00Z", "2025-06-10T22:00:00Z"
    params = {"start": start, "stop": stop, "every": "1d", "function": "sum", "spaces": [LARGEST]}
    rows = by_time(report("floor_occupancy", **params)["data"])
    assert [time for time, _ in rows] == labels
    cuts = [start, *labels] if forms.day_windows == "utc" else [start, "2025-06-09T22:00:00Z", stop]
    expected = [int(people.occupancy(LARGEST, None, at(a), at(b)).sum()) for a, b in pairwise(cuts)]
    assert [value for _, value in rows] == expected


def test_a_room_offline_has_gaps_and_no_zeros(report: Report, people: People) -> None:
    [(since, until)] = people.offline(FAILING, at("2025-05-10T00:00Z"), at("2025-06-01T00:00Z"))
    params = {"start": iso(since - 3 * 3600), "stop": iso(until + 3 * 3600), "rooms": [FAILING]}
    hours = [*range(since - 2 * 3600, since + 1, 3600), *range(until + 3600, until + 3 * 3600 + 1, 3600)]
    for measurement in ("room_occupancy", "room_presence_time_secs", "presence"):
        for empty in (False, True):
            rows = report(measurement, create_empty=empty, value={"gte": 0}, **params)["data"]
            assert [row["time"] for row in rows] == [iso(hour) for hour in hours]
    # A window that is partly online is of the part that is.
    days = report("room_occupancy", function="sum", every="1d", **params)["data"]
    index = room_index(people, FAILING)
    assert days[-1]["value"] == people.occupancy(LARGEST, index, until, until + 3 * 3600).sum()


@pytest.mark.parametrize("where", ["rows", "stats"])
def test_incomplete_windows_may_be_marked(
    report: Report, simulator: Simulator, people: People, where: str
) -> None:
    """Two hours: in the first the sensor goes offline after half of it, in the second it is."""
    simulator.forms = Forms(data_incomplete=where)
    [(since, _)] = people.offline(FAILING, at("2025-05-10T00:00Z"), at("2025-06-01T00:00Z"))
    params = {
        "start": iso(since - 5400),
        "stop": iso(since + 5400),
        "timezone": "Asia/Kolkata",
        "rooms": [FAILING],
    }
    flat = report("room_occupancy", **params)["data"]
    grouped = report("room_occupancy", group_by={"order": ["time"]}, **params)["data"]
    labels = [iso(since - 1800), iso(since + 1800), iso(since + 5400)]
    marks = [(False, 0), (True, 0.5), (True, 1)]
    if where == "rows":
        assert [row["time"] for row in flat] == labels
        assert [(row["data_incomplete"], row["null_percentage"]) for row in flat] == marks
        assert [row["value"] is None for row in flat] == [False, False, True]
        assert "data_incomplete" not in str(grouped)
    else:
        assert [row["time"] for row in flat] == labels[:2]
        assert "data_incomplete" not in str(flat)
        assert list(grouped) == [label[:-1] for label in labels]
        found = list(grouped.values())
        assert [(one["data_incomplete"], one["null_percentage"]) for one in found] == marks
        assert [(one["sum"] is None, one["count"]) for one in found] == [(False, 1), (False, 1), (True, 0)]


def test_a_floor_goes_on_without_the_room_that_is_offline(report: Report, people: People) -> None:
    [(since, until)] = people.offline(FAILING, at("2025-05-10T00:00Z"), at("2025-06-01T00:00Z"))
    rows = report("floor_occupancy", function="sum", start=iso(since), stop=iso(until), spaces=[LARGEST])[
        "data"
    ]
    assert len(rows) == 96
    assert sum(row["value"] for row in rows) == len(people.detections(LARGEST, since, until)[0])
    assert sum(row["value"] for row in rows) < people.occupancy(LARGEST, None, since, until).sum()


def test_zones(report: Report, people: People) -> None:
    """The rows of a zone name no room."""
    rows = report("zone_occupancy", function="sum", spaces=[LARGEST, "space_paris_2"])["data"]
    assert len({row["zone_id"] for row in rows}) == 7
    assert len(rows) == 7 * 24
    assert {row["room_id"] for row in rows} == {""}
    floor = people.office.by_id[LARGEST]
    counted = people.count(LARGEST, "people", at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z"))
    for row, zone in enumerate(floor.zones, 1 + len(floor.rooms)):
        mine = [value for _, value in by_time([one for one in rows if one["zone_id"] == zone.id])]
        assert mine == counted[row].reshape(24, 60).sum(axis=1).tolist()


def test_rooms_without_a_sensor_of_the_kind_have_no_rows(report: Report) -> None:
    """Parcel room and store have the sensors of entrances only, and the canteen's door a clone."""

    def rooms(measurement: str) -> set[str]:
        return {row["room_name"] for row in report(measurement, create_empty=True)["data"]}

    assert not rooms("room_occupancy") & {"Parcel room", "Store"}
    assert len(rooms("room_occupancy")) > 20
    doors = rooms("traffic_room_occupancy")
    assert {"Canteen", "Boardroom", "Meeting room 2"} < doors
    assert not doors & {"Parcel room", "Store", "Open space South", "Kitchen"}


def test_presence_time_is_seconds_with_someone_there(report: Report, people: People) -> None:
    rows = report("room_presence_time_secs", function="sum", rooms=[MEETING])["data"]
    start_s = at("2025-06-10T00:00Z")
    there = np.zeros(86400, dtype=bool)
    stays = people.stays(LARGEST, start_s, start_s + 86400)
    for a, b, room in zip(stays.start_s.tolist(), stays.stop_s.tolist(), stays.room.tolist(), strict=True):
        if room == room_index(people, MEETING):
            there[max(0, a - start_s) : max(0, b - start_s)] = True
    assert [value for _, value in by_time(rows)] == there.reshape(24, 3600).sum(axis=1).tolist()
    assert max(row["value"] for row in rows) > 1000


@pytest.mark.parametrize(
    ("names", "known"),
    [
        ("level", {"floor_presence_time_secs", "room_presence_time_secs", "zone_presence_time_secs"}),
        ("floor_only", {"floor_presence_time_secs"}),
        ("plain", {"presence_time_secs"}),
    ],
)
def test_names_of_presence_time(report: Report, simulator: Simulator, names: str, known: set[str]) -> None:
    params = {"function": "sum", "rooms": [MEETING]}
    rooms = report("room_presence_time_secs", **params)["data"]
    floors = report("floor_presence_time_secs", function="sum", spaces=[LARGEST])["data"]
    simulator.forms = Forms(presence_names=names)
    every = {"presence_time_secs", *(f"{level}_presence_time_secs" for level in ("floor", "room", "zone"))}
    for name in every - known:
        assert name in report(name, status=400, **params)["details"]
    if names == "plain":
        assert report("presence_time_secs", **params)["data"] == rooms
        assert report("presence_time_secs", function="sum", spaces=[LARGEST])["data"] == floors
        zones = report("presence_time_secs", function="sum", zones=["zone_paris_1_reception"])["data"]
        assert {row["zone_id"] for row in zones} == {"zone_paris_1_reception"}
    else:
        assert report("floor_presence_time_secs", function="sum", spaces=[LARGEST])["data"] == floors


def test_presence_is_the_people_of_each_presence_sensor(report: Report, people: People) -> None:
    """A clone in the lounge has what its twin in the kitchen has."""
    rows = report("presence", function="sum", spaces=[LARGEST])["data"]
    sensors = {one.id: one for one in people.office.by_id[LARGEST].sensors if one.mode == "presence"}
    assert {row["sensor_id"] for row in rows} == set(sensors)
    assert all(row["mac_address"] == sensors[row["sensor_id"]].mac_address for row in rows)
    assert all(row["hive_serial"] == sensors[row["sensor_id"]].hive_serial for row in rows)

    def of(sensor_id: str) -> list[Any]:
        return by_time([row for row in rows if row["sensor_id"] == sensor_id])

    lounge = next(one for one in sensors.values() if one.is_clone)
    assert of(lounge.id) == of("sensor_paris_1_kitchen_heat")
    kitchen = people.occupancy(
        LARGEST, room_index(people, "room_paris_1_kitchen"), at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z")
    )
    assert [value for _, value in of(lounge.id)] == kitchen.reshape(24, 60).sum(axis=1).tolist()
    assert {row["room_id"] for row in rows if row["sensor_id"] == lounge.id} == {"room_paris_1_lounge"}


def test_a_tag_has_the_people_of_what_carries_it(report: Report, people: People) -> None:
    """Food: three kitchens, a canteen, and a counter in it that is counted again."""
    rows = report("tag_occupancy", function="sum", tags=["tag_food"])["data"]
    expected = np.zeros(24)
    start_s, stop_s = at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z")
    for floor in people.office.floors:
        counted = people.count(floor.id, "people", start_s, stop_s)
        for row, placed in enumerate((*floor.rooms, *floor.zones), 1):
            if "food" in placed.tags:
                expected += counted[row].reshape(24, 60).sum(axis=1)
    assert [value for _, value in by_time(rows)] == expected.tolist()
    assert {(row["tag_id"], row["space_id"], row["room_id"]) for row in rows} == {("tag_food", "", "")}
    grouped = report("tag_occupancy", function="sum", group_by={"order": ["tag_id"]})["data"]
    assert grouped["tag_food"]["sum"] == expected.sum()
    assert "tag_to-be-decided" not in grouped


def test_the_future_has_no_data(report: Report, simulator: Simulator, people: People) -> None:
    """The clock stands at 2025-06-11T12:00Z; minutes come a minute late."""
    params = {"start": "2025-06-11T10:00:00Z", "stop": "2025-06-11T14:00:00Z", "spaces": [LARGEST]}

    def values() -> list[tuple[str, float]]:
        return by_time(report("floor_occupancy", function="sum", create_empty=True, **params)["data"])

    def seen(until: str) -> list[tuple[str, int]]:
        ends = [end for end in ("2025-06-11T11:00:00Z", until) if end <= until]
        starts = ["2025-06-11T10:00:00Z", "2025-06-11T11:00:00Z"]
        return [
            (f"2025-06-11T{11 + k}:00:00Z", int(people.occupancy(LARGEST, None, at(a), at(b)).sum()))
            for k, (a, b) in enumerate(zip(starts, ends, strict=False))
            if at(a) < at(b)
        ]

    assert values() == seen("2025-06-11T11:59:00Z")
    simulator.forms = Forms(minutes_late_s=0)
    assert values() == seen("2025-06-11T12:00:00Z")
    simulator.faults.lag_s = 3599.5
    assert values() == seen("2025-06-11T11:00:00Z"), "the first minute of the second hour is not over yet"
    simulator.faults.lag_s = 3540
    assert values() == seen("2025-06-11T11:01:00Z")


def test_the_newest_minutes_may_still_move(report: Report, simulator: Simulator) -> None:
    params = {
        "start": "2025-06-11T11:00:00Z",
        "stop": "2025-06-11T12:00:00Z",
        "every": "1m",
        "spaces": [LARGEST],
    }

    def values() -> list[float]:
        rows = report("room_occupancy", function="median", rooms=[MEETING], **params)["data"]
        return [value for _, value in by_time(rows)]

    final = values()
    simulator.forms = Forms(minutes_move_s=300)
    assert values() == [*final[:55], *(value + 1 for value in final[55:])]
