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


def send_query(
    world: World, *filters: Any, target: str = "occupancy-now", name: str = "adhocFilters", **payload: Any
) -> Any:
    targets = [{"refId": "A", "target": target, "payload": {"space": PARIS, **payload}}]
    return world.http.post("/query", json={"range": RANGE, "targets": targets, name: list(filters)})


def rooms(response: Any) -> set[str]:
    assert response.status_code == 200, response.get_data(as_text=True)
    [frame] = response.get_json()
    return {room for field in frame["fields"] if field["name"] == "room_id" for room in field["values"]}


@pytest.mark.parametrize("chosen", ["All", "$__all", "", None, [], ["$__all"], [KITCHEN.id, LOUNGE.id]])
@pytest.mark.parametrize("name", ["adhocFilters", "filters"])
def test_a_filter_narrows_what_the_payload_chooses(world: World, chosen: Any, name: str) -> None:
    """The payload's choice of rooms is a dashboard variable's, which is `All` at first."""
    assert rooms(send_query(world, equal("room", "Lounge"), name=name, room=chosen)) == {LOUNGE.id}
    assert rooms(send_query(world, equal("room", LOUNGE.id), name=name, room=chosen)) == {LOUNGE.id}


def test_each_filter_narrows(world: World) -> None:
    assert rooms(send_query(world, equal("tag", TAG))) == TAGGED
    assert rooms(send_query(world, equal("tag", TAG), equal("room", "Kitchen"))) == {KITCHEN.id}
    assert rooms(send_query(world, equal("room", "Kitchen"), equal("room", "Lounge"))) == set()
    assert (
        rooms(send_query(world, equal("tag", TAG), room=[KITCHEN.id, LOUNGE.id]))
        == {KITCHEN.id, LOUNGE.id} & TAGGED
    )


def test_several_values_are_any_of_them(world: World) -> None:
    several = {"key": "room", "operator": "=|", "value": "Kitchen", "values": ["Kitchen", "Lounge"]}
    assert rooms(send_query(world, several)) == {KITCHEN.id, LOUNGE.id}
    # Grafana's older form may send an empty list beside the value.
    assert rooms(send_query(world, equal("room", "Kitchen", values=[]))) == {KITCHEN.id}


@pytest.mark.parametrize(
    "unfinished", [{"key": "room", "operator": "=", "value": ""}, {"key": "", "value": ""}]
)
def test_one_that_somebody_is_still_filling_in_is_passed_over(world: World, unfinished: Any) -> None:
    assert rooms(send_query(world, unfinished)) == {room.id for room in FLOORS[PARIS].rooms}


FRAMES = [t.name for t in TARGETS.values() if "frames" in t.formats and "room" in t.parameters]
CELLS = ("heatmap", "compare")


@pytest.mark.parametrize("target", FRAMES)
@pytest.mark.parametrize("level", ["room", "floor"])
def test_a_room_of_another_floor_leaves_nothing_and_says_so(world: World, target: str, level: str) -> None:
    """It is offered, for a page may have panels of several floors. Nothing is asked of Butlr for it."""
    offered = world.http.post("/tag-values", json={"key": "room"}).get_json()
    assert ELSEWHERE.name in [choice["text"] for choice in offered]
    before = [world.simulator.count(path) for path in (DETECTIONS, REPORTING, STATS)]
    response = send_query(world, equal("room", ELSEWHERE.name), target=target, level=level, normalize="max")
    assert response.status_code == 200, response.get_data(as_text=True)
    assert [world.simulator.count(path) for path in (DETECTIONS, REPORTING, STATS)] == before
    [frame] = response.get_json()
    [notice] = [n for n in frame["meta"]["notices"] if "filters match no room" in n["text"]]
    assert notice["severity"] == "info"
    values = [v for f in frame["fields"] if f["name"] not in ("x", "y") for v in f["values"]]
    assert set(values) <= {None}
    assert (target in CELLS) == bool(values)
    # The fields are those of an answer that has rows.
    [whole, *_] = send_query(world, target=target, level=level, normalize="max").get_json()
    if whole["fields"][0]["values"]:
        own = [{k: f[k] for k in ("name", "type")} for f in frame["fields"]]
        assert own == [{k: f[k] for k in ("name", "type")} for f in whole["fields"]]


