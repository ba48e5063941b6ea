"""The forms of a response of Butlr's reporting → rows.

Rows come as a flat list, or nested by the fields that they are grouped by, to any depth. If they are grouped
and not raw, the leaves are statistics over all rows below them. One rule reads all forms: a list of objects
is rows, an object with `sum` and `count` is statistics, anything else is one level of nesting. `page_info` is
never read: its counts are 0 even beside hundreds of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.heatmaps import quote

Row = dict[str, Any]

DEEPEST = 8
"""Levels of grouping; there are fewer things to group by."""

PREFIXES = {
    "building_": "building_id",
    "space_": "space_id",
    "room_": "room_id",
    "zone_": "zone_id",
    "sensor_": "sensor_id",
    "hive_": "hive_id",
    "tag_": "tag_id",
}
"""Butlr's ids begin with the kind of what they name."""


def rows_of(body: bytes, function: str = "sum") -> list[Row]:
    """All rows of an answer; raises `UpstreamInvalid` for a form that is not known.

    Statistics become a row each, with the value of `function`, the time and the ids of the keys above them.
    """
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise UpstreamInvalid(f"Butlr's metrics are not JSON ({error})", butlr_text=quote(body)) from None
    if isinstance(document, dict):
        if "data" not in document:
            raise UpstreamInvalid("Butlr's metrics have no data", butlr_text=quote(body))
        document = document["data"]
    try:
        return list(_leaves(document, (), function))
    except _Unknown as unknown:
        raise UpstreamInvalid(
            f"Butlr's metrics are in an unknown form ({unknown})", butlr_text=quote(body)
        ) from None


class _Unknown(Exception):
    """A form that is not known, by what was found."""


def _leaves(node: object, path: tuple[str, ...], function: str) -> Iterator[Row]:
    if node is None and not path:
        return
    if len(path) > DEEPEST:
        raise _Unknown(f"more than {DEEPEST} levels")
    if isinstance(node, list):
        for row in node:
            if not isinstance(row, dict) or "value" not in row or "time" not in row:
                raise _Unknown("a list whose items are not rows")
        yield from node
    elif isinstance(node, dict):
        if "sum" in node and "count" in node:
            yield _row_of(path, node, function)
        else:
            for key, below in node.items():
                yield from _leaves(below, (*path, key), function)
    else:
        raise _Unknown(f"{type(node).__name__} where rows were expected")


def _row_of(path: tuple[str, ...], statistics: dict[str, Any], function: str) -> Row:
    """Statistics as a row: the keys above tell its time, field and places."""
    row: Row = {"value": statistics.get(function), "preprocessed": False}
    for key in path:
        row[_meaning(key)] = key
    if "time" not in row:
        raise _Unknown("statistics without a time")
    if function not in statistics:
        raise _Unknown(f"statistics without {function}")
    if "data_incomplete" in statistics:
        row["data_incomplete"] = statistics["data_incomplete"]
    return row


def _meaning(key: str) -> str:
    if key in ("in", "out"):
        return "field"
    for prefix, name in PREFIXES.items():
        if key.startswith(prefix):
            return name
    try:
        datetime.fromisoformat(key)
    except ValueError:
        # A measurement's or field's internal name tells nothing.
        return "field"
    return "time"
