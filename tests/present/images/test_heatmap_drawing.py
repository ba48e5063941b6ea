"""A plan's own picture under the cells: where its ink comes to lie, how strongly, and what lies over it."""

from __future__ import annotations

import io
from math import cos, radians, sin
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from butlr_grafana.model.floor import Bounds, Floor, FloorPlanPicture, PlanDrawing, Polygon
from butlr_grafana.present.images.film import webp
from butlr_grafana.present.images.floorplan_geometry import fit
from butlr_grafana.present.images.floorplan_image import LEVELS, mask
from butlr_grafana.present.images.heatmap_image import ImageOptions, difference_png, plan_png, png
from butlr_grafana.present.images.theme import LIGHT, THEMES, Rgb, Theme
from tests.present.floors import DrawnMap, box, decoded, floor, has, heat_map, room

PLAIN = ImageOptions(labels=False)
WALLS = Bounds(0, 0, 8, 5)
HALL = floor(room("Hall", box(0, 0, 8, 5)))
SPOT = (2.5, 3.5, 4.0, 4.5)
"""A rectangle in the hall in metres, off every middle: left, low, right, high."""
PX_PER_M = 20


def drawn(
    spot: tuple[float, float, float, float] = SPOT,
    over: tuple[float, float, float, float] = (0, 0, 8, 5),
    rotation: float = 0.0,
    polygon: Polygon | None = None,
    dark: int = 255,
) -> PlanDrawing:
    """A picture with one spot, as an uploader would have it who turned it by `rotation` the other way.

    In the picture's own axes its lower left corner is that of `over`, turned back.
    """
    plan = FloorPlanPicture("https://x/", polygon or box(*over), rotation)
    t = radians(rotation)
    right, up = (cos(t), sin(t)), (-sin(t), cos(t))
    u, v = ([x * a + y * b for x, y in plan.polygon] for a, b in (right, up))
    columns = np.arange(min(u) + 0.5 / PX_PER_M, max(u), 1 / PX_PER_M)
    rows = np.arange(max(v) - 0.5 / PX_PER_M, min(v), -1 / PX_PER_M)
    along, upwards = np.meshgrid(columns, rows)
    x, y = along * right[0] + upwards * up[0], along * right[1] + upwards * up[1]
    inside = (x > spot[0]) & (x < spot[2]) & (y > spot[1]) & (y < spot[3])
    return PlanDrawing(plan, np.where(inside, dark, 0).astype(np.uint8))


def drawn_map(
    drawing: PlanDrawing | None, of: Floor = HALL, walls: Bounds = WALLS, **options: Any
) -> DrawnMap:
    chosen = ImageOptions(**{"labels": False, **options})
    return DrawnMap.of(plan_png(of, options=chosen, drawing=drawing), walls, chosen.colours)


def lightness(colour: Rgb) -> float:
    return float(np.dot(colour, (0.299, 0.587, 0.114)))


def dark_pixels(theme: Theme) -> Rgb:
    """The room's colour under the darkest ink."""
    mixed = [round(f + (i - f) * theme.drawing) for f, i in zip(theme.floor, theme.foreground, strict=True)]
    return mixed[0], mixed[1], mixed[2]


def near(one: Rgb, other: Rgb) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 2


def is_only_in_the_spot(map_: DrawnMap, theme: Theme, spot: tuple[float, float, float, float] = SPOT) -> bool:
    """Every tenth of a metre of the hall, but for its walls and the spot's edges."""
    left, low, right, high = spot
    for x in np.arange(0.25, 7.8, 0.1):
        for y in np.arange(0.25, 4.8, 0.1):
            if min(abs(x - left), abs(x - right), abs(y - low), abs(y - high)) < 0.12:
                continue
            expected = dark_pixels(theme) if left < x < right and low < y < high else theme.floor
            if not near(map_.at(float(x), float(y)), expected):
                return False
    return True


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270, -90, 360, 30, 200.5])
def test_a_picture_lies_where_it_belongs_however_it_was_turned(rotation: float, theme: str) -> None:
    assert is_only_in_the_spot(drawn_map(drawn(rotation=rotation), theme=theme), THEMES[theme])


