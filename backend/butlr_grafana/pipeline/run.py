"""The stages of a query: `Query → segments → chunks → one grid → result`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from cachetools import LRUCache

from butlr_grafana.base.errors import Incomplete, UpstreamError
from butlr_grafana.base.stage_times import stage
from butlr_grafana.model import doors, grid_math, privacy
from butlr_grafana.model.calendar import local_windows, window_starts
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chosen_rooms import are_chosen, name_of, samples_of
from butlr_grafana.model.chunk import Chunk, Grid, HeatMapSubject, Samples, Segment
from butlr_grafana.model.floor import Floor, Room, Zone
from butlr_grafana.model.queries import (
    AnyQuery,
    AnyResult,
    AssetSeries,
    HeatMap,
    Query,
    SeriesQuery,
    SeriesResult,
    StatsQuery,
    StatsResult,
)
from butlr_grafana.model.time import Period, iso
from butlr_grafana.model.verdicts import Verdicts
from butlr_grafana.pipeline.fetch_result import FetchResult
from butlr_grafana.pipeline.gather import Gatherer, PendingFetch
from butlr_grafana.pipeline.resample import join, only_within, resample
from butlr_grafana.pipeline.settled_series import SettledSeries
from butlr_grafana.pipeline.split import plan, plan_series, plan_stats

SUMS_BYTES = 64 * 2**20


class Pipeline:
    """Thread-safe. Begin all queries of a request, then finish each."""

    def __init__(self, gatherer: Gatherer, *, verdicts: Callable[[], Verdicts] = Verdicts) -> None:
        self.gatherer = gatherer
        self._verdicts = verdicts
        self._sums = Sums(SUMS_BYTES)
        self._series = SettledSeries(assets)

    def begin(
        self, query: AnyQuery, *, now_s: float, call_class: CallClass = CallClass.VIEWER
    ) -> PendingQuery:
        """As `begin_all`, of one query."""
        return self.begin_all([query], now_s=now_s, call_class=call_class)[0]

    def begin_all(
        self, queries: Sequence[AnyQuery], *, now_s: float, call_class: CallClass = CallClass.VIEWER
    ) -> list[PendingQuery]:
        """Starts the calls to Butlr for the queries of a request, several floors a call. `call_class`: for
        whom they are.
        """
        return self._pending(queries, now_s, partial(self.gatherer.begin_all, call_class=call_class))

    def look_up_all(
        self, queries: Sequence[AnyQuery], *, now_s: float, settled_only: bool = False
    ) -> list[PendingQuery]:
        """As `begin_all`, but nothing is requested yet. `settled_only`: only what cannot change any more."""
        return self._pending(queries, now_s, self.gatherer.look_up_all, settled_only=settled_only)

    def _pending(
        self,
        queries: Sequence[AnyQuery],
        now_s: float,
        begin: Callable[[Sequence[Sequence[Segment]]], list[PendingFetch]],
        *,
        settled_only: bool = False,
    ) -> list[PendingQuery]:
        planned = [self._planned(query, now_s) for query in queries]
        pending = begin(
            [[one for one in segments if one.settled or not settled_only] for _, segments, _ in planned]
        )
        return [
            PendingQuery(query, own, error) for (query, _, error), own in zip(planned, pending, strict=True)
        ]

    def _planned(
        self, query: AnyQuery, now_s: float
    ) -> tuple[AnyQuery, tuple[Segment, ...], UpstreamError | None]:
        """A query in the form of this account, and its segments, or why there are none."""
        if isinstance(query, SeriesQuery):
            query = _of_days(query, self._verdicts())
        try:
            return query, self.segments(query, now_s=now_s), None
        except UpstreamError as error:
            return query, (), error

    def known(self, query: AnyQuery, *, now_s: float, max_age_s: float) -> PendingQuery | None:
        """As `begin`, of what is cached and at most so old. Calls nothing; `None` if a chunk is missing."""
        if isinstance(query, SeriesQuery):
            query = _of_days(query, self._verdicts())
        try:
            pending = self.gatherer.known(self.segments(query, now_s=now_s), max_age_s=max_age_s)
        except UpstreamError:
            return None
        return None if pending is None else PendingQuery(query, pending)

    def known_until(self, query: Query, since_s: int) -> int | None:
        """The end of the newest cached heat map of this floor and these cells, of those that begin at
        `since_s` or later and end with the query at the latest.
        """
        subject = self._verdicts().applied_to(HeatMapSubject(query.resolution_m))
        return self.gatherer.known_until(query.floor.id, subject, Period(since_s, query.period.end_s))

    @property
    def settled_after_s(self) -> int:
        """How old the end of a heat map's segment must be before it is stored permanently."""
        return self._verdicts().settled_after_s

    def segments(self, query: AnyQuery, *, now_s: float) -> tuple[Segment, ...]:
        """The segments of a query, with how this account's responses are read. Raises `UpstreamRefused` if
        the account has no such measurement.
        """
        verdicts = self._verdicts()
        settle_s = verdicts.settled_after_s
        match query:
            case Query():
                planned = plan(query, now_s=now_s, settle_s=settle_s)
            case SeriesQuery():
                planned = plan_series(query, now_s=now_s, settle_s=settle_s)
            case StatsQuery():
                planned = plan_stats(query, now_s=now_s, settle_s=settle_s)
        return tuple(replace(one, subject=verdicts.applied_to(one.subject)) for one in planned)

    def finish(self, pending_query: PendingQuery, *, deadline: float) -> AnyResult:
        """Raises `UpstreamError` if nothing is known, or not all and `require=complete`."""
        if pending_query.error is not None:
            raise pending_query.error
        query = pending_query.query
        with stage("gather"):
            fetch_result = pending_query.pending.collect(deadline=deadline, whole=query.require == "complete")
        if query.require == "complete" and not fetch_result.coverage.complete:
            raise incomplete(fetch_result)
        if isinstance(query, SeriesQuery):
            series = self._series.of(query, fetch_result.chunks)
            incomplete_windows = sum(chunk.samples.incomplete for chunk in fetch_result.chunks)
            return SeriesResult(query, series, fetch_result.coverage, incomplete_windows)
        if isinstance(query, StatsQuery):
            figures = known_figures(chunk.samples for chunk in fetch_result.chunks)
            return StatsResult(query, figures, fetch_result.coverage)
        raw = self._sums.add(fetch_result.chunks, query)
        if query.rooms is not None:
            raw = grid_math.within_rooms(raw, query.rooms)
        raw, hidden = privacy.visible(raw, query.floor)
        shown = grid_math.normalized(raw, query.normalize, fetch_result.coverage.hours, hidden)
        return HeatMap(query, raw, shown, fetch_result.coverage, fetch_result.chunks, hidden)


