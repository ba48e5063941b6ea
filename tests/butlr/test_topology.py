"""Butlr's GraphQL documents → `Topology`: the odd or missing is `None` and, where it matters, a note."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.device_notes import COPIES
from butlr_grafana.butlr.topology import topology
from butlr_grafana.model.floor import Building, Floor, Note, Room, Topology, Zone
from butlr_grafana.model.sensors import Hive, Sensor

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
        "tags": [{"id": "tag_1", "name": "food"}],
        "rotation": None,
        **(room or {}),
    }
    one_floor = {
        "id": "space_1",
        "name": "First floor",
        "floorNumber": 1,
        "timezone": "America/Lima",
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
                "capacity": {"max": 3, "mid": 0},
                "area": {"value": 4, "unit": "m2"},
                "tags": [{"id": "tag_2", "name": "bar"}],
                "sensors": [{"id": "sensor_9"}],
                "rotation": 30,
            }
        ],
        "tags": [{"id": "tag_3", "name": "north"}],
        **(floor or {}),
    }
    building = {"id": "building_1", "name": "Paris", "floors": [one_floor]}
    one_site = {
        "id": "site_1",
        "name": "Campus",
        "timezone": "Europe/Paris",
        "buildings": [building],
        **(site or {}),
    }
    return {
        "sites": {"sites": {"data": [one_site]}},
        "sensors": {"sensors": {"data": sensors or []}},
        "hives": {"hives": {"data": []}},
        "lost": [],
        "faults": 0,
    }


def texts(read: Topology) -> tuple[str, ...]:
    """The notes' texts, without what a floor without entrances says."""
    return tuple(note.text for note in read.notes if "is marked as an entrance" not in note.text)


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
                zones=(
                    Zone(
                        "zone_1",
                        "Bar",
                        "space_1",
                        "room_1",
                        polygon,
                        capacity=3,
                        area_m2=4.0,
                        tags=("bar",),
                        sensor_ids=("sensor_9",),
                        rotation_deg=30.0,
                    ),
                ),
                tags=("north",),
                sensors=(),
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
        # Not one room of a real account is for nobody: 0 is what nobody has entered.
        (0, None),
        ({"max": 0, "mid": 0}, None),
        (-5, None),
        ({"max": 4, "mid": 3}, 4),
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
    requested = document()
    del requested["sites"]["sites"]["data"][0]["buildings"][0]["floors"][0]["rooms"][0]["capacity"]
    assert read_room(topology(requested)).capacity is None


@pytest.mark.parametrize("unit", ["sqft", "SqFt", " sq ft ", "ft2", "ft²", "square feet"])
def test_square_feet_become_square_metres(unit: str) -> None:
    """A foot is 0.3048 m by definition, so 1,000 square feet are 92.90304 m²."""
    read = topology(document(room={"area": {"value": 1000, "unit": unit}}))
    assert read_room(read).area_m2 == pytest.approx(92.90304, rel=1e-12)
    assert texts(read) == ()


@pytest.mark.parametrize("unit", ["m2", "m²", "sqm", "M2", "square meters", "square metres"])
def test_square_metres_stay(unit: str) -> None:
    assert read_room(topology(document(room={"area": {"value": 37.5, "unit": unit}}))).area_m2 == 37.5


@pytest.mark.parametrize("unit", ["acres", "", "ft", None, 5])
def test_an_unknown_unit_is_no_area_and_a_note(unit: object) -> None:
    read = topology(document(room={"area": {"value": 37.5, "unit": unit}}))
    assert read_room(read).area_m2 is None
    assert texts(read) == (f"Kitchen: the area's unit {unit!r} is not known; m² and ft² are known",)


@pytest.mark.parametrize("area", [None, {}, {"unit": "m2"}, {"value": 0, "unit": "m2"}, []])
def test_no_area_is_no_area_and_no_note(area: object) -> None:
    read = topology(document(room={"area": area}))
    assert (read_room(read).area_m2, texts(read)) == (None, ())


