"""Rooms that are chosen stand for their floor, added up; what does not add up is refused with the reason."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import PARIS, PEOPLE, World, at

ROOMS = ("room_paris_1_kitchen", "room_paris_1_library")
HOUR = 3600
START, END = at("2026-06-09T06:00"), at("2026-06-09T10:00")


def send_query(world: World, target: str, *rooms: str, **params: str) -> Any:
    query = {"space": PARIS, "from": str(START * 1000), "to": str(END * 1000), "level": "floor"}
    return world.http.get(f"/api/v1/{target}", query_string={**query, "room": ",".join(rooms), **params})


def minutes(room_id: str) -> Any:
    rooms = [room.id for room in PEOPLE.office.by_id[PARIS].rooms]
    return PEOPLE.occupancy(PARIS, rooms.index(room_id), START, END).reshape(-1, 60)


def test_people_of_several_rooms_are_added_up(world: World) -> None:
    rows = send_query(world, "occupancy", *ROOMS, every="1h", format="rows").get_json()
    expected = sum(minutes(room).mean(axis=1) for room in ROOMS)
    assert [row["value"] for row in rows] == pytest.approx(list(expected))
    assert all("room" not in row for row in rows)


def test_the_most_of_minutes_is_that_of_the_sum(world: World) -> None:
    """Not the sum of the most of each, which come at different times."""
    rows = send_query(world, "occupancy", *ROOMS, every="15m", statistic="max", format="rows").get_json()
    together = sum(minutes(room) for room in ROOMS).reshape(-1, 15)
    assert [row["value"] for row in rows] == pytest.approx(list(together.max(axis=1)))


@pytest.mark.parametrize(
    ("target", "params", "reason"),
    [
        ("presence", {}, "level: the time in use of several rooms cannot be added up; allowed: room"),
        (
            "occupancy",
            {"every": "1h", "statistic": "max"},
            "statistic: max of several rooms cannot be added up",
        ),
    ],
)
def test_what_does_not_add_up_is_refused(
    world: World, target: str, params: dict[str, str], reason: str
) -> None:
    response = send_query(world, target, *ROOMS, **params)
    assert response.status_code == 400
    assert reason in response.get_json()["message"]
    assert send_query(world, target, ROOMS[0], **params).status_code == 200


def test_a_sum_is_not_known_where_one_of_the_rooms_is_offline(make_world: Any) -> None:
    world = make_world(now="2026-06-14T12:34:56")
    offline = "room_paris_1_project_room"
    rows = send_query(world, "occupancy-now", ROOMS[0], offline, format="rows").get_json()
    assert [(row["people"], row["share"]) for row in rows] == [(None, None)]
    assert rows[0]["reason"] == "Project room: its sensors are offline since 13 Jun 01:59"
    params = {"from": str(at("2026-06-13T08:00") * 1000), "to": str(at("2026-06-13T10:00") * 1000)}
    rows = send_query(world, "occupancy", ROOMS[0], offline, format="rows", every="1h", **params).get_json()
    assert [row["value"] for row in rows] == [None, None]
