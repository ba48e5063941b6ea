"""The choices that the JSON data source offers: floors, rooms and tags for queries, variables and filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from butlr_grafana.base.errors import BadParameter, UnknownSpace, unknown_value
from butlr_grafana.model.choices import Choice, in_order, of_asset, of_building, of_floor, of_types
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.privacy import queryable_rooms
from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.query.room_names import types_of
from butlr_grafana.query.texts import UNLIMITED_VALUES, texts_of
from butlr_grafana.targets.base import Target

FILTER_KEYS = ("room", "tag", "type")
VARIABLES = ("buildings", "floors", "rooms", "types", "zones")
VARIABLE_KEYS = ("target", "building", "space", "search")
OPTIONS = ("space", "room", "tag", "type")
MOST_CHOICES = 5_000
"""The most choices of a variable or filter: the rooms of about 200 floors. With more, use `search` or
`space`.
"""

NO_SEARCH = ("$__searchFilter", "${__searchFilter}")

Object = dict[str, Any]


def form(target: Target[Any]) -> list[Object]:
    """The form of the query editor. For a select without options, the plugin requests
    `/metric-payload-options`.
    """
    fields: list[Object] = []
    for parameter in (PARAMETERS[name] for name in target.parameters if not PARAMETERS[name].url_only):
        field: Object = {
            "name": parameter.name,
            "label": f"{parameter.name}: {parameter.description}",
            "placeholder": parameter.default or parameter.example or "",
            "width": 40,
        }
        if parameter.choices:
            field |= {"type": "select", "options": [{"label": c, "value": c} for c in parameter.choices]}
        elif parameter.name in OPTIONS:
            several = target.many_floors if parameter.name == "space" else parameter.many
            kind = "multi-select" if several else "select"
            field |= {"type": kind, "reloadMetric": parameter.name == "space"}
        else:
            field |= {"type": "input"}
        fields.append(field)
    return fields


def payload_options(name: str, topology: Topology, payload: Object) -> list[tuple[str, str]]:
    """The texts and values for a field of the form. Rooms and tags are those of the chosen floors.

    A floor that does not exist (any more) is ignored, so that another one can be chosen.
    """
    if name == "space":
        return in_order([of_floor(floor) for floor in topology.floors.values()])
    wanted = _wanted("space", payload.get("space"))
    floors = [f for f in topology.floors.values() if not wanted or f.id in wanted]
    if name == "room":
        return in_order(_rooms(floors))
    if name == "tag":
        return [(tag, tag) for tag in tags(floors)]
    if name == "type":
        return in_order(of_types(floors))
    raise BadParameter("name", unknown_value(name, OPTIONS))


def variable_choices(payload: Object, topology: Topology) -> list[tuple[str, str]]:
    """The texts and values of a variable, at most `MOST_CHOICES`. `search`: only choices whose texts contain
    each of its words.
    """
    words = _search_words(payload.get("search"))
    found = (one for one in _choices(payload, topology) if _has(words, one[0]))
    return list(islice(found, MOST_CHOICES))


def _search_words(raw: object) -> list[str]:
    """As Grafana fills in `$__searchFilter`: what is typed with a star at its end; left as it is, or a star
    alone, where nothing is typed.
    """
    if raw is None or raw in NO_SEARCH:
        return []
    if not isinstance(raw, str):
        raise BadParameter("search", "is not a text; use words of a name")
    return raw.rstrip("*").casefold().split()


def _has(words: Sequence[str], text: str) -> bool:
    return all(word in text.casefold() for word in words)


def _choices(payload: Object, topology: Topology) -> list[tuple[str, str]]:
    for name in payload:
        # Query parameters that limit no list are ignored, as a target ignores those that it does not use.
        if name not in (*VARIABLE_KEYS, *PARAMETERS) and not name.startswith("_"):
            raise BadParameter(
                name[:60],
                unknown_value(name, VARIABLE_KEYS).replace("is unknown", "is not a parameter of a variable"),
            )
    target = "".join(texts_of("target", payload.get("target"))[:1])
    if target not in VARIABLES:
        raise BadParameter("target", unknown_value(target, VARIABLES))
    buildings, spaces = (_wanted(name, payload.get(name)) for name in ("building", "space"))
    for building in buildings:
        known = [b.id for b in topology.buildings]
        if building not in known:
            raise BadParameter("building", unknown_value(building, known))
    for space in spaces:
        if space not in topology.floors:
            # The same words for a floor that does not exist and one that is not for this caller.
            raise UnknownSpace(f"space: {unknown_value(space, topology.floors)}")
    floors = [
        f
        for f in topology.floors.values()
        if (not buildings or f.building.id in buildings) and (not spaces or f.id in spaces)
    ]
    match target:
        case "buildings":
            return in_order([of_building(floor.building) for floor in floors])
        case "floors":
            return in_order([of_floor(floor) for floor in floors])
        case "rooms":
            return in_order(_rooms(floors))
        case "types":
            return in_order(of_types(floors))
        case _:
            alone = len(floors) == 1
            return in_order([of_asset(zone, f, alone=alone) for f in floors for zone in f.zones])


def filter_values(key: str, topology: Topology) -> list[str]:
    """The possible values of a filter. A room's name means all rooms with this name."""
    floors = list(topology.floors.values())
    if key == "room":
        return sorted({room.name for floor in floors for room in queryable_rooms(floor)})[:MOST_CHOICES]
    if key == "tag":
        return tags(floors)
    if key == "type":
        return sorted({own for floor in floors for own in types_of(floor)})
    raise BadParameter("key", unknown_value(key, FILTER_KEYS))


def tags(floors: Iterable[Floor]) -> list[str]:
    return sorted({tag for floor in floors for room in floor.rooms for tag in room.tags})


def _rooms(floors: Sequence[Floor]) -> list[Choice]:
    alone = len(floors) == 1
    return [of_asset(room, floor, alone=alone) for floor in floors for room in queryable_rooms(floor)]


def _wanted(name: str, raw: object) -> set[str]:
    """Ids; none: no limit."""
    return {text for text in texts_of(name, raw) if text not in UNLIMITED_VALUES}