@pytest.mark.parametrize(
    "over", [(-3, -2, 9, 8), (1, 2, 6, 5), (2.5, 3.5, 4.0, 4.5), (0, 0, 8, 5), (-40, -40, 60, 50)]
)
def test_a_picture_may_cover_more_or_less_than_the_floor(over: tuple[float, ...]) -> None:
    a, b, c, d = over
    assert is_only_in_the_spot(drawn_map(drawn(over=(a, b, c, d))), LIGHT)


def test_coordinates_may_lie_askew_as_the_picture_does() -> None:
    turned, centre = radians(25), (4.0, 2.5)
    corners = [(-6.0, -5.0), (6.0, -5.0), (6.0, 5.0), (-6.0, 5.0)]
    polygon = tuple(
        (centre[0] + cos(turned) * x - sin(turned) * y, centre[1] + sin(turned) * x + cos(turned) * y)
        for x, y in corners
    )
    assert is_only_in_the_spot(drawn_map(drawn(rotation=25, polygon=polygon)), LIGHT)


@pytest.mark.parametrize("offset", [(-20.0, -3.0), (300.0, 45.0)])
def test_a_floor_need_not_lie_at_zero(offset: tuple[float, float]) -> None:
    dx, dy = offset
    hall = floor(room("Hall", box(dx, dy, 8 + dx, 5 + dy)))
    spot = (SPOT[0] + dx, SPOT[1] + dy, SPOT[2] + dx, SPOT[3] + dy)
    map_ = drawn_map(drawn(spot, (dx, dy, 8 + dx, 5 + dy)), hall, Bounds(dx, dy, 8 + dx, 5 + dy))
    assert near(map_.at(3 + dx, 4 + dy), dark_pixels(LIGHT))
    assert near(map_.at(3 + dx, 1 + dy), LIGHT.floor)
    assert near(map_.at(5 + dx, 4 + dy), LIGHT.floor)


def test_a_picture_of_another_shape_is_stretched_to_its_place() -> None:
    tall = PlanDrawing(FloorPlanPicture("https://x/", box(0, 0, 8, 5)), np.zeros((500, 100), np.uint8))
    tall.line_art[50:150, 25:50] = 255  # from a tenth to three tenths down, from a quarter to a half across
    assert is_only_in_the_spot(drawn_map(tall), LIGHT, (2.0, 3.5, 4.0, 4.5))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ink_is_faint_and_stands_off_the_floor_in_both_themes(theme: str) -> None:
    colours = THEMES[theme]
    under, floor_, wall = (lightness(c) for c in (dark_pixels(colours), colours.floor, colours.wall))
    assert 25 < abs(under - floor_) < 0.7 * abs(wall - floor_)
    assert (under < floor_) == (theme == "light")


def test_paler_ink_shows_less() -> None:
    steps = [lightness(drawn_map(drawn(dark=dark)).at(3, 4)) for dark in (0, 64, 128, 192, 255)]
    assert steps == sorted(steps, reverse=True)
    assert len(set(steps)) == 5


def test_thin_lines_of_a_large_picture_are_not_lost() -> None:
    """A line of a third of a centimetre, thinner than a pixel of ours, is seen along all its length."""
    line_art = np.zeros((3000, 4800), np.uint8)
    line_art[:, 1800:1802] = 255  # at three metres
    map_ = drawn_map(PlanDrawing(FloorPlanPicture("https://x/", box(0, 0, 8, 5)), line_art))
    around = map_.inside(2.9, 0.5, 3.1, 4.5).astype(int)
    darker = np.abs(around - LIGHT.floor).max(axis=(1, 2))
    assert len(darker) > 400
    assert (darker > 10).all()


def test_cells_walls_and_labels_lie_over_it() -> None:
    whole = PlanDrawing(FloorPlanPicture("https://x/", box(-1, -1, 9, 6)), np.full((70, 100), 255, np.uint8))
    result = heat_map(HALL, {(3, 2): 9.0})
    map_ = DrawnMap.of(png(result, demo=False, options=PLAIN, drawing=whole), WALLS, LIGHT)
    assert map_.at(3.5, 2.5) == LIGHT.gradient[-1]
    assert map_.at(0, 2.5) == LIGHT.wall
    assert near(map_.at(6.5, 2.5), dark_pixels(LIGHT))
    labelled = decoded(plan_png(HALL, drawing=whole))
    assert (
        has(labelled, LIGHT.foreground).sum()
        > has(decoded(plan_png(HALL, options=PLAIN, drawing=whole)), LIGHT.foreground).sum()
    )


