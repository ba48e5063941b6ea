"""How many people are there now: by what the sensors see, and by who came through the doors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.insight.zones import OFFLINE
from butlr_grafana.model.floor import Floor, Room, Zone
from butlr_grafana.model.queries import SeriesResult

NO_SENSOR = "no sensor counts its people"
NO_COUNT = "Butlr has no count for these minutes"


@dataclass(frozen=True, slots=True)
class Now:
    """An asset and its people; `None`: not known, and `reason` says why. `share` of the capacity, 1 is full.

    `people` is the higher of `seen` (presence sensors) and `by_doors` (who came less who went, which Butlr
    corrects after the day). Where the sensors that see into a room are offline its people are not known: the
    doors alone would make a full room an empty one. `unknown_since_s`: when those were heard last.
    """

    floor: Floor
    id: str
    name: str
    seen: float | None
    by_doors: float | None
    capacity: int | None
    as_of_s: float
    complete: bool
    reason: str = ""
    unknown_since_s: int | None = None

    @property
    def people(self) -> float | None:
        if self.reason:
            return None
        known = [count for count in (self.seen, self.by_doors) if count is not None]
        return max(known, default=None)

    @property
    def is_provisional(self) -> bool:
        """Whether the people are those of doors, which are final after the day only."""
        return self.by_doors is not None and self.people is not None and self.people != self.seen

    @property
    def share(self) -> float | None:
        return self.people / self.capacity if self.people is not None and self.capacity else None


def occupancy_now(answers: Sequence[SeriesResult]) -> tuple[Now, ...]:
    """Every room, zone or floor of the answers, in the floors' order: the newest known minute of each way of
    counting (the higher of the two is Butlr's own recipe).

    `answers`: floor by floor one of what sensors see, and one of doors where there are any.
    """
    by_floor: dict[str, list[SeriesResult]] = {}
    for answer in answers:
        by_floor.setdefault(answer.query.floor.id, []).append(answer)
    return tuple(now for own in by_floor.values() for now in _of_floor(own))


def _of_floor(answers: Sequence[SeriesResult]) -> Iterator[Now]:
    query = answers[0].query
    floor = query.floor
    assets: Sequence[Floor | Room | Zone] = [floor]
    if query.level == "room":
        assets = floor.rooms if query.rooms is None else query.rooms
    elif query.level == "zone":
        assets = floor.zones
    seen, doors = (_newest_of(answers, doors=by_doors) for by_doors in (False, True))
    as_of_s = min(answer.coverage.as_of_s or query.period.end_s for answer in answers)
    complete = all(answer.coverage.complete for answer in answers)
    for asset in assets:
        is_known = not {seen.get(asset.id), doors.get(asset.id)} <= {None}
        yield Now(
            floor,
            asset.id,
            asset.name,
            seen=seen.get(asset.id),
            by_doors=doors.get(asset.id),
            capacity=asset.capacity,
            as_of_s=as_of_s,
            complete=complete,
            reason=_why_unknown(asset, is_known=is_known),
            unknown_since_s=None if isinstance(asset, Floor) else asset.silent_since_s,
        )


def _why_unknown(asset: Floor | Room | Zone, *, is_known: bool) -> str:
    if isinstance(asset, Floor):
        return "" if is_known else NO_COUNT
    if asset.online is False:
        return OFFLINE
    if is_known:
        return ""
    return NO_SENSOR if asset.online is None else NO_COUNT


def _newest_of(answers: Sequence[SeriesResult], *, doors: bool) -> dict[str, float]:
    """By asset its newest known minute, of what doors count or of what sensors see."""
    own = (answer for answer in answers if answer.query.base.is_calibrated is doors)
    newest = {one.asset_id: _newest(one.values["value"]) for answer in own for one in answer.series}
    return {asset: count for asset, count in newest.items() if count is not None}


def _newest(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known[-1]) if known.size else None
