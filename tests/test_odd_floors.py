"""Floors that lack what others have: every target, in every format, gives a sensible answer or says why not.

An office of its own, in which nobody moves by chance: who is where is written down below.
"""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image

from butlr_grafana.butlr.topology import SENSORS_QUERY, SITES_QUERY
from butlr_grafana.simulator import People, topology
from butlr_grafana.simulator.day import LocalDay
from butlr_grafana.simulator.geometry import box
from butlr_grafana.simulator.places import Places
from butlr_grafana.simulator.roster import Roster
from butlr_grafana.simulator.stays import Stays
from butlr_grafana.simulator.world import Building, Capacity, Floor, Office, Room, Sensor, Site, Zone
from butlr_grafana.targets import TARGETS
from butlr_grafana.words import METRICS, WORDS
from tests.support import GRAPHQL, World, at

NOW = "2026-06-17T12:34:56"
PERIOD = {"from": "2026-06-16T06:00:00Z", "to": "2026-06-16T18:00:00Z"}

NO_ROOM, NO_PLAN, NO_SEATS, NOBODY, ONE_CELL, OFFLINE = FLOORS = (
    "space_no_room",
    "space_no_plan",
    "space_no_seats",
    "space_nobody",
    "space_one_cell",
    "space_offline",
)


def rooms(key: str, seats: Capacity | None, *, mapped: bool = True) -> tuple[Room, ...]:
    """Two rooms side by side, 4 x 4 m each."""
    return tuple(
        Room(
            f"room_{key}_{name}",
            name.title(),
            "meeting_room",
            box(left, 0, left + 4, 4),
            seats,
            mapped=mapped,
        )
        for name, left in (("west", 0), ("east", 4))
    )


def sensors(floor_id: str, own: Iterable[Room], *, outage_day: int | None = None) -> tuple[Sensor, ...]:
    """One in each room, one over its door, one over the floor's."""
    seen = [
        Sensor(f"{room.id}_{mode}", room.name, "00:17:00:00:00:00", mode, floor_id, room.id, False, day)
        for room in own
        for mode, day in (("presence", outage_day), ("traffic", None))
    ]
    return (*seen, Sensor(f"{floor_id}_door", "Door", "00:17:00:00:00:01", "traffic", floor_id, None, True))


def floor(space: str, own: tuple[Room, ...], zones: tuple[Zone, ...] = (), **more: Any) -> Floor:
    """8 x 6 m: the rooms, and above them a corridor."""
    words = {"sensors": sensors(space, own), "staff": 0, "capacity": Capacity(12, 8), **more}
    return Floor(
        space,
        space.removeprefix("space_").replace("_", " ").capitalize(),
        1,
        "UTC",
        outline=box(0, 0, 8, 6),
        entrance=(0.5, 5.0),
        rooms=own,
        zones=zones,
        **words,
    )


