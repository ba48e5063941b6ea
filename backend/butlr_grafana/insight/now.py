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
    by_floor: dict[str, list[SeriesAnswer]] = {}
    for answer in answers:
        by_floor.setdefault(answer.query.floor.id, []).append(answer)
    return tuple(now for own in by_floor.values() for now in _of_floor(own))


def _of_floor(answers: Sequence[SeriesAnswer]) -> Iterator[Now]:
    query = answers[0].query
    assets: Sequence[Floor | Room] = [query.floor]
    if query.level == "room":
        assets = query.floor.rooms if query.rooms is None else query.rooms
    newest = [{s.asset_id: _newest(s.values["value"]) for s in a.series} for a in answers]
    as_of_s = min(a.coverage.as_of_s or query.period.end_s for a in answers)
    complete = all(a.coverage.complete for a in answers)
    for asset in assets:
        counts = [n for n in (one.get(asset.id) for one in newest) if n is not None]
        people = max(counts) if counts else None
        yield Now(query.floor, asset.id, asset.name, people, asset.capacity, as_of_s, complete)


def _newest(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known[-1]) if known.size else None
