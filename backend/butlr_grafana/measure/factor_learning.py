"""Observations of floors: from results that exist anyway, and from calls for one day of a floor."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from butlr_grafana.measure.factor_observation import NO_ROOMS, NOT_WHOLE, day_of, drawn_rooms, observation
from butlr_grafana.measure.factor_store import STORED_DAYS, FactorStore
from butlr_grafana.model import grid_math
from butlr_grafana.model.calendar import instant_of
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk
from butlr_grafana.model.factor import Observation, Unknown
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap, SeriesResult
from butlr_grafana.model.time import DAY_S, HOUR_S, Period
from butlr_grafana.pipeline.run import Pipeline
from butlr_grafana.query.heatmaps import whole_floor
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.series import hourly_means

LONGEST_DAY_S = DAY_S + HOUR_S
"""When clocks go back."""

PATIENCE_S = 60.0

MOST_AT_ONCE = 4
"""Observations made beside one answer; each takes some 20 milliseconds."""


def observe_floor(
    pipeline: Pipeline,
    floor: Floor,
    day: date,
    *,
    now_s: float,
    rules: QueryLimits,
    patience_s: float = PATIENCE_S,
) -> Observation | Unknown:
    """One local day of a floor, which must be over; see `observe_period`."""
    zone = ZoneInfo(floor.timezone)
    period = Period(instant_of(day, 0, zone), instant_of(day + timedelta(days=1), 0, zone))
    return observe_period(pipeline, floor, period, now_s=now_s, rules=rules, patience_s=patience_s)


def observe_period(
    pipeline: Pipeline,
    floor: Floor,
    period: Period,
    *,
    now_s: float,
    rules: QueryLimits,
    patience_s: float = PATIENCE_S,
) -> Observation | Unknown:
    """Whole hours of a floor, which must be over: a heat map and the mean people of its rooms, as panels ask
    for them, so that the calls are shared. Waits for Butlr at most `patience_s`, after all who wait for a
    panel.

    Raises `UpstreamError` where Butlr does not answer.
    """
    if not drawn_rooms(floor):
        return Unknown(NO_ROOMS)
    heat = whole_floor(floor, period, now_s=now_s, limits=rules)
    if heat.period != period:
        return Unknown(NOT_WHOLE)
    people = hourly_means(floor, period, now_s=now_s, require="complete")
    pending = [
        pipeline.begin(query, now_s=now_s, call_class=CallClass.BACKGROUND) for query in (heat, people)
    ]
    deadline = time.monotonic() + patience_s
    found, means = (pipeline.finish(one, deadline=deadline) for one in pending)
    assert isinstance(found, HeatMap)
    assert isinstance(means, SeriesResult)
    grid = grid_math.add([chunk.grid for chunk in found.chunks], found.query.resolution_m)
    return observation(floor, grid, period, means.series)


def learn(
    factor_store: FactorStore, maps: Sequence[HeatMap], series: Sequence[SeriesResult], *, now_s: float
) -> None:
    """Notes what a result contains about past days for which less is known. Newest days first, and at most
    `MOST_AT_ONCE`, because a request waits for the result.
    """
    for floor, chunk, means in islice(_unprocessed(factor_store, maps, series, now_s), MOST_AT_ONCE):
        found = observation(floor, chunk.grid, chunk.period, means.series)
        if isinstance(found, Observation):  # why some hours of a night told nothing is of no interest
            factor_store.note(floor.id, found)
        factor_store.note_tried(floor.id, day_of(chunk.period, floor), chunk.period.length_s / HOUR_S)


def _unprocessed(
    factor_store: FactorStore, maps: Sequence[HeatMap], series: Sequence[SeriesResult], now_s: float
) -> Iterator[tuple[Floor, Chunk, SeriesResult]]:
    for heat_map in maps:
        floor = heat_map.query.floor
        if heat_map.query.rooms is not None:
            continue  # some rooms would stand for the floor's whole day
        means = next((one for one in series if _are_means(one, floor)), None)
        for chunk in reversed(heat_map.chunks) if means is not None else ():
            day, hours = day_of(chunk.period, floor), chunk.period.length_s / HOUR_S
            if (
                _is_usable(chunk)
                and _is_over(day, floor, now_s)
                and not factor_store.has_tried(floor.id, day, hours)
            ):
                assert means is not None
                yield floor, chunk, means


def _is_usable(chunk: Chunk) -> bool:
    """Whether it cannot change any more, and is of a day at most."""
    return chunk.settled and HOUR_S <= chunk.period.length_s <= LONGEST_DAY_S


def _is_over(day: str, floor: Floor, now_s: float) -> bool:
    """One of the days that are kept; today's would be another observation each hour."""
    today = datetime.fromtimestamp(now_s, ZoneInfo(floor.timezone)).date()
    return today - timedelta(days=STORED_DAYS) <= date.fromisoformat(day) < today


def _are_means(result: SeriesResult, floor: Floor) -> bool:
    query = result.query
    kind = (query.metric, query.statistic, query.every, query.level)
    return (
        query.floor.id == floor.id
        and kind == ("occupancy", "mean", "1h", "room")
        and result.coverage.complete
    )
