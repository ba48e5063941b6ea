"""Hand-made floors and heat maps, and a picture looked at in metres."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from butlr_grafana.model.chunk import Coverage, Grid
from butlr_grafana.model.floor import Bounds, Building, Floor, Polygon, Room
from butlr_grafana.model.queries import HeatMap, Query
from butlr_grafana.model.time import Period
from butlr_grafana.present.images.theme import Rgb, Theme

HOUR = 3600
MONDAY_8H = 1_781_503_200
"""2026-06-15T06:00:00Z, a Monday: 08:00 in Paris."""

Pixels = NDArray[np.uint8]


def box(left: float, low: float, right: float, high: float) -> Polygon:
    return ((left, low), (right, low), (right, high), (left, high))


def room(name: str, polygon: Polygon | None, **more: Any) -> Room:
    return Room(f"room_{name.lower().replace(' ', '_')}", name, "floor", polygon=polygon, **more)


def floor(*rooms: Room, **more: Any) -> Floor:
    params = {"id": "floor", "name": "Floor 1", "timezone": "Europe/Paris", **more}
    return Floor(building=Building("b", "House", "Site"), rooms=rooms, **params)


def heat_map(
    on: Floor,
    cells: Mapping[tuple[int, int], float],
    *,
    resolution_m: float = 1.0,
    phase_m: tuple[float, float] | None = None,
    bounds: Bounds | None = None,
    start_s: int = MONDAY_8H,
    length_s: int = HOUR,
    coverage: Mapping[str, Any] = {},
    **query: Any,
) -> HeatMap:
    """A value for each cell (ix, iy), whose lower left corner is at (ix, iy) times the resolution."""
    half = resolution_m / 2
    known = sorted(cells)
    grid = Grid(
        resolution_m,
        (phase_m or (half, half)) if cells else None,
        np.array([ix for ix, _ in known], np.int32),
        np.array([iy for _, iy in known], np.int32),
        np.array([cells[k] for k in known], np.float64),
        bounds or on.bounds,
    )
    period = Period(start_s, start_s + length_s)
    counted: dict[str, Any] = {
        "planned": 1,
        "fetched": 1,
        "cached": 0,
        "stale": 0,
        "missing": 0,
        "hours": length_s / HOUR,
        "as_of_s": float(period.end_s),
        **coverage,
    }
    return HeatMap(Query(on, period, resolution_m, **query), grid, grid, Coverage(**counted), ())


def decoded(data: bytes) -> Pixels:
    """uint8[height, width, 3]"""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def has(pixels: Pixels, colour: Rgb) -> NDArray[np.bool_]:
    return np.asarray((pixels == np.array(colour, np.uint8)).all(axis=-1))


def is_coloured(pixels: Pixels) -> NDArray[np.bool_]:
    """Colour rather than a grey, as it only stands for values (and warnings)."""
    wide = pixels.astype(int)
    return np.asarray(wide.max(axis=-1) - wide.min(axis=-1) > 30)


@dataclass(frozen=True)
class DrawnMap:
    """A picture, and where its walls are: long rows and columns in the colour of walls.

    `walls`: the rectangle around all walls in metres; they are drawn with their middle on it.
    """

    pixels: Pixels
    walls: Bounds
    left: float
    top: float
    px_per_m: float

    @staticmethod
    def of(data: bytes, walls: Bounds, theme: Theme) -> DrawnMap:
        pixels = decoded(data)
        wall = has(pixels, theme.wall)
        rows, columns = (np.flatnonzero(wall.sum(axis=axis) >= 15) for axis in (1, 0))
        left, right, top, bottom = columns[0], columns[-1] + 1, rows[0], rows[-1] + 1
        across, down = walls.max_x - walls.min_x, walls.max_y - walls.min_y
        # The walls' own thickness is the same both ways: it drops out of the difference.
        if across != down:
            scale = ((right - left) - (bottom - top)) / (across - down)
        else:
            scale = (right - left) / across
        thick = (right - left) - across * scale
        return DrawnMap(pixels, walls, left + thick / 2, top + thick / 2, scale)

    def px(self, x_m: float, y_m: float) -> tuple[int, int]:
        """Row and column."""
        return (
            int(self.top + (self.walls.max_y - y_m) * self.px_per_m),
            int(self.left + (x_m - self.walls.min_x) * self.px_per_m),
        )

    def at(self, x_m: float, y_m: float) -> Rgb:
        row, column = self.px(x_m, y_m)
        red, green, blue = (int(v) for v in self.pixels[row, column])
        return red, green, blue

    def inside(self, left: float, low: float, right: float, high: float) -> Pixels:
        (top, first), (bottom, last) = self.px(left, high), self.px(right, low)
        return self.pixels[top:bottom, first:last]
