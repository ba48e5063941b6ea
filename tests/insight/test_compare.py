"""One period against another: by hand, for odd pairs of grids, and against the simulator's people."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.insight.compare import Comparison, compare
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Bounds
from butlr_grafana.targets.registry import read
from tests.insight.floors import floor, grid, heat_map
from tests.support import PARIS_2, World, at, truth

pytestmark = pytest.mark.fast

Cells = dict[tuple[float, float], tuple[float, float, float, float]]


def shown(found: Comparison) -> Cells:
    """`change, current, baseline, change_pct` of the cells where any is told, by centre."""
    arrays = (found.change, found.current, found.baseline, found.change_pct)
    assert all(a.shape == (found.x_m.size, found.y_m.size) for a in arrays)
    reported = np.argwhere(~np.isnan(np.stack(arrays)).all(axis=0)).tolist()
    return {
        (float(found.x_m[i]), float(found.y_m[j])): tuple(float(a[i, j]) for a in arrays)  # type: ignore[misc]
        for i, j in reported
    }


NAN = pytest.approx(math.nan, nan_ok=True)


def test_each_side_is_per_hour_counted() -> None:
    now = heat_map(floor(), grid({(0, 0): 12.0, (1, 0): 2.0, (2, 1): 6.0}), hours=2.0)
    then = heat_map(floor(), grid({(0, 0): 12.0, (1, 0): 4.0, (0, 1): 8.0}), hours=4.0)
    found = compare(now, then)
    assert shown(found) == {
        (0.5, 0.5): (3.0, 6.0, 3.0, 100.0),
        (1.5, 0.5): (0.0, 1.0, 1.0, 0.0),
        (0.5, 1.5): (-2.0, 0.0, 2.0, -100.0),
        (2.5, 1.5): (3.0, 3.0, 0.0, NAN),
    }
    assert (found.x_m.tolist(), found.y_m.tolist()) == ([0.5, 1.5, 2.5], [0.5, 1.5])
    assert (found.reasons, found.rebinned) == ((), False)


def test_the_rectangle_covers_both_bounds_and_every_cell() -> None:
    now = heat_map(floor(), grid({(1, 1): 1.0}, bounds=Bounds(-1, 0, 2, 3)))
    then = heat_map(floor(), grid({(5, 1): 1.0}, bounds=Bounds(0, 0, 4, 4)))
    found = compare(now, then)
    assert found.x_m.tolist() == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5]
    assert found.y_m.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert shown(found) == {(1.5, 1.5): (1, 1, 0, NAN), (5.5, 1.5): (-1, 0, 1, -100)}


def test_a_rectangle_is_at_least_two_by_two() -> None:
    one = heat_map(floor(), grid({(0, 0): 1.0}))
    assert compare(one, one).change.shape == (2, 2)


SOME = {(0, 0): 4.0}


@pytest.mark.parametrize(
    ("cells", "hours", "why"), [({}, 2.0, "no detections"), ({}, 0.0, "no hour is counted")]
)
def test_a_side_without_data_is_no_fall_to_zero(
    cells: dict[tuple[int, int], float], hours: float, why: str
) -> None:
    good, silent = heat_map(floor(), grid(SOME), hours=2.0), heat_map(floor(), grid(cells), hours=hours)
    found = compare(silent, good)
    assert shown(found) == {(0.5, 0.5): (NAN, NAN, 2.0, NAN)}
    [reason] = found.reasons
    assert reason.startswith("current (1970-01-01T00:00:00Z/1970-01-01T01:00:00Z)")
    assert reason.endswith(why)

    found = compare(good, silent)
    assert shown(found) == {(0.5, 0.5): (NAN, 2.0, NAN, NAN)}
    assert found.reasons[0].startswith("baseline")

    found = compare(silent, silent)
    assert shown(found) == {}
    assert [r.split()[0] for r in found.reasons] == ["current", "baseline"]


def test_without_any_cell_the_rectangle_is_that_of_the_bounds() -> None:
    empty = heat_map(floor(), Grid.empty(0.5, Bounds(1, 2, 2.5, 3)))
    found = compare(empty, empty)
    assert (found.x_m.tolist(), found.y_m.tolist()) == ([1.25, 1.75, 2.25], [2.25, 2.75])
    nowhere = heat_map(floor(), Grid.empty(0.5))
    assert compare(nowhere, nowhere).change.shape == (2, 2)


def test_the_phase_written_another_way_is_the_same_phase() -> None:
    """0 and almost a whole cell: cell 0 of one numbering is cell -1 of the other."""
    now = heat_map(floor(), grid({(3, 0): 5.0}, phase_m=(0.0, 0.5)))
    then = heat_map(floor(), grid({(2, 0): 2.0, (5, 0): 1.0}, phase_m=(0.9999, 0.5)))
    found = compare(now, then)
    assert shown(found) == {(3.0, 0.5): (3.0, 5.0, 2.0, 150.0), (6.0, 0.5): (-1.0, 0.0, 1.0, -100.0)}
    assert found.rebinned is False


def test_cells_that_do_not_fit_are_moved_and_said_to_be_so() -> None:
    now = heat_map(floor(), grid({(0, 0): 5.0}, phase_m=(0.5, 0.5)))
    then = heat_map(floor(), grid({(0, 0): 2.0, (1, 0): 4.0}, phase_m=(0.7, 0.5)))
    found = compare(now, then)
    assert shown(found) == {(0.5, 0.5): (3.0, 5.0, 2.0, 150.0), (1.5, 0.5): (-4, 0, 4, -100)}
    assert found.rebinned is True


def test_the_baselines_phase_serves_where_the_current_side_has_no_cell() -> None:
    found = compare(heat_map(floor(), grid({})), heat_map(floor(), grid(SOME, phase_m=(0.2, 0.3))))
    assert shown(found) == {(0.2, 0.3): (NAN, NAN, 4.0, NAN)}


def test_other_resolutions_and_endless_rectangles_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.0 m against 0\.5 m"):
        compare(heat_map(floor(), grid(SOME)), heat_map(floor(), grid(SOME, resolution_m=0.5)))
    with pytest.raises(UpstreamInvalid, match="at most"):
        compare(heat_map(floor(), grid(SOME)), heat_map(floor(), grid({(10**6, 10**6): 1.0})))


some_cells = st.dictionaries(
    st.tuples(st.integers(-5, 5), st.integers(-5, 5)), st.integers(1, 100), min_size=1
)


@given(some_cells, some_cells, st.integers(1, 50), st.integers(1, 50))
def test_any_two_sides(
    now: dict[tuple[int, int], int], then: dict[tuple[int, int], int], hours: int, others: int
) -> None:
    found = compare(
        heat_map(floor(), grid(now), hours=float(hours)), heat_map(floor(), grid(then), hours=float(others))
    )
    expected = {}
    for i, j in now.keys() | then.keys():
        a, b = now.get((i, j), 0) / hours, then.get((i, j), 0) / others
        pct = 100 * (a - b) / b if b else math.nan
        expected[(i + 0.5, j + 0.5)] = pytest.approx((a - b, a, b, pct), nan_ok=True)
    assert shown(found) == expected


def test_two_days_of_the_office(world: World) -> None:
    def day(text: str) -> dict[str, str]:
        return {"space": PARIS_2, "from": f"{text}T06:00", "to": f"{text}T18:00", "resolution": "1.0"}

    results = [
        world.application.service.answer(read("heatmap", day(text)), None).maps[0]
        for text in ("2026-06-10", "2026-06-03")
    ]
    now, then = (
        truth(PARIS_2, at(f"{text}T06:00"), at(f"{text}T18:00"), 1.0) for text in ("2026-06-10", "2026-06-03")
    )
    found = shown(compare(*results))
    assert set(found) == now.keys() | then.keys()
    for cell, (change, current, baseline, pct) in found.items():
        assert (current, baseline) == (now.get(cell, 0) / 12, then.get(cell, 0) / 12)
        assert change == pytest.approx((now.get(cell, 0) - then.get(cell, 0)) / 12)
        assert math.isnan(pct) == (cell not in then)
