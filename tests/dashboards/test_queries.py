"""Every query of every dashboard, as Grafana would send it, against the backend and its simulator."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, product
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image

from tests.dashboards.conftest import ASKING
from tests.dashboards.grafana import Values, drawn, file_links, fill, infinity_request, shown, simpod_payload
from tests.support import NEW_YORK, PARIS, PARIS_2, PEOPLE, World, at, know_rate

FLOORS = (PARIS, PARIS_2, NEW_YORK)
Json = dict[str, Any]

START, END = "2026-06-10T00:00:00Z", "2026-06-17T12:00:00Z"
ALL_ROOMS = ALL_TYPES = "All"
NO_LIMIT = {"hours": "00:00-24:00", "days": "mon-sun"}


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """It is only asked: what is fetched for one page the others have too.

    It knows what a person gives from the beginning, for else it learns that from what it is asked.
    """
    world = World()
    for space in FLOORS:
        know_rate(world, space, 1.0)
    yield world
    world.close()


@pytest.fixture(params=ASKING, ids=lambda path: path.stem)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def options(variable: Json) -> list[str]:
    """The values of a `custom` variable, as Grafana reads its `text : value, …`."""
    pieces = re.findall(r"(?:\\,|[^,])+", variable["query"])
    found = [re.fullmatch(r"\s*(.+)\s:\s(.+)", piece) for piece in pieces]
    return [match[2].strip() for match in found if match]


def start_values(dashboard: Json) -> dict[str, str | list[str]]:
    """What the variables are when nobody has touched them, on a floor in Paris."""
    values: dict[str, str | list[str]] = {
        "space": PARIS,
        "floors": "all",
        "rooms": ALL_ROOMS,
        "room": ALL_ROOMS,
        "type": ALL_TYPES,
    }
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "custom" and variable["query"]:
            values[variable["name"]] = options(variable)[0]
        if variable["type"] == "datasource":
            values[variable["name"]] = variable["current"]["value"]
    # Whatever hours a page begins with: the numbers below are of whole days.
    values |= {name: choice for name, choice in NO_LIMIT.items() if name in values}
    return values | {"__from": str(at(START) * 1000), "__to": str(at(END) * 1000)}


def frames(world: World, target: Json, values: Values) -> list[Json]:
    """The frames that a panel's query is answered with."""
    if "infinity" in target["datasource"]["type"]:
        assert (target["parser"], target["format"]) == ("simple", "as-is")
        response = world.http.get(infinity_request(target, values))
    else:
        payload = simpod_payload(target["payload"], values)
        query = {"refId": target["refId"], "target": target["target"], "payload": payload}
        since, until = (
            datetime.fromtimestamp(int(str(values[edge])) / 1000, UTC) for edge in ("__from", "__to")
        )
        requested_range = {"from": since.isoformat(), "to": until.isoformat()}
        body = {"range": requested_range, "maxDataPoints": 800, "targets": [query]}
        response = world.http.post("/query", json=body)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[Json] = response.get_json()
    return found


def choices(world: World, variable: Json, values: Values) -> list[tuple[str, str]]:
    """The texts and values of a `query` variable."""
    query = variable["query"]
    if "infinity" in variable["datasource"]["type"]:
        requested = query["infinityQuery"]
        rows = world.http.get(infinity_request(requested, values)).get_json()
        columns = {c["text"]: c["selector"] for c in requested["columns"]}
        return [(row[columns["__text"]], row[columns["__value"]]) for row in rows]
    payload = simpod_payload(query["query"], values)
    rows = world.http.post("/variable", json={"payload": payload}).get_json()
    return [(row["__text"], row["__value"]) for row in rows]


def targets(dashboard: Json) -> list[Json]:
    return list(chain.from_iterable(panel["targets"] for panel in dashboard["panels"]))


def answered(world: World, panel: Json, values: Values) -> list[Json]:
    """What a panel gets to draw, all its queries together."""
    found = [frame for target in panel["targets"] for frame in frames(world, target, values)]
    return shown(panel, found)


def by_name(dashboard: Json, name: str) -> Json:
    [variable] = (v for v in dashboard["templating"]["list"] if v["name"] == name)
    found: Json = variable
    return found


def test_no_panel_is_empty(dashboard: Json, make_world: Callable[..., World]) -> None:
    world = make_world()
    for space in FLOORS:
        know_rate(world, space, 1.0)
    # The page of sensors has rows of what is at fault.
    for space in FLOORS:
        key, now_s = space.removeprefix("space_"), int(world.now_s)
        world.simulator.outage(f"hive_{key}_1", now_s - 60, now_s + 60)
    values = start_values(dashboard)
    for panel in dashboard["panels"]:
        found = answered(world, panel, values)
        assert found or panel["type"] == "text"
        for frame in found:
            assert frame["fields"]
            for field in frame["fields"]:
                assert any(value is not None for value in field["values"]), (panel["title"], field["name"])


