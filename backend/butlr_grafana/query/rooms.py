"""Which floors and rooms a query names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import NoReturn

from butlr_grafana.base.errors import BadParameter, UnknownSpace, choose
from butlr_grafana.model.floor import Floor, Room, Topology
from butlr_grafana.model.privacy import askable, sum_of, withheld
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.room_names import knows_room, rooms_named, tags_of, texts_of_rooms, types_of
from butlr_grafana.query.texts import Name, every_name

TRAITS: Mapping[str, Callable[[Room], set[str]]] = MappingProxyType(
    {"tag": lambda room: set(room.tags), "type": lambda room: {room.type} if room.type else set()}
)
"""By query parameter, what of a room it is compared with; a room of any of the values asked for is meant."""


def floors_of(parsed: ParsedQuery, topology: Topology) -> tuple[Floor, ...]:
    """The floors asked for; may be left out where one is served. `all`, or several, where a target takes
    many: then only those that have any of the rooms asked for.
    """
    floors = _spaces_of(parsed, topology)
    _check_filters(parsed, topology)
    if not is_spread(parsed):
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
        served = ", ".join(list(topology.floors)[:12]) or "nothing: no floor is served"
        raise BadParameter("space", f"is missing; it may be {'all, ' if many else ''}{served}")
    if len(parsed.spaces) > 1 and not many:
        raise BadParameter("space", f"one floor is wanted, not {len(parsed.spaces)}")
    for space in parsed.spaces:
        if space not in topology.floors:
            # The same words for a floor that does not exist and one that is not for this caller.
            raise UnknownSpace(f"space: {choose(space, topology.floors)}")
    return tuple(topology.floors[space] for space in parsed.spaces)


def is_spread(parsed: ParsedQuery) -> bool:
    """Whether several floors are asked for, of which not each has to know every room and tag."""
    return parsed.spaces == ("all",) or len(parsed.spaces) > 1


def with_names(parsed: ParsedQuery, topology: Topology) -> ParsedQuery:
    """The question with each room, tag and type by its exact name: what a text means depends on the names
    that there are on the floors asked for. Raises `BadParameter`, `UnknownSpace` for the floors.
    """
    if not parsed.names_rooms:
        return parsed
    floors = _spaces_of(parsed, topology)

    def exact(names: tuple[Name, ...], known_on: Callable[[Floor], set[str]]) -> tuple[Name, ...]:
        known = {text for floor in floors for text in known_on(floor)}
        return tuple(Name(text, exact=True) for text in every_name(names, known.__contains__))

    return replace(
        parsed,
        room=exact(parsed.room, texts_of_rooms),
        tag=exact(parsed.tag, tags_of),
        room_type=exact(parsed.room_type, types_of),
    )


def _with_rooms(parsed: ParsedQuery, floors: tuple[Floor, ...]) -> tuple[Floor, ...]:
    """Of several floors those that have any of the rooms asked for. What none of them knows is an error."""
    if not parsed.names_rooms:
        return floors
    for room in parsed.room:
        if not any(knows_room(room.text, floor) for floor in floors):
            raise BadParameter("room", choose(room.text, [r.id for floor in floors for r in askable(floor)]))
    known = {name: _values(name, floors) for name in TRAITS}
    for name, texts in _traits(parsed).items():
        for text in texts:
            if text not in known[name]:
                raise BadParameter(name, choose(text, known[name]))
    found = tuple(floor for floor in floors if _chosen(parsed, floor))
    return found or _none_left(parsed)


def _none_left(parsed: ParsedQuery) -> NoReturn:
    """Only tags and types leave none: a room that is not there is an error of its own."""
    name, wanted = list(_traits(parsed).items())[-1]
    raise BadParameter(name, f"none of the rooms asked for has {' or '.join(wanted)}"[:200])


def _traits(parsed: ParsedQuery) -> dict[str, list[str]]:
    """The tags and the types asked for, where any are."""
    asked = {"tag": parsed.tag, "type": parsed.room_type}
    return {name: [one.text for one in texts] for name, texts in asked.items() if texts}


def _values(name: str, floors: Iterable[Floor]) -> list[str]:
    """The tags, or the types, of the floors' rooms."""
    return sorted({value for floor in floors for room in floor.rooms for value in TRAITS[name](room)})


def rooms_of(parsed: ParsedQuery, floor: Floor) -> tuple[Room, ...] | None:
    """The rooms asked for by id, of those the ones with any of the tags and of the types asked for; `None`:
    no limit.

    None at all only where the filters leave none.
    """
    if not parsed.names_rooms:
        return _narrowed(parsed, floor, askable(floor)) if parsed.filters else None
    if not is_spread(parsed):
        for name, texts in _traits(parsed).items():
            for text in texts:
                _check_trait(name, text, floor)
    return _narrowed(parsed, floor, _chosen(parsed, floor) or _none_left(parsed))


def _chosen(parsed: ParsedQuery, floor: Floor) -> tuple[Room, ...]:
    """The rooms of one floor; where several are asked for, what only others know is passed over."""
    wanted = [w.text for w in parsed.room if not is_spread(parsed) or knows_room(w.text, floor)]
    among = {room.id: room for one in wanted for room in _named(one, floor)}
    chosen = among.values() if parsed.room else floor.rooms
    traits = [(TRAITS[name], set(wanted)) for name, wanted in _traits(parsed).items()]
    return tuple(r for r in chosen if all(of(r) & wanted for of, wanted in traits))


def _narrowed(parsed: ParsedQuery, floor: Floor, rooms: Sequence[Room]) -> tuple[Room, ...]:
    """Those that each filter takes."""
    taken = [one.taken(floor) for one in parsed.filters]
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
                raise BadParameter("adhocFilters", f"{one.key} {choose(value, dict.fromkeys(known))}")
            if one.key == "room" and not any(knows_room(value, floor) for floor in holders):
                _named(value, holders[0])
            if one.key == "tag" and not any(value in _offered("tag", floor) for floor in holders):
                _check_trait("tag", value, holders[0])


def _offered(key: str, floor: Floor) -> list[str]:
    if key == "room":
        return [room.id for room in askable(floor)]
    return _values("tag", [floor])


def _named(wanted: str, floor: Floor) -> list[Room]:
    named = rooms_named(wanted, floor)
    together = sum_of(floor)
    if together and any(wanted in (r.id, r.name) for r in together.members) and not named:
        raise BadParameter("room", f"{wanted[:60]!r} is {_told_within(together)}")
    if together in named and withheld(together):
        raise BadParameter("room", f"{wanted[:60]!r} stands for one room only, and {withheld(together)}")
    if not named:
        raise BadParameter("room", choose(wanted, [r.id for r in askable(floor)]))
    return named


def _check_trait(name: str, text: str, floor: Floor) -> None:
    """Raises `BadParameter` where no room of the floor has this tag, or this type."""
    known, together = _values(name, [floor]), sum_of(floor)
    if together and text not in known and any(text in TRAITS[name](room) for room in together.members):
        raise BadParameter(name, f"{text[:60]!r} is only of rooms that are {_told_within(together)}")
    if text not in known:
        raise BadParameter(name, choose(text, known))


def _told_within(together: Room) -> str:
    return f"told of only within {together.name!r} ({together.id}), for privacy"
