"""A comparison of two periods as a heatmap-cells frame or rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from butlr_grafana.insight.compare import Comparison
from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.present.frames.heatmap import field
from butlr_grafana.present.frames.notices import custom, notices
from butlr_grafana.targets import two_periods
from butlr_grafana.targets.columns import METRES

VALUES = (
    ("change", "Change, detections per hour", "short"),
    ("current", "Detections per hour", "short"),
    ("baseline", "Detections per hour, baseline", "short"),
    ("change_pct", "Change", "percent"),
)
"""Field, title, unit. `change` comes first: the Heatmap panel draws the first value after x and y."""

IN_PEOPLE = (
    ("change", "Change, people per m²", "short"),
    ("current", "People per m²", "short"),
    ("baseline", "People per m², baseline", "short"),
    ("change_pct", "Change", "percent"),
)

RELATIVE = (
    ("change", "Share of the largest change", "percentunit"),
    ("current", "Share of the fullest cell", "percentunit"),
    ("baseline", "Share of the fullest cell", "percentunit"),
    ("change_pct", "Change", "percent"),
)
"""With `normalize=max`; the fullest cell is that of either period."""


def frame(
    comparison: Comparison,
    current: HeatMap,
    baseline: HeatMap,
    *,
    relative: bool = False,
    ref_id: str,
    demo: bool,
) -> dict[str, Any]:
    """Dense, x-major; `meta.custom` is the current period's, with the baseline's beside it."""
    xs, ys = comparison.x_m, comparison.y_m
    columns = RELATIVE if relative else IN_PEOPLE if current.unit == "people" else VALUES
    values = [
        field(name, getattr(comparison, name).ravel(), {"displayName": title, "unit": unit})
        for name, title, unit in columns
    ]
    return {
        "refId": ref_id,
        "name": current.query.floor.name,
        "meta": {
            "type": "heatmap-cells",
            "typeVersion": [0, 1],
            "custom": {**both(current, baseline), "largest_change": _largest(comparison.change)},
            "notices": comparison_notices(comparison, current, baseline, demo=demo),
        },
        "fields": [
            field("x", np.repeat(xs, ys.size), {"displayName": "x", "unit": METRES}),
            field("y", np.tile(ys, xs.size), {"displayName": "y", "unit": METRES}),
            *values,
        ],
    }


def both(current: HeatMap, baseline: HeatMap) -> dict[str, object]:
    """`meta.custom` of the current period, with the baseline's in it."""
    complete = current.coverage.complete and baseline.coverage.complete
    return {**custom(current), "baseline": custom(baseline), "complete": complete}


def comparison_notices(
    comparison: Comparison, current: HeatMap, baseline: HeatMap, *, demo: bool
) -> list[dict[str, str]]:
    """What a viewer must know: of both periods, and why there is no comparison where there is none."""
    found = notices_of_both(current, baseline, comparison.reasons, demo=demo)
    if comparison.rebinned:
        text = "The grids of the two periods differ. Cells were assigned by their centres."
        found.append({"severity": "warning", "text": text})
    return found


def notices_of_both(
    current: HeatMap, baseline: HeatMap, reasons: Sequence[str], *, demo: bool
) -> list[dict[str, str]]:
    """The notices of both periods; `reasons`: why there is no comparison."""
    found = notices(current, demo=demo)
    found += [n for n in notices(baseline, demo=False) if n not in found and n["severity"] == "warning"]
    if text := two_periods.difference(two_periods.values(current, baseline, current.query.timezone)):
        found.append({"severity": "info", "text": text})
    return found + [{"severity": "warning", "text": f"No comparison: {reason}."} for reason in reasons]


def rows(comparison: Comparison) -> list[dict[str, float | None]]:
    """A row a cell in which either period has a detection; what cannot be told is `None`."""
    shown = np.argwhere(~(np.isnan(comparison.current) & np.isnan(comparison.baseline)))
    return [
        {
            "x": float(comparison.x_m[i]),
            "y": float(comparison.y_m[j]),
            **{name: _known(getattr(comparison, name)[i, j]) for name, _, _ in VALUES},
        }
        for i, j in shown.tolist()
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _largest(change: Floats) -> float:
    """For a colour scale that is the same on both sides of zero."""
    return float(np.nanmax(np.abs(change))) if (~np.isnan(change)).any() else 0.0
