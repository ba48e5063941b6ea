"""A dashboard's ad-hoc filters narrow whatever a panel asks for; where they leave nothing, it is empty."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from butlr_grafana.base.access import BackendToken
from butlr_grafana.targets.registry import TARGETS
from tests.support import DETECTIONS, NEW_YORK, PARIS, PEOPLE, REPORTING, STATS, World

RANGE = {"from": "2026-06-17T10:00:00Z", "to": "2026-06-17T12:00:00Z"}
FLOORS = PEOPLE.office.by_id
KITCHEN, LOUNGE = (next(r for r in FLOORS[PARIS].rooms if r.name == name) for name in ("Kitchen", "Lounge"))
ELSEWHERE = next(
    r for r in FLOORS[NEW_YORK].rooms if r.name not in {room.name for room in FLOORS[PARIS].rooms}
)
SMALL = min((r for r in FLOORS[PARIS].rooms if r.capacity), key=lambda r: r.capacity.max)
TAG = KITCHEN.tags[0]
TAGGED = {room.id for room in FLOORS[PARIS].rooms if TAG in room.tags}


def equal(key: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "operator": "=", "value": values[0], **more}


def ask(
    world: World, *filters: Any, target: str = "occupancy-now", name: str = "adhocFilters", **payload: Any
) -> Any:
    targets = [{"refId": "A", "target": target, "payload": {"space": PARIS, **payload}}]
    return world.http.post("/query", json={"range": RANGE, "targets": targets, name: list(filters)})


def rooms(answer: Any) -> set[str]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    [frame] = answer.get_json()
    return {room for field in frame["fields"] if field["name"] == "room_id" for room in field["values"]}


@pytest.mark.parametrize("chosen", ["All", "$__all", "", None, [], ["$__all"], [KITCHEN.id, LOUNGE.id]])
@pytest.mark.parametrize("name", ["adhocFilters", "filters"])
def test_a_filter_narrows_what_the_payload_chooses(world: World, chosen: Any, name: str) -> None:
    """The payload's choice of rooms is a dashboard variable's, which is `All` at first."""
    assert rooms(ask(world, equal("room", "Lounge"), name=name, room=chosen)) == {LOUNGE.id}
    assert rooms(ask(world, equal("room", LOUNGE.id), name=name, room=chosen)) == {LOUNGE.id}


def test_each_filter_narrows(world: World) -> None:
    assert rooms(ask(world, equal("tag", TAG))) == TAGGED
    assert rooms(ask(world, equal("tag", TAG), equal("room", "Kitchen"))) == {KITCHEN.id}
    assert rooms(ask(world, equal("room", "Kitchen"), equal("room", "Lounge"))) == set()
    assert (
        rooms(ask(world, equal("tag", TAG), room=[KITCHEN.id, LOUNGE.id])) == {KITCHEN.id, LOUNGE.id} & TAGGED
    )


def test_several_values_are_any_of_them(world: World) -> None:
    several = {"key": "room", "operator": "=|", "value": "Kitchen", "values": ["Kitchen", "Lounge"]}
    assert rooms(ask(world, several)) == {KITCHEN.id, LOUNGE.id}
    # Grafana's older form may send an empty list beside the value.
    assert rooms(ask(world, equal("room", "Kitchen", values=[]))) == {KITCHEN.id}


@pytest.mark.parametrize(
    "unfinished", [{"key": "room", "operator": "=", "value": ""}, {"key": "", "value": ""}]
)
def test_one_that_somebody_is_still_filling_in_is_passed_over(world: World, unfinished: Any) -> None:
    assert rooms(ask(world, unfinished)) == {room.id for room in FLOORS[PARIS].rooms}


FRAMES = [t.name for t in TARGETS.values() if "frames" in t.formats and "room" in t.parameters]
CELLS = ("heatmap", "compare")


@pytest.mark.parametrize("target", FRAMES)
@pytest.mark.parametrize("level", ["room", "floor"])
def test_a_room_of_another_floor_leaves_nothing_and_says_so(world: World, target: str, level: str) -> None:
    """It is offered, for a page may have panels of several floors. Nothing is asked of Butlr for it."""
    offered = world.http.post("/tag-values", json={"key": "room"}).get_json()
    assert ELSEWHERE.name in [choice["text"] for choice in offered]
    before = [world.simulator.count(path) for path in (DETECTIONS, REPORTING, STATS)]
    answer = ask(world, equal("room", ELSEWHERE.name), target=target, level=level, normalize="max")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert [world.simulator.count(path) for path in (DETECTIONS, REPORTING, STATS)] == before
    [frame] = answer.get_json()
    [notice] = [n for n in frame["meta"]["notices"] if "filters match no room" in n["text"]]
    assert notice["severity"] == "info"
    values = [v for f in frame["fields"] if f["name"] not in ("x", "y") for v in f["values"]]
    assert set(values) <= {None}
    assert (target in CELLS) == bool(values)
    # The fields are those of an answer that has rows.
    [whole, *_] = ask(world, target=target, level=level, normalize="max").get_json()
    if whole["fields"][0]["values"]:
        own = [{k: f[k] for k in ("name", "type")} for f in frame["fields"]]
        assert own == [{k: f[k] for k in ("name", "type")} for f in whole["fields"]]


def test_of_several_floors_those_that_have_the_room_are_left(world: World) -> None:
    found = rooms(ask(world, equal("room", ELSEWHERE.name), space="all"))
    assert found == {ELSEWHERE.id}
    assert rooms(ask(world, equal("room", ELSEWHERE.name), equal("room", "Lounge"), space="all")) == set()


def test_a_floor_of_which_nothing_is_left_is_not_shown_as_a_whole(world: World) -> None:
    either = {"key": "room", "operator": "=|", "value": "", "values": ["Lounge", ELSEWHERE.id]}
    chosen = [KITCHEN.id, ELSEWHERE.id]
    [frame] = ask(world, either, space="all", room=chosen, level="floor").get_json()
    [spaces] = [field["values"] for field in frame["fields"] if field["name"] == "space"]
    assert spaces == [NEW_YORK]


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (equal("room", "Kitchn"), "room 'Kitchn' is not known"),
        (equal("room", "All"), "room 'All' is not known"),
        (equal("room", "Kitchen,Lounge"), "room 'Kitchen,Lounge' is not known"),
        (equal("room", " Kitchen"), "room ' Kitchen' is not known"),
        (equal("tag", "loud"), "tag 'loud' is not known; it may be"),
        (equal("zone", "x"), "'zone' is not known; it may be room, tag"),
        ({"key": "room", "operator": "=~", "value": "K.*"}, "operator '=~' is not known; it may be = or =|"),
        ({"key": "room", "value": {"a": 1}}, "it may be a text or a number, not an object"),
        ({"key": ["room"], "value": "x"}, "is not known; did you mean room? It may be room, tag"),
        ("room", "an item is a text; it may be an object"),
        (None, "an item is null; it may be an object"),
    ],
)
def test_what_no_filter_can_be_is_named(world: World, bad: Any, said: str) -> None:
    answer = ask(world, bad)
    assert answer.status_code == 400
    message = answer.get_json()["message"]
    assert message.startswith("adhocFilters")
    assert said in message


def test_a_room_that_the_caller_may_not_see_is_as_unknown(make_world: Callable[..., World]) -> None:
    world = make_world(tokens=(BackendToken("paris-only", frozenset({PARIS})),))
    headers = {"Authorization": "Bearer paris-only"}
    targets = [{"refId": "A", "target": "occupancy-now", "payload": {"space": PARIS}}]
    said = set()
    for name in (ELSEWHERE.name, "Xyzzyq"):
        body = {"range": RANGE, "targets": targets, "adhocFilters": [equal("room", name)]}
        answer = world.http.post("/query", json=body, headers=headers)
        assert answer.status_code == 400
        said.add(answer.get_json()["message"].replace(name, "…"))
    assert len(said) == 1


def test_a_small_rooms_name_tells_nothing_of_it(make_world: Callable[..., World]) -> None:
    assert SMALL.capacity is not None
    world = make_world(min_capacity=SMALL.capacity.max + 1)
    answer = ask(world, equal("room", SMALL.name))
    assert answer.status_code == 400
    assert "shown only within" in answer.get_json()["message"]
