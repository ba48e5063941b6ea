"""Entries less exits since local midnight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.model.chunk import Source
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.queries import AssetSeries, SeriesResult
from butlr_grafana.model.time import HOUR_S

ONE_WAY_S = 6 * HOUR_S
"""People who came in, and in so long nobody left, were not all counted out: no building is so for a morning
and its lunch. Shorter, and an early floor whose first people have not gone for coffee yet would be wrong.
"""


@dataclass(frozen=True, slots=True)
class Balance:
    """A floor or room by the counts of its own doors; `None`: it has none, or Butlr does not know.

    `inside`: entries less exits. `one_way`: how many came since somebody last left, where the first of them
    did so `ONE_WAY_S` ago; else 0. `beyond`: how many cannot be: more inside than the capacity, where it is
    known, or fewer than none, or those of `one_way`; 0 where nothing is known.
    """

    floor: Floor
    id: str
    name: str
    entered: float | None
    left: float | None
    capacity: int | None
    as_of_s: float
    complete: bool
    one_way: float = 0.0
    source: Source = "asked"

    @property
    def inside(self) -> float | None:
        return None if self.entered is None or self.left is None else self.entered - self.left

    @property
    def beyond(self) -> float:
        inside = self.inside or 0.0
        return max(0.0, -inside, inside - self.capacity if self.capacity else 0.0, self.one_way)


def balances(results: Sequence[SeriesResult]) -> tuple[Balance, ...]:
    """Every floor, or room, of the answers: traffic since midnight, in windows of hours or shorter."""
    return tuple(one for result in results for one in _of_floor(result))


def _of_floor(result: SeriesResult) -> Iterator[Balance]:
    query, coverage = result.query, result.coverage
    assets: Sequence[Floor | Room] = [query.floor]
    if query.level == "room":
        assets = query.floor.chosen(query.rooms)
    counted = {s.asset_id: {field: _sum(values) for field, values in s.values.items()} for s in result.series}
    one_way = {s.asset_id: _one_way(s, query.period.end_s) for s in result.series}
    for asset in assets:
        own = counted.get(asset.id, {})
        yield Balance(
            floor=query.floor,
            id=asset.id,
            name=asset.name,
            entered=own.get("in"),
            left=own.get("out"),
            capacity=asset.capacity,
            as_of_s=coverage.as_of_s or query.period.end_s,
            complete=coverage.complete,
            one_way=one_way.get(asset.id, 0.0),
            source=coverage.source,
        )


def _one_way(one: AssetSeries, end_s: int) -> float:
    """How many came in the last windows in which nobody left, if that is long ago enough. A window of which
    exits are not known ends them, as one with an exit does.
    """
    if not {"in", "out"} <= set(one.values):
        return 0.0
    came, went = np.nan_to_num(one.values["in"]), one.values["out"]
    left = np.flatnonzero(went != 0)  # NaN is not 0
    since = int(left[-1]) + 1 if left.size else 0
    entered = since + np.flatnonzero(came[since:] > 0)
    if not entered.size or end_s - int(one.start_s[entered[0]]) < ONE_WAY_S:
        return 0.0
    return float(came[since:].sum())


def _sum(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.sum()) if known.size else None
