"""Rows as a Grafana table frame or CSV; the rows of the tabular targets."""

from __future__ import annotations

import csv as csv_format
import io
from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import numpy as np

from butlr_grafana.factors.factor import Factor, Known, Unknown, in_people
from butlr_grafana.insight.busiest import WEEKDAYS
from butlr_grafana.insight.hotspots import Hotspot
from butlr_grafana.insight.now import Now
from butlr_grafana.insight.pattern import PatternCell
from butlr_grafana.insight.utilization import RoomUse
from butlr_grafana.insight.zone_change import ZoneChange
from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.model import FOOT_M, Floor, HeatMap, Room, Topology, Zone, iso
from butlr_grafana.present.account import peak_people_per_m2, since
from butlr_grafana.present.choices import Choice, of_asset, of_floor, unique_texts
from butlr_grafana.present.columns import Column, column, epoch_ms

Row = dict[str, Any]


def summary(answer: HeatMap) -> list[Row]:
    """One row: the heat map in figures. `area_in_use_m2`: of the cells shown with at least one detection."""
    raw, coverage = answer.raw, answer.coverage
    x, y = raw.centres()
    top = int(np.argmax(raw.value)) if raw.value.size else None
    return [
        {
            "space": answer.query.floor.id,
            "floor": answer.query.floor.name,
            "total_detections": answer.total,
            "peak": answer.peak,
            "peak_x": round(float(x[top]), 3) if top is not None else None,
            "peak_y": round(float(y[top]), 3) if top is not None else None,
            "area_in_use_m2": raw.value.size * answer.query.resolution_m**2,
            "area_m2": answer.query.floor.area_m2,
            "hours": round(coverage.hours, 4),
            "per_hour": answer.total / coverage.hours if coverage.hours else None,
            **_summary_in_people(answer),
            "resolution": answer.query.resolution_m,
            "from": iso(answer.query.period.start_s),
            "to": iso(answer.query.period.end_s),
            "as_of": iso(coverage.as_of_s or answer.query.period.end_s),
            "complete": int(coverage.complete),
        }
    ]


def _summary_in_people(answer: HeatMap) -> Row:
    """Of the whole floor, or the rooms asked for; `people_per_m2` of the floor's area where all of it
    counts.
    """
    hours, area_m2 = answer.coverage.hours, answer.query.floor.area_m2
    person_hours = in_people(answer.total, answer.factor)
    is_told = person_hours is not None and hours > 0
    return {
        "people": person_hours / hours if person_hours is not None and is_told else None,
        "person_hours": person_hours,
        "people_per_m2": person_hours / hours / area_m2
        if person_hours is not None and is_told and area_m2 and answer.query.rooms is None
        else None,
        "peak_people_per_m2": peak_people_per_m2(answer),
    }


def spaces(topology: Topology, factors: Mapping[str, Known], *, level: str | None) -> list[Row]:
    """A row a floor, room or zone; `level` narrows it. `label` and, within a level, `choice` are of one row
    only. `notes`: what is to be known of a floor. `factors`: by floor.
    """
    alone = len(topology.floors) == 1
    listed: list[tuple[str, Floor, Floor | Room | Zone, Choice]] = []
    for floor in topology.floors.values():
        listed.append(("floor", floor, floor, of_floor(floor)))
        listed += [("room", floor, room, of_asset(room, floor, alone=alone)) for room in floor.rooms]
        listed += [("zone", floor, zone, of_asset(zone, floor, alone=alone)) for zone in floor.zones]
    listed = [one for one in listed if level in (None, one[0])]
    label = unique_texts(Choice(f"{kind} {own.id}", _labels(floor, own)) for kind, floor, own, _ in listed)
    choice = {
        kind: unique_texts(c for k, _, _, c in listed if k == kind) for kind in ("floor", "room", "zone")
    }
    return [
        {
            **_space(floor, own, kind, label=label[f"{kind} {own.id}"], choice=choice[kind][own.id]),
            **(_of_floor(topology, floor, factors) if own is floor else _factor(None)),
        }
        for kind, floor, own, _ in listed
    ]


def _of_floor(topology: Topology, floor: Floor, factors: Mapping[str, Known]) -> Row:
    notes = (note.text for note in topology.notes if note.floor_id == floor.id)
    return {"notes": "; ".join(notes), **_factor(factors.get(floor.id, Unknown()))}


