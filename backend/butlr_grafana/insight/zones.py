"""Rooms, zones or floors ranked by people per square metre, or by detections per square metre and hour."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from butlr_grafana.insight import apportion
from butlr_grafana.insight.people import unknown_why
from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.factor import in_people
from butlr_grafana.model.floor import Floor, Room, Zone, as_built
from butlr_grafana.model.geometry import shape_of
from butlr_grafana.model.privacy import too_few, withheld
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.threshold import Threshold

Level = Literal["room", "zone", "floor"]

OUTSIDE_NAME = "outside any room"
NO_HOURS = "no hour of the period is counted"
NO_POLYGON = "Butlr has no outline of it, so no part of the heat map can be assigned to it"
OFFLINE = "its sensors are offline"
WAS_OFFLINE = "its sensors were offline"
UNCOVERED = "no sensor covers it"
TOO_FEW = "fewer than two of its rooms are known"


@dataclass(frozen=True, slots=True)
class ZoneHeat:
    """A room, zone or floor in numbers; an unknown number is `None`, and `reason` says why.

    `detections` of rooms and of the area outside (`zone_id` "outside", no area) add up to the floor's, except
    for rooms without data. `per_hour`: per hour counted in which the room's sensors worked, if that is known.
    `share`: of the floor's detections. `area_m2`: Butlr's, otherwise the polygon's. `people_per_m2`: the mean
    number of people per square metre; `person_hours`: of all of them; `None` if the floor's factor is not
    known; if people are requested, `reason` says so. `rank`: 1 is the hottest in the whole result, by
    `people_per_m2` in people, otherwise by `per_m2_hour`; equal values share a rank; then those without an
    area, by `per_hour`; then those without data, and in people those without a factor. `hot` is 0 if nothing
    is known: see `has_data`.
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
    people_per_m2: float | None = None
    person_hours: float | None = None

    @property
    def people(self) -> float | None:
        """The mean number of people in it."""
        if self.person_hours is None or self.per_hour is None:
            return None
        return self.per_hour * self.person_hours / self.detections if self.detections else 0.0

    def heat(self, unit: str) -> float | None:
        """What zones are ranked by, and a threshold is compared with."""
        return self.people_per_m2 if unit == "people" else self.per_m2_hour


def hot_zones(heat_maps: Sequence[HeatMap], *, level: Level, threshold: Threshold) -> tuple[ZoneHeat, ...]:
    """All rooms, zones or floors of the heat maps' floors, hottest first, zeros included.

    A number as `threshold` is in the maps' unit: people per m², or detections per m² and hour. A heat map
    that is limited to rooms gives these rooms, or their zones, only; their figures are the same as without
    the limit.
    """
    unit = heat_maps[0].unit if heat_maps else "detections"
    rows = [row for heat_map in heat_maps for row in _rows(heat_map, level)]
    limit = threshold.over([heat for row in rows if (heat := row.heat(unit)) is not None])
    return ranked([replace(row, hot=hot(row.heat(unit), limit)) for row in rows], unit)


def hot(heat: float | None, limit: float | None) -> int:
    """1 from the limit on; where nobody was is never hot, though all be as empty and the limit 0."""
    return int(heat is not None and limit is not None and heat >= limit and heat > 0)


def ranked(rows: Sequence[ZoneHeat], unit: str = "detections") -> tuple[ZoneHeat, ...]:
    """In the order of their ranks; equals as they came. After two of rank 1 comes rank 3."""
    keys = [_place_of(row, unit) for row in rows]
    ordered = sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])
    first: dict[tuple[int, float], int] = {}
    return tuple(
        replace(row, rank=first.setdefault(key, place)) for place, (key, row) in enumerate(ordered, start=1)
    )


