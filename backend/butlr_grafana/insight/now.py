"""How many people are there now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.model import Floor, Room, SeriesAnswer


@dataclass(frozen=True, slots=True)
class Now:
    """An asset and its people; `None`: Butlr does not know. `share` of the capacity, 1 is full."""

    floor: Floor
    id: str
    name: str
    people: float | None
    capacity: int | None
    as_of_s: float
    complete: bool

    @property
    def share(self) -> float | None:
        return self.people / self.capacity if self.people is not None and self.capacity else None


def occupancy_now(answers: Sequence[SeriesAnswer]) -> tuple[Now, ...]:
    """Every room (or floor) of the answers, in the floors' order: the newest known minute of what the
    sensors see and of what came through the doors, the higher of the two (Butlr's own recipe).
    """
    return tuple(now for answer in answers for now in _of_floor(answer))


def _of_floor(answer: SeriesAnswer) -> Iterator[Now]:
    query, coverage = answer.query, answer.coverage
    assets: Sequence[Floor | Room] = [query.floor]
    if query.level == "room":
        assets = query.floor.rooms if query.rooms is None else query.rooms
    newest = {s.asset_id: [_newest(values) for values in s.values.values()] for s in answer.series}
    as_of_s = coverage.as_of_s or query.period.end_s
    for asset in assets:
        counts = [count for count in newest.get(asset.id, []) if count is not None]
        people = max(counts) if counts else None
        yield Now(query.floor, asset.id, asset.name, people, asset.capacity, as_of_s, coverage.complete)


def _newest(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known[-1]) if known.size else None
