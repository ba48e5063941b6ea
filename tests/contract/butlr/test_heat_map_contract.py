"""`POST /v3/detections`: the question is the documented one, and every answer is counted exactly."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import numpy as np
import pytest

from butlr_grafana.base.errors import UpstreamInvalid, UpstreamRefused
from butlr_grafana.butlr.api import Butlr, request_body
from butlr_grafana.model.chunk import Grid, HeatMapSubject, Segment
from butlr_grafana.model.floor import Bounds
from butlr_grafana.model.time import Period
from butlr_grafana.simulator import Simulator
from butlr_grafana.simulator.forms import NESTINGS, Forms
from tests.support import DETECTIONS, NEW_YORK, PARIS, PARIS_2, Cells, at, truth

DAY_S = 86_400
TUESDAY_S = at("2025-06-10T00:00:00")


def segment(space: str, resolution_m: float, start_s: int = TUESDAY_S, length_s: int = DAY_S) -> Segment:
    return Segment(space, HeatMapSubject(resolution_m), Period(start_s, start_s + length_s), settled=True)


def counted(requested: Segment) -> Cells:
    return truth(requested.space, requested.period.start_s, requested.period.end_s, requested.resolution_m)


def cells(grid: Grid) -> Cells:
    x, y = (np.round(axis, 3).tolist() for axis in grid.centres())
    found = dict(zip(zip(x, y, strict=True), grid.value.tolist(), strict=True))
    assert len(found) == grid.value.size
    return found


def test_the_question_is_the_documented_one(butlr: Butlr, simulator: Simulator) -> None:
    butlr.fetch(segment(PARIS, 0.5))
    assert simulator.calls[-1].body == {
        "data_types": ["heatmap_v2"],
        "filter": {
            "space_id": "space_paris_1",
            "start": "2025-06-10T00:00:00Z",
            "stop": "2025-06-11T00:00:00Z",
            "omit_empty_value": True,
        },
        "window": {
            "heatmap_v2_options": {"grid_resolution": 0.5, "heatmap_type": "occupancy", "normalize": False}
        },
    }


def test_raw_counts_are_requested_at_every_resolution() -> None:
    """Normalised parts could never be added."""
    for resolution_m in (0.25, 0.5, 1.0):
        window = request_body(segment("space_1", resolution_m))["window"]
        assert window == {
            "heatmap_v2_options": {
                "grid_resolution": resolution_m,
                "heatmap_type": "occupancy",
                "normalize": False,
            }
        }


@pytest.mark.parametrize(
    ("space", "resolution_m"), list(product((PARIS, PARIS_2, NEW_YORK), (0.25, 0.5, 1.0)))
)
def test_every_floor_at_every_resolution_is_counted_exactly(
    butlr: Butlr, space: str, resolution_m: float
) -> None:
    requested = segment(space, resolution_m)
    expected = counted(requested)
    assert len(expected) > 100
    assert cells(butlr.fetch(requested).grid) == expected


@pytest.mark.parametrize(
    ("nesting", "bounds"), list(product(NESTINGS, ("min_x", "x_min", "points", "pairs")))
)
def test_every_form_of_answer_is_the_same_map(
    butlr: Butlr, simulator: Simulator, nesting: str, bounds: str
) -> None:
    simulator.forms = Forms(heat_nesting=nesting, heat_bounds=bounds)
    requested = segment(NEW_YORK, 1.0)
    grid = butlr.fetch(requested).grid
    assert cells(grid) == counted(requested)
    assert grid.bounds == Bounds(-9.5, -6.25, 10.5, 7.75)


@pytest.mark.parametrize("resolution_m", [0.25, 1.0])
def test_a_period_is_the_sum_of_its_parts(butlr: Butlr, resolution_m: float) -> None:
    """The edges are half-open: a detection on one is in exactly one part."""
    whole = segment(PARIS_2, resolution_m, length_s=3 * DAY_S)
    added: Counter[tuple[float, float]] = Counter()
    edges_s = (0, 30_001, 30_002, 43_200, DAY_S, 3 * DAY_S - 1, 3 * DAY_S)
    for start_s, end_s in pairwise(edges_s):
        part = replace(whole, period=Period(TUESDAY_S + start_s, TUESDAY_S + end_s))
        added.update(cells(butlr.fetch(part).grid))
    assert added == cells(butlr.fetch(whole).grid)


def test_the_part_says_what_it_is(butlr: Butlr) -> None:
    requested = replace(segment(PARIS, 0.5), settled=False)
    part = butlr.fetch(requested)
    assert (part.period, part.settled, part.fetched_at_s) == (requested.period, False, 1_749_643_200.5)
    assert part.grid.resolution_m == 0.5


def test_a_night_without_anybody_is_an_empty_map(butlr: Butlr) -> None:
    requested = segment(NEW_YORK, 0.5, start_s=TUESDAY_S + 7 * 3600, length_s=60)
    assert counted(requested) == {}
    grid = butlr.fetch(requested).grid
    assert (grid.total, grid.phase_m, grid.bounds) == (0.0, None, Bounds(-9.5, -6.25, 10.5, 7.75))


def test_seven_days_are_answered_and_a_second_more_is_refused(butlr: Butlr, simulator: Simulator) -> None:
    assert butlr.fetch(segment(NEW_YORK, 1.0, TUESDAY_S - 7 * DAY_S, 7 * DAY_S)).grid.total > 0
    with pytest.raises(UpstreamRefused, match=r"400 on /v3/detections: .*more than 7 days"):
        butlr.fetch(segment(NEW_YORK, 1.0, TUESDAY_S - 7 * DAY_S, 7 * DAY_S + 1))
    assert simulator.count(DETECTIONS) == 2


def test_an_unknown_space_is_refused_by_name(butlr: Butlr) -> None:
    with pytest.raises(UpstreamRefused, match=r"404 on /v3/detections: .*space space_atlantis not found"):
        butlr.fetch(segment("space_atlantis", 1.0))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"data": []}', 'has no array_cells: {"data": []}'),
        (b"<html>Sign in</html>", "is not JSON"),
        (b'{"array_cells": [[0.5, 0.5, 1], [1.5, 0.5]]}', "is not [x, y, value]"),
        (
            b'{"array_cells": [[0.5, 0.5, 1]], "metadata": {"resolution": 0.25}}',
            "cells of 1 m were requested",
        ),
    ],
)
def test_an_answer_that_cannot_be_is_no_part(
    butlr: Butlr, simulator: Simulator, body: bytes, text: str
) -> None:
    simulator.faults.body = body
    with pytest.raises(UpstreamInvalid) as caught:
        butlr.fetch(segment(PARIS, 1.0))
    assert text in caught.value.message
    assert simulator.count(DETECTIONS) == 1
