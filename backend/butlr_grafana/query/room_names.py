"""The texts that can name a room or a tag of a floor."""

from __future__ import annotations

from butlr_grafana.model.floor import Floor, Room, as_built
from butlr_grafana.model.privacy import queryable_rooms


def texts_of_rooms(floor: Floor) -> set[str]:
    """All ids and names of the floor's rooms, including rooms that are only shown as a sum."""
    rooms = [*floor.rooms, *as_built(floor.rooms)]
    return {text for room in rooms for text in (room.id, room.name)}


def tags_of(floor: Floor) -> set[str]:
    return {tag for room in (*floor.rooms, *as_built(floor.rooms)) for tag in room.tags}


def types_of(floor: Floor) -> set[str]:
    """The types of the rooms that are shown separately."""
    return {room.type for room in floor.rooms if room.type is not None}


def has_room(wanted: str, floor: Floor) -> bool:
    return any(wanted in (room.id, room.name) for room in queryable_rooms(floor))


def rooms_named(wanted: str, floor: Floor) -> list[Room]:
    """The rooms with this id or, if there is none, all rooms with this name. Names can occur several times on
    a floor.
    """
    return [r for r in floor.rooms if wanted == r.id] or [r for r in floor.rooms if wanted == r.name]
