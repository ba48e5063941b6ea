"""Crowds on request: extra people who sit in one room for a time, beside those who come anyway.

In a test `simulator.crowd(…)`; beside a running one `curl -X PUT -d '{"floor": "space_paris_1", "room":
"room_paris_1_kitchen", "people": 30, "minutes": 20}' …/_simulator/crowd`, with DELETE to undo them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from .body_values import choice, instant, whole_number
from .messages import Refusal
from .places import Places
from .stays import Ints, Stays
from .world import Office

FIRST_PERSON = 1_000_000
"""The person numbers of crowds start here, far from those of the floors."""


@dataclass(frozen=True)
class Crowd:
    """A number of people in a room (an index into the floor's rooms) over a half-open range of UTC epoch
    seconds.

    They enter through the entrance and the room's door in the first second, and leave at the end of the
    range. At local midnight nobody passes a door, so a crowd that begins at midnight has no entries. If there
    are more people than seats, they share seats.
    """

    floor_id: str
    room: int
    people: int
    start_s: int
    stop_s: int
    first_person: int


def stays_of(crowd: Crowd, places: Places, start_s: int, stop_s: int, phase_s: Ints) -> Stays:
    """The stays of the crowd within a day. `phase_s` of its people is the same every day."""
    n = np.arange(crowd.people)
    spots = places.rooms[crowd.room].spots
    spot = spots[n % len(spots)]
    return Stays(
        person=crowd.first_person + n,
        room=np.full(crowd.people, crowd.room),
        x_m=places.x_m[spot],
        y_m=places.y_m[spot],
        start_s=np.full(crowd.people, max(crowd.start_s, start_s)),
        stop_s=np.full(crowd.people, min(crowd.stop_s, stop_s)),
        phase_s=phase_s,
        reach_m=places.reach_m[spot],
    )


def find_room(office: Office, text: str) -> tuple[str, str]:
    """The ids of the floor and of the room. `text` is the room's id, or its name if only one room has it.
    Raises `Refusal`.
    """
    rooms = [(floor, room) for floor in office.floors for room in floor.rooms]
    found = [(f.id, r.id) for f, r in rooms if r.id == text]
    found = found or [(f.id, r.id) for f, r in rooms if r.name.casefold() == text.casefold()]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(room_id for _, room_id in found)
        raise Refusal(400, f"room: {text[:60]!r} is the name of several rooms; use one of the ids {ids}")
    ids = ", ".join(sorted(room.id for _, room in rooms))
    raise Refusal(400, f"room: {text[:60]!r} is unknown; allowed: {ids}")


def parse(body: Mapping[str, Any], office: Office, now_s: float) -> tuple[str, str, int, int, int]:
    """Reads `room, people, minutes` and, if the crowd begins later, `start`, for `People.crowd`.

    With `floor`, `room` is the id of a room on it. Without, it is the id or name of any room. Raises
    `Refusal`.
    """
    if "floor" in body:
        floor_id = choice(body, "floor", "floor", office.by_id)
        room_id = choice(body, "room", "room", [room.id for room in office.by_id[floor_id].rooms])
    else:
        floor_id, room_id = find_room(office, str(body.get("room", "")))
    people, minutes = (
        whole_number(body, "people", "people", most=1000),
        whole_number(body, "minutes", "minutes", most=525_600),
    )
    start_s = int(instant(body, "start", "start") if "start" in body else now_s)
    return floor_id, room_id, people, start_s, start_s + 60 * minutes


def to_json(crowds: Sequence[Crowd], office: Office) -> list[dict[str, Any]]:
    """The crowds, with start and stop in ISO 8601."""
    return [
        {
            "floor": crowd.floor_id,
            "room": office.by_id[crowd.floor_id].rooms[crowd.room].id,
            "people": crowd.people,
            "start": datetime.fromtimestamp(crowd.start_s, UTC).isoformat(),
            "stop": datetime.fromtimestamp(crowd.stop_s, UTC).isoformat(),
        }
        for crowd in crowds
    ]
