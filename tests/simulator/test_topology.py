"""`POST /api/v3/graphql` with the selections of Butlr's own client, and what Butlr refuses."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from functools import partial
from typing import Any

import pytest
import requests
from PIL import Image

from butlr_grafana.simulator import Forms, People, Simulator, default_office, topology
from tests.simulator.conftest import NOW
from tests.support import HANG_S

SITES = """{ sites { data { id name timezone siteNumber customID org_id
  buildings { id name building_number site_id customID capacity { max mid } address { lines country }
  floors { id name floorNumber building_id timezone installation_date customID capacity { max mid }
   area { value unit } tags { id name } floor_plans { floor_plan_id name url coordinates }
   rooms { id name floor_id roomType customID capacity { max mid } area { value unit } coordinates rotation
    tags { id name } sensors { id } }
   zones { id name floor_id room_id customID capacity { max mid } area { value unit } coordinates rotation
    tags { id name } sensors { id name mac_address mode floor_id room_id hive_serial is_entrance is_online } }
   sensors { id mac_address } hives { id } } } } } }"""
SENSORS = """{ sensors { data { id name mac_address mode model floor_id room_id hive_serial is_entrance
  is_online is_streaming is_sleep_time power_type last_heartbeat last_occupancy_message installation_status
  last_battery_change_date next_battery_change_date battery_change_by_date center height orientation
  field_of_view door_line in_direction parallel_to_door } } }"""
HIVES = """{ hives { data { id name serialNumber floor_id room_id isOnline isStreaming lastHeartbeat
  netPathStability hiveVersion hiveType coordinates installed is_sleep_time } } }"""
TAGS = "{ tags { id name organization_id rooms { id name } zones { id name } floors { id name } } }"


def send_query(client: requests.Session, simulator: Simulator, query: str, **more: Any) -> dict[str, Any]:
    response = client.post(f"{simulator.url}/api/v3/graphql", json={"query": query, **more}, timeout=HANG_S)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def data(client: requests.Session, simulator: Simulator, query: str) -> dict[str, Any]:
    response = send_query(client, simulator, query)
    assert list(response) == ["data"], response
    found: dict[str, Any] = response["data"]
    return found


def floors(client: requests.Session, simulator: Simulator) -> dict[str, dict[str, Any]]:
    sites = data(client, simulator, SITES)["sites"]["data"]
    return {floor["id"]: floor for site in sites for b in site["buildings"] for floor in b["floors"]}


def sensors(client: requests.Session, simulator: Simulator) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in data(client, simulator, SENSORS)["sensors"]["data"]}


def test_floors_and_their_odd_facts(client: requests.Session, simulator: Simulator) -> None:
    sites = data(client, simulator, SITES)["sites"]["data"]
    assert [site["timezone"] for site in sites] == ["Europe/Paris", None]
    found = floors(client, simulator)
    assert [floor["timezone"] for floor in found.values()] == [None, None, "America/New_York"]
    # 48 x 14 and 20 x 16; 36 x 22 less a 6 x 6 triangle; 20 x 14 less 6.5 x 4.75, in square feet.
    assert [floor["area"] for floor in found.values()] == [
        {"value": 992.0, "unit": "square meters"},
        {"value": 774.0, "unit": "square meters"},
        {"value": pytest.approx((280 - 6.5 * 4.75) * 10.7639, abs=0.1), "unit": "square feet"},
    ]
    assert [floor["capacity"] for floor in found.values()] == [{"max": n, "mid": 0} for n in (90, 60, 32)]
    assert all(
        re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", floor["installation_date"]) for floor in found.values()
    )
    rooms = [room for floor in found.values() for room in floor["rooms"]]
    assert len(rooms) == 42
    assert sum(room["coordinates"] is None for room in rooms) == 3
    assert sum(room["capacity"] == {"max": 0, "mid": 0} for room in rooms) == 6
    types = Counter(room["roomType"] for room in rooms)
    # Butlr's two forms of a room without a type, each once; a newcomer looks at rooms called by their type.
    assert (types[None], types["Untagged"]) == (1, 1)
    assert {room["roomType"] for room in rooms if "eeting room" in room["name"]} == {"meeting_room"}
    assert found["space_paris_1"]["tags"] == [{"id": "tag_headquarters", "name": "headquarters"}]


def test_a_room_and_a_zone_in_full(client: requests.Session, simulator: Simulator) -> None:
    floor = floors(client, simulator)["space_newyork_1"]
    area = {"value": pytest.approx(4.5 * 4.25 * 10.7639, abs=0.1), "unit": "square feet"}
    assert next(room for room in floor["rooms"] if room["name"] == "Kitchen") == {
        "id": "room_newyork_1_kitchen",
        "name": "Kitchen",
        "floor_id": "space_newyork_1",
        "roomType": "kitchen",
        "customID": None,
        "coordinates": [[-1, -6.25], [3.5, -6.25], [3.5, -2], [-1, -2]],
        "rotation": 0,
        "capacity": {"max": 10, "mid": 0},
        "area": area,
        "tags": [{"id": "tag_food", "name": "food"}],
        "sensors": [{"id": "sensor_newyork_1_kitchen_heat"}],
    }
    assert [
        (zone["name"], zone["room_id"], [one["id"] for one in zone["sensors"]]) for zone in floor["zones"]
    ] == [
        ("Bar", "room_newyork_1_kitchen", ["sensor_newyork_1_kitchen_heat"]),
        ("Bike rack", None, ["sensor_newyork_1_bike_rack_heat"]),
    ]
    assert floor["zones"][0]["coordinates"] == [[-0.75, -6], [1, -6], [1, -4.5], [-0.75, -4.5]]


def test_nested_sensors_are_the_flat_list(client: requests.Session, simulator: Simulator) -> None:
    flat = sensors(client, simulator)
    found = floors(client, simulator)
    nested = [one["id"] for floor in found.values() for one in floor["sensors"]]
    assert nested == list(flat)
    for room in (room for floor in found.values() for room in floor["rooms"]):
        mine = [one["id"] for one in flat.values() if one["room_id"] == room["id"]]
        assert [one["id"] for one in room["sensors"]] == mine


def test_clones_mirrors_and_entrances(client: requests.Session, simulator: Simulator) -> None:
    found = sensors(client, simulator)
    by_mac = {one["mac_address"]: one for one in found.values()}
    assert len(by_mac) == len(found)
    clones = [one for mac, one in by_mac.items() if mac.startswith("fa-ke-")]
    mirrors = [one for mac, one in by_mac.items() if mac.startswith("mi-rr-or-")]
    physical = {mac: one for mac, one in by_mac.items() if re.fullmatch(r"([0-9A-F]{2}-){7}[0-9A-F]{2}", mac)}
    assert len(physical) + len(clones) + len(mirrors) == len(found)
    assert Counter((one["mode"], one["is_entrance"]) for one in clones) == {
        ("presence", False): 1,
        ("traffic", False): 1,
        ("traffic", True): 1,
    }
    for one in clones:
        [twin] = [other for mac, other in physical.items() if mac[5:] == one["mac_address"][5:]]
        assert one["floor_id"] == twin["floor_id"]
        assert one["room_id"] not in (None, twin["room_id"])
        assert one["last_heartbeat"] == twin["last_heartbeat"]
        assert one["is_online"] == twin["is_online"]
        assert (one["battery_change_by_date"], bool(twin["battery_change_by_date"])) == (None, True)
    [one] = mirrors
    twin = physical[one["mac_address"].removeprefix("mi-rr-or-")]
    assert one["room_id"] == twin["room_id"]
    assert (one["is_online"], twin["is_online"]) == (False, True)
    assert twin["last_heartbeat"] - one["last_heartbeat"] > 30 * 86400
    assert all(0 <= simulator.clock() - other["last_heartbeat"] < 405 for other in physical.values())
    entrances = {one["floor_id"]: one for one in found.values() if one["is_entrance"]}
    assert {floor: one["room_id"] for floor, one in entrances.items()} == {
        "space_paris_1": "room_paris_1_open_space_south",
        "space_paris_2": "room_paris_2_parcel_room",
        "space_newyork_1": "room_newyork_1_store",
    }
    assert sum(one["power_type"] is not None for one in found.values()) < len(found) / 10


def test_sensors_are_where_they_see(client: requests.Session, simulator: Simulator) -> None:
    """In the middle of the room or zone, on the wall with the door, at the way in."""
    found = sensors(client, simulator)
    kitchen, meeting = (found[f"sensor_paris_1_{name}"] for name in ("kitchen_heat", "meeting_room_1_door"))
    assert (kitchen["center"], kitchen["door_line"]) == ([31.75, 3], None)
    assert 2 * math.tan(math.radians(kitchen["field_of_view"]) / 2) * kitchen["height"] == pytest.approx(
        3.99, abs=0.01
    )
    (x0, y0), (x1, y1) = meeting["door_line"]
    assert (y0, y1) == (6, 6), "towards the corridor"
    assert 15 < x0 < x1 < 21 or 15 < x1 < x0 < 21
    assert meeting["center"] == [pytest.approx((x0 + x1) / 2), 6]
    assert found["sensor_paris_1_reception_heat"]["center"] == [1.5, 7]
    assert found["sensor_paris_1_entrance"]["center"] == [pytest.approx(0), pytest.approx(7)]
    store = found["sensor_newyork_1_entrance"]["center"]
    assert store == [pytest.approx(10.5), pytest.approx(0.25)], "whatever room it names"


def test_hives(client: requests.Session, simulator: Simulator) -> None:
    hives = data(client, simulator, HIVES)["hives"]["data"]
    assert Counter(hive["floor_id"] for hive in hives) == {
        "space_paris_1": 2,
        "space_paris_2": 2,
        "space_newyork_1": 2,
    }
    assert all(0 <= simulator.clock() - hive["lastHeartbeat"] <= 122 for hive in hives)
    serials = {hive["serialNumber"] for hive in hives}
    assert {one["hive_serial"] for one in sensors(client, simulator).values()} == serials


def test_tags_are_a_bare_list_and_may_point_at_what_is_gone(
    client: requests.Session, simulator: Simulator
) -> None:
    tags = {tag["name"]: tag for tag in data(client, simulator, TAGS)["tags"]}
    assert tags["lab"]["rooms"][-1] == {"id": "room_paris_1_old_lab", "name": "Old lab"}
    assert len(tags["lab"]["rooms"]) == 3
    unused = tags["to be decided"]
    assert (unused["rooms"], unused["zones"], unused["floors"]) == ([], [], [])
    assert tags["headquarters"]["floors"] == [{"id": "space_paris_1", "name": "Paris, 1st floor"}]
    assert tags["food"]["zones"] == [{"id": "zone_paris_2_counter", "name": "Counter"}]
    assert all(re.fullmatch("tag_[a-z-]+", tag["id"]) for tag in tags.values())


@pytest.mark.parametrize(("use_or", "number"), [("false", 1), ("true", 6)])
def test_rooms_by_tag(client: requests.Session, simulator: Simulator, use_or: str, number: int) -> None:
    query = f'{{ roomsByTag(tagIDs: ["tag_board", "tag_video"], useOR: {use_or}) {{ data {{ id name }} }} }}'
    assert len(data(client, simulator, query)["roomsByTag"]["data"]) == number


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ('{ found: floors(ids: ["space_paris_2"]) { data { id } } }', 1),
        ('{ found: rooms(ids: ["room_paris_1_kitchen", "room_nowhere"]) { data { id } } }', 1),
        ("{ found: zones { data { id } } }", 9),
        ("{ found: buildings { data { id } } }", 2),
        ('{ found: sensors(mac_addresses: ["fa-ke-0D-A4-62-BD-73-F4"]) { data { id } } }', 1),
        ("{ found: hives(serial_numbers: []) { data { id } } }", 0),
    ],
)
def test_lists_can_be_filtered(
    client: requests.Session, simulator: Simulator, query: str, number: int
) -> None:
    assert len(data(client, simulator, query)["found"]["data"]) == number


def test_some_filters_are_declared_and_ignored(client: requests.Session, simulator: Simulator) -> None:
    query = '{ sensors(floor_ids: ["space_paris_2"], room_ids: [], hive_ids: []) { data { id } } }'
    assert len(data(client, simulator, query)["sensors"]["data"]) == len(sensors(client, simulator))


def test_parents_and_children(client: requests.Session, simulator: Simulator) -> None:
    query = """{ room(id: "room_paris_1_kitchen") { floor { building { site { id } } rooms { id } } }
      zone(id: "zone_paris_1_reception") { room { id } floor { id } } site(id: "site_paris") { name } }"""
    found = data(client, simulator, query)
    assert found["room"]["floor"]["building"] == {"site": {"id": "site_paris"}}
    assert len(found["room"]["floor"]["rooms"]) == 18
    assert found["zone"] == {"room": None, "floor": {"id": "space_paris_1"}}
    assert found["site"] == {"name": "Paris campus"}


@pytest.mark.parametrize(
    "query",
    [
        "{ sites { data { id nope } } }",
        "{ sites {",
        "{ hives }",
        "{ rooms { data { tags } } }",
        "{ rooms { data { capacity } } }",
        "{ floors { data { area floor_plans } } }",
        "{ rooms { data { coordinates { x } } } }",
        "{ sites { data { tags { id } } } }",
        "{ buildings { data { tags { id } } } }",
        "{ tags { data { id } } }",
        "{ sites { id } }",
        "{ floors { data { floor_plans { rotation } } } }",
    ],
)
def test_a_wrong_document_has_no_data(client: requests.Session, simulator: Simulator, query: str) -> None:
    response = send_query(client, simulator, query)
    assert response["data"] is None
    assert response["errors"][0]["message"]
    assert response["errors"][0]["extensions"]["code"] in (
        "GRAPHQL_PARSE_FAILED",
        "GRAPHQL_VALIDATION_FAILED",
    )


def test_what_a_selection_lacks_is_said_as_butlr_says_it(
    client: requests.Session, simulator: Simulator
) -> None:
    [error] = send_query(client, simulator, "{ rooms { data { tags } } }")["errors"]
    assert "must have a selection of subfields" in error["message"]


def test_a_field_that_fails_leaves_the_others(client: requests.Session, simulator: Simulator) -> None:
    response = send_query(client, simulator, "{ sensors { data { id roomID } } tags { id } }")
    found = response["data"]["sensors"]["data"]
    failed = [error["path"][2] for error in response["errors"]]
    assert [index for index, one in enumerate(found) if one is None] == failed
    assert len(failed) == 4, "the zones outside rooms have their sensors"
    assert found[0] == {
        "id": "sensor_paris_1_open_space_south_heat",
        "roomID": "room_paris_1_open_space_south",
    }
    assert response["errors"][0] == {
        "message": "internal system error",
        "path": ["sensors", "data", failed[0], "roomID"],
    }
    assert len(response["data"]["tags"]) == 15


def test_what_is_not_there_is_not_found(client: requests.Session, simulator: Simulator) -> None:
    response = send_query(client, simulator, '{ floor(id: "space_atlantis") { id } tags { id } }')
    assert response["data"]["floor"] is None
    assert response["data"]["tags"]
    [error] = response["errors"]
    assert (error["path"], error["extensions"]["code"]) == (["floor"], "NOT_FOUND")


def test_a_dead_token_is_an_error_inside_a_200(client: requests.Session, simulator: Simulator) -> None:
    simulator.revoke_tokens()
    response = send_query(client, simulator, "{ tags { id } }")
    assert response["data"] is None
    assert [error["extensions"]["code"] for error in response["errors"]] == ["UNAUTHENTICATED"]


def test_introspection(client: requests.Session, simulator: Simulator) -> None:
    query = '{ __type(name: "FloorPlan") { fields { name type { name kind ofType { name } } } } }'
    fields = data(client, simulator, query)["__type"]["fields"]
    assert [field["name"] for field in fields] == ["floor_plan_id", "name", "url", "coordinates"]
    assert data(client, simulator, "{ __typename }") == {"__typename": "Query"}
    simulator.forms = Forms(introspection=False)
    response = send_query(client, simulator, query)
    assert response["data"] is None
    assert "introspection" in response["errors"][0]["message"]
    assert data(client, simulator, "{ tags { __typename } }")["tags"][0] == {"__typename": "Tag"}


def test_an_account_may_lack_fields(client: requests.Session, simulator: Simulator) -> None:
    simulator.forms = Forms(missing_fields=frozenset({"Room.rotation", "Sensor.model"}))
    for query in ("{ rooms { data { rotation } } }", SENSORS):
        response = send_query(client, simulator, query)
        assert response["data"] is None
        assert "Cannot query field" in response["errors"][0]["message"]
    assert data(client, simulator, "{ zones { data { rotation } } }")
    with pytest.raises(ValueError, match=r"Room\.mood"):
        simulator.forms = Forms(missing_fields=frozenset({"Room.mood"}))


@pytest.mark.parametrize(
    ("scope", "query", "path"),
    [
        ("read:spaces", "{ sites { data { id } } }", ("sites", "data")),
        ("read:rooms", "{ rooms { data { id } } }", ("rooms", "data")),
        ("read:rooms", '{ floor(id: "space_paris_1") { rooms { id } } }', ("floor", "rooms")),
        ("read:sensors", "{ sensors { data { id } } }", ("sensors", "data")),
        ("read:hives", "{ hives { data { id } } }", ("hives", "data")),
    ],
)
def test_a_scope_may_be_missing(
    client: requests.Session, simulator: Simulator, scope: str, query: str, path: tuple[str, str]
) -> None:
    simulator.forms = Forms(missing_scopes=frozenset({scope}))
    response = client.post(f"{simulator.url}/api/v3/graphql", json={"query": query}, timeout=HANG_S)
    assert response.status_code == 403
    assert (response.json()["code"], scope in response.json()["details"]) == (403, True)
    simulator.forms = Forms(missing_scopes=frozenset({scope}), without_scope="empty")
    found = data(client, simulator, query)
    assert found[path[0]][path[1]] == []


def test_sensors_go_offline_with_the_clock(
    client: requests.Session, simulator: Simulator, people: People
) -> None:
    mirrored = "room_paris_1_meeting_room_2"

    def offline() -> list[str]:
        found = sensors(client, simulator).values()
        return [one["room_id"] for one in found if not one["is_online"] and one["room_id"] != mirrored]

    room, now_s = "room_paris_1_project_room", int(simulator.clock())
    [(start_s, stop_s), *_] = people.offline(room, now_s - 28 * 86400, now_s)
    for clock_s, expected in ((start_s - 1, []), (start_s, [room]), (stop_s - 1, [room]), (stop_s, [])):
        simulator.clock = partial(float, clock_s)
        assert offline() == expected
    simulator.clock = partial(float, stop_s - 1)
    assert sensors(client, simulator)["sensor_paris_1_project_room_heat"]["last_heartbeat"] == start_s - 1


@pytest.mark.parametrize("reported", [True, False])
def test_plans_are_pictures_of_the_floors_extent(
    client: requests.Session, simulator: Simulator, reported: bool
) -> None:
    """Where the topology cannot say that a picture lies on its side, none does."""
    simulator.forms = Forms(plan_rotation=reported)
    query = (
        f"{{ floors {{ data {{ floor_plans {{ url coordinates {'rotation' if reported else ''} }} }} }} }}"
    )
    turns = []
    for floor in data(client, simulator, query)["floors"]["data"]:
        [plan] = floor["floor_plans"]
        response = requests.get(plan["url"], timeout=HANG_S)
        assert response.headers["Content-Type"] == "image/png"
        width, height = Image.open(io.BytesIO(response.content)).size
        xs, ys = zip(*plan["coordinates"], strict=True)
        across, up = max(xs) - min(xs), max(ys) - min(ys)
        turns.append(plan.get("rotation", 0))
        # On its side it is as high as the floor is wide.
        assert width / height == pytest.approx(across / up if turns[-1] == 0 else up / across)
    assert sorted(turns) == ([0, 0, 90] if reported else [0, 0, 0])


def test_a_plan_has_y_upwards(client: requests.Session, simulator: Simulator) -> None:
    """The L's wing rises at the left: the picture's top right corner is paper."""
    response = requests.get(f"{simulator.url}/plans/space_paris_1.png", timeout=HANG_S)
    image = Image.open(io.BytesIO(response.content)).convert("RGB")
    white = (255, 255, 255)
    right, bottom = image.width - 10, image.height - 10
    corners = [image.getpixel(at) == white for at in ((10, 10), (right, 10), (10, bottom), (right, bottom))]
    assert corners == [False, True, False, False]


def test_variables_and_named_operations(client: requests.Session, simulator: Simulator) -> None:
    query = "query One($full: Boolean!) { sites { data { id name @include(if: $full) } } }"
    response = send_query(client, simulator, query, variables={"full": False}, operationName="One")
    assert response["data"]["sites"]["data"] == [{"id": "site_paris"}, {"id": "site_newyork"}]


@pytest.mark.parametrize(
    "params", [{}, {"query": 7}, {"query": "{ sites { data { id } } }", "variables": []}]
)
def test_a_wrong_body_is_a_400(
    client: requests.Session, simulator: Simulator, params: dict[str, Any]
) -> None:
    assert client.post(f"{simulator.url}/api/v3/graphql", json=params, timeout=HANG_S).status_code == 400


def test_forms_that_nobody_can_read(client: requests.Session, simulator: Simulator) -> None:
    simulator.forms = Forms(unreadable=frozenset({"topology"}))
    response = send_query(client, simulator, "{ sites { data { id } } }")
    assert "data" not in response
    assert "sites" not in str(response).replace("sitesV9", "")


def test_an_answer_that_is_kept_is_of_its_moment_its_outages_its_form_and_its_host(people: People) -> None:
    """Each question is put first, when it may be kept already, and then to people of whom nothing is kept."""
    sensor = next(iter(people.office.sensors))
    query = {"query": "{ sensors { data { id is_online last_heartbeat } } sites { data { name buildings {"}
    query["query"] += " name floors { name floor_plans { url } rooms { name rotation } } } } } }"

    def alike(now_s: float, host: str, **forms: Any) -> str:
        found = topology.build_response(people, query, now_s, f"http://{host}", Forms(**forms))
        other = People(default_office())
        for outage in people.outages:
            other.outage(outage.device_id, outage.start_s, outage.stop_s)
        assert found == topology.build_response(other, query, now_s, f"http://{host}", Forms(**forms))
        found["data"]["sites"]["data"].clear()  # what a caller does with an answer is its own affair
        return str(found)

    now_s = NOW.timestamp()
    told = [alike(now_s, "a.example"), alike(now_s, "a.example"), alike(now_s, "b.example")]
    assert len(set(told)) == 1
    told.append(alike(now_s + 3600, "b.example"))
    people.outage(sensor.id, int(now_s) - 7200, int(now_s) + 7200)
    told += [alike(now_s, "b.example"), alike(now_s, 'c.example/"x"')]
    people.clear_outages()
    told.append(alike(now_s, "b.example"))
    assert told[-1] == told[0] != told[3]
    assert told[0] != told[4]
    assert alike(now_s, "b.example", missing_fields=frozenset({"Room.customID"})) == told[0]
