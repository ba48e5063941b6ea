"""Labels: never over one another, never out of the plan or their room, however small it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.model.floor import Bounds, Polygon
from butlr_grafana.present.images import lettering
from butlr_grafana.present.images.floorplan_geometry import Layout, Raster, fit
from butlr_grafana.present.images.floorplan_layers import labels
from butlr_grafana.present.images.heatmap_image import DEFAULTS, ImageOptions, plan_of
from butlr_grafana.present.images.labels import Box, Cells, Label, Named, place
from butlr_grafana.present.images.lettering import readable, shorten, width, wrap
from butlr_grafana.present.images.ticks import MINUS
from tests.present.floors import box, floor, room

pytestmark = pytest.mark.fast

LAYOUT = Layout(Bounds(0, 0, 40, 20), 20.0, 4)


def placed(rooms: dict[str, Polygon], layout: Layout = LAYOUT, raster: Raster | None = None) -> list[Label]:
    named = [Named(f"id_{n}", n, p, float(i)) for i, (n, p) in enumerate(rooms.items())]
    cells = Cells([raster] if raster else [], layout)
    return place(named, layout, cells, size=15, least=10, gap_px=4)


def overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def written(label: Label) -> str:
    return " ".join(label.lines)


rooms_of_all_kinds = st.lists(
    st.tuples(
        st.text(st.sampled_from("abcdefg ÄéЖ会1…"), min_size=1, max_size=24),
        st.floats(-30, 30),
        st.floats(-30, 30),
        st.floats(0.2, 25),
        st.floats(0.2, 25),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(rooms_of_all_kinds, st.sampled_from([100, 320, 800, 2000]))
def test_labels_are_disjoint_inside_the_plan_and_inside_their_rooms(
    sketch: list[tuple[str, float, float, float, float]], width_px: int
) -> None:
    rooms = [room(f"{i} {name}", box(x, y, x + w, y + h)) for i, (name, x, y, w, h) in enumerate(sketch)]
    plan = plan_of(floor(*rooms), [], ImageOptions(width=width_px))
    found = labels(plan, [])
    by_id = {r.id: r for r in rooms}
    across, down = plan.layout.size
    for index, label in enumerate(found):
        left, top, right, bottom = label.box
        assert 0 <= left < right <= across
        assert 0 <= top < bottom <= down
        assert not any(overlap(label.box, other.box) for other in found[:index])
        polygon = by_id[label.id].polygon
        assert polygon is not None
        xs, ys = zip(*plan.layout.polygon(polygon), strict=True)
        assert min(xs) - 1e-6 <= left
        assert right <= max(xs) + 1e-6
        assert min(ys) - 1e-6 <= top
        assert bottom <= max(ys) + 1e-6
        longest = max(lettering.width(line, label.size) for line in label.lines)
        assert longest <= right - left, "the letters are within the box"


def test_a_label_that_fits_is_whole_and_in_the_middle() -> None:
    [label] = placed({"Boardroom": box(5, 5, 25, 15)})
    assert (label.lines, label.size) == (("Boardroom",), 15)
    left, top, right, bottom = label.box
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx(LAYOUT.at(15, 10), abs=1)


def test_small_rooms_get_two_lines_then_small_letters_then_an_ellipsis_then_nothing() -> None:
    def written_in(width_m: float, height_m: float) -> tuple[tuple[str, ...], int] | None:
        found = placed({"Meeting room 3": box(1, 1, 1 + width_m, 1 + height_m)})
        return (found[0].lines, found[0].size) if found else None

    assert written_in(8, 3) == (("Meeting room 3",), 15)
    assert written_in(4.2, 3) == (("Meeting", "room 3"), 15)
    smaller = written_in(3.1, 3)
    assert smaller
    assert (smaller[0], smaller[1] < 15) == (("Meeting", "room 3"), True)
    cut = written_in(3.6, 1)
    assert cut
    assert cut[1] == 10
    assert cut[0][0].endswith("… 3"), "the number, which tells it from the others, stays"
    assert written_in(1, 1) is None


def test_in_a_room_with_a_corner_missing_the_label_keeps_off_it() -> None:
    """The rectangle's middle is not in the room: a U around 6 to 14 m, open to the top."""
    cup = (
        (2.0, 2.0),
        (18.0, 2.0),
        (18.0, 16.0),
        (14.0, 16.0),
        (14.0, 5.0),
        (6.0, 5.0),
        (6.0, 16.0),
        (2.0, 16.0),
    )
    for name in ("Ring", "Very long name of a place", "Reception desk 12"):
        [label] = placed({name: cup})
        left, top, right, _ = label.box
        (gap_left, gap_bottom), (gap_right, _) = LAYOUT.at(6, 5), LAYOUT.at(14, 5)
        assert right <= gap_left + 0.01 or left >= gap_right - 0.01 or top >= gap_bottom - 0.01


