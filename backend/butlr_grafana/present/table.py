"""Rows as a Grafana table frame or CSV; the rows of the tabular targets."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from butlr_grafana.insight.hotspots import Hotspot
from butlr_grafana.insight.now import Now
from butlr_grafana.insight.pattern import PatternCell
from butlr_grafana.insight.utilization import RoomUse
from butlr_grafana.insight.zone_change import ZoneChange
from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.model import Floor, HeatMap, Room, Topology, Zone, iso

Row = dict[str, Any]


def summary(answer: HeatMap) -> list[Row]:
    """One row: the heat map in figures. `area_in_use_m2`: of the cells with at least one detection."""
    raw, coverage = answer.raw, answer.coverage
    x, y = raw.centres()
    top = int(np.argmax(raw.value)) if raw.value.size else None
    return [
        {
            "space": answer.query.floor.id,
            "floor": answer.query.floor.name,
            "total_detections": raw.total,
            "peak": answer.peak,
            "peak_x": round(float(x[top]), 3) if top is not None else None,
            "peak_y": round(float(y[top]), 3) if top is not None else None,
            "area_in_use_m2": raw.value.size * answer.query.resolution_m**2,
            "area_m2": answer.query.floor.area_m2,
            "hours": round(coverage.hours, 4),
            "per_hour": raw.total / coverage.hours if coverage.hours else None,
            "resolution": answer.query.resolution_m,
            "from": iso(answer.query.period.start_s),
            "to": iso(answer.query.period.end_s),
            "as_of": iso(coverage.as_of_s or answer.query.period.end_s),
            "complete": int(coverage.complete),
        }
    ]


def spaces(topology: Topology, *, level: str | None) -> list[Row]:
    """A row a floor, room or zone; `level` narrows it."""
    rows: list[Row] = []
    for floor in topology.floors.values():
        rows.append(_space(floor, floor, "floor"))
        rows += [_space(floor, room, "room") for room in floor.rooms]
        rows += [_space(floor, zone, "zone") for zone in floor.zones]
    return [row for row in rows if level is None or row["level"] == level]


def zones(found: Sequence[ZoneHeat], maps: Sequence[HeatMap]) -> list[Row]:
    """A row a zone, hottest first, with how old and how whole its floor's data are (`as_of`, `complete`)."""
    account = {m.query.floor.id: m for m in maps}
    rows = []
    for zone in found:
        coverage = account[zone.space].coverage
        rows.append(
            {
                **{f.name: getattr(zone, f.name) for f in fields(zone)},
                "has_data": int(zone.has_data),
                "as_of": iso(coverage.as_of_s or account[zone.space].query.period.end_s),
                "complete": int(coverage.complete),
            }
        )
    return rows


def now(found: Sequence[Now], level: str) -> list[Row]:
    """A row an asset; `share` of the capacity, `complete` 0 where one of the two counts is old or missing."""
    return [
        {
            "space": one.floor.id,
            "floor": one.floor.name,
            **({} if level == "floor" else {"room_id": one.id, "room": one.name}),
            "people": one.people,
            "capacity": one.capacity,
            "share": one.share,
            "as_of": iso(one.as_of_s),
            "complete": int(one.complete),
        }
        for one in found
    ]


WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def pattern(found: Sequence[PatternCell]) -> list[Row]:
    """A row an hour of the week, asset and field; `value` is the mean over `hours` known hours."""
    return [
        {
            "weekday": WEEKDAYS[cell.weekday],
            "weekday_number": cell.weekday + 1,
            "hour": cell.hour,
            "space": cell.floor.id,
            "asset_id": cell.asset_id,
            "asset": cell.name,
            "field": cell.field,
            "value": cell.value,
            "hours": cell.hours,
        }
        for cell in found
    ]


def rooms(found: Sequence[RoomUse], *, complete: bool) -> list[Row]:
    """A row a room, best used first; unknown figures are null and `reason` says why."""
    return [
        {
            "rank": use.rank,
            "space": use.floor.id,
            "floor": use.floor.name,
            "room_id": use.room.id,
            "room": use.room.name,
            "capacity": use.room.capacity,
            "area_m2": use.room.area_m2,
            **{f.name: getattr(use, f.name) for f in fields(use) if f.name not in ("floor", "room", "rank")},
            "has_data": int(use.has_data),
            "complete": int(complete),
        }
        for use in found
    ]


def changes(found: Sequence[ZoneChange], *, complete: bool) -> list[Row]:
    """A row a zone, largest change first; unknown figures are null and `reason` says why."""
    return [
        {
            **{f.name: getattr(zone, f.name) for f in fields(zone)},
            "has_data": int(zone.has_data),
            "complete": int(complete),
        }
        for zone in found
    ]


def spots(found: Sequence[Hotspot]) -> list[Row]:
    """A row a hot area, most detections first; `rooms` by their share of it."""
    return [
        {
            "rank": place,
            "x": round(spot.x_m, 3),
            "y": round(spot.y_m, 3),
            "area_m2": spot.area_m2,
            "peak": spot.peak,
            "peak_x": round(spot.peak_x_m, 3),
            "peak_y": round(spot.peak_y_m, 3),
            "total": spot.total,
            "per_hour": spot.per_hour,
            "rooms": ", ".join(room.room for room in spot.rooms),
            "room_ids": ",".join(room.room_id for room in spot.rooms),
        }
        for place, spot in enumerate(found, start=1)
    ]


def _space(floor: Floor, own: Floor | Room | Zone, level: str) -> Row:
    room = own if isinstance(own, Room) else None
    area_m2 = None if isinstance(own, Zone) else own.area_m2
    return {
        "level": level,
        "id": own.id,
        "name": own.name,
        "space": floor.id,
        "floor": floor.name,
        "building_id": floor.building.id,
        "building": floor.building.name,
        "site": floor.building.site,
        "label": f"{floor.building.name} / {floor.name}" + ("" if level == "floor" else f" / {own.name}"),
        "timezone": floor.timezone,
        "capacity": None if isinstance(own, Zone) else own.capacity,
        "area_m2": round(area_m2, 2) if area_m2 is not None else None,
        "type": room.type if room else None,
        "tags": ",".join(room.tags) if room else "",
        "online": _flag(room.online) if room else None,
    }


def _flag(state: bool | None) -> int | None:
    return None if state is None else int(state)


def frame(rows: Sequence[Row], *, ref_id: str, name: str, meta: dict[str, Any]) -> dict[str, Any]:
    """A table frame: a field a key, numbers as numbers."""
    fields = []
    for key in dict.fromkeys(k for row in rows for k in row):
        values = [row.get(key) for row in rows]
        numeric = all(v is None or isinstance(v, int | float) for v in values) and any(
            v is not None for v in values
        )
        kind = "number" if numeric else "string"
        fields.append({"name": key, "type": kind, "config": {}, "values": values})
    return {"refId": ref_id, "name": name, "meta": meta, "fields": fields}


def csv(rows: Sequence[Row]) -> str:
    keys = list(dict.fromkeys(k for row in rows for k in row))
    out = io.StringIO()
    writer = csv_format.writer(out)
    writer.writerow(keys)
    writer.writerows([[_harmless(row.get(key)) for key in keys] for row in rows])
    return out.getvalue()


def _harmless(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets a leading quote."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
