"""The texts that mean a room or a tag of a floor."""

from __future__ import annotations

from butlr_grafana.model.floor import Floor, Room, as_built
from butlr_grafana.model.privacy import queryable_rooms


def texts_of_rooms(floor: Floor) -> set[str]:
    """All by which a room of the floor is known, those too that are only told of together."""
    rooms = [*floor.rooms, *as_built(floor.rooms)]
    return {text for room in rooms for text in (room.id, room.name)}


def tags_of(floor: Floor) -> set[str]:
    return {tag for room in (*floor.rooms, *as_built(floor.rooms)) for tag in room.tags}


def types_of(floor: Floor) -> set[str]:
    """Those of the rooms that are told of one by one."""
    return {room.type for room in floor.rooms if room.type is not None}


def has_room(wanted: str, floor: Floor) -> bool:
    return any(wanted in (room.id, room.name) for room in queryable_rooms(floor))


def rooms_named(wanted: str, floor: Floor) -> list[Room]:
    """Names repeat, on one floor too: a name stands for all rooms that have it."""
    return [r for r in floor.rooms if wanted == r.id] or [r for r in floor.rooms if wanted == r.name]
