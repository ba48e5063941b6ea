"""Floor plans as PNG: drawn from the office, north (large y) up."""

from __future__ import annotations

import io
from functools import lru_cache

from PIL import Image, ImageDraw

from .geometry import Polygon
from .world import Floor

PIXELS_PER_M = 20
_PAPER, _OFFICE, _ROOM, _WALL, _TEXT = "#ffffff", "#f4f4f2", "#e3e8ee", "#3b4350", "#3b4350"


@lru_cache(maxsize=16)
def draw(floor: Floor) -> bytes:
    """A PNG of exactly the floor's extent, `PIXELS_PER_M` to the metre, every room as built."""
    min_x, min_y, max_x, max_y = floor.extent
    size = (round((max_x - min_x) * PIXELS_PER_M), round((max_y - min_y) * PIXELS_PER_M))
    image = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(image)

    def pixels(polygon: Polygon) -> list[tuple[float, float]]:
        return [((x - min_x) * PIXELS_PER_M, (max_y - y) * PIXELS_PER_M) for x, y in polygon]

    pen.polygon(pixels(floor.outline), _OFFICE, _WALL, width=4)
    for room in floor.rooms:
        corners = pixels(room.footprint)
        pen.polygon(corners, _ROOM, _WALL, width=2)
        middle = (sum(x for x, _ in corners) / len(corners), sum(y for _, y in corners) / len(corners))
        pen.text(middle, room.name.replace(" ", "\n"), _TEXT, anchor="mm", align="center")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