def of_type(space: str, *types: str) -> set[str]:
    """The ids of the rooms that Butlr gives one of the types."""
    return {r.id for r in FLOORS[space].rooms if r.type_in_butlr in types}


def get(world: World, target: str, **params: str) -> Any:
    return world.http.get(f"/api/v1/{target}", query_string={**RANGE, **params})


TYPED = [t.name for t in TARGETS.values() if "type" in t.parameters]


def test_rooms_are_chosen_by_their_type(world: World) -> None:
    assert of_type(PARIS, "kitchen") == {KITCHEN.id}
    for types in (("kitchen",), ("kitchen", "lounge")):
        found = get(world, "occupancy-now", space=PARIS, type=",".join(types), format="rows").get_json()
        assert {row["room_id"] for row in found} == of_type(PARIS, *types)
    # With a choice of rooms: those of both.
    both = get(world, "occupancy-now", space=PARIS, type="kitchen", room=f"{KITCHEN.id},{LOUNGE.id}")
    assert rooms(both) == {KITCHEN.id}
    for everything in ("All", "", "$__all"):
        found = get(world, "occupancy-now", space=PARIS, type=everything, format="rows").get_json()
        assert len(found) == len(FLOORS[PARIS].rooms)
    assert rooms(send_query(world, equal("type", "kitchen"))) == {KITCHEN.id}


def test_whatever_lists_rooms_can_be_limited_by_type() -> None:
    assert set(TYPED) == {t.name for t in TARGETS.values() if "room" in t.parameters}


@pytest.mark.parametrize("target", ["occupancy", "occupancy-now", "hot-zones", "unusual"])
def test_a_floor_is_that_of_its_rooms_of_a_type(world: World, target: str) -> None:
    """Added up, as rooms are that are chosen one by one."""
    by_type = get(world, target, space=PARIS, level="floor", type="lounge", format="rows").get_json()
    by_room = {"room": ",".join(sorted(of_type(PARIS, "lounge")))}
    chosen = get(world, target, space=PARIS, level="floor", format="rows", **by_room).get_json()
    assert by_type == chosen
    assert by_type != get(world, target, space=PARIS, level="floor", format="rows").get_json()


@pytest.mark.parametrize("target", TYPED)
def test_a_type_that_no_chosen_room_has_leaves_nothing(world: World, target: str) -> None:
    """A page keeps its choice of types from floor to floor."""
    one = {"space": PARIS, "type": "kitchen", "room": LOUNGE.id}
    response = get(world, target, **one)
    assert response.status_code == 200, response.get_data(as_text=True)
    [frame] = response.get_json()
    if target != "events":  # of nothing that was hot there is nothing to leave out
        assert any("filters match no room" in notice["text"] for notice in frame["meta"]["notices"])
    for form in set(TARGETS[target].formats) - {"frames"}:
        response = get(world, target, **one, format=form)
        if TARGETS[target].shape is None:
            assert response.status_code == 200
        else:
            # A picture of nothing would be taken for one of an empty floor.
            assert response.status_code == 400
            assert response.get_json()["message"].startswith("type: no requested room has one of these types")


def test_a_type_that_there_is_not_is_an_error(world: World) -> None:
    response = get(world, "utilization", space=PARIS, type="kitchn")
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("type: 'kitchn' is unknown; did you mean kitchen?")


