"""Who came and went by the doors' sensors, and the occupancy that follows, against every single crossing."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from butlr_grafana.simulator import Forms, People, Simulator
from butlr_grafana.simulator.world import Floor

LARGEST, MEETING, MIRRORED = "space_paris_1", "room_paris_1_meeting_room_1", "room_paris_1_meeting_room_2"
NEW_YORK, PARIS_2 = "space_newyork_1", "space_paris_2"
Report = Callable[..., Any]


def at(text: str, zone: str = "UTC") -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp())


def iso(at_s: int) -> str:
    return dt.datetime.fromtimestamp(at_s, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def steps(
    people: People, room: int, start_s: int, stop_s: int, floor: str = LARGEST
) -> list[tuple[int, int]]:
    """Time and direction of the crossings of one door; room -1 is the entrance."""
    crossings = people.crossings(floor, start_s, stop_s)
    rows = zip(*(column.tolist() for column in crossings), strict=True)
    return [(t, direction) for t, where, direction in rows if where == room]


def doors(floor: Floor) -> dict[str, tuple[int, int]]:
    """Of each traffic sensor the door that it watches, and which way round: -1 for a mirror."""
    rooms = [room.id for room in floor.rooms]
    return {
        sensor.id: (
            -1 if sensor.is_entrance else rooms.index(sensor.room_id or ""),
            -1 if sensor.is_mirror else 1,
        )
        for sensor in floor.sensors
        if sensor.mode == "traffic"
    }


@pytest.mark.parametrize("floor_id", [LARGEST, PARIS_2, NEW_YORK])
@pytest.mark.parametrize(("every", "step_s"), [("15m", 900), ("1h", 3600)])
def test_in_and_out_by_sensor(report: Report, people: People, floor_id: str, every: str, step_s: int) -> None:
    """A row only where somebody moved, and every row names a room."""
    rows = report("traffic", function="sum", every=every, spaces=[floor_id])["data"]
    floor = people.office.by_id[floor_id]
    expected: Counter[tuple[str, str, str]] = Counter()
    for sensor_id, (room, way) in doors(floor).items():
        for t, direction in steps(people, room, at("2025-06-10"), at("2025-06-11"), floor_id):
            end = iso(t // step_s * step_s + step_s)
            expected[sensor_id, "in" if direction * way > 0 else "out", end] += 1
    got = {(row["sensor_id"], row["field"], row["time"]): row["value"] for row in rows}
    assert got == expected
    assert len(rows) == len(got) > 20
    assert {(row["measurement"], row["preprocessed"]) for row in rows} == {("traffic", False)}
    sensors = {sensor.id: sensor for sensor in floor.sensors}
    for row in rows:
        sensor = sensors[row["sensor_id"]]
        assert (row["room_id"], row["mac_address"]) == (sensor.room_id, sensor.mac_address)
        assert row["room_id"]
        assert row["hive_id"].startswith("hive_")


def test_a_mirror_has_in_and_out_swapped(report: Report) -> None:
    rows = report("traffic", function="sum", rooms=[MIRRORED])["data"]
    by_sensor: dict[str, Counter[tuple[str, str]]] = {}
    for row in rows:
        by_sensor.setdefault(row["mac_address"][:8], Counter())[row["time"], row["field"]] = row["value"]
    assert set(by_sensor) == {"00-17-0D", "mi-rr-or"}
    swapped = {"in": "out", "out": "in"}
    mirrored = {(time, swapped[field]): value for (time, field), value in by_sensor["mi-rr-or"].items()}
    assert mirrored == by_sensor["00-17-0D"] != {}


def test_filters_on_rooms_and_sensors(report: Report) -> None:
    rows = report("traffic", function="sum", rooms=[MEETING])["data"]
    assert {row["sensor_id"] for row in rows} == {"sensor_paris_1_meeting_room_1_door"}
    only = report("traffic", function="sum", sensors=["sensor_paris_1_entrance"])["data"]
    assert {row["room_id"] for row in only} == {"room_paris_1_open_space_south"}
    hive = report("traffic", function="sum", hives=["hive_paris_1_1"])["data"]
    assert {row["hive_id"] for row in hive} == {"hive_paris_1_1"}


@pytest.mark.parametrize("fills", [True, False])
def test_windows_without_movement(report: Report, simulator: Simulator, fills: bool) -> None:
    """Sixteen hours of the day it is quiet; what has not happened yet is no movement either."""
    simulator.forms = Forms(create_empty_fills=fills)
    params = {"function": "sum", "rooms": [MEETING], "start": "2025-06-11T00:00:00Z"}
    params["stop"] = "2025-06-12T00:00:00Z"
    few = report("traffic", **params)["data"]
    rows = report("traffic", create_empty=True, value={"gte": 0}, **params)["data"]
    if fills:
        assert len(rows) == 2 * 12 > len(few)
        assert [row for row in rows if row["value"]] == few
    else:
        assert rows == few


def test_traffic_may_be_late(report: Report, simulator: Simulator) -> None:
    simulator.forms = Forms(traffic_late_s=7200)
    params = {"function": "sum", "spaces": [LARGEST], "start": "2025-06-11T08:00:00Z"}
    times = {row["time"] for row in report("traffic", stop="2025-06-11T12:00:00Z", **params)["data"]}
    assert times == {"2025-06-11T09:00:00Z", "2025-06-11T10:00:00Z"}


def counted(
    people: People,
    room: int,
    day: str,
    zone: str,
    minutes: int,
    *,
    calibrated: str,
    provisional: bool = False,
) -> list[int]:
    """At the end of each minute since midnight: in less out; calibrated never below zero.

    While a day is provisional, calibration has one person too many for every 40 steps.
    """
    start_s = at(day, zone)
    by_minute: dict[int, list[int]] = {}
    for t, direction in steps(people, room, start_s, start_s + 60 * minutes):
        by_minute.setdefault((t - start_s) // 60, []).append(direction)
    total, passed, found = 0, 0, []
    for minute in range(minutes):
        total += sum(by_minute.get(minute, ()))
        passed += len(by_minute.get(minute, ()))
        total = max(0, total) if calibrated == "true" else total
        shown = max(0, total) if calibrated == "raw" else total
        found.append(shown + (passed // 40 if provisional and calibrated != "false" else 0))
    return found


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "UTC"])
@pytest.mark.parametrize("calibrated", ["true", "raw", "false"])
@pytest.mark.parametrize("measurement", ["traffic_floor_occupancy", "traffic_room_occupancy"])
def test_occupancy_from_traffic_starts_anew_at_midnight(
    report: Report, people: People, zone: str, measurement: str, calibrated: str
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
        calibrated=calibrated,
        **({"spaces": [LARGEST]} if of_floor else {"rooms": [MEETING]}),
    )["data"]
    before = counted(people, room, "2025-06-05", zone, 1440, calibrated=calibrated)
    after = counted(people, room, "2025-06-06", zone, (stop_s - midnight_s) // 60, calibrated=calibrated)
    expected = [*before[-((midnight_s - start_s) // 60) :], *after]
    rows.sort(key=lambda row: row["time"])
    assert [row["value"] for row in rows] == expected
    assert max(expected) > 5
    late = 0 if calibrated != "false" else 60
    assert [row["time"] for row in rows] == [iso(t + late) for t in range(start_s, stop_s, 60)]


def test_rows_of_calibration(report: Report, people: People) -> None:
    """As captured: windows on the question's start, each row its own start and stop, zeros, few ids."""
    rooms = [room.id for room in people.office.by_id[LARGEST].rooms]
    values = counted(people, rooms.index(MEETING), "2025-06-10", "Europe/Paris", 24 * 60, calibrated="true")
    quiet = next(k for k in range(7 * 60, 24 * 60) if values[k : k + 5] == [0] * 5)
    first_s = at("2025-06-10", "Europe/Paris") + 60 * quiet + 43
    rows = report(
        "traffic_room_occupancy",
        start=iso(first_s),
        stop=iso(first_s + 300),
        every="1m",
        function="max",
        calibrated="true",
        value={"gte": 0},
        rooms=[MEETING],
        group_by={"order": ["room_id", "time"], "raw": True},
    )["data"]
    assert list(rows) == [MEETING]
    labels = [iso(first_s + 60 * k) for k in range(6)]
    assert list(rows[MEETING]) == labels[:5]
    for k, label in enumerate(labels[:5]):
        assert rows[MEETING][label] == [
            {
                "building_id": "",
                "building_name": "",
                "field": "aggregator_occupancy",
                "hive_id": "",
                "hive_serial": "",
                "mac_address": "",
                "measurement": "aggregator_headcount",
                "preprocessed": True,
                "room_id": MEETING,
                "room_name": "Meeting room 1",
                "sensor_id": "",
                "space_id": LARGEST,
                "space_name": "Paris, 1st floor",
                "start": label,
                "stop": labels[k + 1],
                "tag_id": "",
                "time": label,
                "timezone_offset": "",
                "value": 0,
                "zone_id": "",
                "zone_name": "",
            }
        ]


