"""`POST /v3/detections`: the request checked as Butlr documents it, the answer in any form it may have.

A cell's value is the number of sightings in it (`People.detections`, one a person and minute) times the
detections that a person on that floor gives a minute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .body_values import flag, instant, json_object
from .forms import NESTINGS, Forms
from .ghosts import ghosts
from .heatmap import Cells, call_origin, count_cells, flipped
from .messages import Refusal
from .people import People
from .world import Floor

LONGEST_S = 168 * 3600
RESOLUTIONS_M = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class HeatmapQuery:
    """A checked request. The period is in UTC epoch seconds."""

    floor_id: str
    start_s: float
    stop_s: float
    resolution_m: float
    normalize: bool
    omit_empty: bool


def parse(body: Mapping[str, Any]) -> HeatmapQuery:
    """Checks the values of a request. The first wrong value is a 400 that names it."""
    types = body.get("data_types")
    if not isinstance(types, list) or "heatmap_v2" not in types:
        raise Refusal(400, 'data_types: is not a list with "heatmap_v2"')
    where = json_object(body, "filter")
    options = json_object(json_object(body, "window"), "heatmap_v2_options")
    space_id = where.get("space_id")
    if not isinstance(space_id, str):
        raise Refusal(400, "filter.space_id: is not the id of one space")
    start_s, stop_s = instant(where, "start", "filter.start"), instant(where, "stop", "filter.stop")
    if start_s >= stop_s:
        raise Refusal(400, "filter.stop: is not after filter.start")
    if stop_s - start_s > LONGEST_S:
        raise Refusal(400, "filter.stop: is more than 7 days after filter.start")
    resolution_m = options.get("grid_resolution")
    if isinstance(resolution_m, bool) or resolution_m not in RESOLUTIONS_M:
        raise Refusal(400, "heatmap_v2_options.grid_resolution: is unknown; allowed: 0.25, 0.5, 1.0")
    if options.get("heatmap_type", "occupancy") != "occupancy":
        raise Refusal(400, 'heatmap_v2_options.heatmap_type: only "occupancy"')
    return HeatmapQuery(
        space_id,
        start_s,
        stop_s,
        float(resolution_m),
        flag(options, "normalize", default=False),
        flag(where, "omit_empty_value", default=True),
    )


def build_response(people: People, query: HeatmapQuery, until_s: float, forms: Forms) -> Any:
    """The heat map as JSON. Detections at `until_s` and later do not exist yet. An unknown space is a 404."""
    floor = people.office.by_id.get(query.floor_id)
    if floor is None:
        raise Refusal(404, f"space {query.floor_id} not found")
    cells = _cells(people, floor, query, until_s, forms)
    total, largest = int(cells.value.sum()), int(cells.value.max(initial=0))
    if not forms.totals_add_up:
        # As though some cells had been left out.
        total, largest = total + total // 5, largest + largest // 5
    is_null = forms.empty_heat == "null" and not len(cells.value)
    body: Any = {
        "array_cells": None if is_null else _rows(cells, normalize=query.normalize),
        "metadata": {
            "bounds": None if is_null else _bounds(floor, forms.heat_bounds),
            "resolution": query.resolution_m,
            "max_value": largest,
            "total_detections": total,
            "type": "occupancy",
        },
    }
    for step in reversed(NESTINGS[forms.heat_nesting]):
        body = [body] if isinstance(step, int) else {step: body}
    return body


def _cells(people: People, floor: Floor, query: HeatmapQuery, until_s: float, forms: Forms) -> Cells:
    start_s, over_s = math.ceil(query.start_s), math.ceil(until_s - forms.heat_late_s)
    end_s = math.ceil(query.stop_s) if forms.heat_stop == "exclusive" else math.floor(query.stop_s) + 1
    stop_s = max(start_s, min(end_s, over_s))
    _, x_m, y_m = people.detections(floor.id, start_s, stop_s)
    if forms.ghost_heat:
        more_x, more_y = ghosts(people, floor, start_s, stop_s)
        x_m, y_m = np.concatenate([x_m, more_x]), np.concatenate([y_m, more_y])
    origin = floor.grid_origin_m if forms.grid_phase == "floor" else call_origin(x_m, y_m)
    cells = count_cells(floor.extent, origin, query.resolution_m, x_m, y_m, empty=not query.omit_empty)
    rate = forms.detections_per_minute or floor.detections_per_minute
    cells = cells._replace(value=cells.value * rate)
    return flipped(cells, floor.extent) if forms.heat_y == "flipped" else cells


def _rows(cells: Cells, *, normalize: bool) -> list[tuple[float, float, float]]:
    """`(x_centre_m, y_centre_m, value)`: integers, or 0 to 1 of this very answer's largest cell."""
    value = cells.value / max(1, int(cells.value.max(initial=0))) if normalize else cells.value
    return list(zip(cells.x_m.tolist(), cells.y_m.tolist(), value.tolist(), strict=True))


def _bounds(floor: Floor, form: str) -> dict[str, Any]:
    min_x, min_y, max_x, max_y = floor.extent
    match form:
        case "min_x":
            return {"min_x": min_x, "min_y": min_y, "max_x": max_x, "max_y": max_y}
        case "x_min":
            return {"x_min": min_x, "y_min": min_y, "x_max": max_x, "y_max": max_y}
        case "points":
            return {"min": {"x": min_x, "y": min_y}, "max": {"x": max_x, "y": max_y}}
        case _:
            return {"min": [min_x, min_y], "max": [max_x, max_y]}
