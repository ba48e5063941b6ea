"""A heat map as a Grafana data frame, rows, matrix or CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.insight.people import is_in_people
from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import RESOLUTIONS_M, Floats, Grid
from butlr_grafana.model.factor import Factor
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.geometry import Lattice
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import iso
from butlr_grafana.present.crop import of_map
from butlr_grafana.present.frames.dense import dense
from butlr_grafana.present.frames.notices import (
    PEOPLE_PER_M2,
    QUANTITIES,
    Quantity,
    custom,
    notices,
    quantity_of,
)
from butlr_grafana.present.spreadsheet import rounded
from butlr_grafana.targets.columns import METRES

Field = tuple[str, str, str]
"""A value's name, title and Grafana unit id."""


def frame(result: HeatMap, *, ref_id: str, demo: bool) -> dict[str, Any]:
    """The dense `heatmap-cells` frame that Grafana's Heatmap panel draws as a map.

    It takes the first two fields, numbers named x and y, as cell centres, x-major over a full rectangle
    with even spacing, and the third as the value; empty cells are null (NaN here). In people the detections
    stand beside them.
    """
    crop = of_map(result)
    lattice = Lattice.around(replace(result.raw, bounds=crop) if crop else result.raw)
    xs, ys = lattice.centres()
    return {
        "refId": ref_id,
        "name": result.query.floor.name,
        "meta": {
            "type": "heatmap-cells",
            "typeVersion": [0, 1],
            "custom": custom(result),
            "notices": notices(result, demo=demo),
        },
        "fields": [
            field("x", np.repeat(xs, ys.size), {"displayName": "x", "unit": METRES}),
            field("y", np.tile(ys, xs.size), {"displayName": "y", "unit": METRES}),
            *(
                field(
                    quantity.field,
                    lattice.laid_out(grid, np.nan).ravel(),
                    {"displayName": quantity.title, "unit": quantity.unit},
                    {"space": result.query.floor.id},
                )
                for quantity, grid in layers(result)
            ),
        ],
    }


def layers(result: HeatMap) -> list[tuple[Quantity, Grid]]:
    """What a map shows; in people the same cells in detections behind."""
    normalize = result.query.normalize
    shown = [(quantity_of(result), result.shown)]
    if not is_in_people(result):
        return shown
    counted = grid_math.normalized(result.raw, normalize, result.coverage.hours)
    if result.shown.value.size > counted.value.size:
        # Cells of 0 were asked for.
        counted = grid_math.on_cells_of(counted, result.shown)
    return [*shown, (QUANTITIES[normalize], counted)]


def blank_frame(
    floor: Floor, values: Sequence[Field], *, ref_id: str, meta: dict[str, Any]
) -> dict[str, Any]:
    """A map of the floor in metres without a cell that has a value: the panel draws nothing of no rows."""
    xs, ys, _ = dense(Grid.empty(RESOLUTIONS_M[-1], floor.bounds))
    unknown = np.full(xs.size * ys.size, np.nan)
    return {
        "refId": ref_id,
        "name": floor.name,
        "meta": {"type": "heatmap-cells", "typeVersion": [0, 1], **meta},
        "fields": [
            field("x", np.repeat(xs, ys.size), {"displayName": "x", "unit": METRES}),
            field("y", np.tile(ys, xs.size), {"displayName": "y", "unit": METRES}),
            *(field(name, unknown, {"displayName": title, "unit": unit}) for name, title, unit in values),
        ],
    }


def failed_frame(ref_id: str, message: str) -> dict[str, Any]:
    """An empty frame that says why, for one target that failed among others that did not."""
    return {
        "refId": ref_id,
        "name": "",
        "meta": {"notices": [{"severity": "error", "text": message}], "custom": {"error": message}},
        "fields": [],
    }


def rows(result: HeatMap) -> list[dict[str, float | None]]:
    """A row a cell that is shown: `x`, `y` in metres and the value under its field name; in people the
    detections too, and `person_hours`.
    """
    x, y = _centres(result)
    columns = _columns(result)
    table = zip(x.tolist(), y.tolist(), *columns.values(), strict=True)
    return [dict(zip(("x", "y", *columns), row, strict=True)) for row in table]


def _columns(result: HeatMap) -> dict[str, list[float] | list[None]]:
    """The values of the cells with a detection, by field; `None` where people are not known."""
    if not is_in_people(result):
        return {quantity_of(result).field: result.shown.value.tolist()}
    _, (detections, counted) = layers(result)
    known = isinstance(result.factor, Factor) and result.shown.value.size == counted.value.size
    nothing = [None] * counted.value.size
    per_cell = None
    if known and isinstance(result.factor, Factor):
        per_cell = grid_math.on_cells_of(result.raw, result.shown).value * result.factor.people
    return {
        detections.field: counted.value.tolist(),
        PEOPLE_PER_M2.field: result.shown.value.tolist() if known else nothing,
        "person_hours": nothing if per_cell is None else per_cell.tolist(),
    }


