"""Pictures, looked at: which colour is where, what is drawn when, at any size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ImageFont

from butlr_grafana.model.floor import Bounds, Floor, Zone
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import LocalHours, Period
from butlr_grafana.present.images import heatmap_image
from butlr_grafana.present.images.floorplan_geometry import Raster, fit, ground, pixels, true_outline
from butlr_grafana.present.images.heatmap_image import ImageOptions, difference_png, plan_png, png, span
from butlr_grafana.present.images.lettering import font
from butlr_grafana.present.images.theme import DARK, LIGHT, THEMES, Rgb
from tests.present.floors import MONDAY_8H, DrawnMap, box, decoded, floor, has, heat_map, is_coloured, room

PLAIN = ImageOptions(labels=False)
HALL = floor(room("Hall", box(0, 0, 8, 5)))
WALLS = Bounds(0, 0, 8, 5)
CELLS = {(0, 0): 4.0, (2, 0): 25.0, (7, 4): 100.0, (3, 2): 1.0}
"""Lower left, along the bottom, upper right, inside: no mirror image of themselves."""


def drawn_map(result: HeatMap, walls: Bounds = WALLS, **options: Any) -> DrawnMap:
    chosen = ImageOptions(**{"labels": False, **options})
    return DrawnMap.of(png(result, demo=False, options=chosen), walls, chosen.colours)


def lightness(colour: Rgb) -> float:
    return float(np.dot(colour, (0.299, 0.587, 0.114)))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("offset", [(0, 0), (-20, -3), (300, 45)])
def test_each_cell_has_its_colour_in_its_place(theme: str, offset: tuple[int, int]) -> None:
    """x to the right, y upwards; the fullest cell has the last colour, an empty one the floor's."""
    dx, dy = offset
    hall = floor(room("Hall", box(dx, dy, 8 + dx, 5 + dy)))
    moved = {(x + dx, y + dy): v for (x, y), v in CELLS.items()}
    map_ = drawn_map(heat_map(hall, moved), Bounds(dx, dy, 8 + dx, 5 + dy), theme=theme)
    colours = THEMES[theme]
    assert map_.at(7.5 + dx, 4.5 + dy) == colours.gradient[-1]
    for x in range(8):
        for y in range(5):
            cell = map_.at(x + 0.5 + dx, y + 0.5 + dy)
            assert (cell == colours.floor) == ((x, y) not in CELLS), (x, y)
    ascending = sorted(CELLS, key=lambda c: CELLS[c])
    away = [
        abs(lightness(map_.at(x + 0.5 + dx, y + 0.5 + dy)) - lightness(colours.paper)) for x, y in ascending
    ]
    assert away == sorted(away), "more is further from the paper"
    assert len(set(away)) == len(away)


def test_a_cell_fills_its_square_to_the_edges() -> None:
    map_ = drawn_map(heat_map(HALL, {(3, 2): 9.0}))
    for x, y in ((3.04, 2.04), (3.96, 2.04), (3.04, 2.96), (3.96, 2.96)):
        assert map_.at(x, y) == LIGHT.gradient[-1]
    for x, y in ((2.96, 2.5), (4.04, 2.5), (3.5, 1.96), (3.5, 3.04)):
        assert map_.at(x, y) == LIGHT.floor


def test_beyond_the_grid_the_floor_is_empty() -> None:
    cells = {(x, y): 9.0 for x in range(3, 5) for y in range(1, 3)}
    small = heat_map(HALL, cells, bounds=Bounds(3, 1, 5, 3))
    for smooth in (False, True):
        map_ = drawn_map(small, style="smooth" if smooth else "gradient")
        assert map_.at(3.5, 1.5) == LIGHT.gradient[-1]
        for x, y in ((1.5, 1.5), (6.5, 1.5), (3.5, 0.5), (3.5, 4.5), (7.5, 4.5)):
            assert map_.at(x, y) == LIGHT.floor


