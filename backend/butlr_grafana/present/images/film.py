"""A playback: heat maps of equal windows as an animated WebP, on one colour scale.

The parts that do not change are drawn once, so nothing flickers. A frame is drawn when it is written, so only
one is in memory.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from PIL import Image, ImageDraw

from butlr_grafana.model.chunk import Grid
from butlr_grafana.model.floor import Floor, PlanDrawing
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.time import HOUR_S
from butlr_grafana.present.frames.dense import dense
from butlr_grafana.present.images import floorplan_layers, lettering
from butlr_grafana.present.images.colour import sequential
from butlr_grafana.present.images.floorplan_geometry import Raster
from butlr_grafana.present.images.heatmap_image import (
    chosen_of,
    colour,
    draw_message,
    entries_of,
    lay,
    legend_of,
    nothing_of,
    plan_of,
    raster_of,
    title_of,
)
from butlr_grafana.present.images.page_layout import assemble, foot
from butlr_grafana.present.images.theme import SMALLEST_PX, ImageOptions, Sizes, Style, Theme, ThemeName

LEAST_CLOCK_PX = 9
MOST_FRAMES = 200
WIDEST_PX = 1600
"""A wider playback takes long to write and more to send."""

DASH = "\N{EN DASH}"

SHORTEST_MS, LONGEST_MS = 20, 60_000


def webp(
    frames: Sequence[HeatMap],
    *,
    demo: bool = False,
    width: int = 800,
    theme: ThemeName = "light",
    style: Style = "gradient",
    milliseconds: int = 600,
    drawing: PlanDrawing | None = None,
) -> bytes:
    """The windows in the order given, `milliseconds` each, for ever.

    Raises `ValueError` for no frames or more than `MOST_FRAMES`, for frames of several floors, grids or
    normalisations, and for a width or time out of range.
    """
    _check(frames, width, milliseconds)
    options = ImageOptions(style=style, theme=theme, width=width)
    film = _Film(_painter(frames, options, demo=demo, drawing=drawing), len(frames))
    out = io.BytesIO()
    # Lossless: few colours and sharp edges, for which it is smaller than lossy too.
    film.save(
        out,
        "WEBP",
        save_all=True,
        duration=milliseconds,
        loop=0,
        lossless=True,
        quality=40,
        method=2,
        kmin=0,
        kmax=0,
    )
    return out.getvalue()


def _check(frames: Sequence[HeatMap], width: int, milliseconds: int) -> None:
    if not 1 <= len(frames) <= MOST_FRAMES:
        raise ValueError(f"a playback may have 1 to {MOST_FRAMES} windows, not {len(frames)}")
    if not SMALLEST_PX <= width <= WIDEST_PX:
        raise ValueError(f"width of a playback is {SMALLEST_PX} to {WIDEST_PX} pixels, not {width}")
    if not SHORTEST_MS <= milliseconds <= LONGEST_MS:
        raise ValueError(f"milliseconds is {SHORTEST_MS} to {LONGEST_MS}, not {milliseconds}")
    kinds = {(f.query.floor.id, f.shown.resolution_m, f.query.normalize) for f in frames}
    if len(kinds) > 1:
        raise ValueError("the windows of a playback are of one floor, one resolution, one normalisation")


class _Film(Image.Image):
    """An image of many frames, each drawn when Pillow's writer turns to it."""

    def __init__(self, draw: Callable[[int], Image.Image], count: int) -> None:
        super().__init__()
        self._draw, self._at = draw, -1
        self.n_frames = count
        self.seek(0)

    def seek(self, frame: int) -> None:
        if frame != self._at:
            picture = self._draw(frame)
            self.im, self._mode, self._size, self._at = picture.im, picture.mode, picture.size, frame

    def tell(self) -> int:
        return self._at


