"""Every number on every dashboard, reckoned anew from the simulator's people."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.dashboards.conftest import FOLDER, page
from tests.dashboards.grafana import Values, fill, shown, simpod_payload
from tests.dashboards.people import View
from tests.dashboards.reckoning import CHECKS
from tests.dashboards.test_queries import file, frames, start_values  # noqa: F401  # `file`: a fixture
from tests.support import NEW_YORK, PARIS, PARIS_2, World, at, know_rate

Json = dict[str, Any]

THREE = ["room_paris_1_kitchen", "room_paris_1_project_room", "room_paris_1_phone_booth_2"]

CHOICES = {
    "as it opens, over whole days": {},
    "working hours, in square feet": {
        "hours": "08:00-18:00",
        "days": "mon-fri",
        "area": "ft2",
        "normalize": "hour",
        "unit": "detections",
        "underused": "0.3",
        "least_capacity": "6",
    },
    "three rooms, one with a gap, one not drawn": {
        "room": THREE,
        "rooms": THREE,
        "normalize": "max",
        "resolution": "1.0",
    },
}


def requested(target: Json, values: Values) -> tuple[str, dict[str, str]]:
    """What a panel's query asks for: the target and its words."""
    if "infinity" in target["datasource"]["type"]:
        params = {p["key"]: fill(p["value"], values) for p in target["url_options"]["params"]}
        return target["url"].rpartition("/")[2], params
    return target["target"], simpod_payload(target["payload"], values)


def same(found: Any, expected: Any) -> bool:
    """Equal, numbers to nine digits; what is not known is not known."""
    if isinstance(expected, dict):
        return found.keys() == expected.keys() and all(same(found[k], v) for k, v in expected.items())
    if isinstance(expected, list):
        return len(found) == len(expected) and all(map(same, found, expected))
    if found is None or expected is None or isinstance(expected, str | set):
        return bool(found == expected)
    return bool(found == pytest.approx(expected, rel=1e-9, abs=1e-9))


RATES = {PARIS: 1.25, PARIS_2: 0.8, NEW_YORK: 2.0}
"""Detections a person and minute, as if they had been measured."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """It is only asked: what is fetched for one page the others have too."""
    world = World()
    for space, rate in RATES.items():
        know_rate(world, space, rate)
    yield world
    world.close()


@pytest.mark.parametrize("choice", CHOICES)
def test_numbers_are_those_of_the_people(dashboard: Json, world: World, choice: str) -> None:
    start = start_values(dashboard)
    values = start | {name: value for name, value in CHOICES[choice].items() if name in start}
    check_page(dashboard, world, values)


OFFLINE_NOW = "2026-06-14T12:02:30"
"""The sensor of Paris' Project room fails from 13 June for four days, by UTC; its door is counted."""


def test_a_room_that_is_offline_is_unknown_now_and_known_before(dashboard: Json, make_world: Any) -> None:
    """Not free: its doors alone say that nobody is there. Its past is per hour known, on every page."""
    world = make_world(now=OFFLINE_NOW)
    for space, rate in RATES.items():
        know_rate(world, space, rate)
    since, until = "2026-06-10T00:00:00Z", "2026-06-14T12:00:00Z"
    period = {"__from": str(at(since) * 1000), "__to": str(at(until) * 1000)}
    check_page(dashboard, world, start_values(dashboard) | period)


def test_the_page_of_sensors_is_right_while_a_hive_is_off(make_world: Any) -> None:
    """And a sensor of another floor, and the one that fails by itself; a battery is due."""
    world = make_world(now="2026-11-21T12:34:56")
    now_s = int(world.now_s)
    world.simulator.outage("hive_paris_2_1", now_s - 7200, now_s + 7200)
    world.simulator.outage("sensor_newyork_1_kitchen_heat", now_s - 600, now_s + 7200)
    dashboard = page(FOLDER / "butlr-sensors.json")
    check_page(dashboard, world, start_values(dashboard))
    check_page(dashboard, world, {**start_values(dashboard), "floors": PARIS_2})
    found = frames(world, dashboard["panels"][1]["targets"][0], start_values(dashboard))
    [states] = [field["values"] for field in found[0]["fields"] if field["name"] == "state"]
    assert {"offline", "hive offline", "online"} == set(states)


def check_page(dashboard: Json, world: World, values: Values) -> None:
    """Each number of each panel is that of the people, with these variables."""
    since_s, until_s = (int(str(values[edge])) // 1000 for edge in ("__from", "__to"))
    compared: dict[str, set[str]] = {}
    for panel in dashboard["panels"]:
        found = {target["refId"]: frames(world, target, values) for target in panel["targets"]}
        for target in panel["targets"]:
            name, params = requested(target, values)
            key = json.dumps([name, params], sort_keys=True)
            if key not in compared:
                view = View(params, since_s, until_s, int(world.now_s), RATES)
                compared[key] = set()
                for field, got, expected in CHECKS[name](found[target["refId"]], view):
                    assert same(got, expected), (panel["title"], field, got, expected)
                    compared[key].add(field)
            for frame in shown(panel, found[target["refId"]]):
                assert {field["name"] for field in frame["fields"]} <= compared[key], panel["title"]
    assert compared