def test_a_polygon_that_cannot_be_read_is_none_and_a_note_on_its_floor() -> None:
    """What forms there are is tested beside `plan_forms`."""
    read = topology(document(room={"coordinates": [[0, 0], [1, 0], None]}))
    assert read_room(read).polygon is None
    [note] = [note for note in read.notes if note.about == "places"]
    assert note.floor_id == "space_1"
    assert note.text.startswith("Kitchen: the polygon cannot be read:")


@pytest.mark.parametrize("coordinates", [None, []])
def test_a_room_may_have_no_polygon(coordinates: object) -> None:
    read = topology(document(room={"coordinates": coordinates}))
    assert (read_room(read).polygon, texts(read)) == (None, ())


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
        # Butlr's plans have no rotation; one that came would have no known meaning.
        ([{**PLAN, "rotation": -90}], (PLAN["url"], 4, 0.0)),
        ([{**PLAN, "coordinates": AREA[:3]}], (PLAN["url"], 3, 0.0)),
        # The first that can be used.
        ([{"coordinates": AREA}, {**PLAN, "url": ""}, PLAN], (PLAN["url"], 4, 0.0)),
        (None, None),
        ([], None),
        ([{"url": PLAN["url"]}], None),
        ([{**PLAN, "coordinates": [[0, 0], [20, 10]]}], None),
        ([{**PLAN, "coordinates": "all"}], None),
        ([{**PLAN, "url": None}], None),
        ([{**PLAN, "url": {"href": "https://plans.example.com"}}], None),
    ],
)
def test_a_plans_picture_is_told_with_its_place(plans: object, place: tuple[str, int, float] | None) -> None:
    plan = read_floor(topology(document(floor={"floor_plans": plans}))).plan
    assert (plan and (plan.url, len(plan.polygon), plan.rotation_deg)) == place
    assert "s3cret" not in repr(plan)


def test_a_floor_has_the_time_zone_of_its_site() -> None:
    """Butlr keeps zones there; its own client never uses a floor's."""
    assert read_floor(topology(document())).timezone == "Europe/Paris"


@pytest.mark.parametrize("zone", [None, "", "Mars/Olympus", "CEST", "GMT+2", 7, ["Europe/Paris"]])
def test_a_site_without_a_known_time_zone_leaves_it_to_the_floor(zone: object) -> None:
    read = topology(document(site={"timezone": zone}))
    assert (read_floor(read).timezone, texts(read)) == ("America/Lima", ())


@pytest.mark.parametrize("zone", ["Mars/Olympus", "CEST", "GMT+2", 7, ["Europe/Paris"]])
def test_an_odd_time_zone_everywhere_is_utc_and_a_note(zone: object) -> None:
    read = topology(document(floor={"timezone": "Moon"}, site={"timezone": zone}))
    assert read_floor(read).timezone == "UTC"
    assert Note("space_1", f"First floor: time zone {zone!r} is not known; UTC is used", "time") in read.notes


def test_no_time_zone_anywhere_is_utc_and_a_note() -> None:
    read = topology(document(floor={"timezone": None, "name": None}, site={"timezone": None}))
    assert read_floor(read).timezone == "UTC"
    assert texts(read) == ("space_1: Butlr has no time zone; UTC is used",)


@pytest.mark.parametrize("kind", [None, "", "Untagged"])
def test_a_room_type_that_says_nothing_is_none(kind: object) -> None:
    assert read_room(topology(document(room={"roomType": kind}))).type is None


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
    requested = document()
    other = copy.deepcopy(requested["sites"]["sites"]["data"][0])
    other["name"] = "Other campus"
    other["buildings"][0]["floors"] = [
        {**other["buildings"][0]["floors"][0], "id": floor_id} for floor_id in ("space_9", "space_2")
    ]
    requested["sites"]["sites"]["data"].append(other)
    read = topology(requested)
    assert list(read.floors) == ["space_1", "space_9", "space_2"]
    assert [building.site for building in read.buildings] == ["Campus", "Other campus"]


