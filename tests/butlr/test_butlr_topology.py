"""Butlr's GraphQL documents → `Topology`: the odd or missing is `None` and, where it matters, a note."""

from __future__ import annotations

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.butlr.topology import data_of, topology
from butlr_grafana.errors import UpstreamInvalid
from butlr_grafana.model import Building, Floor, Room, Topology, Zone

SQUARE = [[0, 0], [4, 0], [4, 3], [0, 3]]


def document(
    room: dict[str, Any] | None = None,
    floor: dict[str, Any] | None = None,
    site: dict[str, Any] | None = None,
    sensors: list[Any] | None = None,
) -> dict[str, Any]:
    """One site, building, floor, room and zone; the arguments change or add fields."""
    one_room = {
        "id": "room_1",
        "name": "Kitchen",
        "floor_id": "space_1",
        "roomType": "kitchen",
        "coordinates": SQUARE,
        "capacity": {"max": 12, "mid": 7},
        "area": {"value": 12, "unit": "m2"},
        "tags": ["food"],
        **(room or {}),
    }
    one_floor = {
        "id": "space_1",
        "name": "First floor",
        "floorNumber": 1,
        "timezone": "Europe/Paris",
        "area": {"value": 200.5, "unit": "m2"},
        "capacity": {"max": 90, "mid": 54},
        "floor_plans": [{"coordinates": [[0, 0], [20, 0], [20, 10], [0, 10]]}],
        "rooms": [one_room],
        "zones": [
            {
                "id": "zone_1",
                "name": "Bar",
                "floor_id": "space_1",
                "room_id": "room_1",
                "coordinates": SQUARE,
            }
        ],
        **(floor or {}),
    }
    building = {"id": "building_1", "name": "Paris", "floors": [one_floor]}
    one_site = {
        "id": "site_1",
        "name": "Campus",
        "timezone": "Europe/London",
        "buildings": [building],
        **(site or {}),
    }
    return {
        "sites": {"sites": {"data": [one_site]}},
        "sensors": {"sensors": {"data": sensors or []}},
    }


def read_floor(read: Topology) -> Floor:
    assert list(read.floors) == ["space_1"]
    return read.floors["space_1"]


def read_room(read: Topology) -> Room:
    (room,) = read_floor(read).rooms
    return room


def test_everything_that_is_told_is_read() -> None:
    read = topology(document())
    polygon = ((0.0, 0.0), (4.0, 0.0), (4.0, 3.0), (0.0, 3.0))
    assert read == Topology(
        {
            "space_1": Floor(
                id="space_1",
                name="First floor",
                building=Building("building_1", "Paris", "Campus"),
                timezone="Europe/Paris",
                number=1,
                capacity=90,
                area_m2=200.5,
                outline=((0.0, 0.0), (20.0, 0.0), (20.0, 10.0), (0.0, 10.0)),
                rooms=(
                    Room(
                        "room_1", "Kitchen", "space_1", "kitchen", polygon, 12, 12.0, ("food",), online=None
                    ),
                ),
                zones=(Zone("zone_1", "Bar", "space_1", "room_1", polygon),),
            )
        },
        notes=(),
    )


@pytest.mark.parametrize(
    ("capacity", "expected"),
    [
        ({"max": 12, "mid": 7}, 12),
        ({"max": 12}, 12),
        (12, 12),
        (12.0, 12),
        (0, 0),
        (None, None),
        ({}, None),
        ({"max": None, "mid": 7}, None),
        ("12", None),
        ([12], None),
        (True, None),
    ],
)
def test_capacity_is_a_number_or_an_object_or_unknown(capacity: object, expected: int | None) -> None:
    read = topology(document(room={"capacity": capacity}, floor={"capacity": capacity}))
    assert (read_room(read).capacity, read_floor(read).capacity) == (expected, expected)


def test_no_capacity_at_all() -> None:
    asked = document()
    del asked["sites"]["sites"]["data"][0]["buildings"][0]["floors"][0]["rooms"][0]["capacity"]
    assert read_room(topology(asked)).capacity is None


