"""Columns that several tables have: titles, types and Grafana units. A target may add its own.

A frame has them in the `config` of each field, so dashboards need no overrides. Rows and CSV keep the raw
names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from butlr_grafana.model.choices import type_text

Kind = Literal["number", "string", "time"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's title for a person, its type in a frame, and for numbers Grafana's unit id.

    Times are ISO 8601 in rows, epoch milliseconds in frames. `shown`: makes a value's text for a person. The
    values stay raw, because links and filters use them.
    """

    title: str
    kind: Kind
    unit: str | None = None
    decimals: int | None = None
    shown: Callable[[str], str] | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The field's `config`; what Grafana is to choose itself is left out."""
        settings = {"displayName": self.title, "unit": self.unit, "decimals": self.decimals}
        return {key: value for key, value in settings.items() if value is not None}

    def mappings(self, values: Iterable[object]) -> list[dict[str, Any]]:
        """Grafana's value mappings: the texts of these values. None if each value is its own text."""
        if self.shown is None:
            return []
        known = sorted({value for value in values if isinstance(value, str)})
        texts = {value: text for value in known if (text := self.shown(value)) != value}
        options = {value: {"text": text, "index": at} for at, (value, text) in enumerate(texts.items())}
        return [{"type": "value", "options": options}] if options else []


METRES = "suffix:m"
"""Not Grafana's `lengthm`: that writes half a metre as 500 mm."""

COUNT, SHARE, SECONDS, HOURS, PER_HOUR = "locale", "percentunit", "s", "suffix:h", "suffix:/h"
SQUARE_METRES, SQUARE_FEET, YES_NO = "areaM2", "areaF2", "bool_yes_no"


def text(title: str) -> Column:
    return Column(title, "string")


def time(title: str) -> Column:
    return Column(title, "time")


def number(title: str, unit: str, decimals: int | None = None) -> Column:
    return Column(title, "number", unit, decimals)