def _place_of(row: ZoneHeat, unit: str) -> tuple[int, float]:
    if (heat := row.heat(unit)) is not None:
        return 0, -heat
    per_hour = row.per_hour if unit == "detections" else row.people
    return (1, -per_hour) if per_hour is not None else (2, 0.0)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the detections were. `unavailable_reason`: why their number is not shown; empty: it is shown.
    `availability`: share of the hours counted in which the sensors worked.
    """

    id: str
    name: str
    area_m2: float | None
    detections: float
    unavailable_reason: str
    availability: float = 1.0


def _rows(heat_map: HeatMap, level: Level) -> Iterator[ZoneHeat]:
    floor, grid, chosen = heat_map.query.floor, _whole_floor(heat_map), heat_map.query.rooms
    ids = None if chosen is None else {room.id for room in chosen}
    if level == "floor":
        places = iter([_floor(floor, grid)])
    else:
        places = (_rooms if level == "room" else _zones)(floor, grid, ids, heat_map.availability)
    return (_row(place, heat_map, level, grid.total) for place in places)


def _whole_floor(heat_map: HeatMap) -> Grid:
    """All cells of the floor, hidden ones too: a limit to rooms goes by cells' centres and would cut a
    wall's cells off.
    """
    query = heat_map.query
    if query.rooms is None and not heat_map.hidden:
        return heat_map.raw
    return grid_math.add([chunk.grid for chunk in heat_map.chunks], query.resolution_m)


def _floor(floor: Floor, grid: Grid) -> _Place:
    """Always the whole floor. One where all is silent and all sensors are offline is not empty."""
    online = [room.online for room in as_built(floor.rooms) if room.online is not None]
    unavailable_reason = OFFLINE if online and not any(online) and not grid.total else ""
    return _Place(floor.id, floor.name, _area_m2(floor), grid.total, unavailable_reason)


def without_data(heat_map: HeatMap) -> list[Room]:
    """The rooms, each by itself, whose sensors were silent or that no sensor covers: there nobody was
    detected, whether or not somebody was there.
    """
    floor, grid = heat_map.query.floor, _whole_floor(heat_map)
    rooms = {room.id: room for room in as_built(floor.rooms)}
    filled = apportion.of_rooms(replace(floor, rooms=tuple(rooms.values())), grid).filled(grid.value)
    return [
        room
        for room in rooms.values()
        if _unavailable_reason(room, rooms, room.id in filled) in (OFFLINE, UNCOVERED)
    ]


def is_unavailable(heat_map: HeatMap) -> bool:
    """Whether all of a floor's sensors were silent, and nobody was detected."""
    return bool(_floor(heat_map.query.floor, _whole_floor(heat_map)).unavailable_reason)


def _rooms(
    floor: Floor, grid: Grid, ids: set[str] | None, availability: Mapping[str, float]
) -> Iterator[_Place]:
    """For rooms that are only shown as a sum, an unknown number counts as outside: otherwise it could be
    computed from the floor's number and all others.
    """
    built = {room.id: room for room in as_built(floor.rooms)}
    by_room = apportion.of_rooms(replace(floor, rooms=tuple(built.values())), grid)
    *sums, outside = by_room.sums(grid.value).tolist()
    counted = dict(zip(built, sums, strict=True))
    filled = by_room.filled(grid.value)
    for room in floor.rooms:
        place = _place(room, built, counted, filled, availability)
        if room.members:
            shown = 0.0 if place.unavailable_reason else place.detections
            outside += math.fsum(counted[member.id] for member in room.members) - shown
        if ids is None or room.id in ids:
            yield place
    if ids is None:
        yield _Place(apportion.OUTSIDE, OUTSIDE_NAME, None, outside, "")


def _zones(
    floor: Floor, grid: Grid, ids: set[str] | None, availability: Mapping[str, float]
) -> Iterator[_Place]:
    rooms = {room.id: room for room in as_built(floor.rooms)}
    by_zone = apportion.of_zones(replace(floor, zones=tuple(as_built(floor.zones))), grid)
    counted = dict(zip(by_zone.ids, by_zone.sums(grid.value).tolist(), strict=True))
    filled = by_zone.filled(grid.value)
    for zone in floor.zones:
        if ids is None or zone.room_id in ids:
            yield _place(zone, rooms, counted, filled, availability)


