"""The share of each cell in each room: by hand, by counting points, and against shapely cell by cell."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from butlr_grafana.insight import apportion
from butlr_grafana.insight.apportion import OUTSIDE, Shares
from butlr_grafana.model import geometry
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Floor, Polygon
from tests.insight.floors import box, everywhere, floor, grid, room, zone

ROUNDING = 1e-9

PIECEWISE = 100 * apportion.GRID_M
"""Each cut moves a piece's border by up to `GRID_M`. Five rooms make at most 32 pieces of a cell;
their errors add up.
"""


def dense(found: Shares, cells: Grid) -> dict[str, dict[tuple[int, int], float]]:
    """By id, then by the cell's indices."""
    table: dict[str, dict[tuple[int, int], float]] = {key: {} for key in found.ids}
    for cell, owner, share in zip(found.cell, found.owner, found.share, strict=True):
        place = (int(cells.ix[cell]), int(cells.iy[cell]))
        assert place not in table[found.ids[owner]], "a pair is there once"
        table[found.ids[owner]][place] = float(share)
    return table


def rooms_of(where: Floor, cells: Grid) -> dict[str, dict[tuple[int, int], float]]:
    return dense(apportion.of_rooms(where, cells), cells)


# --- by hand ----------------------------------------------------------------------------------------------


def test_a_wall_divides_a_cell_by_area() -> None:
    where = floor(room("left", box(0, 0, 1.25, 1)), room("right", box(1.25, 0, 3, 1)))
    assert rooms_of(where, grid(everywhere(4, 1))) == {
        "room_left": {(0, 0): 1.0, (1, 0): 0.25},
        "room_right": {(1, 0): 0.75, (2, 0): 1.0},
        OUTSIDE: {(3, 0): 1.0},
    }


def test_a_slanted_wall_divides_cells_by_area() -> None:
    # Below the line y = x / 2: of the four squares under it 1/4, 3/4, and again in the next row.
    where = floor(room("ramp", ((0, 0), (4, 0), (4, 2))))
    found = rooms_of(where, grid(everywhere(4, 2)))
    assert found["room_ramp"] == pytest.approx(
        {(0, 0): 0.25, (1, 0): 0.75, (2, 0): 1.0, (3, 0): 1.0, (2, 1): 0.25, (3, 1): 0.75}
    )
    assert found[OUTSIDE] == pytest.approx(
        {(0, 0): 0.75, (1, 0): 0.25, (0, 1): 1, (1, 1): 1, (2, 1): 0.75, (3, 1): 0.25}
    )


def test_an_overlap_is_shared_equally() -> None:
    where = floor(room("a", box(0, 0, 2, 1)), room("b", box(1, 0, 3, 1)), room("c", box(1.5, 0, 4, 1)))
    found = rooms_of(where, grid(everywhere(5, 1)))
    # From 1 to 1.5 it is a and b, from 1.5 to 2 all three, from 2 to 3 b and c.
    assert found["room_a"] == pytest.approx({(0, 0): 1, (1, 0): 1 / 4 + 1 / 6})
    assert found["room_b"] == pytest.approx({(1, 0): 1 / 4 + 1 / 6, (2, 0): 1 / 2})
    assert found["room_c"] == pytest.approx({(1, 0): 1 / 6, (2, 0): 1 / 2, (3, 0): 1})
    assert found[OUTSIDE] == {(4, 0): 1.0}


def test_a_room_within_a_room_and_the_same_room_twice() -> None:
    where = floor(
        room("hall", box(0, 0, 3, 3)), room("cabin", box(1, 1, 2, 2)), room("cabin2", box(1, 1, 2, 2))
    )
    found = rooms_of(where, grid(everywhere(3, 3)))
    assert found["room_hall"].pop((1, 1)) == pytest.approx(1 / 3)
    assert set(found["room_hall"].values()) == {1.0}
    assert found["room_cabin"] == found["room_cabin2"] == {(1, 1): pytest.approx(1 / 3)}
    assert found[OUTSIDE] == {}


def test_zones_are_counted_each_for_itself() -> None:
    where = floor(
        room("a", box(0, 0, 2, 1)),
        zones=[zone("x", box(0, 0, 1.5, 1)), zone("y", box(1, 0, 2, 1)), zone("z", None)],
    )
    cells = grid(everywhere(3, 1))
    assert dense(apportion.of_zones(where, cells), cells) == {
        "zone_x": {(0, 0): 1.0, (1, 0): 0.5},
        "zone_y": {(1, 0): 1.0},
        "zone_z": {},
    }


@pytest.mark.parametrize(
    "polygon",
    [
        None,
        (),
        ((0, 0), (1, 1)),
        ((0, 0), (1, 1), (0, 0), (1, 1)),
        ((0, 0), (1, 1), (2, 2)),
        ((0, 0), (1, 1), (float("nan"), 2)),
    ],
)
def test_without_a_usable_polygon_a_room_has_no_share(polygon: Polygon | None) -> None:
    assert geometry.shape_of(polygon) is None
    found = rooms_of(floor(room("a", polygon), room("b", box(0, 0, 1, 1))), grid(everywhere(2, 1)))
    assert found == {"room_a": {}, "room_b": {(0, 0): 1.0}, OUTSIDE: {(1, 0): 1.0}}