def test_where_two_want_one_place_the_weightier_keeps_it() -> None:
    same = box(2, 2, 6.5, 3.3)
    found = placed({"Less": same, "More": same})
    assert written(found[0]) == "More"


def test_a_label_makes_way_for_cells() -> None:
    """Cells over the lower two thirds of a room: its name goes above them."""
    values = np.full((40, 20), np.nan)
    values[:, :12] = 1.0
    raster = Raster(np.arange(40) + 0.5, np.arange(20) + 0.5, values, 1.0)
    rooms: dict[str, Polygon] = {"Kitchen": box(2, 2, 20, 16)}
    [free], [moved] = placed(rooms), placed(rooms, raster=raster)
    edge = LAYOUT.at(0, 12)[1]
    assert free.box[3] > edge
    assert moved.box[3] <= edge + 1


def test_the_share_over_cells_is_counted() -> None:
    values = np.full((40, 20), np.nan)
    values[10:20, :] = 1.0
    raster = Raster(np.arange(40) + 0.5, np.arange(20) + 0.5, values, 1.0)
    cells = Cells([raster], LAYOUT)
    boxes = np.array([(*LAYOUT.at(x0, 10), *LAYOUT.at(x1, 5)) for x0, x1 in ((0, 8), (11, 19), (5, 15))])
    assert cells.share(boxes) == pytest.approx([0, 1, 0.5], abs=0.03)


def test_zones_are_labelled_after_rooms() -> None:
    plan = plan_of(floor(room("Hall", box(0, 0, 20, 10))), [], DEFAULTS)
    assert [written(label) for label in labels(plan, [], zones=True)] == ["Hall"]


def test_the_fonts_are_here_and_write_europes_languages() -> None:
    regular, medium = (lettering.font(20, medium=m).getname() for m in (False, True))  # type: ignore[union-attr]
    assert (regular, medium) == (("Source Sans Pro", "Regular"), ("Source Sans Pro", "Semibold"))
    for text in (
        "Büro Müller",
        "Salle de réunion",
        "Łódź žluťoučký",
        "Переговорная",
        "Αίθουσα",
        f"{MINUS}5 · 3 m² …▲",
    ):
        assert readable(text, "id") == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [("会議室", "room_7"), ("A\nB\tC", "A B C"), ("\u202eabc", "abc"), ("\uff21\uff11", "A1")],
)
def test_what_cannot_be_written_is_replaced(text: str, expected: str) -> None:
    assert readable(text, "room_7") == expected


def test_texts_are_cut_to_fit() -> None:
    assert shorten("Open space", 14, 500) == "Open space"
    cut = shorten("Open space South", 14, 70)
    assert cut.endswith("…")
    assert width(cut, 14) <= 70
    assert shorten("Open", 14, 3) == ""
    lines = wrap("one two three four five six seven", 14, 80, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(width(line, 14) <= 80 for line in lines)
    assert wrap("", 14, 80, most=2) == []


def test_a_layout_keeps_within_its_limits() -> None:
    for bounds in (Bounds(0, 0, 30, 2), Bounds(-5, -5, -4, 90), Bounds(1, 1, 1, 1)):
        across, down = fit(bounds, 500, 400, 3).size
        assert across <= 500
        assert down <= 400
