"""Polygons and areas in the forms of other programs: read to the same figures, or refused with the reason."""

from __future__ import annotations

import json
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.butlr.plan_forms import area_m2_of, polygon_of
from butlr_grafana.model.floor import Polygon
from butlr_grafana.model.geometry import shape_of

L_SHAPE = ((0.0, 0.0), (6.0, 0.0), (6.0, 2.0), (2.0, 2.0), (2.0, 5.0), (0.0, 5.0))
RING = [list(point) for point in L_SHAPE]
CLOSED = [*RING, RING[0]]
SQUARE = [[1, 1], [2, 1], [2, 2], [1, 2]]
POLYGON = {"type": "Polygon", "coordinates": [CLOSED]}
FEATURE = {"type": "Feature", "properties": {"name": "Kitchen"}, "geometry": POLYGON}


@pytest.mark.parametrize(
    "raw",
    [
        RING,
        CLOSED,
        [*CLOSED, RING[0]],
        [[x, y, 2.75] for x, y in RING],
        [[x, y, None] for x, y in CLOSED],
        [[str(x), f" {y} "] for x, y in RING],
        [[f"{x:e}", f"+{y}"] for x, y in RING],
        [{"x": x, "y": y} for x, y in CLOSED],
        [{"x": x, "y": str(y), "z": 0} for x, y in RING],
        [CLOSED],
        [[CLOSED]],
        [[], [CLOSED], None],
        POLYGON,
        {"type": "MultiPolygon", "coordinates": [[CLOSED]]},
        FEATURE,
        {"type": "FeatureCollection", "features": [FEATURE]},
        {"type": "GeometryCollection", "geometries": [POLYGON]},
        {
            "type": "FeatureCollection",
            "features": [{"geometry": {"geometries": [{"coordinates": [[CLOSED]]}]}}],
        },
    ],
)
def test_every_form_is_the_same_polygon(raw: Any) -> None:
    """The same points in the same order; as a JSON text too."""
    for form in (raw, json.dumps(raw)):
        assert polygon_of(form) == (L_SHAPE, "")


