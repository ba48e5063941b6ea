"""An office of odd floors, in which nobody moves by chance: who is where is written down below."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson
import pytest

from butlr_grafana.butlr.graphql import written
from butlr_grafana.butlr.graphql_queries import HIVES, SENSORS, SITES
from butlr_grafana.simulator import People, topology
from butlr_grafana.simulator.day import LocalDay
from butlr_grafana.simulator.geometry import box
from butlr_grafana.simulator.places import Places
from butlr_grafana.simulator.roster import Roster
from butlr_grafana.simulator.stays import Stays
from butlr_grafana.simulator.world import Building, Capacity, Floor, Office, Room, Sensor, Site, Zone
from tests.support import GRAPHQL, World, at

NOW = "2026-06-17T12:34:56"

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
    params = {"sensors": sensors(space, own), "staff": 0, "capacity": Capacity(12, 8), **more}
    return Floor(
        space,
        space.removeprefix("space_").replace("_", " ").capitalize(),
        1,
        "UTC",
        outline=box(0, 0, 8, 6),
        entrance=(0.5, 5.0),
        rooms=own,
        zones=zones,
        **params,
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


@contextmanager
def odd_people() -> Iterator[People]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("butlr_grafana.simulator.people.draw_day", draw)
        yield People(OFFICE)


@contextmanager
def odd_world(people: People) -> Iterator[World]:
    """Butlr tells all of the office but one floor's plan and capacity: those it was never given."""
    world = World(NOW, people=people)
    document = {}
    for selection in (SITES, SENSORS, HIVES):
        query, _ = written(selection)
        document |= topology.build_response(people, {"query": query}, world.now_s, world.simulator.url)[
            "data"
        ]
    for reported in document["sites"]["data"][0]["buildings"][0]["floors"]:
        if reported["id"] == NO_PLAN:
            reported |= {"floor_plans": [], "area": None}
        if reported["id"] == NO_SEATS:
            reported["capacity"] = None
    world.simulator.faults.set(body=orjson.dumps({"data": document}), paths=(GRAPHQL,))
    yield world
    world.close()


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
