"""The floors and rooms that a query names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from butlr_grafana.base.errors import BadParameter, UnknownSpace, unknown_value
from butlr_grafana.model.floor import Floor, Room, Topology
from butlr_grafana.model.privacy import queryable_rooms, sum_of, withheld
from butlr_grafana.query.parse import Filter, ParsedQuery
from butlr_grafana.query.room_names import has_room, rooms_named, tags_of, texts_of_rooms, types_of
from butlr_grafana.query.texts import Name, every_name


def floors_of(parsed: ParsedQuery, topology: Topology) -> tuple[Floor, ...]:
    """The requested floors. The parameter is optional if one floor is served. If the target allows several
    floors: only those with any of the requested rooms.
    """
    floors = _spaces_of(parsed, topology)
    _check_filters(parsed, topology)
    if not names_several_floors(parsed):
        return floors
    floors = _with_rooms(parsed, floors)
    if not parsed.filters:
        return floors
    # Where none has any, one stands for the empty answer.
    return tuple(floor for floor in floors if rooms_of(parsed, floor)) or floors[:1]


def _spaces_of(parsed: ParsedQuery, topology: Topology) -> tuple[Floor, ...]:
    many = parsed.spec.many_floors
    if many and parsed.spaces == ("all",):
        return tuple(topology.floors.values())
    if not parsed.spaces:
        if len(topology.floors) == 1 or parsed.spec.without_floor:
            return tuple(topology.floors.values())
        served = ", ".join(list(topology.floors)[:12]) or "nothing: the backend serves no floor"
        raise BadParameter("space", f"is missing; allowed: {'all, ' if many else ''}{served}")
    if len(parsed.spaces) > 1 and not many:
        raise BadParameter("space", f"has {len(parsed.spaces)} floors; use one floor")
    for space in parsed.spaces:
        if space not in topology.floors:
            # The same words for a floor that does not exist and one that is not for this caller.
            raise UnknownSpace(f"space: {unknown_value(space, topology.floors)}")
    return tuple(topology.floors[space] for space in parsed.spaces)


def names_several_floors(parsed: ParsedQuery) -> bool:
    """Whether the query requests several floors. Then not every floor must have every room and tag."""
    return parsed.spaces == ("all",) or len(parsed.spaces) > 1


def with_names(parsed: ParsedQuery, topology: Topology) -> ParsedQuery:
    """The query with the exact names of rooms and tags, and with its types as a filter. The meaning of a text
    depends on the names on the requested floors.

    Raises `BadParameter`, and `UnknownSpace` for the floors.
    """
    if not parsed.room and not parsed.tag and not parsed.type:
        return parsed
    floors = _spaces_of(parsed, topology)
    rooms = {text for floor in floors for text in texts_of_rooms(floor)}
    tags = {tag for floor in floors for tag in tags_of(floor)}
    # Of all floors: a page keeps its choice of types for a floor that has no such room.
    types = {own for floor in topology.floors.values() for own in types_of(floor)}
    wanted = tuple(every_name(parsed.type, types.__contains__))
    return replace(
        parsed,
        type=(),
        filters=(*parsed.filters, *([Filter("type", wanted, "type")] if wanted else [])),
        room=tuple(Name(text, exact=True) for text in every_name(parsed.room, rooms.__contains__)),
        tag=tuple(Name(text, exact=True) for text in every_name(parsed.tag, tags.__contains__)),
    )


def _with_rooms(parsed: ParsedQuery, floors: tuple[Floor, ...]) -> tuple[Floor, ...]:
    """Of several floors those that have any of the rooms asked for. What none of them knows is an error."""
    if not parsed.room and not parsed.tag:
        return floors
    for wanted in parsed.room:
        if not any(has_room(wanted.text, floor) for floor in floors):
            raise BadParameter(
                "room", unknown_value(wanted.text, [r.id for floor in floors for r in queryable_rooms(floor)])
            )
    for tag in parsed.tag:
        if not any(tag.text in room.tags for floor in floors for room in floor.rooms):
            known = sorted({t for floor in floors for room in floor.rooms for t in room.tags})
            raise BadParameter("tag", unknown_value(tag.text, known))
    found = tuple(floor for floor in floors if _chosen(parsed, floor))
    return found or _none_tagged(parsed)


def _none_tagged(parsed: ParsedQuery) -> NoReturn:
    tags = " or ".join(tag.text for tag in parsed.tag)
    raise BadParameter("tag", f"none of the requested rooms has {tags}"[:200])


def rooms_of(parsed: ParsedQuery, floor: Floor) -> tuple[Room, ...] | None:
    """The requested rooms that have any of the requested tags; `None`: all rooms.

    The result is empty only if the filters match no room.
    """
    if not parsed.room and not parsed.tag:
        return _narrowed(parsed, floor, queryable_rooms(floor)) if parsed.filters else None
    if not names_several_floors(parsed):
        for tag in parsed.tag:
            _check_tag(tag.text, floor)
    return _narrowed(parsed, floor, _chosen(parsed, floor) or _none_tagged(parsed))


def _chosen(parsed: ParsedQuery, floor: Floor) -> tuple[Room, ...]:
    """The rooms of one floor; where several are asked for, what only others know is passed over."""
    wanted = [w.text for w in parsed.room if not names_several_floors(parsed) or has_room(w.text, floor)]
    resolve = {room.id: room for one in wanted for room in _named(one, floor)}
    chosen = resolve.values() if parsed.room else floor.rooms
    tags = {tag.text for tag in parsed.tag}
    return tuple(r for r in chosen if not tags or tags & set(r.tags))


def _narrowed(parsed: ParsedQuery, floor: Floor, rooms: Sequence[Room]) -> tuple[Room, ...]:
    """Those that each filter takes."""
    taken = [one.matching_rooms(floor) for one in parsed.filters]
    return tuple(room for room in rooms if all(room.id in ids for ids in taken))


def _check_filters(parsed: ParsedQuery, topology: Topology) -> None:
    """A filter's value may be of another floor, for a page's filters are for all of its panels; but there is
    to be such a floor.
    """
    floors = topology.floors.values()
    for one in parsed.filters:
        for value in one.values:
            holders = [floor for floor in floors if one.is_known(value, floor)]
            if not holders:
                known = [text for floor in floors for text in _offered(one.key, floor)]
                problem = unknown_value(value, dict.fromkeys(known))
                named = one.parameter == one.key
                raise BadParameter(one.parameter, problem if named else f"{one.key} {problem}")
            if one.key == "room" and not any(has_room(value, floor) for floor in holders):
                _named(value, holders[0])
            if one.key == "tag" and not any(value in _offered("tag", floor) for floor in holders):
                _check_tag(value, holders[0])


def _offered(key: str, floor: Floor) -> list[str]:
    if key == "room":
        return [room.id for room in queryable_rooms(floor)]
    if key == "type":
        return sorted(types_of(floor))
    return sorted({tag for room in floor.rooms for tag in room.tags})


def _named(wanted: str, floor: Floor) -> list[Room]:
    named = rooms_named(wanted, floor)
    together = sum_of(floor)
    if together and any(wanted in (r.id, r.name) for r in together.members) and not named:
        raise BadParameter("room", f"{wanted[:60]!r} is {_shown_only_within(together)}")
    if together in named and withheld(together):
        raise BadParameter("room", f"{wanted[:60]!r} is not shown, for privacy: {withheld(together)}")
    if not named:
        raise BadParameter("room", unknown_value(wanted, [r.id for r in queryable_rooms(floor)]))
    return named


def _check_tag(tag: str, floor: Floor) -> None:
    known = sorted({t for room in floor.rooms for t in room.tags})
    together = sum_of(floor)
    if together and tag not in known and any(tag in room.tags for room in together.members):
        raise BadParameter(
            "tag", f"{tag[:60]!r} is used only for rooms that are {_shown_only_within(together)}"
        )
    if tag not in known:
        raise BadParameter("tag", unknown_value(tag, known))


def _shown_only_within(together: Room) -> str:
    return f"shown only within {together.name!r} ({together.id}), for privacy"
