"""A floor plan in two layers: under the cells and over the cells.

Both are drawn once and used for every frame of a playback. They are drawn larger and then reduced, for smooth
edges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from PIL import Image, ImageDraw

from butlr_grafana.model.floor import Floor, PlanDrawing, Polygon, Room, as_built
from butlr_grafana.model.geometry import shape_of
from butlr_grafana.model.privacy import sum_of
from butlr_grafana.present.images import floorplan_image
from butlr_grafana.present.images.floorplan_geometry import Layout, Point, Raster, ground, true_outline
from butlr_grafana.present.images.labels import Cells, Label, Named, place
from butlr_grafana.present.images.lettering import line_height, write
from butlr_grafana.present.images.theme import Rgb, Sizes, Theme

LARGE_PX = 2400
"""Plans wider than this are drawn at twice their size rather than three times."""

HALO = 215
"""The halo's opacity: the cells under a label shine through."""

DrawFunction = Callable[[ImageDraw.ImageDraw, int], None]
Layer = tuple[Rgb, Image.Image]
"""A colour and where it goes: a mask of the plan's size."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A floor to be drawn; `chosen`: the ids of the rooms asked for, or `None` for all of them; `drawing`:
    its own picture, if there is one.
    """

    floor: Floor
    layout: Layout
    theme: Theme
    sizes: Sizes
    chosen: frozenset[str] | None = None
    drawing: PlanDrawing | None = None

    def is_chosen(self, room: Room) -> bool:
        return self.chosen is None or room.id in self.chosen

    @property
    def rooms(self) -> list[Room]:
        """The rooms with a place on the plan, also those that are not told of one by one."""
        return [room for room in as_built(self.floor.rooms) if shape_of(room.polygon)]

    @property
    def private(self) -> list[Room]:
        """Rooms whose cells are not shown."""
        together = sum_of(self.floor)
        return [room for room in self.rooms if together and room in together.members]

    @property
    def silent(self) -> list[Room]:
        """Rooms whose sensors are offline: no data, rather than nobody."""
        private = self.private
        return [r for r in self.rooms if r.online is False and self.is_chosen(r) and r not in private]


def under(plan: Plan, rasters: Sequence[Raster]) -> Image.Image:
    """Paper, ground, rooms, the plan's own picture, and hatches where there is no data."""
    theme, at = plan.theme, plan.layout.polygon
    image = Image.new("RGB", plan.layout.size, theme.paper)
    rooms = [(r.polygon, theme.floor if plan.is_chosen(r) else theme.apart) for r in plan.rooms]
    if rasters:
        rooms += [(room.polygon, theme.hatch) for room in plan.private]
    # A room asked for lies over one that was not.
    rooms.sort(key=lambda room: room[1] != theme.apart)
    shapes = [(rings, theme.ground) for rings in ground(plan.floor, rasters)]
    shapes += [([polygon], colour) for polygon, colour in rooms if polygon]
    for rings, colour in shapes:
        _fill(image, [at(ring) for ring in rings], colour)
    line_art = floorplan_image.mask(plan.drawing, plan.layout, theme.drawing) if plan.drawing else None
    if line_art:
        image.paste(theme.foreground, mask=line_art)
    silent = [at(room.polygon) for room in plan.silent if room.polygon]
    if silent:
        image.paste(theme.hatch, mask=hatch(plan.layout.size, plan.sizes, silent))
    return image


def over(plan: Plan, labels: Sequence[Label], dashed: Iterable[Polygon] = ()) -> list[Layer]:
    """Walls, then labels with a halo, ready to be laid over the cells."""
    at, width = plan.layout.polygon, plan.sizes.wall
    outline = true_outline(plan.floor)
    strong = [at(outline)] if outline else []
    strong += [at(r.polygon) for r in plan.rooms if r.polygon and plan.is_chosen(r)]
    thin = [at(r.polygon) for r in plan.rooms if r.polygon and not plan.is_chosen(r)]
    dashes = [dash for polygon in dashed for dash in _dashes(at(polygon), 7 * width / 2.4)]
    layers: list[Layer] = []
    if thin or dashes:
        lines = [_closed(s) for s in thin] + dashes
        layers.append((plan.theme.thin_wall, _mask(plan.layout.size, _lines(lines, width * 0.7))))
    if strong:
        walls = _mask(plan.layout.size, _lines([_closed(s) for s in strong], width))
        layers.append((plan.theme.wall, walls))
    if labels:
        halo, line_art = (Image.new("L", plan.layout.size, 0) for _ in range(2))
        for label in labels:
            _write(halo, label, HALO, stroke=label.size / 8)
            _write(line_art, label, 255, stroke=0)
        layers += [(plan.theme.floor, halo), (plan.theme.foreground, line_art)]
    return layers


