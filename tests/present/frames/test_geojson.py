"""Plans as GeoJSON, with numbers worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from butlr_grafana.model.floor import Zone
from butlr_grafana.present.frames.geojson import plan
from tests.present.floors import box, floor, room

pytestmark = pytest.mark.fast

M = 111.31949
"""Metres in a thousandth of a degree."""


def features(*rooms: Any, **more: Any) -> list[dict[str, Any]]:
    collection = plan(floor(*rooms, **more))
    assert collection["type"] == "FeatureCollection"
    json.dumps(collection, allow_nan=False)
    return list(collection["features"])


def test_metres_become_degrees_around_0_0() -> None:
    [only] = features(room("A", box(-M, 0, 2 * M, M)))
    assert only["type"] == "Feature"
    assert only["geometry"] == {
        "type": "Polygon",
        "coordinates": [[[-0.001, 0], [0.002, 0], [0.002, 0.001], [-0.001, 0.001], [-0.001, 0]]],
    }


def test_one_metre() -> None:
    [only] = features(room("A", box(0, 0, 1, 1)))
    # 1 / 111319.49 = 0.00000898315...
    assert only["geometry"]["coordinates"][0][2] == [0.0000089832, 0.0000089832]


def test_floor_rooms_and_zones_with_what_is_known_of_them() -> None:
    zone = Zone("z1", "Desks", "floor", polygon=box(1, 1, 3, 2))
    lab = room("Lab", box(0, 0, 5, 4), capacity=6, area_m2=19.5, online=False)
    outline, inner, spot = features(lab, zones=(zone,), outline=box(0, 0, 9, 9), area_m2=81.0, capacity=40)
    assert outline["properties"] == {
        "id": "floor",
        "name": "Floor 1",
        "level": "floor",
        "capacity": 40,
        "area_m2": 81.0,
        "online": None,
    }
    assert inner["properties"] == {
        "id": "room_lab",
        "name": "Lab",
        "level": "room",
        "capacity": 6,
        "area_m2": 19.5,
        "online": False,
    }
    assert spot["properties"] == {
        "id": "z1",
        "name": "Desks",
        "level": "zone",
        "capacity": None,
        "area_m2": 2.0,
        "online": None,
    }


def test_rings_are_closed_and_anticlockwise_whichever_way_butlr_draws() -> None:
    clockwise = box(0, 0, M, M)[::-1]
    closed = (*box(0, 0, M, M), (0.0, 0.0))
    rings = [features(room("A", p))[0]["geometry"]["coordinates"][0] for p in (clockwise, closed)]
    for ring in rings:
        assert ring[0] == ring[-1]
        assert len(ring) == 5
        turns = sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring))
        assert turns > 0


def test_what_has_no_polygon_is_left_out() -> None:
    assert features() == []
    assert features(room("A", None), room("B", ((0, 0), (1, 1))), zones=(Zone("z", "Z", "floor"),)) == []


def test_rooms_that_are_not_told_of_have_a_name_and_an_outline_and_no_figure() -> None:
    booth = room("Booth", box(0, 0, 1, 1), capacity=1, area_m2=1.0, online=True)
    call = Zone("z1", "Call", "floor", "room_booth", box(0, 0, 0.5, 0.5))
    together = replace(room("Small ones", None, capacity=3), members=(booth,))
    calls = Zone("z", "Calls", "floor", members=(call,))
    found = features(together, zones=(calls,))
    assert [f["id"] for f in found] == ["room_booth", "z1"]
    assert [f["properties"]["name"] for f in found] == ["Booth", "Call"]
    assert {f["properties"][figure] for f in found for figure in ("capacity", "area_m2", "online")} == {None}
