"""The pictures of the plans, looked at in metres."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from shapely import LineString, Point, Polygon

from butlr_grafana.simulator import default_office
from butlr_grafana.simulator.plans import PIXELS_PER_M, draw
from butlr_grafana.simulator.world import Floor

FLOORS = tuple(default_office().floors)
Dark = NDArray[np.bool_]
each_floor = pytest.mark.parametrize("floor", FLOORS, ids=lambda floor: floor.id)


def sheet(floor: Floor) -> Dark:
    """Where the picture, turned to lie right, is dark: [rows from the top, columns]."""
    with Image.open(io.BytesIO(draw(floor))) as image:
        assert image.mode == "L"
        turned = image.rotate(floor.plan_rotation_deg, expand=True)
    return np.asarray(turned) < 200


def dark_at(floor: Floor) -> Callable[[float, float], bool]:
    """Whether there is something within a decimetre of a point."""
    dark, (left, _, _, top) = sheet(floor), floor.extent
    reach = PIXELS_PER_M // 10

    def at(x_m: float, y_m: float) -> bool:
        row, column = int((top - y_m) * PIXELS_PER_M), int((x_m - left) * PIXELS_PER_M)
        return bool(
            dark[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1].any()
        )

    return at


@each_floor
def test_a_picture_is_the_floors_extent_and_paper_beyond_its_outline(floor: Floor) -> None:
    dark, (left, low, right, top) = sheet(floor), floor.extent
    assert dark.shape == (round((top - low) * PIXELS_PER_M), round((right - left) * PIXELS_PER_M))
    outline = Polygon(floor.outline)
    step = 0.5
    beyond = [
        (x, y)
        for x in np.arange(left + step / 2, right, step)
        for y in np.arange(low + step / 2, top, step)
        if outline.distance(Point(x, y)) > 0.3
    ]
    at = dark_at(floor)
    assert len(beyond) > 20
    assert not any(at(x, y) for x, y in beyond)


@each_floor
def test_the_outer_wall_goes_round_but_for_the_entrance(floor: Floor) -> None:
    wall = Polygon(floor.outline).buffer(-0.16, join_style="mitre").exterior
    points = [wall.interpolate(d) for d in np.arange(0, wall.length, 0.2)]
    at, door = dark_at(floor), Point(floor.entrance)
    missing = [p for p in points if not at(p.x, p.y)]
    assert missing, "one can come in"
    assert all(p.distance(door) < 1.8 for p in missing)


@each_floor
def test_every_room_is_walled_has_a_way_in_and_is_furnished(floor: Floor) -> None:
    at = dark_at(floor)
    furnished = 0
    for room in floor.rooms:
        shape = Polygon(room.footprint)
        side = LineString(shape.exterior)
        around = [side.interpolate(d) for d in np.arange(0, side.length, 0.1)]
        # Its outer walls are thicker, inwards.
        walled = [at(p.x, p.y) for p in around]
        assert sum(walled) > 0.3 * len(walled), room.name
        assert not all(walled), room.name
        xs, ys = zip(*shape.buffer(-0.5).envelope.exterior.coords, strict=True)
        inside = [(x, y) for x in np.arange(min(xs), max(xs), 0.1) for y in np.arange(min(ys), max(ys), 0.1)]
        furnished += any(at(x, y) for x, y in inside if shape.buffer(-0.5).covers(Point(x, y)))
    assert furnished > 0.8 * len(floor.rooms)


def test_only_one_plan_lies_on_its_side_and_turned_back_it_is_right() -> None:
    turned = [floor.id for floor in FLOORS if floor.plan_rotation_deg]
    assert turned == ["space_paris_2"]
    # Its upper right corner is cut off; as uploaded, that is the lower right one.
    with Image.open(io.BytesIO(draw(default_office().by_id["space_paris_2"]))) as image:
        assert image.getpixel((image.width - 20, image.height - 20)) == 255
        assert image.getpixel((0, 0)) != 255
