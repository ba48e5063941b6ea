"""A hive or sensor that is switched off: silent in the topology, in the counts, at the doors, on the map."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import requests

from butlr_grafana.simulator import Forms, People, Simulator
from butlr_grafana.simulator.messages import Refusal
from butlr_grafana.simulator.outages import all_of, any_of
from tests.simulator.conftest import NOW
from tests.simulator.test_topology import HIVES, data, sensors
from tests.support import HANG_S

FLOOR, HIVE, FAILING = "space_paris_1", "hive_paris_1_1", "room_paris_1_project_room"
BOARDROOM, KITCHEN = "room_paris_1_boardroom", "room_paris_1_kitchen"
Report = Callable[..., Any]


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


START, STOP = at("2025-06-10T10:00:00Z"), at("2025-06-10T12:00:00Z")
DAY = (at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z"))


@pytest.fixture
def people(people: People) -> Iterator[People]:
    yield people
    people.clear_outages()


def behind(people: People, hive_id: str) -> set[str]:
    """The sensors that report to a hive, copies too."""
    [serial] = [hive.serial_number for hive in people.office.hives if hive.id == hive_id]
    return {sensor.id for sensor in people.office.sensors if sensor.hive_serial == serial}


def test_a_hive_that_is_off_silences_its_sensors_and_no_other(
    client: requests.Session, simulator: Simulator, people: People
) -> None:
    now_s = int(NOW.timestamp())
    before = sensors(client, simulator)
    simulator.outage(HIVE, now_s - 600, now_s + 600)
    hives = {hive["id"]: hive for hive in data(client, simulator, HIVES)["hives"]["data"]}
    assert [key for key, hive in hives.items() if not hive["isOnline"]] == [HIVE]
    assert hives[HIVE]["lastHeartbeat"] == now_s - 601
    silent = behind(people, HIVE)
    assert len(silent) > 10
    mirrors = {key for key, one in before.items() if one["mac_address"].startswith("mi-rr-or-")}
    for key, one in sensors(client, simulator).items():
        if key in silent - mirrors:
            assert (one["is_online"], one["last_heartbeat"]) == (False, now_s - 601), key
        else:
            assert one == before[key]
    simulator.clear_outages()
    assert sensors(client, simulator) == before


def test_butlr_may_go_on_calling_sensors_of_a_dead_hive_online(
    client: requests.Session, simulator: Simulator, people: People
) -> None:
    now_s = int(NOW.timestamp())
    simulator.forms = Forms(sensors_of_dead_hives="online")
    simulator.outage(HIVE, now_s - 600, now_s + 600)
    simulator.outage("sensor_paris_1_kitchen_heat", now_s - 600, now_s + 600)
    found = sensors(client, simulator)
    assert found["sensor_paris_1_boardroom_heat"]["is_online"] is True
    assert found["sensor_paris_1_boardroom_heat"]["last_heartbeat"] == now_s - 601
    assert "sensor_paris_1_kitchen_heat" not in behind(people, HIVE)
    assert found["sensor_paris_1_kitchen_heat"]["is_online"] is False


def test_what_a_silent_sensor_would_have_seen_is_nowhere(people: People, report: Report) -> None:
    """The room has no data, the floor has the others, and the heat map lacks the people in it."""
    rooms = [room.id for room in people.office.by_id[FLOOR].rooms]
    floor_before = people.count(FLOOR, "people", *DAY)
    heat_before = len(people.detections(FLOOR, *DAY)[0])
    people.outage("sensor_paris_1_kitchen_heat", START, STOP)
    there = people.occupancy(FLOOR, rooms.index(KITCHEN), *DAY)
    first, last = (START - DAY[0]) // 60, (STOP - DAY[0]) // 60
    assert there[first:last].sum() > 100
    missing = floor_before[0] - people.count(FLOOR, "people", *DAY)[0]
    expected = np.zeros_like(missing)
    expected[first:last] = there[first:last]
    assert (missing == expected).all()
    assert heat_before - len(people.detections(FLOOR, *DAY)[0]) == there[first:last].sum()
    rows = report("room_occupancy", rooms=[KITCHEN], every="1h")["data"]
    hours = {at(row["time"]) for row in rows}
    assert hours == {t for t in range(DAY[0] + 3600, DAY[1] + 1, 3600) if not START < t <= STOP}


def test_nobody_counts_at_a_door_whose_hive_is_off(people: People, report: Report) -> None:
    before = report("traffic", sensors=["sensor_paris_1_entrance"], every="1h", function="sum")["data"]
    people.outage(HIVE, START, STOP)
    after = report("traffic", sensors=["sensor_paris_1_entrance"], every="1h", function="sum")["data"]
    lost = [row for row in before if row not in after]
    assert lost
    assert {at(row["time"]) for row in lost} <= {START + 3600, STOP}
    assert [row for row in after if at(row["time"]) in (START + 3600, STOP)] == []


def test_a_floor_without_any_sensor_has_no_people(people: People, report: Report) -> None:
    for hive in people.office.by_id[FLOOR].hives:
        people.outage(hive.id, START, STOP)
    rows = report("floor_occupancy", spaces=[FLOOR], every="1h")["data"]
    assert START + 3600 not in {at(row["time"]) for row in rows}
    assert START in {at(row["time"]) for row in rows}
    t_s, _, _ = people.detections(FLOOR, *DAY)
    assert not ((t_s >= START) & (t_s < STOP)).any()


def test_a_sensor_that_fails_by_itself_stays_so(people: People) -> None:
    """A switch in the midst of its four days moves their end, and not their begin."""
    _, (since_s, until_s) = people.offline(FAILING, at("2025-05-20T00:00Z"), at("2025-06-20T00:00Z"))
    assert until_s - since_s == 4 * 86400
    sensor_id = "sensor_paris_1_project_room_heat"
    people.outage(sensor_id, until_s - 3600, until_s + 3600)
    assert people.silent_since(sensor_id, until_s) == since_s
    assert people.silent_since(sensor_id, until_s + 3600) is None


def test_over_http(simulator: Simulator) -> None:
    url = f"{simulator.url}/_simulator/outages"
    assert requests.get(url, timeout=HANG_S).json() == []
    reported = requests.put(url, json={"device": HIVE, "minutes": 30}, timeout=HANG_S).json()
    stop = NOW + dt.timedelta(minutes=30)
    assert reported == [{"device": HIVE, "start": NOW.isoformat(), "stop": stop.isoformat()}]
    for body in ({"device": "hive_x", "minutes": 30}, {"device": HIVE}, {"device": HIVE, "minutes": 0}):
        assert requests.put(url, json=body, timeout=HANG_S).status_code == 400
    assert requests.delete(url, timeout=HANG_S).json() == []


def test_an_outage_is_of_a_device_and_lasts(people: People) -> None:
    with pytest.raises(Refusal):
        people.outage("sensor_x", START, STOP)
    with pytest.raises(ValueError, match="at least one second"):
        people.outage(HIVE, START, START)


def test_ranges() -> None:
    assert any_of([(5, 6), (0, 2), (1, 3), (3, 4)]) == [(0, 4), (5, 6)]
    assert all_of([[(0, 4), (5, 9)], [(2, 6)], [(1, 3), (5, 7)]]) == [(2, 3), (5, 6)]
    assert all_of([]) == []


def test_batteries_are_changed_in_time_but_for_one(people: People) -> None:
    from butlr_grafana.simulator.devices import health

    forgotten = "sensor_paris_1_library_heat"
    for day in range(0, 1500, 30):
        now_s = at("2025-01-01T00:00Z") + day * 86400
        for sensor in people.office.sensors:
            due = health(sensor, people, now_s).battery_change_by_date
            if due is not None and sensor.id != forgotten:
                assert 60 <= (at(due) - now_s) / 86400 <= 60 + 3 * 365
    due = {
        health(sensor, people, at(now)).battery_change_by_date
        for sensor in people.office.sensors
        for now in ("2025-01-01T00:00Z", "2029-01-01T00:00Z")
        if sensor.id == forgotten
    }
    assert due == {"2026-12-08T09:24:11.520809417Z"}
