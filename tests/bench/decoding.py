"""From bytes to the sum of a year's weeks: the backend compared with `json` and a dictionary, on the same
bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import orjson

from butlr_grafana.butlr import heatmaps
from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Grid
from tests.bench.row import Row, median_ms

NX, NY, RESOLUTION_M = 400, 400, 0.25
WEEKS = 4
SHARE = 0.6
"""The share of the cells that have detections in a week."""


def weeks() -> list[bytes]:
    """Responses of Butlr. Each week has other cells, spread over the floor."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(WEEKS):
        ix, iy = np.nonzero(rng.random((NX, NY)) < SHARE)
        n = rng.integers(1, 500, ix.size)
        cells = [
            [(i + 0.5) * RESOLUTION_M, (j + 0.5) * RESOLUTION_M, v]
            for i, j, v in zip(ix.tolist(), iy.tolist(), n.tolist(), strict=True)
        ]
        metadata = {"resolution": RESOLUTION_M, "total_detections": int(n.sum())}
        found.append(orjson.dumps({"data": [{"heatmap_v2": {"array_cells": cells, "metadata": metadata}}]}))
    return found


def with_backend(bodies: Sequence[bytes]) -> Grid:
    parsers = heatmaps.Parsers()
    grids = [heatmaps.heat_map(body, RESOLUTION_M, parsers=parsers) for body in bodies]
    return grid_math.add(grids, RESOLUTION_M)


def with_json(bodies: Sequence[bytes]) -> dict[tuple[float, float], float]:
    total: dict[tuple[float, float], float] = {}
    for body in bodies:
        for x, y, n in json.loads(body)["data"][0]["heatmap_v2"]["array_cells"]:
            total[x, y] = total.get((x, y), 0) + n
    return total


def decoding_and_merging() -> Row:
    bodies = weeks()
    x, y = with_backend(bodies).centres()
    found = dict(
        zip(zip(x.tolist(), y.tolist(), strict=True), with_backend(bodies).value.tolist(), strict=True)
    )
    assert found == with_json(bodies), "the two ways do not agree"
    cells = sum(len(json.loads(body)["data"][0]["heatmap_v2"]["array_cells"]) for body in bodies)
    ours_ms, beside_ms = (median_ms(lambda way=way: way(bodies), 7) for way in (with_backend, with_json))
    per_100k = f"{ours_ms * 100_000 / cells:.1f} ms per 100,000 cells"
    return Row(
        f"decode and add {cells:,} cells of {WEEKS} calls",
        ours_ms,
        "json and a dictionary",
        beside_ms,
        10.0,
        note=per_100k,
    )
