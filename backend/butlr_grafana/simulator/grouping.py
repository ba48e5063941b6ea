"""Grouped responses: nested objects by the keys in `group_by.order`, with rows or values inside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from .rows import Row, number, quality


def nested(rows: Sequence[Row], order: Sequence[str]) -> dict[str, Any]:
    """Nested objects, one level for each key, with lists of rows inside."""
    return _nested(rows, [_key(key_name) for key_name in order])


def by_asset(rows: Sequence[Row]) -> dict[str, Any]:
    """`{asset: {time: [row]}}`, whatever the request says."""
    return _nested(rows, [lambda row: str(row["zone_id"] or row["room_id"] or row["space_id"]), _key("time")])


def figures(rows: Sequence[Row], order: Sequence[str], *, marked: bool) -> dict[str, Any]:
    """Nested objects, one level for each key, with the values of all rows inside. Times have no Z.

    `marked`: the values say whether some of their rows are incomplete.
    """
    keys = [_key(key_name) if key_name != "time" else _time_without_z for key_name in order]
    grouped = _nested(rows, keys)
    return {key: _with_leaves(branch, partial(_figures, marked=marked)) for key, branch in grouped.items()}


def _key(key_name: str) -> Callable[[Row], str]:
    return lambda row: str(row[key_name])


def _time_without_z(row: Row) -> str:
    return str(row["time"]).removesuffix("Z")


def _nested(rows: Sequence[Row], keys: Sequence[Callable[[Row], str]]) -> dict[str, Any]:
    grouped: dict[str, Any] = {}
    for row in rows:
        *outer, last = (key(row) for key in keys)
        inner = grouped
        for name in outer:
            inner = inner.setdefault(name, {})
        inner.setdefault(last, []).append(row)
    return grouped


def _with_leaves(tree: Any, change: Callable[[list[Row]], Any]) -> Any:
    if isinstance(tree, list):
        return change(tree)
    return {key: _with_leaves(branch, change) for key, branch in tree.items()}


def _figures(rows: list[Row], *, marked: bool) -> dict[str, Any]:
    data = np.array([row["value"] for row in rows if row["value"] is not None], dtype=np.float64)
    found: dict[str, Any] = dict.fromkeys(
        ("sum", "min", "max", "mean", "median", "stddev", "first", "last"), None
    )
    if len(data):
        found = {
            "sum": data.sum(),
            "min": data.min(),
            "max": data.max(),
            "mean": data.mean(),
            "median": np.median(data),
            "stddev": data.std(),
            "first": data[0],
            "last": data[-1],
        }
        found = {name: number(value) for name, value in found.items()}
    if marked:
        found |= quality(float(np.mean([row["null_percentage"] for row in rows])))
    return {**found, "count": len(data)}