def _labels(floor: Floor, own: Floor | Room | Zone) -> tuple[str, str]:
    short = f"{floor.building.name} / {floor.name}" + ("" if own is floor else f" / {own.name}")
    return short, f"{floor.building.site} / {short}"


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
    """A row an asset; `share` of the capacity, `complete` 0 where one of the two counts is old or missing.
    Where no people are known `reason` says why, and `unknown_since` since when its sensors are silent.
    """
    return [
        {
            "space": one.floor.id,
            "floor": one.floor.name,
            "timezone": one.floor.timezone,
            **({} if level == "floor" else {f"{level}_id": one.id, level: one.name}),
            "people": one.people,
            "people_seen": one.seen,
            "people_by_doors": one.by_doors,
            "capacity": one.capacity,
            "share": one.share,
            "has_data": int(one.people is not None),
            "reason": f"{one.reason} {since(one.unknown_since_s, one.floor)}".strip(),
            "unknown_since": None if one.unknown_since_s is None else iso(one.unknown_since_s),
            "as_of": iso(one.as_of_s),
            "complete": int(one.complete),
        }
        for one in found
    ]


def aged(rows: Sequence[Row], now_s: float) -> list[Row]:
    """The rows with `as_of` in numbers too, which is what an alert rule can compare and link to: `age_s`, and
    `as_of_ms` since the epoch.
    """
    return [_aged(row, now_s) if row.get("as_of") else row for row in rows]


def _aged(row: Row, now_s: float) -> Row:
    as_of_s = datetime.fromisoformat(row["as_of"]).timestamp()
    return {**row, "age_s": round(max(0.0, now_s - as_of_s)), "as_of_ms": round(1000 * as_of_s)}


def pattern(found: Sequence[PatternCell], week_start: int = 0) -> list[Row]:
    """A row an hour of the week, asset and field, from the first day of the week on; `value` is the mean over
    `hours` known hours.
    """
    first: dict[tuple[str, str], int] = {}
    for k, cell in enumerate(found):
        first.setdefault((cell.asset_id, cell.field), k)

    def place(cell: PatternCell) -> tuple[int, int, int]:
        return first[cell.asset_id, cell.field], (cell.weekday - week_start) % 7, cell.hour

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
        for cell in sorted(found, key=place)
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
            "underused": int(use.underused),
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
            "people_per_m2": spot.people_per_m2,
            "peak_people_per_m2": spot.peak_people_per_m2,
            "person_hours": spot.person_hours,
            "rooms": ", ".join(room.room for room in spot.rooms),
            "room_ids": ",".join(room.room_id for room in spot.rooms),
        }
        for place, spot in enumerate(found, start=1)
    ]


def _space(floor: Floor, own: Floor | Room | Zone, level: str, *, label: str, choice: str) -> Row:
    room = own if isinstance(own, Room) else None
    return {
        "level": level,
        "id": own.id,
        "name": own.name,
        "space": floor.id,
        "floor": floor.name,
        "building_id": floor.building.id,
        "building": floor.building.name,
        "site": floor.building.site,
        "label": label,
        "choice": choice,
        "timezone": floor.timezone,
        "capacity": None if isinstance(own, Zone) else own.capacity,
        "area_m2": None if isinstance(own, Zone) else own.area_m2,
        "type": room.type if room else None,
        "tags": ",".join(room.tags) if room else "",
        "online": _flag(room.online) if room else None,
        "notes": "",
    }


def _factor(known: Known | None) -> Row:
    """What a person gives on a floor; nothing of what is no floor."""
    factor = known if isinstance(known, Factor) else None
    return {
        "detections_per_person_minute": factor.per_person_minute if factor else None,
        "factor_version": factor.version if factor else None,
        "factor_days": factor.days if factor else None,
        "factor_unknown": known.why if isinstance(known, Unknown) else None,
    }


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


def _flag(state: bool | None) -> int | None:
    return None if state is None else int(state)


def names_in_feet(names: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns that `in_square_feet` makes."""
    return tuple(IN_FEET.get(name, (name, 1))[0] for name in names)


def frame(
    rows: Sequence[Row], head: Sequence[str], *, of: str, ref_id: str, name: str, meta: dict[str, Any]
) -> dict[str, Any]:
    """A table frame: a field a column, with the title and unit that `columns` has for the target `of`."""
    names = names_of(rows, head)
    fields = [_field(key, column(of, key), [row.get(key) for row in rows]) for key in names]
    return {"refId": ref_id, "name": name, "meta": meta, "fields": fields}


def _field(name: str, column: Column, values: list[Any]) -> dict[str, Any]:
    if column.kind == "time":
        values = [epoch_ms(value) for value in values]
    return {"name": name, "type": column.kind, "config": column.config, "values": values}


def names_of(rows: Sequence[Row], head: Sequence[str]) -> list[str]:
    """All columns; `head` alone where there is no row."""
    return list(dict.fromkeys([*head, *(key for row in rows for key in row)]))


def csv(heads: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv_format.writer(out)
    writer.writerow(heads)
    writer.writerows([[_harmless(cell) for cell in line] for line in lines])
    return out.getvalue()


def _harmless(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets a leading quote."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
