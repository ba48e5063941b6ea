"""What people see is the sum of what Butlr holds, for any period, splitting, cache state and order."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Grid
from tests.support import NEW_YORK, PARIS, PARIS_2, World, added, at, cells_of, truth

DAY = 86_400


@pytest.mark.parametrize(
    ("days", "space", "resolution"),
    [(30, PARIS, "0.5"), (90, PARIS_2, "1.0"), (365, PARIS, "0.5"), (366, NEW_YORK, "0.25")],
)
def test_long_periods_at_odd_times_equal_the_cell_by_cell_sum(
    world: World, days: int, space: str, resolution: str
) -> None:
    end = at("2026-06-16T17:23:41")
    frame = world.heat_map(space, end - days * DAY, end, resolution=resolution)
    meta = frame["meta"]["custom"]
    covered = at(meta["from"]), at(meta["to"])
    # Rounded outwards, by less than an hour.
    assert end - days * DAY - 3600 < covered[0] <= end - days * DAY
    assert end <= covered[1] < end + 3600
    expected = truth(space, *covered, float(resolution))
    assert cells_of(frame) == expected
    assert meta["total_detections"] == sum(expected.values())
    assert meta["max_value"] == max(expected.values())
    assert meta["complete"] is True
    assert meta["hours"] == (covered[1] - covered[0]) / 3600


def test_a_day_is_answered_to_the_minute(world: World) -> None:
    frame = world.heat_map(PARIS, "2026-06-10T09:17:30Z", "2026-06-10T15:02:10Z")
    covered = at("2026-06-10T09:17"), at("2026-06-10T15:03")
    assert (frame["meta"]["custom"]["from"], frame["meta"]["custom"]["to"]) == (
        "2026-06-10T09:17:00Z",
        "2026-06-10T15:03:00Z",
    )
    assert cells_of(frame) == truth(PARIS, *covered, 0.5)


def test_an_end_in_the_future_is_now(world: World) -> None:
    frame = world.heat_map(PARIS, "2026-06-17T00:00:00Z", "2026-06-18T00:00:00Z")
    assert frame["meta"]["custom"]["to"] == "2026-06-17T12:34:00Z"
    assert cells_of(frame) == truth(PARIS, at("2026-06-17T00:00"), at("2026-06-17T12:34"), 0.5)


def test_detections_on_a_boundary_are_counted_once(world: World) -> None:
    """Week, day and settle boundaries; the parts beside each add up to the whole across it."""
    for boundary in ("2026-06-15T00:00", "2026-06-16T00:00", "2026-06-17T11:00"):
        middle = at(boundary)
        whole = world.heat_map(PARIS, middle - 7200, middle + 3600)
        left = world.heat_map(PARIS, middle - 7200, middle)
        right = world.heat_map(PARIS, middle, middle + 3600)
        assert cells_of(whole) == added(cells_of(left), cells_of(right))
        assert cells_of(whole) == truth(PARIS, middle - 7200, middle + 3600, 0.5)


@pytest.fixture(scope="module")
def lived_in() -> Iterator[World]:
    """One world for many examples: its cache is in whatever state the examples before left it."""
    world = World()
    yield world
    world.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(at("2026-04-20T00:00"), at("2026-06-17T12:00")),
    length=st.one_of(st.integers(60, DAY), st.integers(DAY, 40 * DAY)),
    now=st.integers(at("2026-06-17T12:34"), at("2026-06-19T12:00")),
)
def test_any_period_at_any_time_with_any_cache_equals_the_truth(
    lived_in: World, start: int, length: int, now: int
) -> None:
    # The clock of the world only goes on: people do not come back.
    lived_in.now_s = max(lived_in.now_s, now)
    frame = lived_in.heat_map(NEW_YORK, start, start + length, resolution="0.5")
    meta = frame["meta"]["custom"]
    assert meta["complete"] is True
    assert cells_of(frame) == truth(NEW_YORK, at(meta["from"]), at(meta["to"]), 0.5)


def test_a_restart_with_the_disk_cache_changes_nothing(
    make_world: Callable[..., World], tmp_path: object
) -> None:
    world = make_world(cache_dir=str(tmp_path))
    params = (PARIS, "2026-04-01T00:00:00Z", "2026-06-01T00:00:00Z")
    before = world.heat_map(*params)
    world.restart()
    after: list[dict[str, object]] = []
    assert world.spent(lambda: after.append(world.heat_map(*params))) == 0
    assert cells_of(after[0]) == cells_of(before) == truth(PARIS, at("2026-04-01"), at("2026-06-01"), 0.5)


whole_grids = st.lists(
    st.dictionaries(
        st.tuples(st.integers(-9, 9), st.integers(-9, 9)), st.integers(1, 2**40), min_size=0, max_size=12
    ),
    min_size=1,
    max_size=6,
)


def grid_of(cells: dict[tuple[int, int], int]) -> Grid:
    ordered = sorted(cells)
    ix, iy = (np.array([c[k] for c in ordered], np.int32) for k in (0, 1))
    phase = (0.25, 0.1) if ordered else None
    return Grid(0.5, phase, ix, iy, np.array([cells[c] for c in ordered], float))


@given(whole_grids, st.randoms(use_true_random=False))
def test_adding_is_exact_in_any_order_and_any_grouping(
    parts: list[dict[tuple[int, int], int]], chance: random.Random
) -> None:
    expected: dict[tuple[int, int], int] = {}
    for part in parts:
        for cell, n in part.items():
            expected[cell] = expected.get(cell, 0) + n
    grids = [grid_of(p) for p in parts]
    chance.shuffle(grids)
    cut = chance.randint(0, len(grids))
    halves = [grid_math.add(half, 0.5) for half in (grids[:cut], grids[cut:]) if half]
    total = grid_math.add(halves, 0.5)
    found = dict(
        zip(zip(total.ix.tolist(), total.iy.tolist(), strict=True), total.value.tolist(), strict=True)
    )
    assert found == expected