def test_who_was_in_at_midnight_makes_it_go_low(report: Report) -> None:
    """The guard leaves at 6, having come in yesterday."""
    for calibrated, least in (("true", 0), ("raw", 0), ("false", -1)):
        rows = report(
            "traffic_floor_occupancy",
            start="2025-06-08T22:00:00Z",
            stop="2025-06-09T22:00:00Z",
            function="min",
            spaces=[LARGEST],
            calibrated=calibrated,
        )["data"]
        values = [row["value"] for row in rows]
        assert values[:4] == [0, 0, 0, 0]
        assert min(values) == least


def test_the_day_may_be_that_of_utc(report: Report, simulator: Simulator, people: People) -> None:
    simulator.forms = Forms(calibrated_day="utc")
    params = {"start": "2025-06-05T00:00:00Z", "stop": "2025-06-06T00:00:00Z", "function": "last"}
    rows = report(
        "traffic_floor_occupancy",
        timezone="America/New_York",
        calibrated="true",
        spaces=[LARGEST],
        **params,
    )["data"]
    expected = counted(people, -1, "2025-06-05", "UTC", 1440, calibrated="true")[59::60]
    assert [row["value"] for row in rows] == expected


@pytest.mark.parametrize("calibrated", ["true", "raw", "false"])
def test_today_is_provisional_and_corrected_overnight(
    report: Report, simulator: Simulator, people: People, calibrated: str
) -> None:
    """Final three hours after the midnight of the clock asked for: 22:00 and 01:00 UTC."""

    def values() -> list[int]:
        rows = report(
            "traffic_floor_occupancy",
            start="2025-06-09T22:00:00Z",
            stop="2025-06-10T21:59:00Z",
            every="1m",
            function="median",
            calibrated=calibrated,
            spaces=[LARGEST],
        )["data"]
        return [row["value"] for row in sorted(rows, key=lambda row: row["time"])]

    live, final = (
        counted(
            people, -1, "2025-06-10", "Europe/Paris", 1439, calibrated=calibrated, provisional=provisional
        )
        for provisional in (True, False)
    )
    assert (live == final) == (calibrated == "false")
    for now, expected in (
        ("2025-06-10T22:30", live),
        ("2025-06-11T00:59", live),
        ("2025-06-11T01:00", final),
    ):
        now_s = at(now)
        simulator.clock = lambda now_s=now_s: float(now_s)  # type: ignore[misc]
        assert values() == expected
    simulator.clock = lambda: float(at("2025-06-10T22:30"))
    simulator.forms = Forms(drift=False)
    assert values() == final


def test_a_rooms_own_entrance_may_count_for_it(report: Report, simulator: Simulator, people: People) -> None:
    params = {"function": "last", "rooms": ["room_paris_2_parcel_room"], "timezone": "Europe/Paris"}
    params |= {"start": "2025-06-05T22:00:00Z", "stop": "2025-06-06T22:00:00Z"}
    assert report("traffic_room_occupancy", calibrated="true", **params)["data"] == []
    simulator.forms = Forms(entrance_rooms="counted")
    room = report("traffic_room_occupancy", calibrated="true", **params)["data"]
    params["spaces"] = [PARIS_2]
    del params["rooms"]
    floor = report("traffic_floor_occupancy", calibrated="true", **params)["data"]
    assert [row["value"] for row in room] == [row["value"] for row in floor]
    assert max(row["value"] for row in room) > 10


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
    )["data"]
    assert [row["time"] for row in rows] == [iso(at(following, "Europe/Paris")), iso(stop_s)]
    for row, date, minutes in zip(rows, (day, following), (hours * 60, 720), strict=True):
        expected = counted(people, -1, date, "Europe/Paris", minutes, calibrated="false")
        assert row["value"] == expected[-1]
    assert rows[1]["value"] > 10
