"""Rooms, zones or floors ranked by detections per square metre and hour."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from butlr_grafana import merge
from butlr_grafana.geometry import shape_of
from butlr_grafana.insight import shares
from butlr_grafana.model import Floor, Grid, HeatMap, Polygon, Room
from butlr_grafana.threshold import Threshold

Level = Literal["room", "zone", "floor"]

OUTSIDE_NAME = "outside any room"
NO_HOURS = "no hour of the period is counted"
NO_POLYGON = "no polygon: cells cannot be assigned"
OFFLINE = "its sensors are offline"
UNCOVERED = "no sensor covers it"


@dataclass(frozen=True, slots=True)
class ZoneHeat:
    """A room, zone or floor in figures; what cannot be told is `None`, and `reason` says why.

    `detections` of rooms and of what is outside (`zone_id` "outside", no area) add up to the floor's, but
    for rooms without data. `share`: of the floor's detections. `area_m2`: Butlr's, else the polygon's.
    `rank`: 1 is the hottest by `per_m2_hour` in the whole answer; equals share a rank; then those without
    an area, by `per_hour`; then those without data. `hot` is 0 where nothing is known: `has_data` tells.
    """

    zone_id: str
    zone: str
    level: Level
    space: str
    floor: str
    has_data: bool
    reason: str
    detections: float | None
    per_hour: float | None
    per_m2_hour: float | None
    share: float | None
    area_m2: float | None
    rank: int = 0
    hot: int = 0


def hot_zones(heat_maps: Sequence[HeatMap], *, level: Level, threshold: Threshold) -> tuple[ZoneHeat, ...]:
    """All rooms, zones or floors of the heat maps' floors, hottest first, zeros included.

    A number as `threshold` is in detections per m² and hour. A heat map that is limited to rooms gives
    these rooms, or their zones, only; their figures are the same as without the limit.
    """
    rows = [row for heat_map in heat_maps for row in _rows(heat_map, level)]
    limit = threshold.over([row.per_m2_hour for row in rows if row.per_m2_hour is not None])
    return ranked([replace(row, hot=hot(row.per_m2_hour, limit)) for row in rows])


def hot(per_m2_hour: float | None, limit: float | None) -> int:
    """1 from the limit on; where nobody was is never hot, though all be as empty and the limit 0."""
    return int(per_m2_hour is not None and limit is not None and per_m2_hour >= limit and per_m2_hour > 0)


def ranked(rows: Sequence[ZoneHeat]) -> tuple[ZoneHeat, ...]:
    """In the order of their ranks; equals as they came. After two of rank 1 comes rank 3."""
    ordered = sorted(rows, key=_heat)
    first: dict[tuple[int, float], int] = {}
    return tuple(
        replace(row, rank=first.setdefault(_heat(row), place)) for place, row in enumerate(ordered, start=1)
    )


def _heat(row: ZoneHeat) -> tuple[int, float]:
    if row.per_m2_hour is not None:
        return 0, -row.per_m2_hour
    return (1, -row.per_hour) if row.per_hour is not None else (2, 0.0)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the detections were; `blind`: why they are not to be trusted, or empty."""

    id: str
    name: str
    polygon: Polygon | None
    area_m2: float | None
    detections: float
    blind: str


def _rows(heat_map: HeatMap, level: Level) -> Iterator[ZoneHeat]:
    floor, grid, chosen = heat_map.query.floor, _whole_floor(heat_map), heat_map.query.rooms
    ids = None if chosen is None else {room.id for room in chosen}
    if level == "floor":
        places = iter([_floor(floor, grid)])
    else:
        places = (_rooms if level == "room" else _zones)(floor, grid, ids)
    return (_row(place, heat_map, level, grid.total) for place in places)


def _whole_floor(heat_map: HeatMap) -> Grid:
    """All cells of the floor: a limit to rooms goes by cells' centres and would cut a wall's cells off."""
    query = heat_map.query
    if query.rooms is None:
        return heat_map.raw
    return merge.add([part.grid for part in heat_map.parts], query.resolution_m)


def _floor(floor: Floor, grid: Grid) -> _Place:
    """Always the whole floor. One where all is silent and all sensors are offline is not empty."""
    online = [room.online for room in floor.rooms if room.online is not None]
    blind = OFFLINE if online and not any(online) and not grid.total else ""
    return _Place(floor.id, floor.name, floor.outline, floor.area_m2, grid.total, blind)


def _rooms(floor: Floor, grid: Grid, ids: set[str] | None) -> Iterator[_Place]:
    by_room = shares.of_rooms(floor, grid)
    *sums, outside = by_room.sums(grid.value).tolist()
    filled = by_room.filled(grid.value)
    for room, detections in zip(floor.rooms, sums, strict=True):
        if ids is None or room.id in ids:
            blind = _blind(floor, room, room.polygon, room.id in filled)
            yield _Place(room.id, room.name, room.polygon, room.area_m2, detections, blind)
    if ids is None:
        yield _Place(shares.OUTSIDE, OUTSIDE_NAME, None, None, outside, "")


def _zones(floor: Floor, grid: Grid, ids: set[str] | None) -> Iterator[_Place]:
    by_zone = shares.of_zones(floor, grid)
    filled = by_zone.filled(grid.value)
    rooms = {room.id: room for room in floor.rooms}
    for zone, detections in zip(floor.zones, by_zone.sums(grid.value).tolist(), strict=True):
        if ids is None or zone.room_id in ids:
            blind = _blind(floor, rooms.get(zone.room_id or ""), zone.polygon, zone.id in filled)
            yield _Place(zone.id, zone.name, zone.polygon, None, detections, blind)


def _blind(floor: Floor, room: Room | None, polygon: Polygon | None, has_cells: bool) -> str:
    """Why nothing is known of a room, or of a zone in it; empty where its figures can be trusted.

    `room.online` is `None` where no sensor is said to be the room's; another one may see it all the same,
    which its cells show. Where Butlr tells of no room whether it is online, none is held against it.
    """
    if shape_of(polygon) is None:
        return NO_POLYGON
    if room is not None and room.online is False:
        return OFFLINE
    sensors_known = any(other.online is not None for other in floor.rooms)
    unseen = room is not None and room.online is None and sensors_known and not has_cells
    return UNCOVERED if unseen else ""


def _row(place: _Place, heat_map: HeatMap, level: Level, total: float) -> ZoneHeat:
    floor, hours = heat_map.query.floor, heat_map.coverage.hours
    reason = place.blind or ("" if hours > 0 else NO_HOURS)
    detections = None if reason else place.detections
    per_hour = None if detections is None else detections / hours
    area_m2 = place.area_m2 if place.area_m2 and place.area_m2 > 0 else _area_m2(place.polygon)
    return ZoneHeat(
        zone_id=place.id,
        zone=place.name,
        level=level,
        space=floor.id,
        floor=floor.name,
        has_data=not reason,
        reason=reason,
        detections=detections,
        per_hour=per_hour,
        per_m2_hour=None if per_hour is None or area_m2 is None else per_hour / area_m2,
        share=None if detections is None or not total else detections / total,
        area_m2=area_m2,
    )


def _area_m2(polygon: Polygon | None) -> float | None:
    shape = shape_of(polygon)
    return shape.area if shape is not None else None
