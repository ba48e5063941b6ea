"""Rows and heat maps in Butlr's forms, with invented values."""

from __future__ import annotations

from typing import Any

import orjson

from butlr_grafana.model.time import iso

Row = dict[str, Any]


def row(label_s: int, value: float | None, *, room: str = "room_a", **more: Any) -> Row:
    """As the reporting API writes it: internal names, and ids that are absent are empty."""
    return {
        "field": "occupancy",
        "measurement": "aggregator_headcount",
        "time": iso(label_s),
        "value": value,
        "preprocessed": False,
        "timezone_offset": "1h",
        "space_id": "space_a",
        "room_id": room,
        "zone_id": "",
        "sensor_id": "",
        **more,
    }


def moved(label_s: int, value: int, *, field: str = "in", sensor: str = "sensor_a") -> Row:
    return row(label_s, value, field=field, measurement="traffic", sensor_id=sensor)


def reporting(rows: object) -> bytes:
    return orjson.dumps({"data": rows, "page_info": {"page": 1, "page_item_count": 0, "total_pages": 1}})


def heat_map(
    cells: list[tuple[float, float, int]],
    *,
    resolution_m: float = 0.5,
    bounds: object = None,
    total: int | None = None,
    most: int | None = None,
) -> dict[str, Any]:
    values = [value for _, _, value in cells]
    text = {
        "resolution": resolution_m,
        "bounds": bounds or {"min_x": 0, "min_y": 0, "max_x": 10, "max_y": 10},
        "total_detections": sum(values) if total is None else total,
        "max_value": max(values, default=0) if most is None else most,
        "type": "occupancy",
    }
    return {"array_cells": cells, "metadata": text}
