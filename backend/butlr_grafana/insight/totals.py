"""People of several floors together: sums of the same minute, never of peaks that may be hours apart.

A floor that is not known at that minute is not in the sum. So each sum says how many floors are in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from butlr_grafana.insight.current_occupancy import Moved, moved_on, nothing_moved
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import AssetSeries, SeriesResult, by_floor
from butlr_grafana.model.time import MINUTE_S, NOW_S, Period


@dataclass(frozen=True, slots=True)
class Group:
    """Floors that are added up; `id`: of a building, or a tag's name."""

    id: str
    name: str
    floors: tuple[Floor, ...]


@dataclass(frozen=True, slots=True)
class Sum:
    """People at one time, in `floors`: those of which they are known then. `None`: of none."""

    people: float | None
    floors: tuple[Floor, ...]
    at_s: int | None

    @property
    def capacity(self) -> int | None:
        return capacity_of(self.floors)

    @property
    def share(self) -> float | None:
        """Of the capacity of the floors that are in the sum."""
        return self.people / self.capacity if self.people is not None and self.capacity else None


@dataclass(frozen=True, slots=True)
class Total:
    """`now`: in the newest minute in which most floors are known; `peak`: in the window with most people."""

    group: Group
    now: Sum
    peak: Sum

    @property
    def missing(self) -> tuple[Floor, ...]:
        """The floors that are not in the sum of now."""
        return tuple(floor for floor in self.group.floors if floor not in self.now.floors)


def capacity_of(floors: Iterable[Floor]) -> int | None:
    """`None` where that of one is not known."""
    seats = [floor.capacity for floor in floors]
    return sum(one for one in seats if one is not None) if seats and None not in seats else None


def by_building(floors: Iterable[Floor]) -> tuple[Group, ...]:
    """In the floors' order."""
    found: dict[str, list[Floor]] = {}
    for floor in floors:
        found.setdefault(floor.building.id, []).append(floor)
    return tuple(Group(id_, own[0].building.name, tuple(own)) for id_, own in found.items())


def by_tag(floors: Sequence[Floor]) -> tuple[Group, ...]:
    """In the order of the tags' names. A floor is in the group of each of its tags."""
    names = sorted({tag for floor in floors for tag in floor.tags})
    return tuple(Group(tag, tag, tuple(f for f in floors if tag in f.tags)) for tag in names)


def totals(
    groups: Sequence[Group],
    minutes: Sequence[SeriesResult],
    over: Sequence[SeriesResult],
    moved: Moved = nothing_moved,
) -> tuple[Total, ...]:
    """`minutes`: the newest minutes of each floor, by sensors and by doors; `over`: people over a period."""
    newest = by_floor(minutes)
    people = {floor_id: _by_minute(own, moved) for floor_id, own in newest.items()}
    windows = {one.query.floor.id: one for one in over}
    return tuple(Total(group, _now(group, people), _peak(group, windows)) for group in groups)


def _now(group: Group, people: Mapping[str, Mapping[int, float]]) -> Sum:
    ends_s = sorted({end_s for floor in group.floors for end_s in people.get(floor.id, {})}, reverse=True)
    sums = [
        Sum(sum(people[floor.id][end_s] for floor in known), tuple(known), end_s)
        for end_s in ends_s
        for known in [[floor for floor in group.floors if end_s in people.get(floor.id, {})]]
    ]
    # The first of those with most floors is the newest.
    return max(sums, key=lambda one: len(one.floors), default=Sum(None, (), None))


def _by_minute(results: Sequence[SeriesResult], moved: Moved) -> dict[int, float]:
    """People on a floor by the end of the minute: the higher of what sensors see and what doors count."""
    floor, end_s = results[0].query.floor, results[0].query.period.end_s
    if floor.is_silent:
        return {}
    seen = _known(results, doors=False)
    doors = _known(results, doors=True)
    found = {}
    for at_s in range(end_s - NOW_S + MINUTE_S, end_s + 1, MINUTE_S):
        counts = [seen[at_s]] if at_s in seen else []
        before = max((until_s for until_s in doors if until_s <= at_s), default=None)
        if before == at_s:
            counts.append(doors[at_s])
        elif before is not None and (steps := moved(floor, "floor", Period(before, at_s))) is not None:
            counts.append(moved_on(doors[before], steps, [floor.id]))
        if counts:
            found[at_s] = max(counts)
    return found


def _known(results: Sequence[SeriesResult], *, doors: bool) -> dict[int, float]:
    """By the end of the minute."""
    return {
        int(start_s) + MINUTE_S: float(value)
        for result in results
        if result.query.base.is_calibrated is doors
        for one in result.series
        for start_s, value in zip(one.start_s, one.values["value"], strict=True)
        if not np.isnan(value)
    }


def _peak(group: Group, windows: Mapping[str, SeriesResult]) -> Sum:
    """The most people together. Where windows of floors begin at other minutes and overlap, a floor has the
    mean of the window in which the instant lies.
    """
    floors = [floor for floor in group.floors if floor.id in windows and windows[floor.id].series]
    if not floors:
        return Sum(None, (), None)
    own = [windows[floor.id] for floor in floors]
    at_s = np.unique(np.concatenate([result.series[0].start_s for result in own]))
    people = np.array([_at(a.series[0], a.query.period.end_s, at_s) for a in own])
    is_known = ~np.isnan(people)
    if not is_known.any():
        return Sum(None, (), None)
    sums = np.where(is_known.any(axis=0), np.nansum(people, axis=0), -np.inf)
    best = int(np.argmax(sums))
    known = tuple(floor for floor, known in zip(floors, is_known[:, best], strict=True) if known)
    return Sum(float(sums[best]), known, int(at_s[best]))


def _at(one: AssetSeries, end_s: int, at_s: np.ndarray) -> np.ndarray:
    """The value of the window in which each instant lies; NaN before the first and after the last."""
    index = np.searchsorted(one.start_s, at_s, side="right") - 1
    is_within = (index >= 0) & (at_s < end_s)
    return np.where(is_within, one.values["value"][np.maximum(index, 0)], np.nan)
