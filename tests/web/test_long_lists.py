"""Choices on an account of 200 floors and 4,000 rooms, whose names repeat in every building."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.simulator import People
from butlr_grafana.simulator.company import company
from butlr_grafana.web import options
from tests.support import World

FLOORS, ROOMS = 200, 20


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World(people=People(company(FLOORS, ROOMS)))
    assert world.http.get("/api/v1/spaces", query_string={"level": "floor"}).status_code == 200
    yield world
    world.close()


def choices(world: World, **payload: str) -> dict[str, str]:
    response = world.http.post("/variable", json={"payload": payload})
    assert response.status_code == 200, response.get_data(as_text=True)
    return {one["__text"]: one["__value"] for one in response.get_json()}


def test_each_floor_is_a_choice_with_its_building(world: World) -> None:
    found = choices(world, target="floors")
    assert len(found) == FLOORS
    assert found["Tokyo Shibuya / Ground floor"] == "space_tokyo_shibuya_0"


def test_each_room_is_a_choice_with_its_floor_and_building(world: World) -> None:
    found = choices(world, target="rooms")
    assert len(found) == FLOORS * ROOMS
    assert found["Kitchen (Tokyo Shibuya / Floor 1)"] == "room_tokyo_shibuya_1_kitchen"
    # Of one floor, as on the pages, the name is enough.
    own = choices(world, target="rooms", space="space_tokyo_shibuya_1")
    assert own["Kitchen"] == "room_tokyo_shibuya_1_kitchen"
    assert len(own) == ROOMS


def test_the_choices_of_panels_by_url_carry_buildings_too(world: World) -> None:
    rows = world.http.get("/api/v1/spaces", query_string={"format": "rows", "level": "floor"}).get_json()
    texts = [row["choice"] for row in rows]
    assert len(set(texts)) == FLOORS
    assert "Tokyo Shibuya / Ground floor" in texts


@pytest.mark.parametrize("typed", ["kitchen tokyo", "TOKYO Kit", "tokyo kitchen*"])
def test_words_that_are_typed_find_what_has_all_of_them(world: World, typed: str) -> None:
    found = choices(world, target="rooms", search=typed)
    floors = sum(floor.id.startswith("space_tokyo") for floor in world.simulator.people.office.floors)
    assert len(found) == floors
    assert all(text.startswith("Kitchen (Tokyo ") for text in found)


@pytest.mark.parametrize("typed", ["", "*", "$__searchFilter", "${__searchFilter}"])
def test_where_nothing_is_typed_all_are_offered(world: World, typed: str) -> None:
    assert len(choices(world, target="floors", search=typed)) == FLOORS


def test_what_nothing_has_finds_nothing(world: World) -> None:
    assert choices(world, target="floors", search="Atlantis") == {}


@pytest.mark.parametrize("search", [5, ["a"], {"a": 1}])
def test_a_search_that_is_no_text_is_refused(world: World, search: Any) -> None:
    response = world.http.post("/variable", json={"payload": {"target": "floors", "search": search}})
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("search: ")


def test_lists_are_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "MOST_CHOICES", 50)
    assert len(choices(world, target="rooms")) == 50
    assert len(choices(world, target="rooms", search="Kitchen (Tokyo")) > 0
    monkeypatch.setattr(options, "MOST_CHOICES", 5)
    assert len(world.http.post("/tag-values", json={"key": "room"}).get_json()) == 5


def test_a_filter_offers_each_name_once(world: World) -> None:
    names = [one["text"] for one in world.http.post("/tag-values", json={"key": "room"}).get_json()]
    assert len(names) == len(set(names)) == ROOMS


def test_an_unknown_floor_names_some_floors_not_all(world: World) -> None:
    response = world.http.get("/api/v1/heatmap", query_string={"space": "space_tokyo", "format": "rows"})
    assert response.status_code in (400, 404)
    assert "(200 in all)" in response.get_json()["message"]
    assert len(response.get_json()["message"]) < 800
