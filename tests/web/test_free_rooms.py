"""Free rooms, against the simulator's people: through offices' days, crowds, silent sensors and faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from butlr_grafana.model.privacy import SUM_ID
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.dashboards.free_rooms import expected, people_in
from tests.dashboards.people import View
from tests.support import (
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    REPORTING,
    World,
    at,
    floors_of,
    replace_endpoint,
)

Rows = list[dict[str, Any]]
LIBRARY = "room_paris_1_library"
"""Nobody ever enters it."""

PROJECT_ROOM = "room_paris_1_project_room"
"""Its sensor fails from 13 June for four days, by UTC; its door is counted."""


def send_query(world: World, **params: str) -> Rows:
    response = world.http.get("/api/v1/free-rooms", query_string={"space": "all", "format": "rows", **params})
    assert response.status_code == 200, response.get_data(as_text=True)
    rows: Rows = response.get_json()
    return rows


def row(world: World, room: str, **params: str) -> dict[str, Any]:
    [found] = [one for one in send_query(world, **params) if one["room_id"] == room]
    return found


def notices(world: World, **params: str) -> list[str]:
    response = world.http.get("/api/v1/free-rooms", query_string={"space": "all", **params})
    [frame] = response.get_json()
    return [notice["text"] for notice in frame["meta"]["notices"]]


@pytest.mark.parametrize(
    "now",
    [
        "2026-06-17T06:31:10",  # Paris begins to work
        "2026-06-17T09:59:59",  # meetings end
        "2026-06-17T12:34:56",
        "2026-06-17T16:01:30",  # Paris goes home, New York is at lunch
        "2026-06-20T12:00:00",  # a Saturday
        "2026-06-14T12:02:30",  # a sensor is offline
    ],
)
def test_each_rooms_state_is_that_of_its_people(make_world: Callable[..., World], now: str) -> None:
    world = make_world(now=now)
    view = View({"space": "all"}, 0, 0, int(world.now_s))
    found, wanted = send_query(world), expected(view)
    assert [(r["state"], r["room_id"], r["people"], r["free_for"], r["reason"]) for r in found] == [
        (r["state"], r["room_id"], r["people"], r["free_for"], r["reason"]) for r in wanted
    ]
    states = Counter(r["state"] for r in found)
    assert len(found) == sum(len(floor.rooms) for floor in PEOPLE.office.floors)
    assert states["unknown"] >= 2  # two rooms have no sensor
    assert states["free"] >= 10


def test_a_room_is_taken_at_once_and_free_after_five_minutes(make_world: Callable[..., World]) -> None:
    world = make_world(now="2026-06-17T11:00:20")
    came, went = at("2026-06-17T11:10"), at("2026-06-17T11:20")
    world.simulator.crowd(PARIS, LIBRARY, 3, came, went)
    try:
        reported = []
        for minute in range(8, 30):
            world.now_s = at("2026-06-17T11:00:20") + 60 * minute
            one = row(world, LIBRARY, space=PARIS)
            reported.append((minute, one["state"], one["people"], one["free_for"]))
    finally:
        world.simulator.clear_crowds()
    # A minute is known a minute after it is over: that of 11:10 at 11:12.
    taken = range(12, 22)

    def empty(minute: int) -> str:
        if minute < 12:
            return "at least 10 min"
        return f"{'not yet: nobody for ' if minute < 26 else ''}{minute - 21} min"

    assert reported == [
        (
            minute,
            "occupied" if minute in range(12, 26) else "free",
            3 if minute in taken else 0,
            "" if minute in taken else empty(minute),
        )
        for minute in range(8, 30)
    ]


def test_it_costs_no_call_beside_occupancy_now(world: World) -> None:
    """In either order, over all floors, and with whatever words."""

    def spent(target: str, **params: str) -> int:
        before = sum(call.path == REPORTING for call in world.simulator.calls)
        response = world.http.get(f"/api/v1/{target}", query_string={"space": "all", **params})
        assert response.status_code == 200
        return sum(call.path == REPORTING for call in world.simulator.calls) - before

    # Two a floor, who is seen and who came through the doors; or one call for several floors.
    assert 0 < spent("occupancy-now") <= 6
    for params in ({}, {"least_capacity": "6"}, {"type": "meeting_room"}, {"space": PARIS}, {"tag": "video"}):
        assert spent("free-rooms", **params) == 0
    world.now_s += 60
    assert 0 < spent("free-rooms", type="meeting_room", least_capacity="6") <= 6
    assert spent("occupancy-now") == 0


def test_who_looks_for_a_meeting_room_for_six_finds_the_smallest_first(world: World) -> None:
    params = {"least_capacity": "6", "type": "meeting_room"}
    found = send_query(world, **params)
    wanted = expected(View({"space": "all", **params}, 0, 0, int(world.now_s)))
    assert [r["room_id"] for r in found] == [r["room_id"] for r in wanted]
    assert {r["type"] for r in found} == {"meeting_room"}
    free = [r["capacity"] for r in found if r["state"] == "free"]
    assert free == sorted(free)
    assert min(free) == 6
    # The state is of the room, whoever looks for it.
    everything = {r["room_id"]: r["state"] for r in send_query(world)}
    assert {r["room_id"]: r["state"] for r in found}.items() <= everything.items()


def test_rooms_whose_capacity_is_not_known_fit_nobody_for_sure(world: World) -> None:
    unset = {room.id for floor in PEOPLE.office.floors for room in floor.rooms if room.capacity is None}
    assert unset
    assert unset <= {r["room_id"] for r in send_query(world, least_capacity="0")}
    assert not unset & {r["room_id"] for r in send_query(world, least_capacity="1")}


def test_types_and_tags_narrow_each_other(world: World) -> None:
    def ids(**params: str) -> set[str]:
        return {r["room_id"] for r in send_query(world, **params)}

    rooms = [room for floor in PEOPLE.office.floors for room in floor.rooms]
    meeting = {r.id for r in rooms if r.type_in_butlr == "meeting_room"}
    video = {r.id for r in rooms if "video" in r.tags}
    lounges = {r.id for r in rooms if r.type_in_butlr == "lounge"}
    assert ids(type="meeting_room") == meeting
    assert ids(type="meeting_room,lounge") == ids(type="{meeting_room,lounge}") == meeting | lounges
    assert ids(type="meeting_room", tag="video") == meeting & video
    assert ids(type="lounge", tag="video") == lounges & video == set()
    assert ids(type="All") == ids()
    kitchen = {r["room_id"] for r in send_query(world, type="kitchen", space=NEW_YORK)}
    assert kitchen == {"room_newyork_1_kitchen"}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"type": "meetingroom"}, "type: 'meetingroom' is unknown; did you mean meeting_room?"),
        ({"type": "storage", "space": PARIS}, "type: 'storage' is unknown"),
        ({"least_capacity": "six"}, "least_capacity: 'six' is not a number of people; use 0 to 10,000"),
        ({"least_capacity": "-1"}, "least_capacity: '-1' is not"),
        ({"least_capacity": "2.5"}, "least_capacity: '2.5' is not"),
        ({"least_capacity": "9" * 5000}, "least_capacity: '999"),
    ],
)
def test_an_error_names_the_parameter_and_what_it_may_be(
    world: World, params: dict[str, str], message: str
) -> None:
    response = world.http.get("/api/v1/free-rooms", query_string={"space": "all", **params})
    assert response.status_code == 400
    assert response.get_json()["message"].startswith(message)


def test_that_no_room_is_so_large_is_an_empty_answer_that_says_so(world: World) -> None:
    assert send_query(world, least_capacity="500") == []
    assert "Butlr knows no such room for at least 500 people." in notices(world, least_capacity="500")


def test_how_far_back_it_looks_is_said(world: World) -> None:
    assert "Only the last 10 minutes were requested" in " ".join(notices(world))
    for one in send_query(world):
        reported = (one["free_exact"], one["free_for_s"], one["free_for"])
        if one["state"] != "free":
            assert reported[:2] == (None, None)
        elif one["free_exact"]:
            assert 300 <= one["free_for_s"] < 600
            assert one["free_for"] == f"{one['free_for_s'] // 60} min"
        else:
            assert reported == (0, 600, "at least 10 min")


def test_an_offline_room_is_unknown_whatever_its_doors_say(make_world: Callable[..., World]) -> None:
    """Both while somebody is in it and while nobody is."""
    floor = PEOPLE.office.by_id[PARIS]
    index = [room.id for room in floor.rooms].index(PROJECT_ROOM)
    start_s = at("2026-06-15T06:00:00")
    people = PEOPLE.occupancy(PARIS, index, start_s, start_s + 36_000)
    for minute in (int((people > 0).argmax()), int((people == 0).argmax())):
        world = make_world(now="2026-06-15T12:00:30")
        world.now_s = start_s + 60 * minute + 120
        one = row(world, PROJECT_ROOM)
        assert (one["state"], one["people"], one["free_for"]) == ("unknown", None, "")
        assert one["reason"] == "its sensors are offline since 13 Jun 01:59"
        assert one["unknown_since"] == "2026-06-12T23:59:59Z"
    assert people.max() > 0 == people.min()


@pytest.mark.parametrize("all_floors", [False, True])
def test_what_butlr_does_not_answer_is_unknown_with_the_reason(world: World, all_floors: bool) -> None:
    def refused(endpoint: Endpoint, request: Request) -> Result:
        if all_floors or PARIS_2 in floors_of(request.json()):
            return Result.refusal(403, "not allowed to read this floor")
        return endpoint(request)

    replace_endpoint(world, REPORTING, refused)
    silent = {PARIS, PARIS_2, NEW_YORK} if all_floors else {PARIS_2}
    found = send_query(world)
    assert len(found) == sum(len(floor.rooms) for floor in PEOPLE.office.floors)
    for one in found:
        if one["space"] in silent:
            assert (one["state"], one["people"], one["as_of"], one["complete"]) == ("unknown", None, None, 0)
            assert "not allowed to read this floor" in one["reason"]
    others = [one["state"] for one in found if one["space"] not in silent]
    assert ("free" in others) == (not all_floors)


def test_what_was_known_before_butlr_went_away_is_not_now(world: World) -> None:
    """Where nothing newer comes, minutes that are over say nothing of now."""
    assert {"free", "occupied"} <= {one["state"] for one in send_query(world)}
    world.simulator.faults.set(status=503)
    for passed_s in (120, 240, 600):
        world.now_s += passed_s
        assert {one["state"] for one in send_query(world)} == {"unknown"}


def test_no_room_whose_people_are_told_is_said_to_have_no_value(world: World) -> None:
    """Doors tell nothing of most rooms; their sensors do."""
    for target in ("occupancy-now", "free-rooms"):
        response = world.http.get(f"/api/v1/{target}", query_string={"space": "all"})
        [frame] = response.get_json()
        assert not [n for n in frame["meta"]["notices"] if "No value is known" in n["text"]], target


# --- small rooms ------------------------------------------------------------------------------------------


def small(space: str, below: int) -> list[Any]:
    return [r for r in PEOPLE.office.by_id[space].rooms if r.capacity and r.capacity.max < below]


def test_small_rooms_are_told_of_together(make_world: Callable[..., World]) -> None:
    """All free, or nothing: that one is occupied says nothing of the others."""
    world = make_world(min_capacity=7)
    found = send_query(world)
    hidden = {r.id for space in (PARIS, PARIS_2, NEW_YORK) for r in small(space, 7)}
    assert not hidden & {one["room_id"] for one in found}
    sums = {one["space"]: one for one in found if one["room_id"] == SUM_ID}
    end_s = int(world.now_s) // 60 * 60 - 60
    states = set()
    for space, one in sums.items():
        floor = PEOPLE.office.by_id[space]
        counts = [
            sum(people_in(floor, room, end_s - 60 * back) or 0 for room in small(space, 7))
            for back in range(5)
        ]
        states.add(one["state"])
        assert one["state"] == ("unknown" if any(counts) else "free")
        assert one["capacity"] is one["type"] is None
        assert ("for privacy" in one["reason"]) == any(counts)
    assert states == {"free", "unknown"}
    # It is no room, so it is in no answer for rooms of a size, a type or a tag.
    for params in ({"least_capacity": "1"}, {"type": "meeting_room"}, {"tag": "video"}):
        assert SUM_ID not in {one["room_id"] for one in send_query(world, **params)}


def test_of_one_small_room_nothing_is_told(make_world: Callable[..., World]) -> None:
    one = row(make_world(min_capacity=2), SUM_ID, space=NEW_YORK)
    assert (one["state"], one["people"], one["capacity"]) == ("unknown", None, None)
    assert one["reason"] == "the sum would be of one room only"


def test_no_room_of_a_type_of_small_rooms_only_is_told_of(make_world: Callable[..., World]) -> None:
    typed = [r for r in PEOPLE.office.by_id[PARIS_2].rooms if r.type_in_butlr == "phone_booth"]
    assert typed
    assert set(typed) <= set(small(PARIS_2, 2))
    assert send_query(make_world(min_capacity=2), space=PARIS_2, type="phone_booth") == []


def test_types_are_shown_as_words_and_stay_raw_values(world: World) -> None:
    """Grafana maps the values for display; links, filters, rows and CSV have Butlr's own."""
    query = {"space": PARIS_2, "type": "meeting_room,phone_booth,kitchen"}
    [frame] = world.http.get("/api/v1/free-rooms", query_string={**query, "format": "frames"}).get_json()
    [field] = [field for field in frame["fields"] if field["name"] == "type"]
    assert set(field["values"]) == {"meeting_room", "phone_booth", "kitchen"}
    [mapping] = field["config"]["mappings"]
    assert mapping["type"] == "value"
    assert {own: to["text"] for own, to in mapping["options"].items()} == {
        "meeting_room": "Meeting room",
        "phone_booth": "Phone booth",
        "kitchen": "Kitchen",
    }
    rows = world.http.get("/api/v1/free-rooms", query_string={**query, "format": "rows"}).get_json()
    assert {row["type"] for row in rows} == set(field["values"])