def _painter(
    frames: Sequence[HeatMap], options: ImageOptions, *, demo: bool, drawing: PlanDrawing | None
) -> Callable[[int], Image.Image]:
    """Draws frame number n, on what all frames share."""
    first, everything = frames[0], _everything(frames)
    top = max(float(f.shown.value.max(initial=0.0)) for f in frames)
    scale = sequential(top, options.style, options.colours)
    plan = plan_of(_as_seen(first), [everything], options, chosen=chosen_of(first), drawing=drawing)
    under = floorplan_layers.under(plan, [everything])
    over = floorplan_layers.over(plan, floorplan_layers.labels(plan, [everything]))
    heading = _Heading(frames, options.colours, plan.sizes, demo=demo)
    legend = legend_of(first, scale) if top > 0 else None
    footing = foot(legend, entries_of(plan), plan.layout.pixels_per_m, plan.theme, plan.sizes)
    page, corners = assemble([heading.still, under, footing], plan.theme, plan.sizes)

    def paint(index: int) -> Image.Image:
        result, image, floor = frames[index], page.copy(), under.copy()
        colour(floor, plan, raster_of(result), scale, smooth=options.smooth)
        lay(floor, over)
        known = result.coverage.planned and result.coverage.complete
        if not result.shown.value.size and (not known or top == 0):
            draw_message(floor, nothing_of(result), plan)
        image.paste(heading.at(index), corners[0])
        image.paste(floor, corners[1])
        return image

    return paint


def _as_seen(first: HeatMap) -> Floor:
    """The floor on which only the rooms are offline that were so from the first window on: the others had
    data for a part of the film.
    """
    floor, start_s = first.query.floor, first.query.period.start_s
    rooms = tuple(
        replace(room, online=True) if (room.silent_since_s or 0) > start_s else room for room in floor.rooms
    )
    return replace(floor, rooms=rooms)


def _everything(frames: Sequence[HeatMap]) -> Raster:
    """The cells of all windows: where there is a value in any of them."""
    res = frames[0].shown.resolution_m
    phase = next((f.shown.phase_m for f in frames if f.shown.phase_m is not None), None)
    bounds = None
    for f in frames:
        if f.shown.bounds is not None:
            bounds = bounds.union(f.shown.bounds) if bounds else f.shown.bounds
    if phase is None:
        union = Grid.empty(res, bounds)
    else:
        x, y = (np.concatenate(axis) for axis in zip(*(f.shown.centres() for f in frames), strict=True))
        index = [np.rint((m - p) / res).astype(np.int32) for m, p in zip((x, y), phase, strict=True)]
        ix, iy = np.unique(np.stack(index), axis=1)
        union = Grid(res, phase, ix, iy, np.ones(len(ix)), bounds)
    return Raster(*dense(union), res)


def _clock(labels: Sequence[tuple[str, str]], sizes: Sizes) -> tuple[int, bool]:
    """Its size, and whether the date has room beside it: else it has a line of its own below."""
    largest, gap = sizes.px(60, 30), sizes.px(24, 8)
    beside = gap + max(lettering.width(small, sizes.text) for _, small in labels)

    def largest_in(room_px: float, least: int) -> int | None:
        for size in range(largest, least - 1, -1):
            if all(lettering.width(big, size, medium=True) <= room_px for big, _ in labels):
                return size
        return None

    readable = largest_in(sizes.content - beside, round(0.6 * largest))
    return (
        (readable, True) if readable else (largest_in(sizes.content, LEAST_CLOCK_PX) or LEAST_CLOCK_PX, False)
    )


