"""The two GraphQL questions: what the simulator's office is, and what is read of it over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.base.errors import UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.api import Butlr, ButlrConfig
from butlr_grafana.butlr.topology import topology
from butlr_grafana.model.floor import Polygon
from butlr_grafana.simulator import Simulator
from butlr_grafana.simulator.forms import Forms
from butlr_grafana.simulator.world import Room as Built
from tests.support import GRAPHQL, NEW_YORK, PARIS, PARIS_2, PEOPLE, at

NOW_S = at("2025-06-11T12:00:00")


def shoelace_m2(polygon: Polygon) -> float:
    turned = zip(polygon, polygon[1:] + polygon[:1], strict=True)
    return abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in turned)) / 2


def seats(capacity: object) -> int | None:
    return capacity if isinstance(capacity, int | None) else capacity.max  # type: ignore[attr-defined]


def type_given(room: Built) -> str | None:
    return None if room.type_in_butlr == "Untagged" else room.type_in_butlr


def test_every_floor_room_and_zone_of_the_office_is_read(butlr: Butlr) -> None:
    read = topology(butlr.topology_document())
    assert [(note.floor_id, note.about) for note in read.notes] == [
        # Both are as the office was built: a room and an entrance with copies of sensors only.
        (PARIS_2, "traffic"),
        (NEW_YORK, "traffic"),
    ]
    office = PEOPLE.office
    assert list(read.floors) == [floor.id for floor in office.floors]
    assert [(b.id, b.name, b.site) for b in read.buildings] == [
        (b.id, b.name, site.name) for site in office.sites for b in site.buildings
    ]
    for known in office.floors:
        floor = read.floors[known.id]
        assert (floor.name, floor.number, floor.timezone) == (known.name, known.number, known.timezone)
        assert floor.capacity == seats(known.capacity)
        assert floor.area_m2 == pytest.approx(shoelace_m2(known.outline), abs=0.01)
        assert [(r.id, r.name, r.floor_id, r.type, r.polygon, r.capacity, r.tags) for r in floor.rooms] == [
            (r.id, r.name, known.id, type_given(r), r.polygon, seats(r.capacity), r.tags) for r in known.rooms
        ]
        for room, built in zip(floor.rooms, known.rooms, strict=True):
            if built.polygon is None:
                assert room.area_m2 is None
            else:
                assert room.area_m2 == pytest.approx(shoelace_m2(built.polygon), abs=0.01)
        assert [(z.id, z.name, z.floor_id, z.room_id, z.polygon) for z in floor.zones] == [
            (z.id, z.name, known.id, z.room_id, z.polygon) for z in known.zones
        ]


def test_the_office_has_the_odd_cases_that_this_is_about(butlr: Butlr) -> None:
    """By hand: a bare number, square feet, a room without polygon, one without seats, negative metres."""
    floors = topology(butlr.topology_document()).floors
    assert floors[PARIS_2].capacity == 60
    newyork = {room.name: room for room in floors[NEW_YORK].rooms}
    assert newyork["Open space"].area_m2 == pytest.approx(8.5 * 5.5, abs=0.01)
    assert newyork["Open space"].polygon == ((-9.5, -6.25), (-1.0, -6.25), (-1.0, -0.75), (-9.5, -0.75))
    assert (newyork["Wellbeing room"].polygon, newyork["Wellbeing room"].area_m2) == (None, None)
    assert newyork["Store"].capacity is None


def test_a_room_whose_heat_sensor_fails_is_offline_though_its_door_counts_on(
    butlr: Butlr, simulator: Simulator
) -> None:
    room_id = "room_paris_1_project_room"
    days = [NOW_S - day * 86_400 for day in range(28)]
    out = [at_s for at_s in days if PEOPLE.offline(room_id, at_s, at_s + 1)]
    assert 0 < len(out) < 28
    for at_s in (out[0], next(at_s for at_s in days if at_s not in out)):
        # Tokens age by this clock too; the client gets itself a new one.
        simulator.clock = lambda at_s=at_s: float(at_s)  # type: ignore[misc]
        rooms = topology(butlr.topology_document()).floors[PARIS].rooms
        online = {room.id: room.online for room in rooms}
        assert online.pop(room_id) is (at_s not in out)
        assert set(online.values()) == {True}


def test_a_room_without_any_sensor_is_unknown_not_offline(butlr: Butlr) -> None:
    rooms = topology(butlr.topology_document()).floors[NEW_YORK].rooms
    assert {room.name for room in rooms if room.online is None} == {"Store"}


def test_sensors_that_cannot_be_had_cost_a_note_not_the_floors(butlr: Butlr, simulator: Simulator) -> None:
    simulator.forms = Forms(missing_scopes=frozenset({"read:sensors"}))
    read = topology(butlr.topology_document())
    assert [note.text for note in read.notes] == [
        "Butlr did not list the sensors, so it is not known which are offline",
        "Butlr does not provide buildings.floors.zones.sensors, buildings.floors.zones.sensors.id "
        "on this account",
    ]
    assert len(read.floors) == 3
    assert {room.online for floor in read.floors.values() for room in floor.rooms} == {None}


def test_sites_that_cannot_be_had_are_an_error(butlr: Butlr, simulator: Simulator) -> None:
    simulator.faults.set(status=400, count=3)
    with pytest.raises(UpstreamRefused, match=f"400 on {GRAPHQL}"):
        butlr.topology_document()


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400, "count": 2},
        {"body": b'{"errors": [{"message": "Cannot query field \'url\'"}]}', "count": 1},
    ],
)
def test_a_question_that_is_refused_once_still_tells_the_floors(
    butlr: Butlr, simulator: Simulator, fault: dict[str, Any]
) -> None:
    whole = topology(butlr.topology_document())
    assert {floor.plan is not None for floor in whole.floors.values()} == {True}
    simulator.faults.set(**fault)
    plain = topology(butlr.topology_document())
    assert {floor.plan for floor in plain.floors.values()} == {None}
    assert [f.outline for f in plain.floors.values()] == [f.outline for f in whole.floors.values()]
    assert [len(f.rooms) for f in plain.floors.values()] == [len(f.rooms) for f in whole.floors.values()]
    assert any("does not provide" in note.text for note in plain.notes)


@pytest.mark.parametrize(
    "missing",
    [
        "FloorPlan.url",
        "Room.rotation",
        "Floor.tags",
        "Zone.sensors",
        "Sensor.center",
        "Hive.hiveType",
        "Floor.area",
    ],
)
def test_a_schema_that_lacks_a_field_loses_that_field_alone(
    butlr: Butlr, simulator: Simulator, missing: str
) -> None:
    whole = topology(butlr.topology_document())
    simulator.forms = Forms(missing_fields=frozenset({missing}))
    read = topology(butlr.topology_document())
    assert list(read.floors) == list(whole.floors)
    [note] = [note.text for note in read.notes if "does not provide" in note.text]
    assert missing.partition(".")[2] in note
    unlike = {
        name
        for key, floor in whole.floors.items()
        for name in ("plan", "rooms", "zones", "tags", "sensors", "area_m2", "outline", "capacity")
        if getattr(floor, name) != getattr(read.floors[key], name)
    }
    assert unlike <= {
        "FloorPlan.url": {"plan"},
        "Floor.tags": {"tags"},
        "Zone.sensors": {"zones"},
        "Sensor.center": {"sensors"},
        "Floor.area": {"area_m2"},
    }.get(missing, set())


def test_plans_pictures_cover_the_floors(butlr: Butlr, simulator: Simulator) -> None:
    floors = topology(butlr.topology_document()).floors
    for known in PEOPLE.office.floors:
        plan = floors[known.id].plan
        assert plan is not None
        assert plan.url == f"{simulator.url}/plans/{known.id}.png"
        xs, ys = zip(*plan.polygon, strict=True)
        assert (min(xs), min(ys), max(xs), max(ys)) == known.extent
        assert plan.rotation_deg == 0


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors": [{"message": "no such field"}]}',
        b'{"data": null, "errors": [{"message": "no such field"}]}',
    ],
)
def test_graphql_errors_without_data_are_said(butlr: Butlr, simulator: Simulator, body: bytes) -> None:
    simulator.faults.body = body
    with pytest.raises(UpstreamInvalid, match="rejected the topology query: no such field"):
        butlr.topology_document()


def test_each_path_is_a_setting(simulator: Simulator) -> None:
    moved = Butlr(ButlrConfig(simulator.url, "demo", "demo", graphql_path="/api/v4/graphql"))
    with pytest.raises(UpstreamRefused, match="404 on /api/v4/graphql"):
        moved.topology_document()
    moved.close()
    moved = Butlr(ButlrConfig(simulator.url, "demo", "demo", login_path="/api/v3/login"))
    with pytest.raises(UpstreamRefused, match=r"on /api/v3/login|credentials"):
        moved.topology_document()
    moved.close()
