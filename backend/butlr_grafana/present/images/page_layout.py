"""The area around a plan: the header with title and times, the footer with legend and scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw

from butlr_grafana.present.images.colour import Scale
from butlr_grafana.present.images.floorplan_layers import hatch
from butlr_grafana.present.images.lettering import line_height, width, wrap, write
from butlr_grafana.present.images.theme import Rgb, Sizes, Theme
from butlr_grafana.present.images.ticks import ticks

Corner = tuple[int, int]

SCALES_M = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph of the head: at most `most` lines of it, but for narrow pictures (`Sizes.lines`)."""

    text: str
    size: int
    colour: Rgb
    medium: bool = False
    most: int = 2


@dataclass(frozen=True, slots=True, eq=False)
class Legend:
    title: str
    scale: Scale
    text: Callable[[float], str]
    """A tick's text."""
    whole: bool = False
    """Only whole numbers occur."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Beside the legend: what a fill means that is not on its scale."""

    text: str
    fill: Rgb
    look: Literal["plain", "hatched", "dashed"] = "plain"


def head(lines: Sequence[Line], theme: Theme, sizes: Sizes) -> Image.Image:
    """As wide as the content, as high as the wrapped lines."""
    rows = [
        (text, line)
        for line in lines
        for text in wrap(
            line.text, line.size, sizes.content, most=max(line.most, sizes.lines), medium=line.medium
        )
    ]
    height = sum(line_height(line.size) for _, line in rows)
    image = Image.new("RGB", (sizes.content, max(1, height)), theme.paper)
    y = 0
    for text, line in rows:
        middle = y + line_height(line.size) / 2
        write(image, (0, middle), text, line.size, line.colour, medium=line.medium)
        y += line_height(line.size)
    return image


def foot(
    legend: Legend | None, entries: Sequence[Entry], pixels_per_m: float, theme: Theme, sizes: Sizes
) -> Image.Image:
    """Legend, entries and metre scale in one row, or in as many as this width needs."""
    bar = _metre_scale(pixels_per_m, theme, sizes)
    blocks = [_legend(legend, theme, sizes)] if legend else []
    gap = sizes.px(36, 14)
    beside = sizes.content - sum(b.width + gap for b in blocks) - bar.width - gap
    if entries:
        column = _entries(entries, theme, sizes, stacked=True)
        fits = column.width <= beside
        blocks.append(column if fits else _entries(entries, theme, sizes, stacked=False))
    return _flow([*blocks, bar], gap, theme, sizes)


