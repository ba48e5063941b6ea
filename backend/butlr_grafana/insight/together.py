"""Chosen rooms as one: their people now, and their heat (see `chosen_rooms`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from butlr_grafana.insight.current_occupancy import NO_SENSOR, Now
from butlr_grafana.insight.zones import NO_POLYGON, UNCOVERED, Level, ZoneHeat, hot, hot_zones, ranked
from butlr_grafana.model.chosen_rooms import name_of
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.threshold import Threshold


def now_of(found: Sequence[Now]) -> tuple[Now, ...]:
    """The rooms of each floor as one."""
    by_floor: dict[str, list[Now]] = {}
    for one in found:
        by_floor.setdefault(one.floor.id, []).append(one)
    return tuple(_now_of(own) if own[0].id != own[0].floor.id else own[0] for own in by_floor.values())


def _now_of(rooms: Sequence[Now]) -> Now:
    counted = [room for room in rooms if room.reason != NO_SENSOR] or list(rooms)
    missing = [room for room in counted if room.reason]
    reason = "; ".join(f"{room.name}: {room.reason}" for room in missing)
    seats = [room.capacity for room in counted if room.capacity is not None]
    people = [room.people for room in counted if room.people is not None]
    floor = rooms[0].floor
    return replace(
        rooms[0],
        id=floor.id,
        name=rooms[0].name if len(rooms) == 1 else f"{len(rooms)} rooms",
        seen=None if missing else float(sum(people)),
        by_doors=None,
        capacity=sum(seats) if len(seats) == len(counted) else None,
        as_of_s=min(room.as_of_s for room in rooms),
        complete=all(room.complete for room in rooms),
        reason=missing[0].reason if len(rooms) == 1 and missing else reason,
        unknown_since_s=min(filter(None, (room.unknown_since_s for room in missing)), default=None),
    )


def zones_of(heat_maps: Sequence[HeatMap], *, level: Level, threshold: Threshold) -> tuple[ZoneHeat, ...]:
    """`hot_zones`, but of the rooms chosen as one where the level is the floor and a map is limited to
    rooms.
    """
    if level != "floor" or all(heat_map.query.rooms is None for heat_map in heat_maps):
        return hot_zones(heat_maps, level=level, threshold=threshold)
    rows = [_heat_of(heat_map, threshold) for heat_map in heat_maps]
    unit = heat_maps[0].unit
    limit = threshold.over([heat for row in rows if (heat := row.heat(unit)) is not None])
    return ranked([replace(row, hot=hot(row.heat(unit), limit)) for row in rows], unit)


def _heat_of(heat_map: HeatMap, threshold: Threshold) -> ZoneHeat:
    rooms = heat_map.query.rooms
    if rooms is None:
        return hot_zones([heat_map], level="floor", threshold=threshold)[0]
    rows = hot_zones([heat_map], level="room", threshold=threshold)
    drawn = [row for row in rows if row.reason not in (NO_POLYGON, UNCOVERED)] or list(rows)
    missing = [row for row in drawn if not row.has_data]
    return replace(
        rows[0],
        zone_id=heat_map.query.floor.id,
        zone=name_of(rooms),
        level="floor",
        has_data=not missing,
        reason="; ".join(dict.fromkeys(row.reason for row in missing or drawn if row.reason)),
        detections=_sum(drawn, "detections"),
        per_hour=_sum(drawn, "per_hour"),
        per_m2_hour=_per_area(drawn, "per_hour"),
        share=_sum(drawn, "share"),
        area_m2=_sum(drawn, "area_m2"),
        people_per_m2=_per_area(drawn, "people"),
        person_hours=_sum(drawn, "person_hours"),
    )


def _sum(rows: Sequence[ZoneHeat], field: str) -> float | None:
    values = [getattr(row, field) for row in rows]
    return None if None in values else float(sum(values))


def _per_area(rows: Sequence[ZoneHeat], field: str) -> float | None:
    value, area_m2 = _sum(rows, field), _sum(rows, "area_m2")
    return value / area_m2 if value is not None and area_m2 else None