# Sensors


NUMBERS = itertools.count(1)


def sensor(state: object, room: object = "room_1", **more: object) -> dict[str, object]:
    own = {"id": f"sensor_{next(NUMBERS)}", "floor_id": "space_1", "room_id": room}
    return {**own, "is_online": state, "is_entrance": False, **more}


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
        # An original that is offline is not seen by its clone: the clone has its state.
        ([sensor(False, mac_address="AA-BB-01"), sensor(True, mac_address="fa-ke-01")], False),
        ([sensor(True, mac_address="fa-ke-01")], True),
        ([sensor(True, installation_status="UNINSTALLED"), sensor(False)], False),
    ],
)
def test_a_room_is_online_where_a_presence_sensor_of_it_is(sensors: list[Any], online: bool | None) -> None:
    """A door's counter sees nobody inside: it makes no heat map, so it does not make a room seen."""
    read = topology(document(sensors=sensors))
    assert (read_room(read).online, texts(read)) == (online, ())


@pytest.mark.parametrize(
    "sensors", [None, {}, {"sensors": None}, {"sensors": []}, {"sensors": "x"}, {"sensors": {"data": None}}]
)
def test_sensors_that_are_not_told_leave_the_rooms_unknown_and_a_note(sensors: Any) -> None:
    read = topology({**document(), "sensors": sensors})
    assert read_room(read).online is None
    assert read_floor(read).sensors is None
    assert texts(read) == ("Butlr did not list the sensors, so it is not known which are offline",)


def test_sensors_are_read_whole_and_put_on_their_floors() -> None:
    reported = {
        "id": "sensor_1",
        "name": "Kitchen heat",
        "mac_address": "AA-BB-01",
        "mode": "Activity",
        "model": "Heatic 2",
        "floor_id": "",
        "room_id": "room_1",
        "hive_serial": "SN-1",
        "is_entrance": None,
        "is_online": True,
        "power_type": None,
        "last_heartbeat": 1_893_996_000,
        "last_occupancy_message": 1_893_996_060_000,
        "installation_status": "INSTALLED",
        "battery_change_by_date": "2030-12-05T02:47:20.809134Z",
        "center": [1.5, 2.5],
        "height": 2.75,
        "field_of_view": 71,
    }
    elsewhere = {"id": "sensor_2", "floor_id": "space_9"}
    again = {**reported, "name": "Listed again"}
    hive = {
        "id": "hive_1",
        "serialNumber": "SN-1",
        "floor_id": "space_1",
        "isOnline": False,
        "lastHeartbeat": 7,
    }
    requested = {
        **document(sensors=[reported, elsewhere, again]),
        "hives": {"hives": {"data": [hive, hive, None]}},
    }
    floor = read_floor(topology(requested))
    assert floor.sensors == (
        Sensor(
            "sensor_1",
            "Kitchen heat",
            "AA-BB-01",
            "presence",
            "room_1",
            is_entrance=None,
            online=True,
            last_heartbeat_s=1_893_996_000,
            last_reading_s=1_893_996_060,
            hive_serial="SN-1",
            model="Heatic 2",
            battery_due="2030-12-05T02:47:20.809134Z",
            center_m=(1.5, 2.5),
            height_m=2.75,
            field_of_view_deg=71.0,
        ),
    )
    assert floor.hives == (Hive("hive_1", "hive_1", "SN-1", None, online=False, last_heartbeat_s=7),)


def test_a_zone_is_online_by_its_own_sensors_wherever_they_are_listed() -> None:
    """`room_id` of a zone decorates; its sensors are those that it lists."""
    beside = sensor(False, id="sensor_5")
    own = sensor(True, room="room_7", id="sensor_9")
    (zone,) = read_floor(topology(document(sensors=[beside, own]))).zones
    assert zone.online is True
    (zone,) = read_floor(topology(document(sensors=[beside]))).zones
    assert zone.online is None