def test_the_scale_is_the_square_roots() -> None:
    """A quarter of the most is half-way along the colours."""
    map_ = drawn_map(heat_map(HALL, {(1, 1): 100.0, (5, 3): 25.0}))
    anchors = LIGHT.gradient
    assert len(anchors) % 2 == 1, "so that there is one in the middle"
    np.testing.assert_allclose(map_.at(5.5, 3.5), anchors[len(anchors) // 2], atol=2)


def test_opacity_by_value_is_one_hue_over_the_floor() -> None:
    map_ = drawn_map(heat_map(HALL, CELLS), style="opacity")
    assert map_.at(7.5, 4.5) == LIGHT.hue
    less = np.array(map_.at(2.5, 0.5), float)
    along = (less - LIGHT.floor) / (np.array(LIGHT.hue, float) - LIGHT.floor)
    assert along == pytest.approx(np.full(3, along[0]), abs=0.03)
    assert 0.4 < along[0] < 0.8


def test_pictures_are_compared_on_one_scale() -> None:
    alone = drawn_map(heat_map(HALL, {(1, 1): 25.0}))
    compared = drawn_map(heat_map(HALL, {(1, 1): 25.0}), top=100.0)
    both = drawn_map(heat_map(HALL, {(1, 1): 25.0, (5, 3): 100.0}))
    assert alone.at(1.5, 1.5) == both.at(5.5, 3.5)
    assert compared.at(1.5, 1.5) == both.at(1.5, 1.5) != alone.at(1.5, 1.5)


def test_smooth_keeps_each_cells_value_in_its_middle_and_empty_cells_empty() -> None:
    cells = {(x, y): 10.0 * x + 5 * y + 1 for x in range(8) for y in range(5) if (x, y) != (3, 2)}
    plain, smooth = drawn_map(heat_map(HALL, cells)), drawn_map(heat_map(HALL, cells), style="smooth")
    for x, y in cells:
        np.testing.assert_allclose(
            np.array(plain.at(x + 0.5, y + 0.5), int), smooth.at(x + 0.5, y + 0.5), atol=3
        )
    hole = smooth.inside(3.03, 2.03, 3.97, 2.97)
    assert hole.size
    assert has(hole, LIGHT.floor).all()
    assert not has(smooth.inside(2.0, 2.03, 2.97, 2.97), LIGHT.floor).any(), "up to the hole's edge"
    # Between two cells there is something between their colours.
    assert len(np.unique(smooth.inside(0.6, 0.45, 1.4, 0.5)[0], axis=0)) > 10


def test_an_empty_cell_does_not_pale_its_neighbours() -> None:
    cells = {(x, y): 7.0 for x in range(8) for y in range(5) if (x + y) % 3}
    map_ = drawn_map(heat_map(HALL, {**cells, (0, 0): 28.0}), style="smooth")
    even = map_.at(6.5, 4.5)
    cell = map_.inside(4.04, 3.04, 4.96, 3.96).astype(int)
    assert np.abs(cell - even).max() <= 3, "but for the rounding of colours"


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.tuples(st.integers(0, 11), st.integers(0, 8)), st.floats(0.01, 1e6), min_size=1),
    st.sampled_from([0.25, 0.5, 1.0]),
    st.booleans(),
)
def test_any_grid_colours_exactly_its_cells(
    cells: dict[tuple[int, int], float], res: float, smooth: bool
) -> None:
    result = heat_map(floor(), cells, resolution_m=res, phase_m=(res * 0.3, res * 0.8))
    raster = heatmap_image.raster_of(result)
    assert raster.bounds is not None
    layout = fit(raster.bounds, 300, 300, 4)
    shown = pixels(
        raster, layout, heatmap_image.sequential(max(cells.values()), "gradient", LIGHT), smooth=smooth
    )
    for column, x in enumerate(raster.x_m):
        for row, y in enumerate(raster.y_m):
            across, down = layout.at(float(x), float(y))
            assert bool(shown[int(down), int(across), 3]) == (not np.isnan(raster.values[column, row]))


def test_no_cell_is_lost_where_a_pixel_holds_many() -> None:
    """400 m in 0.25 m cells, 320 pixels wide: five cells a pixel."""
    wide = floor(room("Hangar", box(0, 0, 400, 100)))
    data = png(
        heat_map(wide, {(777, 133): 5.0}, resolution_m=0.25), demo=False, options=ImageOptions(width=320)
    )
    image = decoded(data)
    legend_top = int(np.flatnonzero(is_coloured(image).sum(axis=1) > 100)[0])
    assert has(image[:legend_top], LIGHT.gradient[-1]).any()


