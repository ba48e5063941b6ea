"""`free-rooms`: the rooms that are free now, for people who look for a room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from butlr_grafana.insight.current_occupancy import occupancy_now
from butlr_grafana.insight.free_rooms import EMPTY_MIN, STATES, RoomState, all_unknown, in_order, room_states
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.time import MINUTE_S, iso_if_known
from butlr_grafana.query.live import newest_people
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import Column, text
from butlr_grafana.targets.occupancy_now import BY_DOORS
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV


@dataclass(frozen=True, slots=True)
class RoomsNow:
    """`asked_min`: how many minutes were asked for."""

    rooms: tuple[RoomState, ...]
    asked_min: int
    is_provisional: bool


class FreeRooms(TableTarget[RoomsNow]):
    name = "free-rooms"
    title = "Free rooms"
    description = (
        "One row for each room: free, occupied or unknown, and free since. Free rooms come first, then the "
        "smallest."
    )
    parameters = ("space", "least_capacity", "room", "tag", "type", "max_age", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    survives_faults = True
    note_topics = frozenset({"places", "traffic"})

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        """Those of `occupancy-now` for rooms: the two targets share their calls."""
        return newest_people(scope)

    def build(self, fetched: Fetched, sources: Sources) -> RoomsNow:
        people = occupancy_now(fetched.series, sources.moved)
        rooms = list(room_states(people, fetched.series, sources.moved))
        rooms_by_floor = {one.floor.id: one.rooms for one in fetched.scope.floors}
        for floor, fault in fetched.faults:
            rooms += all_unknown(floor, floor.chosen(rooms_by_floor[floor.id]), fault.message)
        minutes = [answer.query.period.length_s // MINUTE_S for answer in fetched.series]
        return RoomsNow(
            tuple(in_order(rooms, fetched.parsed.least_capacity)),
            max(minutes, default=0),
            any(one.is_provisional for one in people),
        )

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        where = ("room_id", "room", *FLOOR, "building", "timezone")
        free = ("free_since", "free_for_s", "free_exact", "free_for")
        return (
            *("state", *where, "type", "capacity", "tags", "people", *free),
            *("reason", "unknown_since", "as_of", "complete", "source", "age_s", "as_of_ms"),
        )

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"reason": text("Why")}

    def rows_of(self, content: RoomsNow, result: Result[RoomsNow]) -> list[Row]:
        """`free_exact` 0: the room may have been free for longer than it is known to be."""
        return [
            {
                "state": one.state,
                "room_id": one.room.id,
                "room": one.room.name,
                "space": one.floor.id,
                "floor": one.floor.name,
                "building": one.floor.building.name,
                "timezone": one.floor.timezone,
                "type": one.room.type,
                "capacity": one.capacity,
                "tags": ",".join(one.room.tags),
                "people": one.people,
                **_free(one),
                "reason": one.reason,
                "unknown_since": iso_if_known(one.unknown_since_s),
                "as_of": iso_if_known(one.as_of_s),
                "complete": int(one.complete),
                "source": one.source,
            }
            for one in content.rooms
        ]

    def custom(self, result: Result[RoomsNow]) -> dict[str, Any]:
        """How many rooms are in each state, and how many minutes were asked for."""
        if result.content is None:
            return {}
        count = Counter(one.state for one in result.content.rooms)
        return {"rooms": {state: count[state] for state in STATES}, "asked_min": result.content.asked_min}

    def notes(self, result: Result[RoomsNow], rows: Sequence[Row]) -> Iterator[str]:
        content = result.content
        if content is None:
            return
        yield f"A room is free when nobody was counted in it for {EMPTY_MIN} minutes; unknown is not free."
        if any(row["free_exact"] == 0 for row in rows):
            limit = f"Only the last {content.asked_min} minutes were requested"
            yield f"{limit}, so a room may have been free for longer than shown."
        if content.is_provisional:
            yield BY_DOORS

    def why_empty(self, result: Result[RoomsNow]) -> str:
        least = result.parsed.least_capacity
        return f"Butlr knows no such room for at least {least} people." if least else ""


def _free(one: RoomState) -> Row:
    """Since when and for how long it is free; of a room that somebody has just left, that it is not yet."""
    is_free = one.state == "free"
    minutes = f"{(one.empty_for_s or 0) // MINUTE_S} min"
    for_ = minutes if one.is_exact else f"at least {minutes}"
    if not is_free:
        for_ = "" if one.empty_for_s is None else f"not yet: nobody for {minutes}"
    return {
        "free_since": iso_if_known(one.empty_since_s) if is_free else None,
        "free_for_s": one.empty_for_s if is_free else None,
        "free_exact": int(one.is_exact) if is_free else None,
        "free_for": for_,
    }
