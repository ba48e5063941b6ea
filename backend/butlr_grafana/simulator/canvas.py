"""A canvas in metres, as large as a floor's extent; north (large y) is up. Edges are smoothed."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PIL import Image, ImageDraw

from .geometry import Point, Polygon

PIXELS_PER_M = 60
_FINER = 2
"""The image is drawn so many times larger, and is then reduced."""

WHITE, BLACK = 255, 0


class Canvas:
    """Greys from `BLACK` to `WHITE`; widths and lengths in metres, angles in degrees counterclockwise."""

    def __init__(self, extent: tuple[float, float, float, float], background: int = WHITE) -> None:
        self._left, low, right, self._top = extent
        self._scale = PIXELS_PER_M * _FINER
        # Whole pixels of the final image, whatever it is reduced from.
        size = [round(length * PIXELS_PER_M) * _FINER for length in (right - self._left, self._top - low)]
        self._image = Image.new("L", (size[0], size[1]), background)
        self._draw = ImageDraw.Draw(self._image)

    def finished(self) -> Image.Image:
        """The image, with `PIXELS_PER_M` pixels per metre."""
        return self._image.reduce(_FINER)

    def cover(self, other: Canvas, shape: Polygon) -> None:
        """Copies the part of another canvas of the same floor that lies within the shape."""
        mask = Image.new("L", self._image.size, 0)
        ImageDraw.Draw(mask).polygon(self._pixels(shape), fill=255)
        self._image.paste(other._image, mask=mask)

    def line(self, points: Iterable[Point], width_m: float, grey: int = BLACK) -> None:
        """Draws a line through the points, with round corners."""
        self._draw.line(self._pixels(points), grey, self._pixel_width(width_m), joint="curve")

    def shape(self, polygon: Polygon, line_m: float, grey: int = BLACK, fill: int = WHITE) -> None:
        """Draws a filled polygon with an outline; without a width, only the filling."""
        self._draw.polygon(self._pixels(polygon), fill=fill)
        if line_m:
            self.line([*polygon, *polygon[:2]], line_m, grey)

    def circle(self, centre: Point, radius_m: float, line_m: float, grey: int = BLACK) -> None:
        """Draws a white circle with an outline."""
        around = self._around(centre, radius_m)
        self._draw.ellipse(around, fill=WHITE, outline=grey, width=self._pixel_width(line_m))

    def arc(
        self, centre: Point, radius_m: float, degrees: tuple[float, float], line_m: float, grey: int = BLACK
    ) -> None:
        """Draws the part of a circle between two angles."""
        around = self._around(centre, radius_m)
        # Pillow's angles grow clockwise.
        self._draw.arc(around, -degrees[1], -degrees[0], grey, self._pixel_width(line_m))

    def _around(self, centre: Point, radius_m: float) -> tuple[float, float, float, float]:
        (x, y), r = self._pixels([centre])[0], radius_m * self._scale
        return x - r, y - r, x + r, y + r

    def _pixels(self, points: Iterable[Point]) -> list[Point]:
        return [((x - self._left) * self._scale, (self._top - y) * self._scale) for x, y in points]

    def _pixel_width(self, width_m: float) -> int:
        return max(1, round(width_m * self._scale))


def placed(polygon: Polygon, at: Point, turned_deg: float = 0.0) -> Polygon:
    """A polygon around the origin, rotated and moved to its place."""
    cos, sin = math.cos(math.radians(turned_deg)), math.sin(math.radians(turned_deg))
    return tuple((at[0] + cos * x - sin * y, at[1] + sin * x + cos * y) for x, y in polygon)