@dataclass(frozen=True, slots=True)
class PendingQuery:
    """A query whose calls are in flight; `error`: why this account does not support it."""

    query: AnyQuery
    pending: PendingFetch
    error: UpstreamError | None = None


def _of_days(query: SeriesQuery, verdicts: Verdicts) -> SeriesQuery:
    """If Butlr's days begin at midnight UTC, local days are made of hours."""
    base = query.base
    if verdicts.days == "local" or base.every != "1d":
        return query
    function = "mean" if base.function == "median" else base.function
    return replace(query, base=replace(base, every="1h", function=function))


def assets(query: SeriesQuery, chunks: Sequence[Chunk]) -> list[AssetSeries]:
    """The series of the floor's assets, in its order. One that has a sensor and no row is a series of gaps:
    its sensors were offline. Others without a value from Butlr are left out.
    """
    floor, chosen = query.floor, are_chosen(query)
    counted = replace(query, level="room") if chosen else query
    samples = privacy.with_sums(join([_counted(counted, chunk) for chunk in chunks]), counted)
    if chosen:
        samples = samples_of(samples, query)
    if query.local_hours is not None:
        samples = only_within(samples, local_windows(query.period, query.local_hours))
    starts = window_starts(query.period, query.every, query.timezone)
    found = resample(samples, starts, query.period.end_s, query.statistic)
    listed: dict[str, Sequence[Floor | Room | Zone]] = {
        "floor": [floor],
        "room": floor.chosen(query.rooms),
        "zone": floor.zones,
    }
    rows = []
    for asset in listed[query.level]:
        values = {field: v for (asset_id, field), v in found.values.items() if asset_id == asset.id}
        if not values and query.base.level != "sensor" and _has_sensor(asset):
            values = {"value": np.full(starts.size, np.nan)}
        if values:
            name = name_of(query.rooms) if chosen and query.rooms else asset.name
            rows.append(AssetSeries(floor, asset.id, name, starts, dict(sorted(values.items()))))
    return rows


def _counted(query: SeriesQuery, chunk: Chunk) -> Samples:
    """The samples of a chunk for the assets requested."""
    if query.base.level != "sensor":
        return chunk.samples
    return doors.traffic(chunk.samples, query.floor, query.level, query.base, chunk.period)


def _has_sensor(asset: Floor | Room | Zone) -> bool:
    """Whether Butlr lists a presence sensor there; a room that stands for several has their sum or
    nothing."""
    return not isinstance(asset, Floor) and asset.online is not None and not asset.members


def known_figures(chunks: Iterable[Samples]) -> dict[tuple[str, str], float]:
    """The figures of statistics by item and measurement, without those that Butlr does not know."""
    return {
        chunk.series[int(i)]: float(value)
        for chunk in chunks
        for i, value in zip(chunk.index, chunk.value, strict=True)
        if not np.isnan(value)
    }


class Sums:
    """Adds chunks up and caches the sum of the settled ones: a year that is polled every minute changes by
    its last chunk only. Sums of sums are exact, so the result is the same.
    """

    def __init__(self, max_bytes: int) -> None:
        self._cached: LRUCache[object, Grid] = LRUCache(max_bytes, getsizeof=lambda grid: grid.nbytes)
        self._lock = threading.Lock()

    def add(self, chunks: Sequence[Chunk], query: Query) -> Grid:
        settled = [chunk for chunk in chunks if chunk.settled]
        rest = [chunk.grid for chunk in chunks if not chunk.settled]
        key = (query.floor.id, query.resolution_m, tuple((p.period, p.fetched_at_s) for p in settled))
        with self._lock:
            known = self._cached.get(key)
        if known is None:
            known = grid_math.add([chunk.grid for chunk in settled], query.resolution_m)
            with self._lock:
                if known.nbytes <= self._cached.maxsize:
                    self._cached[key] = known
        return grid_math.add([known, *rest], query.resolution_m) if rest else known


def incomplete(fetch_result: FetchResult) -> Incomplete:
    coverage = fetch_result.coverage
    gaps = ", ".join(str(g) for g in coverage.gaps[:3]) or f"data as of {iso(coverage.as_of_s)}"
    why = f" ({'; '.join(coverage.reasons)})" if coverage.reasons else ""
    return Incomplete(
        f"require=complete: {coverage.missing} of {coverage.planned} segments missing, "
        f"{coverage.stale} stale: {gaps}{why}"
    )
