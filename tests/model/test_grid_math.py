"""Parts that disagree, bounds, limits of size, polygons that cross themselves."""

from __future__ import annotations

import numpy as np
import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Bounds, Room
from butlr_grafana.present.frames.dense import dense

pytestmark = pytest.mark.fast


def grid(
    cells: dict[tuple[int, int], float],
    *,
    phase: tuple[float, float] = (0.25, 0.25),
    resolution_m: float = 0.5,
    bounds: Bounds | None = None,
) -> Grid:
    ordered = sorted(cells)
    ix, iy = (np.array([c[k] for c in ordered], np.int32) for k in (0, 1))
    return Grid(
        resolution_m, phase if ordered else None, ix, iy, np.array([cells[c] for c in ordered], float), bounds
    )


def test_parts_of_different_resolutions_are_an_error_and_not_a_blur() -> None:
    with pytest.raises(UpstreamInvalid, match="different resolutions"):
        grid_math.add([grid({(0, 0): 1}), grid({(0, 0): 1}, resolution_m=1.0)], 0.5)


def test_parts_of_another_phase_are_binned_by_centre_and_marked() -> None:
    """Centres at 0.25 and at 0.35 + i/2: the nearest cell of the first is the same cell."""
    total = grid_math.add(
        [grid({(0, 0): 2, (3, 1): 5}), grid({(0, 0): 7, (2, 1): 1}, phase=(0.35, 0.15))], 0.5
    )
    assert total.rebinned
    cells = dict(
        zip(zip(total.ix.tolist(), total.iy.tolist(), strict=True), total.value.tolist(), strict=True)
    )
    assert cells == {(0, 0): 9, (3, 1): 5, (2, 1): 1}


def test_a_phase_written_with_rounding_is_the_same_phase() -> None:
    total = grid_math.add([grid({(0, 0): 2}), grid({(0, 0): 7}, phase=(0.2500001, 0.2499999))], 0.5)
    assert (total.rebinned, total.value.tolist()) == (False, [9.0])


def test_bounds_are_the_union_of_what_the_parts_say() -> None:
    parts = [grid({}, bounds=Bounds(0, 0, 10, 5)), grid({(0, 0): 1}), grid({}, bounds=Bounds(-2, 1, 4, 8))]
    assert grid_math.add(parts, 0.5).bounds == Bounds(-2, 0, 10, 8)


@pytest.mark.parametrize("bounds", [Bounds(0, 0, 2, 1), Bounds(0.25, 0.25, 1.75, 0.75)])
def test_the_rectangle_is_the_same_for_bounds_of_edges_and_of_centres(bounds: Bounds) -> None:
    xs, ys, values = dense(grid({(1, 1): 4}, bounds=bounds))
    assert (xs.tolist(), ys.tolist()) == ([0.25, 0.75, 1.25, 1.75], [0.25, 0.75])
    assert values[1, 1] == 4
    assert int(np.isnan(values).sum()) == 7


@pytest.mark.parametrize("cells", [{}, {(5, -3): 2.0}])
def test_a_rectangle_is_at_least_two_by_two(cells: dict[tuple[int, int], float]) -> None:
    _, _, values = dense(grid(cells))
    assert min(values.shape) >= 2
    assert float(np.nansum(values)) == sum(cells.values())


def test_cells_spread_too_far_are_refused_before_they_cost_memory() -> None:
    far = grid({(0, 0): 1, (20_000, 20_000): 1})
    for lay_out in (lambda: dense(far), lambda: grid_math.add([far, far], 0.5)):
        with pytest.raises(UpstreamInvalid, match="4,000,000"):
            lay_out()


def test_rooms_limit_a_map_to_cells_whose_centre_lies_in_them() -> None:
    whole = grid({(i, j): 1 for i in range(4) for j in range(4)})
    room = Room("r", "R", "f", polygon=((0, 0), (1, 0), (1, 2), (0, 2)))
    inside = grid_math.within_rooms(whole, [room])
    assert sorted(zip(inside.ix.tolist(), inside.iy.tolist(), strict=True)) == [
        (i, j) for i in (0, 1) for j in range(4)
    ]
    assert grid_math.within_rooms(whole, [Room("r", "R", "f")]).value.size == 0


def test_a_room_whose_polygon_crosses_itself_is_repaired() -> None:
    whole = grid({(i, j): 1 for i in range(4) for j in range(4)})
    bow_tie = Room("r", "R", "f", polygon=((0, 0), (2, 2), (2, 0), (0, 2)))
    inside = grid_math.within_rooms(whole, [bow_tie, Room("s", "S", "f", polygon=((0, 0), (2, 0), (2, 2)))])
    # The triangle below the diagonal, its edge included, and the bow tie's left half.
    assert 0 < inside.value.size < 16
    assert (0, 1) in set(zip(inside.ix.tolist(), inside.iy.tolist(), strict=True))