def test_a_polygon_that_crosses_itself_is_repaired() -> None:
    # An hourglass from (0, 0) to (2, 2): the two triangles left and right of its waist.
    where = floor(room("hourglass", ((0, 0), (2, 2), (2, 0), (0, 2))))
    assert rooms_of(where, grid(everywhere(2, 2)))["room_hourglass"] == pytest.approx(
        dict.fromkeys([(0, 0), (0, 1), (1, 0), (1, 1)], 0.5)
    )


@pytest.mark.parametrize("turn", [1, -1])
def test_the_winding_of_a_polygon_does_not_matter(turn: int) -> None:
    found = rooms_of(floor(room("a", box(0, 0, 1.5, 1)[::turn])), grid(everywhere(2, 1)))
    assert found["room_a"] == {(0, 0): 1.0, (1, 0): 0.5}


@pytest.mark.parametrize(("x", "y"), [(0.1, 0.2), (0.3, 0.2), (0.3, 0.7)])
def test_cells_inside_are_whole_though_their_corners_are_written_with_rounding(x: float, y: float) -> None:
    """0.3 + 0.5 k and its like are no exact floats: whole detections stay whole all the same."""
    middle, end, top = round(x + 7, 6), round(x + 12, 6), round(y + 7, 6)
    where = floor(room("a", box(x, y, middle, top)), room("b", box(middle, y, end, top)))
    phase = (round(x + 0.25, 6) % 0.5, round(y + 0.25, 6) % 0.5)
    cells = grid(everywhere(30, 20), resolution_m=0.5, phase_m=phase)
    found = apportion.of_rooms(where, cells)
    assert set(found.share.tolist()) == {1.0}
    assert found.sums(cells.value).tolist() == [14 * 14, 10 * 14, 600 - 24 * 14]


def test_a_room_drawn_kilometres_wide_costs_no_more_than_its_cells() -> None:
    where = floor(room("field", box(-1e5, -1e5, 1e5, 0.5)), room("far", box(9e4, 9e4, 1e5, 1e5)))
    assert rooms_of(where, grid(everywhere(1, 2))) == {
        "room_field": {(0, 0): 0.5},
        "room_far": {},
        OUTSIDE: {(0, 0): 0.5, (0, 1): 1.0},
    }


def test_values_do_not_change_the_shares_and_no_cell_is_no_share() -> None:
    where = floor(room("a", box(0, 0, 1.5, 1)))
    assert rooms_of(where, grid(everywhere(2, 1, 7.0))) == rooms_of(where, grid(everywhere(2, 1)))
    nothing = apportion.of_rooms(where, Grid.empty(1.0))
    assert (nothing.share.size, nothing.sums(np.empty(0)).tolist()) == (0, [0.0, 0.0])
    assert apportion.of_zones(floor(), grid(everywhere(1, 1))).ids == ()


def test_only_who_has_most_of_a_cell_is_filled() -> None:
    where = floor(room("a", box(0, 0, 1.5, 1)), room("b", box(1.5, 0, 1.9, 1)), room("c", box(2, 0, 3, 1)))
    cells = grid({(1, 0): 5, (2, 0): 5})
    assert apportion.of_rooms(where, cells).filled(cells.value) == {"room_c"}
    assert apportion.of_rooms(where, cells).filled(0 * cells.value) == set()


# --- by counting points, exact where all walls lie on a fine raster ---------------------------------------

FINE = 8
"""Walls lie on eighths of a cell, so that the middles of 8 x 8 squares count its area exactly."""

eighths = st.integers(-2 * FINE, 6 * FINE)
rectangles = st.tuples(eighths, eighths, eighths, eighths).filter(lambda b: b[0] != b[2] and b[1] != b[3])


@settings(deadline=None)
@given(
    st.lists(rectangles, min_size=1, max_size=5),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.tuples(st.integers(-3, 3), st.integers(-3, 3)),
)
def test_shares_are_what_counting_points_gives(
    walls: list[tuple[int, int, int, int]], res: float, origin: tuple[int, int]
) -> None:
    scale = res / FINE
    shift_x, shift_y = origin[0] * res, origin[1] * res
    where = floor(
        *(
            room(
                str(k),
                box(shift_x + a * scale, shift_y + b * scale, shift_x + c * scale, shift_y + d * scale),
            )
            for k, (a, b, c, d) in enumerate(walls)
        )
    )
    cells = {(i + origin[0], j + origin[1]): 1.0 for i in range(5) for j in range(4) if (i, j) != (2, 2)}
    raw = grid(cells, resolution_m=res, phase_m=(res / 2, res / 2))
    found = rooms_of(where, raw)
    middle = np.arange(FINE) + 0.5
    for i, j in cells:
        x, y = np.meshgrid((i - origin[0]) * FINE + middle, (j - origin[1]) * FINE + middle)
        inside = np.array(
            [(min(a, c) < x) & (x < max(a, c)) & (min(b, d) < y) & (y < max(b, d)) for a, b, c, d in walls]
        )
        owners = inside.sum(axis=0)
        for k in range(len(walls)):
            expected = (inside[k] / np.maximum(owners, 1)).mean()
            assert found[f"room_{k}"].get((i, j), 0.0) == pytest.approx(expected, abs=ROUNDING)
        assert found[OUTSIDE].get((i, j), 0.0) == pytest.approx((owners == 0).mean(), abs=ROUNDING)


