"""Rooms, or floors, against what is usual for them at this time of the week."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from butlr_grafana.insight.current_occupancy import NO_COUNT
from butlr_grafana.insight.utilization import why_unknown
from butlr_grafana.model.chunk import Floats
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.queries import SeriesQuery, SeriesResult
from butlr_grafana.model.time import MINUTE_S, Period

LEAST_USUAL = 4.0
"""People: a usual level below counts as this one where a ratio is taken of it. Else three in a room that is
mostly empty would be many times the usual, and an empty one could not be divided by.
"""

HourOfWeek = tuple[int, int]
"""Weekday (Monday is 0) and hour by the floor's clock."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """People over a period in a room, or on a floor (or in those of its rooms that are chosen, as one), and
    what is usual there at that time of the week; `None`: not known.

    `people`: their mean. `usual`: the mean of the same hours of the week, each counted by its share of the
    period, over the weeks before, of which `weeks` are known (the fewest of any hour). `ratio`: people by
    usual, but by `LEAST_USUAL` at least, so that it is known wherever people are. `excess`: people less
    usual. `absent`: the usual people where nobody was seen in the whole period, or no sensor tells; else 0.
    """

    floor: Floor
    asset: Floor | Room
    has_data: bool
    reason: str
    people: float | None
    usual: float | None
    ratio: float | None
    excess: float | None
    absent: float
    weeks: int
    as_of_s: float
    complete: bool


def unusual(now: SeriesResult, before: SeriesResult) -> tuple[Unusual, ...]:
    """All rooms of a floor, in its order, or the floor alone.

    `now`: the people of the period, in equal windows; `before`: of whole weeks, in windows of an hour.
    """
    query, coverage = now.query, now.coverage
    hours = hours_of(query.period, query.floor.timezone)
    history = _by_hour_of_week(before)
    seen = {one.asset_id: (one.values["value"], _lengths_s(one.start_s, query.period)) for one in now.series}
    rows = []
    for asset in _assets(query):
        people = _mean(*seen[asset.id]) if asset.id in seen else None
        usual, weeks = _usual(hours, history.get(asset.id, {}))
        rows.append(
            Unusual(
                floor=query.floor,
                asset=asset,
                has_data=people is not None,
                reason="" if people is not None else _why_unknown(asset, query),
                people=people,
                usual=usual,
                ratio=None if people is None else people / max(usual or 0.0, LEAST_USUAL),
                excess=None if people is None or usual is None else people - usual,
                absent=0.0 if people else usual or 0.0,
                weeks=weeks,
                as_of_s=coverage.as_of_s or query.period.end_s,
                complete=coverage.complete and before.coverage.complete,
            )
        )
    return tuple(rows)


def _assets(query: SeriesQuery) -> Sequence[Floor | Room]:
    if query.level == "floor":
        return (query.floor,)
    return query.floor.rooms if query.rooms is None else query.rooms


def _why_unknown(asset: Floor | Room, query: SeriesQuery) -> str:
    if isinstance(asset, Room):
        return why_unknown(asset)
    reasons = [f"{room.name}: {why_unknown(room)}" for room in query.rooms or () if room.online is False]
    return "; ".join(reasons) or NO_COUNT


def hours_of(period: Period, timezone: str) -> Counter[HourOfWeek]:
    """The hours of the week that a period touches, each with how many of its minutes; `period` is of whole
    minutes.
    """
    zone = ZoneInfo(timezone)
    instants = range(period.start_s, period.end_s, MINUTE_S)
    return Counter(_hour_of_week(instant_s, zone) for instant_s in instants)


def _hour_of_week(instant_s: int, zone: ZoneInfo) -> HourOfWeek:
    local = datetime.fromtimestamp(instant_s, zone)
    return local.weekday(), local.hour


def _lengths_s(start_s: np.ndarray[tuple[int], np.dtype[np.int64]], period: Period) -> Floats:
    """How long adjoining windows are; the last ends with the period."""
    return np.diff(np.append(start_s, period.end_s)).astype(np.float64)


def _mean(values: Floats, weights: Floats) -> float | None:
    """The weighted mean of what is known; `None` where nothing is."""
    known = ~np.isnan(values)
    return float(np.average(values[known], weights=weights[known])) if known.any() else None


def _by_hour_of_week(answer: SeriesResult) -> dict[str, dict[HourOfWeek, list[float]]]:
    """By room and hour of the week, what is known of the weeks."""
    zone = ZoneInfo(answer.query.floor.timezone)
    starts = answer.series[0].start_s.tolist() if answer.series else []  # the same for all
    hours = [_hour_of_week(start_s, zone) for start_s in starts]
    found: dict[str, dict[HourOfWeek, list[float]]] = {}
    for one in answer.series:
        own = found.setdefault(one.asset_id, defaultdict(list))
        for hour, value in zip(hours, one.values["value"].tolist(), strict=True):
            if not math.isnan(value):
                own[hour].append(value)
    return found


def _usual(
    hours: Mapping[HourOfWeek, int], history: Mapping[HourOfWeek, list[float]]
) -> tuple[float | None, int]:
    """The usual people in these hours of the week, and how many weeks tell; of hours that no week tells
    nothing is made up.
    """
    known = {hour: minutes for hour, minutes in hours.items() if hour in history}
    weeks = min((len(history.get(hour, ())) for hour in hours), default=0)
    if not known:
        return None, weeks
    # `fsum`: Python 3.12's sum of floats is another than 3.11's, in the last digit.
    total = math.fsum(
        minutes * math.fsum(history[hour]) / len(history[hour]) for hour, minutes in known.items()
    )
    return total / sum(known.values()), weeks