def labels(plan: Plan, rasters: Iterable[Raster], *, zones: bool = False) -> list[Label]:
    """The rooms' names, the largest room first. With `zones` of the plan alone: the zones too, where there is
    room left, and the rooms that go without a name beside figures.
    """
    sizes = plan.sizes
    cells = Cells(rasters, plan.layout)
    gap = max(2.0, sizes.wall * 2.5)
    least = sizes.least_label
    unnamed = [] if zones else plan.private
    rooms = [_named(r.id, r.name, r.polygon) for r in plan.rooms if plan.is_chosen(r) and r not in unnamed]
    parts = [_named(z.id, z.name, z.polygon) for z in as_built(plan.floor.zones)] if zones else []
    dashed = [part.polygon for part in parts if part]
    placed = place(
        filter(None, rooms), plan.layout, cells, size=sizes.label, least=least, gap_px=gap, lines=dashed
    )
    taken = [label.box for label in placed]
    return placed + place(
        filter(None, parts), plan.layout, cells, size=least, least=least, gap_px=gap, taken=taken
    )


def _named(key: str, name: str, polygon: Polygon | None) -> Named | None:
    shape = shape_of(polygon)
    return Named(key, name, polygon, float(shape.area)) if shape and polygon else None


def hatch(size: tuple[int, int], sizes: Sizes, shapes: Iterable[list[Point]] | None = None) -> Image.Image:
    """A mask of diagonal lines, within the shapes if any are given; lines of neighbours meet."""
    width, height = size
    period, line = sizes.px(11, 6), sizes.px(2.4, 1)
    x, y = np.ogrid[:width, :height]
    off = np.abs((x + y) % period - period / 2)
    lines = np.clip(line / 2 + 0.5 - off / np.sqrt(2), 0, 1)
    mask = Image.fromarray(np.rint(lines.T * 255).astype(np.uint8))
    if shapes is None:
        return mask

    def fill(draw: ImageDraw.ImageDraw, scale: int) -> None:
        for points in shapes:
            draw.polygon(_scaled(points, scale), fill=255)

    return Image.composite(mask, Image.new("L", size, 0), _mask(size, fill))


def _enlarged(size: tuple[int, int]) -> int:
    """How many times its size a plan is drawn."""
    return 3 if max(size) <= LARGE_PX else 2


def _mask(size: tuple[int, int], draw_shapes: DrawFunction, scale: int | None = None) -> Image.Image:
    """What the pen draws, smoothed."""
    scale = scale or _enlarged(size)
    large = Image.new("L", (size[0] * scale, size[1] * scale), 0)
    draw_shapes(ImageDraw.Draw(large), scale)
    return large.reduce(scale)


def _fill(image: Image.Image, rings: Sequence[list[Point]], colour: Rgb) -> None:
    """Paints a shape of rings, the outer one first. Its mask is only as large as the shape."""
    x, y = zip(*(point for ring in rings for point in ring), strict=True)
    left, top = max(0, floor(min(x)) - 1), max(0, floor(min(y)) - 1)
    right, bottom = min(image.width, ceil(max(x)) + 2), min(image.height, ceil(max(y)) + 2)
    if left >= right or top >= bottom:
        return

    def draw_shapes(draw: ImageDraw.ImageDraw, scale: int) -> None:
        for index, ring in enumerate(rings):
            moved = [(x - left * scale, y - top * scale) for x, y in _scaled(ring, scale)]
            draw.polygon(moved, fill=0 if index else 255)

    mask = _mask((right - left, bottom - top), draw_shapes, _enlarged(image.size))
    image.paste(colour, (left, top, right, bottom), mask)


def _lines(paths: Iterable[list[Point]], width: float) -> DrawFunction:
    def draw_shapes(draw: ImageDraw.ImageDraw, scale: int) -> None:
        for path in paths:
            draw.line(_scaled(path, scale), fill=255, width=max(1, round(width * scale)), joint="curve")

    return draw_shapes


def _closed(points: list[Point]) -> list[Point]:
    """Round again to the second corner, so that the first has a joint too."""
    return [*points, *points[:2]]


def _scaled(points: list[Point], scale: int) -> list[Point]:
    return [(x * scale, y * scale) for x, y in points]


def _dashes(points: list[Point], length: float) -> list[list[Point]]:
    """A polygon's sides as dashes with gaps a little shorter."""
    dashes = []
    for (x0, y0), (x1, y1) in zip(points, [*points[1:], points[0]], strict=True):
        count = max(1, round(np.hypot(x1 - x0, y1 - y0) / (1.8 * length)))
        for k in range(count):
            ends = (k / count, (k + 0.55) / count)
            dashes.append([(x0 + t * (x1 - x0), y0 + t * (y1 - y0)) for t in ends])
    return dashes


def _write(image: Image.Image, label: Label, paint: int, *, stroke: float) -> None:
    left, top, right, bottom = label.box
    step = line_height(label.size)
    y = (top + bottom) / 2 - (len(label.lines) - 1) / 2 * step
    for line in label.lines:
        write(image, ((left + right) / 2, y), line, label.size, paint, anchor="mm", stroke=stroke)
        y += step
