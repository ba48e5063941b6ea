"""Which rooms were seen in a period: one whose sensors were silent then is not an empty room.

A heat map has cells only where somebody was, so it cannot tell an empty room from one that nobody could see.
Presence can: a window of which a room's sensors know nothing has no value there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from butlr_grafana.model import Floor, HeatMap, Period, Room, SeriesAnswer

NOT_ALL_KNOWN = "not all of it is known"


def as_seen(
    heat_map: HeatMap, sightings: SeriesAnswer, counted: Sequence[Period], *, since_s: float
) -> HeatMap:
    """The map with `seen`; rooms that were silent all the time that is `counted` are offline ones in it.

    `sightings`: presence of the floor's rooms, over all of the period. A room that is offline now stays so
    where the period ends after `since_s`; in an earlier one it may have been seen.
    """
    if not sightings.coverage.complete:
        return replace(heat_map, unseen_why="; ".join(sightings.coverage.reasons) or NOT_ALL_KNOWN)
    query, seen = heat_map.query, shares(sightings, counted)
    if query.period.end_s > since_s:
        offline = {room.id for room in query.floor.rooms if room.online is False}
        seen = {room_id: share for room_id, share in seen.items() if room_id not in offline}
    rooms = {room.id: _as_seen(room, seen.get(room.id)) for room in query.floor.rooms}
    chosen = None if query.rooms is None else tuple(rooms[room.id] for room in query.rooms)
    floor = replace(query.floor, rooms=tuple(rooms.values()))
    return replace(heat_map, query=replace(query, floor=floor, rooms=chosen), seen=seen)


def shares(sightings: SeriesAnswer, counted: Sequence[Period]) -> dict[str, float]:
    """By room, of what share (0 to 1) of the windows that are `counted`, or partly so, something is known."""
    found = {}
    for series in sightings.series:
        starts = series.start_s
        ends = np.append(starts[1:], sightings.query.period.end_s)
        # With hours, a window that begins outside them has no value, whatever is known of it.
        first = starts if sightings.query.local_hours else ends - 1
        counts = np.zeros(starts.size, bool)
        for part in counted:
            counts |= (starts < part.end_s) & (first >= part.start_s)
        if counts.any():
            known = ~np.isnan(series.values["value"])
            found[series.asset_id] = float((known & counts).sum() / counts.sum())
    return found


def silent_in_either(current: HeatMap, baseline: HeatMap) -> Floor:
    """The floor of two periods, on which the rooms are offline that were so in one of them."""
    floor = current.query.floor
    silent = {room.id for room in baseline.query.floor.rooms if room.online is False}
    rooms = tuple(replace(room, online=False) if room.id in silent else room for room in floor.rooms)
    return replace(floor, rooms=rooms)


def _as_seen(room: Room, share: float | None) -> Room:
    """Rooms without sensors of their own, and those that are only told of together, are left alone."""
    if share is None or room.online is None or room.members:
        return room
    return replace(room, online=share > 0)
