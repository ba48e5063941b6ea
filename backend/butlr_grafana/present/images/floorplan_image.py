"""The image of a floor plan under the cells: its line art, placed on the floor.

Butlr documents neither what the coordinates of an image mean nor how it is rotated. The assumption: rotated
by its rotation about its centre, the image is the smallest rectangle that contains the coordinates.
"""

from __future__ import annotations

from math import cos, floor, radians, sin

import numpy as np
from PIL import Image

from butlr_grafana.model.floor import FloorPlanPicture, PlanDrawing
from butlr_grafana.present.images.floorplan_geometry import Y_UP, Layout

ROTATION_FROM_X_TO_Y = True
"""Counterclockwise where y grows upwards; should a tenant's pictures lie the other way, this is the place."""

LEVELS = 16
"""Steps of the ink: what is drawn in few greys stays small as a file."""

Rectangle = tuple[float, float, float, float]
"""Along and across a turned rectangle: `min_u, min_v, max_u, max_v` in metres."""


def mask(drawing: PlanDrawing, layout: Layout, opacity: float) -> Image.Image | None:
    """Where the ink goes, and how thick, at most `opacity` (0 to 1); `None`: its place is below a pixel."""
    left, low, right, high = rectangle(drawing.plan)
    pixel_m = 1 / layout.pixels_per_m
    if not (right - left >= pixel_m and high - low >= pixel_m) or not drawing.line_art.size:
        return None
    line_art = Image.fromarray(drawing.line_art)
    # Metres of the floor for a pixel of the ink, once it is about as fine as the plan.
    finer = min(line_art.width / (right - left), line_art.height / (high - low)) / layout.pixels_per_m
    line_art = line_art.reduce(max(1, floor(finer)))
    u_px, v_px = line_art.width / (right - left), line_art.height / (high - low)
    across, along = axes(drawing.plan)
    # Pixels of the plan to metres, from there along the rectangle, from there to pixels of the ink.
    (x0, y0), (x1, _), (_, y2) = (_metres(layout, column, row) for column, row in ((0, 0), (1, 0), (0, 1)))
    step_x, step_y = x1 - x0, y2 - y0
    columns = (
        u_px * across[0] * step_x,
        u_px * across[1] * step_y,
        u_px * (across[0] * x0 + across[1] * y0 - left),
    )
    rows = (
        v_px * along[0] * step_x,
        v_px * along[1] * step_y,
        v_px * (along[0] * x0 + along[1] * y0 - low),
    )
    if Y_UP:
        # The picture's first row is its highest.
        rows = (-rows[0], -rows[1], line_art.height - rows[2])
    laid = line_art.transform(
        layout.size, Image.Transform.AFFINE, (*columns, *rows), Image.Resampling.BILINEAR
    )
    steps = np.rint(np.asarray(laid) / 255 * (LEVELS - 1)) / (LEVELS - 1)
    return Image.fromarray(np.rint(steps * 255 * opacity).astype(np.uint8))


def axes(plan: FloorPlanPicture) -> tuple[tuple[float, float], tuple[float, float]]:
    """The picture's own right and up on the floor, as unit vectors."""
    turned = radians(plan.rotation_deg if ROTATION_FROM_X_TO_Y else -plan.rotation_deg)
    return (cos(turned), sin(turned)), (-sin(turned), cos(turned))


def rectangle(plan: FloorPlanPicture) -> Rectangle:
    """The smallest rectangle in the picture's own axes that holds its coordinates."""
    right, up = axes(plan)
    u, v = ([x * axis[0] + y * axis[1] for x, y in plan.polygon] for axis in (right, up))
    return min(u), min(v), max(u), max(v)


def _metres(layout: Layout, column: float, row: float) -> tuple[float, float]:
    """Where a point of the plan's pixels is."""
    x = layout.bounds.min_x + (column - layout.pad_px) / layout.pixels_per_m
    down = (row - layout.pad_px) / layout.pixels_per_m
    return x, layout.bounds.max_y - down if Y_UP else layout.bounds.min_y + down
