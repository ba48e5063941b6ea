"""Texts to choose by: each means one thing, and says what tells it apart."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.model.choices import Choice, in_order, of_asset, of_building, of_floor, unique_texts
from butlr_grafana.model.floor import Building, Floor, Room
from tests.named import room, tell
from tests.support import NEW_YORK, PARIS, World

pytestmark = pytest.mark.fast

PARIS_SITE, LYON_SITE = (Building(f"building_{n}", "HQ", site) for n, site in enumerate(("Paris", "Lyon")))
ANNEX = Building("building_9", "Annex", "Paris")


def floor(number: int, name: str, building: Building = PARIS_SITE) -> Floor:
    return Floor(f"space_{number}", name, building, "UTC")


def texts(*choices: Choice) -> list[str]:
    return [text for text, _ in in_order(choices)]


def test_what_differs_is_told_as_shortly_as_it_can_be() -> None:
    assert texts(of_floor(floor(1, "1st")), of_floor(floor(2, "2nd"))) == ["HQ / 1st", "HQ / 2nd"]
    assert texts(of_building(PARIS_SITE), of_building(ANNEX)) == ["HQ", "Annex"]


def test_equal_names_are_told_apart_by_where_they_are() -> None:
    assert texts(of_building(PARIS_SITE), of_building(LYON_SITE), of_building(ANNEX)) == [
        "Paris / HQ",
        "Lyon / HQ",
        "Annex",
    ]
    floors = (floor(1, "1st"), floor(2, "1st", LYON_SITE), floor(3, "2nd"))
    assert texts(*map(of_floor, floors)) == ["Paris / HQ / 1st", "Lyon / HQ / 1st", "HQ / 2nd"]
    others = (floor(4, "1st", ANNEX), floor(5, "1st"), floor(6, "2nd"))
    assert texts(*(of_asset(Room(f"room_{f.id}", "Lab", f.id), f, alone=False) for f in others)) == [
        "Lab (Annex / 1st)",
        "Lab (HQ / 1st)",
        "Lab (2nd)",
    ]


def test_then_by_a_number_in_the_order_of_their_ids() -> None:
    twins = [floor(number, "1st") for number in (3, 1, 2)]
    assert in_order([of_floor(one) for one in twins]) == [
        ("HQ / 1st (3)", "space_3"),
        ("HQ / 1st (1)", "space_1"),
        ("HQ / 1st (2)", "space_2"),
    ]
    rooms = [
        Room(f"room_{n}", name, "space_1") for n, name in enumerate(("Lab", "Lab (1)", "Lab", "Lab\u00a0 "))
    ]
    assert texts(*(of_asset(one, twins[0], alone=True) for one in rooms)) == [
        "Lab (2)",
        "Lab (1)",
        "Lab (3)",
        "Lab\u00a0  (4)",
    ]


def test_what_has_no_name_that_can_be_seen_is_told_by_its_id() -> None:
    blank = Room("room_7", " \u00a0", "space_1")
    assert texts(of_asset(blank, floor(1, "1st"), alone=True)) == ["room_7"]


names = st.sampled_from(("Lab", "Lab ", "Lab (1)", "Lab (2)", "Lab (1) (1)", "", " ", "room_1", "Staff Room"))


@given(st.lists(st.tuples(st.integers(0, 30), names, names, names), max_size=40))
def test_no_two_texts_look_alike(drawn: list[tuple[int, str, str, str]]) -> None:
    """Whatever things are called, and even where one is listed twice."""
    choices = [Choice(f"id_{number}", tuple(ladder)) for number, *ladder in drawn]
    found = unique_texts(choices)
    assert set(found) == {choice.id for choice in choices}
    assert len({" ".join(text.split()) for text in found.values()}) == len(found)


def choices(world: World, payload: dict[str, Any]) -> list[tuple[str, str]]:
    result = world.http.post("/variable", json={"payload": payload}).get_json()
    return [(choice["__text"], choice["__value"]) for choice in result]


def of_frame(world: World, **params: str) -> list[tuple[str, str]]:
    rows = world.http.get("/api/v1/spaces", query_string={**params, "format": "rows"}).get_json()
    return [(row["choice"], row["id"]) for row in rows]


def test_191_staff_rooms_are_191_choices(make_world: Callable[..., World]) -> None:
    world = make_world()

    def change(reported: dict[str, Any]) -> None:
        if reported["id"] == PARIS:
            reported["rooms"] = [room(n, "Staff Room", space=PARIS) for n in range(191)]
        if reported["id"] == NEW_YORK:
            reported["rooms"] = [room(n, "Staff Room", space=NEW_YORK) for n in range(2)]

    tell(world, change)
    own = choices(world, {"target": "rooms", "space": PARIS})
    assert len(own) == len(dict(own)) == len({value for _, value in own}) == 191
    assert own[0][0].startswith("Staff Room (")
    everywhere = dict(choices(world, {"target": "rooms"}))
    assert {text for text in everywhere if "New York, ground floor" in text} == {
        "Staff Room (New York, ground floor) (1)",
        "Staff Room (New York, ground floor) (2)",
    }
    assert len(set(everywhere.values())) == len(everywhere) > 193
    # The other data source's pages choose by the same texts.
    assert of_frame(world, level="room", space=PARIS) == own
    body = {"name": "room", "payload": {"space": PARIS}}
    offered = world.http.post("/metric-payload-options", json=body).get_json()
    assert [(option["label"], option["value"]) for option in offered] == own
    # As a filter the name stands for all of them.
    filters = world.http.post("/tag-values", json={"key": "room"}).get_json()
    assert [choice["text"] for choice in filters].count("Staff Room") == 1


def test_two_floors_of_one_name_can_both_be_chosen(make_world: Callable[..., World]) -> None:
    world = make_world()
    tell(world, lambda reported: reported.update(name="Ground"))
    found = choices(world, {"target": "floors"})
    assert [text for text, _ in found] == [
        "Paris / Ground (1)",
        "Paris / Ground (2)",
        "New York / Ground",
    ]
    assert of_frame(world, level="floor") == found
    page = world.http.get("/", headers={"Accept": "text/html"}).get_data(as_text=True)
    options = re.findall(r'<option value="(space_\w+)"(?: selected)?>(.*?)</option>', page)
    assert [(text, value) for value, text in options] == found
    labels = world.http.get("/api/v1/spaces?format=rows").get_json()
    assert len({row["label"] for row in labels}) == len(labels)


def test_several_floors_may_be_chosen_for_their_rooms(world: World) -> None:
    """A variable of floors may have several values."""
    both = choices(world, {"target": "rooms", "space": [PARIS, NEW_YORK]})
    assert {v for _, v in both} == {
        value
        for space in (PARIS, NEW_YORK)
        for _, value in choices(world, {"target": "rooms", "space": space})
    }
    for nothing in ("$__all", "All", [], None, ""):
        assert len(choices(world, {"target": "floors", "space": nothing, "building": nothing})) == 3