def test_types_are_offered_with_what_a_person_reads(world: World) -> None:
    found = get(world, "room-types", format="rows").get_json()
    everywhere = {
        own: set().union(*(of_type(space, own) for space in FLOORS)) for own in (r["type"] for r in found)
    }
    assert [row["choice"] for row in found] == [
        "Kitchen",
        "Lounge",
        "Meeting room",
        "Open space",
        "Phone booth",
    ]
    assert [row["rooms"] for row in found] == [len(everywhere[row["type"]]) for row in found]
    seats = {r.id: r.capacity.max for floor in FLOORS.values() for r in floor.rooms if r.capacity}
    assert [row["capacity"] for row in found] == [
        sum(seats.get(room, 0) for room in everywhere[row["type"]]) for row in found
    ]
    offered = world.http.post("/variable", json={"payload": {"target": "types"}}).get_json()
    assert [(o["__text"], o["__value"]) for o in offered] == [(row["choice"], row["type"]) for row in found]
    options = world.http.post("/metric-payload-options", json={"name": "type", "payload": {}}).get_json()
    assert [o["value"] for o in options] == [row["type"] for row in found]
    reported = world.http.post("/tag-values", json={"key": "type"}).get_json()
    assert [o["text"] for o in reported] == sorted(row["type"] for row in found)


def test_of_several_floors_those_that_have_the_room_are_left(world: World) -> None:
    found = rooms(send_query(world, equal("room", ELSEWHERE.name), space="all"))
    assert found == {ELSEWHERE.id}
    assert (
        rooms(send_query(world, equal("room", ELSEWHERE.name), equal("room", "Lounge"), space="all")) == set()
    )


def test_a_floor_of_which_nothing_is_left_is_not_shown_as_a_whole(world: World) -> None:
    either = {"key": "room", "operator": "=|", "value": "", "values": ["Lounge", ELSEWHERE.id]}
    chosen = [KITCHEN.id, ELSEWHERE.id]
    [frame] = send_query(world, either, space="all", room=chosen, level="floor").get_json()
    [spaces] = [field["values"] for field in frame["fields"] if field["name"] == "space"]
    assert spaces == [NEW_YORK]


@pytest.mark.parametrize(
    ("bad", "text"),
    [
        (equal("room", "Kitchn"), "room 'Kitchn' is unknown"),
        (equal("room", "All"), "room 'All' is unknown"),
        (equal("room", "Kitchen,Lounge"), "room 'Kitchen,Lounge' is unknown"),
        (equal("room", " Kitchen"), "room ' Kitchen' is unknown"),
        (equal("tag", "loud"), "tag 'loud' is unknown; allowed:"),
        (equal("zone", "x"), "'zone' is unknown; allowed: room, tag, type"),
        ({"key": "room", "operator": "=~", "value": "K.*"}, "operator '=~' is unknown; allowed: =, =|"),
        ({"key": "room", "value": {"a": 1}}, "use a text or a number, not an object"),
        ({"key": ["room"], "value": "x"}, "is unknown; did you mean room? Allowed: room, tag, type"),
        ("room", "an item is a text; use an object"),
        (None, "an item is null; use an object"),
    ],
)
def test_what_no_filter_can_be_is_named(world: World, bad: Any, text: str) -> None:
    response = send_query(world, bad)
    assert response.status_code == 400
    message = response.get_json()["message"]
    assert message.startswith("adhocFilters")
    assert text in message


def test_a_room_that_the_caller_may_not_see_is_as_unknown(make_world: Callable[..., World]) -> None:
    world = make_world(tokens=(BackendToken("paris-only", frozenset({PARIS})),))
    headers = {"Authorization": "Bearer paris-only"}
    targets = [{"refId": "A", "target": "occupancy-now", "payload": {"space": PARIS}}]
    text = set()
    for name in (ELSEWHERE.name, "Xyzzyq"):
        body = {"range": RANGE, "targets": targets, "adhocFilters": [equal("room", name)]}
        response = world.http.post("/query", json=body, headers=headers)
        assert response.status_code == 400
        text.add(response.get_json()["message"].replace(name, "…"))
    assert len(text) == 1


def test_a_small_rooms_name_tells_nothing_of_it(make_world: Callable[..., World]) -> None:
    assert SMALL.capacity is not None
    world = make_world(min_capacity=SMALL.capacity.max + 1)
    response = send_query(world, equal("room", SMALL.name))
    assert response.status_code == 400
    assert "shown only within" in response.get_json()["message"]
