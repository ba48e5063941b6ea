"""How many people are there now: by the presence sensors, and by entries and exits."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.insight.zones import OFFLINE
from butlr_grafana.model.chunk import Source
from butlr_grafana.model.floor import Floor, Room, Zone
from butlr_grafana.model.privacy import withheld
from butlr_grafana.model.queries import AssetSeries, SeriesResult, by_floor
from butlr_grafana.model.time import MINUTE_S, NOW_S, Period

NO_SENSOR = "no sensor counts its people"
NO_COUNT = "Butlr has no count for these minutes"
NOT_ALL_COUNTED = "people are not counted in all of its rooms"


@dataclass(frozen=True, slots=True)
class Now:
    """An asset and its people; `None`: not known, and `reason` says why. `share` of the capacity; 1 is full.

    `people` is the higher of `seen` (presence sensors) and `by_doors` (entries less exits, which Butlr
    corrects after the day). If the sensors that cover the room are offline, its people are unknown: with the
    doors alone, a full room would look empty. `unknown_since_s`: when these sensors last sent data.
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
    source: Source = "asked"

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


Steps = Mapping[str, tuple[float, float]]
"""In and out, by asset."""

Moved = Callable[[Floor, str, Period], Steps | None]
"""In and out of a floor (level `floor`) or of each of its rooms in a period; `None`: not all is known."""


def nothing_moved(_floor: Floor, _level: str, _period: Period) -> None:
    """Of a Butlr that pushes nothing."""


def once(moved: Moved) -> Moved:
    """The same, asked once for all rooms of a floor."""
    found: dict[tuple[str, str, Period], Steps | None] = {}

    def cached(floor: Floor, level: str, period: Period) -> Steps | None:
        key = (floor.id, level, period)
        if key not in found:
            found[key] = moved(floor, level, period)
        return found[key]

    return cached


def moved_on(count: float, steps: Steps, assets: Iterable[str]) -> float:
    """People in these assets together, of whom `count` were there before the steps."""
    came = [steps.get(one, (0.0, 0.0)) for one in assets]
    return max(0.0, count + sum(entered - left for entered, left in came))


def occupancy_now(results: Sequence[SeriesResult], moved: Moved = nothing_moved) -> tuple[Now, ...]:
    """Every room, zone or floor of the results, in the floors' order: the newest known minute of each way of
    counting. (The higher of the two is Butlr's own rule.)

    `results`: by floor, one result of presence sensors, and one of doors if it has any. The count of doors
    may be some minutes older: then the people who have `moved` since are added.
    """
    moved = once(moved)
    return tuple(now for own in by_floor(results).values() for now in _of_floor(own, moved))


def _of_floor(results: Sequence[SeriesResult], moved: Moved) -> Iterator[Now]:
    query = results[0].query
    floor = query.floor
    assets: Sequence[Floor | Room | Zone] = [floor]
    if query.level == "room":
        assets = floor.chosen(query.rooms)
    elif query.level == "zone":
        assets = floor.zones
    seen = {asset_id: count for asset_id, (count, _) in _newest_of(results, doors=False).items()}
    doors, is_up_to_date = _by_doors(results, assets, moved)
    as_of_s = min(
        result.coverage.as_of_s or query.period.end_s
        for result in results
        if not (is_up_to_date and result.query.base.is_calibrated)
    )
    complete = all(result.coverage.complete for result in results)
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
            unknown_since_s=asset.silent_since_s,
            source=results[0].coverage.source,
        )


def _why_unknown(asset: Floor | Room | Zone, *, is_known: bool) -> str:
    if isinstance(asset, Floor):
        return OFFLINE if asset.is_silent else "" if is_known else NO_COUNT
    if asset.members and (why := withheld(asset)):
        return why
    if asset.online is False:
        return OFFLINE
    if is_known:
        return ""
    if any(member.online is not None for member in asset.members):
        return NO_COUNT if all(member.online for member in asset.members) else NOT_ALL_COUNTED
    return NO_SENSOR if asset.online is None else NO_COUNT


Newest = dict[str, tuple[float, int]]
"""By asset: people, and the end of the newest minute of which they are known."""


def _newest_of(results: Sequence[SeriesResult], *, doors: bool) -> Newest:
    """Of what doors count, or of what sensors see."""
    own = (result for result in results if result.query.base.is_calibrated is doors)
    newest = {
        one.asset_id: _newest(one, result.query.period.end_s - NOW_S)
        for result in own
        for one in result.series
    }
    return {asset: found for asset, found in newest.items() if found is not None}


def _newest(one: AssetSeries, since_s: int) -> tuple[float, int] | None:
    known = np.flatnonzero(~np.isnan(one.values["value"]) & (one.start_s >= since_s))
    if not known.size:
        return None
    return float(one.values["value"][known[-1]]), int(one.start_s[known[-1]]) + MINUTE_S


def _by_doors(
    results: Sequence[SeriesResult], assets: Sequence[Floor | Room | Zone], moved: Moved
) -> tuple[dict[str, float], bool]:
    """People by doors at the end of what is seen, and whether all who moved until then are known."""
    query, found = results[0].query, _newest_of(results, doors=True)
    by_id = {asset.id: asset for asset in assets}
    counts, is_up_to_date, end_s = {}, bool(found), query.period.end_s
    for asset_id, (count, until_s) in found.items():
        steps = moved(query.floor, query.level, Period(until_s, end_s)) if until_s < end_s else {}
        is_up_to_date = is_up_to_date and steps is not None
        asset = by_id.get(asset_id)
        members = [] if asset is None or isinstance(asset, Floor) else [one.id for one in asset.members]
        counts[asset_id] = moved_on(count, steps or {}, members or [asset_id])
    return counts, is_up_to_date