def _place(
    asset: Room | Zone,
    rooms: Mapping[str, Room],
    counted: Mapping[str, float],
    filled: set[str],
    availability: Mapping[str, float],
) -> _Place:
    """`rooms`: all of the floor by id; `counted`: detections by id; `filled`: who has cells of their own."""
    share = availability.get(asset.id if isinstance(asset, Room) else asset.room_id or "")
    if asset.members:
        return _together(asset, rooms, counted, filled, share)
    unavailable_reason = _unavailable_reason(asset, rooms, asset.id in filled)
    if unavailable_reason == OFFLINE and share == 0:
        unavailable_reason = WAS_OFFLINE
    return _Place(asset.id, asset.name, _area_m2(asset), counted[asset.id], unavailable_reason, share or 1.0)


def _together(
    asset: Room | Zone,
    rooms: Mapping[str, Room],
    counted: Mapping[str, float],
    filled: set[str],
    share: float | None,
) -> _Place:
    """The sum of at least two rooms. Not known where a room that has sensors is not: it would be too small.

    `share`: in what part of the period all of them were seen; one that is offline now was seen then.
    """
    members: Sequence[Room | Zone] = asset.members
    reasons = [_unavailable_reason(member, rooms, member.id in filled) for member in members]
    if share:
        reasons = ["" if reason == OFFLINE else reason for reason in reasons]
    known = [member for member, reason in zip(members, reasons, strict=True) if not reason]
    unavailable_reason = withheld(asset)
    if share == 0 and not unavailable_reason:
        unavailable_reason = WAS_OFFLINE
    elif OFFLINE in reasons and not unavailable_reason:
        unavailable_reason = OFFLINE
    elif too_few(known) and not unavailable_reason:
        unavailable_reason = f"{TOO_FEW}: {next(filter(None, reasons))}"
    areas = [_area_m2(member) for member in known]
    area_m2 = None if unavailable_reason or None in areas else math.fsum(filter(None, areas))
    return _Place(
        asset.id, asset.name, area_m2, math.fsum(counted[member.id] for member in known), unavailable_reason
    )


def _unavailable_reason(asset: Room | Zone, rooms: Mapping[str, Room], has_cells: bool) -> str:
    """Why a room, or a zone in it, has no number; empty if its number is valid.

    `room.online` is `None` if no sensor belongs to the room; another sensor may still cover it, as its cells
    show. If Butlr reports for no room whether it is online, this is no reason for any room.
    """
    if shape_of(asset.polygon) is None:
        return NO_POLYGON
    room = asset if isinstance(asset, Room) else rooms.get(asset.room_id or "")
    if room is not None and room.online is False:
        return OFFLINE
    sensors_known = any(other.online is not None for other in rooms.values())
    unseen = room is not None and room.online is None and sensors_known and not has_cells
    return UNCOVERED if unseen else ""


def _row(place: _Place, heat_map: HeatMap, level: Level, total: float) -> ZoneHeat:
    floor, hours = heat_map.query.floor, heat_map.coverage.hours * place.availability
    reason = place.unavailable_reason or ("" if hours > 0 else NO_HOURS)
    detections = None if reason else place.detections
    per_hour = None if detections is None else detections / hours
    per_m2_hour = None if per_hour is None or place.area_m2 is None else per_hour / place.area_m2
    if heat_map.unit == "people":
        reason = reason or unknown_why(heat_map)
    return ZoneHeat(
        zone_id=place.id,
        zone=place.name,
        level=level,
        space=floor.id,
        floor=floor.name,
        has_data=detections is not None,
        reason=reason,
        detections=detections,
        per_hour=per_hour,
        per_m2_hour=per_m2_hour,
        share=None if detections is None or not total else detections / total,
        area_m2=place.area_m2,
        people_per_m2=in_people(per_m2_hour, heat_map.factor),
        person_hours=in_people(detections, heat_map.factor),
    )


def _area_m2(asset: Floor | Room | Zone) -> float | None:
    """Butlr's, else the drawing's."""
    known_m2 = None if isinstance(asset, Zone) else asset.area_m2
    if known_m2 and known_m2 > 0:
        return known_m2
    shape = shape_of(asset.outline if isinstance(asset, Floor) else asset.polygon)
    return shape.area if shape is not None else None
