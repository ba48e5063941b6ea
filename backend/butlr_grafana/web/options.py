"""The choices that the JSON data source offers: floors, rooms and tags for queries, variables and filters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from butlr_grafana.base.errors import BadParameter, UnknownSpace, choose
from butlr_grafana.model.choices import Choice, in_order, of_asset, of_building, of_floor, of_types
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.privacy import askable
from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.query.room_names import types_of
from butlr_grafana.query.texts import ALL, texts_of
from butlr_grafana.targets.base import Target

FILTER_KEYS = ("room", "tag", "type")
VARIABLES = ("buildings", "floors", "rooms", "types", "zones")
VARIABLE_KEYS = ("target", "building", "space", "search")
OPTIONS = ("space", "room", "tag", "type")
MOST_CHOICES = 5_000
"""Of a variable or filter: the rooms of some 200 floors. With more, `search` or `space` finds the others."""

NO_SEARCH = ("$__searchFilter", "${__searchFilter}")

Object = dict[str, Any]


def form(target: Target[Any]) -> list[Object]:
    """The query editor's form: the plugin asks `/metric-payload-options` for a select without options."""
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
    """Texts and values for a field of the form; of rooms and tags those of the floors chosen in it.

    A floor that there is not (any more) is passed over, so that another can be chosen.
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
    raise BadParameter("name", choose(name, OPTIONS))


def variable_choices(payload: Object, topology: Topology) -> list[tuple[str, str]]:
    """A variable's texts and values: at most `MOST_CHOICES`. `search`: only those whose texts have each of
    its words.
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
        raise BadParameter("search", "is not a text; it may be words of a name")
    return raw.rstrip("*").casefold().split()


def _has(words: Sequence[str], text: str) -> bool:
    return all(word in text.casefold() for word in words)


def _choices(payload: Object, topology: Topology) -> list[tuple[str, str]]:
    for name in payload:
        # Query parameters that limit no list are ignored, as a target ignores those that it does not use.
        if name not in (*VARIABLE_KEYS, *PARAMETERS) and not name.startswith("_"):
            raise BadParameter(
                name[:60],
                choose(name, VARIABLE_KEYS).replace("is not known", "is no parameter of a variable"),
            )
    target = "".join(texts_of("target", payload.get("target"))[:1])
    if target not in VARIABLES:
        raise BadParameter("target", choose(target, VARIABLES))
    buildings, spaces = (_wanted(name, payload.get(name)) for name in ("building", "space"))
    for building in buildings:
        known = [b.id for b in topology.buildings]
        if building not in known:
            raise BadParameter("building", choose(building, known))
    for space in spaces:
        if space not in topology.floors:
            # The same words for a floor that does not exist and one that is not for this caller.
            raise UnknownSpace(f"space: {choose(space, topology.floors)}")
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
    """What a filter may be set to; a room's name stands for all rooms that have it."""
    floors = list(topology.floors.values())
    if key == "room":
        return sorted({room.name for floor in floors for room in askable(floor)})[:MOST_CHOICES]
    if key == "tag":
        return tags(floors)
    if key == "type":
        return sorted({own for floor in floors for own in types_of(floor)})
    raise BadParameter("key", choose(key, FILTER_KEYS))


def tags(floors: Iterable[Floor]) -> list[str]:
    return sorted({tag for floor in floors for room in floor.rooms for tag in room.tags})


def _rooms(floors: Sequence[Floor]) -> list[Choice]:
    alone = len(floors) == 1
    return [of_asset(room, floor, alone=alone) for floor in floors for room in askable(floor)]


def _wanted(name: str, raw: object) -> set[str]:
    """Ids; none: no limit."""
    return {text for text in texts_of(name, raw) if text not in ALL}
