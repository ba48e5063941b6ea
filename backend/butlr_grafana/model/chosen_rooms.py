"""Chosen rooms as one: the floor's value, if a page is limited to some rooms.

People, entries and exits, and detections are added. Rooms that no sensor counts are left out. If one counted
room is unknown, the sum is unknown too: it would be too small.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.chunk import Floats, Samples, SeriesSubject
from butlr_grafana.model.doors import doors_by_room
from butlr_grafana.model.floor import Room
from butlr_grafana.model.privacy import adds_up
from butlr_grafana.model.queries import SeriesQuery


def name_of(rooms: Sequence[Room]) -> str:
    return rooms[0].name if len(rooms) == 1 else f"{len(rooms)} rooms"


def are_chosen(query: SeriesQuery) -> bool:
    """Whether chosen rooms are shown as one value in place of the floor's."""
    return query.level == "floor" and query.rooms is not None


def check_adds_up(base: SeriesSubject, rooms: Sequence[Room]) -> None:
    """Checks that values of several rooms can be added. The largest values of an hour cannot, because they
    occur at different times. The time in use cannot either.

    Raises `BadParameter`.
    """
    if len(rooms) < 2 or adds_up(base):
        return
    if base.measurement == "presence":
        raise BadParameter("level", "the time in use of several rooms cannot be added up; allowed: room")
    raise BadParameter(
        "statistic", f"{base.function} of several rooms cannot be added up; use mean, or set level=room"
    )


def samples_of(samples: Samples, query: SeriesQuery) -> Samples:
    """The sums over the rooms, as samples of their floor. A window has a value only if all counted rooms have
    one.
    """
    rooms = {room.id: room for room in query.rooms or ()}
    starts, fields = np.unique(samples.start_s), dict.fromkeys(field for _, field in samples.series)
    sums: dict[str, Floats] = {}
    for field in fields:
        own = {a: k for k, (a, of) in enumerate(samples.series) if of == field and a in rooms}
        if own:
            sums[field] = np.sum([_values(samples, k, starts) for k in own.values()], axis=0)
            if any(_is_counted(room, query) for room in rooms.values() if room.id not in own):
                sums[field][:] = np.nan
    return Samples(
        tuple((query.floor.id, field) for field in sums),
        np.repeat(np.arange(len(sums), dtype=np.int32), starts.size),
        np.tile(starts, len(sums)),
        np.concatenate(list(sums.values())) if sums else np.empty(0),
        samples.incomplete,
    )


def _is_counted(room: Room, query: SeriesQuery) -> bool:
    """Whether a sensor counts the room's people, even if it has sent nothing; doors always count.

    For rooms that are only shown as a sum, one counted room is enough: the sum is unknown if one of them is
    missing.
    """
    if query.base.level == "sensor":
        doors = doors_by_room(query.floor)
        return any(member.id in doors for member in room.members)
    return any(own.online is not None for own in room.members or (room,))


def _values(samples: Samples, series: int, starts: NDArray[np.int64]) -> Floats:
    """Of one series, at each of these times; NaN where it has none."""
    own = samples.index == series
    values = np.full(starts.size, np.nan)
    values[np.searchsorted(starts, samples.start_s[own])] = samples.value[own]
    return values
