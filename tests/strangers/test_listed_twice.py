"""No two rows of an answer have the same labels, whatever Butlr lists twice.

Grafana refuses a rule whose series repeat their labels, and with *KeepLast* nobody notices; a table counts a
room twice. So every target in every format, and every list of choices, is asked for over topologies in which
sites, buildings, floors, rooms, zones, sensors and hives are listed more than once.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

import orjson
import pytest

from butlr_grafana.query.parameters import METRICS
from butlr_grafana.targets.registry import TARGETS
from tests.alerting.grafana import request, rules, step
from tests.strangers.tangles import KINDS, WAYS, lists_of, tangle, tangling
from tests.support import GRAPHQL, NEW_YORK, PARIS, World, replace_endpoint

Row = dict[str, Any]

NOW = "2026-06-17T12:34:56"
HOUR = {"from": "2026-06-17T11:34:00Z", "to": "2026-06-17T12:34:00Z"}
SEEDS = range(2 * len(WAYS))
"""Each kind in each way at least twice."""

ROOM, ZONE, FLOOR = ("room_id",), ("zone_id",), ("space",)
OF_ALL = ("outside", "small-rooms")
"""Each floor has one of its own."""

IDENTITY: dict[str, tuple[str, ...]] = {
    "heatmap": ("x", "y"),
    "heatmap-summary": FLOOR,
    "compare": ("x", "y"),
    "compare-zones": ZONE,
    "hot-zones": ZONE,
    "hotspots": ("x", "y"),
    "occupancy": ("time",),
    "traffic": ("time",),
    "presence": ("time",),
    "occupancy-now": (),
    "free-rooms": ROOM,
    "floors-now": FLOOR,
    "totals": ("building_id",),
    "unusual": (),
    "balance": (),
    "utilization": ROOM,
    "compare-utilization": ROOM,
    "pattern": ("asset_id", "field", "weekday", "hour"),
    "playback": ("time", "x", "y"),
    "events": ("time", "level", "zone_id", "threshold", "release", "window_s"),
    "freshness": FLOOR,
    "status": ("source",),
    "devices": (),
    "room-types": ("type",),
    "spaces": ("level", "id"),
}
"""What tells the rows of a target apart; of those without an asset's id here, by level, the asset's too. A
room is on one floor: so its id alone has to do, over all floors.
"""


@pytest.fixture(scope="module", params=SEEDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(NOW, min_capacity=2)
    replace_endpoint(world, GRAPHQL, tangling(request.param))
    world.restart()
    assert world.http.get("/readyz").status_code == 200
    yield world
    world.close()


def repeated(things: Iterable[Hashable]) -> list[Hashable]:
    return [thing for thing, times in Counter(things).items() if times > 1]


def identity(target: str, level: str, row: Row) -> tuple[Any, ...]:
    names = IDENTITY[target]
    if target in ("occupancy", "traffic", "presence", "occupancy-now", "unusual", "balance"):
        names = (*names, "space" if level == "floor" else f"{level}_id")
    if target == "devices":
        names = ("space",) if level == "floor" else ("space", f"{level or 'device'}_id")
    own = tuple(row[name] for name in names)
    if target == "room-types":
        return own
    return (row["space"], *own) if set(own) & set(OF_ALL) else own


def api_requests(target: str) -> Iterator[dict[str, str]]:
    """Every format, level and metric that a target takes; on all floors where it takes several."""
    spec = TARGETS[target]
    choices: dict[str, Sequence[str]] = {"format": [f for f in spec.formats if f not in ("png", "webp")]}
    if "level" in spec.parameters:
        # Without a level `devices` has a row a device.
        choices["level"] = ("room", "zone", "floor", *([""] if target == "devices" else []))
    if "metric" in spec.parameters:
        choices["metric"] = METRICS
    if "space" in spec.parameters:
        choices["space"] = (
            ("all", f"{NEW_YORK},{PARIS},{NEW_YORK}") if spec.many_floors else (PARIS, NEW_YORK)
        )
    if "from" in spec.parameters:
        choices |= {name: (value,) for name, value in HOUR.items()}
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def table(frame: Row) -> list[Row]:
    names = [field["name"] for field in frame["fields"]]
    return [
        dict(zip(names, values, strict=True))
        for values in zip(*(field["values"] for field in frame["fields"]), strict=True)
    ]


IN_FILES = {"space": "floor_id", "time": "time_utc", "x": "x_m", "y": "y_m", "window_s": "window_minutes"}


def by_raw_names(level: str, row: Row) -> Row:
    """A line of a file with the names that rows have; a room is called so there, whatever the target."""
    asset = {} if level == "zone" else {"zone_id": f"{level}_id"}
    return row | {
        raw: row[own] for raw, own in {**IN_FILES, **asset}.items() if own in row and raw not in row
    }


def row_keys(target: str, params: dict[str, str], response: Any) -> list[Hashable]:
    """What tells the rows, or series, of an answer apart; one each."""
    level = params.get("level", "room")
    match params["format"]:
        case "geojson":
            return [feature["id"] for feature in response.get_json()["features"]]
        case "matrix":
            return [row["#x"] for row in response.get_json()]
        case "csv" if target == "heatmap":
            return [tuple(line[:2]) for line in csv.reader(io.StringIO(response.text))]
        case "csv":
            rows = [by_raw_names(level, row) for row in csv.DictReader(io.StringIO(response.text))]
        case "frames" if target in ("occupancy", "traffic", "presence"):
            return [
                (field["name"], *sorted(field["labels"].items()))
                for frame in response.get_json()
                for field in frame["fields"]
                if field["type"] == "number"
            ]
        case "frames":
            [frame] = response.get_json()
            rows = table(frame)
        case _:
            rows = response.get_json()
    return [identity(target, level, row) for row in rows]


@pytest.mark.parametrize("target", TARGETS)
def test_no_two_rows_of_an_answer_have_the_same_labels(world: World, target: str) -> None:
    if target == "events":
        request_hot_zones(world)
    answered = 0
    for params in api_requests(target):
        response = world.http.get(f"/api/v1/{target}", query_string=params)
        if response.status_code == 400:
            continue  # a level or metric that this target has not
        assert response.status_code == 200, (params, response.text)
        found = row_keys(target, params, response)
        assert repeated(found) == [], params
        answered += bool(found)
    assert answered


def request_hot_zones(world: World) -> None:
    """As several rules would, so that events are recorded that differ in little."""
    start = {"10": "12:23", "20": "12:13"}
    for level, minutes, release in itertools.product(("room", "zone", "floor"), start, ("0.01", "0.02")):
        params = {
            **{
                "space": "all",
                "level": level,
                "require": "complete",
                "threshold": "0.05",
                "release": release,
            },
            **{"from": f"2026-06-17T{start[minutes]}:00Z", "to": "2026-06-17T12:33:00Z", "format": "rows"},
        }
        response = world.http.get("/api/v1/hot-zones", query_string=params)
        assert response.status_code == 200, response.text


@pytest.mark.parametrize("uid", sorted(rules()))
def test_no_two_series_of_a_rule_have_the_same_labels(world: World, uid: str) -> None:
    rule = rules()[uid]
    query = step(rule, "A")
    labels = [column["selector"] for column in query["model"]["columns"] if column["type"] == "string"]
    response = world.http.get(request(query, world.now_s))
    assert response.status_code == 200, response.text
    rows = response.get_json()
    assert rows
    assert repeated(tuple(row[name] for name in labels) for row in rows) == []


@pytest.mark.parametrize("target", ["buildings", "floors", "rooms", "zones"])
def test_no_choice_of_a_variable_is_offered_twice(world: World, target: str) -> None:
    for more in ({}, {"space": PARIS}, {"space": NEW_YORK}):
        response = world.http.post("/variable", json={"payload": {"target": target, **more}})
        assert response.status_code == 200, response.text
        values = [choice["__value"] for choice in response.get_json()]
        assert values or more, "of a single floor all rooms may be too small to be told of"
        assert repeated(values) == []


def test_no_choice_of_a_filter_or_an_editor_is_offered_twice(world: World) -> None:
    for key in ("room", "tag"):
        texts = [choice["text"] for choice in world.http.post("/tag-values", json={"key": key}).get_json()]
        assert texts
        assert repeated(texts) == []
    for name, payload in itertools.product(("space", "room", "tag"), ({}, {"space": PARIS})):
        body = {"name": name, "payload": payload}
        values = [o["value"] for o in world.http.post("/metric-payload-options", json=body).get_json()]
        assert values
        assert repeated(values) == []


def test_nothing_is_marked_twice(world: World) -> None:
    request_hot_zones(world)
    for space in (PARIS, NEW_YORK):
        body = {"range": HOUR, "annotation": {"query": {"target": "heatmap", "space": space}}}
        response = world.http.post("/annotations", json=body)
        assert response.status_code == 200, response.text
        assert repeated(orjson.dumps(mark) for mark in response.get_json()) == []


def test_everything_is_listed_twice_in_every_way() -> None:
    """Else the tests above could not fail."""
    floor = {"id": "f", "rooms": [{"id": "r", "name": "R"}], "zones": [{"id": "z", "name": "Z"}]}
    done = set()
    for seed in SEEDS:
        site = {"id": "s", "buildings": [{"id": "b", "floors": [floor, {**floor, "id": "g"}]}]}
        data = {
            "sites": {"data": [site]},
            "sensors": {"data": [{"id": "1", "is_online": True}]},
            "hives": {"data": [{"id": "h"}]},
        }
        data = orjson.loads(orjson.dumps(data))
        for text in tangle(data, seed):
            kind, _, way = text.split(" ", 2)
            done.add((kind, way))
        for kind in KINDS:
            ids = [thing["id"].removesuffix("-2") for found in lists_of(data, kind) for thing in found]
            assert repeated(ids), (seed, kind)
    assert done == set(itertools.product(KINDS, WAYS))
