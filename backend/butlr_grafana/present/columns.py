"""What the columns of tables are called and how Grafana writes them: one table for every tabular target.

A frame says it in each field's `config`, so that no dashboard needs an override; rows and CSV keep the raw
names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

Kind = Literal["number", "string", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title for a person, its type in a frame, and for numbers Grafana's unit id.

    Times are ISO 8601 in rows, epoch milliseconds in frames.
    """

    title: str
    kind: Kind
    unit: str | None = None
    decimals: int | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The field's `config`; what Grafana is to choose itself is left out."""
        said = {"displayName": self.title, "unit": self.unit, "decimals": self.decimals}
        return {key: value for key, value in said.items() if value is not None}


METRES = "suffix:m"
"""Not Grafana's `lengthm`: that writes half a metre as 500 mm."""

COUNT, SHARE, SECONDS, HOURS, PER_HOUR = "locale", "percentunit", "s", "suffix:h", "suffix:/h"
SQUARE_METRES, SQUARE_FEET, YES_NO = "areaM2", "areaF2", "bool_yes_no"


def _text(title: str) -> Column:
    return Column(title, "string")


def _time(title: str) -> Column:
    return Column(title, "time")


def _number(title: str, unit: str, decimals: int | None = None) -> Column:
    return Column(title, "number", unit, decimals)


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        # Where and what.
        "space": _text("Floor id"),
        "floor": _text("Floor"),
        "room_id": _text("Room id"),
        "room": _text("Room"),
        "zone_id": _text("Zone id"),
        "zone": _text("Zone"),
        "level": _text("Level"),
        "asset_id": _text("Asset id"),
        "asset": _text("Asset"),
        "id": _text("Id"),
        "name": _text("Name"),
        "building_id": _text("Building id"),
        "building": _text("Building"),
        "site": _text("Site"),
        "label": _text("Label"),
        "choice": _text("Choice"),
        "timezone": _text("Time zone"),
        "type": _text("Type"),
        "tags": _text("Tags"),
        "online": _number("Sensors online", YES_NO),
        "notes": _text("To be known"),
        "capacity": _number("Capacity", COUNT),
        "area_m2": _number("Area", SQUARE_METRES, 1),
        "area_ft2": _number("Area", SQUARE_FEET, 0),
        "x": _number("x", METRES, 2),
        "y": _number("y", METRES, 2),
        "rooms": _text("Rooms"),
        "room_ids": _text("Room ids"),
        # When, and how much of it is known.
        "time": _time("Time"),
        "from": _time("From"),
        "to": _time("To"),
        "as_of": _time("As of"),
        "age_s": _number("Age", SECONDS, 0),
        "as_of_ms": _number("As of, since 1970", "ms"),
        "source": _text("Source"),
        "reachable": _number("Answers", YES_NO),
        "rules_without_data_s": _number("Rules without data for", SECONDS, 0),
        "metric": _text("Metric"),
        "timeEnd": _time("Until"),
        "text": _text("What"),
        "going_on": _number("Goes on", YES_NO),
        "threshold": _number("Threshold", "short", 2),
        "release": _number("Ends below", "short", 2),
        "window_s": _number("Looked at", SECONDS, 0),
        "peak_per_m2_hour": _number("Peak, per m² and hour", "short", 2),
        "hours": _number("Hours counted", HOURS, 1),
        "complete": _number("Complete", YES_NO),
        "has_data": _number("Has data", YES_NO),
        "reason": _text("No data because"),
        # Detections.
        "detections": _number("Detections", COUNT),
        "total_detections": _number("Detections", COUNT),
        "total": _number("Detections", COUNT),
        "peak": _number("Fullest cell", COUNT),
        "peak_x": _number("Fullest cell at x", METRES, 2),
        "peak_y": _number("Fullest cell at y", METRES, 2),
        "per_hour": _number("Detections per hour", PER_HOUR, 1),
        "per_m2_hour": _number("Per m² and hour", "short", 2),
        "per_ft2_hour": _number("Per ft² and hour", "short", 3),
        # Heat in people.
        "people_per_m2": _number("People per m²", "short", 3),
        "people_per_ft2": _number("People per ft²", "short", 4),
        "peak_people_per_m2": _number("Peak, people per m²", "short", 3),
        "peak_people_per_ft2": _number("Peak, people per ft²", "short", 4),
        "person_hours": _number("Person-hours", COUNT, 1),
        "unit": _text("Unit"),
        "detections_per_person_minute": _number("Detections a person and minute", "short", 1),
        "factor_version": _text("Factor"),
        "factor_days": _number("Days behind the factor", "none"),
        "factor_unknown": _text("No factor because"),
        "share": _number("Share of detections", SHARE, 1),
        "area_in_use_m2": _number("Area in use", SQUARE_METRES, 0),
        "area_in_use_ft2": _number("Area in use", SQUARE_FEET, 0),
        "resolution": _number("Cell", METRES, 2),
        "rank": _number("Rank", "none"),
        "hot": _number("Hot", YES_NO),
        # Two periods.
        "current": _number("Current, per hour", PER_HOUR, 1),
        "baseline": _number("Baseline, per hour", PER_HOUR, 1),
        "change": _number("Change, per hour", PER_HOUR, 1),
        "change_pct": _number("Change", "percent", 0),
        "share_change": _number("Change of share", SHARE, 1),
        # People.
        "people": _number("People", COUNT),
        "people_seen": _number("People, by sensors in the room", COUNT),
        "people_by_doors": _number("People, by doors", COUNT),
        "mean": _number("People, mean", "short", 1),
        "mean_when_used": _number("People, mean when used", "short", 1),
        "median": _number("People, median", "short", 1),
        "p95": _number("People, p95", "short", 1),
        "utilization": _number("Utilization", SHARE, 0),
        "in_use_s": _number("Time in use", SECONDS, 1),
        "in_use_share": _number("Share of time in use", SHARE, 0),
        "underused": _number("Underused", YES_NO),
        "entries": _number("Entries", COUNT),
        "dwell_s": _number("Stay", SECONDS, 1),
        "usual": _number("People, usual", "short", 1),
        "ratio": _number("Times the usual", "short", 1),
        "excess": _number("More than usual", "short", 1),
        "absent": _number("Usual people absent", "short", 1),
        "weeks": _number("Weeks known", "none"),
        "in": _number("In", COUNT),
        "out": _number("Out", COUNT),
        "inside": _number("Inside", COUNT),
        "beyond": _number("Cannot be", COUNT),
        # The week's pattern.
        "weekday": _text("Weekday"),
        "weekday_number": _number("Day of the week", "none"),
        "hour": _number("Hour", "none"),
        "field": _text("Field"),
        "value": _number("People", "short", 1),
    }
)

