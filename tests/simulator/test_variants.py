"""Offices as other accounts have them: what is odd about each, seen from outside."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Forms, People, Simulator, default_office
from butlr_grafana.simulator.variants import (
    PUNE,
    PUNE_DOORS,
    SOMEWHERE,
    varied_office,
    with_floor,
    with_opaque_ids,
    with_site_zone,
)
from butlr_grafana.simulator.world import Office
from tests.support import HANG_S

RATES = {"space_paris_1": 60, "space_paris_2": 110, "space_newyork_1": 180, PUNE: 110, SOMEWHERE: 180}
FLOORS = """{ sites { data { timezone buildings { floors { id timezone tags { id } rooms { id tags { id } }
  zones { id } sensors { id mode mac_address is_entrance room_id } hives { id } } } } } }"""
Report = Callable[..., Any]


@pytest.fixture(scope="module")
def people() -> People:
    """In place of the shipped office's."""
    return People(varied_office())


@pytest.fixture
def floors(client: requests.Session, simulator: Simulator) -> dict[str, Any]:
    response = client.post(f"{simulator.url}/api/v3/graphql", json={"query": FLOORS}, timeout=HANG_S).json()
    return {
        floor["id"]: {**floor, "site": site}
        for site in response["data"]["sites"]["data"]
        for building in site["buildings"]
        for floor in building["floors"]
    }


def heat(client: requests.Session, simulator: Simulator, space: str, start: str, stop: str) -> int:
    body = {
        "data_types": ["heatmap_v2"],
        "filter": {"space_id": space, "start": start, "stop": stop, "omit_empty_value": True},
        "window": {"heatmap_v2_options": {"grid_resolution": 0.5, "heatmap_type": "occupancy"}},
    }
    response = client.post(f"{simulator.url}/v3/detections", json=body, timeout=HANG_S).json()
    total: int = response["data"][0]["heatmap_v2"]["metadata"]["total_detections"]
    return total


@pytest.mark.parametrize("space", RATES)
def test_heat_is_the_floors_rate_times_the_minutes_of_its_people(
    client: requests.Session, simulator: Simulator, report: Report, space: str
) -> None:
    """What a person gives a minute can be measured from two answers, within a tenth even by rooms alone."""
    zone = simulator.people.office.by_id[space].zone_info
    start, stop = (dt.datetime(2025, 6, 10, hour, tzinfo=zone).isoformat() for hour in (10, 14))
    params = {"every": "1m", "function": "median", "start": start, "stop": stop}
    floor, rooms = (
        sum(row["value"] for row in report(f"{level}_occupancy", spaces=[space], **params)["data"])
        for level in ("floor", "room")
    )
    found = heat(client, simulator, space, params["start"], params["stop"])
    assert found / floor == RATES[space] == simulator.rate(space)
    assert found / rooms == pytest.approx(RATES[space], rel=0.1)
    assert found / rooms != RATES[space], "some are outside rooms"
    assert floor > 60


def test_a_floor_with_doors_only_has_no_heat(
    client: requests.Session, simulator: Simulator, report: Report, people: People, floors: dict[str, Any]
) -> None:
    params = {"start": "2025-06-09T18:30:00Z", "stop": "2025-06-10T18:30:00Z", "spaces": [PUNE_DOORS]}
    assert {sensor["mode"] for sensor in floors[PUNE_DOORS]["sensors"]} == {"traffic"}
    assert heat(client, simulator, PUNE_DOORS, params["start"], params["stop"]) == 0
    for name in (
        "floor_occupancy",
        "room_occupancy",
        "zone_occupancy",
        "presence",
        "floor_presence_time_secs",
    ):
        assert report(name, **params)["data"] == []
    assert sum(row["value"] for row in report("traffic", function="sum", **params)["data"]) > 50
    params["timezone"] = "Asia/Kolkata"
    by_doors = report("traffic_floor_occupancy", function="max", calibrated="true", **params)["data"]
    assert max(row["value"] for row in by_doors) > 5
    assert len(people.detections(PUNE_DOORS, 1749600000, 1749686400)[0]) == 0