NO_ENTRANCE = (
    "First floor: no traffic sensor is marked as an entrance, so people who enter and leave are not counted"
)


def door(**more: object) -> dict[str, object]:
    return sensor(True, **{"mode": "traffic", "mac_address": "AA-BB-01", **more})


@pytest.mark.parametrize(
    ("sensors", "message"),
    [
        ([door(is_entrance=True)], ()),
        (
            [door()],
            (NO_ENTRANCE,),
        ),
        (
            [door(is_entrance=True), door(is_entrance=True, is_online=False, mac_address="AA-BB-02")],
            ("First floor: 1 of 2 entrance sensors are offline, so in and out are too low",),
        ),
        (
            [door(is_entrance=True, mac_address="fa-ke-01"), door(room="room_2")],
            (COPIES.format("First floor, Kitchen"),),
        ),
    ],
)
def test_what_counts_at_doors_is_said_where_it_is_not_simply_all(
    sensors: list[Any], message: tuple[str, ...]
) -> None:
    assert topology(document(sensors=sensors)).notes == tuple(
        Note(
            "space_1",
            text,
            "traffic",
            ("room_1",) if "Kitchen" in text else (),
            is_neutral="virtual sensors" in text,
        )
        for text in message
    )


def test_what_is_listed_twice_is_there_once_with_a_note() -> None:
    requested = document()
    [building] = requested["sites"]["sites"]["data"][0]["buildings"]
    [floor] = building["floors"]
    other = {**copy.deepcopy(floor), "id": "space_2", "name": "Second floor"}
    floor["rooms"] *= 2
    floor["zones"] *= 2
    building["floors"] = [floor, floor, other]
    read = topology(requested)
    assert list(read.floors) == ["space_1", "space_2"]
    assert [len(f.rooms) for f in read.floors.values()] == [1, 0]
    assert [len(f.zones) for f in read.floors.values()] == [1, 0]
    notes = [(note.floor_id, note.text) for note in read.notes if "more than once" in note.text]
    assert notes == [
        ("space_1", "Kitchen (room_1) is listed more than once; the first entry is used"),
        ("space_1", "Bar (zone_1) is listed more than once; the first entry is used"),
        ("space_1", "First floor (space_1) is listed more than once; the first entry is used"),
        ("space_2", "Kitchen (room_1) is listed more than once; the first entry is used"),
        ("space_2", "Bar (zone_1) is listed more than once; the first entry is used"),
    ]


def test_a_part_of_an_answer_and_lost_fields_are_said() -> None:
    read = topology({**document(), "lost": ["buildings.floors.floor_plans.url"], "faults": 3})
    assert read.partial
    assert texts(read) == (
        "Butlr does not provide buildings.floors.floor_plans.url on this account",
        "Butlr sent only a part of its topology, with 3 errors",
    )


# Documents that are none


@pytest.mark.parametrize(
    "sites", [None, [], {}, "x", {"sites": None}, {"sites": []}, {"sites": ["x"]}, {"sites": {"data": {}}}]
)
def test_a_document_without_sites_is_an_error(sites: Any) -> None:
    with pytest.raises(UpstreamInvalid, match="topology has no sites"):
        topology({"sites": sites, "sensors": None})


@pytest.mark.parametrize("stored", [[], "x", 5, None, {}])
def test_what_is_no_document_is_an_error(stored: Any) -> None:
    """As a file that is JSON, but not ours, would give."""
    with pytest.raises(UpstreamInvalid, match="topology has no sites"):
        topology(stored)


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
    requested: Any = copy.deepcopy(document(sensors=[sensor(True)]))
    path = data.draw(st.sampled_from(paths(requested)[1:]))
    node = requested
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = odd
    try:
        read = topology(requested)
    except UpstreamInvalid:
        assert path[0] == "sites"
        assert len(path) <= 3
    else:
        assert all(isinstance(floor, Floor) for floor in read.floors.values())
