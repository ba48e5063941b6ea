"""Free rooms: nobody was counted there in the last minutes. A room without data is never free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from butlr_grafana.insight.current_occupancy import NO_COUNT, Moved, Now, moved_on, nothing_moved, once
from butlr_grafana.model.calendar import since
from butlr_grafana.model.chunk import Floats, Source
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.privacy import withheld
from butlr_grafana.model.queries import SeriesQuery, SeriesResult, by_floor
from butlr_grafana.model.time import MINUTE_S, Period

State = Literal["free", "occupied", "unknown"]
STATES: tuple[State, ...] = ("free", "occupied", "unknown")
"""In the order in which somebody who looks for a room reads them."""

EMPTY_MIN = 5
"""A room is free when nobody was counted in it for so many minutes. This is Butlr's own rule: its sensors may
miss somebody who sits still for a minute.
"""

LATE_MIN = 2
"""One of so many newest minutes has to be known, else the state is unknown: Butlr's newest may be a minute
late.
"""

SOME_OCCUPIED = "one or more of these rooms are occupied; for privacy it is not shown which"


@dataclass(frozen=True, slots=True)
class RoomState:
    """A room, and whether it is free.

    `reason`: why its state is unknown. `people`: as in `occupancy-now`. `empty_since_s`, `empty_for_s`: since
    when and for how long nobody was counted, even if that is not long enough to be free. `is_exact`: somebody
    was counted in the minute before. If not, the room may have been empty for longer: no earlier minute was
    requested, or none is known.
    """

    floor: Floor
    room: Room
    state: State
    reason: str
    people: float | None
    as_of_s: float | None
    complete: bool
    source: Source | None = None
    unknown_since_s: int | None = None
    empty_since_s: int | None = None
    empty_for_s: int | None = None
    is_exact: bool = False

    @property
    def capacity(self) -> int | None:
        """How many people fit into it; `None` for rooms that are only told of together."""
        return None if self.room.members else self.room.capacity


def room_states(
    found: Iterable[Now], results: Sequence[SeriesResult], moved: Moved = nothing_moved
) -> Iterator[RoomState]:
    """The state of each room, in the order of `found`.

    `found`: the people of each room. `results`: the minutes that these come from: by floor, one result of
    presence sensors, and one of doors if it has any. The minutes of doors may be some minutes older: then the
    people who have `moved` since are added.
    """
    moved = once(moved)
    floors = by_floor(results)
    for now in found:
        room = next(room for room in now.floor.rooms if room.id == now.id)
        own = floors[now.floor.id]
        yield _state_of(now, room, _minutes(room, own, moved), own[0].query.period.end_s)


def all_unknown(floor: Floor, rooms: Iterable[Room], reason: str) -> Iterator[RoomState]:
    """The rooms of a floor of which nothing could be fetched."""
    return (RoomState(floor, room, "unknown", reason, None, None, complete=False) for room in rooms)


def in_order(rooms: Iterable[RoomState], least_capacity: int) -> list[RoomState]:
    """The rooms for at least so many people (0: all), as somebody who looks for one reads them: free ones
    first, then by capacity: the smallest that fits, and rooms of unknown capacity last.
    """
    fitting = [room for room in rooms if not least_capacity or (room.capacity or 0) >= least_capacity]
    return sorted(fitting, key=lambda r: (STATES.index(r.state), r.capacity is None, r.capacity or 0))


def _state_of(now: Now, room: Room, counts: Floats, end_s: int) -> RoomState:
    """`counts`: the room's people in each minute until `end_s`."""
    state = RoomState(now.floor, room, "unknown", "", now.people, now.as_of_s, now.complete, now.source)
    if now.people is None or np.isnan(counts[-LATE_MIN:]).all():
        why = f"{now.reason} {since(now.unknown_since_s, now.floor.timezone)}".strip()
        reason = withheld(room) or why or NO_COUNT
        return replace(state, reason=reason, people=None, unknown_since_s=now.unknown_since_s)
    is_free = now.people == 0 and np.nanmax(counts[-EMPTY_MIN:]) == 0
    if room.members and not is_free:
        return replace(state, reason=SOME_OCCUPIED)
    state = replace(state, state="free" if is_free else "occupied")
    if now.people > 0:
        return state
    start = _empty_from(counts)
    empty_for_s = (counts.size - start) * MINUTE_S
    return replace(
        state,
        empty_since_s=end_s - empty_for_s,
        empty_for_s=empty_for_s,
        is_exact=start > 0 and bool(counts[start - 1] > 0),
    )


def _minutes(room: Room, results: Sequence[SeriesResult], moved: Moved) -> Floats:
    """The room's people minute by minute, the higher of both ways of counting; NaN if unknown.

    If sensors cover the room, a minute with a count of doors only is unknown: with the doors alone, a full
    room would look empty.
    """
    starts_s = range(results[0].query.period.start_s, results[0].query.period.end_s, MINUTE_S)
    state = {
        result.query.base.is_calibrated: dict(zip(one.start_s.tolist(), one.values["value"], strict=True))
        for result in results
        for one in result.series
        if one.asset_id == room.id
    }
    if not state:
        return np.empty(0)
    if True in state:
        state[True] |= _moved_on(room, results[0].query, state[True], moved)
    by_way = {way: np.array([own.get(start, np.nan) for start in starts_s]) for way, own in state.items()}
    seen, by_doors = by_way.get(False), by_way.get(True)
    if seen is None or by_doors is None:
        return next(iter(by_way.values()))
    return np.where(np.isnan(seen), np.nan, np.fmax(seen, by_doors))


def _moved_on(room: Room, query: SeriesQuery, counts: dict[int, float], moved: Moved) -> dict[int, float]:
    """People by doors in the minutes after the last of which they are known; without those minutes of which
    not every movement is known.
    """
    known = [start for start, count in counts.items() if not np.isnan(count)]
    if not known:
        return {}
    last_s = max(known)
    found = {}
    for start_s in range(last_s + MINUTE_S, query.period.end_s, MINUTE_S):
        steps = moved(query.floor, "room", Period(last_s + MINUTE_S, start_s + MINUTE_S))
        if steps is None:
            continue
        found[start_s] = moved_on(counts[last_s], steps, [one.id for one in room.members] or [room.id])
    return found


def _empty_from(counts: Floats) -> int:
    """Where the newest minutes in which nobody was counted begin; a newest minute that is not known yet is
    passed over, an earlier one is not.
    """
    end = int(np.flatnonzero(~np.isnan(counts))[-1]) + 1
    others = np.flatnonzero(~(counts[:end] == 0))
    return int(others[-1]) + 1 if others.size else 0
