"""A topology in which things are listed twice: at each seed others, the same ones at every run."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

import orjson

from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint

Thing = dict[str, Any]
KINDS = ("sites", "buildings", "floors", "rooms", "zones", "sensors", "hives")
"""The lists of Butlr's topology in which a thing has an id."""


def lists_of(data: object, kind: str) -> Iterator[list[Thing]]:
    """Every list of a kind, however deep; `{"data": [...]}` around one is passed through."""
    if isinstance(data, list):
        for item in data:
            yield from lists_of(item, kind)
    elif isinstance(data, dict):
        own = data.get(kind)
        own = own.get("data") if isinstance(own, dict) else own
        if isinstance(own, list) and own:
            yield own
        for item in data.values():
            yield from lists_of(item, kind)


def changed(thing: Thing, chance: random.Random) -> Thing:
    """The same id with other content: what Butlr says of it differs, as after an edit half seen."""
    other = copy.deepcopy(thing)
    for name in other:
        if name in ("name", "timezone", "roomType") and chance.random() < 0.7:
            other[name] = {"timezone": "Asia/Kolkata"}.get(name, f"{other[name]} 2")
        elif name == "capacity" and other[name]:
            other[name] = {"max": 99, "mid": 0}
        elif name == "coordinates":
            other[name] = moved(other[name])
        elif name in ("is_online", "is_entrance"):
            other[name] = not other[name]
        elif name in ("rooms", "zones", "floors", "buildings") and isinstance(other[name], list):
            other[name] = other[name][: 1 + chance.randrange(max(len(other[name]), 1))]
    return other


def moved(place: Any) -> Any:
    """A point, or a list of them, 3 m away."""
    if isinstance(place, list):
        return [moved(item) for item in place]
    return place + 3 if isinstance(place, int | float) else place


WAYS = ("again", "changed", "elsewhere", "changed elsewhere", "namesake")
"""How a thing is listed twice: beside itself or in another list of its kind, with the same content or other;
`namesake`: another id with the same name.
"""


def tangle(data: Thing, seed: int) -> list[str]:
    """Lists one thing of each kind twice, and says how; by seed in another way, at another place."""
    chance = random.Random(seed)
    done = []
    for place, kind in enumerate(KINDS):
        way = WAYS[(seed + place) % len(WAYS)]
        lists = list(lists_of(data, kind))
        if not lists:
            continue
        own = chance.choice(lists)
        thing = chance.choice(own)
        others = [one for one in lists if one is not own] or lists
        twin = changed(thing, chance) if way.startswith("changed") else copy.deepcopy(thing)
        if way == "namesake":
            twin["id"] = f"{twin['id']}-2"
        target = chance.choice(others) if way.endswith("elsewhere") else own
        target.insert(chance.randrange(len(target) + 1), twin)
        done.append(f"{kind} {thing['id']} {way}")
    return done


def tangling(seed: int) -> Any:
    """An endpoint's GraphQL answers, tangled; the same question gets the same answer each time."""

    def respond(real: Endpoint, request: Request) -> Result:
        document = orjson.loads(real(request).body)
        if isinstance(document.get("data"), dict):
            tangle(document["data"], seed)
        return Result.json(document)

    return respond
