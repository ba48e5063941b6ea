"""Time series as Grafana frames or rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import AssetSeries, SeriesResult
from butlr_grafana.model.time import iso
from butlr_grafana.present.frames.notices import coverage_custom, series_notices, why_no_series

UNITS = {"occupancy": "short", "traffic": "short", "presence": "s"}
FIELDS = {"occupancy": ("value",), "traffic": ("in", "out"), "presence": ("value",)}
TITLES = {"value": "", "in": " in", "out": " out"}
NO_TEXTS: Mapping[str, str] = MappingProxyType({})


def frames(
    result: SeriesResult, *, ref_id: str, demo: bool, floors: Mapping[str, str] = NO_TEXTS
) -> list[dict[str, Any]]:
    """A frame an asset: `time` in epoch ms (the window's start), then its values, null for a gap.

    `floors`: a text for each floor, by its id, where there are several: assets of two may have equal names.

    Without a single asset: one frame without values, so that what the answer says of itself is seen.
    """
    meta = {"custom": _custom(result), "notices": series_notices(result, demo=demo)}
    named = [replace(one, name=_name(one, floors)) for one in result.series]
    found = [_frame(result, series, ref_id, meta) for series in named]
    nothing = {"severity": "info", "text": why_no_series(result.query)}
    empty = {"custom": meta["custom"], "notices": [nothing, *series_notices(result, demo=demo)]}
    return found or [empty_frame(result.query.metric, result.query.floor, ref_id=ref_id, meta=empty)]


def _name(series: AssetSeries, floors: Mapping[str, str]) -> str:
    place = floors.get(series.floor.id)
    if place is None:
        return series.name
    return place if series.name == series.floor.name else f"{series.name} ({place})"


def empty_frame(metric: str, floor: Floor, *, ref_id: str, meta: dict[str, Any]) -> dict[str, Any]:
    """The fields that an asset's frame would have, without a value."""
    labels = {"space": floor.id, "floor": floor.name}
    values: list[dict[str, Any]] = [
        {"name": field, "type": "number", "labels": labels, "config": {"unit": UNITS[metric]}, "values": []}
        for field in FIELDS[metric]
    ]
    time = {"name": "time", "type": "time", "config": {}, "values": []}
    return {"refId": ref_id, "name": floor.name, "meta": meta, "fields": [time, *values]}


def _frame(result: SeriesResult, series: AssetSeries, ref_id: str, meta: dict[str, Any]) -> dict[str, Any]:
    level = result.query.level
    labels = {"space": series.floor.id, "floor": series.floor.name}
    if level != "floor":
        labels |= {level: series.name, f"{level}_id": series.asset_id}
    values = [
        {
            "name": field,
            "type": "number",
            "labels": labels,
            "config": {
                "displayNameFromDS": f"{series.name}{TITLES[field]}",
                "unit": UNITS[result.query.metric],
            },
            "values": value,
        }
        for field, value in series.values.items()
    ]
    time = {"name": "time", "type": "time", "config": {}, "values": series.start_s * 1000}
    return {"refId": ref_id, "name": series.name, "meta": meta, "fields": [time, *values]}


def rows(result: SeriesResult) -> list[dict[str, Any]]:
    """A row a window and asset: `time` (its start), `space`, the asset's id and name, and its values."""
    return [row for series in result.series for row in _rows(result.query.level, series)]


def _rows(level: str, series: AssetSeries) -> Iterator[dict[str, Any]]:
    asset = {} if level == "floor" else {f"{level}_id": series.asset_id, level: series.name}
    for k, start_s in enumerate(series.start_s.tolist()):
        values = {field: _known(float(value[k])) for field, value in series.values.items()}
        yield {"time": iso(start_s), "space": series.floor.id, **asset, **values}


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _custom(result: SeriesResult) -> dict[str, object]:
    query = result.query
    return {
        "space": query.floor.id,
        "floor": query.floor.name,
        "timezone": query.timezone,
        "from": iso(query.period.start_s),
        "to": iso(query.period.end_s),
        "every": query.every,
        "statistic": query.statistic,
        "base": query.base_name,
        **coverage_custom(result.coverage, query.period),
        "source": result.coverage.source,
    }
