"""Butlr's response with a heat map → `Grid`.

Butlr documents the cells, but not how `array_cells` and `metadata` are nested, nor the keys of `bounds`; so
several forms are accepted. A doubtful number is not accepted: any impossible value raises `UpstreamInvalid`,
and nothing of the response is used.
"""

from __future__ import annotations

import contextlib
import math
import threading
from typing import Any

import numpy as np
import simdjson

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.model.chunk import MAX_CELLS, Floats, Grid, Ints, check_size
from butlr_grafana.model.floor import Bounds

FARTHEST_M = 10_000.0
"""A floor plan's coordinate beyond this is a fault, not a floor."""

FAR_OUTSIDE_M = 100.0
"""A cell so far outside the bounds that the same answer names is no cell of that floor."""

LARGEST_COUNT = 2.0**50
"""Sums of a thousand such cells are still exact in a double."""

OFF_GRID = 0.02
"""Of a cell: how far a centre may lie off the grid (Butlr rounds coordinates) before it is a fault."""

_REUSED_BYTES = 4 * 2**20
"""A parser keeps room for the largest document that it has read: one that has read a larger one is let go."""

_SEARCH_DEPTH = 4
_SEARCH_WIDTH = 50


class Parsers:
    """The parser for the next document. A new one each time would spend half of its time on memory.

    Thread-safe without a lock: `pop` takes a parser out in one step, so no two threads have the same one.
    """

    def __init__(self) -> None:
        self._free: list[simdjson.Parser] = []

    def take(self) -> simdjson.Parser:
        try:
            return self._free.pop()
        except IndexError:
            return simdjson.Parser()

    def put_back(self, parser: simdjson.Parser) -> None:
        if not self._free:
            self._free.append(parser)


class Totals:
    """Whether the responses of an account add up: `total_detections` is the sum of their cells, `max_value`
    the largest. Thread-safe.

    `known`: as measured; `None`: it is learnt. After so many responses that add up that it cannot be chance,
    one that does not is truncated or damaged. If one did not add up before that, the account has numbers of
    another kind.
    """

    ENOUGH = 5

    def __init__(self, known: bool | None = None) -> None:
        self._known = known
        self._fitting = 0
        self._lock = threading.Lock()

    def check(self, cells: Floats, total: float | None, largest: float | None) -> None:
        """Raises `UpstreamInvalid` where an answer should add up and does not."""
        if total is None and largest is None:
            return
        sums = (float(cells.sum()), float(cells.max(initial=0.0)))
        fits = all(
            reported is None or reported == found
            for reported, found in zip((total, largest), sums, strict=True)
        )
        with self._lock:
            must_fit = self._known if self._known is not None else self._fitting >= self.ENOUGH
            if self._known is None:
                self._fitting += bool(fits and cells.size)
                if not fits and not must_fit:
                    self._known = False
        if must_fit and not fits:
            raise UpstreamInvalid(
                f"Butlr's heat map contradicts itself: total_detections is {_shown(total)}, but its "
                "cells sum to "
                f"{sums[0]:g}; max_value is {_shown(largest)}, but its largest cell has {sums[1]:g}"
            )


def _shown(number: float | None) -> str:
    return "missing" if number is None else f"{number:g}"


def heat_map(
    body: bytes,
    resolution_m: float,
    totals: Totals | None = None,
    *,
    flipped: bool = False,
    parsers: Parsers | None = None,
) -> Grid:
    """The cells of one call, requested at `resolution_m`; raises `UpstreamInvalid`.

    `totals`: whether this account's responses add up, as far as it is known. `flipped`: y runs in the
    opposite direction to the polygons. `parsers`: of the calls before.
    """
    parsers = parsers or Parsers()
    parser, document = _parsed(body, parsers.take())
    # Not after an error: its traceback may hold pieces of the document, and then no other one is taken.
    grid = _read(document, body, resolution_m, totals or Totals(known=False), flipped=flipped)
    if len(body) <= _REUSED_BYTES:
        parsers.put_back(parser)
    return grid


def _parsed(body: bytes, parser: simdjson.Parser) -> tuple[simdjson.Parser, Any]:
    """The document, and the parser that holds it."""
    # It refuses if somebody still holds a part of its last document, such as a profiler.
    with contextlib.suppress(ValueError, RuntimeError):
        return parser, parser.parse(body)
    parser = simdjson.Parser()
    try:
        return parser, parser.parse(body)
    except (ValueError, RuntimeError) as error:
        raise UpstreamInvalid(f"Butlr's heat map is not JSON ({error}): {quote(body)}") from None


