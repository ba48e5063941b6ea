"""Rows for a spreadsheet: columns with their units, local time beside UTC, rounded numbers.

Rows and frames are for programs and keep their names. In a file, the same thing has the same name in every
target: a share is in percent, a length of time in minutes, a room is a room. The age of a result in seconds
is left out: it means nothing in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

Row = Mapping[str, Any]

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
"""By it Excel knows that a file is UTF-8, and not of the machine's own letters."""

LEFT_OUT = frozenset({"age_s", "as_of_ms", "peak_local", "weekday_number"})
TIMES = frozenset(
    {
        "time",
        "timeEnd",
        "as_of",
        "from",
        "to",
        "unknown_since",
        "peak_at",
        "last_heartbeat",
        "last_reading",
        "battery_due",
        "free_since",
    }
)
SIGNIFICANT = 6
"""Digits of a number: more than any of the figures is known to."""


@dataclass(frozen=True, slots=True)
class Named:
    """A column of a file: its name, and by what a value is multiplied."""

    name: str
    times: float = 1.0


PERCENT, MINUTES = 100.0, 1 / 60

NAMES: Mapping[str, Named] = {
    "space": Named("floor_id"),
    "time": Named("time"),
    "timeEnd": Named("until"),
    "in": Named("people_in"),
    "out": Named("people_out"),
    "x": Named("x_m"),
    "y": Named("y_m"),
    "peak_x": Named("fullest_cell_x_m"),
    "peak_y": Named("fullest_cell_y_m"),
    "resolution": Named("cell_m"),
    "hours": Named("hours_counted"),
    "now_hours": Named("hours_counted_now"),
    "then_hours": Named("hours_counted_then"),
    "total": Named("detections"),
    "total_detections": Named("detections"),
    "peak": Named("fullest_cell_detections"),
    "per_hour": Named("detections_per_hour"),
    "per_m2_hour": Named("detections_per_m2_and_hour"),
    "per_ft2_hour": Named("detections_per_ft2_and_hour"),
    "share": Named("share_of_detections_percent", PERCENT),
    "change_pct": Named("change_percent"),
    "share_change": Named("change_of_share_percentage_points", PERCENT),
    "mean": Named("people_mean"),
    "mean_when_used": Named("people_mean_when_used"),
    "median": Named("people_median"),
    "p95": Named("people_p95"),
    "usual": Named("people_usual"),
    "excess": Named("people_more_than_usual"),
    "absent": Named("usual_people_absent"),
    "ratio": Named("times_the_usual"),
    "weeks": Named("weeks_known"),
    "utilization": Named("utilization_percent", PERCENT),
    "in_use_s": Named("time_in_use_minutes", MINUTES),
    "in_use_share": Named("time_in_use_percent", PERCENT),
    "entries": Named("people_in"),
    "dwell_s": Named("stay_minutes", MINUTES),
    "window_s": Named("window_minutes", MINUTES),
    "free_for_s": Named("free_for_minutes", MINUTES),
    "inside": Named("people_inside"),
    "beyond": Named("implausible_count"),
    "offline_s": Named("offline_minutes", MINUTES),
    "offline_share": Named("sensors_offline_percent", PERCENT),
    "going_on": Named("ongoing"),
    "timezone": Named("time_zone"),
    "unknown_since": Named("unknown_since"),
}
"""What a column of rows is called in a file, in every target; others keep their names, which say the unit."""

