"""The geometry of a floor plan: metres to pixels, the floor's area, and which outlines to draw.

x grows to the right, y upwards (`Y_UP`), as in Grafana's Heatmap panel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.floor import Bounds, Floor, Polygon, as_built
from butlr_grafana.model.geometry import shape_of, shape_of_asset
from butlr_grafana.present.images.colour import Bytes, Scale

Y_UP = True
"""Butlr does not document the direction of y; should a tenant show it downwards, this is the one place."""

CORRIDOR_M = 3.5
"""Gaps between rooms up to this wide are drawn as ground."""

BAND_PX = 128
"""Rows of pixels that are smoothed at a time: it takes many numbers for each of them."""

SAME_M = 0.25
"""Outlines closer than this are one outline."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Metres to pixels, from the plan's top left corner; `pad_px` all around leaves room for walls."""

    bounds: Bounds
    pixels_per_m: float
    pad_px: int

    @property
    def width_m(self) -> float:
        return self.bounds.max_x - self.bounds.min_x

    @property
    def height_m(self) -> float:
        return self.bounds.max_y - self.bounds.min_y

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        width, height = (ceil(m * self.pixels_per_m - 1e-6) for m in (self.width_m, self.height_m))
        return width + 2 * self.pad_px, height + 2 * self.pad_px

    def at(self, x_m: float, y_m: float) -> Point:
        down_m = self.bounds.max_y - y_m if Y_UP else y_m - self.bounds.min_y
        return (
            self.pad_px + (x_m - self.bounds.min_x) * self.pixels_per_m,
            self.pad_px + down_m * self.pixels_per_m,
        )

    def polygon(self, shape: Polygon) -> list[Point]:
        return [self.at(x, y) for x, y in shape]

    def metres(self) -> tuple[Floats, Floats]:
        """Where the middle of each column and of each row of pixels is: x[width], y[height]."""
        width, height = self.size
        across: Floats = (np.arange(width, dtype=np.float64) + 0.5 - self.pad_px) / self.pixels_per_m
        down: Floats = (np.arange(height, dtype=np.float64) + 0.5 - self.pad_px) / self.pixels_per_m
        x = self.bounds.min_x + across
        return x, self.bounds.max_y - down if Y_UP else self.bounds.min_y + down


def fit(bounds: Bounds, width_px: int, max_height_px: int, pad_px: int) -> Layout:
    """The largest layout of at least a metre each way that is no wider and no higher."""
    bounds = _at_least_a_metre(bounds)
    across, up = bounds.max_x - bounds.min_x, bounds.max_y - bounds.min_y
    return Layout(bounds, min((width_px - 2 * pad_px) / across, (max_height_px - 2 * pad_px) / up), pad_px)