def test_every_number_has_a_title_and_a_unit(dashboard: Json, world: World) -> None:
    """From the backend's frame or from the panel."""
    values = start_values(dashboard)
    for panel in dashboard["panels"]:
        text = {
            o["matcher"]["options"]: {p["id"] for p in o["properties"]}
            for o in panel["fieldConfig"]["overrides"]
        }
        for field in chain.from_iterable(f["fields"] for f in answered(world, panel, values)):
            own = text.get(field["name"], set())
            if "custom.hideFrom" in own or field["name"] in ("time", "x", "y") or panel["type"] == "geomap":
                continue
            config = field["config"]
            # Grafana would write seconds, and the year.
            assert field["type"] != "time" or "unit" in own, (panel["title"], field["name"])
            assert config.get("displayName") or config.get("displayNameFromDS"), field["name"]
            if field["type"] == "number":
                counts = {"rank", "capacity", "complete", "underused", "weekday", "hour"}
                assert config.get("unit") or "unit" in own or field["name"] in counts, field["name"]


def test_the_heat_map_is_what_the_panel_draws(dashboard: Json, make_world: Callable[..., World]) -> None:
    world = make_world()
    for panel in (p for p in dashboard["panels"] if p["type"] == "heatmap"):
        [frame] = answered(world, panel, start_values(dashboard))
        assert frame["meta"]["type"] == "heatmap-cells"
        x, y, value = frame["fields"]
        assert (x["name"], y["name"], value["type"]) == ("x", "y", "number")
        assert value["config"]["unit"]
        assert len(x["values"]) == len(set(x["values"])) * len(set(y["values"]))


def test_fields_that_a_panel_formats_are_in_the_answer(dashboard: Json, world: World) -> None:
    """A figure whose field is renamed in the backend would vanish without a word."""
    start = start_values(dashboard)
    # Some are there with one unit only.
    units = ({"area": "m2"}, {"area": "ft2"}, {"normalize": "hour", "unit": "detections"})
    for panel in dashboard["panels"]:
        there = {
            field["name"]
            for choice in units
            for frame in answered(world, panel, start | choice)
            for field in frame["fields"]
        }
        wanted = {
            name
            for step in panel["transformations"]
            if step["id"] == "filterFieldsByName"
            for name in step["options"]["include"].get("names", [])
        }
        formatted = {
            o["matcher"]["options"]
            for o in panel["fieldConfig"]["overrides"]
            if o["matcher"]["id"] == "byName"
        }
        copied = {s["options"]["alias"] for s in panel["transformations"] if s["id"] == "calculateField"}
        assert wanted | (formatted - copied) <= there, panel["title"]


def test_every_choice_of_every_variable_is_understood(dashboard: Json, world: World) -> None:
    start = start_values(dashboard)
    listed = dashboard["templating"]["list"]
    for variable in (v for v in listed if v["type"] == "custom" and v["query"]):
        assert len(options(variable)) > 1
        for value in options(variable):
            for target in targets(dashboard):
                if f"${{{variable['name']}}}" in json.dumps(target):
                    found = frames(world, target, start | {variable["name"]: value})
                    assert all(frame["fields"] for frame in found)


def test_all_hours_and_days_are_offered_and_no_limit(dashboard: Json, world: World) -> None:
    start = start_values(dashboard)
    for name, whole in NO_LIMIT.items():
        variable = by_name(dashboard, name)
        assert variable["hide"] == 2 or whole in options(variable)
    unlimited = start | {"hours": "", "days": ""}
    for target in targets(dashboard):
        offered, free = (frames(world, target, values) for values in (start, unlimited))
        assert [frame["fields"] for frame in offered] == [frame["fields"] for frame in free]


