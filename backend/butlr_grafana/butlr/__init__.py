"""The vendor: everything that knows how Butlr speaks. The rest of the house sees only the model.

`access` (where and who), `client` (HTTP: token, retries, errors), `limits` (rate and pauses),
`decode` (heat maps), `reporting` (metrics), `topology` (floors, rooms, sensors).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from butlr_grafana.butlr import decode, reporting
from butlr_grafana.butlr.access import Access
from butlr_grafana.butlr.client import Client, Observer
from butlr_grafana.butlr.topology import SENSORS_QUERY, SITES_QUERY, data_of
from butlr_grafana.errors import UpstreamError, UpstreamInvalid
from butlr_grafana.model import Content, Grid, HeatMapSubject, Part, Samples, Segment, SeriesSubject, iso

__all__ = ["Access", "Butlr"]


class Butlr:
    """Butlr as the model sees it. Thread-safe; every method raises `UpstreamError`."""

    def __init__(
        self, access: Access, *, observe: Observer | None = None, now: Callable[[], float] = time.time
    ) -> None:
        self.client = Client(access, observe=observe)
        self._access = access
        self._now = now

    def fetch(self, segment: Segment) -> Part:
        """What Butlr knows of a segment, as known when it was asked."""
        asked_at = self._now()
        match segment.subject:
            case HeatMapSubject() as subject:
                content: Content = self._heat_map(segment, subject)
            case SeriesSubject() as subject:
                content = self._series(segment, subject)
        return Part(segment.period, content, asked_at, segment.settled)

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

    def topology_document(self) -> dict[str, Any]:
        """Two calls of GraphQL: floors, which are needed, and sensors, which may be missing (`None`)."""
        sites = data_of(self.client.post(self._access.graphql_path, {"query": SITES_QUERY}))
        try:
            sensors = data_of(self.client.post(self._access.graphql_path, {"query": SENSORS_QUERY}))
        except UpstreamError:
            sensors = None
        return {"sites": sites, "sensors": sensors}

    def close(self) -> None:
        self.client.close()


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
