"""What *New alert rule* in a panel's menu begins with: Grafana takes all of a panel's queries, hidden ones
too, has its first expression read the query A, and puts the page's variables in (12.3, `rule-form.ts`).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.dashboards.conftest import FILES, page
from tests.dashboards.grafana import infinity_request, references
from tests.dashboards.test_queries import start_values
from tests.support import PEOPLE, World, at

Json = dict[str, Any]

ALERTABLE = {
    ("butlr-floor", "Now"),
    ("butlr-floor", "People in rooms now"),
    ("butlr-floor", "People over time"),
    ("butlr-portfolio", "Floors now"),
    ("butlr-portfolio", "People by floor"),
}
"""Panels that tell how many people are somewhere now: what people would be told of."""

FOUND = {
    (path.stem, panel["title"]): panel
    for path in FILES
    for panel in json.loads(path.read_text("utf-8"))["panels"]
    if any(target.get("hide") for target in panel["targets"])
}


def hidden(panel: Json) -> Json:
    [query] = [target for target in panel["targets"] if target.get("hide")]
    found: Json = query
    return found


def rows(world: World, uid: str, query: Json, room: str = "All") -> list[Json]:
    [path] = [path for path in FILES if path.stem == uid]
    response = world.http.get(infinity_request(query, start_values(page(path)) | {"room": room}))
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[Json] = response.get_json()
    return found


def columns(query: Json, kind: str) -> list[str]:
    return [column["selector"] for column in query["columns"] if column["type"] == kind]


def test_panels_of_people_can_be_alerted_on() -> None:
    assert set(FOUND) == ALERTABLE


@pytest.mark.parametrize("panel", FOUND.values(), ids=[title for _, title in FOUND])
def test_the_query_for_rules_is_what_grafanas_server_can_ask(panel: Json) -> None:
    query = hidden(panel)
    # Its first expression reads A, whatever else is there.
    assert (query["refId"], panel["targets"][0]) == ("A", query)
    assert (query["parser"], query["format"]) == ("backend", "table")
    assert len(columns(query, "number")) == 1
    # What a panel shows stays as it comes, with its warnings and the demo's marker.
    for shown in panel["targets"][1:]:
        assert (shown["parser"], shown["format"]) == ("simple", "as-is")
        requested = {word["key"]: word["value"] for word in shown["url_options"]["params"]}
        assert requested["refId"] == shown["refId"] != "A"


@pytest.mark.parametrize("panel", FOUND.values(), ids=[title for _, title in FOUND])
def test_no_time_of_the_page_is_written_into_a_rule(panel: Json) -> None:
    assert not {name for name in references(hidden(panel)) if name.startswith("__")}


@pytest.mark.parametrize("key", FOUND, ids=[title for _, title in FOUND])
def test_each_place_is_an_alert_of_its_own(key: tuple[str, str], world: World) -> None:
    query = hidden(FOUND[key])
    found = rows(world, key[0], query)
    [number] = columns(query, "number")
    labels = [tuple(row[name] for name in columns(query, "string")) for row in found]
    assert len(set(labels)) == len(labels) > 0
    assert all(isinstance(text, str) for row in labels for text in row)
    assert all(row[number] is None or isinstance(row[number], int | float) for row in found)
    assert any(row[number] is not None for row in found)


def test_the_room_that_a_page_shows_is_the_one_that_rings(world: World) -> None:
    query = hidden(FOUND["butlr-floor", "People in rooms now"])
    [row] = rows(world, "butlr-floor", query, room="room_paris_1_kitchen")
    rooms = [room.id for room in PEOPLE.office.by_id["space_paris_1"].rooms]
    # Butlr's newest minute is one behind.
    minute = at("2026-06-17T12:34:00") - 60
    there = PEOPLE.occupancy("space_paris_1", rooms.index("room_paris_1_kitchen"), minute - 60, minute)
    assert (row["room_id"], row["people"]) == ("room_paris_1_kitchen", int(there[0]))
