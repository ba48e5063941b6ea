"""Curves over minutes, one diagram above the other, as a PNG: axes, units, legend, and no library for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 1000, 320, 90, 30, 40, 50
COLOURS = ("#1f60c4", "#e0752d", "#37872d")
INK, GRID = "#222222", "#dddddd"


@dataclass(frozen=True)
class Curve:
    """Points of minutes and values."""

    name: str
    points: Sequence[tuple[float, float]]


def draw(path: Path, diagrams: Sequence[tuple[str, Sequence[Curve]]]) -> None:
    """`diagrams`: what is on the y axis, with its unit, and the curves."""
    picture = Image.new("RGB", (WIDTH, HEIGHT * len(diagrams)), "white")
    for number, (title, curves) in enumerate(diagrams):
        picture.paste(_diagram(title, curves), (0, HEIGHT * number))
    picture.save(path)


def steps(top: float) -> list[float]:
    """About five round values from 0 up to at least `top`."""
    size = 10.0 ** len(str(int(top)))
    step = next(s for s in (size / 100, size / 50, size / 20, size / 10, size / 5, size / 2) if top / s <= 5)
    return [n * step for n in range(int(-(-top // step)) + 1)]


def _diagram(title: str, curves: Sequence[Curve]) -> Image.Image:
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    xs = steps(max((x for curve in curves for x, _ in curve.points), default=1.0))
    ys = steps(max((y for curve in curves for _, y in curve.points), default=1.0))

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + (WIDTH - LEFT - RIGHT) * x / xs[-1],
            HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * y / ys[-1],
        )

    for y in ys:
        pen.line((place(0, y), place(xs[-1], y)), GRID)
        pen.text((LEFT - 8, place(0, y)[1]), f"{y:g}", INK, font, anchor="rm")
    for x in xs:
        pen.line((place(x, 0), place(x, ys[-1])), GRID)
        pen.text((place(x, 0)[0], HEIGHT - BOTTOM + 6), f"{x:g}", INK, font, anchor="ma")
    pen.line((place(0, ys[-1]), place(0, 0), place(xs[-1], 0)), INK)
    pen.text((LEFT, 10), title, INK, font)
    pen.text(((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 20), "minutes", INK, font, anchor="ma")
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        pen.line([place(x, y) for x, y in curve.points], colour, 2)
        pen.text((WIDTH - RIGHT, 10 + 16 * number), curve.name, colour, font, anchor="ra")
    return picture
