"""Contiguous hot areas: by hand, and against the plainest flood fill."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.insight.hotspots import Hotspot, Touched, areas, hotspots
from butlr_grafana.model.threshold import Threshold, parse
from butlr_grafana.targets.registry import read
from tests.insight.floors import box, everywhere, floor, grid, heat_map, room
from tests.support import PARIS, World, truth

pytestmark = pytest.mark.fast

EVERY = Threshold(0, True)


def test_an_area_in_figures() -> None:
    where = floor(room("a", box(0, 0, 2, 2)), room("b", box(2, 0, 3.5, 2)), room("c", box(7, 7, 8, 8)))
    cells = {(1, 0): 3.0, (2, 0): 3.0, (3, 0): 2.0, (2, 1): 4.0, (9, 9): 1.0}
    [spot, far] = hotspots(heat_map(where, grid(cells), hours=4.0), EVERY)
    # b has both cells of column 2 and half of (3, 0); the other half lies outside.
    assert spot == Hotspot(
        x_m=(3 * 1.5 + 3 * 2.5 + 2 * 3.5 + 4 * 2.5) / 12,
        y_m=(8 * 0.5 + 4 * 1.5) / 12,
        area_m2=4.0,
        cells=4,
        peak=4.0,
        peak_x_m=2.5,
        peak_y_m=1.5,
        total=12.0,
        per_hour=3.0,
        rooms=(Touched("room_b", "b", 8 / 12), Touched("room_a", "a", 3 / 12)),
    )
    assert (far.total, far.x_m, far.y_m, far.rooms) == (1.0, 9.5, 9.5, ())


def test_corners_do_not_touch() -> None:
    found = hotspots(heat_map(floor(), grid({(0, 0): 1, (1, 1): 2, (2, 0): 4})), EVERY)
    assert [(s.total, s.x_m, s.y_m) for s in found] == [(4, 2.5, 0.5), (2, 1.5, 1.5), (1, 0.5, 0.5)]


def test_columns_end_where_the_next_begins() -> None:
    """The top of one column and the foot of the next are neighbours in the list, not on the floor."""
    assert areas(grid({(0, 1): 1, (0, 2): 1, (1, 3): 1, (1, 4): 1})).tolist() == [0, 0, 1, 1]
    assert areas(grid({(0, 0): 1, (2, 0): 1, (3, 0): 1})).tolist() == [0, 1, 1]
    assert areas(grid({})).tolist() == []


def test_equals_come_from_left_to_right_and_their_peak_is_the_first() -> None:
    found = hotspots(heat_map(floor(), grid({(4, 0): 2, (4, 1): 2, (0, 5): 4, (0, 0): 4})), EVERY)
    assert [(s.x_m, s.y_m, s.peak_x_m, s.peak_y_m) for s in found] == [
        (0.5, 0.5, 0.5, 0.5),
        (0.5, 5.5, 0.5, 5.5),
        (4.5, 1.0, 4.5, 0.5),
    ]


def test_a_percentile_is_of_the_cells_with_a_detection() -> None:
    cells = {(2 * k, 0): float(k) for k in range(1, 11)}
    found = hotspots(heat_map(floor(), grid(cells), hours=7.0), parse("threshold", "p80"))
    # Of 1 to 10, the 80th percentile is 8.2.
    assert [s.total for s in found] == [10.0, 9.0]
    assert [s.total for s in hotspots(heat_map(floor(), grid(cells)), parse("threshold", "p100"))] == [10.0]


def test_a_number_is_detections_in_the_cell_per_hour() -> None:
    cells = grid({(0, 0): 5.0, (2, 0): 6.0, (4, 0): 7.0})
    assert [s.total for s in hotspots(heat_map(floor(), cells, hours=2.0), Threshold(3.0, False))] == [7, 6]
    assert len(hotspots(heat_map(floor(), cells), Threshold(0.0, False))) == 3


@pytest.mark.parametrize(
    ("cells", "hours"), [({}, 1.0), ({(0, 0): 0.0}, 1.0), ({}, 0.0), ({(0, 0): 1.0}, 0.0)]
)
@pytest.mark.parametrize("threshold", ["p95", "0", "3"])
def test_where_nothing_is_hot_there_is_no_area(
    cells: dict[tuple[int, int], float], hours: float, threshold: str
) -> None:
    assert hotspots(heat_map(floor(), grid(cells), hours=hours), parse("threshold", threshold)) == ()


def test_offset_and_fine_cells_are_placed_in_metres() -> None:
    raw = grid({(-3, 2): 1.0, (-2, 2): 3.0}, resolution_m=0.25, phase_m=(0.1, 0.2))
    [spot] = hotspots(heat_map(floor(), raw), EVERY)
    assert (spot.x_m, spot.y_m) == pytest.approx((0.1 - 2.25 * 0.25, 0.7))
    assert spot.area_m2 == 0.125


def flood(cells: set[tuple[int, int]]) -> set[frozenset[tuple[int, int]]]:
    left, found = set(cells), set()
    while left:
        todo, seen = [left.pop()], set()
        while todo:
            x, y = todo.pop()
            seen.add((x, y))
            near = {(x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)} & left
            left -= near
            todo += near
        found.add(frozenset(seen))
    return found


places = st.integers(-4, 5)


@given(st.dictionaries(st.tuples(places, places), st.integers(1, 9), max_size=90), st.integers(1, 9))
def test_areas_are_those_of_a_flood_fill(cells: dict[tuple[int, int], int], limit: int) -> None:
    raw = grid(cells)
    label = areas(raw).tolist()
    whole: dict[int, set[tuple[int, int]]] = {}
    for k, place in zip(label, zip(raw.ix.tolist(), raw.iy.tolist(), strict=True), strict=True):
        whole.setdefault(k, set()).add(place)
    assert set(map(frozenset, whole.values())) == flood(set(cells))
    assert sorted(whole) == list(range(len(whole)))

    found = hotspots(heat_map(floor(), raw, hours=1.0), Threshold(limit, False))
    expected = flood({c for c, n in cells.items() if n >= limit})
    assert [s.total for s in found] == sorted(
        (float(sum(cells[c] for c in a)) for a in expected), reverse=True
    )
    assert sorted((s.cells, s.peak) for s in found) == sorted(
        (len(a), max(cells[c] for c in a)) for a in expected
    )


def test_a_long_winding_area_is_one() -> None:
    snake = {c for c in everywhere(41, 41) if c[1] % 2 == 0 or c[0] == (40 if c[1] % 4 == 1 else 0)}
    assert set(areas(grid(dict.fromkeys(snake, 1.0))).tolist()) == {0}


def test_hot_areas_of_the_office_are_the_cells_of_its_people(world: World) -> None:
    params = {"space": PARIS, "from": "2026-06-08", "to": "2026-06-12", "resolution": "0.5"}
    result = world.application.service.answer(read("heatmap", params), None).maps[0]
    cells = truth(PARIS, result.query.period.start_s, result.query.period.end_s, 0.5)
    # Per m² and hour: in a quarter of a square metre and 96 hours 24 detections.
    found = hotspots(result, Threshold(1.0, False))
    by_index = {
        (round((x - 0.25) / 0.5), round((y - 0.25) / 0.5)): n for (x, y), n in cells.items() if n >= 24
    }
    assert found
    assert [s.total for s in found] == sorted(
        (float(sum(by_index[c] for c in a)) for a in flood(set(by_index))), reverse=True
    )
    assert found[0].peak <= max(cells.values()) == max(s.peak for s in found)
    for spot in found:
        assert sum(t.share for t in spot.rooms) <= 1 + 1e-9
        assert [t.share for t in spot.rooms] == sorted((t.share for t in spot.rooms), reverse=True)
        assert cells[(round(spot.peak_x_m, 3), round(spot.peak_y_m, 3))] == spot.peak
