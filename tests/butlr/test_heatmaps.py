"""Butlr's heat maps → grids: every form it may come in, and everything that must not become a number."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import orjson
import pytest
import simdjson
from hypothesis import example, given
from hypothesis import strategies as st

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.heatmaps import Parsers, Totals, heat_map, quote
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Bounds

pytestmark = pytest.mark.fast

Cells = dict[tuple[float, float], float]

CELLS: Cells = {(0.25, 0.75): 3.0, (0.25, 1.25): 5.0, (10.75, -2.25): 7.0}
ROWS = [[10.75, -2.25, 7], [0.25, 1.25, 5], [0.25, 0.75, 3]]
BOUNDS = {"min_x": -1, "min_y": -3, "max_x": 20.5, "max_y": 8}


def cells(grid: Grid) -> Cells:
    """Value by centre; a cell listed twice would show as a lost one."""
    x, y = grid.centres()
    found = dict(zip(zip(x.tolist(), y.tolist(), strict=True), grid.value.tolist(), strict=True))
    assert len(found) == grid.value.size == grid.ix.size == grid.iy.size
    return found


def body(rows: object = ROWS, /, **metadata: object) -> bytes:
    return orjson.dumps({"array_cells": rows, "metadata": metadata})


def raw(rows: str) -> bytes:
    """A body whose cells are not what a JSON writer would write."""
    return b'{"array_cells": ' + rows.encode() + b', "metadata": {}}'


# Forms


HEAT_MAP: dict[str, Any] = {
    "array_cells": ROWS,
    "metadata": {
        "bounds": BOUNDS,
        "resolution": 0.5,
        "max_value": 7,
        "total_detections": 15,
        "type": "occupancy",
    },
}


@pytest.mark.parametrize(
    "document",
    [
        HEAT_MAP,
        {"data": HEAT_MAP},
        {"data": [HEAT_MAP]},
        {"heatmap_v2": HEAT_MAP},
        {"results": [HEAT_MAP]},
        {"data": {"heatmap_v2": HEAT_MAP}},
        {"data": [{"heatmap_v2": HEAT_MAP}]},
        {"results": [{"heatmap_v2": HEAT_MAP}]},
        {"results": [{"heatmap_v2": [HEAT_MAP]}]},
        [HEAT_MAP],
        {"status": "ok", "page": {"number": 1}, "warnings": [], "data": [None, 5, HEAT_MAP], "took": 0.1},
    ],
)
def test_every_nesting(document: Any) -> None:
    grid = heat_map(orjson.dumps(document), 0.5)
    assert cells(grid) == CELLS
    assert grid.bounds == Bounds(-1.0, -3.0, 20.5, 8.0)
    assert (grid.resolution_m, grid.phase_m, grid.rebinned) == (0.5, (0.25, 0.25), False)


@pytest.mark.parametrize(
    "bounds",
    [
        BOUNDS,
        {"x_min": -1, "x_max": 20.5, "y_min": -3, "y_max": 8},
        {"min": {"x": -1, "y": -3}, "max": {"x": 20.5, "y": 8}},
        {"min": [-1, -3], "max": [20.5, 8]},
    ],
)
def test_every_form_of_bounds(bounds: object) -> None:
    assert heat_map(body(bounds=bounds), 0.5).bounds == Bounds(-1.0, -3.0, 20.5, 8.0)


@pytest.mark.parametrize(
    "bounds",
    [
        None,
        [],
        "0,0,1,1",
        {},
        {"min_x": 0, "min_y": 0, "max_x": 1},
        {"min_x": "0", "min_y": "0", "max_x": "1", "max_y": "1"},
        {"min_x": True, "min_y": 0, "max_x": 1, "max_y": 1},
        {"min": [0, 0], "max": [1]},
        {"min": [0, 0]},
        {"min": 0, "max": 1},
        {"min": {"x": 0}, "max": {"x": 1, "y": 1}},
        {"min_x": 5, "min_y": 0, "max_x": 1, "max_y": 1},
        {"min_x": 0, "min_y": 5, "max_x": 1, "max_y": 1},
        {"min_x": 0, "min_y": 0, "max_x": 1e7, "max_y": 1},
    ],
)
def test_bounds_that_are_no_rectangle_are_left_out_and_the_cells_stay(bounds: object) -> None:
    grid = heat_map(body(bounds=bounds), 0.5)
    assert grid.bounds is None
    assert cells(grid) == CELLS


@pytest.mark.parametrize("document", [{"array_cells": ROWS}, {"array_cells": ROWS, "metadata": None}])
def test_metadata_may_be_missing(document: Any) -> None:
    grid = heat_map(orjson.dumps(document), 0.5)
    assert (cells(grid), grid.bounds) == (CELLS, None)


def test_no_cells_is_an_empty_map_with_its_bounds() -> None:
    grid = heat_map(body([], bounds=BOUNDS, resolution=0.5, total_detections=0), 0.5)
    assert (cells(grid), grid.phase_m, grid.total) == ({}, None, 0.0)
    assert grid.bounds == Bounds(-1.0, -3.0, 20.5, 8.0)


def test_cells_without_detections_are_dropped_even_off_the_grid() -> None:
    rows = [*ROWS, [0.75, 0.75, 0], [3.3, 3.3, 0], [1.25, 1.25, 0.0]]
    assert cells(heat_map(body(rows), 0.5)) == CELLS


def test_a_map_of_nothing_but_zeros_is_empty() -> None:
    grid = heat_map(body([[0.25, 0.25, 0], [0.75, 0.25, 0]]), 0.5)
    assert (cells(grid), grid.phase_m) == ({}, None)


def test_numbers_may_be_written_in_any_way() -> None:
    rows = "[ [ 2.5e-1 , 7.5E-1 , 3.0 ] ,\n[0.25,1.25,5e0],[1.075e1,-2.25,7] ]"
    assert cells(heat_map(raw(rows), 0.5)) == CELLS


def test_cells_come_sorted_by_x_then_y() -> None:
    grid = heat_map(body(), 0.5)
    assert (grid.ix.tolist(), grid.iy.tolist(), grid.value.tolist()) == ([0, 0, 21], [1, 2, -5], [3, 5, 7])
    assert (grid.ix.dtype, grid.iy.dtype, grid.value.dtype) == (np.int32, np.int32, np.float64)


# Refusals


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "null",
        "5",
        '"array_cells"',
        '{"data": []}',
        '{"data": [{"cells": [[1, 2, 3]]}]}',
        '{"message": "no such space"}',
        '{"a": {"b": {"c": {"d": {"e": {"array_cells": []}}}}}}',
    ],
)
def test_no_array_cells_is_an_error_that_quotes_the_answer(text: str) -> None:
    with pytest.raises(UpstreamInvalid) as caught:
        heat_map(text.encode(), 0.5)
    assert caught.value.message == f"Butlr's response has no array_cells: {text}"


def test_the_quote_is_the_first_200_characters_on_one_line() -> None:
    text = '{"message": "' + "é" * 500 + '"}'
    with pytest.raises(UpstreamInvalid) as caught:
        heat_map(text.encode(), 0.5)
    assert caught.value.message.endswith(": " + text[:200])
    assert quote(b"a\n\t b\r\n" + b"c" * 500) == "a b " + "c" * 196
    assert quote(b"\xff" * 3) == "\ufffd" * 3


def test_a_part_of_the_last_document_that_somebody_still_holds_is_no_fault_of_butlr() -> None:
    """As a profiler does, which looks at the local variables of other threads."""
    parsers = Parsers()
    parsers.put_back(parser := simdjson.Parser())
    held = parser.parse(b'{"a": [1, 2]}')
    assert cells(heat_map(body(), 0.5, parsers=parsers)) == CELLS
    assert held["a"].as_list() == [1, 2]
    assert parsers.take() is not parser


def test_the_parser_of_one_response_reads_the_next_one() -> None:
    parsers = Parsers()
    parsers.put_back(parser := simdjson.Parser())
    for _ in range(2):
        assert cells(heat_map(body(), 0.5, parsers=parsers)) == CELLS
    assert parsers.take() is parser


def test_two_heat_maps_in_one_answer_are_an_error() -> None:
    with pytest.raises(UpstreamInvalid, match="2 heat maps in one response"):
        heat_map(orjson.dumps({"data": [HEAT_MAP, HEAT_MAP]}), 0.5)


@pytest.mark.parametrize("cut", [0, 1, 20, 60, -1])
def test_truncated_json_is_an_error(cut: int) -> None:
    with pytest.raises(UpstreamInvalid, match="not JSON"):
        heat_map(body()[:cut], 0.5)


@pytest.mark.parametrize("text", [b"\xff\xfe{}", b"<html></html>", b'{"array_cells": []} {}', b"[" * 5000])
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    with pytest.raises(UpstreamInvalid, match="not JSON"):
        heat_map(text, 0.5)


@pytest.mark.parametrize(
    "rows",
    [
        "null",
        "{}",
        '"[]"',
        "7",
        "[1, 2, 3]",
        "[[]]",
        "[[], [], []]",
        "[[1, 2]]",
        "[[1, 2, 3, 4]]",
        "[[1, 2], [3, 4, 5, 6]]",
        "[[1, 2, 3, 4], [5, 6]]",
        "[[], [1, 2, 3, 4, 5, 6]]",
        "[[1, 2, 3], 4, 5, 6]",
        "[[1, 2, [3]]]",
        "[[[1, 2, 3]]]",
        "[[1, 2, null]]",
        "[[1, 2, true]]",
        '[[1, 2, "3"]]',
        '[["1", 2, 3]]',
        "[[1, 2, {}]]",
        '[[1, 2, {"value": 3}]]',
        '[{"x": 1, "y": 2, "value": 3}]',
        '[[{"a": 1}, 2, 3]]',
        '[[{"a": 1, "b": 2}, 3]]',
        '[["[,,]", 2, 3]]',
        '[["],[", 2, 3]]',
        "[[1, 2, NaN]]",
        "[[NaN, 2, 3]]",
        "[[1, 2, Infinity]]",
        "[[1, 2, 1e999]]",
        "[[1, 2, 123456789012345678901234567890]]",
        "[[1, 2, 18446744073709551615]]",
        "[[1, 2, 2e15]]",
        "[[1, 2, -1]]",
        "[[1, 2, 5], [2, 2, -0.001]]",
        "[[10001, 2, 3]]",
        "[[1, -10001, 3]]",
        "[[1e300, 2, 3]]",
        "[[1, 2, 3],]",
        "[[1, 2, 0x10]]",
        "[[1, 2, 03]]",
    ],
)
def test_doubt_about_a_number_is_an_error(rows: str) -> None:
    with pytest.raises(UpstreamInvalid):
        heat_map(raw(rows), 1.0)


@pytest.mark.parametrize("at", [0, 1, 500, 998, 999])
def test_one_odd_row_among_a_thousand_is_found(at: int) -> None:
    rows: list[object] = [[x + 0.5, 0.5, 1] for x in range(1000)]
    assert heat_map(body(rows), 1.0).total == 1000.0
    rows[at] = [at + 0.5, 0.5]
    rows[(at + 1) % 1000] = [at + 1.5, 0.5, 1, 1]
    with pytest.raises(UpstreamInvalid, match="an item of Butlr's array_cells"):
        heat_map(body(rows), 1.0)


@pytest.mark.parametrize("off", [0.05, 0.1, 0.25, 0.5, -0.1])
def test_a_cell_off_the_grid_is_an_error(off: float) -> None:
    rows = [[0.5, 0.5, 1], [1.5, 0.5, 1], [7.5 + off, 0.5, 1]]
    with pytest.raises(UpstreamInvalid, match="do not lie on a grid of 1 m"):
        heat_map(body(rows), 1.0)
    with pytest.raises(UpstreamInvalid, match="do not lie on a grid of 1 m"):
        heat_map(body([[y, x, v] for x, y, v in rows]), 1.0)


def test_a_finer_grid_than_requested_is_an_error_even_unsaid() -> None:
    with pytest.raises(UpstreamInvalid, match="do not lie"):
        heat_map(body([[0.25, 0.25, 1], [0.75, 0.25, 1]]), 1.0)


@pytest.mark.parametrize(("requested", "message"), [(0.5, 0.25), (0.25, 0.5), (1.0, 0.999), (1.0, 100)])
def test_another_resolution_than_requested_is_an_error(requested: float, message: float) -> None:
    with pytest.raises(
        UpstreamInvalid, match=f"cells of {message:g} m; cells of {requested:g} m were requested"
    ):
        heat_map(body(resolution=message), requested)


@pytest.mark.parametrize("message", [0.5, None, "0.5", True])
def test_a_resolution_that_agrees_or_is_no_number_is_fine(message: object) -> None:
    assert cells(heat_map(body(resolution=message), 0.5)) == CELLS


# A cell twice


TWICE = [[0.25, 0.25, 3], [0.75, 0.25, 1], [0.25, 0.25, 4]]


def test_a_cell_twice_is_added_where_the_total_says_so() -> None:
    assert cells(heat_map(body(TWICE, total_detections=8), 0.5)) == {(0.25, 0.25): 7.0, (0.75, 0.25): 1.0}


def test_a_cell_three_times_and_another_twice() -> None:
    rows = [[0.5, 0.5, 1], [1.5, 0.5, 2], [0.5, 0.5, 4], [1.5, 0.5, 8], [0.5, 0.5, 16]]
    assert cells(heat_map(body(rows, total_detections=31), 1.0)) == {(0.5, 0.5): 21.0, (1.5, 0.5): 10.0}


@pytest.mark.parametrize("metadata", [{}, {"total_detections": 5}, {"total_detections": "8"}])
def test_a_cell_twice_that_the_total_does_not_explain_is_an_error(metadata: dict[str, object]) -> None:
    with pytest.raises(UpstreamInvalid, match="listed 1 cells twice"):
        heat_map(body(TWICE, **metadata), 0.5)


# Where the grid lies


def test_coordinates_rounded_to_centimetres_are_on_a_quarter_metre_grid() -> None:
    """0.125, 0.375, … as 0.12, 0.38, …: as far apart as rounding to two places can put them."""
    centres = [round((i + 0.5) * 0.25, 2) for i in range(-40, 40)]
    assert {0.12, 0.38} <= set(centres)
    grid = heat_map(body([[x, y, 1] for x in centres for y in centres]), 0.25)
    assert grid.phase_m == pytest.approx((0.125, 0.125), abs=1e-6)
    assert sorted(set(grid.ix.tolist())) == list(range(-40, 40))
    assert grid.total == 6400.0


@pytest.mark.parametrize("resolution_m", [0.25, 0.5, 1.0])
def test_rounding_to_centimetres_is_never_off_the_grid(resolution_m: float) -> None:
    for phase_cm in range(100):
        centres = [round(phase_cm / 100 + 0.005 + i * resolution_m, 2) for i in range(-20, 20)]
        assert heat_map(body([[x, 0.0, 1] for x in centres]), resolution_m).value.size == 40


RESOLUTIONS = st.sampled_from([0.25, 0.5, 1.0])
INDEX = st.integers(-900, 900)


@given(
    RESOLUTIONS,
    st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    st.dictionaries(st.tuples(INDEX, INDEX), st.integers(1, 10**9), min_size=1, max_size=60),
    st.sampled_from([3, 4, 6, 17]),
    st.randoms(use_true_random=False),
)
def test_cells_come_back_exactly_wherever_the_grid_lies(
    resolution_m: float,
    origin_m: tuple[float, float],
    given_cells: dict[tuple[int, int], int],
    places: int,
    rng: random.Random,
) -> None:
    rows = [
        [round(origin_m[0] + i * resolution_m, places), round(origin_m[1] + j * resolution_m, places), n]
        for (i, j), n in given_cells.items()
    ]
    rng.shuffle(rows)
    grid = heat_map(body(rows, total_detections=sum(given_cells.values())), resolution_m)
    x, y = grid.centres()
    numbers = [
        (round((cx - origin_m[0]) / resolution_m), round((cy - origin_m[1]) / resolution_m))
        for cx, cy in zip(x, y, strict=True)
    ]
    assert dict(zip(numbers, grid.value.tolist(), strict=True)) == given_cells
    assert grid.total == sum(given_cells.values())
    for (i, j), cx, cy in zip(numbers, x, y, strict=True):
        assert math.isclose(cx, origin_m[0] + i * resolution_m, abs_tol=1e-3)
        assert math.isclose(cy, origin_m[1] + j * resolution_m, abs_tol=1e-3)
    assert grid.phase_m is not None
    assert all(0 <= phase_m < resolution_m for phase_m in grid.phase_m)
    order = sorted(zip(grid.ix.tolist(), grid.iy.tolist(), strict=True))
    assert order == list(zip(grid.ix.tolist(), grid.iy.tolist(), strict=True))


@given(RESOLUTIONS, st.one_of(st.floats(-1e-4, 1e-4), st.floats(-2e-6, 2e-6)), st.integers(-100, 100))
@example(0.25, -3.75e-7, 0)  # rounds up to a whole cell
def test_a_phase_around_zero_stays_in_its_cell(resolution_m: float, noise_m: float, first: int) -> None:
    rows = [[(first + i) * resolution_m + noise_m, noise_m, 1] for i in range(5)]
    grid = heat_map(body(rows), resolution_m)
    assert grid.phase_m is not None
    assert all(0 <= phase_m < resolution_m for phase_m in grid.phase_m)
    assert grid.centres()[0] == pytest.approx([(first + i) * resolution_m for i in range(5)], abs=2e-4)


@given(RESOLUTIONS, st.floats(-20, 20), st.data())
def test_parts_of_one_floor_agree_in_phase(resolution_m: float, origin_m: float, data: st.DataObject) -> None:
    """Whichever cells a part happens to have."""
    phases = set()
    for _ in range(3):
        numbers = data.draw(st.sets(st.integers(-200, 200), min_size=1, max_size=20))
        rows = [[round(origin_m + i * resolution_m, 6), round(origin_m, 6), 1] for i in numbers]
        phase_m = heat_map(body(rows), resolution_m).phase_m
        assert phase_m is not None
        phases.add(phase_m[0])
    circle = [min(abs(a - b), resolution_m - abs(a - b)) for a in phases for b in phases]
    assert max(circle) <= 1e-3 * resolution_m


def test_a_hundred_thousand_cells() -> None:
    rows = [[0.1 + 0.5 * i, -60.3 + 0.5 * j, i * 250 + j + 1] for i in range(400) for j in range(250)]
    random.Random(1).shuffle(rows)
    grid = heat_map(body(rows, resolution=0.5), 0.5)
    assert grid.value.size == 100_000
    assert grid.total == 100_000 * 100_001 // 2
    assert grid.value.tolist() == list(range(1, 100_001))
    assert grid.phase_m == pytest.approx((0.1, 0.2))


# Far away


WIDE = {"min_x": 0, "min_y": 0, "max_x": 30, "max_y": 20}


@pytest.mark.parametrize(("x", "y"), [(131.25, 0.25), (-100.75, 0.25), (0.25, 121.25), (0.25, -100.75)])
def test_a_cell_far_outside_the_bounds_that_the_answer_names_is_a_fault(x: float, y: float) -> None:
    with pytest.raises(UpstreamInvalid, match="m outside the bounds it names"):
        heat_map(body([[0.25, 0.25, 1], [x, y, 1]], bounds=WIDE), 0.5)


@pytest.mark.parametrize(("x", "y"), [(129.75, 0.25), (0.25, -99.75)])
def test_somebody_outside_the_bounds_is_counted(x: float, y: float) -> None:
    assert heat_map(body([[x, y, 3]], bounds=WIDE), 0.5).total == 3.0


@pytest.mark.parametrize(("resolution_m", "far_m"), [(0.25, 600.0), (0.5, 1200.0), (1.0, 2400.0)])
def test_cells_that_no_rectangle_can_hold_are_a_fault(resolution_m: float, far_m: float) -> None:
    with pytest.raises(UpstreamInvalid, match="the cells cover"):
        heat_map(body([[0.0, 0.0, 1], [far_m, far_m, 1]]), resolution_m)
    assert heat_map(body([[0.0, 0.0, 1], [far_m, far_m, 0]]), resolution_m).total == 1.0


@pytest.mark.parametrize("cells", [[], [[10.25, 10.25, 4]]])
def test_bounds_that_no_rectangle_can_hold_are_left_out(cells: list[list[float]]) -> None:
    vast = {"min_x": -9000, "min_y": -9000, "max_x": 9000, "max_y": 9000}
    assert heat_map(body(cells, bounds=vast), 0.5).bounds is None
    assert heat_map(body(cells, bounds=WIDE), 0.5).bounds == Bounds(0.0, 0.0, 30.0, 20.0)


# --- one parser a thread ----------------------------------------------------------------------------------


def test_an_answer_that_is_refused_leaves_the_next_one_readable() -> None:
    """Its error is still held, and so are pieces of its document."""
    held = []
    for wrong in (b'{"array_cells": [[1, 2]]}', b"{", b'{"array_cells": [[0, 0, -1]]}', b'{"x": [[1]]}'):
        with pytest.raises(UpstreamInvalid) as refused:
            heat_map(wrong, 1.0)
        held.append(refused)
        assert heat_map(b'{"array_cells": [[0.5, 0.5, 3]]}', 1.0).total == 3


def test_a_grid_does_not_change_when_the_next_answer_is_read() -> None:
    first = heat_map(b'{"array_cells": [[0.5, 0.5, 3], [1.5, 0.5, 4]]}', 1.0)
    heat_map(b'{"array_cells": [[8.5, 7.5, 900], [9.5, 7.5, 901]]}', 1.0)
    assert (first.ix.tolist(), first.iy.tolist(), first.value.tolist()) == ([0, 1], [0, 0], [3, 4])


@pytest.mark.parametrize(
    "body",
    [
        b'{"array_cells"  :\n[ [0.5 ,0.5,3 ],\t[1.5,0.5,4] ] }',
        b'{"array\\u005fcells": [[0.5, 0.5, 3], [1.5, 0.5, 4]]}',
        b'{"said": "\\"array_cells\\": [[9, 9, 9]]", "array_cells": [[0.5, 0.5, 3], [1.5, 0.5, 4]]}',
        b'{"array_cells": [[5e-1, 0.5, 3], [15e-1, 0.5, 4]], "more": [[1, 2]]}',
        b'{"kind": "array_cells", "data": {"array_cells": [[1.5, 0.5, 4], [0.5, 0.5, 3]]}}',
    ],
)
def test_cells_are_the_same_however_they_are_written(body: bytes) -> None:
    grid = heat_map(body, 1.0)
    assert (grid.ix.tolist(), grid.iy.tolist(), grid.value.tolist()) == ([0, 1], [0, 0], [3, 4])


@pytest.mark.parametrize(
    "cells",
    [
        b"[[0.5, 0.5], [3, 1.5, 0.5, 4]]",
        b"[[0.5, 0.5, 3, [1.5, 0.5]], 4]",
        b"[[[0.5, 0.5, 3]]]",
        b"[0.5, 0.5, 3]",
        b"[[0.5, 0.5, 3], []]",
    ],
)
@pytest.mark.parametrize("name", [b"array_cells", b"array\\u005fcells"])
def test_rows_that_are_not_of_three_are_refused_however_their_numbers_add_up(
    name: bytes, cells: bytes
) -> None:
    with pytest.raises(UpstreamInvalid, match=r"is not \[x, y, value\]|not a number"):
        heat_map(b'{"' + name + b'": ' + cells + b"}", 1.0)


# Whether an account's answers add up


def response(total: object, largest: object, cells: object = ((0.5, 0.5, 3), (1.5, 0.5, 4))) -> bytes:
    metadata = {"resolution": 1.0, "total_detections": total, "max_value": largest}
    return orjson.dumps({"array_cells": cells, "metadata": metadata})


def test_once_answers_are_seen_to_add_up_one_that_does_not_is_a_fault() -> None:
    totals = Totals()
    for _ in range(Totals.ENOUGH):
        heat_map(response(7, 4), 1.0, totals)
    for body in (response(9, 4), response(7, 5)):
        with pytest.raises(
            UpstreamInvalid, match=r"but its cells sum to 7; max_value is [45], but its largest cell has 4"
        ):
            heat_map(body, 1.0, totals)
    assert heat_map(response(7, 4), 1.0, totals).total == 7


def test_an_account_whose_totals_never_fit_is_read_by_its_cells() -> None:
    totals = Totals()
    for _ in range(2 * Totals.ENOUGH):
        assert heat_map(response(12, 4), 1.0, totals).total == 7


def test_what_was_measured_needs_no_learning() -> None:
    with pytest.raises(UpstreamInvalid, match="contradicts itself"):
        heat_map(response(9, 4), 1.0, Totals(known=True))
    assert heat_map(response(9, 4), 1.0, Totals(known=False)).total == 7


def test_metadata_that_say_nothing_contradict_nothing() -> None:
    assert heat_map(response(None, None), 1.0, Totals(known=True)).total == 7
    assert heat_map(response(None, 4), 1.0, Totals(known=True)).total == 7


def test_empty_maps_prove_nothing() -> None:
    totals = Totals()
    for _ in range(2 * Totals.ENOUGH):
        heat_map(response(0, 0, []), 1.0, totals)
    assert heat_map(response(9, 4), 1.0, totals).total == 7


def test_null_cells_are_an_empty_map_where_the_metadata_say_zero() -> None:
    body = orjson.dumps(
        {"data": [{"array_cells": None, "metadata": {"bounds": None, "total_detections": 0}}]}
    )
    grid = heat_map(body, 0.5)
    assert (grid.total, grid.bounds) == (0, None)


@pytest.mark.parametrize("total", [None, 3, "0"])
def test_null_cells_without_a_zero_are_a_fault(total: object) -> None:
    body = orjson.dumps({"array_cells": None, "metadata": {"total_detections": total}})
    with pytest.raises(UpstreamInvalid, match="array_cells are null"):
        heat_map(body, 0.5)


def test_y_from_the_other_side_is_turned_within_the_bounds() -> None:
    bounds = {"min_x": 0, "min_y": 2, "max_x": 4, "max_y": 12}
    body = orjson.dumps({"array_cells": [[0.5, 2.5, 3]], "metadata": {"bounds": bounds}})
    x, y = heat_map(body, 1.0, flipped=True).centres()
    assert (x.tolist(), y.tolist()) == ([0.5], [11.5])
    with pytest.raises(UpstreamInvalid, match="has no bounds"):
        heat_map(orjson.dumps({"array_cells": [[0.5, 2.5, 3]], "metadata": {}}), 1.0, flipped=True)
