"""The vendor: everything that knows how Butlr speaks. The rest of the house sees only the model.

`access` (where and who), `client` (retries, errors), `tokens` (how long one is good, and who else may have
one), `transport` (one HTTP attempt), `limits` (rate, pauses, calls at a time), `clock` (Butlr's against
ours), `decode` (heat maps), `reporting` (metrics), `stats` (statistics), `topology` (floors, rooms, sensors).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from butlr_grafana.butlr import decode, reporting, stats
from butlr_grafana.butlr.access import Access
from butlr_grafana.butlr.client import Client, Observer
from butlr_grafana.butlr.limits import REAL_TIME, Gate, Pace
from butlr_grafana.butlr.pictures import Pictures
from butlr_grafana.butlr.tokens import TokenShelf
from butlr_grafana.butlr.topology import PLAIN_SITES_QUERY, SENSORS_QUERY, SITES_QUERY, data_of
from butlr_grafana.errors import UpstreamError, UpstreamInvalid, UpstreamRefused
from butlr_grafana.hosts import origin_of
from butlr_grafana.model import (
    Content,
    Grid,
    HeatMapSubject,
    Part,
    Samples,
    Segment,
    SeriesSubject,
    StatsSubject,
    iso,
)

__all__ = ["REAL_TIME", "Access", "Butlr", "Pace"]


class Butlr:
    """Butlr as the model sees it. Thread-safe; every method raises `UpstreamError`.

    `now`: this machine's wall clock; `settle_s`: how old an end must be, by Butlr's clock too, for a part
    to be settled. `gate` and `shelf`: as in `Client`.
    """

    def __init__(
        self,
        access: Access,
        *,
        observe: Observer | None = None,
        now: Callable[[], float] = time.time,
        pace: Pace = REAL_TIME,
        settle_s: int = 0,
        gate: Gate | None = None,
        shelf: TokenShelf | None = None,
    ) -> None:
        self.client = Client(access, observe=observe, now=now, pace=pace, gate=gate, shelf=shelf)
        self.clock = self.client.butlr_clock
        self.pictures = Pictures(
            origins=access.plan_origins,
            own=origin_of(access.url),
            bearer=self.client.bearer,
            observe=observe or (lambda _path, _outcome, _seconds: None),
        )
        self._access = access
        self._settle_s = settle_s

    def log_in(self) -> None:
        """Only that; every other question logs in by itself."""
        self.client.bearer()

    def fetch(self, segment: Segment) -> Part:
        """What Butlr knows of a segment, as known when it was asked."""
        asked_at_s = self.clock.here()
        match segment.subject:
            case HeatMapSubject() as subject:
                content: Content = self._heat_map(segment, subject)
            case SeriesSubject() as subject:
                content = self._series(segment, subject)
            case StatsSubject() as subject:
                content = self._figures(segment, subject)
        # The answer may have told that our clock, by which the segment was called settled, is ahead.
        settled = segment.settled and segment.period.end_s + self._settle_s <= self.clock.now()
        return Part(segment.period, content, self.clock.at(asked_at_s), settled)

    def _heat_map(self, segment: Segment, subject: HeatMapSubject) -> Grid:
        """One call of `POST /v3/detections`: raw counts, so that parts can be added."""
        body = self.client.post(self._access.detections_path, question(segment))
        return decode.heat_map(body, subject.resolution_m)

    def _series(self, segment: Segment, subject: SeriesSubject) -> Samples:
        """`POST /api/v3/reporting`, a call a page; the page that is not full is the last."""
        rows: list[dict[str, Any]] = []
        for page in range(1, reporting.MAX_PAGES + 1):
            asked = reporting.question(segment.space, subject, segment.period, page)
            found = reporting.rows_of(self.client.post(self._access.reporting_path, asked))
            rows += found
            if len(found) < reporting.PAGE_ROWS:
                return reporting.samples(rows, subject, segment.period)
        raise UpstreamInvalid(f"Butlr's metrics have more than {reporting.MAX_PAGES} pages")

    def _figures(self, segment: Segment, subject: StatsSubject) -> Samples:
        """One call of `POST /api/v4/reporting/stats`."""
        body = self.client.post(self._access.stats_path, stats.question(subject, segment.period))
        return stats.samples(body, subject, segment.period)

    def topology_document(self) -> dict[str, Any]:
        """Two calls of GraphQL: floors, which are needed, and sensors, which may be missing (`None`)."""
        try:
            sites = self._graphql(SITES_QUERY)
        except (UpstreamInvalid, UpstreamRefused):
            sites = self._graphql(PLAIN_SITES_QUERY)
        try:
            sensors = self._graphql(SENSORS_QUERY)
        except UpstreamError:
            sensors = None
        return {"sites": sites, "sensors": sensors}

    def _graphql(self, query: str) -> dict[str, Any]:
        return data_of(self.client.post(self._access.graphql_path, {"query": query}))

    def close(self) -> None:
        self.client.close()
        self.pictures.close()


def question(segment: Segment) -> dict[str, object]:
    """The body of a heat-map call. `stop` is taken as exclusive; Butlr does not document it."""
    return {
        "data_types": ["heatmap_v2"],
        "filter": {
            "space_id": segment.space,
            "start": iso(segment.period.start_s),
            "stop": iso(segment.period.end_s),
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
