"""Cells of 0: where somebody would have been detected, and nobody was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from butlr_grafana.insight.empty import with_zeros
from butlr_grafana.insight.people import in_unit
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.factor import Factor, Known, Unknown
from butlr_grafana.model.floor import Bounds, Floor, Polygon, Topology
from butlr_grafana.model.privacy import guarded, visible
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.present.frames.heatmap import rows
from tests.insight.floors import box, floor, grid, heat_map, room

pytestmark = pytest.mark.fast

Cells = dict[tuple[float, float], float]

L_SHAPE: Polygon = ((0, 0), (4, 0), (4, 1), (2, 1), (2, 3), (0, 3))
"""4 m² below, and two columns of 2 m² on its left: 8 cells of 1 m²."""

INSIDE = {(0.5, 0.5), (1.5, 0.5), (2.5, 0.5), (3.5, 0.5), (0.5, 1.5), (1.5, 1.5), (0.5, 2.5), (1.5, 2.5)}


def shown(found: HeatMap) -> Cells:
    """Every cell once, in the order of a grid."""
    x, y = found.shown.centres()
    places = list(zip(x.tolist(), y.tolist(), strict=True))
    assert places == sorted(set(places))
    return dict(zip(places, found.shown.value.tolist(), strict=True))


def zeros(found: HeatMap) -> set[tuple[float, float]]:
    return {place for place, value in shown(found).items() if value == 0}


def test_zeros_fill_the_outline_and_detections_stay_where_they_are() -> None:
    """One was detected inside, one beyond the outline."""
    found = with_zeros(heat_map(floor(outline=L_SHAPE), grid({(1, 1): 7, (3, 2): 2})))
    assert shown(found) == dict.fromkeys(INSIDE, 0.0) | {(1.5, 1.5): 7.0, (3.5, 2.5): 2.0}
    assert found.raw.value.tolist() == [7, 2], "what is added up does not change"


def test_the_outline_may_reach_further_than_the_bounds_that_butlr_names() -> None:
    narrow = grid({(0, 0): 1}, bounds=Bounds(0, 0, 2, 1))
    assert zeros(with_zeros(heat_map(floor(outline=L_SHAPE), narrow))) == INSIDE - {(0.5, 0.5)}


@pytest.mark.parametrize(
    ("named", "drawn", "size"),
    [
        (Bounds(0, 0, 3, 2), box(0, 0, 9, 9), (3, 2)),
        (None, box(0, 0, 4, 3), (4, 3)),
    ],
)
def test_without_an_outline_the_bounds_count(
    named: Bounds | None, drawn: Polygon, size: tuple[int, int]
) -> None:
    """Those that Butlr names with the cells, else those of all that is drawn."""
    found = with_zeros(heat_map(floor(room("a", drawn)), grid({(0, 0): 5}, bounds=named)))
    whole = {(i + 0.5, j + 0.5) for i in range(size[0]) for j in range(size[1])}
    assert shown(found) == dict.fromkeys(whole, 0.0) | {(0.5, 0.5): 5.0}


def test_where_nothing_tells_how_large_the_floor_is_there_are_no_zeros() -> None:
    assert shown(with_zeros(heat_map(floor(), grid({(2, 2): 5})))) == {(2.5, 2.5): 5.0}
    assert shown(with_zeros(heat_map(floor(), grid({})))) == {}


def test_a_floor_on_which_nobody_was_is_all_zeros() -> None:
    """Its cells begin at the corner of the outline, as there is none that tells where they lie."""
    assert shown(with_zeros(heat_map(floor(outline=L_SHAPE), grid({})))) == dict.fromkeys(INSIDE, 0.0)


def test_where_no_hour_is_counted_nothing_is_known() -> None:
    found = with_zeros(heat_map(floor(outline=L_SHAPE), grid({(0, 0): 5}), hours=0.0))
    assert shown(found) == {(0.5, 0.5): 5.0}


def test_cells_lie_where_butlrs_grid_has_them() -> None:
    """A phase of a quarter: centres from 0.25 to 3.25 and to 2.25, those beyond the L left out."""
    found = with_zeros(heat_map(floor(outline=L_SHAPE), grid({(0, 0): 1}, phase_m=(0.25, 0.25))))
    low, left = (
        [(x, 0.25) for x in (0.25, 1.25, 2.25, 3.25)],
        [(x, y) for x in (0.25, 1.25) for y in (1.25, 2.25)],
    )
    assert shown(found) == dict.fromkeys([*low, *left], 0.0) | {(0.25, 0.25): 1.0}


FACTOR = Factor(per_person_minute=100.0, person_minutes=1000.0, days=1, version="v")


def summary(factor: Known) -> dict[tuple[float | None, float | None], dict[str, float | None]]:
    """The rows of 7 detections in an hour and a square metre, in people, by place."""
    counted = heat_map(floor(outline=L_SHAPE), grid({(1, 1): 7}))
    [wanted] = in_unit([counted], {"f": factor}, wanted="people")
    return {(row["x"], row["y"]): row for row in rows(with_zeros(wanted))}


def test_in_people_too_nobody_is_zero() -> None:
    """A person gives 6,000 detections an hour."""
    found = summary(FACTOR)
    for name, of_seven in (("detections", 7), ("people_per_m2", 7 / 6000), ("person_hours", 7 / 6000)):
        values = {place: row[name] for place, row in found.items()}
        assert values == dict.fromkeys(INSIDE, 0) | {(1.5, 1.5): pytest.approx(of_seven)}


def test_where_people_are_not_known_nobody_is_not_zero() -> None:
    assert {row["people_per_m2"] for row in summary(Unknown()).values()} == {None}


WEST, EAST = room("west", box(0, 0, 2, 2), online=True), room("east", box(2, 0, 4, 2), online=True)


def two_rooms(*, east: bool | None) -> Floor:
    """A corridor of 4 x 1 m above them."""
    return floor(WEST, replace(EAST, online=east), outline=box(0, 0, 4, 3))


CORRIDOR = {(0.5, 2.5), (1.5, 2.5), (2.5, 2.5), (3.5, 2.5)}
IN_WEST = {(0.5, 0.5), (0.5, 1.5), (1.5, 0.5), (1.5, 1.5)}
IN_EAST = {(x + 2, y) for x, y in IN_WEST}


@pytest.mark.parametrize("east", [False, None])
def test_a_room_of_which_nothing_is_known_has_no_zeros(east: bool | None) -> None:
    """Offline, or without a sensor of its own where the other has one."""
    found = with_zeros(heat_map(two_rooms(east=east), grid({(0, 0): 5})))
    assert zeros(found) == (IN_WEST | CORRIDOR) - {(0.5, 0.5)}


def test_a_room_without_a_sensor_that_another_one_sees_has_zeros() -> None:
    found = with_zeros(heat_map(two_rooms(east=None), grid({(2, 0): 5})))
    assert zeros(found) == (IN_WEST | IN_EAST | CORRIDOR) - {(2.5, 0.5)}


def test_what_an_offline_room_counted_before_is_shown() -> None:
    found = with_zeros(heat_map(two_rooms(east=False), grid({(2, 0): 5})))
    assert shown(found) == dict.fromkeys(IN_WEST | CORRIDOR, 0.0) | {(2.5, 0.5): 5.0}


def test_a_floor_whose_sensors_are_all_silent_has_no_zeros_anywhere() -> None:
    silent = floor(replace(WEST, online=False), replace(EAST, online=False), outline=box(0, 0, 4, 3))
    assert shown(with_zeros(heat_map(silent, grid({})))) == {}


def test_a_map_of_some_rooms_has_zeros_in_these_only() -> None:
    where = two_rooms(east=True)
    found = with_zeros(heat_map(where, grid({(0, 0): 5}), rooms=(WEST,)))
    assert shown(found) == dict.fromkeys(IN_WEST, 0.0) | {(0.5, 0.5): 5.0}
    shapeless = replace(WEST, polygon=None)
    assert zeros(with_zeros(heat_map(floor(shapeless), grid({}), rooms=(shapeless,)))) == set()


def test_a_room_that_is_not_told_of_by_itself_stays_empty() -> None:
    small = replace(EAST, capacity=1)
    whole = floor(WEST, small, outline=box(0, 0, 4, 3))
    guarded_floor = guarded(Topology({"f": whole}), 2).floors["f"]
    raw, hidden = visible(grid({(0, 0): 5, (2, 0): 3}), guarded_floor)
    found = with_zeros(replace(heat_map(guarded_floor, raw), hidden=hidden))
    assert zeros(found) == (IN_WEST | CORRIDOR) - {(0.5, 0.5)}


def test_a_very_fine_outline_costs_no_more_than_its_cells() -> None:
    """A circle of 20 m across with 10,000 corners, in cells of 0.25 m: its area in cells, to 1 %."""
    turn = np.linspace(0, 2 * np.pi, 10_000, endpoint=False)
    circle = tuple(zip((10 * np.cos(turn)).tolist(), (10 * np.sin(turn)).tolist(), strict=True))
    fine = Grid.empty(0.25, Bounds(-10, -10, 10, 10))
    found = with_zeros(heat_map(floor(outline=circle), fine))
    assert len(zeros(found)) == pytest.approx(np.pi * 100 * 16, rel=0.01)
