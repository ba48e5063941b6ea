"""`POST /api/v3/graphql` with the very selections Butlr documents, and the plans it links to."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import pytest
import requests
from PIL import Image

from butlr_grafana.simulator import People, Simulator

SITES = """{ sites { data { id name timezone buildings { id name capacity { max mid }
  floors { id name floorNumber timezone area { value unit } capacity { max mid }
    floor_plans { floor_plan_id name url coordinates rotation }
    rooms { id name floor_id roomType coordinates capacity { max mid } area { value unit } tags }
    zones { id name floor_id room_id coordinates } } } } } }"""
SENSORS = "{ sensors { data { id name mac_address mode floor_id room_id is_entrance is_online } } }"


def ask(client: requests.Session, simulator: Simulator, query: str, **more: Any) -> dict[str, Any]:
    answer = client.post(f"{simulator.url}/api/v3/graphql", json={"query": query, **more}, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def floors(client: requests.Session, simulator: Simulator) -> dict[str, dict[str, Any]]:
    sites = ask(client, simulator, SITES)["data"]["sites"]["data"]
    return {floor["id"]: floor for site in sites for b in site["buildings"] for floor in b["floors"]}


def test_floors_and_their_odd_forms(client: requests.Session, simulator: Simulator) -> None:
    found = floors(client, simulator)
    assert {floor["name"]: floor["timezone"] for floor in found.values()} == {
        "Paris, 1st floor": "Europe/Paris",
        "Paris, 2nd floor": "Europe/Paris",
        "New York, ground floor": "America/New_York",
    }
    # 48 x 14 and 20 x 16; 36 x 22 less a 6 x 6 triangle; 20 x 14 less 6.5 x 4.75, in square feet.
    assert [floor["area"] for floor in found.values()] == [
        {"value": 992.0, "unit": "m2"},
        {"value": 774.0, "unit": "m2"},
        {"value": pytest.approx((280 - 6.5 * 4.75) * 10.7639, abs=0.1), "unit": "sqft"},
    ]
    assert found["space_paris_1"]["capacity"] == {"max": 90, "mid": 54}
    assert found["space_paris_2"]["capacity"] == 60
    rooms = [room for floor in found.values() for room in floor["rooms"]]
    assert len(rooms) == 42
    assert sum(room["coordinates"] is None for room in rooms) == 3
    assert any(room["capacity"] is None for room in rooms)


def test_a_room_and_a_zone_in_full(client: requests.Session, simulator: Simulator) -> None:
    floor = floors(client, simulator)["space_newyork_1"]
    assert next(room for room in floor["rooms"] if room["name"] == "Kitchen") == {
        "id": "room_newyork_1_kitchen",
        "name": "Kitchen",
        "floor_id": "space_newyork_1",
        "roomType": "kitchen",
        "coordinates": [[-1, -6.25], [3.5, -6.25], [3.5, -2], [-1, -2]],
        "capacity": {"max": 10, "mid": 6},
        "area": {"value": pytest.approx(4.5 * 4.25 * 10.7639, abs=0.1), "unit": "sqft"},
        "tags": ["food"],
    }
    assert [(zone["name"], zone["room_id"]) for zone in floor["zones"]] == [
        ("Bar", "room_newyork_1_kitchen"),
        ("Bike rack", None),
    ]


def test_sensors_go_offline_with_the_clock(
    client: requests.Session, simulator: Simulator, people: People
) -> None:
    def offline() -> list[str]:
        sensors = ask(client, simulator, SENSORS)["data"]["sensors"]["data"]
        assert len(sensors) == len({sensor["mac_address"] for sensor in sensors})
        return [sensor["room_id"] for sensor in sensors if not sensor["is_online"]]

    room, now_s = "room_paris_1_project_room", int(simulator.clock())
    [(start_s, stop_s), *_] = people.offline(room, now_s - 28 * 86400, now_s)
    for clock_s, expected in ((start_s - 1, []), (start_s, [room]), (stop_s - 1, [room]), (stop_s, [])):
        simulator.clock = partial(float, clock_s)
        assert offline() == expected


def test_plans_are_pictures_of_the_floors_extent(client: requests.Session, simulator: Simulator) -> None:
    turns = []
    for floor in floors(client, simulator).values():
        [plan] = floor["floor_plans"]
        answer = requests.get(plan["url"], timeout=10)
        assert answer.headers["Content-Type"] == "image/png"
        width, height = Image.open(io.BytesIO(answer.content)).size
        xs, ys = zip(*plan["coordinates"], strict=True)
        across, up = max(xs) - min(xs), max(ys) - min(ys)
        # On its side it is as high as the floor is wide.
        assert width / height == pytest.approx(across / up if plan["rotation"] == 0 else up / across)
        turns.append(plan["rotation"])
    assert sorted(turns) == [0, 0, 90]


def test_a_plan_has_y_upwards(client: requests.Session, simulator: Simulator) -> None:
    """The L's wing rises at the left: the picture's top right corner is paper."""
    answer = requests.get(f"{simulator.url}/plans/space_paris_1.png", timeout=10)
    image = Image.open(io.BytesIO(answer.content)).convert("RGB")
    white = (255, 255, 255)
    right, bottom = image.width - 10, image.height - 10
    corners = [image.getpixel(at) == white for at in ((10, 10), (right, 10), (10, bottom), (right, bottom))]
    assert corners == [False, True, False, False]


def test_variables_and_named_operations(client: requests.Session, simulator: Simulator) -> None:
    query = "query One($full: Boolean!) { sites { data { id name @include(if: $full) } } }"
    answer = ask(client, simulator, query, variables={"full": False}, operationName="One")
    assert answer["data"]["sites"]["data"] == [{"id": "site_paris"}, {"id": "site_newyork"}]


@pytest.mark.parametrize("query", ["{ sites { data { id nope } } }", "{ sites {", "{ hives }"])
def test_a_wrong_query_is_a_graphql_error(client: requests.Session, simulator: Simulator, query: str) -> None:
    answer = ask(client, simulator, query)
    assert answer["data"] is None
    assert answer["errors"][0]["message"]


@pytest.mark.parametrize("words", [{}, {"query": 7}, {"query": "{ sites { data { id } } }", "variables": []}])
def test_a_wrong_body_is_a_400(client: requests.Session, simulator: Simulator, words: dict[str, Any]) -> None:
    assert client.post(f"{simulator.url}/api/v3/graphql", json=words, timeout=10).status_code == 400
