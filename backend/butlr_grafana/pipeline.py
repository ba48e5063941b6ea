"""The way of a query, stage by stage: `Query → segments → parts → one grid → answer`."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache

from butlr_grafana import merge, privacy
from butlr_grafana.errors import Incomplete
from butlr_grafana.gather import Gathered, Gatherer, Pending
from butlr_grafana.insight.series import join, only_within, resample
from butlr_grafana.model import (
    AnyAnswer,
    AnyQuery,
    AssetSeries,
    Floor,
    Grid,
    HeatMap,
    Part,
    Query,
    Room,
    Samples,
    SeriesAnswer,
    SeriesQuery,
    StatsAnswer,
    StatsQuery,
    Zone,
    iso,
)
from butlr_grafana.plan import local_windows, plan, plan_series, plan_stats, window_starts

SUMS_BYTES = 64 * 2**20


class Pipeline:
    """Thread-safe. Begin all queries of a request, then finish each."""

    def __init__(self, gatherer: Gatherer, *, settle_s: int) -> None:
        self.gatherer = gatherer
        self._settle_s = settle_s
        self._sums = Sums(SUMS_BYTES)

    def begin(self, query: AnyQuery, *, now_s: float) -> Begun:
        match query:
            case Query():
                segments = plan(query, now_s=now_s, settle_s=self._settle_s)
            case SeriesQuery():
                segments = plan_series(query, now_s=now_s, settle_s=self._settle_s)
            case StatsQuery():
                segments = plan_stats(query, now_s=now_s, settle_s=self._settle_s)
        # Who takes only a complete answer is an alert rule: it has seconds, and comes again in minutes.
        return Begun(query, self.gatherer.begin(segments, urgent=query.require == "complete"))

    def finish(self, begun: Begun, *, deadline: float) -> AnyAnswer:
        """Raises `UpstreamError` where nothing is known, or not all and `require=complete`."""
        query, gathered = begun.query, begun.pending.collect(deadline=deadline)
        if query.require == "complete" and not gathered.coverage.complete:
            raise incomplete(gathered)
        if isinstance(query, SeriesQuery):
            series = assets(query, [part.samples for part in gathered.parts])
            return SeriesAnswer(query, tuple(series), gathered.coverage)
        if isinstance(query, StatsQuery):
            figures = known_figures(part.samples for part in gathered.parts)
            return StatsAnswer(query, figures, gathered.coverage)
        raw = self._sums.add(gathered.parts, query)
        if query.rooms is not None:
            raw = merge.within_rooms(raw, query.rooms)
        raw, hidden = privacy.visible(raw, query.floor)
        shown = merge.normalized(raw, query.normalize, gathered.coverage.hours, hidden)
        return HeatMap(query, raw, shown, gathered.coverage, gathered.parts, hidden)


@dataclass(frozen=True, slots=True)
class Begun:
    """A query whose calls are under way."""

    query: AnyQuery
    pending: Pending


def assets(query: SeriesQuery, parts: Sequence[Samples]) -> list[AssetSeries]:
    """The series of the floor's assets, in its order; those that Butlr tells nothing of are left out."""
    floor, samples = query.floor, privacy.with_sums(join(parts), query)
    if query.local_hours is not None:
        samples = only_within(samples, local_windows(query.period, query.local_hours))
    starts = window_starts(query.period, query.every, floor.timezone)
    found = resample(samples, starts, query.period.end_s, query.statistic)
    listed: dict[str, Sequence[Floor | Room | Zone]] = {
        "floor": [floor],
        "room": floor.rooms if query.rooms is None else query.rooms,
        "zone": floor.zones,
    }
    rows = []
    for asset in listed[query.level]:
        values = {field: v for (asset_id, field), v in found.values.items() if asset_id == asset.id}
        if values:
            rows.append(AssetSeries(floor, asset.id, asset.name, starts, dict(sorted(values.items()))))
    return rows


def known_figures(parts: Iterable[Samples]) -> dict[tuple[str, str], float]:
    """The figures of statistics by item and measurement, without those that Butlr does not know."""
    return {
        part.series[int(i)]: float(value)
        for part in parts
        for i, value in zip(part.index, part.value, strict=True)
        if not np.isnan(value)
    }


class Sums:
    """Adds parts up, keeping the sum of the settled ones: a year that is looked at every minute changes
    by its last piece only. Sums of sums are exact, so it does not show.
    """

    def __init__(self, max_bytes: int) -> None:
        self._kept: LRUCache[object, Grid] = LRUCache(max_bytes, getsizeof=lambda grid: grid.nbytes)
        self._lock = threading.Lock()

    def add(self, parts: Sequence[Part], query: Query) -> Grid:
        settled = [part for part in parts if part.settled]
        rest = [part.grid for part in parts if not part.settled]
        key = (query.floor.id, query.resolution_m, tuple((p.period, p.fetched_at_s) for p in settled))
        with self._lock:
            known = self._kept.get(key)
        if known is None:
            known = merge.add([part.grid for part in settled], query.resolution_m)
            with self._lock:
                if known.nbytes <= self._kept.maxsize:
                    self._kept[key] = known
        return merge.add([known, *rest], query.resolution_m) if rest else known


def incomplete(gathered: Gathered) -> Incomplete:
    coverage = gathered.coverage
    gaps = ", ".join(str(g) for g in coverage.gaps[:3]) or f"data as of {iso(coverage.as_of_s)}"
    why = f" ({'; '.join(coverage.reasons)})" if coverage.reasons else ""
    return Incomplete(
        f"require=complete: {coverage.missing} of {coverage.planned} segments missing, "
        f"{coverage.stale} stale: {gaps}{why}"
    )
