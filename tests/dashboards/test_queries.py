"""Every query of every dashboard, as Grafana would send it, against the backend and its simulator."""

from __future__ import annotations

import re
from itertools import chain
from typing import Any

import pytest

from tests.dashboards.grafana import Values, fill, infinity_request, simpod_payload
from tests.support import PARIS, World, at

Json = dict[str, Any]

START, END = "2026-06-10T00:00:00Z", "2026-06-17T12:00:00Z"
ALL_ROOMS = "All"


def options(variable: Json) -> list[str]:
    """The values of a `custom` variable, as Grafana reads its `text : value, …`."""
    pieces = re.findall(r"(?:\\,|[^,])+", variable["query"])
    found = [re.fullmatch(r"\s*(.+)\s:\s(.+)", piece) for piece in pieces]
    return [match[2].strip() for match in found if match]


def start_values(dashboard: Json) -> dict[str, str | list[str]]:
    """What the variables are when nobody has touched them, on a floor in Paris."""
    values: dict[str, str | list[str]] = {"space": PARIS, "room": ALL_ROOMS}
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "custom":
            values[variable["name"]] = options(variable)[0]
    return values | {"__from": str(at(START) * 1000), "__to": str(at(END) * 1000)}


def frames(world: World, target: Json, values: Values) -> list[Json]:
    """The frames that a panel's query is answered with."""
    if "infinity" in target["datasource"]["type"]:
        assert (target["parser"], target["format"]) == ("simple", "as-is")
        answer = world.http.get(infinity_request(target, values))
    else:
        payload = simpod_payload(target["payload"], values)
        query = {"refId": target["refId"], "target": target["target"], "payload": payload}
        body = {"range": {"from": START, "to": END}, "maxDataPoints": 800, "targets": [query]}
        answer = world.http.post("/query", json=body)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: list[Json] = answer.get_json()
    return found


def choices(world: World, variable: Json, values: Values) -> list[tuple[str, str]]:
    """The texts and values of a `query` variable."""
    query = variable["query"]
    if "infinity" in variable["datasource"]["type"]:
        asked = query["infinityQuery"]
        rows = world.http.get(infinity_request(asked, values)).get_json()
        columns = {c["text"]: c["selector"] for c in asked["columns"]}
        return [(row[columns["__text"]], row[columns["__value"]]) for row in rows]
    payload = simpod_payload(query["query"], values)
    rows = world.http.post("/variable", json={"payload": payload}).get_json()
    return [(row["__text"], row["__value"]) for row in rows]


def targets(dashboard: Json) -> list[Json]:
    return list(chain.from_iterable(panel["targets"] for panel in dashboard["panels"]))


def by_name(dashboard: Json, name: str) -> Json:
    [variable] = (v for v in dashboard["templating"]["list"] if v["name"] == name)
    found: Json = variable
    return found


def test_no_panel_is_empty(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    for target in targets(dashboard):
        for frame in frames(world, target, values):
            for field in frame["fields"]:
                assert any(value is not None for value in field["values"]), field["name"]


def test_the_heat_map_is_what_the_panel_draws(dashboard: Json, world: World) -> None:
    for panel in (p for p in dashboard["panels"] if p["type"] == "heatmap"):
        [frame] = frames(world, panel["targets"][0], start_values(dashboard))
        assert frame["meta"]["type"] == "heatmap-cells"
        x, y, value = frame["fields"]
        assert (x["name"], y["name"], value["type"]) == ("x", "y", "number")
        assert value["config"]["unit"]
        assert len(x["values"]) == len(set(x["values"])) * len(set(y["values"]))


def test_fields_that_a_panel_formats_are_in_the_answer(dashboard: Json, world: World) -> None:
    """A figure whose field is renamed in the backend would vanish without a word."""
    for panel in dashboard["panels"]:
        [frame] = frames(world, panel["targets"][0], start_values(dashboard))
        formatted = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
        assert formatted <= {field["name"] for field in frame["fields"]}


def test_every_choice_of_every_variable_is_understood(dashboard: Json, world: World) -> None:
    start = start_values(dashboard)
    for variable in (v for v in dashboard["templating"]["list"] if v["type"] == "custom"):
        assert len(options(variable)) > 1
        for value in options(variable):
            for target in targets(dashboard):
                assert frames(world, target, start | {variable["name"]: value})[0]["fields"]


def test_the_first_choice_of_hours_and_days_is_no_limit(dashboard: Json, world: World) -> None:
    start = start_values(dashboard)
    unlimited = start | {"hours": "", "days": ""}
    for target in targets(dashboard):
        [offered], [free] = (frames(world, target, values) for values in (start, unlimited))
        assert offered["fields"] == free["fields"]


def test_floors_and_rooms_are_offered_by_name(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    floors = choices(world, by_name(dashboard, "space"), values)
    assert ("Paris / Paris, 1st floor", PARIS) in floors
    rooms = choices(world, by_name(dashboard, "room"), values)
    assert len(rooms) > 3
    assert len({room for _, room in rooms}) == len(rooms)


@pytest.mark.parametrize("count", [1, 2])
def test_rooms_limit_the_map(dashboard: Json, world: World, count: int) -> None:
    start = start_values(dashboard)
    rooms = [room for _, room in choices(world, by_name(dashboard, "room"), start)][:count]
    target = targets(dashboard)[0]
    whole, limited = (
        frames(world, target, values)[0]["meta"]["custom"]["total_detections"]
        for values in (start, start | {"room": rooms})
    )
    assert limited < whole


def test_links_lead_through_grafana_to_the_same_map(dashboard: Json, world: World) -> None:
    values = start_values(dashboard)
    for panel in dashboard["panels"]:
        for link in panel.get("links", []):
            proxy = f"/api/datasources/proxy/uid/{panel['datasource']['uid']}"
            assert link["targetBlank"]
            assert link["url"].startswith(proxy)
            answer = world.http.get(fill(link["url"].removeprefix(proxy), values))
            assert answer.status_code == 200
            assert answer.mimetype in ("image/png", "text/csv")
