"""Sensor availability of rooms in a period. A room whose sensors sent nothing is not an empty room.

A heat map has cells only where somebody was, so an empty room looks like a room without working sensors.
Counts of people show the difference: if a room's sensors were offline in a window, it has no value there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.queries import HeatMap, SeriesResult
from butlr_grafana.model.time import Instants, Period

NOT_ALL_KNOWN = "not all of it is known"


def with_room_availability(
    heat_map: HeatMap, availability: SeriesResult, counted: Sequence[Period], *, since_s: float
) -> HeatMap:
    """The map with `availability`. Rooms without data in all of the `counted` time are offline in it.

    `availability`: people in the floor's rooms, over the period or all of it but its end; there a room counts
    as seen that is online now, and one that is offline up to when it was heard last. A room that was silent
    all the time is offline still where the period ends after `since_s`, and was so in an earlier one.
    """
    if not availability.coverage.complete:
        return replace(heat_map, unavailable_reason="; ".join(availability.coverage.reasons) or NOT_ALL_KNOWN)
    query = heat_map.query
    is_running = query.period.end_s > since_s
    offline = {room.id for room in query.floor.rooms if is_running and room.online is False}
    share_by_room = {
        room_id: share
        for room_id, share in shares(availability, counted, _received_until(query.floor)).items()
        if share or room_id not in offline
    }
    rooms = {room.id: _with_availability(room, share_by_room.get(room.id)) for room in query.floor.rooms}
    chosen = None if query.rooms is None else tuple(rooms[room.id] for room in query.rooms)
    floor = replace(query.floor, rooms=tuple(rooms.values()))
    return replace(heat_map, query=replace(query, floor=floor, rooms=chosen), availability=share_by_room)


def _received_until(floor: Floor) -> dict[str, float]:
    """By room that is offline now, up to when its sensors were heard; never, where Butlr does not say."""
    return {room.id: room.silent_since_s or -math.inf for room in floor.rooms if room.online is False}


def shares(
    availability: SeriesResult, counted: Sequence[Period], received_until: Mapping[str, float]
) -> dict[str, float]:
    """By room, in what share (0 to 1) of the time `counted` something is known of it; what comes after the
    sightings counts as known, but for rooms that are offline: only `received_until` then. Rooms of which no
    time counts are left out.
    """
    end_s, found = availability.query.period.end_s, {}
    after = [(max(part.start_s, end_s), part.end_s) for part in counted if part.end_s > end_s]
    after_s = sum(until_s - since_s for since_s, until_s in after)
    for series in availability.series:
        last_s = received_until.get(series.asset_id, math.inf)
        received_s = sum(max(0.0, min(until_s, last_s) - since_s) for since_s, until_s in after)
        starts = series.start_s
        ends = np.append(starts[1:], end_s)
        length_s = sum(_overlap_s(starts, ends, part) for part in counted) + np.zeros(starts.size)
        if availability.query.local_hours:
            # A window that begins outside the hours has no value, whatever is known of it.
            begins = [(starts >= part.start_s) & (starts < part.end_s) for part in counted]
            length_s *= np.any(begins, axis=0) if begins else 0.0
        known = ~np.isnan(series.values["value"])
        if whole_s := float(length_s.sum()) + after_s:
            found[series.asset_id] = (float(length_s[known].sum()) + received_s) / whole_s
    return found


def _overlap_s(starts: Instants, ends: Instants, part: Period) -> Floats:
    common = np.minimum(ends, part.end_s) - np.maximum(starts, part.start_s)
    found: Floats = np.maximum(common, 0).astype(np.float64)
    return found


def silent_in_either(current: HeatMap, baseline: HeatMap) -> Floor:
    """The floor of two periods, on which the rooms are offline that were so in one of them."""
    floor = current.query.floor
    silent = {room.id for room in baseline.query.floor.rooms if room.online is False}
    rooms = tuple(replace(room, online=False) if room.id in silent else room for room in floor.rooms)
    return replace(floor, rooms=rooms)


def _with_availability(room: Room, share: float | None) -> Room:
    """Rooms without sensors of their own, and those that are only told of together, are left alone."""
    if share is None or room.online is None or room.members:
        return room
    return replace(room, online=share > 0)