COLUMNS: Mapping[str, Column] = MappingProxyType(
    {
        # Where and what.
        "space": text("Floor id"),
        "floor": text("Floor"),
        "room_id": text("Room id"),
        "room": text("Room"),
        "zone_id": text("Zone id"),
        "zone": text("Zone"),
        "level": text("Level"),
        "asset_id": text("Asset id"),
        "asset": text("Asset"),
        "id": text("Id"),
        "name": text("Name"),
        "building_id": text("Building id"),
        "building": text("Building"),
        "site": text("Site"),
        "label": text("Label"),
        "choice": text("Choice"),
        "timezone": text("Time zone"),
        "type": Column("Type", "string", shown=type_text),
        "tags": text("Tags"),
        "online": number("Sensors online", YES_NO),
        "notes": text("Notes"),
        "capacity": number("Capacity", COUNT),
        "area_m2": number("Area", SQUARE_METRES, 1),
        "area_ft2": number("Area", SQUARE_FEET, 0),
        "x": number("x", METRES, 2),
        "y": number("y", METRES, 2),
        "rooms": text("Rooms"),
        "room_ids": text("Room ids"),
        # When, and how much of it is known.
        "time": time("Time"),
        "from": time("From"),
        "to": time("To"),
        "as_of": time("As of"),
        "unknown_since": time("Unknown since"),
        "age_s": number("Age", SECONDS, 0),
        "as_of_ms": number("As of, ms since 1970", "ms"),
        "source": text("Source"),
        "reachable": number("Butlr answers", YES_NO),
        "rules_without_data_s": number("Rules without data for", SECONDS, 0),
        "metric": text("Metric"),
        "timeEnd": time("Until"),
        "text": text("What"),
        "going_on": number("Ongoing", YES_NO),
        "threshold": number("Threshold", "short", 2),
        "release": number("Ends below", "short", 2),
        "window_s": number("Window", SECONDS, 0),
        "peak_per_m2_hour": number("Peak, per m² and hour", "short", 2),
        "hours": number("Hours counted", HOURS, 1),
        "complete": number("Complete", YES_NO),
        "has_data": number("Has data", YES_NO),
        "reason": text("No data because"),
        # Devices.
        "kind": text("Kind"),
        "device_id": text("Device id"),
        "device": text("Device"),
        "state": text("State"),
        "last_heartbeat": time("Last heartbeat"),
        "last_reading": time("Last reading"),
        "offline_s": number("Offline for", SECONDS, 0),
        "battery_due": time("Battery due"),
        "battery_overdue_days": number("Battery overdue", "suffix:d", 0),
        "power": text("Power"),
        "hive_id": text("Hive id"),
        "hive": text("Hive"),
        "mac": text("MAC address"),
        "serial": text("Serial number"),
        "mode": text("Counts"),
        "model": text("Model"),
        "height_m": number("Height", METRES, 2),
        "sensors": number("Sensors", COUNT),
        "sensors_online": number("Sensors online", COUNT),
        "sensors_offline": number("Sensors offline", COUNT),
        "sensors_unknown": number("Sensors unknown", COUNT),
        "offline_share": number("Share offline", SHARE, 0),
        "hives": number("Hives", COUNT),
        "floors": number("Floors", COUNT),
        "floors_now": number("Floors in the sum", COUNT),
        "peak_floors": number("Floors in the peak", COUNT),
        "hives_offline": number("Hives offline", COUNT),
        "batteries_due": number("Batteries due", COUNT),
        "rooms_unavailable": number("Rooms without a working sensor", COUNT),
        "unavailable": number("No working sensor", YES_NO),
        # Detections.
        "detections": number("Detections", COUNT),
        "total_detections": number("Detections", COUNT),
        "total": number("Detections", COUNT),
        "peak": number("Fullest cell", COUNT),
        "peak_x": number("Fullest cell, x", METRES, 2),
        "peak_y": number("Fullest cell, y", METRES, 2),
        "per_hour": number("Detections per hour", PER_HOUR, 1),
        "per_m2_hour": number("Per m² and hour", "short", 2),
        "per_ft2_hour": number("Per ft² and hour", "short", 3),
        # Heat in people.
        "people_per_m2": number("People per m²", "short", 3),
        "people_per_ft2": number("People per ft²", "short", 4),
        "peak_people_per_m2": number("Peak, people per m²", "short", 3),
        "peak_people_per_ft2": number("Peak, people per ft²", "short", 4),
        "person_hours": number("Person-hours", COUNT, 1),
        "unit": text("Unit"),
        "detections_per_person_minute": number("Detections per person-minute", "short", 1),
        "factor_version": text("Factor"),
        "factor_days": number("Days used for the factor", "none"),
        "factor_unknown": text("No factor because"),
        "share": number("Share of detections", SHARE, 1),
        "area_in_use_m2": number("Area in use", SQUARE_METRES, 0),
        "area_in_use_ft2": number("Area in use", SQUARE_FEET, 0),
        "resolution": number("Cell size", METRES, 2),
        "rank": number("Rank", "none"),
        "hot": number("Hot", YES_NO),
        # Two periods.
        "current": number("Detections, now", PER_HOUR, 1),
        "baseline": number("Detections, then", PER_HOUR, 1),
        "change": number("Change in detections", PER_HOUR, 1),
        "change_pct": number("Change", "percent", 0),
        "share_change": number("Change in share", SHARE, 1),
        # People.
        "people": number("People", COUNT),
        "people_seen": number("People, by room sensors", COUNT),
        "people_by_doors": number("People, by doors", COUNT),
        "mean": number("People, mean", "short", 1),
        "mean_when_used": number("People, mean when used", "short", 1),
        "median": number("People, median", "short", 1),
        "p95": number("People, p95", "short", 1),
        "utilization": number("Utilization", SHARE, 0),
        "in_use_s": number("Time in use", SECONDS, 1),
        "in_use_share": number("Share of time in use", SHARE, 0),
        "underused": number("Underused", YES_NO),
        "entries": number("Entries", COUNT),
        "dwell_s": number("Time in use per entry", SECONDS, 1),
        "usual": number("People, usual", "short", 1),
        "ratio": number("Ratio to usual", "short", 1),
        "excess": number("Above usual", "short", 1),
        "absent": number("People usual, none seen", "short", 1),
        "weeks": number("Weeks known", "none"),
        "free_since": time("Free since"),
        "free_for_s": number("Free for at least", SECONDS, 0),
        "free_exact": number("Free since is exact", YES_NO),
        "free_for": text("Has been free for"),
        "in": number("In", COUNT),
        "out": number("Out", COUNT),
        "inside": number("Inside", COUNT),
        "beyond": number("Implausible count", COUNT),
        # The week's pattern.
        "weekday": text("Weekday"),
        "weekday_number": number("Day of the week", "none"),
        "hour": number("Hour", "none"),
        "field": text("Field"),
        "value": number("People", "short", 1),
    }
)


def epoch_ms(text: str | None) -> int | None:
    """An ISO time of a row as frames hold it."""
    return None if text is None else int(datetime.fromisoformat(text).timestamp() * 1000)