@pytest.mark.parametrize("unit", ["sqft", "SqFt", " sq ft ", "ft2", "ft²", "square feet"])
def test_square_feet_become_square_metres(unit: str) -> None:
    """A foot is 0.3048 m by definition, so 1,000 square feet are 92.90304 m²."""
    read = topology(document(room={"area": {"value": 1000, "unit": unit}}))
    assert read_room(read).area_m2 == pytest.approx(92.90304, rel=1e-12)
    assert read.notes == ()


@pytest.mark.parametrize("unit", ["m2", "m²", "sqm", "M2", "square meters", "square metres"])
def test_square_metres_stay(unit: str) -> None:
    assert read_room(topology(document(room={"area": {"value": 37.5, "unit": unit}}))).area_m2 == 37.5


@pytest.mark.parametrize("unit", ["acres", "", "ft", None, 5])
def test_an_unknown_unit_is_no_area_and_a_note(unit: object) -> None:
    read = topology(document(room={"area": {"value": 37.5, "unit": unit}}))
    assert read_room(read).area_m2 is None
    assert read.notes == (f"Kitchen: the area's unit {unit!r} is not known",)


@pytest.mark.parametrize("area", [None, 37.5, {}, {"unit": "m2"}, {"value": "37.5", "unit": "m2"}, []])
def test_an_area_without_a_number_is_no_area_and_no_note(area: object) -> None:
    read = topology(document(room={"area": area}))
    assert (read_room(read).area_m2, read.notes) == (None, ())


@pytest.mark.parametrize(
    "coordinates",
    [
        None,
        [],
        [[0, 0], [1, 1]],
        "POLYGON((0 0, 1 0, 1 1))",
        [[0, 0], [1, 0], [1]],
        [[0, 0], [1, 0], [1, 1, 1]],
        [[0, 0], [1, 0], None],
        [["0", "0"], ["1", "0"], ["1", "1"]],
        [[0, 0], [1, 0], [1, True]],
        [[0, 0], [1, 0], [1, 1e9]],
        [{"x": 0, "y": 0}, {"x": 1, "y": 0}, {"x": 1, "y": 1}],
    ],
)
def test_a_room_may_have_no_polygon(coordinates: object) -> None:
    read = topology(document(room={"coordinates": coordinates}))
    assert read_room(read).polygon is None


@pytest.mark.parametrize(
    ("plans", "outline"),
    [
        (None, None),
        ([], None),
        ([{}], None),
        ([{"coordinates": None}, {"coordinates": [[0, 0], [2, 0], [0, 2]]}], ((0, 0), (2, 0), (0, 2))),
        ([{"coordinates": [[0, 0], [2, 0], [0, 2]], "rotation": 90}], ((0, 0), (2, 0), (0, 2))),
    ],
)
def test_the_outline_is_the_first_plan_with_coordinates(plans: object, outline: object) -> None:
    assert read_floor(topology(document(floor={"floor_plans": plans}))).outline == outline


AREA = [[0, 0], [20, 0], [20, 10], [0, 10]]
PLAN = {"url": "https://plans.example.com/1.png?signature=s3cret", "coordinates": AREA}


@pytest.mark.parametrize(
    ("plans", "place"),
    [
        ([PLAN], (PLAN["url"], 4, 0.0)),
        ([{**PLAN, "rotation": None}], (PLAN["url"], 4, 0.0)),
        ([{**PLAN, "rotation": -90}], (PLAN["url"], 4, -90.0)),
        ([{**PLAN, "rotation": 12.5, "coordinates": AREA[:3]}], (PLAN["url"], 3, 12.5)),
        # The first that can be used.
        ([{"coordinates": AREA}, {**PLAN, "url": ""}, PLAN], (PLAN["url"], 4, 0.0)),
        (None, None),
        ([], None),
        ([{"url": PLAN["url"]}], None),
        ([{**PLAN, "coordinates": [[0, 0], [20, 10]]}], None),
        ([{**PLAN, "coordinates": "all"}], None),
        ([{**PLAN, "url": None}], None),
        ([{**PLAN, "url": {"href": "https://plans.example.com"}}], None),
        ([{**PLAN, "rotation": "90"}], None),
        ([{**PLAN, "rotation": True}], None),
    ],
)
def test_a_plans_picture_is_told_with_its_place(plans: object, place: tuple[str, int, float] | None) -> None:
    plan = read_floor(topology(document(floor={"floor_plans": plans}))).plan
    assert (plan and (plan.url, len(plan.polygon), plan.rotation_deg)) == place
    assert "s3cret" not in repr(plan)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "CEST", "GMT+2", 7, ["Europe/Paris"]])
