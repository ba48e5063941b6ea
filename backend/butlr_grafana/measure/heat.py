"""Heat maps: where the cells are in the response (U1), whether `stop` is included (U2), the grid (U3), the
direction of y (U9) and whether the totals add up (U21).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import shapely

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr import heatmaps
from butlr_grafana.measure.finding import Finding, Number, decided, undecided, unhandled
from butlr_grafana.model.chunk import Floats, Grid
from butlr_grafana.model.floor import Polygon

_DEEPEST = 6


@dataclass(frozen=True, slots=True, eq=False)
class HeatResponse:
    """A heat map as it came. `form`: where the cells lie (`data[0]`); `bounds_form`: the keys of the bounds.

    `grid`: what our decoder makes of it, or `fault`: why it makes nothing.
    """

    form: str
    bounds_form: str
    cells: int
    total: float
    most: float
    reported_total: float | None
    reported_max: float | None
    grid: Grid | None
    fault: str = ""


def read(body: bytes, resolution_m: float) -> HeatResponse:
    """Never raises: what cannot be read is in `fault`."""
    try:
        grid, fault = heatmaps.heat_map(body, resolution_m), ""
    except UpstreamInvalid as error:
        # Without Butlr's own words, which may name anything.
        grid, fault = None, error.plain.partition(":")[0]
    path, holder = _holder(body)
    raw = holder.get("metadata")
    metadata: dict[str, Any] = raw if isinstance(raw, dict) else {}
    rows = holder.get("array_cells")
    values = [row[2] for row in rows if _is_cell(row)] if isinstance(rows, list) else []
    bounds = metadata.get("bounds")
    return HeatResponse(
        form=path,
        bounds_form=_keys_of(bounds),
        cells=len(values),
        total=float(sum(values)),
        most=float(max(values, default=0.0)),
        reported_total=_number(metadata.get("total_detections")),
        reported_max=_number(metadata.get("max_value")),
        grid=grid,
        fault=fault,
    )


def form(response: HeatResponse) -> Finding:
    """U1."""
    assumed = "cells and metadata are beside each other, at one of several known places"
    numbers: dict[str, Number] = {
        "form": response.form,
        "bounds": response.bounds_form,
        "cells": response.cells,
    }
    if response.grid is None:
        return unhandled(
            "U1",
            assumed=assumed,
            measured=f"cells at {response.form or 'no known place'}; the decoder says: {response.fault}",
            follows="Heat maps of this account cannot be read",
            numbers=numbers | {"readable": False},
        )
    return decided(
        "U1",
        assumed=assumed,
        measured=f"{response.cells} cells at {response.form}, bounds as {response.bounds_form or 'none'}",
        follows="heat maps are read from there",
        same=True,
        numbers=numbers | {"readable": True},
        verdict={"heat_form": response.form},
    )


def stop(parts: Sequence[float], whole: float, in_second: float) -> Finding:
    """U2. `parts`: detections of three adjoining periods, of which the middle one is a second long and has
    `in_second`; `whole`: of all three in one call.

    A detection at an inner boundary is in two parts where `stop` is inclusive, and in none where `start` and
    `stop` are exclusive.
    """
    assumed = "a detection exactly at the stop time is not in the response"
    twice = sum(parts) - whole
    numbers = {"parts": sum(parts), "whole": whole, "in_second": in_second}
    if whole == 0:
        return undecided("U2", assumed=assumed, why="nobody was there in those minutes", numbers=numbers)
    measured = (
        f"{len(parts)} adjoining periods add up to {sum(parts):g}; one call for all of them gives {whole:g}"
    )
    if twice < 0:
        return unhandled(
            "U2",
            assumed=assumed,
            measured=measured,
            follows=f"{-twice:g} detections at two boundaries are in no response, so sums are too small",
            numbers=numbers,
        )
    if twice > 0:
        return decided(
            "U2",
            assumed=assumed,
            measured=measured,
            follows="adjoining periods share one moment, which is counted once",
            same=False,
            numbers=numbers,
            verdict={"stop": "inclusive"},
        )
    return decided(
        "U2",
        assumed=assumed,
        measured=measured,
        follows="periods are added as they are"
        if in_second
        else "periods are added as they are; no detection was at a boundary, so this is not certain",
        same=True,
        numbers=numbers,
        verdict={"stop": "exclusive"},
        confidence="sure" if in_second else "likely",
    )


def grid(responses: Sequence[HeatResponse], resolution_m: float) -> Finding:
    """U3: two hours of one floor at one resolution."""
    assumed = "cells are on a grid of the requested cell size, which is the same in every call"
    off = [response for response in responses if response.grid is None]
    if off:
        fault = off[0].fault
        return unhandled("U3", assumed=assumed, measured=fault, follows="Cells of two calls cannot be added")
    phases = [response.grid.phase_m for response in responses if response.grid and response.grid.phase_m]
    numbers: dict[str, float | bool] = {"calls": len(phases)}
    if len(phases) < 2:
        return undecided("U3", assumed=assumed, why="nobody was there in one of the hours", numbers=numbers)
    apart_m = max(_apart(a, b, resolution_m) for a in phases for b in phases)
    is_fixed = apart_m <= 2 * heatmaps.OFF_GRID * resolution_m
    numbers |= {"apart_m": round(apart_m, 4), "same": is_fixed}
    return decided(
        "U3",
        assumed=assumed,
        measured=f"in {len(phases)} calls the grids are {apart_m:.3f} m apart",
        follows="cells of any calls are added as they are"
        if is_fixed
        else "cells of other calls are moved to one grid, by less than half a cell; totals stay exact",
        same=is_fixed,
        numbers=numbers,
    )


def totals(responses: Iterable[HeatResponse]) -> Finding:
    """U21: of all heat maps that were asked for."""
    assumed = "total_detections and max_value match the cells"
    counted = [a for a in responses if a.grid is not None and a.total > 0]
    with_totals = [a for a in counted if a.reported_total is not None and a.reported_max is not None]
    fits = [a for a in with_totals if a.reported_total == a.total and a.reported_max == a.most]
    numbers = {"maps": len(counted), "with_totals": len(with_totals), "fitting": len(fits)}
    if not with_totals:
        why = "no heat map had a detection" if not counted else "the responses have no totals"
        return undecided("U21", assumed=assumed, why=why, numbers=numbers)
    add_up = len(fits) == len(with_totals)
    return decided(
        "U21",
        assumed=assumed,
        measured=f"they match in {len(fits)} of {len(with_totals)} heat maps",
        follows="a heat map whose totals do not match counts as cut off and is requested again"
        if add_up
        else "totals are computed from the cells, so a heat map that was cut off cannot be recognised",
        same=add_up,
        numbers=numbers,
        verdict={"totals_add_up": add_up},
    )


def direction_of_y(heat: Grid, rooms: Mapping[str, Polygon], people: Mapping[str, float]) -> Finding:
    """U9: where the heat lies, as the cells are and with y counted from the other side of the bounds.

    `people`: person-minutes by room in the same hour; none: only how much heat lies in any room is compared.
    """
    assumed = "the y axis of the cells has the same direction as that of the rooms' polygons"
    if heat.total == 0 or not rooms:
        why = "no detections" if rooms else "no room has a polygon"
        return undecided("U9", assumed=assumed, why=why, numbers={"rooms": len(rooms)})
    if heat.bounds is None:
        return undecided(
            "U9", assumed=assumed, why="the heat map has no bounds", numbers={"rooms": len(rooms)}
        )
    x, y = heat.centres()
    flipped_y = heat.bounds.min_y + heat.bounds.max_y - y
    as_is, flipped = (_fit(x, axis, heat.value, rooms, people) for axis in (y, flipped_y))
    numbers = {
        "as_plan": round(as_is, 3),
        "flipped": round(flipped, 3),
        "rooms": len(rooms),
        "rooms_with_people": sum(n > 0 for n in people.values()),
        "detections": heat.total,
    }
    what = "rooms with people" if people else "rooms"
    measured = f"{as_is:.0%} of the heat is in {what} as it is, {flipped:.0%} with y reversed"
    low, high = sorted((as_is, flipped))
    if high - low < 0.1 or high < 1.25 * low:
        return undecided(
            "U9",
            assumed=assumed,
            why=measured,
            numbers=numbers,
            follows="the assumption stays; look at a heat map: if it is upside down, "
            "set BUTLR_Y_DIRECTION=down",
        )
    is_same = as_is > flipped
    return decided(
        "U9",
        assumed=assumed,
        measured=measured,
        follows="heat is drawn as it is received" if is_same else "the y axis of the heat is reversed",
        same=is_same,
        numbers=numbers,
        verdict={"heat_y": "as-plan" if is_same else "flipped"},
        confidence="sure" if high - low >= 0.25 else "likely",
    )


def heat_by_room(heat: Grid, rooms: Mapping[str, Polygon]) -> dict[str, float]:
    """Detections by room; a cell belongs to the first room that holds its centre."""
    x, y = heat.centres()
    return _by_room(x, y, heat.value, rooms)


def share_near(heat: Grid, centres: Sequence[tuple[float, float]], within_m: float = 1.5) -> float:
    """How much of the heat lies near some points, from 0 to 1."""
    x, y = heat.centres()
    near = np.zeros(x.size, bool)
    for centre_x, centre_y in centres:
        near |= np.hypot(x - centre_x, y - centre_y) <= within_m
    return float(heat.value[near].sum()) / heat.total if heat.total else 0.0


def _fit(
    x: Floats, y: Floats, value: Floats, rooms: Mapping[str, Polygon], people: Mapping[str, float]
) -> float:
    """How well the heat lies where the people were, from 0 to 1."""
    found = _by_room(x, y, value, rooms)
    whole, everybody = float(value.sum()), sum(people.get(room, 0.0) for room in rooms)
    if everybody == 0:
        return sum(found.values()) / whole
    return sum(min(n / whole, people.get(room, 0.0) / everybody) for room, n in found.items())


def _by_room(x: Floats, y: Floats, value: Floats, rooms: Mapping[str, Polygon]) -> dict[str, float]:
    points, left = shapely.points(x, y), np.ones(x.size, bool)
    found = {}
    for room, polygon in rooms.items():
        inside = left & shapely.covers(shapely.Polygon(polygon), points)
        left &= ~inside
        found[room] = float(value[inside].sum())
    return found


def _apart(one: tuple[float, float], other: tuple[float, float], resolution_m: float) -> float:
    """How far two grids are apart, on the axis where they are farther; a whole cell is nothing."""
    gaps = (abs(a - b) % resolution_m for a, b in zip(one, other, strict=True))
    return max(min(gap, resolution_m - gap) for gap in gaps)


def _holder(body: bytes) -> tuple[str, dict[str, Any]]:
    """Where the object with `array_cells` lies, and the object; the first one."""
    try:
        level: list[tuple[str, Any]] = [("", orjson.loads(body))]
    except orjson.JSONDecodeError:
        return "", {}
    for _ in range(_DEEPEST):
        for path, node in level:
            if isinstance(node, dict) and "array_cells" in node:
                return path or "top", node
        level = [child for path, node in level for child in _children(path, node)]
    return "", {}


def _children(path: str, node: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(node, dict):
        return [(f"{path}.{_step(key)}".lstrip("."), value) for key, value in node.items()]
    return [(f"{path}[{n}]", item) for n, item in enumerate(node[:5])] if isinstance(node, list) else []


def _step(key: str) -> str:
    """A key on the way to the cells; one that we do not know may be a name or id of the account."""
    return key if key in ("data", "heatmap_v2", "results", "result", "heatmap", "response") else "*"


def _keys_of(bounds: object) -> str:
    known = ("min_x", "max_x", "x_min", "x_max", "min", "max")
    if not isinstance(bounds, dict):
        return ""
    inner = bounds.get("min")
    kind = "{x,y}" if isinstance(inner, dict) else "[x,y]" if isinstance(inner, list) else ""
    return next((f"{key}{kind}" for key in known if key in bounds), "other keys")


def _is_cell(row: object) -> bool:
    return isinstance(row, list) and len(row) == 3 and _number(row[2]) is not None


def _number(raw: object) -> float | None:
    is_number = isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)
    return float(raw) if is_number else None  # type: ignore[arg-type]  # checked
