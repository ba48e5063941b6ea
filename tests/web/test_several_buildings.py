"""Floors of several buildings share names: beside each other, each is told with its building."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.simulator.company import company
from butlr_grafana.simulator.people import People
from tests.support import World

OFFICE = company(12, 3)
DAY = {"from": "2026-06-16T06:00:00Z", "to": "2026-06-16T09:00:00Z"}
BUILDING = {floor.id: building.name for _, building in OFFICE.buildings for floor in building.floors}
NAMES = {floor.id: floor.name for floor in OFFICE.floors}


@pytest.fixture(scope="module")
def several() -> Iterator[World]:
    world = World(people=People(OFFICE))
    yield world
    world.close()


def get(world: World, target: str, **words: str) -> Any:
    answer = world.http.get(f"/api/v1/{target}", query_string={**DAY, **words})
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def test_the_company_has_floors_of_the_same_name() -> None:
    assert len(set(BUILDING.values())) > 1
    assert len(set(NAMES.values())) < len(NAMES)


@pytest.mark.parametrize(("target", "more"), [("occupancy", ("",)), ("traffic", (" in", " out"))])
def test_a_legend_names_building_and_floor(several: World, target: str, more: tuple[str, ...]) -> None:
    frames = get(several, target, space="all", level="floor", every="1h")
    assert len(frames) == len(NAMES)
    for frame in frames:
        _, *values = frame["fields"]
        space = values[0]["labels"]["space"]
        whole = f"{BUILDING[space]}, {NAMES[space]}"
        assert frame["name"] == whole
        assert [field["config"]["displayNameFromDS"] for field in values] == [whole + end for end in more]
        assert values[0]["labels"]["floor"] == NAMES[space]
    assert len({frame["name"] for frame in frames}) == len(NAMES)


def test_a_floor_alone_and_floors_of_one_building_have_their_names(several: World) -> None:
    building = max((b for _, b in OFFICE.buildings), key=lambda b: len(b.floors))
    for floors in (building.floors[:1], building.floors[:3]):
        frames = get(several, "occupancy", space=",".join(f.id for f in floors), level="floor", every="1h")
        assert [frame["name"] for frame in frames] == [floor.name for floor in floors]


def test_rooms_of_several_floors_are_told_with_their_floor(several: World) -> None:
    one, other = (building.floors[0] for _, building in list(OFFICE.buildings)[:2])
    frames = get(several, "presence", space=f"{one.id},{other.id}", every="1h")
    expected = [
        f"{room.name} ({BUILDING[floor.id]}, {floor.name})" for floor in (one, other) for room in floor.rooms
    ]
    assert [frame["name"] for frame in frames] == expected


@pytest.mark.parametrize(
    ("target", "level"),
    [
        *(("hot-zones", "floor"), ("hot-zones", "room"), ("utilization", "")),
        *(("compare-utilization", ""), ("occupancy-now", "floor")),
    ],
)
def test_rows_have_the_building(several: World, target: str, level: str) -> None:
    words = {"level": level} if level else {}
    rows = get(several, target, space="all", format="rows", **words)
    assert {row["space"] for row in rows} == set(NAMES)
    assert all(row["building"] == BUILDING[row["space"]] for row in rows)


def test_a_notice_about_a_floor_names_its_building() -> None:
    """A hive of two floors of the same name is off: each notice says in which building that is."""
    by_name: dict[str, list[str]] = {}
    for space, name in NAMES.items():
        by_name.setdefault(name, []).append(space)
    two = max(by_name.values(), key=len)[:2]
    assert len({BUILDING[space] for space in two}) == 2
    world = World(people=People(OFFICE))
    now_s = int(world.now_s)
    for space in two:
        world.simulator.outage(f"hive_{space.removeprefix('space_')}_1", now_s - 600, now_s + 600)
    [frame, *_] = get(world, "occupancy", space=",".join(two), level="floor", every="1h")
    texts = [notice["text"] for notice in frame["meta"]["notices"] if "hive" in notice["text"]]
    assert texts
    for text in texts:
        assert text.startswith(tuple(f"{BUILDING[space]}, {NAMES[space]}: " for space in two)), text
    world.close()