def test_an_odd_time_zone_is_utc_and_a_note(zone: object) -> None:
    read = topology(document(floor={"timezone": zone}))
    assert read_floor(read).timezone == "UTC"
    assert read.notes == (f"First floor: time zone {zone!r} is not known, UTC is used",)


def test_an_odd_time_zone_of_a_floor_without_a_name_is_noted_by_its_id() -> None:
    read = topology(document(floor={"timezone": "Mars/Olympus", "name": None}))
    assert read_floor(read).name == "space_1"
    assert read.notes == ("space_1: time zone 'Mars/Olympus' is not known, UTC is used",)


@pytest.mark.parametrize("zone", [None, ""])
def test_a_floor_without_a_time_zone_has_its_sites(zone: object) -> None:
    read = topology(document(floor={"timezone": zone}))
    assert (read_floor(read).timezone, read.notes) == ("Europe/London", ())


def test_no_time_zone_anywhere_is_utc_and_a_note() -> None:
    read = topology(document(floor={"timezone": None}, site={"timezone": None}))
    assert read_floor(read).timezone == "UTC"
    assert read.notes == ("First floor: time zone None is not known, UTC is used",)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["food", "video"], ("food", "video")),
        ([{"id": "tag_1", "name": "food"}, {"name": "video"}], ("food", "video")),
        ([{"id": "tag_1"}, None, 5, "", "food"], ("food",)),
        ([], ()),
        (None, ()),
        ("food", ()),
        ({"food": True}, ()),
    ],
)
def test_tags_are_names_or_objects_with_names(tags: object, expected: tuple[str, ...]) -> None:
    assert read_room(topology(document(room={"tags": tags}))).tags == expected


def test_names_may_be_missing_and_ids_may_not() -> None:
    read = topology(document(room={"name": None}))
    assert read_room(read).name == "room_1"
    assert read_floor(topology(document(room={"id": None}))).rooms == ()
    assert topology(document(floor={"id": None})).floors == {}
    assert read_floor(topology(document(floor={"zones": [{"name": "Bar"}]}))).zones == ()


@pytest.mark.parametrize("key", ["rooms", "zones", "floor_plans"])
@pytest.mark.parametrize("value", [None, [], {}, "x", [None, 5, []]])
def test_a_list_that_is_none_is_empty(key: str, value: object) -> None:
    floor = read_floor(topology(document(floor={key: value})))
    assert {"rooms": floor.rooms, "zones": floor.zones, "floor_plans": floor.outline or ()}[key] == ()


def test_floors_of_all_sites_come_in_butlrs_order() -> None:
    asked = document()
    other = copy.deepcopy(asked["sites"]["sites"]["data"][0])
    other["name"] = "Other campus"
    other["buildings"][0]["floors"] = [
        {**other["buildings"][0]["floors"][0], "id": floor_id} for floor_id in ("space_9", "space_2")
    ]
    asked["sites"]["sites"]["data"].append(other)
    read = topology(asked)
    assert list(read.floors) == ["space_1", "space_9", "space_2"]
    assert [building.site for building in read.buildings] == ["Campus", "Other campus"]


# Sensors


def sensor(state: object, room: object = "room_1", **more: object) -> dict[str, object]:
    return {"id": "sensor", "room_id": room, "is_online": state, "is_entrance": False, **more}


