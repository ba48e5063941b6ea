"""The forms of a plan's polygons and areas → metres and square metres. Pure.

Butlr documents a polygon as `[[x, y], …]` in metres and an area as `{value, unit}`. Plans come from many
drawing programs, so other common forms are read too. An unknown form is refused with the reason: a room with
an unreadable polygon is not the same as a room without a polygon.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import reduce
from math import isfinite

import numpy as np
import orjson
import shapely

from butlr_grafana.model.floor import FOOT_M, Polygon
from butlr_grafana.model.geometry import area_of, shape_of

LARGEST_M = 1e5
"""No point of a floor is this far from its origin."""

LARGEST_AREA = 1e9
"""No area is beyond it, in whichever unit."""

DEEPEST = 12
"""So many lists and objects may lie around each other: GeoJSON's own collections need 9, as a text 10."""

_METRE = r"m|met(?:er|re)s?"
_FOOT = r"ft|foot|feet"
AREA_UNITS = (
    (re.compile(rf"(?:sq|square)(?:{_METRE})|(?:{_METRE})(?:2|sq|squared)"), 1.0),
    (re.compile(rf"sq?f|(?:sq|square)(?:{_FOOT})|(?:{_FOOT})(?:2|sq|squared)"), FOOT_M**2),
)
"""What a unit of areas is called, without blanks and marks, and its square metres. A length is none."""