SEATS = Capacity(6, 4)
SENSORS_FAIL_ON = (at("2026-06-15") // 86_400) % 28
"""So that the sensors are offline from 15 June for four days."""

OFFICE = Office(
    (
        Site(
            "site",
            "Site",
            "UTC",
            (
                Building(
                    "building",
                    "House",
                    "UTC",
                    Capacity(40, 30),
                    (
                        floor(NO_ROOM, ()),
                        floor(NO_PLAN, rooms("no_plan", SEATS, mapped=False)),
                        floor(NO_SEATS, rooms("no_seats", None)),
                        floor(
                            NOBODY,
                            own := rooms("nobody", SEATS),
                            (Zone("zone_table", "Table", box(1, 1, 2, 2), own[0].id),),
                        ),
                        floor(ONE_CELL, rooms("one_cell", SEATS)),
                        floor(
                            OFFLINE,
                            own := rooms("offline", SEATS),
                            sensors=sensors(OFFLINE, own, outage_day=SENSORS_FAIL_ON),
                        ),
                    ),
                ),
            ),
        ),
    )
)


def draw(places: Places, roster: Roster, day: LocalDay, _: np.random.Generator) -> Stays:
    """From 9 to 17 each day two people sit still, one in the first room (if there is one), one in the
    corridor. On `NOBODY` there is nobody; on `ONE_CELL` one looks in for a minute, on 16 June only.
    """
    space, nine_s = places.floor.id, 9 * 3600
    spots = [place.spots[0] for place in places.rooms[:1]] + [int(places.corridor.spots[5])]
    stop_s = 17 * 3600
    if space == NOBODY or (space == ONE_CELL and day.date.isoformat() != "2026-06-16"):
        spots = []
    elif space == ONE_CELL:
        spots, stop_s = spots[:1], nine_s + 60
    n = len(spots)
    at_spot = np.array(spots, np.int64)
    return Stays(
        person=roster.person[:n],
        room=places.room[at_spot],
        x_m=places.x_m[at_spot],
        y_m=places.y_m[at_spot],
        start_s=np.full(n, day.midnight_s + nine_s),
        stop_s=np.full(n, day.midnight_s + stop_s),
        phase_s=roster.phase_s[:n],
        reach_m=places.reach_m[at_spot],
    )


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("butlr_grafana.simulator.people.draw_day", draw)
        yield People(OFFICE)


@pytest.fixture(scope="module")
def world(people: People) -> Iterator[World]:
    """Butlr tells all of the office but one floor's plan and capacity: those it was never given."""
    world = World(NOW, people=people)
    document = {}
    for query in (SITES_QUERY, SENSORS_QUERY):
        document |= topology.answer(people, {"query": query}, world.now_s, world.simulator.url)["data"]
    for told in document["sites"]["data"][0]["buildings"][0]["floors"]:
        if told["id"] == NO_PLAN:
            told |= {"floor_plans": [], "area": None}
        if told["id"] == NO_SEATS:
            told["capacity"] = None
    world.simulator.faults.set(body=orjson.dumps({"data": document}), paths=(GRAPHQL,))
    yield world
    world.close()


def questions(target: str) -> Iterator[dict[str, str]]:
    """Every format, level and metric that a target takes."""
    spec = TARGETS[target]
    choices: dict[str, Iterable[str]] = {"format": spec.formats}
    if "level" in spec.words:
        choices["level"] = ("room", "zone", "floor")
    if "metric" in spec.words:
        choices["metric"] = METRICS
    if "normalize" in spec.words:
        choices["normalize"] = ("none", "max", "hour", "share")
    if "baseline" in spec.words:
        choices["baseline"] = ("previous", "-1d")
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def ask(world: World, target: str, space: str, **words: str) -> Any:
    period = PERIOD if "from" in TARGETS[target].words else {}
    picture = {"width": "400"} if words.get("format") in ("png", "webp") else {}
    place = {"space": space} if "space" in TARGETS[target].words else {}
    query = {**place, **period, **picture, **words}
    return world.http.get(f"/api/v1/{target}", query_string=query)


def rows(world: World, target: str, space: str, **words: str) -> list[dict[str, Any]]:
    answer = ask(world, target, space, format="rows", **words)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return strict(answer.get_data(as_text=True))


def strict(text: str) -> Any:
    """JSON without NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refuse)


def check_frame(frame: dict[str, Any]) -> None:
    """Fields of one length and of their type; an empty frame says why."""
    assert frame["refId"] == "A"
    assert isinstance(frame["name"], str)
    lengths = {len(field["values"]) for field in frame["fields"]}
    assert len(lengths) <= 1
    kinds = {"number": int | float, "time": int, "string": str}
    for field in frame["fields"]:
        assert all(v is None or isinstance(v, kinds[field["type"]]) for v in field["values"]), field["name"]
    values = [
        value
        for field in frame["fields"]
        if field["type"] != "time" and field["name"] not in ("x", "y")
        for value in field["values"]
    ]
    if all(value is None for value in values):
        assert frame["meta"]["notices"], "nothing to see, and no word why"
    assert all(n["text"] and n["severity"] in ("info", "warning") for n in frame["meta"]["notices"])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("space", FLOORS)
def test_every_answer_is_sensible_or_says_which_word_is_wrong(world: World, space: str, target: str) -> None:
    answered = 0
    for words in questions(target):
        answer = ask(world, target, space, **words)
        if 400 <= answer.status_code < 500:
            assert answer.get_json()["message"].partition(":")[0] in WORDS, words
            continue
        assert answer.status_code == 200, (words, answer.get_data(as_text=True))
        answered += 1
        match words["format"]:
            case "frames":
                frames = strict(answer.text)
                assert frames, words
                for frame in frames:
                    check_frame(frame)
            case "rows" | "matrix" | "geojson":
                assert strict(answer.text) is not None
            case "csv":
                assert answer.mimetype == "text/csv"
            case _:
                with Image.open(io.BytesIO(answer.data)) as image:
                    image.load()
                    assert image.width == 400
    assert answered


@pytest.mark.parametrize("space", FLOORS)
def test_a_row_that_is_promised_is_there(world: World, space: str) -> None:
    """An alert must find a row for each floor, and for each room and what is outside."""
    own = {room.id for room in OFFICE.by_id[space].rooms}
    assert {r["zone_id"] for r in rows(world, "hot-zones", space)} == own | {"outside"}
    assert {r["zone_id"] for r in rows(world, "compare-zones", space)} == own | {"outside"}
    for target in ("utilization", "occupancy-now"):
        assert {r["room_id"] for r in rows(world, target, space)} == own
    for target in ("hot-zones", "compare-zones"):
        assert [r["zone_id"] for r in rows(world, target, space, level="floor")] == [space]
    for target in ("heatmap-summary", "occupancy-now", "spaces"):
        level = {"level": "floor"} if "level" in TARGETS[target].words else {}
        assert [r["space"] for r in rows(world, target, space, **level)] == [space]


def said(world: World, target: str, space: str, **words: str) -> str:
    """All notices of an answer's frames."""
    answer = ask(world, target, space, **words)
    assert answer.status_code == 200
    return " ".join(notice["text"] for frame in answer.get_json() for notice in frame["meta"]["notices"])


@pytest.mark.parametrize(
    ("space", "target", "words", "reason"),
    [
        (NO_ROOM, "occupancy", {}, "knows no room"),
        (NO_ROOM, "occupancy-now", {}, "knows no room"),
        (NO_ROOM, "utilization", {}, "knows no room"),
        (NO_ROOM, "pattern", {"level": "room"}, "knows no room"),
        (NO_ROOM, "spaces", {"level": "room"}, "knows no room"),
        (NO_ROOM, "hot-zones", {"level": "zone"}, "knows no zone"),
        (NO_ROOM, "presence", {"level": "zone"}, "knows no zone"),
        (NO_PLAN, "heatmap", {}, "no drawing"),
        (NO_PLAN, "heatmap", {"room": "room_no_plan_west"}, "knows no outline of West"),
        (NO_SEATS, "occupancy-now", {}, "knows no capacity"),
        (NO_SEATS, "occupancy-now", {"level": "floor"}, "knows no capacity"),
        (NO_SEATS, "utilization", {}, "knows no capacity"),
        (NOBODY, "heatmap", {}, "No detections"),
        (NOBODY, "hotspots", {}, "No detections"),
        (NOBODY, "playback", {}, "No detections"),
        (NOBODY, "hot-zones", {}, "No detections"),
        (NOBODY, "compare", {}, "no detection at all"),
        (ONE_CELL, "hotspots", {"threshold": "1e9"}, "No cell reaches the threshold"),
        (ONE_CELL, "compare", {"baseline": "-1d"}, "no detection at all"),
        (OFFLINE, "heatmap", {}, "offline"),
        (OFFLINE, "occupancy", {}, "offline"),
        (
            OFFLINE,
            "occupancy",
            {"level": "room", "every": "1h"},
            "No value is known in this period: West, East",
        ),
        (OFFLINE, "utilization", {}, "offline"),
    ],
)
def test_the_reason_is_given(
    world: World, space: str, target: str, words: dict[str, str], reason: str
) -> None:
    assert reason in said(world, target, space, **words)


def test_an_ordinary_answer_gives_no_reason(world: World) -> None:
    for target in ("heatmap", "hot-zones", "occupancy", "occupancy-now"):
        assert said(world, target, ONE_CELL) == ""


def test_one_detection_is_one_cell_of_a_whole_map(world: World, people: People) -> None:
    [_], [x], [y] = people.detections(ONE_CELL, at("2026-06-16"), at("2026-06-17"))
    [frame] = ask(world, "heatmap", ONE_CELL, resolution="0.5").get_json()
    cells = [
        cell for cell in zip(*(f["values"] for f in frame["fields"]), strict=True) if cell[2] is not None
    ]
    [(cell_x, cell_y, count)] = cells
    assert (cell_x, cell_y, count) == (np.floor(x * 2) / 2 + 0.25, np.floor(y * 2) / 2 + 0.25, 1)
    assert len(frame["fields"][0]["values"]) == 16 * 12, "all of the 8 x 6 m"
    [spot] = rows(world, "hotspots", ONE_CELL, resolution="0.5")
    assert (spot["x"], spot["y"], spot["total"], spot["area_m2"]) == (cell_x, cell_y, 1, 0.25)
    [summary] = rows(world, "heatmap-summary", ONE_CELL, resolution="0.5")
    assert (summary["peak"], summary["total_detections"]) == (1, 1)
    [west, *_] = rows(world, "utilization", ONE_CELL)
    assert (west["room"], west["peak"], west["in_use_s"], west["entries"]) == ("West", 1, 60, 1)


def test_people_without_a_room_are_outside(world: World) -> None:
    """One sits in the corridor for eight hours, detected once a minute."""
    [row] = rows(world, "hot-zones", NO_ROOM)
    assert (row["zone_id"], row["detections"], row["share"]) == ("outside", 480, 1)
    found = {r["zone_id"]: r for r in rows(world, "hot-zones", NO_PLAN)}
    assert found["outside"]["detections"] == 960, "the room's too: nobody knows where it is"
    assert "no polygon" in found["room_no_plan_west"]["reason"]


def test_an_offline_floor_is_no_data_and_never_empty_rooms(world: World) -> None:
    for target in ("hot-zones", "utilization"):
        for row in rows(world, target, OFFLINE):
            if row.get("zone_id") != "outside":
                assert (row["has_data"], row["reason"]) == (0, "its sensors were offline")
    # Who came through the door is known all the same.
    assert {r["room"]: r["people"] for r in rows(world, "occupancy-now", OFFLINE)} == {"West": 1, "East": 0}


def test_all_floors_together_are_all_answered(world: World) -> None:
    found = rows(world, "hot-zones", "all")
    assert {r["space"] for r in found} == set(FLOORS)
    assert [r["rank"] for r in found] == sorted(r["rank"] for r in found)
