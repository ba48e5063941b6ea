"""A Butlr whose sensors give more than a detection a person and minute, and see people in corridors too."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import orjson
import shapely

from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.support import (
    DETECTIONS,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    PER_PERSON,
    REPORTING,
    World,
    replace_endpoint,
)

RATES = {PARIS: 60, PARIS_2: 110, NEW_YORK: 180}
"""Detections a person and minute."""

CORRIDOR = 3.0
"""Heat outside rooms, in parts of all that is inside."""


def with_rates(world: World, rates: Mapping[str, int] = RATES, *, corridor: float = CORRIDOR) -> None:
    """Each floor's map has so many times the detections, and as many more in one cell outside all rooms."""

    def louder(result: Endpoint, request: Request) -> Result:
        response = result(request)
        if response.status != 200:
            return response
        document = orjson.loads(response.body)
        body = document["data"][0]["heatmap_v2"]
        space = request.json()["filter"]["space_id"]
        cells = [[x, y, value // PER_PERSON * rates[space]] for x, y, value in body["array_cells"]]
        total = sum(value for _, _, value in cells)
        if total and corridor:
            place = in_corridor(space, body["metadata"]["resolution"])
            cells = [[x, y, value] for x, y, value in cells if (x, y) != place]
            cells.append([*place, round(corridor * total)])
        body["array_cells"] = cells
        body["metadata"]["max_value"] = max((value for _, _, value in cells), default=0)
        body["metadata"]["total_detections"] = sum(value for _, _, value in cells)
        return Result.json(document)

    replace_endpoint(world, DETECTIONS, louder)


def in_corridor(space: str, resolution_m: float) -> tuple[float, float]:
    """The centre of the first cell of the floor that no room touches."""
    floor = PEOPLE.office.by_id[space]
    rooms = shapely.union_all([shapely.Polygon(room.polygon) for room in floor.rooms if room.polygon])
    (x0, y0), (_, _, max_x, max_y), half = floor.grid_origin_m, floor.extent, resolution_m / 2
    for i in range(int((max_x - x0) / resolution_m)):
        for j in range(int((max_y - y0) / resolution_m)):
            x, y = x0 + (i + 0.5) * resolution_m, y0 + (j + 0.5) * resolution_m
            if not rooms.intersects(shapely.box(x - half, y - half, x + half, y + half)):
                return round(x, 6), round(y, 6)
    raise AssertionError(f"rooms cover all of {space}")


def doors_only(world: World, spaces: Collection[str]) -> None:
    """No presence sensor counts anybody on these floors."""
    silent = {room.id for space in spaces for room in PEOPLE.office.by_id[space].rooms} | set(spaces)

    def counted(result: Endpoint, request: Request) -> Result:
        response = result(request)
        requested = request.json()
        if "room_occupancy" not in str(requested) or response.status != 200:
            return response
        document = orjson.loads(response.body)
        rows = document["data"]
        document["data"] = [row for row in rows if not silent & set(map(str, row.values()))]
        return Result.json(document)

    replace_endpoint(world, REPORTING, counted)
