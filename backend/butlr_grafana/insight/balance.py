"""Who came against who went, by the doors, since local midnight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.model import Floor, Room, SeriesAnswer


@dataclass(frozen=True, slots=True)
class Balance:
    """A floor or room by the counts of its own doors; `None`: it has none, or Butlr does not know.

    `inside`: entries less exits. `beyond`: how many of them cannot be: more than the capacity, where it is
    known, or fewer than none; 0 where nothing is known.
    """

    floor: Floor
    id: str
    name: str
    entered: float | None
    left: float | None
    capacity: int | None
    as_of_s: float
    complete: bool

    @property
    def inside(self) -> float | None:
        return None if self.entered is None or self.left is None else self.entered - self.left

    @property
    def beyond(self) -> float:
        inside = self.inside or 0.0
        return max(0.0, -inside, inside - self.capacity if self.capacity else 0.0)


def balances(answers: Sequence[SeriesAnswer]) -> tuple[Balance, ...]:
    """Every floor, or room, of the answers: traffic since midnight, in windows of any length."""
    return tuple(one for answer in answers for one in _of_floor(answer))


def _of_floor(answer: SeriesAnswer) -> Iterator[Balance]:
    query, coverage = answer.query, answer.coverage
    assets: Sequence[Floor | Room] = [query.floor]
    if query.level == "room":
        assets = query.floor.rooms if query.rooms is None else query.rooms
    counted = {s.asset_id: {field: _sum(values) for field, values in s.values.items()} for s in answer.series}
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
        )


def _sum(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.sum()) if known.size else None
