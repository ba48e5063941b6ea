"""A heat map as a PNG: rooms' outlines, cells, a legend with its unit, a metre scale, what is covered.

x grows to the right, y upwards (`Y_UP`), as in Grafana's Heatmap panel.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from PIL import Image, ImageDraw, ImageFont

from butlr_grafana.model import Floats, HeatMap, Polygon
from butlr_grafana.present.account import QUANTITIES, notices
from butlr_grafana.present.colour import colours, ramp
from butlr_grafana.present.dense import dense

Y_UP = True
"""Butlr does not document the direction of y; should a tenant show it downwards, this is the one place."""

WIDTH_PX, MARGIN_PX, HEAD_PX, FOOT_PX = 1200, 24, 88, 84
PAPER, INK, FAINT, FLOOR = (255, 255, 255), (32, 34, 38), (120, 124, 130), (240, 241, 243)
WARNING = (176, 72, 0)
SCALES_M = (1, 2, 5, 10, 20, 50, 100, 200, 500)

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Layout:
    """Metres to pixels."""

    left_m: float
    low_m: float
    high_m: float
    pixels_per_m: float

    def at(self, x_m: float, y_m: float) -> Point:
        down_m = self.high_m - y_m if Y_UP else y_m - self.low_m
        return (
            MARGIN_PX + (x_m - self.left_m) * self.pixels_per_m,
            HEAD_PX + down_m * self.pixels_per_m,
        )


def png(answer: HeatMap, *, demo: bool) -> bytes:
    """The picture's bytes; `WIDTH_PX` wide, as high as the floor wants."""
    xs, ys, values = dense(answer.shown)
    half = answer.shown.resolution_m / 2
    width_m, height_m = xs[-1] - xs[0] + 2 * half, ys[-1] - ys[0] + 2 * half
    scale = min((WIDTH_PX - 2 * MARGIN_PX) / width_m, 1600 / height_m)
    layout = Layout(xs[0] - half, ys[0] - half, ys[-1] + half, scale)
    map_px = (max(1, round(width_m * scale)), max(1, round(height_m * scale)))
    picture = Image.new("RGB", (WIDTH_PX, HEAD_PX + map_px[1] + FOOT_PX), PAPER)
    draw = ImageDraw.Draw(picture)
    _outlines(draw, answer, layout.at, fill=True)
    _cells(picture, values, answer, map_px)
    _outlines(draw, answer, layout.at, fill=False)
    _head(draw, answer, demo=demo)
    _foot(draw, picture, answer, scale)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def _cells(picture: Image.Image, values: Floats, answer: HeatMap, size_px: tuple[int, int]) -> None:
    top = float(answer.shown.value.max(initial=0.0))
    rows = colours(values.T, top)
    # Row 0 of a picture is its top.
    cells = Image.fromarray(rows[::-1].copy() if Y_UP else rows)
    cells = cells.resize(size_px, Image.Resampling.NEAREST)
    picture.paste(cells, (MARGIN_PX, HEAD_PX), cells)


def _outlines(
    draw: ImageDraw.ImageDraw, answer: HeatMap, at: Callable[[float, float], Point], *, fill: bool
) -> None:
    floor = answer.query.floor
    chosen = {r.id for r in answer.query.rooms} if answer.query.rooms is not None else None
    shapes: list[tuple[Polygon | None, bool]] = [(floor.outline, True)]
    shapes += [(room.polygon, chosen is None or room.id in chosen) for room in floor.rooms]
    for polygon, strong in shapes:
        if polygon:
            points = [at(x, y) for x, y in polygon]
            if fill:
                draw.polygon(points, fill=FLOOR)
            else:
                draw.line([*points, points[0]], fill=INK if strong else FAINT, width=2 if strong else 1)


def _head(draw: ImageDraw.ImageDraw, answer: HeatMap, *, demo: bool) -> None:
    floor, period = answer.query.floor, answer.query.period
    zone = ZoneInfo(floor.timezone)
    start, end = (
        datetime.fromtimestamp(t, zone).strftime("%a %d %b %Y %H:%M") for t in (period.start_s, period.end_s)
    )
    draw.text((MARGIN_PX, 12), f"{floor.building.name} / {floor.name}", INK, font(22))
    said = notices(answer, demo=demo)
    line = f"{start} to {end} ({floor.timezone}), {answer.coverage.hours:,.1f} h counted"
    draw.text((MARGIN_PX, 42), line, FAINT, font(14))
    trouble = [n["text"] for n in said if n["severity"] != "info"] or [n["text"] for n in said]
    if trouble:
        warn = any(n["severity"] == "warning" for n in said)
        draw.text((MARGIN_PX, 62), trouble[0][:150], WARNING if warn else FAINT, font(13))


def _foot(draw: ImageDraw.ImageDraw, picture: Image.Image, answer: HeatMap, scale: float) -> None:
    y = picture.height - FOOT_PX + 24
    quantity = QUANTITIES[answer.query.normalize]
    top = float(answer.shown.value.max(initial=0.0))
    legend = Image.fromarray(ramp()[None, :, :].repeat(14, axis=0)).resize((300, 14))
    picture.paste(legend, (MARGIN_PX, y))
    for share in (0.0, 0.5, 1.0):
        text = _number(share * top, quantity.unit)
        draw.text(
            (MARGIN_PX + 300 * share, y + 18),
            text,
            INK,
            font(13),
            anchor=("l", "m", "r")[int(share * 2)] + "a",
        )
    unit = f"{quantity.title}, per cell of {answer.query.resolution_m:g} m; no colour: no detection"
    draw.text((MARGIN_PX + 320, y - 2), unit, INK, font(14))
    metres = max((m for m in SCALES_M if m * scale <= 220), default=SCALES_M[0])
    right = WIDTH_PX - MARGIN_PX
    draw.line([(right - metres * scale, y + 8), (right, y + 8)], fill=INK, width=3)
    draw.text((right, y + 18), f"{metres} m", INK, font(13), anchor="ra")


def _number(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