# --- against shapely, and the sums ------------------------------------------------------------------------

metres = st.floats(-3, 7, allow_nan=False).map(lambda v: round(v, 3))
scrawls = st.lists(st.tuples(metres, metres), min_size=2, max_size=7).map(tuple)
phases = st.tuples(st.floats(0, 0.499), st.floats(0, 0.499))


@settings(deadline=None)
@given(
    st.lists(scrawls, max_size=5),
    phases,
    st.sets(st.tuples(st.integers(-8, 12), st.integers(-8, 12)), min_size=1),
)
@example(
    [
        ((0.0, 0.0), (0.0, 1.359), (5.0, 0.0)),
        ((0.0, 0.0), (6.875, 0.0), (-2.738, 2.0)),
        ((0.0, 0.0), (4.0, -1.0), (6.0, 2.781)),
    ],
    (0.25, 0.25),
    {(6, 1)},
)
def test_rooms_and_outside_add_up_to_the_floor_however_odd_the_rooms(
    polygons: list[Polygon], phase: tuple[float, float], places: set[tuple[int, int]]
) -> None:
    where = floor(*(room(str(k), p) for k, p in enumerate(polygons)))
    cells = grid({c: 1 + 3 * abs(c[0]) + abs(c[1]) for c in places}, resolution_m=0.5, phase_m=phase)
    found = apportion.of_rooms(where, cells)
    by_cell = np.bincount(found.cell, found.share, minlength=cells.ix.size)
    assert by_cell == pytest.approx(np.ones(cells.ix.size), abs=PIECEWISE)
    assert (found.share > 0).all()
    assert (found.share <= 1).all()
    assert found.sums(cells.value).sum() == pytest.approx(cells.total, rel=PIECEWISE)


@settings(deadline=None)
@given(st.lists(scrawls, min_size=1, max_size=3), phases)
# Walls that all but coincide: what is left between them can be cut again only on a grid.
@example([((0, 2), (2, -1), (0, 3)), ((0, 2), (2, -1), (1, 1), (2, 1), (1, 0))], (0, 0))
@example([((0, 2), (2, -1), (0, 0)), ((0, 2), (2, -1), (2, 1), (1, 0))], (0, 0))
def test_shares_are_the_areas_that_shapely_cuts(polygons: list[Polygon], phase: tuple[float, float]) -> None:
    """Up to three rooms, by inclusion and exclusion of whole shapes: nothing of the partition is used."""
    shapes = {k: shape for k, p in enumerate(polygons) if (shape := geometry.shape_of(p)) is not None}
    where = floor(*(room(str(k), p) for k, p in enumerate(polygons)))
    cells = grid(everywhere(6, 6), resolution_m=0.5, phase_m=phase)
    x, y = cells.centres()
    squares = shapely.box(x - 0.25, y - 0.25, x + 0.25, y + 0.25)

    def common(*keys: int) -> np.ndarray:
        area = squares
        for key in keys:
            area = shapely.intersection(area, shapes[key])
        return shapely.area(area) / 0.25

    found = rooms_of(where, cells)
    for k in shapes:
        expected = common(k)
        others = [other for other in shapes if other != k]
        # 1 - 1/2 for each second owner; where all three are, that took 2 halves and 1/3 is due.
        expected = expected - sum((common(k, other) / 2 for other in others), np.zeros(36))
        for pair in combinations(others, 2):
            expected = expected + common(k, *pair) / 3
        got = [
            found[f"room_{k}"].get(place, 0.0)
            for place in zip(cells.ix.tolist(), cells.iy.tolist(), strict=True)
        ]
        assert got == pytest.approx(expected, abs=1e-7)


@settings(deadline=None)
@given(scrawls, phases)
def test_a_zone_has_its_plain_area(polygon: Polygon, phase: tuple[float, float]) -> None:
    where = floor(zones=[zone("a", polygon), zone("b", polygon)])
    # The cells reach beyond all that can be drawn, so nothing of the zone is cut off.
    cells = grid({(i, j): 1.0 for i in range(-8, 17) for j in range(-8, 17)}, resolution_m=0.5, phase_m=phase)
    shape = geometry.shape_of(polygon)
    area = shape.area / 0.25 if shape is not None else 0.0
    assert apportion.of_zones(where, cells).sums(cells.value) == pytest.approx([area, area], abs=1e-8)