def test_rooms_without_data_stay_hatched() -> None:
    hall = floor(room("Hall", box(0, 0, 8, 5), online=False))
    hatched = has(decoded(plan_png(hall, options=PLAIN)), LIGHT.hatch).sum()
    shown = has(decoded(plan_png(hall, options=PLAIN, drawing=drawn())), LIGHT.hatch).sum()
    assert shown == hatched > 1000


def test_every_kind_of_picture_has_it() -> None:
    result = heat_map(HALL, {(0, 0): 4.0, (7, 4): 9.0})
    axis_x, axis_y = np.arange(0.5, 8), np.arange(0.5, 5)
    change = np.full((8, 5), np.nan)
    change[0, 0], change[7, 4] = 1.0, -1.0

    def difference(drawing: PlanDrawing | None) -> bytes:
        return difference_png(
            axis_x, axis_y, change, floor=HALL, current="now", baseline="then", options=PLAIN, drawing=drawing
        )

    spot = drawn()
    for with_it, without in (
        (png(result, demo=False, options=PLAIN, drawing=spot), png(result, demo=False, options=PLAIN)),
        (difference(spot), difference(None)),
        (plan_png(HALL, options=PLAIN, drawing=spot), plan_png(HALL, options=PLAIN)),
    ):
        assert near(DrawnMap.of(with_it, WALLS, LIGHT).at(3, 4), dark_pixels(LIGHT))
        assert DrawnMap.of(without, WALLS, LIGHT).at(3, 4) == LIGHT.floor
    frames = [heat_map(HALL, {(0, 0): 4.0, (7, 4): n}) for n in (9.0, 3.0)]
    with Image.open(io.BytesIO(webp(frames, drawing=spot))) as film:
        assert film.n_frames == 2  # type: ignore[attr-defined]
        for number in range(2):
            film.seek(number)
            off = np.abs(np.asarray(film.convert("RGB")).astype(int) - dark_pixels(LIGHT)).max(axis=-1)
            assert (off <= 2).sum() > 1000


@pytest.mark.parametrize(
    "polygon",
    [((1.0, 1.0), (1.0, 4.0), (1.0, 2.0)), ((0.0, 2.0), (3.0, 2.0), (5.0, 2.0)), ((2.0, 2.0),) * 3],
)
def test_a_place_without_area_is_drawn_from_polygons(polygon: Polygon) -> None:
    nowhere = PlanDrawing(FloorPlanPicture("https://x/", polygon), np.full((9, 9), 255, np.uint8))
    assert plan_png(HALL, options=PLAIN, drawing=nowhere) == plan_png(HALL, options=PLAIN)


def test_a_place_smaller_than_a_pixel_holds_no_picture() -> None:
    speck = FloorPlanPicture("", ((0.0, 0.0), (0.0, 0.0), (0.0, 9.9e-46)), 1.0)
    drawing = PlanDrawing(speck, np.full((1, 1), 255, np.uint8))
    assert mask(drawing, fit(WALLS, 200, 200, 2), 0.3) is None


def test_a_picture_that_lies_elsewhere_changes_nothing() -> None:
    elsewhere = drawn((500, 500, 501, 501), (499, 499, 502, 502))
    assert plan_png(HALL, options=PLAIN, drawing=elsewhere) == plan_png(HALL, options=PLAIN)


def test_it_does_not_make_the_plan_larger() -> None:
    large = drawn(over=(-40, -40, 60, 50))
    assert decoded(plan_png(HALL, drawing=large)).shape == decoded(plan_png(HALL)).shape


@given(
    st.tuples(st.integers(1, 40), st.integers(1, 40)),
    st.floats(-720, 720),
    st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=3, max_size=6),
)
def test_any_picture_in_any_place_has_few_greys_none_too_strong(
    size: tuple[int, int], rotation: float, polygon: list[tuple[float, float]]
) -> None:
    drawing = PlanDrawing(FloorPlanPicture("", tuple(polygon), rotation), np.full(size, 255, np.uint8))
    layout = fit(WALLS, 200, 200, 2)
    found = mask(drawing, layout, 0.3)
    if found is not None:
        values = np.unique(np.asarray(found))
        assert found.size == layout.size
        assert len(values) <= LEVELS
        assert values.max(initial=0) <= 77
