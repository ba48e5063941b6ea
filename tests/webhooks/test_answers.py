"""Answers about now of pushed minutes: as soon as they are there, without a call, and the same people."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from butlr_grafana.live.agreement import Reading
from butlr_grafana.simulator import Forms
from butlr_grafana.simulator.pushes import events
from tests.live.world import MakeWorld, live_world, pass_minutes
from tests.support import PARIS, REPORTING, World


def rows(world: World, target: str, **parameters: str) -> list[dict[str, Any]]:
    response = world.http.get(f"/api/v1/{target}", query_string={"format": "rows", **parameters})
    assert response.status_code == 200, response.get_data()
    found: list[dict[str, Any]] = response.get_json()
    return found


def calls_to_butlr(world: World, *, since: int = 0) -> list[str]:
    """The measurements of which Butlr's reporting was asked, after so many calls."""
    bodies = [call.body for call in world.simulator.calls[since:] if call.path == REPORTING]
    return [body["filter"]["measurements"][0] for body in bodies]


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    world = live_world(make_world)
    pass_minutes(world, 8)
    return world


def in_minute(world: World, room_index: int | None, start_s: int) -> int:
    [count] = world.simulator.people.occupancy(PARIS, room_index, start_s, start_s + 60).tolist()
    return int(count)


def test_people_now_are_those_of_the_minute_that_was_pushed_seconds_ago(world: World) -> None:
    start_s = int(world.now_s) // 60 * 60 - 120
    found = {row["room_id"]: row for row in rows(world, "occupancy-now", space=PARIS)}
    floor = world.simulator.people.office.by_id[PARIS]
    compared = 0
    for index, room in enumerate(floor.rooms):
        row = found[room.id]
        assert row["source"] == "pushed"
        assert row["age_s"] == 2
        if row["people_seen"] is not None:
            # What is pushed first of a minute has the number of the minute before.
            assert row["people_seen"] == in_minute(world, index, start_s)
            compared += 1
    assert compared > 3
    assert sum(row["people_seen"] or 0 for row in found.values()) > 0
    assert "room_occupancy" not in calls_to_butlr(world)


def test_the_next_minute_is_shown_as_soon_as_it_is_pushed(world: World) -> None:
    def people() -> list[Any]:
        return [row["people_seen"] for row in rows(world, "occupancy-now", space=PARIS)]

    before = people()
    pass_minutes(world, 3)
    start_s = int(world.now_s) // 60 * 60 - 120
    expected = [
        in_minute(world, k, start_s) for k in range(len(world.simulator.people.office.by_id[PARIS].rooms))
    ]
    after = people()
    assert [e for e, a in zip(expected, after, strict=True) if a is not None] == [
        a for a in after if a is not None
    ]
    assert after != before


def test_before_it_is_measured_what_events_stand_for_butlr_is_called(make_world: MakeWorld) -> None:
    world = live_world(make_world)
    for own in world.application.receiver.sampling._levels.values():
        own.reading = None
    pass_minutes(world, 8)
    found = rows(world, "occupancy-now", space=PARIS)
    assert {row["source"] for row in found} == {"asked"}
    assert "room_occupancy" in calls_to_butlr(world)


@pytest.mark.parametrize("meaning", ["doors", "higher"])
def test_events_that_stand_for_something_else_are_not_taken_for_presence(
    make_world: MakeWorld, meaning: Any
) -> None:
    world = live_world(make_world)
    for own in world.application.receiver.sampling._levels.values():
        own.reading = Reading(meaning, 0, 20, 20)
    pass_minutes(world, 8)
    assert {row["source"] for row in rows(world, "occupancy-now", space=PARIS)} == {"asked"}
    assert "room_occupancy" in calls_to_butlr(world)
    # As what they stand for they are taken.
    assert ("traffic_room_occupancy" in calls_to_butlr(world)) is (meaning == "higher")


def test_when_pushes_stop_butlr_is_called(world: World) -> None:
    world.now_s += 240
    found = rows(world, "occupancy-now", space=PARIS)
    assert {row["source"] for row in found} == {"asked"}
    assert "room_occupancy" in calls_to_butlr(world)