def _read(document: Any, body: bytes, resolution_m: float, totals: Totals, *, flipped: bool) -> Grid:
    holder = _holder(document, body)
    metadata = holder["metadata"].as_dict() if isinstance(holder.get("metadata"), simdjson.Object) else {}
    reported = _number(metadata.get("resolution"))
    if reported is not None and abs(reported - resolution_m) > 1e-9:
        raise UpstreamInvalid(
            f"Butlr sent cells of {reported:g} m; cells of {resolution_m:g} m were requested"
        )
    reported_total, reported_max = (_number(metadata.get(key)) for key in ("total_detections", "max_value"))
    bounds = _bounds(metadata.get("bounds"))
    if holder["array_cells"] is None:
        if reported_total != 0:
            raise UpstreamInvalid(
                "Butlr's array_cells are null, but total_detections in its metadata is not 0"
            )
        return Grid.empty(resolution_m, _laid_out(bounds, bounds, resolution_m))
    x, y, value = _columns(holder["array_cells"], body)
    totals.check(value, reported_total, reported_max)
    if flipped:
        if bounds is None:
            raise UpstreamInvalid("Butlr's heat map has no bounds, so its y axis cannot be reversed")
        y = bounds.min_y + bounds.max_y - y
    spread = _checked(x, y, value)
    if value.size and value.min() == 0:  # `omit_empty_value` may be ignored
        present = value > 0
        x, y, value = x[present], y[present], value[present]
        spread = _checked(x, y, value)
    if spread is None:
        return Grid.empty(resolution_m, _laid_out(bounds, bounds, resolution_m))
    # One cell far away would be kept for good, and no sum that it is in could be answered.
    check_size(*_cells_across(spread, resolution_m))
    _check_place(spread, bounds)
    bounds = _laid_out(bounds, spread, resolution_m)
    (ix, phase_x), (iy, phase_y) = (_on_grid(axis, resolution_m) for axis in (x, y))
    ix, iy, value = _merged(ix, iy, value, reported_total=reported_total)
    return Grid(resolution_m, (phase_x, phase_y), ix, iy, value, bounds)


def _merged(ix: Ints, iy: Ints, value: Floats, *, reported_total: float | None) -> tuple[Ints, Ints, Floats]:
    """The cells in the order of (x, y); one that is listed twice is added up, where the total says so."""
    place = (ix.astype(np.int64) << 32) + iy
    if (place[1:] > place[:-1]).all():  # as Butlr sends them
        return ix, iy, value
    order = np.argsort(place, kind="stable")
    ix, iy, value, place = ix[order], iy[order], value[order], place[order]
    again = np.diff(place) == 0
    if not again.any():
        return ix, iy, value
    if reported_total != float(value.sum()):
        raise UpstreamInvalid(
            f"Butlr listed {int(again.sum())} cells twice, and its total does not match their sum"
        )
    starts = np.flatnonzero(np.concatenate(([True], ~again)))
    return ix[starts], iy[starts], np.add.reduceat(value, starts)


def quote(body: bytes) -> str:
    """The first 200 characters of an answer, on one line, for an error message."""
    return " ".join(body[:800].decode("utf-8", "replace").split())[:200]


def _holder(document: Any, body: bytes) -> Any:
    """The object that has `array_cells`: at the top, or up to four levels down, lists by their items."""
    level = [document]
    for _ in range(_SEARCH_DEPTH + 1):
        found = [node for node in level if isinstance(node, simdjson.Object) and "array_cells" in node]
        if len(found) > 1:
            raise UpstreamInvalid(f"Butlr sent {len(found)} heat maps in one response: {quote(body)}")
        if found:
            return found[0]
        level = [child for node in level for child in _children(node)]
    raise UpstreamInvalid(f"Butlr's response has no array_cells: {quote(body)}")


def _children(node: Any) -> list[Any]:
    # By key and index: `values()`, slices and the like would turn every number into a Python object.
    if isinstance(node, simdjson.Object):
        children = [node[key] for key in node]
    elif isinstance(node, simdjson.Array):
        children = [node[i] for i in range(min(len(node), _SEARCH_WIDTH))]
    else:
        children = []
    return [c for c in children if isinstance(c, simdjson.Object | simdjson.Array)]


def _columns(cells: Any, body: bytes) -> tuple[Floats, Floats, Floats]:
    if not isinstance(cells, simdjson.Array):
        raise UpstreamInvalid("Butlr's array_cells is not a list")
    try:
        flat = np.frombuffer(cells.as_buffer(of_type="d"), np.float64)
    except (TypeError, ValueError):
        raise UpstreamInvalid("Butlr's array_cells contain a value that is not a number") from None
    # Only `[[a,b,c],[a,b,c],…]` may be flattened: ragged rows would shift every cell behind them.
    expected = b"[" + (b"[,,]," * len(cells))[:-1] + b"]"
    # As simdjson writes it, where the bytes that came do not show it at once.
    if not _is_written_so(body, expected) and _structure(cells.mini) != expected:  # type: ignore[arg-type]  # bytes; the stub says str
        raise UpstreamInvalid("an item of Butlr's array_cells is not [x, y, value]")
    return flat[0::3].copy(), flat[1::3].copy(), flat[2::3].copy()


def _is_written_so(body: bytes, structure: bytes) -> bool:
    """Whether the body has `array_cells` once, written in the usual way, and of this structure.

    Without a backslash the name has no other spelling, and is no part of a text.
    """
    if b"\\" in body:
        return False
    whole, name = _structure(body), _structure(b'"array_cells"')
    return whole.count(name) == 1 and whole.startswith(b":" + structure, whole.find(name) + len(name))