def _at_least_a_metre(bounds: Bounds) -> Bounds:
    x, y = (max(0.0, 1 - length) / 2 for length in (bounds.max_x - bounds.min_x, bounds.max_y - bounds.min_y))
    return Bounds(bounds.min_x - x, bounds.min_y - y, bounds.max_x + x, bounds.max_y + y)


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A full rectangle of cells: centres x_m[nx], y_m[ny], `values[nx, ny]` with NaN for an empty cell."""

    x_m: Floats
    y_m: Floats
    values: Floats
    resolution_m: float

    @property
    def bounds(self) -> Bounds | None:
        """The cells' outer edges."""
        if not self.values.size:
            return None
        half = self.resolution_m / 2
        x, y = self.x_m, self.y_m
        return Bounds(float(x[0]) - half, float(y[0]) - half, float(x[-1]) + half, float(y[-1]) + half)

    def coarser(self, factor: int) -> Raster:
        """Blocks of `factor` by `factor` cells as one, with the value furthest from zero: none is lost."""
        if factor <= 1 or not self.values.size:
            return self
        nx, ny = (-(-n // factor) for n in self.values.shape)
        padded = np.full((nx * factor, ny * factor), np.nan)
        padded[: self.values.shape[0], : self.values.shape[1]] = self.values
        blocks = padded.reshape(nx, factor, ny, factor).swapaxes(1, 2).reshape(nx, ny, -1)
        low, high = np.fmin.reduce(blocks, axis=2), np.fmax.reduce(blocks, axis=2)
        shift, step = (factor - 1) / 2 * self.resolution_m, factor * self.resolution_m
        x, y = (
            m[0] + shift + step * np.arange(n, dtype=np.float64) for m, n in ((self.x_m, nx), (self.y_m, ny))
        )
        furthest = np.asarray(np.where(-low > high, low, high), np.float64)
        return Raster(x, y, furthest, step)


def pixels(raster: Raster, layout: Layout, scale: Scale, *, smooth: bool) -> Bytes:
    """The cells as RGBA uint8[height, width, 4] of the plan; transparent where there is no value."""
    width, height = layout.size
    if not raster.values.size:
        return np.zeros((height, width, 4), np.uint8)
    raster = raster.coarser(ceil(0.999 / (raster.resolution_m * layout.pixels_per_m)))
    x_m, y_m = layout.metres()
    # In cells: 0 is the middle of the first one.
    along_x = (x_m - raster.x_m[0]) / raster.resolution_m
    along_y = (y_m - raster.y_m[0]) / raster.resolution_m
    nearest_x, inside_x = _nearest(along_x, len(raster.x_m))
    nearest_y, inside_y = _nearest(along_y, len(raster.y_m))
    if smooth:
        rgba = np.empty((height, width, 4), np.uint8)
        for top in range(0, height, BAND_PX):
            band = slice(top, top + BAND_PX)
            shown = _bilinear(raster.values, along_x, along_y[band])
            # Empty stays empty: only the colour of cells with a value flows into their neighbours.
            shown[np.isnan(raster.values[np.ix_(nearest_x, nearest_y[band])])] = np.nan
            rgba[band] = scale.colours(shown.T)
    else:
        rgba = scale.colours(raster.values.T)[np.ix_(nearest_y, nearest_x)]
    rgba[~inside_y] = 0
    rgba[:, ~inside_x] = 0
    return rgba


def _nearest(along: Floats, count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    index = np.floor(along + 0.5).astype(np.int64)
    return np.clip(index, 0, count - 1), (index >= 0) & (index < count)


def _bilinear(values: Floats, along_x: Floats, along_y: Floats) -> NDArray[np.float32]:
    """Between the centres of the cells, by those of the four around that have a value."""
    known = ~np.isnan(values)
    weighed = np.where(known, values, 0).astype(np.float32)
    total, weight = (_between(_between(v, along_x).T, along_y).T for v in (weighed, known.astype(np.float32)))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, total / weight, np.nan).astype(np.float32)


def _between(rows: NDArray[np.float32], along: Floats) -> NDArray[np.float32]:
    """Rows at fractional places; beyond the ends the end itself."""
    along = np.clip(along, 0, len(rows) - 1)
    low = np.floor(along).astype(np.int64)
    high = np.minimum(low + 1, len(rows) - 1)
    share = (along - low).astype(np.float32)[:, None]
    return rows[low] * (1 - share) + rows[high] * share


def extent(floor: Floor, cells: Iterable[Bounds | None] = ()) -> Bounds | None:
    """Everything to be drawn: the plan, but for points that are none, and the cells."""
    rooms, zones = as_built(floor.rooms), as_built(floor.zones)
    shapes = [floor.outline, *(r.polygon for r in rooms), *(z.polygon for z in zones)]
    points = [p for shape in shapes for p in shape or () if np.isfinite(p).all()]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    whole = Bounds(min(xs), min(ys), max(xs), max(ys)) if points else None
    for bounds in cells:
        if bounds is not None:
            whole = whole.union(bounds) if whole else bounds
    return whole


def true_outline(floor: Floor) -> Polygon | None:
    """The floor's outline, unless it only is the rectangle around the rooms: Butlr often knows no more."""
    outline = shape_of(floor.outline)
    if outline is None:
        return None
    rooms = shapely.union_all([s for s in map(shape_of_asset, floor.rooms) if s is not None])
    is_box = outline.envelope.area - outline.area < SAME_M * outline.length
    around = not rooms.is_empty and np.allclose(outline.bounds, rooms.bounds, atol=SAME_M)
    return None if is_box and around else floor.outline


def ground(floor: Floor, rasters: Iterable[Raster]) -> list[list[Polygon]]:
    """The floor between the rooms, as shapes of rings, the outer one first.

    Where no true outline is known: the rooms and wherever somebody was detected, with narrow gaps between
    them filled. A drawing aid, so no line goes around it. Without any room: the cells' whole rectangle.
    """
    outline = shape_of(true_outline(floor))
    if outline is not None:
        return _rings(outline)
    shapes: list[BaseGeometry] = [s for s in map(shape_of_asset, floor.rooms) if s is not None]
    planned = bool(shapes)
    for raster in rasters:
        if planned:
            shapes += _runs(raster)
        elif raster.bounds:
            b = raster.bounds
            shapes.append(shapely.box(b.min_x, b.min_y, b.max_x, b.max_y))
    if not shapes:
        return []
    half = CORRIDOR_M / 2
    grown = shapely.buffer(shapely.union_all(shapes), half, join_style="mitre")
    return _rings(shapely.buffer(grown, -half, join_style="mitre"))


def _runs(raster: Raster) -> list[BaseGeometry]:
    """The cells with a value, as one box for each unbroken run of them in a column."""
    if not raster.values.size:
        return []
    known = np.pad(~np.isnan(raster.values), ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(known, axis=1)
    column, first = np.nonzero(change == 1)
    _, end = np.nonzero(change == -1)
    half = raster.resolution_m / 2
    x = raster.x_m[column]
    low, high = (raster.y_m[0] + (index - 0.5) * raster.resolution_m for index in (first, end))
    return list(shapely.box(x - half, low, x + half, high))


def _rings(shape: BaseGeometry) -> list[list[Polygon]]:
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon"]
    return [[_points(r.coords) for r in (part.exterior, *part.interiors)] for part in parts]


def _points(coordinates: Sequence[Sequence[float]]) -> Polygon:
    return tuple((float(c[0]), float(c[1])) for c in coordinates)
