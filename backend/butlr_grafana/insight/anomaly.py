"""Rooms or floors compared with their usual values at this time of the week."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.insight.current_occupancy import NO_COUNT
from butlr_grafana.insight.utilization import why_unknown
from butlr_grafana.model.chunk import Floats, Source
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.queries import SeriesQuery, SeriesResult
from butlr_grafana.model.time import MINUTE_S, Period, floor_to

LEAST_USUAL = 4.0
"""People: a usual level below counts as this one where a ratio is taken of it. Else three in a room that is
mostly empty would be many times the usual, and an empty one could not be divided by.
"""

QUARTER_S = 15 * MINUTE_S

HourOfWeek = tuple[int, int]
"""Weekday (Monday is 0) and hour by the floor's clock."""


@dataclass(frozen=True, slots=True)
class Unusual:
    """People over a period in a room or on a floor (or in its chosen rooms, as one), and the usual number
    there at this time of the week; `None`: not known.

    `people`: their mean. `usual`: the mean of the same hours of the week, each weighted by its share of the
    period, over the weeks before, of which `weeks` are known (the fewest of any hour). `ratio`: people by
    usual, but by `LEAST_USUAL` at least, so that it is known wherever people are. `excess`: people less
    usual. `absent`: the usual people if no sensor counted anybody in the whole period, or no sensor sent
    data; otherwise 0.
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
    source: Source = "asked"


def unusual(now: SeriesResult, before: SeriesResult) -> tuple[Unusual, ...]:
    """All rooms of a floor, in its order, or the floor alone.

    `now`: the people of the period, in equal windows; `before`: of whole weeks, in windows of an hour.
    """
    query, coverage = now.query, now.coverage
    hours = hours_of(query.period, query.floor.timezone)
    history = {one.asset_id: one.values["value"] for one in before.series}
    at = _places_of(hours, before)
    measured = {
        one.asset_id: (one.values["value"], _lengths_s(one.start_s, query.period)) for one in now.series
    }
    rows = []
    for asset in _assets(query):
        people = _mean(*measured[asset.id]) if asset.id in measured else None
        usual, weeks = _usual(hours, at, history.get(asset.id))
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
                source=coverage.source,
            )
        )
    return tuple(rows)


def _assets(query: SeriesQuery) -> Sequence[Floor | Room]:
    if query.level == "floor":
        return (query.floor,)
    return query.floor.chosen(query.rooms)


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
    # No clock changes, and no hour begins, within a quarter of an hour of UTC.
    quarters = range(floor_to(period.start_s, QUARTER_S) + QUARTER_S, period.end_s, QUARTER_S)
    found: Counter[HourOfWeek] = Counter()
    for piece in period.cut_at(quarters):
        found[_hour_of_week(piece.start_s, zone)] += piece.length_s // MINUTE_S
    return found


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


def _places_of(hours: Mapping[HourOfWeek, int], result: SeriesResult) -> dict[HourOfWeek, NDArray[np.intp]]:
    """By hour of the week the numbers of the windows that are of it."""
    if not result.series:
        return {}
    start_s = result.series[0].start_s  # the same for all
    of_week = _numbers_of(start_s.tobytes(), result.query.floor.timezone)
    return {hour: np.flatnonzero(of_week == _number(hour)) for hour in hours}


def _number(hour: HourOfWeek) -> int:
    return hour[0] * 24 + hour[1]


@lru_cache(maxsize=64)
def _numbers_of(start_s: bytes, timezone: str) -> NDArray[np.int64]:
    """The hour of the week of each instant, as a number; kept, because all floors of a zone have the same."""
    zone = ZoneInfo(timezone)
    instants = np.frombuffer(start_s, np.int64).tolist()
    return np.array([_number(_hour_of_week(instant_s, zone)) for instant_s in instants], np.int64)


def _usual(
    hours: Mapping[HourOfWeek, int], at: Mapping[HourOfWeek, NDArray[np.intp]], history: Floats | None
) -> tuple[float | None, int]:
    """The usual people in these hours of the week, and how many weeks tell; of hours that no week tells
    nothing is made up.
    """
    if history is None or not at:
        return None, 0
    past = {hour: history[at[hour]] for hour in hours}
    known = {hour: values[~np.isnan(values)] for hour, values in past.items()}
    weeks = min((values.size for values in known.values()), default=0)
    minutes = sum(hours[hour] for hour, values in known.items() if values.size)
    if not minutes:
        return None, weeks
    # `fsum`: Python 3.12's sum of floats is another than 3.11's, in the last digit.
    total = math.fsum(
        hours[hour] * math.fsum(values) / values.size for hour, values in known.items() if values.size
    )
    return total / minutes, weeks