@pytest.mark.parametrize(
    ("sensors", "online"),
    [
        ([], None),
        ([sensor(True)], True),
        ([sensor(False)], False),
        ([sensor(False), sensor(True)], True),
        ([sensor(True), sensor(False)], True),
        ([sensor(False), sensor(False)], False),
        ([sensor(True, room="room_2"), sensor(False)], False),
        ([sensor(True, room=None), sensor(True, room=5)], None),
        ([sensor(None), sensor("yes"), sensor(1)], None),
        ([sensor(True, is_entrance=True), sensor(False)], False),
        ([sensor(True, is_entrance=True)], None),
        ([sensor(True, mode="traffic"), sensor(False, mode="presence")], False),
        ([sensor(True, mode="traffic")], None),
        ([sensor(True, mode="presence")], True),
        ([sensor(True, mode=None)], True),
        ([None, 5, "sensor", sensor(True)], True),
    ],
)
def test_a_room_is_online_where_a_presence_sensor_of_it_is(sensors: list[Any], online: bool | None) -> None:
    """A door's counter sees nobody inside: it makes no heat map, so it does not make a room seen."""
    read = topology(document(sensors=sensors))
    assert (read_room(read).online, read.notes) == (online, ())


@pytest.mark.parametrize(
    "sensors", [None, {}, {"sensors": None}, {"sensors": []}, {"sensors": "x"}, {"sensors": {"data": None}}]
)
def test_sensors_that_are_not_told_leave_the_rooms_unknown_and_a_note(sensors: Any) -> None:
    read = topology({**document(), "sensors": sensors})
    assert read_room(read).online is None
    assert read.notes == ("Butlr did not say which sensors are online",)


# Documents that are none


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors": [{"message": "Cannot query field sites"}]}',
        b'{"data": null, "errors": [{"message": "Cannot query field sites"}]}',
        b'{"data": [], "note": "Cannot query field sites"}',
        b'["Cannot query field sites"]',
        b'"Cannot query field sites"',
    ],
)
def test_graphql_errors_without_data_are_said(body: bytes) -> None:
    with pytest.raises(UpstreamInvalid, match=r"topology has no data: .*Cannot query field sites"):
        data_of(body)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": {', b"\xff"])
def test_a_topology_that_is_no_json_is_said(body: bytes) -> None:
    with pytest.raises(UpstreamInvalid, match="topology is no JSON"):
        data_of(body)


def test_data_beside_errors_is_taken() -> None:
    body = orjson.dumps({"data": {"sites": {"data": []}}, "errors": [{"message": "a sensor is odd"}]})
    assert data_of(body) == {"sites": {"data": []}}


@pytest.mark.parametrize(
    "sites", [None, [], {}, "x", {"sites": None}, {"sites": []}, {"sites": ["x"]}, {"sites": {"data": {}}}]
)
def test_a_document_without_sites_is_an_error(sites: Any) -> None:
    with pytest.raises(UpstreamInvalid, match="topology has no sites"):
        topology({"sites": sites, "sensors": None})


@pytest.mark.parametrize("kept", [[], "x", 5, None, {}])
def test_what_is_no_document_is_an_error(kept: Any) -> None:
    """As a file that is JSON, but not ours, would give."""
    with pytest.raises(UpstreamInvalid, match="topology has no sites"):
        topology(kept)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


def paths(node: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where anything is in a document."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
    return [here, *(p for key in keys for p in paths(node[key], (*here, key)))]


@given(st.data(), JSON)
def test_anything_in_any_place_is_read_or_refused(data: st.DataObject, odd: Any) -> None:
    asked: Any = copy.deepcopy(document(sensors=[sensor(True)]))
    path = data.draw(st.sampled_from(paths(asked)[1:]))
    node = asked
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = odd
    try:
        read = topology(asked)
    except UpstreamInvalid:
        assert path[0] == "sites"
        assert len(path) <= 3
    else:
        assert all(isinstance(floor, Floor) for floor in read.floors.values())
