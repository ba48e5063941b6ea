"""Rooms that are too small to be shown: the value of a booth for one person is the value of one person.

`guarded` replaces all small rooms of a floor by one room when the topology is read, so later code knows only
this one. `visible` and `with_sums` do the same with Butlr's counts before they reach a result. So no target
has to do it.

A sum of one room is the value of that room, so it is not shown either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import shapely
from numpy.typing import NDArray

from butlr_grafana.model.chunk import Floats, Grid, Samples, SeriesSubject
from butlr_grafana.model.floor import Floor, Note, Room, Topology, Zone
from butlr_grafana.model.geometry import Shape, shape_of, shape_of_asset
from butlr_grafana.model.queries import SeriesQuery

Instants = NDArray[np.int64]

SUM_ID = "small-rooms"
"""The id of the room, and of the zone, that represents the small ones of a floor."""

ALONE = "the sum would be of one room only"


def guarded(topology: Topology, min_capacity: int) -> Topology:
    """The topology with one room in place of all rooms whose known capacity is smaller than `min_capacity`; 0
    changes nothing.
    """
    floors = {key: _guarded(floor, min_capacity) for key, floor in topology.floors.items()}
    return replace(topology, floors=floors, notes=_guarded_notes(topology.notes, floors, min_capacity))


def _guarded_notes(notes: Iterable[Note], floors: Mapping[str, Floor], min_capacity: int) -> tuple[Note, ...]:
    """The notes without the names of small rooms; what named one is said once a floor, and not what it
    was."""
    hidden: set[str] = set()
    for floor in floors.values():
        hidden |= {member.id for room in floor.rooms for member in room.members}
        hidden |= {member.id for zone in floor.zones for member in zone.members}
    why = f"details of rooms for fewer than {min_capacity} people are not shown, for privacy"
    names = {key: f"{floor.name}: " for key, floor in floors.items()}
    shown = (
        replace(note, text=note.anonymous or f"{names.get(note.floor_id or '', '')}{why}", of=())
        if hidden & set(note.of)
        else note
        for note in notes
    )
    return tuple(dict.fromkeys(shown))


def _guarded(floor: Floor, min_capacity: int) -> Floor:
    small = {r.id: r for r in floor.rooms if r.capacity is not None and r.capacity < min_capacity}
    if not small:
        return floor
    what = f"rooms for fewer than {min_capacity} people"
    around = {zone.id: _room_around(zone, small.values()) for zone in floor.zones}
    inside = tuple(replace(z, room_id=around[z.id]) for z in floor.zones if around[z.id])
    rooms = [room for room in floor.rooms if room.id not in small]
    zones = [zone for zone in floor.zones if not around[zone.id]]
    if inside:
        name = f"Zones in {what} ({len(inside)})"
        zones.append(Zone(SUM_ID, name, floor.id, room_id=SUM_ID, members=inside))
    together = _room_of_sum(tuple(small.values()), f"{what.capitalize()} ({len(small)})")
    return replace(floor, rooms=(*rooms, together), zones=tuple(zones))


def _room_of_sum(small: tuple[Room, ...], name: str) -> Room:
    """The room that stands for the small ones; what it has of only one is not told."""
    alone = len(small) == 1
    states = [room.online for room in small]
    silent_s = [room.silent_since_s for room in small if room.online is False]
    return Room(
        SUM_ID,
        name,
        small[0].floor_id,
        capacity=None if alone else sum(room.capacity or 0 for room in small),
        area_m2=None if alone else _added([room.area_m2 for room in small]),
        online=False if False in states else None if None in states else True,
        members=small,
        silent_since_s=None if alone else _earliest(silent_s),
    )


def _earliest(times_s: Sequence[int | None]) -> int | None:
    """Of sensors that are silent: since then a sum of their rooms is not known."""
    known = [time_s for time_s in times_s if time_s is not None]
    return min(known) if known and len(known) == len(times_s) else None


def _added(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return math.fsum(known) if len(known) == len(values) else None


def _room_around(zone: Zone, small: Iterable[Room]) -> str | None:
    """The small room that a zone belongs to, by its id or by where it lies."""
    shape = shape_of(zone.polygon)
    for room in small:
        own = shape_of(room.polygon)
        if zone.room_id == room.id or (shape and own and _mostly_within(shape, own)):
            return room.id
    return None


def _mostly_within(shape: Shape, other: Shape) -> bool:
    return bool(shapely.intersection(shape, other).area > 0.5 * shape.area)


def too_few(members: Iterable[Room | Zone]) -> bool:
    """Whether the members are, or lie in, fewer than two rooms."""
    return len({m.room_id if isinstance(m, Zone) else m.id for m in members}) < 2


def withheld(asset: Room | Zone) -> str:
    """The reason why no value of a room or zone is shown, not even a sum; empty if it is shown."""
    return ALONE if asset.members and too_few(asset.members) else ""


def queryable_rooms(floor: Floor) -> list[Room]:
    """The rooms that can be queried."""
    return [room for room in floor.rooms if not withheld(room)]


def sum_of(floor: Floor) -> Room | None:
    """The room that represents the small rooms of the floor; `None` if there is none."""
    return next((room for room in floor.rooms if room.members), None)


def visible(grid: Grid, floor: Floor) -> tuple[Grid, float]:
    """The grid without the cells whose centre lies in a small room, and the number of detections in those
    cells.
    """
    together = sum_of(floor)
    shape = shape_of_asset(together) if together else None
    if shape is None:
        return grid, 0.0
    shapely.prepare(shape)
    hidden = shapely.intersects_xy(shape, *grid.centres())
    shown = replace(grid, ix=grid.ix[~hidden], iy=grid.iy[~hidden], value=grid.value[~hidden])
    return shown, float(grid.value[hidden].sum())


def with_sums(samples: Samples, query: SeriesQuery) -> Samples:
    """Replaces the samples of small rooms and zones by their sum. A window has a sum only if all of them are
    known, and if a sum makes sense.
    """
    assets: dict[str, Sequence[Room | Zone]] = {"room": query.floor.rooms, "zone": query.floor.zones}
    for asset in assets.get(query.level, ()):
        if asset.members:
            samples = _with_sum(samples, asset, query.base)
    return samples


def _with_sum(samples: Samples, asset: Room | Zone, base: SeriesSubject) -> Samples:
    ids = [member.id for member in asset.members]
    others = np.array([owner not in ids for owner, _ in samples.series], bool)
    keep = others[samples.index]
    shown = adds_up(base) and not withheld(asset)
    fields = dict.fromkeys(field for owner, field in samples.series if owner in ids) if shown else {}
    series, index = list(samples.series), [samples.index[keep]]
    start_s, value = [samples.start_s[keep]], [samples.value[keep]]
    for field in fields:
        starts, sums = _sums(samples, [(owner, field) for owner in ids])
        if not starts.size:
            continue
        index.append(np.full(starts.size, len(series), np.int32))
        start_s.append(starts)
        value.append(sums)
        series.append((asset.id, field))
    return Samples(tuple(series), np.concatenate(index), np.concatenate(start_s), np.concatenate(value))


def adds_up(base: SeriesSubject) -> bool:
    """Whether values of several rooms can be added. The largest values of an hour cannot, because they occur
    at different times. The time in use cannot either.
    """
    at_one_time = base.is_by_the_minute or base.function in ("mean", "sum", "first", "last")
    return at_one_time and base.measurement != "presence"


def _sums(samples: Samples, members: Sequence[tuple[str, str]]) -> tuple[Instants, Floats]:
    """The windows in which every member is known, and the members' sums in them."""
    number = {series: k for k, series in enumerate(samples.series)}
    if any(member not in number for member in members):
        return np.empty(0, np.int64), np.empty(0)
    own = [samples.index == number[member] for member in members]
    starts = np.unique(samples.start_s[np.logical_or.reduce(own)])
    sums = np.zeros(starts.size)
    for rows in own:
        at, value = np.searchsorted(starts, samples.start_s[rows]), samples.value[rows]
        seen = np.bincount(at, minlength=starts.size) > 0
        sums += np.where(seen, np.bincount(at, value, minlength=starts.size), np.nan)
    return starts[~np.isnan(sums)], sums[~np.isnan(sums)]