def test_coarser_cells_show_what_is_furthest_from_zero() -> None:
    nan = np.nan
    values = np.array([[1.0, -5, nan], [nan, 2, nan], [nan, nan, 3]])
    coarse = Raster(np.arange(3.0), np.arange(3.0), values, 1.0).coarser(2)
    np.testing.assert_array_equal(coarse.values, [[-5, nan], [nan, 3]])
    np.testing.assert_array_equal(coarse.x_m, [0.5, 2.5])
    assert coarse.resolution_m == 2.0


# --- rooms, ground, outline -------------------------------------------------------------------------------


def test_offline_rooms_are_hatched_and_the_legend_says_so() -> None:
    def drawn(online: bool | None) -> DrawnMap:
        plan = floor(room("Left", box(0, 0, 5, 5)), room("Right", box(5, 0, 10, 5), online=online))
        return drawn_map(heat_map(plan, {(1, 1): 3.0, (7, 2): 3.0}), Bounds(0, 0, 10, 5))

    silent = drawn(online=False)
    assert has(silent.inside(5.2, 3.2, 9.8, 4.8), LIGHT.hatch).any()
    assert has(silent.inside(5.2, 3.2, 9.8, 4.8), LIGHT.floor).any()
    assert not has(silent.inside(0.2, 2.2, 4.8, 4.8), LIGHT.hatch).any()
    assert has(silent.inside(7.1, 2.1, 7.9, 2.9), LIGHT.gradient[-1]).all(), "what was counted is shown"
    below = silent.px(0, -0.3)[0]
    assert has(silent.pixels[below:], LIGHT.hatch).any()
    for known in (True, None):
        assert not has(drawn(known).pixels, LIGHT.hatch).any()


def test_rooms_not_requested_step_back() -> None:
    left, right = room("Left", box(0, 0, 5, 5)), room("Right", box(5, 0, 10, 5))
    data = png(heat_map(floor(left, right), {(1, 1): 3.0}, rooms=(left,)), demo=False)
    map_ = DrawnMap.of(data, Bounds(0, 0, 5, 5), LIGHT)
    assert map_.at(4.5, 4.5) == LIGHT.floor
    # Of the other room a metre is seen beside the wall.
    assert map_.at(5.5, 4.5) == LIGHT.apart
    assert not has(map_.inside(5.3, 0.3, 5.9, 4.7), LIGHT.foreground).any(), "and have no label"


L_SHAPE = ((0.0, 0.0), (20.0, 0.0), (20.0, 5.0), (10.0, 5.0), (10.0, 15.0), (0.0, 15.0))
TWO_ROOMS = (room("South", box(0, 0, 20, 4)), room("West", box(0, 6, 8, 15)))


def test_an_outline_that_only_is_the_rectangle_around_the_rooms_is_not_drawn() -> None:
    boxed, shaped = (floor(*TWO_ROOMS, outline=o) for o in (box(0, 0, 20, 15), L_SHAPE))
    assert true_outline(boxed) is None
    assert true_outline(shaped) == L_SHAPE
    larger = box(-2, -2, 25, 18)
    assert true_outline(floor(*TWO_ROOMS, outline=larger)) == larger
    assert true_outline(floor(outline=box(0, 0, 20, 15))) == box(0, 0, 20, 15), "all that is known"
    for plan, colour in ((boxed, LIGHT.paper), (shaped, LIGHT.ground)):
        map_ = DrawnMap.of(plan_png(plan, options=PLAIN), Bounds(0, 0, 20, 15), LIGHT)
        assert map_.at(9.5, 10) == colour
        assert map_.at(15, 12) == LIGHT.paper


def test_a_corridor_between_rooms_is_ground_and_a_yard_is_not() -> None:
    rooms = (room("A", box(0, 0, 20, 4)), room("B", box(0, 6, 20, 10)), room("C", box(0, 20, 20, 24)))
    map_ = DrawnMap.of(plan_png(floor(*rooms), options=PLAIN), Bounds(0, 0, 20, 24), LIGHT)
    assert (map_.at(10, 5), map_.at(0.5, 5)) == (LIGHT.ground, LIGHT.ground)
    assert map_.at(10, 15) == LIGHT.paper
    walked = drawn_map(heat_map(floor(*rooms), {(9, 12): 1.0, (9, 17): 1.0}), Bounds(0, 0, 20, 24))
    assert walked.at(9.5, 11) == LIGHT.ground, "somebody was there"


