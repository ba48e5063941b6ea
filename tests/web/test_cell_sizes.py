"""Cells through the doors: zeros where nobody was (`empty`), and a size that is finer than sensors see."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from butlr_grafana.simulator.world import Room
from tests.support import NEW_YORK, PARIS, PEOPLE, Cells, World, at, truth

DAY = (at("2026-06-10"), at("2026-06-11"))
NIGHT = (at("2026-06-10T06:00"), at("2026-06-10T06:10"))
"""02:00 in New York: nobody is there."""

DENSE = ("frames", "matrix")
SPARSE = ("rows", "csv")


def send_query(world: World, space: str, span: tuple[int, int], **params: str) -> Any:
    period = {"from": str(span[0] * 1000), "to": str(span[1] * 1000)}
    response = world.http.get("/api/v1/heatmap", query_string={"space": space, **period, **params})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response


def cells(world: World, space: str, span: tuple[int, int], form: str, **params: str) -> dict[Any, Any]:
    """Every cell of the answer, `None` where it has no value."""
    response = send_query(world, space, span, format=form, empty="zero", **params)
    match form:
        case "frames":
            [frame] = response.get_json()
            found = list(zip(*(field["values"] for field in frame["fields"]), strict=True))
        case "rows":
            found = [tuple(row.values()) for row in response.get_json()]
        case "matrix":
            found = [
                (row["#x"], float(y), v) for row in response.get_json() for y, v in row.items() if y != "#x"
            ]
        case _:
            _, *lines = csv.reader(io.StringIO(response.text))
            found = [tuple(map(float, line)) for line in lines]
    stored = {(round(x, 3), round(y, 3)): value for x, y, value in found}
    assert len(stored) == len(found)
    return stored


def centres(low: float, high: float, metres: float) -> list[float]:
    """Of all cells from `low` to `high`, where 0 is a cell's edge."""
    first, last = int(np.ceil(low / metres - 0.5)), int(np.floor(high / metres - 0.5))
    return [round((k + 0.5) * metres, 3) for k in range(first, last + 1)]


def whole(space: str, metres: float) -> set[tuple[float, float]]:
    """The outline that Butlr tells is the rectangle around the floor; a cell is in it by its centre."""
    min_x, min_y, max_x, max_y = PEOPLE.office.by_id[space].extent
    return {(x, y) for x in centres(min_x, max_x, metres) for y in centres(min_y, max_y, metres)}


def within(room: Room, place: tuple[float, float]) -> bool:
    """Of a room that is a rectangle, edges too."""
    xs, ys = zip(*room.footprint, strict=True)
    return min(xs) <= place[0] <= max(xs) and min(ys) <= place[1] <= max(ys)


def room_of(space: str, name: str) -> Room:
    return next(room for room in PEOPLE.office.by_id[space].rooms if room.name == name)


def expected(space: str, span: tuple[int, int], metres: float, unknown: Room | None = None) -> Cells:
    """Detections, else zero on the whole floor, but for a room of which nothing is known."""
    counted = truth(space, *span, metres)
    empty = whole(space, metres) - counted.keys()
    return counted | {place: 0 for place in empty if unknown is None or not within(unknown, place)}


FLOORS = [(PARIS, 0.5), (PARIS, 1.0), (NEW_YORK, 0.5)]


@pytest.mark.parametrize(
    ("space", "metres", "form"),
    [
        *((*place, form) for place in FLOORS for form in (*DENSE, *SPARSE)),
        # A matrix names its columns to a centimetre; these lie at eighths of a metre.
        *((NEW_YORK, 0.25, form) for form in ("frames", "rows", "csv")),
    ],
)
def test_every_cell_of_the_floor_has_a_number(world: World, form: str, space: str, metres: float) -> None:
    found = cells(world, space, DAY, form, resolution=str(metres))
    numbers = {place: value for place, value in found.items() if value is not None}
    assert numbers == expected(space, DAY, metres)
    assert 0 in numbers.values()
    if form in SPARSE:
        assert numbers == found


@pytest.mark.parametrize("form", [*DENSE, *SPARSE])
def test_left_out_is_the_default(world: World, form: str) -> None:
    _, plain, text = (
        send_query(world, PARIS, DAY, format=form, **params).data for params in ({}, {}, {"empty": "omit"})
    )
    assert plain == text
    assert truth(PARIS, *DAY, 0.5) != expected(PARIS, DAY, 0.5)


