"""Rows as a Grafana table frame or CSV."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from butlr_grafana.model.floor import FOOT_M
from butlr_grafana.targets.columns import COLUMNS, Column, epoch_ms

Row = dict[str, Any]


def aged(rows: Sequence[Row], now_s: float) -> list[Row]:
    """The rows with `as_of` in numbers too, which is what an alert rule can compare and link to: `age_s`, and
    `as_of_ms` since the epoch.
    """
    return [_aged(row, now_s) if row.get("as_of") else row for row in rows]


def _aged(row: Row, now_s: float) -> Row:
    as_of_s = datetime.fromisoformat(row["as_of"]).timestamp()
    return {**row, "age_s": round(max(0.0, now_s - as_of_s)), "as_of_ms": round(1000 * as_of_s)}


IN_FEET = {
    "area_m2": ("area_ft2", FOOT_M**-2),
    "area_in_use_m2": ("area_in_use_ft2", FOOT_M**-2),
    "per_m2_hour": ("per_ft2_hour", FOOT_M**2),
    "people_per_m2": ("people_per_ft2", FOOT_M**2),
    "peak_people_per_m2": ("peak_people_per_ft2", FOOT_M**2),
}
"""What a column in square metres is called in square feet, and by what its values are multiplied."""


def in_square_feet(rows: Sequence[Row]) -> list[Row]:
    """The rows with areas, and what is per area, in square feet; the columns say so."""
    return [dict(_in_feet(name, value) for name, value in row.items()) for row in rows]


def _in_feet(name: str, value: Any) -> tuple[str, Any]:
    in_feet, factor = IN_FEET.get(name, (name, None))
    return in_feet, value if factor is None or value is None else value * factor


def names_in_feet(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns that `in_square_feet` makes."""
    return tuple(IN_FEET.get(name, (name, 1))[0] for name in names)


def frame(
    rows: Sequence[Row],
    head: Sequence[str],
    *,
    own: Mapping[str, Column],
    ref_id: str,
    name: str,
    meta: dict[str, Any],
) -> dict[str, Any]:
    """A table frame: a field a column. `own`: the target's own columns, before the common ones."""
    names = names_of(rows, head)
    fields = [_field(key, own.get(key) or COLUMNS[key], [row.get(key) for row in rows]) for key in names]
    return {"refId": ref_id, "name": name, "meta": meta, "fields": fields}


def _field(name: str, column: Column, values: list[Any]) -> dict[str, Any]:
    if column.kind == "time":
        values = [epoch_ms(value) for value in values]
    mappings = column.mappings(values)
    config = {**column.config, **({"mappings": mappings} if mappings else {})}
    return {"name": name, "type": column.kind, "config": config, "values": values}


def names_of(rows: Sequence[Row], head: Sequence[str]) -> list[str]:
    """All columns; `head` alone where there is no row."""
    return list(dict.fromkeys([*head, *(key for row in rows for key in row)]))


def csv(titles: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv_format.writer(out)
    writer.writerow(titles)
    writer.writerows([[_harmless(cell) for cell in line] for line in lines])
    return out.getvalue()


def _harmless(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets a leading quote."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