def test_a_room_of_which_nothing_is_pushed_lets_its_floor_be_requested(world: World) -> None:
    live = world.application.receiver.live
    working = [r.id for r in world.application.receiver.refill._floors()[0].rooms if r.online]
    del live._people[working[0], True]
    found = rows(world, "occupancy-now", space=world.application.receiver.refill._floors()[0].id)
    assert {row["source"] for row in found} == {"asked"}


def test_pushed_minutes_are_not_kept_in_place_of_what_reporting_says(make_world: MakeWorld) -> None:
    """Pushes that are one person too many are shown while new, and gone when the time has settled."""
    world = live_world(make_world)
    for _ in range(80):
        world.now_s += 60
        now = int(world.now_s)
        pushed = [
            {**e, "data": e["data"] + 1}
            for e in events(world.simulator.people, Forms(), now - 60, now)
            if e["type"] == "ROOM_OCCUPANCY_1MIN"
        ]
        world.application.receiver.accept(orjson.dumps(pushed))
    start_s = int(world.now_s) // 3600 * 3600
    period = {"from": str(1000 * start_s), "to": str(1000 * (start_s + 600)), "every": "1m", "space": PARIS}

    def total() -> float:
        return sum(row["value"] or 0 for row in rows(world, "occupancy", **period))

    shown = total()
    world.now_s += 3 * 3600
    settled = total()
    assert shown > settled
    floor = world.simulator.people.office.by_id[PARIS]
    truth = sum(
        world.simulator.people.occupancy(PARIS, k, start_s, start_s + 600).sum()
        for k, room in enumerate(floor.rooms)
        if room.id in {row["room_id"] for row in rows(world, "occupancy", **period)}
    )
    assert settled == truth


def test_what_is_compared_with_pushed_minutes_is_requested(world: World) -> None:
    pass_minutes(world, 30)
    before = len(calls_to_butlr(world))
    world.application.receiver.sampling.step()
    assert len(calls_to_butlr(world)) > before


def test_small_rooms_are_guarded_as_everywhere(make_world: MakeWorld) -> None:
    world = live_world(make_world, min_capacity=8)
    pass_minutes(world, 8)
    found = rows(world, "occupancy-now", space=PARIS)
    named = {row["room_id"] for row in found}
    floor = world.simulator.people.office.by_id[PARIS]
    small = {room.id for room in floor.rooms if room.capacity and 0 < room.capacity.max < 8}
    assert small
    assert not named & small
    assert {row["source"] for row in found} == {"pushed"}


def through_doors(world: World, start_s: int, end_s: int) -> tuple[int, int]:
    """In and out of the floor, counted from the people."""
    _, door, direction = world.simulator.people.crossings(PARIS, start_s, end_s)
    at_entrance = [int(way) for way, room in zip(direction, door, strict=True) if room == -1]
    return at_entrance.count(1), at_entrance.count(-1)


def test_traffic_of_the_last_minutes_is_counted_from_pushed_movements(make_world: MakeWorld) -> None:
    world = live_world(make_world, "06:55:02")
    pass_minutes(world, 20)
    end_s = int(world.now_s) // 60 * 60
    start_s = end_s - 15 * 60
    period = {"from": str(1000 * start_s), "to": str(1000 * end_s), "every": "5m", "level": "floor"}
    found = rows(world, "traffic", space=PARIS, **period)
    entered, left = through_doors(world, start_s, end_s)
    assert entered + left > 5
    assert (sum(row["in"] for row in found), sum(row["out"] for row in found)) == (entered, left)
    assert calls_to_butlr(world) == []
    query = {"format": "frames", "space": PARIS, **period}
    [frame] = world.http.get("/api/v1/traffic", query_string=query).get_json()
    assert frame["meta"]["custom"]["source"] == "pushed"
    assert frame["meta"]["custom"]["complete"] is True


