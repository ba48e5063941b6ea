"""Minutes of people and movements from Butlr's reporting, through the calls that panels use too."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from butlr_grafana.live.refill import DoorMinutes, Missing, PeopleMinutes
from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Samples
from butlr_grafana.model.doors import Door
from butlr_grafana.model.floor import Floor, as_built
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.subjects import TRAFFIC, series_subject
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.run import Pipeline, incomplete

PATIENCE_S = 60.0


class ReportedMinutes:
    """Thread-safe. Asks after all who wait for a panel, or as `call_class` says; raises `UpstreamError` where
    not all of it is known.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        now: Callable[[], float],
        *,
        patience_s: float = PATIENCE_S,
        call_class: CallClass = CallClass.BACKGROUND,
    ) -> None:
        self._pipeline = pipeline
        self._now = now
        self._patience_s = patience_s
        self._call_class = call_class

    def people(self, missing: Missing, measurement: str = "") -> PeopleMinutes:
        """The people of a floor, or of each of its rooms or zones; `None` in minutes without a number.

        `measurement`: another one than what presence sensors see.
        """
        floor, level = missing.floor, missing.stream
        query = _query(floor, measurement or f"{level}_occupancy", level, "median", missing.period)
        starts = window_starts(missing.period, "1m", floor.timezone).tolist()
        found: dict[str, dict[int, float | None]] = {a: dict.fromkeys(starts) for a in _assets(floor, level)}
        for samples in self._request(query):
            for index, start_s, value in zip(samples.index, samples.start_s, samples.value, strict=True):
                asset = samples.series[index][0]
                if asset in found and not np.isnan(value):
                    found[asset][int(start_s)] = float(value)
        return found

    def doors(self, missing: Missing) -> DoorMinutes:
        """In and out of each traffic sensor of a floor; minutes without a row are without a movement."""
        floor = missing.floor
        query = _query(floor, TRAFFIC, "floor", "sum", missing.period)
        starts = window_starts(missing.period, "1m", floor.timezone).tolist()
        sensors = {sensor.id: sensor for sensor in floor.sensors or () if sensor.counts_doors}
        found = {sensor: dict.fromkeys(starts, (0.0, 0.0)) for sensor in sensors}
        for samples in self._request(query):
            for index, start_s, value in zip(samples.index, samples.start_s, samples.value, strict=True):
                key, field = samples.series[index]
                sensor = Door.of(key, sensors).sensor_id
                if sensor in found and not np.isnan(value):
                    entered, left = found[sensor].get(int(start_s), (0.0, 0.0))
                    moved = (entered + value, left) if field == "in" else (entered, left + value)
                    found[sensor][int(start_s)] = (float(moved[0]), float(moved[1]))
        return found

    def _request(self, query: SeriesQuery) -> list[Samples]:
        gatherer = self._pipeline.gatherer
        segments = self._pipeline.segments(query, now_s=self._now())
        pending = gatherer.begin(segments, call_class=self._call_class, as_reported=True)
        fetch_result = pending.collect(deadline=time.monotonic() + self._patience_s)
        if not fetch_result.coverage.complete:
            raise incomplete(fetch_result)
        return [chunk.samples for chunk in fetch_result.chunks]


def _query(floor: Floor, measurement: str, level: str, function: str, period: Period) -> SeriesQuery:
    return SeriesQuery(
        metric="occupancy",
        floor=floor,
        period=period,
        every="1m",
        statistic=function,
        level=level,
        base=series_subject(floor, measurement, level, "1m", function),
        require="complete",
    )


def _assets(floor: Floor, level: str) -> Sequence[str]:
    if level == "floor":
        return [floor.id]
    return [asset.id for asset in (as_built(floor.zones) if level == "zone" else as_built(floor.rooms))]
