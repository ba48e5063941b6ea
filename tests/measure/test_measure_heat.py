"""Findings about heat maps, from made-up cells whose meaning is plain."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest

from butlr_grafana.measure import heat
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Bounds
from tests.measure.rows import heat_map

CELLS = [(0.25, 0.25, 3), (0.75, 0.25, 5)]


def read(document: object, resolution_m: float = 0.5) -> heat.HeatResponse:
    return heat.read(orjson.dumps(document), resolution_m)


@pytest.mark.parametrize(
    ("wrap", "form"),
    [
        (lambda m: m, "top"),
        (lambda m: {"data": m}, "data"),
        (lambda m: {"data": [m]}, "data[0]"),
        (lambda m: {"data": [{"heatmap_v2": m}]}, "data[0].heatmap_v2"),
        (lambda m: {"results": [m]}, "results[0]"),
        (lambda m: {"Boardroom of Acme": m}, "*"),
    ],
)
def test_where_the_cells_lie_is_told_without_names(wrap: Any, form: str) -> None:
    finding = heat.form(read(wrap(heat_map(CELLS))))
    assert (finding.state, finding.verdict) == ("ok", {"heat_form": form})
    assert finding.numbers["cells"] == 2
    assert "Acme" not in str(finding)


@pytest.mark.parametrize(
    ("bounds", "form"),
    [
        ({"min_x": 0, "min_y": 0, "max_x": 9, "max_y": 9}, "min_x"),
        ({"x_min": 0, "y_min": 0, "x_max": 9, "y_max": 9}, "x_min"),
        ({"min": {"x": 0, "y": 0}, "max": {"x": 9, "y": 9}}, "min{x,y}"),
        ({"min": [0, 0], "max": [9, 9]}, "min[x,y]"),
        ({"Acme": 1}, "other keys"),
    ],
)
def test_the_form_of_the_bounds_is_told(bounds: object, form: str) -> None:
    assert heat.form(read(heat_map(CELLS, bounds=bounds))).numbers["bounds"] == form


@pytest.mark.parametrize("document", [{"cells": []}, [], {"array_cells": [["a", 1, 2]]}, {"array_cells": 7}])
def test_a_heat_map_that_cannot_be_read_is_a_difference_that_is_not_handled(document: object) -> None:
    finding = heat.form(read(document))
    assert (finding.state, finding.handled, finding.verdict) == ("DIFFERS", False, {})
    assert "check --report" in finding.follows


def test_half_open_periods_add_up() -> None:
    finding = heat.stop([40, 7, 30], 77, 7)
    assert (finding.state, finding.verdict, finding.confidence) == ("ok", {"stop": "exclusive"}, "sure")
    assert finding.numbers == {"parts": 77, "whole": 77, "in_second": 7}


def test_a_stop_that_is_in_counts_boundaries_twice() -> None:
    # Seven detections in the second: in the first part as its stop, and in the second as its start.
    finding = heat.stop([47, 7, 30], 77, 7)
    assert (finding.state, finding.verdict) == ("DIFFERS", {"stop": "inclusive"})
    assert finding.handled


def test_detections_that_are_in_neither_period_cannot_be_handled() -> None:
    finding = heat.stop([40, 0, 30], 77, 7)
    assert (finding.state, finding.handled, finding.verdict) == ("DIFFERS", False, {})
    assert "7 detections" in finding.follows


def test_equal_by_chance_is_harmless_and_no_detections_tell_nothing() -> None:
    by_chance = heat.stop([3, 0, 4], 7, 0)
    assert (by_chance.state, by_chance.confidence) == ("ok", "likely")
    nothing = heat.stop([0, 0], 0, 0)
    assert (nothing.state, nothing.verdict, nothing.tried) == ("assumed", {}, ("stop",))


@pytest.mark.parametrize(
    ("shift", "state", "apart"),
    [(0.0, "ok", 0.0), (0.5, "ok", 0.0), (0.2, "DIFFERS", 0.2), (0.4, "DIFFERS", 0.1)],
)
def test_grids_of_two_calls_are_compared(shift: float, state: str, apart: float) -> None:
    moved = [(x + shift, y, value) for x, y, value in CELLS]
    finding = heat.grid([read(heat_map(CELLS)), read(heat_map(moved))], 0.5)
    assert finding.state == state
    assert finding.numbers["apart_m"] == pytest.approx(apart)


def test_cells_on_no_grid_cannot_be_added() -> None:
    ragged = read(heat_map([(0.25, 0.25, 1), (0.5, 0.25, 1), (0.9, 0.25, 1)]))
    assert heat.grid([read(heat_map(CELLS)), ragged], 0.5).handled is False


def test_one_empty_hour_tells_nothing_of_the_grid() -> None:
    assert heat.grid([read(heat_map(CELLS)), read(heat_map([]))], 0.5).state == "assumed"


def test_totals_that_fit_in_every_map_become_a_promise() -> None:
    finding = heat.totals([read(heat_map(CELLS)), read(heat_map(CELLS))])
    assert (finding.state, finding.verdict) == ("ok", {"totals_add_up": True})
    assert finding.numbers == {"maps": 2, "with_totals": 2, "fitting": 2}


@pytest.mark.parametrize("wrong", [{"total": 9}, {"most": 6}])
def test_one_total_that_does_not_fit_is_enough(wrong: dict[str, int]) -> None:
    finding = heat.totals([read(heat_map(CELLS)), read(heat_map(CELLS, **wrong))])
    assert (finding.state, finding.verdict, finding.handled) == ("DIFFERS", {"totals_add_up": False}, True)


def test_empty_maps_and_maps_without_totals_tell_nothing() -> None:
    assert heat.totals([read(heat_map([]))]).state == "assumed"
    bare = heat_map(CELLS)
    del bare["metadata"]["total_detections"]
    assert heat.totals([read(bare)]).state == "assumed"


LOW = {"room_low": ((0.0, 0.0), (4.0, 0.0), (4.0, 2.0), (0.0, 2.0))}
HIGH = {"room_high": ((0.0, 8.0), (4.0, 8.0), (4.0, 10.0), (0.0, 10.0))}


BOUNDS = Bounds(0, 0, 10, 10)


def grid_of(*cells: tuple[float, float, float], bounds: Bounds | None = BOUNDS) -> Grid:
    x, y, value = (np.array(column) for column in zip(*cells, strict=True))
    ix, iy = ((axis // 0.5).astype(np.int32) for axis in (x, y))
    return Grid(0.5, (0.25, 0.25), ix, iy, value.astype(np.float64), bounds)


def test_heat_in_the_rooms_is_drawn_as_it_comes() -> None:
    finding = heat.direction_of_y(grid_of((1.25, 0.75, 9), (5.25, 5.25, 1)), LOW, {})
    assert (finding.state, finding.verdict) == ("ok", {"heat_y": "as-plan"})
    assert (finding.numbers["as_plan"], finding.numbers["flipped"]) == (0.9, 0.0)


def test_heat_that_fits_the_rooms_upside_down_is_turned_round() -> None:
    finding = heat.direction_of_y(grid_of((1.25, 9.25, 9), (5.25, 5.25, 1)), LOW, {})
    assert (finding.state, finding.verdict) == ("DIFFERS", {"heat_y": "flipped"})
    assert (finding.numbers["as_plan"], finding.numbers["flipped"]) == (0.0, 0.9)


def test_where_rooms_lie_on_both_sides_the_people_decide() -> None:
    # Both rooms hold heat either way; the people were in the low one.
    both, cells = {**LOW, **HIGH}, grid_of((1.25, 0.75, 8), (1.25, 9.25, 2))
    assert heat.direction_of_y(cells, both, {}).state == "assumed"
    finding = heat.direction_of_y(cells, both, {"room_low": 80.0, "room_high": 20.0})
    assert finding.verdict == {"heat_y": "as-plan"}
    # 80 % and 20 % agree wholly as it is; turned round 20 % and 20 % do.
    assert (finding.numbers["as_plan"], finding.numbers["flipped"]) == (1.0, 0.4)


@pytest.mark.parametrize(
    ("grid", "rooms"),
    [
        (Grid.empty(0.5), LOW),
        (grid_of((1.25, 0.75, 9)), {}),
        (grid_of((1.25, 0.75, 9), bounds=None), LOW),
        (grid_of((1.25, 5.25, 9), (1.25, 4.75, 9)), LOW),
    ],
)
def test_what_tells_nothing_of_y_leaves_the_assumption(grid: Grid, rooms: dict[str, Any]) -> None:
    finding = heat.direction_of_y(grid, rooms, {})
    assert (finding.state, finding.verdict, finding.tried) == ("assumed", {}, ("heat_y",))


def test_heat_near_points_is_a_share_of_all() -> None:
    cells = grid_of((1.25, 1.25, 3), (2.25, 1.25, 1), (9.25, 9.25, 4))
    assert heat.share_near(cells, [(1.0, 1.0)]) == 0.5
