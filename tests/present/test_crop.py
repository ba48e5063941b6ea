"""A map that is limited to rooms: what it covers, and that it is no other shape of them."""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.model.floor import Bounds
from butlr_grafana.present.crop import same_scale
from butlr_grafana.present.images.heatmap_image import plan_of
from butlr_grafana.present.images.theme import ImageOptions
from tests.support import NEW_YORK, PARIS, PEOPLE, World

PERIOD = ("2026-06-16T00:00:00Z", "2026-06-17T00:00:00Z")


def edges(frame: dict[str, Any], metres: float) -> Bounds:
    x, y = (frame["fields"][k]["values"] for k in (0, 1))
    half = metres / 2
    return Bounds(min(x) - half, min(y) - half, max(x) + half, max(y) + half)


def shape(box: Bounds) -> float:
    return (box.max_x - box.min_x) / (box.max_y - box.min_y)


@pytest.mark.parametrize(
    ("space", "names"),
    [(PARIS, ["Kitchen"]), (PARIS, ["Kitchen", "Lounge"]), (PARIS, ["Phone booth 1"]), (NEW_YORK, ["Loft"])],
)
def test_a_map_of_rooms_is_cropped_to_them_and_keeps_the_floors_shape(
    world: World, space: str, names: list[str]
) -> None:
    rooms = [room for room in PEOPLE.office.by_id[space].rooms if room.name in names]
    params = {"room": ",".join(room.id for room in rooms), "resolution": "0.5"}
    whole, found = (
        edges(world.heat_map(space, *PERIOD, **limit, resolution="0.5"), 0.5)
        for limit in ({}, {"room": params["room"]})
    )
    points = [point for room in rooms for point in room.polygon or ()]
    # Their walls are within.
    for k, (low, high) in enumerate(((found.min_x, found.max_x), (found.min_y, found.max_y))):
        assert low < min(point[k] for point in points)
        assert high > max(point[k] for point in points)
    # As a panel stretches both axes alike, cells stay as square as those of the floor.
    assert shape(found) == pytest.approx(shape(whole), rel=0.15)
    assert (found.max_x - found.min_x) <= (whole.max_x - whole.min_x) + 4


def test_a_picture_of_rooms_is_cropped_with_their_walls_on_one_scale(world: World) -> None:
    floor = world.application.service.topology(None, deadline=world.application.service.deadline()).floors[
        PARIS
    ]
    [kitchen] = [room for room in floor.rooms if room.name == "Kitchen"]
    layout = plan_of(floor, [], ImageOptions(width=1200), chosen=frozenset([kitchen.id])).layout
    xs, ys = zip(*(kitchen.polygon or ()), strict=True)
    assert layout.bounds == Bounds(min(xs) - 1, min(ys) - 1, max(xs) + 1, max(ys) + 1)
    (left, top), (right, bottom) = layout.at(min(xs), max(ys)), layout.at(max(xs), min(ys))
    assert (right - left) / (max(xs) - min(xs)) == pytest.approx((bottom - top) / (max(ys) - min(ys)))
    assert 0 < left < right < layout.size[0]
    assert 0 < top < bottom < layout.size[1]


def test_a_box_grows_into_the_floor_and_beyond_it_only_where_it_has_to() -> None:
    floor = Bounds(0, 0, 40, 20)
    assert same_scale(Bounds(0, 0, 4, 4), floor) == Bounds(0, 0, 8, 4)
    assert same_scale(Bounds(36, 16, 40, 20), floor) == Bounds(32, 16, 40, 20)
    beyond = same_scale(Bounds(-1, -1, 41, 3), floor)
    assert (beyond.min_x, beyond.max_x) == (-1, 41)
    assert beyond.max_y - beyond.min_y == pytest.approx(21)
