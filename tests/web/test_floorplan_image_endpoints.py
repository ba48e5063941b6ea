"""Butlr's own picture of a plan, through the doors: in its place on every floor, and never in the way."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from shapely import Polygon, contains_xy, union_all

from butlr_grafana.model.floor import Bounds
from butlr_grafana.present.images.theme import THEMES
from butlr_grafana.service import service
from butlr_grafana.simulator.plans import PIXELS_PER_M, draw
from tests.held import held
from tests.present.floors import DrawnMap, has
from tests.support import HANG_S, NEW_YORK, PARIS, PARIS_2, PEOPLE, World

PERIOD = {"from": "2026-06-09T00:00:00Z", "to": "2026-06-10T00:00:00Z"}
PICTURE = f"/plans/{PARIS}.png"
ELSEWHERE = ("plans.example.com",)


def png(world: World, target: str = "floorplan", space: str = PARIS, **params: str) -> bytes:
    period = {} if target == "floorplan" else PERIOD
    query = {"space": space, "format": "png", "width": "500", **period, **params}
    response = world.http.get(f"/api/v1/{target}", query_string=query)
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_data()


@pytest.fixture
def without(make_world: Callable[..., World]) -> World:
    """A world whose pictures come from nowhere."""
    return make_world(butlr_plan_hosts=ELSEWHERE)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("space", [PARIS, PARIS_2, NEW_YORK])
def test_furniture_stands_where_the_architect_drew_it(world: World, space: str, theme: str) -> None:
    """Looked at in the rooms, away from walls; a label may lie over a few of the points."""
    floor = PEOPLE.office.by_id[space]
    left, low, right, top = floor.extent
    with Image.open(io.BytesIO(draw(floor))) as image:
        sheet = np.asarray(image.rotate(floor.plan_rotation_deg, expand=True))
    picture = png(world, space=space, theme=theme, width="1600")
    map_ = DrawnMap.of(picture, Bounds(left, low, right, top), THEMES[theme])
    inner = union_all([Polygon(room.footprint).buffer(-0.5) for room in floor.rooms if room.mapped])

    plain = Image.fromarray(has(map_.pixels, THEMES[theme].floor))
    drawn = ~np.asarray(plain.convert("L").filter(ImageFilter.MinFilter(3)), bool)

    def share_drawn(points: NDArray[np.bool_]) -> float:
        """Of points of the sheet within rooms: where the picture, or a pixel beside, is not plain floor."""
        found = np.flatnonzero(points)
        chosen = np.random.default_rng(1).choice(found, min(4000, len(found)), replace=False)
        places = np.stack(np.unravel_index(chosen, points.shape), axis=1)
        x, y = left + (places[:, 1] + 0.5) / PIXELS_PER_M, top - (places[:, 0] + 0.5) / PIXELS_PER_M
        inside = contains_xy(inner, x, y)
        assert inside.sum() > 200
        pixels = [map_.px(a, b) for a, b in zip(x[inside].tolist(), y[inside].tolist(), strict=True)]
        return float(np.mean([drawn[row, column] for row, column in pixels]))

    assert share_drawn(sheet < 120) > 0.98
    nothing_near = np.asarray(Image.fromarray(sheet).filter(ImageFilter.MinFilter(15))) == 255
    assert share_drawn(nothing_near) < 0.1


@pytest.mark.parametrize("target", ["heatmap", "compare", "floorplan"])
def test_a_picture_that_cannot_be_had_leaves_the_plan_as_it_was(
    world: World, without: World, target: str
) -> None:
    world.simulator.faults.set(status=500, paths=(PICTURE,))
    assert png(world, target) == png(without, target)
    world.simulator.faults.clear()
    # It is left alone for some minutes, and then there by itself.
    assert png(world, target) == png(without, target)
    world.now_s += 300
    assert png(world, target) != png(without, target)


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"", b"GIF89a"])
def test_what_is_no_picture_is_not_drawn(world: World, without: World, body: bytes) -> None:
    world.simulator.faults.set(body=body, paths=(PICTURE,))
    assert png(world) == png(without)


def test_a_slow_picture_is_not_waited_for_and_there_at_the_next_look(
    world: World, without: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "DRAWING_S", 0.0)
    world.simulator.faults.set(paths=(PICTURE,))  # these calls are counted
    with held(world.simulator, PICTURE):
        assert png(world) == png(without)
    monkeypatch.setattr(service, "DRAWING_S", float(HANG_S))
    assert png(world) != png(without)
    assert world.simulator.count(PICTURE) == 1


def test_a_restart_while_butlr_is_gone_has_the_picture_still(
    make_world: Callable[..., World], tmp_path: Path
) -> None:
    world = make_world(cache_dir=str(tmp_path))
    known = png(world)
    world.restart()
    world.simulator.faults.set(status=500, paths=(PICTURE,))
    world.now_s += 2 * 86_400
    assert png(world) == known
    world.simulator.stop()
    world.restart()
    assert png(world) == known


def test_all_pictures_of_a_floor_share_one_call(world: World) -> None:
    world.simulator.faults.set(paths=(PICTURE,))  # these calls are counted
    for target in ("heatmap", "compare", "floorplan", "heatmap"):
        png(world, target)
        png(world, target, theme="dark")
    assert world.simulator.count(PICTURE) == 1


def test_answers_without_a_picture_ask_for_none(world: World) -> None:
    world.simulator.faults.set(paths=(PICTURE,))  # these calls are counted
    for form in ("frames", "csv"):
        world.http.get("/api/v1/heatmap", query_string={"space": PARIS, "format": form, **PERIOD})
    assert world.simulator.count(PICTURE) == 0


def test_no_answer_holds_the_pictures_address(world: World) -> None:
    query = {"space": PARIS, **PERIOD}
    for target in ("heatmap", "spaces", "floorplan", "heatmap-summary"):
        own = {} if target in ("spaces", "floorplan") else query
        response = world.http.get(f"/api/v1/{target}", query_string={"space": PARIS, **own})
        assert response.status_code == 200
        assert "/plans/" not in response.get_data(as_text=True)