def test_a_room_that_no_sensor_covers_stays_null(world: World) -> None:
    """The store has no sensor of its own, and nobody whom another one could see."""
    store = room_of(NEW_YORK, "Store")
    assert not [
        s for s in PEOPLE.office.by_id[NEW_YORK].sensors if s.room_id == store.id and s.mode == "presence"
    ]
    assert truth(NEW_YORK, *NIGHT, 0.5) == {}
    found = cells(world, NEW_YORK, NIGHT, "frames", resolution="0.5")
    # Without any cell they are laid from the corner of the floor, 20 by 14 m.
    left, low, _, _ = PEOPLE.office.by_id[NEW_YORK].extent
    places = {(left + 0.25 + 0.5 * i, low + 0.25 + 0.5 * j) for i in range(40) for j in range(28)}
    inside = {place for place in places if within(store, place)}
    assert len(inside) == 7 * 6, "3.5 m by 2.75 m, with the cells whose middle is on the upper edge"
    assert found == {place: None if place in inside else 0 for place in places}


def test_a_room_whose_sensors_were_silent_stays_null(make_world: Any) -> None:
    """The Project room's sensor failed on 13 June for four days; the days before it was seen."""
    world = make_world(now="2026-06-18T12:34:56")
    room = room_of(PARIS, "Project room")
    silent = (at("2026-06-13T00:00"), at("2026-06-14T00:00"))
    [(start_s, end_s)] = PEOPLE.offline(room.id, DAY[0], int(world.now_s))
    assert start_s <= silent[0] < silent[1] <= end_s
    for span, unknown in ((silent, room), (DAY, None)):
        for form in (*DENSE, *SPARSE):
            found = cells(world, PARIS, span, form, resolution="0.5")
            numbers = {place: value for place, value in found.items() if value is not None}
            assert numbers == expected(PARIS, span, 0.5, unknown), (span, form)


def test_rooms_and_normalising_go_together_with_zeros(world: World) -> None:
    """Each cell of the room per hour of the ten that count."""
    room = room_of(PARIS, "Boardroom")
    params = {"resolution": "0.5", "room": room.id, "normalize": "hour", "hours": "08:00-18:00"}
    found = cells(world, PARIS, DAY, "rows", **params)
    counted = truth(PARIS, at("2026-06-10T06:00"), at("2026-06-10T16:00"), 0.5)
    inside = {place for place in whole(PARIS, 0.5) if within(room, place)}
    assert found == {place: pytest.approx(counted.get(place, 0) / 10) for place in inside}
    assert any(value > 0 for value in found.values())


def test_small_rooms_stay_null(make_world: Any) -> None:
    world = make_world(min_capacity=11)
    small = [r for r in PEOPLE.office.by_id[NEW_YORK].rooms if r.capacity and r.capacity.max < 11]
    found = cells(world, NEW_YORK, DAY, "frames", resolution="0.5")
    hidden = {p for p in whole(NEW_YORK, 0.5) if any(r.polygon and within(r, p) for r in small)}
    assert {place for place in whole(NEW_YORK, 0.5) if found[place] is None} == hidden


def test_zeros_change_no_figure_of_the_answer(world: World) -> None:
    with_zeros, without = (
        send_query(world, PARIS, DAY, resolution="0.5", empty=empty).get_json()[0]["meta"]["custom"]
        for empty in ("zero", "omit")
    )
    for name in ("total_detections", "max_value", "area_in_use_m2", "bounds", "hours"):
        assert with_zeros[name] == without[name], name


def test_a_picture_leaves_empty_cells_out(world: World) -> None:
    plain, zero = (
        send_query(world, PARIS, DAY, format="png", width="400", empty=empty).data
        for empty in ("omit", "zero")
    )
    assert plain == zero


def test_another_value_is_refused(world: World) -> None:
    response = world.http.get("/api/v1/heatmap", query_string={"space": PARIS, "empty": "null"})
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("empty: 'null' is unknown; allowed: omit, zero")


@pytest.mark.parametrize(
    "target", ["heatmap", "heatmap-summary", "compare", "hot-zones", "hotspots", "playback"]
)
@pytest.mark.parametrize("resolution", ["0.25", "0.5", "auto"])
def test_cells_that_are_finer_than_the_sensors_see_are_said_to_be(
    world: World, target: str, resolution: str
) -> None:
    period = {"from": "2026-06-10T08:00:00Z", "to": "2026-06-10T10:00:00Z"}
    query = {"space": NEW_YORK, **period, "resolution": resolution}
    [frame] = world.http.get(f"/api/v1/{target}", query_string=query).get_json()
    reported = [
        notice for notice in frame["meta"]["notices"] if "smaller than the accuracy" in notice["text"]
    ]
    text = "Cells of 0.25 m are smaller than the accuracy of the sensors, which is 0.3 to 0.6 m."
    assert reported == ([{"severity": "info", "text": text}] if resolution == "0.25" else [])