def _structure(text: bytes) -> bytes:
    """Of JSON its brackets and commas, and whatever can be in no number."""
    return text.translate(None, b"0123456789.-+eE \t\r\n")


def _checked(x: Floats, y: Floats, value: Floats) -> Bounds | None:
    """How far the cells reach; `None` of no cells. Raises `UpstreamInvalid` for numbers that cannot be."""
    if not value.size:
        return None
    # NaN is the least and the largest of all that it is among.
    spread = Bounds(*(float(limit(axis)) for limit in (np.min, np.max) for axis in (x, y)))
    farthest_m = max(map(abs, (spread.min_x, spread.min_y, spread.max_x, spread.max_y)))
    least, most = float(value.min()), float(value.max())
    if not all(map(math.isfinite, (spread.min_x, spread.min_y, spread.max_x, spread.max_y, least, most))):
        raise UpstreamInvalid("Butlr's heat map contains a number that is not finite")
    if farthest_m > FARTHEST_M:
        raise UpstreamInvalid(f"Butlr's heat map has a cell farther than {FARTHEST_M:g} m from the origin")
    if least < 0 or most > LARGEST_COUNT:
        raise UpstreamInvalid(
            f"Butlr's heat map has cells of {least:g} to {most:g} detections, which is not possible"
        )
    return spread


def _check_place(spread: Bounds, bounds: Bounds | None) -> None:
    if bounds is None:
        return
    around = bounds.union(spread)
    outside_m = max(
        bounds.min_x - around.min_x,
        bounds.min_y - around.min_y,
        around.max_x - bounds.max_x,
        around.max_y - bounds.max_y,
    )
    if outside_m > FAR_OUTSIDE_M:
        raise UpstreamInvalid(f"Butlr's heat map has a cell {outside_m:g} m outside the bounds it names")


def _on_grid(axis: Floats, resolution_m: float) -> tuple[np.ndarray[Any, np.dtype[np.int32]], float]:
    """Cell numbers, and the phase in [0, resolution) read off the centres themselves."""
    steps = axis / resolution_m
    # Relative to one centre, so that a phase near 0 does not fall apart into 0.001 and 0.999.
    base = float(steps[0])
    steps -= base
    index = np.round(steps)
    steps -= index
    least, most = float(steps.min()), float(steps.max())
    # Twice, for the one centre may be off the other way; the rest is for float noise: at 0.25 m, centres
    # rounded to centimetres (0.12, 0.38) are off by exactly this much.
    if max(-least, most) > 2 * OFF_GRID + 1e-6:
        raise UpstreamInvalid(f"Butlr's cells do not lie on a grid of {resolution_m:g} m")
    # The middle of the extremes: roundings up and down cancel out, however many there are of each.
    origin_m = round((base + (least + most) / 2) * resolution_m, 6)
    first = int(np.floor(origin_m / resolution_m + 1e-9))
    phase_m = max(0.0, round(origin_m - first * resolution_m, 6))
    index += first
    return index.astype(np.int32), phase_m


def _bounds(raw: object) -> Bounds | None:
    """Bounds in any of the forms seen; `None` where there are none or they make no rectangle."""
    reported: dict[str, Any] = raw if isinstance(raw, dict) else {}
    if "min" in reported:
        numbers = [*_pair(reported["min"]), *_pair(reported.get("max"))]
    elif "min_x" in reported:
        numbers = [_number(reported.get(k)) for k in ("min_x", "min_y", "max_x", "max_y")]
    else:
        numbers = [_number(reported.get(k)) for k in ("x_min", "y_min", "x_max", "y_max")]
    min_x, min_y, max_x, max_y = numbers
    if min_x is None or min_y is None or max_x is None or max_y is None or min_x > max_x or min_y > max_y:
        return None
    if max(map(abs, (min_x, min_y, max_x, max_y))) > FARTHEST_M:
        return None
    return Bounds(min_x, min_y, max_x, max_y)


def _laid_out(bounds: Bounds | None, spread: Bounds | None, resolution_m: float) -> Bounds | None:
    """The bounds, unless no rectangle of cells can hold them and the cells' `spread`."""
    if bounds is None or spread is None:
        return None
    nx, ny = _cells_across(bounds.union(spread), resolution_m)
    return bounds if nx * ny <= MAX_CELLS else None


def _cells_across(rectangle: Bounds, resolution_m: float) -> tuple[int, int]:
    sides_m = (rectangle.max_x - rectangle.min_x, rectangle.max_y - rectangle.min_y)
    return round(sides_m[0] / resolution_m) + 1, round(sides_m[1] / resolution_m) + 1


def _pair(raw: object) -> tuple[float | None, float | None]:
    if isinstance(raw, dict):
        return _number(raw.get("x")), _number(raw.get("y"))
    if isinstance(raw, list) and len(raw) == 2:
        return _number(raw[0]), _number(raw[1])
    return None, None


def _number(raw: object) -> float | None:
    return float(raw) if isinstance(raw, int | float) and not isinstance(raw, bool) else None
