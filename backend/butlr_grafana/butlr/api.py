"""Butlr's API: all that depends on how Butlr's API works. The other folders only see the model.

`config` (addresses, credentials), `client` (retries, errors), `auth` (tokens), `transport` (one HTTP
attempt), `limits` (rate, pauses, concurrency), `clock` (Butlr's clock and ours), `heatmaps`, `metrics`,
`rows`, `labels`, `batches` (metrics), `statistics`, `graphql_queries`, `graphql`, `topology`, `devices`,
`plan_forms` (floors, rooms, sensors).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from butlr_grafana.base.compute_turn import ComputeTurn
from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.base.urls import origin_of
from butlr_grafana.butlr import heatmaps, metrics, statistics
from butlr_grafana.butlr.auth import TokenStore
from butlr_grafana.butlr.batches import Batches, FetchRows, MustHaveRows
from butlr_grafana.butlr.client import Client, Observer
from butlr_grafana.butlr.config import ButlrConfig
from butlr_grafana.butlr.floorplan_images import FloorPlanImageClient
from butlr_grafana.butlr.graphql import GraphqlQuery
from butlr_grafana.butlr.graphql_queries import hives_query, sensors_query, sites_query
from butlr_grafana.butlr.limits import REAL_TIME, RateLimiter, Timing
from butlr_grafana.butlr.rows import Row, rows_of
from butlr_grafana.model.calendar import SERIES_SETTLE_S
from butlr_grafana.model.chunk import (
    Chunk,
    Content,
    Grid,
    HeatMapSubject,
    Samples,
    Segment,
    SeriesSubject,
    StatsSubject,
)
from butlr_grafana.model.time import Period, iso
from butlr_grafana.model.verdicts import Verdicts

__all__ = ["REAL_TIME", "Butlr", "ButlrConfig", "Timing"]

LONGEST_TURN_S = 1.0
"""How long a response waits at most while other responses are decoded."""


class Butlr:
    """Butlr as the model sees it. Thread-safe; every method raises `UpstreamError`.

    `now`: this machine's wall clock. `rate_limiter` and `token_store`: as in `Client`. `verdicts`: what was
    measured on this account. `must_have_rows`: as in `Batches`.
    """

    def __init__(
        self,
        access: ButlrConfig,
        *,
        observe: Observer | None = None,
        now: Callable[[], float] = time.time,
        pace: Timing = REAL_TIME,
        rate_limiter: RateLimiter | None = None,
        token_store: TokenStore | None = None,
        verdicts: Callable[[], Verdicts] = Verdicts,
        must_have_rows: MustHaveRows = lambda _space, _level: (),
    ) -> None:
        self.client = Client(
            access, observe=observe, now=now, pace=pace, rate_limiter=rate_limiter, token_store=token_store
        )
        self.clock = self.client.butlr_clock
        self.pictures = FloorPlanImageClient(
            origins=access.plan_origins,
            own=origin_of(access.url),
            bearer=self.client.bearer,
            observe=observe or (lambda _path, _result, _seconds: None),
        )
        self._access = access
        self._verdicts = verdicts
        self._batches = Batches(must_have_rows, now=self.clock.now, clock=pace.clock)
        self._totals = heatmaps.Totals()
        self._parsers = heatmaps.Parsers()
        self._decoding = ComputeTurn()
        """Responses are decoded one at a time: a panel with cached data then waits for one thread only."""
        self._topology_lock = threading.Lock()
        self._sites, self._sensors, self._hives = sites_query(), sensors_query(), hives_query()

    def log_in(self) -> None:
        """Only that; every other question logs in by itself."""
        self.client.bearer()

    def fetch(self, segment: Segment) -> Chunk:
        """What Butlr knows of a segment, as known when it was asked."""
        requested_at_s = self.clock.here()
        match segment.subject:
            case HeatMapSubject() as subject:
                content: Content = self._heat_map(segment, subject)
            case SeriesSubject() as subject:
                content = self._series(segment, subject)
            case StatsSubject() as subject:
                content = self._figures(segment, subject)
        return self._chunk(segment, content, requested_at_s)

    def room_left(self, segments: Sequence[Segment], one: Segment) -> bool:
        """Whether one more segment of metrics may be asked for beside others of its measurement, level, time
        zone and period.
        """
        return self._batches.room_left(segments, one)

    def fetch_together(self, segments: Sequence[Segment]) -> list[Chunk | UpstreamError]:
        """Metrics of several floors that differ only in floor and items: the result of each.

        If the response to all of them has nothing for one floor, each is requested separately. Raises
        `UpstreamError` if Butlr cannot be reached, is late or limits.
        """
        requested_at_s = self.clock.here()
        subject = segments[0].subject
        assert isinstance(subject, SeriesSubject)
        try:
            found = self._batches.together(segments, self._fetch_rows_of(subject))
        except (UpstreamLate, UpstreamRefused, UpstreamInvalid) as fault:
            self._batches.not_together(segments)
            if isinstance(fault, UpstreamLate):
                raise
            # One that Butlr does not know must not take the others along.
            found = {}
        return [self._result(partial(self._chunk_of, one, found, requested_at_s)) for one in segments]

    def _chunk_of(self, segment: Segment, found: Mapping[str, list[Row]], requested_at_s: float) -> Chunk:
        """A floor's own rows; where there are none for it, it is asked for alone."""
        rows = found.get(segment.space)
        if rows is None:
            return self.fetch(segment)
        assert isinstance(segment.subject, SeriesSubject)
        with self._turn():
            content = metrics.samples(rows, segment.space, segment.subject, segment.period)
        return self._chunk(segment, content, requested_at_s)

    def _result(self, fetch: Callable[[], Chunk]) -> Chunk | UpstreamError:
        try:
            return fetch()
        except UpstreamError as fault:
            return fault

    def _chunk(self, segment: Segment, content: Content, requested_at_s: float) -> Chunk:
        verdicts = self._verdicts()
        # The answer may have told that our clock, by which the segment was called settled, is ahead.
        settle_s = verdicts.settled_after_s
        if isinstance(segment.subject, SeriesSubject):
            settle_s = max(settle_s, SERIES_SETTLE_S)
        settled = segment.settled and segment.period.end_s + settle_s <= self.clock.now()
        # Nothing is kept for good while what it was read by is only assumed.
        settled = settled and verdicts.is_sure_of(segment.subject)
        return Chunk(segment.period, content, self.clock.at(requested_at_s), settled)

    def _heat_map(self, segment: Segment, subject: HeatMapSubject) -> Grid:
        """One call of `POST /v3/detections`: raw counts, so that parts can be added."""
        body = self.client.post(self._access.detections_path, request_body(segment))
        must_add_up = self._verdicts().totals_add_up
        with self._turn():
            return heatmaps.heat_map(
                body,
                subject.resolution_m,
                totals=self._totals if must_add_up is None else heatmaps.Totals(known=must_add_up),
                flipped=subject.y == "flipped",
                parsers=self._parsers,
            )

    def _turn(self) -> AbstractContextManager[None]:
        return self._decoding.taken(LONGEST_TURN_S)

    def _series(self, segment: Segment, subject: SeriesSubject) -> Samples:
        """`POST /api/v3/reporting`, in as many calls as Butlr's limits want."""
        rows = self._batches.rows(segment.space, subject, segment.period, self._fetch_rows_of(subject))
        with self._turn():
            return metrics.samples(rows, segment.space, subject, segment.period)

    def _fetch_rows_of(self, subject: SeriesSubject) -> FetchRows:
        """One call of `POST /api/v3/reporting`."""

        def fetch(ids: Sequence[str], period: Period) -> list[Row]:
            body = self.client.post(self._access.reporting_path, metrics.request_body(subject, period, ids))
            with self._turn():
                return rows_of(body, subject.function)

        return fetch

    def _figures(self, segment: Segment, subject: StatsSubject) -> Samples:
        """One call of `POST /api/v4/reporting/stats`."""
        body = self.client.post(self._access.stats_path, statistics.request_body(subject, segment.period))
        with self._turn():
            return statistics.samples(body, subject, segment.period)

    def topology_document(self) -> dict[str, Any]:
        """Three questions of GraphQL: floors, which are needed, sensors and hives, which may be missing
        (`None`). `unanswered`: why one of these is missing now, and may be there another time.

        The form is `topology.Document`.
        """
        with self._topology_lock:
            sites = self._sites.run(self._graphql)
            unanswered: list[UpstreamError] = []
            sensors, hives = (self._optional(one, unanswered) for one in (self._sensors, self._hives))
            lost = [*sites.lost, *(path for one in (self._sensors, self._hives) for path in one.lost)]
        return {
            "sites": sites.data,
            "sensors": sensors,
            "hives": hives,
            "lost": [".".join(path[2:]) for path in lost],
            "faults": len(sites.faults),
            "unanswered": unanswered[0] if unanswered else None,
        }

    def _optional(self, query: GraphqlQuery, unanswered: list[UpstreamError]) -> dict[str, Any] | None:
        """The response, or `None`. A temporary error is added to `unanswered`: a later call may succeed."""
        try:
            return query.run(self._graphql).data
        except UpstreamError as fault:
            if isinstance(fault, UpstreamDown | UpstreamLate | UpstreamLimited):
                unanswered.append(fault)
            return None

    def _graphql(self, body: dict[str, str]) -> bytes:
        return self.client.post(self._access.graphql_path, body, graphql=True)

    def close(self) -> None:
        self.client.close()
        self.pictures.close()


def request_body(segment: Segment) -> dict[str, object]:
    """The body of a heat-map call.

    Butlr does not document whether a detection at the very `stop` is in. Where it was measured to be, `stop`
    is a millisecond earlier: no detection is told finer than that.
    """
    assert isinstance(segment.subject, HeatMapSubject)
    inclusive = segment.subject.stop == "inclusive"
    return {
        "data_types": ["heatmap_v2"],
        "filter": {
            "space_id": segment.space,
            "start": iso(segment.period.start_s),
            "stop": f"{iso(segment.period.end_s - 1)[:-1]}.999Z" if inclusive else iso(segment.period.end_s),
            "omit_empty_value": True,
        },
        "window": {
            "heatmap_v2_options": {
                "grid_resolution": segment.resolution_m,
                "heatmap_type": "occupancy",
                "normalize": False,
            }
        },
    }
