"""A large tenant: how many of what there are, how they are called, and that it costs little."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import pytest
from shapely import Polygon

from butlr_grafana.simulator import People, Simulator
from butlr_grafana.simulator.__main__ import run
from butlr_grafana.simulator.company import company
from butlr_grafana.simulator.places import Places
from butlr_grafana.simulator.roster import PEOPLE_PER_FLOOR
from tests.support import at

FLOORS, ROOMS = 200, 20
OFFICE = company(FLOORS, ROOMS)


@pytest.mark.parametrize(("floors", "rooms"), [(1, 2), (13, 20), (200, 20), (1000, 7), (3, 200)])
def test_there_are_so_many_floors_each_of_so_many_rooms(floors: int, rooms: int) -> None:
    office = company(floors, rooms)
    assert len(list(office.floors)) == floors
    assert {len(floor.rooms) for floor in office.floors} == {rooms}


@pytest.mark.parametrize(("floors", "rooms"), [(0, 20), (1001, 20), (10, 1), (10, 201)])
def test_other_numbers_are_refused(floors: int, rooms: int) -> None:
    with pytest.raises(ValueError, match="a number from"):
        company(floors, rooms)


def test_there_are_many_buildings_in_cities_with_clocks_of_their_own() -> None:
    buildings = [building for _, building in OFFICE.buildings]
    assert len(OFFICE.sites) == 14
    assert len({site.timezone for site in OFFICE.sites}) == 14
    assert len(buildings) == 28
    assert len({building.name for building in buildings}) == 28
    assert all(building.name.startswith(site.name) for site, building in OFFICE.buildings)
    left, *heights = sorted(len(building.floors) for building in buildings)
    assert left + sum(heights) == FLOORS
    assert set(heights) <= set(range(5, 11))


def test_ids_and_addresses_are_unique_but_names_repeat_in_each_building_and_on_each_floor() -> None:
    rooms = [room for floor in OFFICE.floors for room in floor.rooms]
    ids = [one.id for one in (*OFFICE.sites, *OFFICE.floors, *rooms, *OFFICE.sensors, *OFFICE.hives)]
    ids += [building.id for _, building in OFFICE.buildings]
    assert len(ids) == len(set(ids))
    assert all(one.isascii() for one in ids)
    addresses = [sensor.mac_address for sensor in OFFICE.sensors]
    assert len(addresses) == len(set(addresses))
    assert Counter(floor.name for floor in OFFICE.floors)["Ground floor"] == 28
    assert Counter(room.name for room in rooms)["Kitchen"] == FLOORS
    for floor in OFFICE.floors:
        assert len({room.name for room in floor.rooms}) == ROOMS


def test_floors_have_tags_of_their_region_and_team() -> None:
    tags = Counter(tag for floor in OFFICE.floors for tag in floor.tags)
    assert tags["EMEA"] + tags["Americas"] + tags["APAC"] == FLOORS
    assert tags["reception"] == 28
    assert set(tags) > {"engineering", "sales", "finance"}


def test_rooms_lie_beside_each_other_on_the_floor() -> None:
    floor = next(OFFICE.floors)
    outline, rooms = Polygon(floor.outline), [Polygon(room.footprint) for room in floor.rooms]
    assert all(outline.covers(room) for room in rooms)
    assert not any(a.intersection(b).area for a, b in combinations(rooms, 2))


def test_each_floor_has_people_of_its_own_and_the_same_each_time() -> None:
    start_s, stop_s = at("2026-06-17T08:00:00"), at("2026-06-17T09:00:00")
    first, *others = list(OFFICE.floors)[:4]
    people = People(OFFICE)
    counts = {floor.id: people.count(floor.id, "people", start_s, stop_s) for floor in (first, *others)}
    assert all((counts[first.id] != counts[floor.id]).any() for floor in others)
    assert all(counts[floor.id][0].max() > floor.staff // 2 for floor in (first, *others))
    again = People(OFFICE).count(others[0].id, "people", start_s, stop_s)
    assert (again == counts[others[0].id]).all()
    numbers = [set(people.stays(floor.id, start_s, stop_s).person.tolist()) for floor in (first, *others)]
    assert all(not a & b for a, b in pairwise(numbers))
    assert max(numbers[1]) < 2 * PEOPLE_PER_FLOOR


def test_nothing_is_worked_out_of_a_floor_before_it_is_requested(monkeypatch: pytest.MonkeyPatch) -> None:
    """And of floors that are drawn alike once."""
    made: list[str] = []

    class Counted(Places):
        def __init__(self, floor: object) -> None:
            made.append(floor.id)  # type: ignore[attr-defined]
            super().__init__(floor)  # type: ignore[arg-type]

    monkeypatch.setattr("butlr_grafana.simulator.people.Places", Counted)
    people = People(OFFICE)
    Simulator(people)
    assert not made
    start_s = at("2026-06-17T08:00:00")
    first, second, *_ = OFFICE.floors
    for floor in (first, second):
        people.count(floor.id, "people", start_s, start_s + 3600)
    assert made == [first.id]


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (("--floors", "0"), "a number of floors from 1 to 1000"),
        (("--floors", "many"), "a number of floors from 1 to 1000"),
        (("--floors", "8", "--rooms-per-floor", "1"), "a number of rooms from 2 to 200"),
        (("--rooms-per-floor", "20"), "--rooms-per-floor needs --floors"),
    ],
)
def test_wrong_sizes_are_refused_before_anything_starts(
    options: tuple[str, ...], reported: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run([*options, "--port", "0"])
    assert reported in capsys.readouterr().err