def assemble(parts: Sequence[Image.Image], theme: Theme, sizes: Sizes) -> tuple[Image.Image, list[Corner]]:
    """One under the other, each in the middle of the picture's width; and where each has its corner."""
    gap, margin = sizes.px(18, 10), sizes.margin
    height = sum(p.height for p in parts) + gap * (len(parts) - 1) + 2 * margin
    image = Image.new("RGB", (sizes.width, height), theme.paper)
    corners, y = [], margin
    for part in parts:
        corners.append(((sizes.width - part.width) // 2, y))
        image.paste(part, corners[-1])
        y += part.height + gap
    return image, corners


def _flow(blocks: Sequence[Image.Image], gap: int, theme: Theme, sizes: Sizes) -> Image.Image:
    """From left to right in rows; the last block, the metre scale, at the right."""
    rows: list[list[Image.Image]] = [[]]
    for block in blocks:
        if rows[-1] and sum(b.width + gap for b in rows[-1]) + block.width > sizes.content:
            rows.append([])
        rows[-1].append(block)
    between = sizes.px(14, 8)
    heights = [max(b.height for b in row) for row in rows]
    image = Image.new("RGB", (sizes.content, sum(heights) + between * (len(rows) - 1)), theme.paper)
    y = 0
    for row, height in zip(rows, heights, strict=True):
        x = 0
        for block in row:
            last = block is blocks[-1]
            left = sizes.content - block.width if last else x
            image.paste(block, (left, y + height - block.height))
            x += block.width + gap
        y += height + between
    return image


def _legend(legend: Legend, theme: Theme, sizes: Sizes) -> Image.Image:
    """The title, the scale's colours, ticks under them."""
    length = min(sizes.content, sizes.px(440, 230))
    size, bar, mark, gap = sizes.small, sizes.px(18, 10), sizes.px(6, 3), sizes.px(7, 4)
    title = wrap(legend.title, sizes.text, sizes.content, most=sizes.lines)
    title_width = max(round(width(text, sizes.text) + 0.5) for text in title)
    top = len(title) * line_height(sizes.text) + gap
    image = Image.new("RGB", (max(length, title_width), top + bar + mark + line_height(size)), theme.paper)
    draw = ImageDraw.Draw(image)
    for row, text in enumerate(title):
        write(image, (0, (row + 0.5) * line_height(sizes.text)), text, sizes.text, theme.foreground)
    steps = legend.scale.steps
    at = np.rint((np.arange(length) + 0.5) / length * (len(steps) - 1)).astype(int)
    # Over the colour of an empty room: where the steps are transparent, this is what they look like.
    image.paste(theme.floor, (0, top, length, top + bar))
    colours = Image.fromarray(np.broadcast_to(steps[at], (bar, length, 4)).copy())
    image.paste(colours, (0, top), colours)
    for tick in ticks(
        legend.scale,
        length,
        legend.text,
        lambda text: width(text, size),
        gap_px=0.7 * size,
        whole=legend.whole,
    ):
        x = min(max(tick.at_px, 0.5), length - 0.5)
        draw.line([(x, top + bar), (x, top + bar + mark)], fill=theme.faint, width=sizes.px(1.4))
        y = top + bar + mark + line_height(size) / 2
        write(image, (tick.centre_px, y), tick.text, size, theme.foreground, anchor="mm")
    return image


def _entries(entries: Sequence[Entry], theme: Theme, sizes: Sizes, *, stacked: bool) -> Image.Image:
    """Swatches with texts, one under the other or side by side as far as the width allows."""
    size, row, between = sizes.small, round(sizes.small * 1.75), sizes.px(24, 12)
    gap = round(size * 0.6)
    # In a narrow picture the swatch gives way to the longest word.
    left_over = int(sizes.content - gap - max(width(word, size) for e in entries for word in e.text.split()))
    swatch = (max(size, min(round(size * 1.9), left_over)), round(size * 1.25))
    step = swatch[0] + gap
    texts = [wrap(e.text, size, sizes.content - step, most=sizes.lines) for e in entries]
    widths = [step + max(round(width(line, size) + 0.5) for line in lines) for lines in texts]
    row = max(row, max(map(len, texts)) * line_height(size))
    places: list[Corner] = []
    x, y = 0, 0
    for entry_width in widths:
        if places and (stacked or x + entry_width > sizes.content):
            x, y = 0, y + row
        places.append((x, y))
        x += entry_width + between
    right = max(x + w for (x, _), w in zip(places, widths, strict=True))
    image = Image.new("RGB", (right, y + row), theme.paper)
    draw = ImageDraw.Draw(image)
    for entry, lines, (left, top) in zip(entries, texts, places, strict=True):
        place = (left, top + (row - swatch[1]) // 2)
        patch = Image.new("RGB", swatch, entry.fill)
        if entry.look == "hatched":
            patch.paste(theme.hatch, mask=hatch(swatch, sizes))
        image.paste(patch, place)
        box = (*place, place[0] + swatch[0] - 1, place[1] + swatch[1] - 1)
        draw.rectangle(box, outline=theme.thin_wall, width=sizes.px(1.4))
        if entry.look == "dashed":
            for x in range(place[0] + 3, box[2] - 2, 6):
                draw.rectangle((x, place[1], x + 2, box[3]), fill=entry.fill)
            for y in range(place[1] + 3, box[3] - 2, 6):
                draw.rectangle((place[0], y, box[2], y + 2), fill=entry.fill)
        for number, text in enumerate(lines):
            middle = top + row / 2 + (number - (len(lines) - 1) / 2) * line_height(size)
            write(image, (left + step, middle), text, size, theme.foreground)
    return image


def _metre_scale(pixels_per_m: float, theme: Theme, sizes: Sizes) -> Image.Image:
    """A bar as long as a round number of metres, at most a fifth of the width."""
    most = sizes.content / 5
    metres = max((m for m in SCALES_M if m * pixels_per_m <= most), default=SCALES_M[0])
    length = max(2, round(metres * pixels_per_m))
    text = f"{metres:g} m"
    size, thick, tall = sizes.small, sizes.px(2.4, 1), sizes.px(9, 5)
    across = max(length, round(width(text, size) + 0.5))
    image = Image.new("RGB", (across, line_height(size) + tall + thick), theme.paper)
    draw = ImageDraw.Draw(image)
    write(image, (across / 2, line_height(size) / 2), text, size, theme.foreground, anchor="mm")
    left, top = (across - length) // 2, line_height(size)
    bottom = top + tall
    draw.rectangle((left, bottom - thick + 1, left + length - 1, bottom), fill=theme.foreground)
    for x in (left, left + length - thick):
        draw.rectangle((x, top, x + thick - 1, bottom), fill=theme.foreground)
    return image