ELSEWHERE: Mapping[tuple[str, str], Column] = MappingProxyType(
    {
        ("occupancy-now", "share"): _number("Share of capacity", SHARE, 0),
        ("unusual", "people"): _number("People", "short", 1),
        ("utilization", "peak"): _number("People, peak", "short", 1),
        ("pattern", "hours"): _number("Hours known", "none"),
        ("pattern/presence", "value"): _number("Time in use", SECONDS, 0),
        ("pattern/heatmap", "value"): _number("Detections per hour", PER_HOUR, 1),
        ("pattern/heatmap/people", "value"): _number("People, mean", "short", 1),
        ("heatmap-summary", "people"): _number("People, mean", "short", 1),
        ("compare-zones/people", "current"): _number("People, current", "short", 1),
        ("compare-zones/people", "baseline"): _number("People, baseline", "short", 1),
        ("compare-zones/people", "change"): _number("People, change", "short", 1),
    }
)
"""Columns, by target and name, that mean something else there; a pattern's by its metric too, heat in people
by its unit.
"""


def column(of: str, name: str) -> Column:
    """The column `name` of the target `of`; a pattern says its metric (`pattern/presence`), heat in people
    its unit (`compare-zones/people`, `pattern/heatmap/people`).
    """
    meanings = of.split("/")
    for end in range(len(meanings), 0, -1):
        if found := ELSEWHERE.get(("/".join(meanings[:end]), name)):
            return found
    return COLUMNS[name]


def epoch_ms(text: str | None) -> int | None:
    """An ISO time of a row as frames hold it."""
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)
