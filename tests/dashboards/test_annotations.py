"""What the pages mark on their panels over time: hot zones, as the alert rule saw them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.alerting.grafana import Watcher, rules
from tests.dashboards.grafana import Values, infinity_request
from tests.dashboards.test_queries import frames, start_values
from tests.support import PARIS, PARIS_2, PER_PERSON, World, at, know_rate

Json = dict[str, Any]

BEGAN, ENDED = at("2026-06-17T09:00"), at("2026-06-17T09:30")
KITCHEN = "room_paris_1_kitchen"
LOOKS_S = 300
PAGES = ["butlr-floor", "butlr-floor-json"]


@pytest.fixture
def watched(world: World) -> World:
    """A world in which the rule for hot zones has looked at a crowd that came and went."""
    world.now_s = BEGAN + 20
    know_rate(world, PARIS, PER_PERSON)
    world.simulator.crowd(PARIS, KITCHEN, 100, BEGAN, ENDED)
    Watcher(rules()["butlr-hot-zone"]).run(world, 60)
    world.simulator.clear_crowds()
    world.now_s = at("2026-06-17T12:34:56")
    return world


def marks_of(page: Json) -> Json:
    [marks] = page["annotations"]["list"]
    found: Json = marks
    return found


def marked(world: World, page: Json, **values: Any) -> list[Json]:
    """What Grafana marks: the columns that are called as the page's mapping says, row by row."""
    marks = marks_of(page)
    rows = rows_of(world, marks["target"], {**start_values(page), **values})
    return [{part: row[of["value"]] for part, of in marks["mappings"].items()} for row in rows]


def rows_of(world: World, target: Json, values: Values) -> list[Json]:
    """By column: Infinity's table, made by Grafana's server, or a frame's fields by their titles; times in
    milliseconds.
    """
    if "infinity" in target["datasource"]["type"]:
        # Frames that its browser's parser hands on have no length, and Grafana marks nothing of them.
        assert (target["parser"], target["format"]) == ("backend", "table")
        found = world.http.get(infinity_request(target, values)).get_json()
        return [{c["text"]: cell(row[c["selector"]], c["type"]) for c in target["columns"]} for row in found]
    [frame] = frames(world, target, values)
    columns = {field["config"]["displayName"]: field["values"] for field in frame["fields"]}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def cell(value: str, kind: str) -> str | int:
    return at(value) * 1000 if kind == "timestamp" else value


@pytest.mark.parametrize("page", PAGES)
def test_a_zone_that_was_hot_is_marked_on_its_floor(folder: Path, watched: World, page: str) -> None:
    document = json.loads((folder / f"{page}.json").read_text("utf-8"))
    [mark] = marked(watched, document)
    # Ten minutes' mean, looked at every five.
    assert BEGAN < mark["time"] / 1000 <= BEGAN + 600 + LOOKS_S
    assert ENDED < mark["timeEnd"] / 1000 <= ENDED + 600 + LOOKS_S
    assert "Kitchen (Paris, 1st floor) was hot" in mark["text"]
    assert mark["tags"].split(",") == ["butlr", "hot"]
    assert marked(watched, document, room=[KITCHEN]) == [mark]
    assert marked(watched, document, room=["room_paris_1_library"]) == []
    assert marked(watched, document, space=PARIS_2) == []


@pytest.mark.parametrize("page", PAGES)
def test_marks_cost_butlr_nothing(folder: Path, watched: World, page: str) -> None:
    document = json.loads((folder / f"{page}.json").read_text("utf-8"))
    watched.simulator.clear_calls()
    assert marked(watched, document)
    assert watched.simulator.calls == []


def test_marks_stand_where_time_is_an_axis_and_nowhere_else(dashboard: Json) -> None:
    over_time = {panel["id"] for panel in dashboard["panels"] if panel["type"] == "timeseries"}
    for marks in dashboard["annotations"]["list"]:
        assert marks["enable"]
        assert marks["filter"]["exclude"] is False
        assert set(marks["filter"]["ids"]) == over_time
        assert over_time