@pytest.mark.parametrize(
    "raw",
    [
        *(None, "", "  ", "null", "[]", [], {}, [[]], [[], None], [None]),
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": None},
        {"type": "Feature", "geometry": None},
        {"type": "FeatureCollection", "features": []},
    ],
)
def test_where_there_is_none_there_is_no_reason(raw: object) -> None:
    assert polygon_of(raw) == (None, "")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ([[0, 0], [1, 1]], "it has 2 different points, and at least 3 are needed"),
        ([[0, 0], [1, 1], [0, 0]], "it has 2 different points, and at least 3 are needed"),
        ([[0, 0], [1, 1], [2, 2]], "its points lie on one line"),
        ([[0, 0], [1, 0], [1]], "point 3, [1], is not a pair of coordinates"),
        ([[0, 0], [1, 0], [1, 1, 1, 1]], "point 3, [1, 1, 1, 1], is not a pair of coordinates"),
        ([[0, 0], [1, 0], None], "point 3, None, is not a pair of coordinates"),
        ([[0, 0], "1 0", [1, 1]], "point 2, '1 0', is not a pair of coordinates"),
        ([[0, 0], [1, None], [1, 1]], "in point 2, None is not a number"),
        ([{"x": 0, "y": 0}, {"x": 1}, {"x": 1, "y": 1}], "in point 2, None is not a number"),
        ([[0, 0], [1, 0], [1, True]], "in point 3, True is not a number"),
        ([[0, 0], [1, 0], [1, "1,5"]], "in point 3, '1,5' is not a number"),
        ([[0, 0], [1, 0], [1, "4 m"]], "in point 3, '4 m' is not a number"),
        ([[0, 0], [1, 0], [1, "nan"]], "in point 3, 'nan' is not a number"),
        ([[0, 0], [1, 0], [1, "1_0"]], "in point 3, '1_0' is not a number"),
        ([[0, 0], [1, 0], [1, "1e999"]], "in point 3, '1e999' is not a number"),
        ([[0, 0], [1, 0], [1, float("inf")]], "in point 3, inf is not a number"),
        ([[0, 0], [1, 0], [1, 1e9]], "point 3, [1, 1000000000.0], is more than 100,000 m from the origin"),
        ([[0, 0], [1, 0], [1, 10**400]], "point 3, [1, 1000"),
        ([0, 0, 4, 0, 4, 3], "[0, 0, 4, 0, 4, 3] is not a list of points"),
        (7, "7 is not a list of points"),
        (True, "True is not a list of points"),
        ("POLYGON((0 0, 1 0, 1 1))", "the text 'POLYGON((0 0, 1 0, 1 1))' is not JSON"),
        ('"[[0,0]]"', "contains only a text"),
        ({"points": RING}, "an object with ['points'] has no coordinates"),
        ({"type": "LineString", "coordinates": RING}, "a LineString encloses no area"),
        ({"type": "Point", "coordinates": [1, 2]}, "a Point encloses no area"),
        ([[RING, 5]], "5 is not a list of points"),
        ([[RING, [[1, 1], [2, 2]]]], "it has 2 different points"),
        ([[CLOSED, CLOSED]], "its holes cover all of it"),
        ([[[[[[[[[[[[[[RING]]]]]]]]]]]]]], "it is nested too deeply"),
        ({"coordinates": ["x" * 500]}, "…"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(raw: object, reason: str) -> None:
    polygon, why = polygon_of(raw)
    assert polygon is None
    assert why.startswith("the polygon cannot be read: ")
    assert reason in why
    assert len(why) < 200


def covers(polygon: Polygon | None, x: float, y: float) -> bool:
    """As the rest of the product sees it: the repaired area of the ring."""
    shape = shape_of(polygon)
    assert shape is not None
    return bool(shape.covers(shapely.Point(x, y)))


def test_a_hole_is_left_out() -> None:
    """10 x 10 m around a light well of 2 x 2: 96 m²."""
    outer, well = [[0, 0], [10, 0], [10, 10], [0, 10]], [[4, 4], [6, 4], [6, 6], [4, 6]]
    for hole in (well, well[::-1]):
        polygon, why = polygon_of({"type": "Polygon", "coordinates": [outer, hole]})
        assert why == ""
        assert polygon is not None
        assert shapely.Polygon(polygon).area == pytest.approx(96)
        shape = shape_of(polygon)
        assert shape is not None
        assert shape.area == pytest.approx(96)
        assert [covers(polygon, *p) for p in ((5, 5), (1, 5), (7, 5), (11, 5))] == [False, True, True, False]


def test_separate_parts_belong_to_one_polygon() -> None:
    """Two squares of 1 m² and, overlapping the second, one of 4: together 1 + 4 + 0.75."""
    parts = [
        [[0, 0], [1, 0], [1, 1], [0, 1]],
        [[5, 5], [7, 5], [7, 7], [5, 7]],
        [[6.5, 6.5], [7.5, 6.5], [7.5, 7.5], [6.5, 7.5]],
    ]
    polygon, why = polygon_of({"type": "MultiPolygon", "coordinates": [[part] for part in parts]})
    assert why == ""
    shape = shape_of(polygon)
    assert shape is not None
    assert shape.area == pytest.approx(1 + 4 + 0.75)
    places = ((0.5, 0.5), (6, 6), (7.4, 7.4), (3, 3), (2, 1))
    assert [covers(polygon, *p) for p in places] == [True, True, True, False, False]


@given(
    st.lists(st.integers(0, 35), unique=True, min_size=1, max_size=9),
    st.lists(st.integers(0, 35), unique=True, max_size=9),
)
def test_any_parts_and_holes_keep_their_area(parts: list[int], holes: list[int]) -> None:
    """Squares of 4 x 4 m in a raster of 6 x 6 places, some with a hole of 1 x 1 in the middle."""

    def square(place: int, half: float) -> list[list[float]]:
        x, y = 5 * (place % 6) + 2.0, 5 * (place // 6) + 2.0
        return [[x - half, y - half], [x + half, y - half], [x + half, y + half], [x - half, y + half]]

    raw = [[square(p, 2), *([square(p, 0.5)] if p in holes else [])] for p in parts]
    polygon, why = polygon_of(raw)
    assert why == ""
    shape = shape_of(polygon)
    assert shape is not None
    assert shape.area == pytest.approx(16 * len(parts) - len(set(parts) & set(holes)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["coordinates", "type", "x", "y", "geometry", "unit", "value"]), inner
        )
    ),
    max_leaves=30,
)