ELSEWHERE: Mapping[tuple[str, str], Named] = {
    ("occupancy", "value"): Named("people"),
    ("presence", "value"): Named("presence_minutes", MINUTES),
    ("pattern/occupancy", "value"): Named("people"),
    ("pattern/traffic", "value"): Named("people"),
    ("pattern/presence", "value"): Named("presence_minutes", MINUTES),
    ("pattern/heatmap", "value"): Named("detections_per_hour"),
    ("pattern/heatmap/people", "value"): Named("people"),
    ("pattern", "hours"): Named("hours_known"),
    ("occupancy-now", "share"): Named("capacity_used_percent", PERCENT),
    ("floors-now", "share"): Named("capacity_used_percent", PERCENT),
    ("totals", "share"): Named("capacity_used_percent", PERCENT),
    ("totals", "peak"): Named("people_peak"),
    ("totals", "peak_share"): Named("capacity_used_at_peak_percent", PERCENT),
    ("utilization", "peak"): Named("people_peak"),
    ("compare-zones", "current"): Named("detections_per_hour_now"),
    ("compare-zones", "baseline"): Named("detections_per_hour_then"),
    ("compare-zones", "change"): Named("detections_per_hour_change"),
    ("compare-zones/people", "current"): Named("people_now"),
    ("compare-zones/people", "baseline"): Named("people_then"),
    ("compare-zones/people", "change"): Named("people_change"),
    ("compare-utilization", "mean"): Named("people_now"),
    ("compare-utilization", "mean_before"): Named("people_then"),
    ("compare-utilization", "mean_change"): Named("people_change"),
    ("compare-utilization", "in_use_share"): Named("time_in_use_now_percent", PERCENT),
    ("compare-utilization", "in_use_share_before"): Named("time_in_use_then_percent", PERCENT),
    ("compare-utilization", "in_use_change"): Named("time_in_use_change_percentage_points", PERCENT),
    ("compare", "current"): Named("detections_per_hour_now"),
    ("compare", "baseline"): Named("detections_per_hour_then"),
    ("compare", "change"): Named("detections_per_hour_change"),
    ("compare/max", "current"): Named("relative_now"),
    ("compare/max", "baseline"): Named("relative_then"),
    ("compare/max", "change"): Named("relative_change"),
    ("compare/people", "current"): Named("people_per_m2_now"),
    ("compare/people", "baseline"): Named("people_per_m2_then"),
    ("compare/people", "change"): Named("people_per_m2_change"),
    ("heatmap-summary", "people"): Named("people_mean"),
    ("hotspots", "peak"): Named("fullest_cell_detections"),
    ("playback", "share"): Named("share_of_detections_percent", PERCENT),
}
"""Columns that mean something else in a target; of a pattern by its metric, of heat by its unit."""


def named(of: str, column: str, level: str) -> Named:
    """The column of a target (`of` as in `columns.column`) in a file. Zones that are rooms are called so."""
    meanings = of.split("/")
    for end in range(len(meanings), 0, -1):
        if found := ELSEWHERE.get(("/".join(meanings[:end]), column)):
            return found
    if column in ("zone", "zone_id") and level == "room":
        return Named(column.replace("zone", "room"))
    return NAMES.get(column, Named(column))


def sheet(
    rows: Sequence[Row], columns: Sequence[str], *, of: str, level: str, zone_of: Callable[[Row], str]
) -> tuple[list[str], list[list[Any]]]:
    """The heads and the lines of a file. `zone_of`: by whose clock a row's local times are."""
    heads: list[str] = []
    cells: list[Callable[[Row], Any]] = []
    columns_left = [column for column in columns if column not in LEFT_OUT]
    if level == "floor" and "zone_id" in columns_left and of.startswith(("hot-zones", "compare-zones")):
        columns_left = [column for column in columns_left if column not in ("zone_id", "zone", "level")]
    for column in columns_left:
        own = named(of, column, level)
        if column in TIMES:
            heads += [f"{own.name}_utc", f"{own.name}_local"]
            cells += [_plain(column), _local(column, zone_of)]
        else:
            heads.append(own.name)
            cells.append(_number(column, own.times))
    if TIMES & set(columns_left) and "timezone" not in columns_left:
        heads.append("time_zone")
        cells.append(zone_of)
    return heads, [[cell(row) for cell in cells] for row in rows]


def _plain(column: str) -> Callable[[Row], Any]:
    return lambda row: row.get(column)


def _local(column: str, zone_of: Callable[[Row], str]) -> Callable[[Row], Any]:
    def read(row: Row) -> str | None:
        text = row.get(column)
        if not text:
            return None
        local = datetime.fromisoformat(text).astimezone(ZoneInfo(zone_of(row)))
        return f"{local:%Y-%m-%d %H:%M:%S}"

    return read


def _number(column: str, times: float) -> Callable[[Row], Any]:
    def read(row: Row) -> Any:
        value = row.get(column)
        return rounded(value * times) if isinstance(value, float | int) else value

    return read


def rounded(value: float) -> float | int:
    """To six digits, whole numbers as they are."""
    if value == int(value):
        return int(value)
    digits = float(f"{value:.{SIGNIFICANT}g}")
    return round(value, 1) if abs(value) >= 10**SIGNIFICANT else digits