def test_floors_and_rooms_are_offered_by_name(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    if by_name(dashboard, "space")["hide"] == 2:
        # A page of several floors, which only hands on the floor and the rooms of other pages.
        asked = json.dumps(dashboard["panels"])
        assert '"all"' in asked or '"${floors:csv}"' in asked
        return
    floors = choices(world, by_name(dashboard, "space"), values)
    assert ("Paris / Paris, 1st floor", PARIS) in floors
    if by_name(dashboard, "room")["hide"] == 2:
        return
    rooms = choices(world, by_name(dashboard, "room"), values)
    assert len(rooms) > 3
    assert len({room for _, room in rooms}) == len(rooms)


def test_each_type_of_room_is_offered_once(dashboard: Json, world: World) -> None:
    for variable in dashboard["templating"]["list"]:
        if variable["name"] == "type" and variable["hide"] != 2:
            kinds = {room.type_in_butlr for floor in PEOPLE.office.floors for room in floor.rooms} - {
                None,
                "Untagged",
            }
            offered = [(str(kind).replace("_", " ").capitalize(), kind) for kind in kinds]
            assert choices(world, variable, start_values(dashboard)) == sorted(offered)


@pytest.mark.parametrize("count", [1, 2])
def test_rooms_limit_what_is_requested_for_them(dashboard: Json, world: World, count: int) -> None:
    for name in ("room", "rooms"):
        requested_by_room = [t for t in targets(dashboard) if f"${{{name}:csv}}" in json.dumps(t)]
        if requested_by_room:
            check_limited(dashboard, world, name, requested_by_room, count)


def check_limited(
    dashboard: Json, world: World, name: str, requested_by_room: list[Json], count: int
) -> None:
    start = start_values(dashboard) | {"floors": PARIS}
    rooms = [room for _, room in choices(world, by_name(dashboard, name), start)][:count]
    for target in requested_by_room:
        whole, limited = (frames(world, target, values) for values in (start, start | {name: rooms}))
        # Of the floor: one row of the rooms together.
        assert size(limited) <= size(whole)
        assert [frame["fields"] for frame in limited] != [frame["fields"] for frame in whole]


def size(found: list[Json]) -> tuple[int, float]:
    """Frames, and what is in the first: its detections, or its rows."""
    total = found[0]["meta"]["custom"].get("total_detections", 0)
    return len(found), total + len(found[0]["fields"][0]["values"])


def proxied(url: str, panel: Json) -> str:
    """What the backend is asked for where a page asks for this, from Grafana's root."""
    proxy = f"api/datasources/proxy/uid/{panel['datasource']['uid']}"
    path = url.removeprefix("/")
    assert path.startswith(proxy)
    return path.removeprefix(proxy)


def test_links_lead_through_grafana_to_files(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    kinds = set()
    for panel in dashboard["panels"]:
        for link in file_links(panel):
            assert link["targetBlank"]
            response = world.http.get(fill(proxied(link["url"], panel), values))
            assert response.status_code == 200
            kinds.add(response.mimetype)
    assert "text/csv" in kinds
    assert kinds <= {"image/png", "image/webp", "text/csv", "application/geo+json"}


def test_a_link_to_a_picture_has_the_look_of_the_panel(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    for panel in dashboard["panels"]:
        if "look" not in values or "${look}" not in "".join(drawn(panel)):
            continue
        [link] = [link["url"] for link in file_links(panel) if "format=png" in link["url"]]
        looks = options(by_name(dashboard, "look"))
        bodies = {}
        for look in looks:
            answer = world.http.get(fill(proxied(link, panel), values | {"look": look}))
            assert (answer.status_code, answer.mimetype) == (200, "image/png"), look
            bodies[look] = answer.get_data()
        # Each look its own picture; that of the surface says that it is one of colours.
        assert len(set(bodies.values())) == len(looks) == 4


def test_pictures_in_panels_are_pictures_in_each_theme(dashboard: Json, world: World) -> None:
    """And in each look but the landscape, which is drawn of the panel's own cells."""
    values = start_values(dashboard)
    period = {"from": values["__from"], "to": values["__to"], "width": "1000"}
    for panel in dashboard["panels"]:
        for address in drawn(panel):
            looks = (
                [v for v in options(by_name(dashboard, "look")) if v != "surface"]
                if "look" in values
                else [""]
            )
            papers = set()
            for theme, view in product(("light", "dark"), looks):
                path = fill(proxied(address, panel), values | {"look": view})
                response = world.http.get(f"{path}&{urlencode(period | {'theme': theme})}")
                assert response.status_code == 200, response.get_data(as_text=True)
                with Image.open(io.BytesIO(response.get_data())) as picture:
                    assert picture.width >= 1000
                    assert (getattr(picture, "n_frames", 1) > 1) == ("webp" in address)
                    papers.add((theme, picture.convert("RGB").getpixel((2, 2))))
            assert len(papers) == 2


def test_a_picture_is_not_requested_before_its_variables_have_values(dashboard: Json) -> None:
    for panel in dashboard["panels"]:
        if drawn(panel):
            code = panel["options"]["getOption"]
            assert re.search(r"if \(!isReady\) \{\s+return message", code)
            assert "asked.includes('$')" in code
            # It comes anew with the panel's own query, which has the same variables.
            own = set(re.findall(r"\$\{(\w+)", json.dumps(panel["targets"])))
            assert {"space", "room", "hours", "days"} <= own


def test_the_plan_is_offered_as_geojson(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    for panel in dashboard["panels"]:
        for link in (one for one in file_links(panel) if "geojson" in one["url"]):
            response = world.http.get(fill(proxied(link["url"], panel), values))
            rooms = [f for f in response.get_json()["features"] if f["properties"].get("level") == "room"]
            assert len(rooms) >= 10
