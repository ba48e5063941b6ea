"""Accounts unlike the one that ships: another clock, missing time zones, doors only, ids of other forms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from butlr_grafana.simulator import People
from butlr_grafana.simulator.variants import PUNE, PUNE_DOORS, SOMEWHERE, varied_office, with_opaque_ids
from tests.contract.butlr.test_any_form import by_asset, get
from tests.support import World, at

HOUR, DAY = 3600, 86_400
START = at("2026-06-08T18:30")
"""Midnight in Pune, a Tuesday: at half past six by the clock of UTC."""


@pytest.fixture(scope="module")
def people() -> People:
    return People(varied_office(), seed=1)


@pytest.fixture(scope="module")
def world(people: People) -> Iterator[World]:
    world = World(people=people)
    yield world
    world.close()


def test_a_floor_at_half_past_the_hour_has_the_clock_of_its_site(world: World, people: People) -> None:
    floor = people.office.by_id[PUNE]
    [text] = get(world, "spaces", PUNE, START, START + DAY, level="floor", format="rows")
    assert (text["timezone"], text["notes"].count("listed more than once")) == ("Asia/Kolkata", 2)
    counted = people.count(PUNE, "people", START, START + 2 * DAY)
    [frame] = get(world, "occupancy", PUNE, START, START + 2 * DAY, level="floor", every="1h")
    assert frame["fields"][0]["values"][0] == START * 1000
    assert frame["fields"][1]["values"] == pytest.approx(counted[0].reshape(-1, 60).mean(axis=1).tolist())
    rooms = by_asset(get(world, "occupancy", PUNE, START, START + 2 * DAY, every="1d"), "room")
    assert len(rooms) == len({s.room_id for s in floor.sensors if s.mode == "presence"})
    for room, minutes in zip(floor.rooms, counted[1:], strict=False):
        if room.id in rooms:
            assert rooms[room.id] == pytest.approx(minutes.reshape(2, -1).mean(axis=1).tolist())


def test_an_entrance_with_a_clone_counts_once(world: World, people: People) -> None:
    t_s, door, way = people.crossings(PUNE, START, START + 3 * DAY)
    [frame] = get(world, "traffic", PUNE, START, START + 3 * DAY, level="floor", every="1d")
    for field, direction in (("in", 1), ("out", -1)):
        own = t_s[(door == -1) & (way == direction)]
        values = next(f["values"] for f in frame["fields"] if f["name"] == field)
        assert values == np.bincount((own - START) // DAY, minlength=3).tolist()


def test_a_floor_without_any_time_zone_is_counted_by_utc_and_says_so(world: World, people: People) -> None:
    start = at("2026-06-09")
    t_s, door, way = people.crossings(SOMEWHERE, start, start + DAY)
    [frame] = get(world, "traffic", SOMEWHERE, start, start + DAY, level="floor", every="1h")
    expected = np.bincount((t_s[(door == -1) & (way == 1)] - start) // HOUR, minlength=24)
    assert next(f["values"] for f in frame["fields"] if f["name"] == "in") == expected.tolist()
    notice_texts = [notice["text"] for notice in frame["meta"]["notices"]]
    assert any("has no time zone; UTC is used" in text for text in notice_texts)


def test_a_floors_own_zone_matters_only_where_its_site_has_none(world: World) -> None:
    """The floor's is called `India Standard Time`, which is no name of a zone."""
    [row] = get(world, "spaces", PUNE_DOORS, START, START + DAY, level="floor", format="rows")
    assert row["timezone"] == "Asia/Kolkata"
    assert "UTC" not in row["notes"]


def test_rooms_without_presence_sensors_are_unknown_and_never_empty(world: World) -> None:
    rows = get(world, "utilization", PUNE_DOORS, START, START + DAY, format="rows")
    assert {(row["has_data"], row["reason"]) for row in rows} == {(0, "no sensor counts its people")}
    assert any(row["entries"] for row in rows)


@pytest.mark.parametrize("tails", ["letters27", "lower24", "uuid"])
def test_ids_of_any_form_are_requested_and_answered(tails: str) -> None:
    office = with_opaque_ids(varied_office(), tails)  # type: ignore[arg-type]  # one of the three
    world = World(people=People(office, seed=1))
    try:
        floor = next(iter(office.floors))
        start = at("2026-06-08T22:00")
        found = by_asset(get(world, "occupancy", floor.id, start, start + DAY, every="1h"), "room")
        assert set(found) == {s.room_id for s in floor.sensors if s.mode == "presence" and s.room_id}
        frame = world.heat_map(floor.id, start, start + DAY, resolution="1.0", room=floor.rooms[0].id)
        assert frame["meta"]["custom"]["total_detections"] > 0
    finally:
        world.close()