@pytest.mark.parametrize(
    "plan",
    [
        floor(),
        floor(room("Nowhere", None)),
        floor(outline=box(0, 0, 9, 4)),
        floor(zones=(Zone("z", "Zone", "floor", polygon=box(1, 1, 3, 2)),)),
        floor(room("Line", ((0, 0), (5, 0), (9, 0)))),
        floor(room("Point", ((2, 2), (2, 2), (2, 2)))),
        floor(room("Bow tie", ((0, 0), (4, 4), (4, 0), (0, 4)))),
        floor(room("Odd", ((0, 0), (float("nan"), 1), (3, 3)))),
        floor(room("会議室", box(0, 0, 8, 5)), name="東京"),
    ],
    ids=["no rooms", "no polygon", "outline only", "zone only", "line", "point", "bow tie", "nan", "tokyo"],
)
@pytest.mark.parametrize(
    "cells", [{}, {(2, 1): 7.0}, {(-3, 1): 7.0, (2, -4): 1.0}], ids=["none", "one", "two"]
)
def test_whatever_butlr_knows_of_a_floor_there_is_a_picture(
    plan: Floor, cells: dict[tuple[int, int], float]
) -> None:
    drawn = [
        decoded(png(heat_map(plan, cells), demo=True, options=ImageOptions(width=w))) for w in (100, 320, 700)
    ]
    assert [d.shape[1] for d in drawn] == [100, 320, 700]
    for image in drawn:
        assert has(image, LIGHT.gradient[-1]).any() == bool(cells)
        assert is_coloured(image).any() == bool(cells)
    assert decoded(plan_png(plan)).shape[1] == 1200


def test_a_map_without_cells_has_no_legend_but_says_why() -> None:
    result = heat_map(HALL, {})
    image = decoded(png(result, demo=False, options=PLAIN))
    assert not is_coloured(image).any()
    assert has(drawn_map(result).inside(1, 1, 7, 4), LIGHT.foreground).any()
    assert heatmap_image.nothing_of(result) == "No detections in this period"
    assert heatmap_image.nothing_of(heat_map(HALL, {}, coverage={"missing": 1, "fetched": 0})) == "No data"
    assert "counted" in heatmap_image.nothing_of(heat_map(HALL, {}, coverage={"planned": 0}))


def test_overlapping_and_nested_rooms_are_drawn() -> None:
    plan = floor(
        room("Big", box(0, 0, 10, 6)), room("Small", box(2, 2, 4, 4)), room("Across", box(8, 3, 12, 5))
    )
    assert has(decoded(plan_png(plan)), LIGHT.wall).sum() > 1000


# --- themes, sizes, words ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [320, 641, 1200, 4096])
def test_a_picture_is_as_wide_as_requested_and_as_high_as_the_floor_wants(width: int) -> None:
    image = decoded(png(heat_map(HALL, CELLS), demo=True, options=ImageOptions(width=width)))
    assert image.shape[1] == width
    assert 0.6 * width < image.shape[0] < 1.7 * width
    margin = image[:, -3:], image[:, :3], image[:3], image[-3:]
    assert all(has(side, LIGHT.paper).all() for side in margin)


def test_letters_are_set_alike_on_every_machine() -> None:
    """By the engine that Pillow always has; the other needs a library of the system's."""
    for size in (11, 44):
        found = font(size)
        assert isinstance(found, ImageFont.FreeTypeFont)
        assert found.layout_engine == ImageFont.Layout.BASIC


