"""Room labels: inside their rooms, without overlaps, over as few cells as possible."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.floor import Polygon
from butlr_grafana.model.geometry import shape_of
from butlr_grafana.present.images.floorplan_geometry import Layout, Raster
from butlr_grafana.present.images.lettering import line_height, readable, width

PLACES = 11
"""Places tried along each axis of a room."""

AWAY, ACROSS = 0.12, 0.5
"""What a label's distance from the room's middle, and lying across another room's wall, weigh against the
share of it that covers cells."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in the plan's pixels."""


@dataclass(frozen=True, slots=True)
class Named:
    """Something to be labelled; `weight` decides who goes without where two want one place."""

    id: str
    name: str
    polygon: Polygon
    weight: float


@dataclass(frozen=True, slots=True)
class Label:
    id: str
    lines: tuple[str, ...]
    size: int
    box: Box


class Cells:
    """How much of a box lies over cells: looked up in running sums, without the cells."""

    def __init__(self, rasters: Iterable[Raster], layout: Layout) -> None:
        width_px, _ = layout.size
        self._step = max(1, width_px // 400)
        x_m, y_m = (m[self._step // 2 :: self._step] for m in layout.metres())
        taken = np.zeros((len(x_m), len(y_m)), bool)
        for raster in rasters:
            if raster.values.size:
                taken |= _has_value(raster, x_m, y_m)
        self._sums = np.zeros((len(x_m) + 1, len(y_m) + 1))
        self._sums[1:, 1:] = taken.cumsum(axis=0).cumsum(axis=1)

    def share(self, boxes: Floats) -> Floats:
        """The share of each of boxes[n, 4] that lies over cells."""
        left, top, right, bottom = np.rint(boxes.T / self._step).astype(np.int64)
        left, right = (np.clip(v, 0, self._sums.shape[0] - 1) for v in (left, right))
        top, bottom = (np.clip(v, 0, self._sums.shape[1] - 1) for v in (top, bottom))
        s = self._sums
        covered = s[right, bottom] - s[left, bottom] - s[right, top] + s[left, top]
        return np.asarray(covered / np.maximum((right - left) * (bottom - top), 1))


def _has_value(raster: Raster, x_m: Floats, y_m: Floats) -> NDArray[np.bool_]:
    ix = np.floor((x_m - raster.x_m[0]) / raster.resolution_m + 0.5).astype(np.int64)
    iy = np.floor((y_m - raster.y_m[0]) / raster.resolution_m + 0.5).astype(np.int64)
    nx, ny = raster.values.shape
    known = ~np.isnan(raster.values[np.ix_(np.clip(ix, 0, nx - 1), np.clip(iy, 0, ny - 1))])
    inside: NDArray[np.bool_] = known & ((ix >= 0) & (ix < nx))[:, None] & ((iy >= 0) & (iy < ny))[None, :]
    return inside


def place(
    wanted: Iterable[Named],
    layout: Layout,
    cells: Cells,
    *,
    size: int,
    least: int,
    gap_px: float,
    taken: Sequence[Box] = (),
    lines: Sequence[Polygon] = (),
) -> list[Label]:
    """A label for each that has room for one: in full, else smaller, else shortened, else none.

    All boxes are disjoint, `gap_px` apart, within the plan and within their own polygon;
    rather not across another's wall, nor across `lines`.
    """
    labels: list[Label] = []
    boxes = list(taken)
    wanted = sorted(wanted, key=lambda n: (-n.weight, n.id))
    if not wanted:
        return []
    walls = shapely.multilinestrings(
        [shapely.linearrings(layout.polygon(p)) for p in (*lines, *(n.polygon for n in wanted))]
    )
    shapely.prepare(walls)
    for named in wanted:
        label = _label(named, layout, cells, walls, size=size, least=least, gap_px=gap_px, taken=boxes)
        if label:
            labels.append(label)
            boxes.append(label.box)
    return labels


def _label(
    named: Named,
    layout: Layout,
    cells: Cells,
    walls: BaseGeometry,
    *,
    size: int,
    least: int,
    gap_px: float,
    taken: list[Box],
) -> Label | None:
    shape = shape_of(tuple(layout.polygon(named.polygon)))
    if shape is None:
        return None
    middle = shape.representative_point()
    low_x, low_y, high_x, high_y = shape.bounds
    wide, high = high_x - low_x, high_y - low_y
    grid = np.stack(
        np.meshgrid(np.linspace(low_x, high_x, PLACES), np.linspace(low_y, high_y, PLACES)), axis=-1
    ).reshape(-1, 2)
    shapely.prepare(shape)
    for lines, points in _forms(readable(named.name, named.id), size, least, wide):
        across = max(width(line, points) for line in lines) + 2 * gap_px
        down = len(lines) * line_height(points) + gap_px
        if not lines or across > wide or down > high:
            continue
        # The middle first, then places over the room, each moved inwards as far as the label is large.
        inner = (
            np.array([low_x, low_y])
            + (grid - (low_x, low_y))
            * (
                1 - across / wide,
                1 - down / high,
            )
            + (across / 2, down / 2)
        )
        centres = np.concatenate([[[middle.x, middle.y]], inner])
        half = np.array([across / 2, down / 2])
        found = np.concatenate([centres - half, centres + half], axis=1)
        free = shapely.covers(shape, shapely.box(*found.T)) & _clear(found, layout, taken)
        if free.any():
            away = np.hypot(*((centres - centres[0]) / (wide, high)).T)
            # Without its margin: along its own wall a label may lie.
            letters = shapely.box(*(found + gap_px / 2 * np.array([1, 1, -1, -1])).T)
            cost = cells.share(found) + AWAY * away + ACROSS * shapely.intersects(walls, letters)
            cost[~free] = np.inf
            left, top, right, bottom = (float(v) for v in found[int(np.argmin(cost))])
            return Label(named.id, lines, points, (left, top, right, bottom))
    return None


def _clear(boxes: Floats, layout: Layout, taken: list[Box]) -> NDArray[np.bool_]:
    width_px, height_px = layout.size
    free = (boxes[:, 0] >= 0) & (boxes[:, 1] >= 0) & (boxes[:, 2] <= width_px) & (boxes[:, 3] <= height_px)
    for left, top, right, bottom in taken:
        beside = (boxes[:, 2] <= left) | (boxes[:, 0] >= right)
        free &= beside | (boxes[:, 3] <= top) | (boxes[:, 1] >= bottom)
    return np.asarray(free)


def _forms(name: str, size: int, least: int, wide_px: float) -> Iterator[tuple[tuple[str, ...], int]]:
    """Ways to write a name, the best first: one line, several, smaller, then shortened."""
    words = tuple(name.split(" "))
    halves = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    even = min(halves, key=lambda pair: max(map(len, pair)), default=None)
    for points in sorted({size, round((size + least) / 2), least}, reverse=True):
        yield (name,), points
        if even:
            yield even, points
    if len(words) == 3:
        yield words, least
    # The number at the end tells rooms apart: it stays.
    head, _, tail = name.rpartition(" ")
    if not head or len(tail) > 3:
        head, tail = name, ""
    for length in range(len(head) - 1, 2, -1):
        text = f"{head[:length].rstrip()}… {tail}".rstrip()
        if width(text, least) <= wide_px:
            yield (text,), least