_MARKS = re.compile(r"[\s.^*_-]+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

Point = tuple[float, float]
Ring = list[Point]


class _UnreadableError(ValueError):
    """The message is the reason."""


def polygon_of(raw: object) -> tuple[Polygon | None, str]:
    """The polygon in metres, not closed, and '': or `None` and why it cannot be read ('': there is none).

    Read are a list of points, GeoJSON (Polygon, MultiPolygon, Feature, and collections of them) and the
    bare `coordinates` of it; all of these also as JSON in a text. A point is `[x, y]`, `[x, y, z]` or
    `{x, y}`, of numbers or texts; its height is left out. Several rings become one that encloses the same
    area (see `_joined`).
    """
    try:
        polygons = list(_polygons(raw, DEEPEST))
        match polygons:
            case []:
                return None, ""
            case [[ring]]:
                return tuple(ring), ""
        return _joined(polygons), ""
    except _UnreadableError as error:
        return None, f"the polygon cannot be read: {error}"


def area_m2_of(raw: object) -> tuple[float | None, str]:
    """Square metres of `{value, unit}` and '': or `None` and why it cannot be read ('': there is none).

    The value may be a number or a text. An area of 0 is one that nobody entered.
    """
    if _is_nothing(raw):
        return None, ""
    if not isinstance(raw, dict):
        return None, f"the area {_shown(raw)} has no unit"
    value = raw.get("value")
    if _is_nothing(value):
        return None, ""
    try:
        number = _number(value)
    except _UnreadableError as error:
        return None, f"the area cannot be read: {error}"
    if not 0 <= number <= LARGEST_AREA:
        return None, f"the area cannot be read: {_shown(value)} is not between 0 and {LARGEST_AREA:,.0f}"
    if number == 0:
        return None, ""
    factor = _square_metres(raw.get("unit"))
    if factor is None:
        return None, f"the area's unit {_shown(raw.get('unit'))} is not known; m² and ft² are known"
    return number * factor, ""


def _is_nothing(raw: object) -> bool:
    """`null`, or a text, list or object without content."""
    return (
        raw is None
        or (isinstance(raw, str) and not raw.strip())
        or (isinstance(raw, list | dict) and not raw)
    )


def _shown(raw: object) -> str:
    """A value as it came, short enough for a notice."""
    text = repr(raw)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _number(raw: object) -> float:
    value = float(raw) if isinstance(raw, str) and _NUMBER.fullmatch(raw.strip()) else raw
    if isinstance(value, float) and isfinite(value):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _UnreadableError(f"{_shown(raw)} is not a number")


def _square_metres(unit: object) -> float | None:
    """Of one of this unit; `None` where it is not known."""
    name = _MARKS.sub("", unicodedata.normalize("NFKC", unit).casefold()) if isinstance(unit, str) else ""
    return next((factor for pattern, factor in AREA_UNITS if pattern.fullmatch(name)), None)


def _polygons(raw: object, levels: int) -> Iterator[list[Ring]]:
    """Every polygon in it, as rings: the outer one, then its holes."""
    if _is_nothing(raw):
        return
    if not levels:
        raise _UnreadableError("it is nested too deeply")
    if isinstance(raw, str):
        yield from _polygons(_parsed(raw), levels - 1)
    elif isinstance(raw, dict):
        yield from _polygons(_content(raw), levels - 1)
    elif not isinstance(raw, list):
        raise _UnreadableError(f"{_shown(raw)} is not a list of points")
    elif any(map(_is_point, raw)):
        yield [_ring(raw)]
    elif any(isinstance(item, list) and any(map(_is_point, item)) for item in raw):
        yield [_ring(item) for item in raw if not _is_nothing(item)]
    elif not all(isinstance(item, list | dict) for item in raw if item is not None):
        raise _UnreadableError(f"{_shown(raw)} is not a list of points")
    else:
        for item in raw:
            yield from _polygons(item, levels - 1)


def _parsed(text: str) -> object:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _UnreadableError(f"the text {_shown(text)} is not JSON") from None
    if isinstance(parsed, str) and not _is_nothing(parsed):
        raise _UnreadableError(f"the text {_shown(text)} contains only a text")
    return parsed


def _content(raw: dict[str, object]) -> object:
    """What a GeoJSON object, or one that is like it, is about."""
    for key in ("geometry", "coordinates", "geometries", "features"):
        if key in raw:
            kind = raw.get("type")
            if key == "coordinates" and kind in ("Point", "MultiPoint", "LineString", "MultiLineString"):
                raise _UnreadableError(f"a {kind} encloses no area")
            return raw[key]
    raise _UnreadableError(f"an object with {_shown(sorted(map(str, raw)))} has no coordinates")


def _is_point(raw: object) -> bool:
    """Whether it is meant as one; it may still be a bad one."""
    if isinstance(raw, dict):
        return "x" in raw or "y" in raw
    return isinstance(raw, list) and bool(raw) and not any(isinstance(item, list | dict) for item in raw)


def _ring(raw: object) -> Ring:
    """Its points without the repeated last one of a closed ring."""
    if not isinstance(raw, list):
        raise _UnreadableError(f"{_shown(raw)} is not a list of points")
    points = [_point(item, number) for number, item in enumerate(raw, 1)]
    while len(points) > 1 and points[-1] == points[0]:
        points.pop()
    if len(set(points)) < 3:
        raise _UnreadableError(f"it has {len(set(points))} different points, and at least 3 are needed")
    if shape_of(tuple(points)) is None:
        raise _UnreadableError("its points lie on one line")
    return points


def _point(raw: object, number: int) -> Point:
    pair = [raw.get("x"), raw.get("y")] if isinstance(raw, dict) else raw
    if not isinstance(pair, list) or not 2 <= len(pair) <= 3:
        raise _UnreadableError(f"point {number}, {_shown(raw)}, is not a pair of coordinates")
    try:
        x, y = map(_number, pair[:2])
    except _UnreadableError as error:
        raise _UnreadableError(f"in point {number}, {error}") from None
    if not (abs(x) < LARGEST_M and abs(y) < LARGEST_M):
        raise _UnreadableError(
            f"point {number}, {_shown(raw)}, is more than {LARGEST_M:,.0f} m from the origin"
        )
    return float(x), float(y)


def _joined(polygons: list[list[Ring]]) -> Polygon:
    """One ring around the same area: the first with a way to the nearest other one and back, and so on.

    The ways there and back cancel in an even-odd fill and in a sum of signed areas: a hole stays a hole
    (it runs the other way round), and a separate part belongs to it. No way crosses another or a ring:
    each is the shortest there is.
    """
    drawn = [reduce(shapely.symmetric_difference, map(_shape, rings)) for rings in polygons]
    whole = area_of(shapely.union_all(drawn))
    if whole is None:
        raise _UnreadableError("its holes cover all of it")
    rings = [
        ring for part in shapely.orient_polygons(whole).geoms for ring in (part.exterior, *part.interiors)
    ]
    joined = _open(rings.pop(0))
    while rings:
        line = shapely.LineString([*joined, joined[0]])
        ring = rings.pop(int(np.argmin(shapely.distance(line, rings))))
        here, there = map(_xy, shapely.shortest_line(line, ring).coords)
        at, joined = _with_point(joined, here)
        first, detour = _with_point(_open(ring), there)
        joined[at + 1 : at + 1] = [*detour[first:], *detour[:first], there, here]
    return tuple(joined)


def _shape(ring: Ring) -> shapely.Geometry:
    shape = shape_of(tuple(ring))
    assert shape is not None, "every ring encloses something"
    return shape


def _xy(point: Sequence[float]) -> Point:
    return float(point[0]), float(point[1])


def _open(ring: shapely.LinearRing) -> Ring:
    return [_xy(point) for point in ring.coords[:-1]]


def _with_point(ring: Ring, point: Point) -> tuple[int, Ring]:
    """Where a point on the ring is in it; it becomes a corner where it is none yet."""
    if point in ring:
        return ring.index(point), ring
    sides = shapely.linestrings(list(zip(ring, [*ring[1:], ring[0]], strict=True)))
    at = int(np.argmin(shapely.distance(sides, shapely.Point(point)))) + 1
    return at, [*ring[:at], point, *ring[at:]]
