"""Whichever form Butlr's answers have, what a new account's backend says after it has measured is the truth.

The simulator turns each doubtful choice alone, then in combinations drawn by a seed. Expected values are
counted from its people.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from butlr_grafana.measure.background import measuring
from butlr_grafana.measure.verdict_store import VerdictStore
from butlr_grafana.settings import Settings
from butlr_grafana.simulator.forms import Forms, random_forms, single_changes
from butlr_grafana.simulator.ghosts import ghosts
from tests.support import (
    DETECTIONS_A_MINUTE,
    HANG_S,
    NEW_YORK,
    PARIS_2,
    PEOPLE,
    Cells,
    World,
    at,
    cells_of,
    through,
    truth,
)

HOUR, DAY = 3600, 86_400
START = at("2026-06-07T22:00")
"""Midnight in Paris, a Monday."""

ALONE = single_changes()
"""Every choice turned alone, by `name=value`."""

TOGETHER = {f"seed {seed}": random_forms(seed) for seed in range(20)}


class NewAccount(World):
    """A backend that knows nothing of its Butlr, with address and credentials only, until it has measured."""

    def verdict_store(self, settings: Settings) -> VerdictStore:
        return VerdictStore(fixed=settings.fixed_verdicts)


@contextmanager
def measured(forms: Forms) -> Iterator[NewAccount]:
    world = NewAccount()
    try:
        world.simulator.forms = forms
        world.application.service.spaces.current(timeout_s=HANG_S)
        list(measuring(world.application.means))  # as `serve` does by itself
        yield world
    finally:
        world.close()


def get(world: World, target: str, space: str, start: int, end: int, **params: str) -> Any:
    query = {"space": space, "from": str(start * 1000), "to": str(end * 1000), **params}
    response = world.http.get(f"/api/v1/{target}", query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def heat(space: str, start: int, end: int, forms: Forms) -> Cells:
    """Detections by cell of a metre; the ghosts of copies too, where there are any."""
    rate = forms.detections_per_minute or DETECTIONS_A_MINUTE
    found = {cell: n // DETECTIONS_A_MINUTE * rate for cell, n in truth(space, start, end, 1.0).items()}
    if forms.ghost_heat:
        floor = PEOPLE.office.by_id[space]
        points = zip(ghosts(PEOPLE, floor, start, end), floor.grid_origin_m, strict=True)
        columns, rows = (
            np.round(np.floor(axis - origin) + origin + 0.5, 3).tolist() for axis, origin in points
        )
        for cell in zip(columns, rows, strict=True):
            found[cell] = found.get(cell, 0) + rate
    return found


def by_asset(frames: list[dict[str, Any]], level: str, field: str = "value") -> dict[str, list[float | None]]:
    key = "space" if level == "floor" else f"{level}_id"
    return {
        frame["fields"][1]["labels"][key]: next(f["values"] for f in frame["fields"] if f["name"] == field)
        for frame in frames
    }


def check_heat(world: World, forms: Forms) -> None:
    """20 days, cell by cell."""
    end = START + 9 * DAY
    start = end - 20 * DAY
    frame = world.heat_map(NEW_YORK, start, end, resolution="1.0", unit="detections")
    expected = heat(NEW_YORK, start, end, forms)
    if forms.grid_phase == "call":
        # Each call has a grid of its own: cells are put together by their centres, and that is said.
        assert frame["meta"]["custom"]["total_detections"] == sum(expected.values())
        assert frame["meta"]["custom"]["rebinned"]
    else:
        assert cells_of(frame) == expected


def check_people(world: World) -> None:
    """Occupancy of rooms, zones and the floor, hour by hour."""
    floor, end = PEOPLE.office.by_id[PARIS_2], START + 2 * DAY
    ids = {
        "floor": [PARIS_2],
        "room": [room.id for room in floor.rooms],
        "zone": [zone.id for zone in floor.zones],
    }
    counted = PEOPLE.count(PARIS_2, "people", START, end)
    rows = dict(zip([*ids["floor"], *ids["room"], *ids["zone"]], counted, strict=True))
    sensed = {s.room_id for s in floor.sensors if s.mode == "presence"}
    for level, listed in ids.items():
        found = by_asset(get(world, "occupancy", PARIS_2, START, end, level=level, every="1h"), level)
        assert set(found) == {one for one in listed if level != "room" or one in sensed}
        for one, values in found.items():
            assert values == pytest.approx(rows[one].reshape(-1, 60).mean(axis=1).tolist()), one


def check_doors(world: World) -> None:
    """In and out of the floor and of each room: quarters of an hour of a day, and whole local days."""
    for every, days, step in (("15m", 1, 900), ("1d", 3, DAY)):
        for level in ("floor", "room"):
            start, end = START + DAY, START + (1 + days) * DAY
            frames = get(world, "traffic", PARIS_2, start, end, level=level, every=every)
            for field, which in (("in", 0), ("out", 1)):
                for place, values in by_asset(frames, level, field).items():
                    t_s = through(PARIS_2, place, start, end)[which]
                    expected = np.bincount((t_s - start) // step, minlength=days * DAY // step)
                    assert values == expected.tolist(), (every, place, field)
            assert len(frames) > (3 if level == "room" else 0)


def check_presence(world: World, forms: Forms) -> None:
    floor, end = PEOPLE.office.by_id[PARIS_2], START + DAY
    counted = PEOPLE.count(PARIS_2, "occupied_s", START, end)
    for level in ("floor", "room"):
        if level == "room" and forms.presence_names == "floor_only":
            continue
        found = by_asset(get(world, "presence", PARIS_2, START, end, level=level, every="1h"), level)
        rows = dict(zip([PARIS_2, *(room.id for room in floor.rooms)], counted, strict=False))
        assert found
        for one, values in found.items():
            assert values == pytest.approx(rows[one].reshape(-1, 60).sum(axis=1).tolist()), one


def check_now(world: World, forms: Forms) -> None:
    """What sensors see now; where Butlr is later than a minute, the newest that it knows."""
    newest = int(world.now_s - max(60, forms.minutes_late_s)) // 60 * 60
    if newest < int(world.now_s) // 60 * 60 - 240 or forms.minutes_move_s:
        return
    response = world.http.get(
        "/api/v1/occupancy-now", query_string={"space": PARIS_2, "format": "rows"}
    ).get_json()
    rooms = [room.id for room in PEOPLE.office.by_id[PARIS_2].rooms]
    seen = {row["room_id"]: row["people_seen"] for row in response if row["people_seen"] is not None}
    assert seen == {
        one: int(PEOPLE.occupancy(PARIS_2, rooms.index(one), newest - 60, newest)[0]) for one in seen
    }
    assert len(seen) > 10


def check_statistics(world: World) -> None:
    """People in a room while anybody is there, of working days only."""
    end = START + 7 * DAY
    rows = get(world, "utilization", PARIS_2, START, end, days="mon-thu", format="rows")
    counted = PEOPLE.count(PARIS_2, "people", START, START + 4 * DAY)[1:]
    means = {row["room_id"]: row["mean_when_used"] for row in rows}
    checked = 0
    for room, minutes in zip(PEOPLE.office.by_id[PARIS_2].rooms, counted, strict=False):
        if means[room.id] is not None and minutes.any():
            assert means[room.id] == pytest.approx(minutes[minutes > 0].mean(), rel=1e-3), room.id
            checked += 1
    assert checked > 5


def check(forms: Forms) -> None:
    with measured(forms) as world:
        check_heat(world, forms)
        check_people(world)
        if not forms.missing_fields:
            check_doors(world)
        check_presence(world, forms)
        check_now(world, forms)
        if forms.presence_names != "floor_only":
            check_statistics(world)


def test_as_it_is_documented() -> None:
    check(Forms())


@pytest.mark.parametrize("name", ALONE)
def test_each_choice_alone(name: str) -> None:
    check(ALONE[name])


@pytest.mark.parametrize("name", TOGETHER)
def test_many_choices_at_once(name: str) -> None:
    check(replace(TOGETHER[name]))