@given(JSON)
def test_nothing_makes_them_fail(raw: object) -> None:
    """A polygon, none, or a reason: never both, never an exception; a polygon has an area."""
    polygon, why = polygon_of(raw)
    assert not (polygon and why)
    assert polygon is None or shape_of(polygon) is not None
    area, why = area_m2_of(raw)
    assert area is None or (area > 0 and why == "")


METRES = """
    m2, m², ㎡, M2, m^2, m**2, m 2, sqm, sq m, sq. m, sq.m., sq_m, m.sq., meter², metres^2, meters squared,
    square meter, square meters, square metre, Square Metres, square-metre, square_meter, SQUARE_METERS,
    SquareMeters, sq meter, sq. metres
"""
FEET = """
    ft2, ft², FT2, ft^2, sf, SF, S.F., sqf, sqft, sq ft, sq. ft., sq.ft, sq_ft, ft sq, feet², foot^2,
    feet squared, square feet, square foot, Square Ft, square_foot, SQUARE_FEET, SquareFeet, sq feet
"""


@pytest.mark.parametrize(("units", "each_m2"), [(METRES, 1.0), (FEET, 0.3048**2)])
def test_units_by_any_of_their_names(units: str, each_m2: float) -> None:
    for unit in units.split(","):
        area, why = area_m2_of({"value": 1200.5, "unit": unit})
        assert area == pytest.approx(1200.5 * each_m2, rel=1e-12), unit
        assert why == ""


@pytest.mark.parametrize("value", [37.5, "37.5", " 37.5 ", "+3.75e1"])
def test_a_value_may_be_a_text(value: object) -> None:
    assert area_m2_of({"value": value, "unit": "m2"}) == (37.5, "")


@pytest.mark.parametrize(
    "raw",
    [
        None,
        {},
        [],
        "",
        {"unit": "m2"},
        {"value": None, "unit": "m2"},
        {"value": "", "unit": "m2"},
        {"value": 0},
    ],
)
def test_no_area_is_no_reason(raw: object) -> None:
    assert area_m2_of(raw) == (None, "")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({"value": 5, "unit": "acres"}, "the area's unit 'acres' is not known; m² and ft² are known"),
        ({"value": 5, "unit": "ft"}, "the area's unit 'ft' is not known; m² and ft² are known"),
        ({"value": 5, "unit": "m"}, "the area's unit 'm' is not known; m² and ft² are known"),
        ({"value": 5, "unit": "sq m2"}, "the area's unit 'sq m2' is not known; m² and ft² are known"),
        ({"value": 5, "unit": ""}, "the area's unit '' is not known; m² and ft² are known"),
        ({"value": 5}, "the area's unit None is not known; m² and ft² are known"),
        ({"value": 5, "unit": 5}, "the area's unit 5 is not known; m² and ft² are known"),
        ({"value": "1,200", "unit": "m2"}, "the area cannot be read: '1,200' is not a number"),
        ({"value": "12 m2", "unit": "m2"}, "the area cannot be read: '12 m2' is not a number"),
        ({"value": True, "unit": "m2"}, "the area cannot be read: True is not a number"),
        ({"value": [5], "unit": "m2"}, "the area cannot be read: [5] is not a number"),
        ({"value": -5, "unit": "m2"}, "the area cannot be read: -5 is not between 0 and 1,000,000,000"),
        ({"value": 1e12, "unit": "m2"}, "is not between 0 and 1,000,000,000"),
        (37.5, "the area 37.5 has no unit"),
        ([37.5, "m2"], "the area [37.5, 'm2'] has no unit"),
    ],
)
def test_an_area_that_cannot_be_read_is_refused_with_the_reason(raw: object, reason: str) -> None:
    area, why = area_m2_of(raw)
    assert area is None
    assert reason in why
