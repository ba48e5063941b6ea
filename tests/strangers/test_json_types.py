"""Every JSON type in every place of every JSON door: an answer, or a refusal in words; never a fault.

A good body is taken, and one place in it after another holds something else.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.targets.registry import TARGETS
from tests.strangers.routes import HOUR
from tests.strangers.test_bad_inputs import ERROR, anything, made_up
from tests.support import NEW_YORK, PARIS, World

Place = tuple[str | int, ...]

GOOD_WORDS: dict[str, Any] = {
    "space": [PARIS],
    "from": HOUR["from"],
    "to": HOUR["to"],
    "resolution": 1.0,
    "columns": 50,
    "normalize": "none",
    "hours": "08:00-18:00",
    "days": ["mon", "wed"],
    "tz": "Europe/Paris",
    "holidays": "in",
    "room": ["Kitchen"],
    "tag": "All",
    "type": ["kitchen"],
    "least_capacity": 6,
    "require": "any",
    "max_age": "5m",
    "for": "viewer",
    "baseline": "previous",
    "threshold": "p95",
    "release": 1,
    "window": "10m",
    "area": "m2",
    "by": "building",
    "underused": 0.1,
    "metric": "occupancy",
    "every": "auto",
    "statistic": "mean",
    "unit": "auto",
    "empty": "omit",
    "kind": "sensor",
    "only": "all",
    "level": "room",
    "width": 300,
    "theme": "dark",
    "style": "opacity",
    "bom": "1",
}
PANEL = {
    k: v for k, v in GOOD_WORDS.items() if k not in ("from", "to", "width", "theme", "style", "bom", "for")
}
BODIES: dict[str, Any] = {
    "/query": {
        "range": dict(HOUR),
        "maxDataPoints": 500,
        "intervalMs": 1000,
        "targets": [
            {"refId": "A", "target": "hot-zones", "payload": PANEL, "hide": False},
            {"refId": "B", "target": "spaces", "payload": '{"space": "all"}', "datasource": {"uid": "x"}},
        ],
        "adhocFilters": [
            {"key": "room", "operator": "=", "value": "Kitchen", "values": ["Kitchen"], "condition": ""}
        ],
        "scopedVars": {"space": {"text": "x", "value": PARIS}},
    },
    "/variable": {"payload": {"target": "rooms", "space": [PARIS, NEW_YORK], "building": ["building_paris"]}},
    "/metric-payload-options": {"metric": "heatmap", "name": "room", "payload": {"space": [PARIS]}},
    "/tag-values": {"key": "room", "timeRange": dict(HOUR)},
    "/tag-keys": {"filters": [{"key": "room"}]},
    "/metrics": {"metric": "heatmap", "payload": {"space": [PARIS]}},
    "/search": {"target": "x"},
    "/annotations": {
        "range": dict(HOUR),
        "annotation": {"query": {"space": [PARIS]}},
        "payload": {"space": PARIS},
    },
}

DEEP = "a list of lists, as deep as JSON may be"
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1e308, 2**63, -(2**63)),
    *("", "x", "All", "\u0000", "{}", "[]", "null", "(|)", "{,}", "\\", "\U0001f680", PARIS),
    *([], [None], [[]], [{}], [1], ["x"], [True], ["", None], {}, {"a": None}, {"payload": {"payload": []}}),
    DEEP,
)
LAID: Counter[str] = Counter()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def places(body: Any, at: Place = ()) -> Iterator[Place]:
    """The body itself, and all that is in it."""
    yield at
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for key, value in items:
        yield from places(value, (*at, key))


def with_value(body: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(body)
    inner = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed


def written(body: Any) -> bytes:
    return orjson.dumps(body).replace(orjson.dumps(DEEP), b"[" * 900 + b"]" * 900)


def check(response: TestResponse, what: object) -> None:
    document = orjson.loads(response.get_data())
    assert response.status_code in (200, 400, 404), (what, response.get_data(as_text=True)[:300])
    if response.status_code != 200:
        ERROR.validate(document)
        assert document["error"]["source"] == "caller", (what, document)


def test_the_bodies_are_good(world: World) -> None:
    for path, body in BODIES.items():
        response = world.http.post(path, json=body)
        assert response.status_code == 200, (path, response.get_data(as_text=True))
    assert GOOD_WORDS.keys() == PARAMETERS.keys() - {"format"}


@pytest.mark.parametrize("path", BODIES)
def test_each_type_in_each_place(world: World, path: str) -> None:
    body = BODIES[path]
    for place in places(body):
        for value in VALUES:
            changed = with_value(body, place, value)
            check(world.http.post(path, data=written(changed)), (place, str(value)[:60]))
            LAID[path] += 1


@pytest.mark.parametrize("target", TARGETS)
def test_each_type_as_each_parameter_of_a_target(world: World, target: str) -> None:
    params = {name: GOOD_WORDS[name] for name in TARGETS[target].parameters if name != "format"}
    form = "rows" if "rows" in TARGETS[target].formats else "geojson"
    for word in ("format", "refId", *params):
        for value in VALUES:
            body = {**params, "format": form, word: value}
            check(world.http.post(f"/api/v1/{target}", data=written(body)), (word, str(value)[:60]))
            LAID["/api/v1"] += 1


@pytest.mark.parametrize("path", BODIES)
def test_anything_in_any_place(world: World, path: str) -> None:
    @made_up(150)
    @given(st.sampled_from(list(places(BODIES[path]))), anything)
    def tried(place: Place, value: Any) -> None:
        check(world.http.post(path, data=written(with_value(BODIES[path], place, value))), (place, value))

    tried()


def test_the_route_that_broke_first(world: World) -> None:
    """No floor is chosen: the rooms of all are offered."""
    body = {"metric": "heatmap", "name": "room", "payload": {"space": [None]}}
    everywhere = world.http.post("/metric-payload-options", json=body)
    assert everywhere.status_code == 200
    rooms = {room.id for floor in world.simulator.people.office.floors for room in floor.rooms}
    assert {option["value"] for option in everywhere.get_json()} == rooms


def test_there_were_enough_of_them() -> None:
    assert set(LAID) == {*BODIES, "/api/v1"}
    assert sum(LAID.values()) > 8_000