def playback_frame(windows: Sequence[HeatMap], *, ref_id: str, meta: dict[str, Any]) -> dict[str, Any]:
    """All windows in one frame: `time` (epoch ms, a window's start), `x`, `y`, the value; only cells with
    detections, window after window.
    """
    query = windows[0].query
    lengths = [window.raw.value.size for window in windows]
    starts_ms = np.array([window.query.period.start_s for window in windows], np.int64) * 1000
    xs, ys = (np.concatenate(axis) for axis in zip(*map(_centres, windows), strict=True))
    values = [
        (quantity, np.concatenate([_values(layers(window)[k][1], window) for window in windows]))
        for k, (quantity, _) in enumerate(layers(windows[0]))
    ]
    return {
        "refId": ref_id,
        "name": query.floor.name,
        "meta": meta,
        "fields": _timed(np.repeat(starts_ms, lengths), xs, ys, values),
    }


def _values(grid: Grid, result: HeatMap) -> Floats:
    """The values of the cells with a detection, NaN where people are not known."""
    return grid.value if grid.value.size else np.full(result.raw.value.size, np.nan)


def blank_playback_frame(
    floor: Floor, normalize: str, *, ref_id: str, meta: dict[str, Any]
) -> dict[str, Any]:
    """The same without a row."""
    none = np.empty(0)
    fields = _timed(none, none, none, [(QUANTITIES[normalize], none)])
    return {"refId": ref_id, "name": floor.name, "meta": meta, "fields": fields}


def _timed(
    time_ms: NDArray[Any], x: Floats, y: Floats, values: Sequence[tuple[Quantity, Floats]]
) -> list[dict[str, Any]]:
    return [
        {"name": "time", "type": "time", "config": {"displayName": "Time"}, "values": time_ms},
        field("x", x, {"displayName": "x", "unit": METRES}),
        field("y", y, {"displayName": "y", "unit": METRES}),
        *(
            field(quantity.field, value, {"displayName": quantity.title, "unit": quantity.unit})
            for quantity, value in values
        ),
    ]


def timed_rows(result: HeatMap) -> list[dict[str, Any]]:
    """As `rows`, with the `time` at which the answer's period begins (ISO 8601, UTC)."""
    return [{"time": iso(result.query.period.start_s), **row} for row in rows(result)]


def matrix(result: HeatMap) -> list[dict[str, float]]:
    """A row a column of the map: `#x` in metres, then one key a y, NaN (null in JSON) for an empty cell.

    For Infinity's backend parser, which sorts keys as texts: `#` comes before digits, and the y are
    written with as many leading zeros as make that the order of numbers. (Below zero no padding can:
    there the panel's query names its columns.)
    """
    xs, ys, values = dense(result.shown)
    width = max(len(f"{abs(y):.2f}") for y in ys)
    names = [f"{y:0{width + (y < 0)}.2f}" for y in ys]
    columns = zip(xs.tolist(), values.tolist(), strict=True)
    return [{"#x": x, **dict(zip(names, column, strict=True))} for x, column in columns]


def csv(result: HeatMap) -> str:
    """A line a cell that is shown, headed with units."""
    x, y = _centres(result)
    columns = _columns(result)
    if "share" in columns:
        columns = {"share_of_detections_percent": [100 * (v or 0.0) for v in columns["share"]]}
    lines = [f"x_m,y_m,{','.join(columns)}"]
    for a, b, *values in zip(x.tolist(), y.tolist(), *columns.values(), strict=True):
        texts = ("" if value is None else f"{rounded(value)}" for value in values)
        lines.append(f"{a:g},{b:g},{','.join(texts)}")
    return "\r\n".join(lines) + "\r\n"


def _centres(result: HeatMap) -> tuple[Floats, Floats]:
    """Of the cells that are told: those that are shown, or that have detections where people are not
    known."""
    grid = result.shown if result.shown.value.size else result.raw
    x, y = grid.centres()
    return np.round(x, 6), np.round(y, 6)


def field(
    name: str, values: Floats, config: dict[str, Any], labels: dict[str, str] | None = None
) -> dict[str, Any]:
    field = {"name": name, "type": "number", "config": config, "values": values}
    return {**field, "labels": labels} if labels else field
