"""The columns of each target's table, also where it has no row: a program that reads it needs their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from butlr_grafana.insight.unusual import Unusual
from butlr_grafana.insight.utilization import RoomUse
from butlr_grafana.insight.zone_change import ZoneChange
from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.present.account import QUANTITIES
from butlr_grafana.query import Asked

AGE = ("as_of", "complete", "age_s", "as_of_ms")


def _of(kind: type[Any], *, without: Iterable[str] = ()) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.name not in set(without))


FLOOR, ROOM = ("space", "floor"), ("space", "floor", "room_id", "room")

HEADS: Mapping[str, tuple[str, ...]] = {
    "heatmap-summary": (
        *FLOOR,
        *("total_detections", "peak", "peak_x", "peak_y", "area_in_use_m2", "area_m2", "hours", "per_hour"),
        *("people", "person_hours", "people_per_m2", "peak_people_per_m2"),
        *("resolution", "from", "to"),
        *AGE,
    ),
    "compare": ("x", "y", "change", "current", "baseline", "change_pct"),
    "hot-zones": (*_of(ZoneHeat), *AGE),
    "compare-zones": (*_of(ZoneChange), "complete"),
    "hotspots": (
        *("rank", "x", "y", "area_m2", "peak", "peak_x", "peak_y", "total", "per_hour"),
        *("people_per_m2", "peak_people_per_m2", "person_hours", "rooms", "room_ids"),
    ),
    "utilization": (
        "rank",
        *ROOM,
        *("capacity", "area_m2"),
        *_of(RoomUse, without=("floor", "room", "rank")),
        "complete",
    ),
    "pattern": (
        *("weekday", "weekday_number", "hour", "space", "asset_id", "asset", "field", "value", "hours"),
    ),
    "events": (
        *("time", "timeEnd", "text", "tags", *FLOOR, "level", "zone_id", "zone"),
        *("unit", "threshold", "release", "window_s", "peak_per_m2_hour", "peak_people_per_m2", "going_on"),
    ),
    "unusual": (
        *ROOM,
        *_of(Unusual, without=("floor", "room", "as_of_s", "complete")),
        *("complete", "as_of", "age_s", "as_of_ms"),
    ),
    "freshness": (*FLOOR, "metric", "as_of", "complete", "reason", "age_s", "as_of_ms"),
    "status": ("source", "reachable", "as_of", "rules_without_data_s", "reason", "age_s", "as_of_ms"),
    "spaces": (
        *("level", "id", "name", *FLOOR, "building_id", "building", "site", "label", "choice", "timezone"),
        *("capacity", "area_m2", "type", "tags", "online", "notes"),
        *("detections_per_person_minute", "factor_version", "factor_days", "factor_unknown"),
    ),
}


def head(asked: Asked) -> tuple[str, ...]:
    """The names of the columns, in their order; areas in square metres."""
    level = asked.level or "room"
    asset = () if level == "floor" else (f"{level}_id", level)
    match asked.target:
        case "heatmap" | "playback":
            time = ("time",) if asked.target == "playback" else ()
            return (*time, "x", "y", QUANTITIES[asked.normalize].field)
        case "occupancy" | "presence":
            return ("time", "space", *asset, "value")
        case "traffic":
            return ("time", "space", *asset, "in", "out")
        case "occupancy-now":
            return (*FLOOR, *asset, "people", "people_seen", "people_by_doors", "capacity", "share", *AGE)
        case "balance":
            own = () if (asked.level or "floor") == "floor" else ("room_id", "room")
            return (*FLOOR, *own, "in", "out", "inside", "capacity", "beyond", *AGE)
        case target:
            return HEADS[target]
