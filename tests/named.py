"""A world whose Butlr tells of rooms by any names, beside those of the simulator's office."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.support import GRAPHQL, World, replace_endpoint

Rooms = list[dict[str, Any]]


def room(number: int, name: str, *tags: str, space: str = "") -> dict[str, Any]:
    """A room as Butlr's topology tells of it, 1 m wide, somewhere on the floor."""
    left = 0.1 * (number % 300)
    corners = [[left, 0], [left + 1, 0], [left + 1, 1], [left, 1]]
    return {
        "id": f"room_odd_{space}{number}",
        "name": name,
        "floor_id": space,
        "roomType": None,
        "coordinates": corners,
        "capacity": None,
        "area": None,
        "tags": [{"id": f"tag_{tag.encode().hex()}", "name": tag} for tag in tags],
    }


def tell(world: World, change: Callable[[dict[str, Any]], None]) -> None:
    """Butlr's topology with each floor as `change` makes it; to be said before anything is asked."""

    def changed(response: Endpoint, request: Request) -> Result:
        found = response(request)
        document = orjson.loads(found.body)
        for site in (document["data"].get("sites") or {}).get("data", []):
            for building in site["buildings"]:
                for floor in building["floors"]:
                    change(floor)
        return replace(found, body=orjson.dumps(document))

    replace_endpoint(world, GRAPHQL, changed)


def escaped(text: str) -> str:
    """As Grafana writes a variable's value into a regular expression."""
    return re.sub(r"[\\^$*+?.()|\[\]{}/]", lambda sign: "\\" + sign[0], text)