def test_where_the_zone_comes_from(floors: dict[str, Any]) -> None:
    assert {space: (floor["site"]["timezone"], floor["timezone"]) for space, floor in floors.items()} == {
        "space_paris_1": ("Europe/Paris", None),
        "space_paris_2": ("Europe/Paris", None),
        "space_newyork_1": (None, "America/New_York"),
        PUNE: ("Asia/Kolkata", None),
        PUNE_DOORS: ("Asia/Kolkata", "India Standard Time"),
        SOMEWHERE: (None, None),
    }


def test_lists_are_null_and_rooms_listed_twice(floors: dict[str, Any]) -> None:
    pune = floors[PUNE]
    assert (pune["zones"], pune["tags"]) == (None, None)
    assert any(room["tags"] is None for room in pune["rooms"])
    listed = Counter(room["id"] for room in pune["rooms"])
    assert Counter(listed.values()) == {1: 12, 2: 2}
    assert floors["space_paris_2"]["tags"] == []


def test_an_entrance_and_its_clone_are_of_one_floor(floors: dict[str, Any], report: Report) -> None:
    """Who adds up all sensors of the entrance counts it twice."""
    entrances = [one for one in floors[PUNE]["sensors"] if one["is_entrance"]]
    tails = {one["mac_address"][5:] for one in entrances}
    assert (len(entrances), len(tails), len({one["room_id"] for one in entrances})) == (2, 1, 2)
    rows = report("traffic", function="sum", spaces=[PUNE])["data"]
    one, other = (sum(row["value"] for row in rows if row["sensor_id"] == x["id"]) for x in entrances)
    assert one == other > 20


def test_one_sensor_is_no_device(floors: dict[str, Any]) -> None:
    assert [one["id"] for one in floors[PUNE]["sensors"] if not one["mac_address"]] == ["sensor_pune_1_blank"]


def test_devices_of_a_copied_floor_are_its_own() -> None:
    office = varied_office()
    macs = [sensor.mac_address for sensor in office.sensors]
    assert len(macs) == len(set(macs))
    for floor in office.floors:
        own = {sensor.id: sensor for sensor in floor.sensors}
        for sensor in floor.sensors:
            assert sensor.floor_id == floor.id
            if sensor.twin_id in own:
                assert own[sensor.twin_id].mac_address[-17:] == sensor.mac_address[-17:]
    ids = [one.id for floor in office.floors for one in (floor, *floor.placed, *floor.sensors, *floor.hives)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("tails", "pattern"),
    [
        ("letters27", "[0-9A-Za-z]{27}"),
        ("lower24", "[0-9a-z]{24}"),
        ("uuid", "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    ],
)
def test_ids_may_tell_nothing(tails: Any, pattern: str) -> None:
    office = with_opaque_ids(varied_office(), tails)
    assert shape(office) == shape(varied_office())
    for floor in office.floors:
        rooms, sensors = {room.id for room in floor.rooms}, {one.id for one in floor.sensors}
        for one in (floor, *floor.placed, *floor.sensors, *floor.hives):
            assert re.fullmatch(f"(space|room|zone|sensor|hive)_{pattern}", one.id)
        assert set(floor.listed_twice) <= rooms
        assert {sensor.room_id for sensor in floor.sensors} <= rooms | {None}
        if not floor.doors_only:
            assert {sensor.twin_id for sensor in floor.sensors} <= sensors | {None}
    assert re.fullmatch(f"org_{pattern}", office.org_id)


def shape(office: Office) -> list[Any]:
    return [
        (
            site.name,
            building.name,
            floor.name,
            [(one.name, one.tags) for one in floor.placed],
            len(floor.sensors),
        )
        for site in office.sites
        for building in site.buildings
        for floor in building.floors
    ]


def test_one_floor_or_site_can_be_changed() -> None:
    office = with_floor(default_office(), "space_paris_1", lambda floor: replace(floor, name="X"))
    assert [floor.name for floor in office.floors] == ["X", "Paris, 2nd floor", "New York, ground floor"]
    office = with_site_zone(office, "site_paris", "Middle Earth")
    assert [site.timezone for site in office.sites] == ["Middle Earth", None]


def test_rates_can_be_turned_all_at_once(client: requests.Session, simulator: Simulator) -> None:
    hour = ("2025-06-10T08:00:00Z", "2025-06-10T09:00:00Z")
    before = heat(client, simulator, "space_paris_1", *hour)
    simulator.forms = Forms(detections_per_minute=1)
    assert heat(client, simulator, "space_paris_1", *hour) * 60 == before