def test_the_balance_of_the_day_asks_for_its_past_only(make_world: MakeWorld) -> None:
    world = live_world(make_world, "06:57:02")
    pass_minutes(world, 68)
    [row] = rows(world, "balance", space=PARIS)
    assert (row["source"], row["complete"]) == ("pushed", 1)
    calls = len(world.simulator.calls)
    pass_minutes(world, 1)
    [later] = rows(world, "balance", space=PARIS)
    assert calls_to_butlr(world, since=calls) == []
    midnight_s = int(world.now_s) // 86_400 * 86_400 - 2 * 3600
    entered, left = through_doors(world, midnight_s, int(world.now_s) // 60 * 60)
    assert (later["in"], later["out"]) == (entered, left)


def test_what_is_unusual_is_of_pushed_minutes(make_world: MakeWorld) -> None:
    world = live_world(make_world)
    pass_minutes(world, 20)
    query = {"space": PARIS, "window": "10m"}
    before = {row["room_id"]: row for row in rows(world, "unusual", **query)}
    assert {row["source"] for row in before.values()} == {"pushed"}
    calls = len(world.simulator.calls)
    pass_minutes(world, 1)
    assert rows(world, "unusual", **query)
    assert calls_to_butlr(world, since=calls) == []


def test_freshness_says_up_to_when_minutes_were_pushed(make_world: MakeWorld) -> None:
    world = live_world(make_world, "06:57:02")
    pass_minutes(world, 68)
    [row] = rows(world, "freshness", space=PARIS, metric="occupancy")
    assert (row["source"], row["complete"], row["age_s"]) == ("pushed", 1, 2)


def test_people_by_doors_are_requested_once_in_ten_minutes_and_moved_on_by_what_is_pushed(
    make_world: MakeWorld,
) -> None:
    world = live_world(make_world, "06:55:02")
    pass_minutes(world, 20)
    calls = len(world.simulator.calls)
    counts = []
    for _ in range(10):
        pass_minutes(world, 1)
        found = rows(world, "occupancy-now", space=PARIS, level="floor")
        counts.append((int(world.now_s) // 60 * 60, found[0]))
    assert 1 <= calls_to_butlr(world, since=calls).count("traffic_floor_occupancy") <= 2
    assert {row["age_s"] for _, row in counts} == {2}
    # From one minute to the next it changes by those who passed the entrance. Asked for anew it may
    # be another one: Butlr's number of a minute is of its middle.
    steps = list(pairwise(counts))
    net = [entered - left for entered, left in (through_doors(world, a[0], b[0]) for a, b in steps)]
    reported = [b[1]["people_by_doors"] - a[1]["people_by_doors"] for a, b in steps]
    assert any(net)
    assert sum(a != b for a, b in zip(reported, net, strict=True)) <= 1


def test_the_last_count_of_doors_stands_in_until_the_next_has_come(make_world: MakeWorld) -> None:
    """With those who were pushed since it tells the same: nobody waits for Butlr, and it may be away."""
    world = live_world(make_world, "06:55:02")
    pass_minutes(world, 20)
    [before] = rows(world, "occupancy-now", space=PARIS, level="floor")
    start_s = int(world.now_s) // 60 * 60
    world.simulator.faults.set(status=503, paths=(REPORTING,))
    calls = len(world.simulator.calls)
    for _ in range(15):
        pass_minutes(world, 1)
        [after] = rows(world, "occupancy-now", space=PARIS, level="floor")
        assert (after["complete"], after["age_s"]) == (1, 2)
    assert "traffic_floor_occupancy" in calls_to_butlr(world, since=calls), "the next one was due"
    entered, left = through_doors(world, start_s, int(world.now_s) // 60 * 60)
    assert entered != left
    assert after["people_by_doors"] == before["people_by_doors"] + entered - left
    # Not for ever.
    pass_minutes(world, 30)
    assert world.http.get(f"/api/v1/occupancy-now?space={PARIS}&level=floor").status_code == 502


def test_an_answer_of_pushed_minutes_is_kept_for_seconds_only(world: World) -> None:
    end_s = int(world.now_s) // 60 * 60
    period = {"from": str(1000 * (end_s - 300)), "to": str(1000 * end_s), "every": "1m"}

    def newest() -> list[Any]:
        found = rows(world, "occupancy", space=PARIS, **period)
        return [row["value"] for row in found if row["time"].startswith("2026-06-17T08:17")]

    before = newest()
    assert before
    room = next(row["room_id"] for row in rows(world, "occupancy", space=PARIS, **period))
    again = {
        "id": "event_again",
        "type": "ROOM_OCCUPANCY_1MIN",
        "timestamp": 1000 * (end_s - 60),
        "version": "v1.0.0",
        "metadata": {"floor_id": PARIS, "room_id": room},
        "data": 77,
    }
    world.application.receiver.accept(orjson.dumps(again))
    world.now_s += 6
    assert 77 in newest()
