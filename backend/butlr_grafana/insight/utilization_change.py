"""The use of rooms in two periods: people, and the time in which somebody was there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from butlr_grafana.insight.current_occupancy import NO_SENSOR
from butlr_grafana.insight.utilization import (
    NO_HOURS,
    counts_no_hour,
    known_values,
    time_in_use,
    why_unknown,
)
from butlr_grafana.insight.zones import WAS_OFFLINE
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.queries import SeriesQuery, SeriesResult


@dataclass(frozen=True, slots=True)
class Side:
    """A floor in one period, in windows of an hour: its people, and how long somebody was in each room
    (`None`: nothing was asked of it).
    """

    people: SeriesResult
    presence: SeriesResult | None


@dataclass(frozen=True, slots=True)
class UseChange:
    """A room in both periods; an unknown value is `None`, and `reason` says why.

    `mean`: people, the mean of the known hours; `in_use_share`: the share of these hours in which somebody
    was there. Both are per known hour, so periods of different lengths can be compared. `mean_change`,
    `in_use_change`: their differences, the latter in points of 1. `underused`: used less than the parameter
    `underused`, in the current period. `rank`: 1 has the largest change in people; rooms without a change
    come last.
    """

    floor: Floor
    room: Room
    has_data: bool
    reason: str
    mean: float | None
    mean_before: float | None
    mean_change: float | None
    in_use_share: float | None
    in_use_share_before: float | None
    in_use_change: float | None
    underused: bool
    rank: int = 0


def use_changes(floors: Mapping[str, tuple[Side, Side]], *, underused: float) -> tuple[UseChange, ...]:
    """All rooms of the floors, the largest change in people first. Of each floor the period asked for, and
    the one before.
    """
    rows = [row for sides in floors.values() for row in _of_floor(*sides, underused)]
    ordered = sorted(rows, key=lambda row: (row.mean_change is None, -abs(row.mean_change or 0.0)))
    return tuple(replace(row, rank=place) for place, row in enumerate(ordered, start=1))


def _of_floor(now: Side, before: Side, underused: float) -> Iterator[UseChange]:
    query = now.people.query
    people, people_before = _means(now), _means(before)
    share, share_before = _shares(now), _shares(before)
    for room in query.floor.chosen(query.rooms):
        mean, then = people.get(room.id), people_before.get(room.id)
        in_use, in_use_before = share.get(room.id), share_before.get(room.id)
        reason = _why_unknown(room, (now.people.query, mean), (before.people.query, then))
        yield UseChange(
            floor=query.floor,
            room=room,
            has_data=not reason,
            reason=reason,
            mean=mean,
            mean_before=then,
            mean_change=_difference(mean, then),
            in_use_share=in_use,
            in_use_share_before=in_use_before,
            in_use_change=_difference(in_use, in_use_before),
            underused=in_use is not None and in_use < underused,
        )


def _means(side: Side) -> dict[str, float]:
    return {asset: float(values.mean()) for asset, values in known_values(side.people).items()}


def _shares(side: Side) -> dict[str, float]:
    """Of rooms whose people are known."""
    counted = known_values(side.people)
    used = time_in_use(side.presence, side.people)
    return {room: in_use_s / known_s for room, (in_use_s, known_s) in used.items() if room in counted}


def _difference(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _why_unknown(
    room: Room, now: tuple[SeriesQuery, float | None], before: tuple[SeriesQuery, float | None]
) -> str:
    """`now` and `before`: what was queried, and the mean."""
    if now[1] is None:
        return NO_HOURS if room.online is not None and counts_no_hour(now[0]) else why_unknown(room)
    if before[1] is not None:
        return ""
    if room.online is None:
        return f"in the earlier period {NO_SENSOR}"
    return f"in the earlier period {NO_HOURS if counts_no_hour(before[0]) else WAS_OFFLINE}"