class _Heading:
    """Above the plan: the floor, each window's local time, and a bar of all windows up to this one."""

    def __init__(self, frames: Sequence[HeatMap], theme: Theme, sizes: Sizes, *, demo: bool) -> None:
        self._frames, self._theme, self._sizes = frames, theme, sizes
        self._labels = [clock(f) for f in frames]
        self._big, self._is_beside = _clock(self._labels, sizes)
        self._bars, self._track = sizes.px(54, 20), sizes.px(8, 4)
        # The date stands still: digits differ in width.
        self._aside = max(lettering.width(big, self._big, medium=True) for big, _ in self._labels)
        title = lettering.line_height(sizes.title)
        self._middle = title + lettering.line_height(self._big) / 2
        self._top = title + lettering.line_height(self._big) + sizes.px(6, 3)
        if not self._is_beside:
            # The date, and perhaps that a window is incomplete.
            self._below = self._top + lettering.line_height(sizes.text) / 2
            self._top += 2 * lettering.line_height(sizes.text)
        self.still = Image.new("RGB", (sizes.content, self._top + self._bars + self._track), theme.paper)
        name = title_of(frames[0].query.floor) + (" · simulated" if demo else "")
        text = lettering.shorten(name, sizes.title, sizes.content)
        lettering.write(self.still, (0, title / 2), text, sizes.title, theme.foreground)
        self._draw_bars(self.still)

    def at(self, index: int) -> Image.Image:
        theme, sizes, image = self._theme, self._sizes, self.still.copy()
        big, small = self._labels[index]
        lettering.write(image, (0, self._middle), big, self._big, theme.foreground, medium=True)
        left = self._aside + sizes.px(24, 8) if self._is_beside else 0.0
        lines = [(small, theme.faint)]
        if not self._frames[index].coverage.complete:
            lines.append(("▲ incomplete", theme.warning))
        step = lettering.line_height(sizes.text)
        top = self._middle - (len(lines) - 1) / 2 * step if self._is_beside else self._below
        for line, (text, paint) in enumerate(lines):
            y = top + line * step
            fits = lettering.shorten(text, sizes.text, sizes.content - left)
            lettering.write(image, (left, y), fits, sizes.text, paint)
        count = f"{index + 1} of {len(self._frames)}"
        right = left + max(lettering.width(t, sizes.text) for t, _ in lines) + sizes.px(24, 8)
        if self._is_beside and right + lettering.width(count, sizes.text) <= sizes.content:
            lettering.write(image, (sizes.content, self._middle), count, sizes.text, theme.faint, anchor="rm")
        self._draw_bars(image, index)
        return image

    def _draw_bars(self, image: Image.Image, reached: int = -1) -> None:
        """A column a window, as high as its detections; below them the way so far."""
        theme, draw = self._theme, ImageDraw.Draw(image)
        totals = [f.total for f in self._frames]
        most = max(totals) or 1.0
        edges = np.linspace(0, self._sizes.content, len(totals) + 1)
        gap = 1 if edges[1] >= 4 else 0
        foot_px = self._top + self._bars
        for index, total in enumerate(totals):
            left, right = round(edges[index]), round(edges[index + 1]) - 1 - gap
            paint = (
                theme.foreground if index == reached else theme.faint if index < reached else theme.thin_wall
            )
            high = round(total / most * (self._bars - 2))
            if high and right >= left:
                draw.rectangle((left, foot_px - 1 - high, right, foot_px - 2), fill=paint)
        draw.rectangle((0, foot_px, self._sizes.content - 1, foot_px + self._track - 1), fill=theme.floor)
        if reached >= 0:
            done = round(edges[reached + 1]) - 1
            draw.rectangle((0, foot_px, done, foot_px + self._track - 1), fill=theme.foreground)


def clock(result: HeatMap) -> tuple[str, str]:
    """A window's local time in large, the rest in small: the hours and `Tue 16 Jun 2026`."""
    zone = ZoneInfo(result.query.timezone)
    period = result.query.period
    start, end = (datetime.fromtimestamp(t, zone) for t in (period.start_s, period.end_s))
    last = end - timedelta(microseconds=1)
    midnights = (start.hour, start.minute, end.hour, end.minute) == (0, 0, 0, 0)
    if midnights and start.date() == last.date():
        return f"{start:%a} {start.day} {start:%b}", f"{start:%Y}"
    if midnights:
        return f"{start.day} {start:%b} {DASH} {last.day} {last:%b}", f"{last:%Y}"
    if start.date() == last.date() and period.length_s > HOUR_S:
        # A day at the edge of the time range. The hours that count are fewer than these.
        since = "" if (start.hour, start.minute) == (0, 0) else f", from {start:%H:%M}"
        until = "" if end.date() != start.date() else f", until {end:%H:%M}"
        return f"{start:%a} {start.day} {start:%b}", f"{start:%Y}{since}{until}"
    if start.date() == last.date():
        until = "24:00" if end.date() != start.date() else f"{end:%H:%M}"
        return f"{start:%H:%M}{DASH}{until}", f"{start:%a} {start.day} {start:%b %Y}"
    return f"{start:%a %H:%M} {DASH} {end:%a %H:%M}", f"{start.day} {start:%b} {DASH} {end.day} {end:%b %Y}"
