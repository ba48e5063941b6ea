"""The office that ships is what its description says. Geometry is judged by shapely."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from shapely import Polygon, affinity, union_all

from butlr_grafana.simulator import default_office
from butlr_grafana.simulator.world import Floor

OFFICE = default_office()
FLOORS = [pytest.param(floor, id=floor.id) for floor in OFFICE.floors]


def test_two_buildings_three_floors_forty_rooms() -> None:
    buildings = [building for site in OFFICE.sites for building in site.buildings]
    assert [building.timezone for building in buildings] == ["Europe/Paris", "America/New_York"]
    assert [floor.id for floor in OFFICE.floors] == ["space_paris_1", "space_paris_2", "space_newyork_1"]
    assert sum(len(floor.rooms) for floor in OFFICE.floors) == 42


def test_ids_are_unique_but_names_repeat() -> None:
    floors = list(OFFICE.floors)
    rooms = [room for floor in floors for room in floor.rooms]
    zones = [zone for floor in floors for zone in floor.zones]
    ids = [
        *(floor.id for floor in floors),
        *(room.id for room in rooms),
        *(zone.id for zone in zones),
        *(sensor.id for sensor in OFFICE.sensors),
    ]
    assert len(ids) == len(set(ids))
    assert {room_id.split("_")[0] for room_id in ids} == {"space", "room", "zone", "sensor"}
    names = Counter(room.name for room in rooms)
    assert names["Kitchen"] == names["Meeting room 1"] == 3


def test_sensors_belong_to_rooms_of_their_floor() -> None:
    for floor in OFFICE.floors:
        rooms = {room.id for room in floor.rooms}
        assert all(sensor.floor_id == floor.id for sensor in floor.sensors)
        zones = {zone.id for zone in floor.zones if zone.room_id is None}
        assert all(sensor.room_id in rooms or sensor.zone_id in zones for sensor in floor.sensors)
        assert zones == {sensor.zone_id for sensor in floor.sensors} - {None}
        assert sum(sensor.is_entrance for sensor in floor.sensors) == 1
        assert {sensor.mode for sensor in floor.sensors} == {"presence", "traffic"}
    macs = [sensor.mac_address for sensor in OFFICE.sensors]
    assert len(macs) == len(set(macs))


def test_virtual_sensors_where_they_matter() -> None:
    """Who counts only physical sensors loses an entrance, and who counts all of them counts a door twice."""
    for floor_id, room, kinds in (
        ("space_newyork_1", "Store", ["clone"]),
        ("space_paris_2", "Canteen", ["physical", "clone"]),
        ("space_paris_1", "Meeting room 2", ["physical", "physical", "mirror"]),
        ("space_paris_1", "Lounge", ["physical", "clone"]),
        ("space_paris_2", "Parcel room", ["physical"]),
    ):
        floor = OFFICE.by_id[floor_id]
        room_id = next(one.id for one in floor.rooms if one.name == room)
        mine = [sensor for sensor in floor.sensors if sensor.room_id == room_id]
        assert [
            "clone" if sensor.is_clone else "mirror" if sensor.is_mirror else "physical" for sensor in mine
        ] == kinds
        sensors = {sensor.id: sensor for sensor in floor.sensors}
        assert all((sensor.twin_id in sensors) == sensor.is_virtual for sensor in mine)
    assert [sensor.mode for sensor in OFFICE.by_id["space_paris_2"].sensors if "Canteen" in sensor.name] == [
        "presence",
        "traffic",
    ]


def test_every_odd_form_of_a_fact_occurs() -> None:
    floors = list(OFFICE.floors)
    rooms = [room for floor in floors for room in floor.rooms]
    assert 2 <= sum(room.polygon is None for room in rooms) <= 5
    assert 2 <= sum(room.capacity is None for room in rooms) <= 8
    assert {floor.capacity.mid for floor in floors} == {0}
    assert {floor.area_unit for floor in floors} == {"m2", "sqft"}
    assert [floor.id for floor in floors if floor.grid_origin_m != (0, 0)] == ["space_paris_2"]
    assert min(floor.extent[0] for floor in floors) < 0
    assert min(floor.extent[1] for floor in floors) < 0
    zones = [zone for floor in floors for zone in floor.zones]
    assert {zone.room_id is None for zone in zones} == {True, False}


@pytest.mark.parametrize("floor", FLOORS)
def test_rooms_lie_on_the_floor_and_leave_a_corridor(floor: Floor) -> None:
    outline = Polygon(floor.outline)
    rooms = [Polygon(room.footprint) for room in floor.rooms]
    assert outline.is_valid
    assert all(room.is_valid for room in rooms)
    assert all(outline.covers(room) for room in rooms)
    assert outline.difference(union_all(rooms)).area > 0.08 * outline.area


def test_only_quiet_room_and_lounge_overlap() -> None:
    overlaps = {
        (one.name, other.name): Polygon(one.footprint).intersection(Polygon(other.footprint)).area
        for floor in OFFICE.floors
        for one, other in combinations(floor.rooms, 2)
    }
    assert {names: area for names, area in overlaps.items() if area > 1e-9} == {
        ("Quiet room", "Lounge"): pytest.approx(4.5)
    }


@pytest.mark.parametrize("floor", FLOORS)
def test_zones_lie_in_their_room_or_in_open_space(floor: Floor) -> None:
    rooms = {room.id: Polygon(room.footprint) for room in floor.rooms}
    for zone in floor.zones:
        polygon = Polygon(zone.polygon)
        if zone.room_id is None:
            assert Polygon(floor.outline).covers(polygon)
            assert polygon.intersection(union_all(list(rooms.values()))).area < 1e-9
        else:
            assert rooms[zone.room_id].covers(polygon)


@pytest.mark.parametrize("floor", FLOORS)
def test_no_mirroring_or_turning_maps_a_floor_onto_itself(floor: Floor) -> None:
    outline = Polygon(floor.outline)
    middle = outline.envelope.centroid
    turned = [affinity.rotate(outline, degrees, origin=middle) for degrees in (90, 180, 270)]
    mirrored = [affinity.scale(outline, x, y, origin=middle) for x, y in ((-1, 1), (1, -1))]
    for other in (*turned, *mirrored):
        assert outline.symmetric_difference(other).area > 10


@pytest.mark.parametrize("floor", FLOORS)
def test_areas_are_in_the_floors_unit(floor: Floor) -> None:
    m2 = Polygon(floor.outline).area
    assert floor.area(floor.outline) == pytest.approx(m2 * 10.7639104 if floor.area_unit == "sqft" else m2)