@pytest.mark.parametrize("width", [100, 160, 240])
def test_a_tiny_picture_takes_more_lines_instead_of_cutting_words(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is written of units, times and what a colour means is there, whichever lines it takes."""
    written: list[str] = []

    def write(image: Any, at: Any, text: str, *rest: Any, **more: Any) -> None:
        written.append(text)

    monkeypatch.setattr("butlr_grafana.present.images.page_layout.write", write)
    result = heat_map(HALL, CELLS)
    image = decoded(png(result, demo=True, options=ImageOptions(width=width, labels=False)))
    assert image.shape[1] == width
    # A zone's name is one word, which no line may be wide enough for.
    assert not [text for text in written if "…" in text and not text.startswith("(")]
    message = " ".join(written)
    for params in ("Detections, per cell of 1 m, at most", "no detection", "detections ·", "simulated"):
        assert params in message


def test_a_narrow_foot_breaks_into_rows() -> None:
    """Legend, entries and metre scale have room one below the other."""
    plan = floor(room("Hall", box(0, 0, 16, 10), online=False))
    result = heat_map(plan, {(1, 1): 5.0})
    image = decoded(png(result, demo=False, options=ImageOptions(width=320, labels=False)))
    legend = np.flatnonzero(is_coloured(image).sum(axis=1) > 150)
    across = is_coloured(image)[legend[-8:]].sum(axis=1)
    assert (across == across[0]).all(), "nothing is pasted over the legend"
    below = image[legend[-1] + 1 :]
    hatched = np.argwhere(has(below, LIGHT.hatch))
    scale = np.flatnonzero(has(below, LIGHT.foreground).sum(axis=1) > 20)
    assert len(hatched)
    assert len(scale), "the metre scale's bar"
    assert np.ptp(hatched[:, 1]) > 12, "the whole swatch"
    assert scale[-1] < len(below) - 8


@pytest.mark.parametrize("hall", [box(0, 0, 3, 200), box(0, 0, 200, 3)], ids=["tower", "corridor"])
@pytest.mark.parametrize("width", [320, 1200])
def test_no_floor_is_too_long_or_too_narrow(hall: Any, width: int) -> None:
    map_ = heat_map(floor(room("Hall", hall)), {(1, 1): 5.0})
    image = decoded(png(map_, demo=False, options=ImageOptions(width=width)))
    assert image.shape[1] == width
    assert image.shape[0] < 2 * width


def test_the_dark_theme_is_dark() -> None:
    image = decoded(png(heat_map(HALL, CELLS), demo=True, options=ImageOptions(theme="dark")))
    assert has(image[:5], DARK.paper).all()
    assert has(image, DARK.floor).any()
    assert has(image, DARK.foreground).any()
    assert np.median(image) < 64


def test_a_warning_is_seen_only_where_there_is_one() -> None:
    whole, partial = heat_map(HALL, CELLS), heat_map(HALL, CELLS, coverage={"stale": 1})
    first, second = (decoded(png(a, demo=True, options=PLAIN)) for a in (whole, partial))
    assert not has(first, LIGHT.warning).any()
    assert has(second, LIGHT.warning).any()


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"width": 99}, "width"),
        ({"width": 4097}, "width"),
        ({"theme": "blue"}, "theme is light or dark"),
        ({"style": "dots"}, "style is gradient or opacity"),
        ({"top": 0.0}, "top"),
        ({"top": float("nan")}, "top"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], word: str) -> None:
    with pytest.raises(ValueError, match=word):
        ImageOptions(**options)


def test_periods_are_written_in_the_floors_zone() -> None:
    hour, week = Period(MONDAY_8H, MONDAY_8H + 3600), Period(MONDAY_8H, MONDAY_8H + 7 * 86400)
    assert span(hour, "Europe/Paris") == "Mon 15 Jun 2026 08:00 to 09:00 (Europe/Paris)"
    assert span(hour, "America/New_York") == "Mon 15 Jun 2026 02:00 to 03:00 (America/New_York)"
    assert span(week, "UTC") == "Mon 15 Jun 2026 06:00 to Mon 22 Jun 2026 06:00 (UTC)"


def test_the_head_says_what_was_counted() -> None:
    hours = LocalHours("Europe/Paris", 8 * 60, 18 * 60 + 30, frozenset(range(5)))
    result = heat_map(HALL, {(1, 1): 12_345.0}, length_s=86400, coverage={"hours": 10.5}, local_hours=hours)
    lines = [line.text for line in heatmap_image._heat_lines(result, demo=True, options=PLAIN)]
    assert lines == [
        "House, Floor 1",
        "Mon 15 Jun 2026 08:00 to Tue 16 Jun 2026 08:00 (Europe/Paris)",
        "10.5 h counted · 08:00-18:30 Mon to Fri · 12,345 detections · as of 16 Jun 2026 08:00",
        "Demo: these people are simulated",
    ]


def test_a_buildings_name_is_not_said_twice() -> None:
    assert heatmap_image.title_of(floor(name="House, 2nd floor")) == "House, 2nd floor"
    assert heatmap_image.title_of(floor(name="2nd floor")) == "House, 2nd floor"


# --- differences ------------------------------------------------------------------------------------------


def difference(change: Any, theme: str = "light", **more: Any) -> bytes:
    values = np.array(change, float)
    x, y = (np.arange(n) + 0.5 for n in values.shape)
    options = ImageOptions(labels=False, theme="dark" if theme == "dark" else "light", **more)
    return difference_png(x, y, values, floor=HALL, current="now", baseline="then", options=options)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_more_and_less_are_equally_far_from_no_change(theme: str) -> None:
    values = np.full((8, 5), np.nan)
    values[0, 0], values[3, 2], values[7, 4], values[5, 0] = -10, 0, 10, -2.5
    colours = THEMES[theme]
    map_ = DrawnMap.of(difference(values, theme), WALLS, colours)
    less, none, more = colours.diverging[0], colours.diverging[4], colours.diverging[-1]
    assert (map_.at(0.5, 0.5), map_.at(3.5, 2.5), map_.at(7.5, 4.5)) == (less, none, more)
    # A quarter of the way is half-way along the colours, as on the other maps.
    np.testing.assert_allclose(map_.at(5.5, 0.5), colours.diverging[2], atol=2)
    assert map_.at(6.5, 2.5) == colours.floor, "nothing to compare is not no change"
    assert colours.floor != none


def test_a_change_in_one_direction_leaves_the_other_half_of_the_scale_unused() -> None:
    values = np.full((8, 5), np.nan)
    values[1, 1], values[2, 2] = 8, 2
    map_ = DrawnMap.of(difference(values), WALLS, LIGHT)
    assert map_.at(1.5, 1.5) == LIGHT.diverging[-1]
    np.testing.assert_allclose(map_.at(2.5, 2.5), LIGHT.diverging[6], atol=2)


def test_the_scale_reaches_as_far_up_as_the_largest_change_goes_down() -> None:
    values = np.full((8, 5), np.nan)
    values[1, 1], values[2, 2] = -8, 2
    map_ = DrawnMap.of(difference(values), WALLS, LIGHT)
    assert map_.at(1.5, 1.5) == LIGHT.diverging[0]
    np.testing.assert_allclose(map_.at(2.5, 2.5), LIGHT.diverging[6], atol=2)


@pytest.mark.parametrize("values", [np.full((8, 5), np.nan), np.zeros((8, 5)), np.empty((0, 0))])
def test_no_change_and_nothing_to_compare_can_be_drawn(values: Any) -> None:
    image = decoded(difference(values))
    assert not is_coloured(image).any()
    assert has(image, LIGHT.wall).any()


def test_a_single_cell_of_difference() -> None:
    data = difference_png(
        np.array([2.25]),
        np.array([1.25]),
        np.array([[3.0]]),
        floor=HALL,
        current="a",
        baseline="b",
        resolution_m=0.5,
        notes=("partly known",),
        options=PLAIN,
    )
    map_ = DrawnMap.of(data, WALLS, LIGHT)
    assert map_.at(2.25, 1.25) == LIGHT.diverging[-1]
    assert map_.at(2.75, 1.25) == LIGHT.floor
    assert has(map_.pixels, LIGHT.warning).any()


# --- the ground -------------------------------------------------------------------------------------------


def test_the_ground_of_a_known_outline_is_the_outline() -> None:
    [[ring]] = ground(floor(*TWO_ROOMS, outline=L_SHAPE), [])
    assert set(ring) == set(L_SHAPE)


def test_without_rooms_the_ground_is_the_grids_rectangle() -> None:
    result = heat_map(floor(), {(0, 0): 1.0, (5, 3): 1.0})
    [[ring]] = ground(result.query.floor, [heatmap_image.raster_of(result)])
    assert {(round(x, 6), round(y, 6)) for x, y in ring} == {(0, 0), (6, 0), (6, 4), (0, 4)}
