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
"""Person numbers of crowds start here, far from any floor's own."""


@dataclass(frozen=True)
class Crowd:
    """So many people in a room (an index into the floor's) over a half-open range of UTC epoch seconds.

    They appear in the room and vanish from it, through its door and the floor's entrance, as the first
    second begins and as the range ends. Like everyone they pass local midnight without a crossing, so that
    a crowd that begins just then has come by no door. Beyond the room's seats they share them.
    """

    floor_id: str
    room: int
    people: int
    start_s: int
    stop_s: int
    first_person: int


def stays_of(crowd: Crowd, places: Places, start_s: int, stop_s: int, phase_s: Ints) -> Stays:
    """The crowd's stays within a day; `phase_s` is its people's, the same every day."""
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
    """The floor and the room of a room's id, or of its name where only one has it. Else `Refusal`."""
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
    """`room, people, minutes` and, if it does not begin now, `start`, as `People.crowd` takes them. With
    `floor` the room is one of it, by its id; without, of any, also by its name.
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
    """The crowds there are, with their start and stop as ISO 8601."""
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
