"""The vendor: everything that knows how Butlr speaks. The rest of the house sees only the model.

`access` (where and who), `client` (retries, errors), `tokens` (how long one is good, and who else may have
one), `transport` (one HTTP attempt), `limits` (rate, pauses, calls at a time), `clock` (Butlr's against
ours), `decode` (heat maps), `metrics`, `rows`, `labels`, `batches` (metrics), `stats` (statistics),
`questions`, `graphql`, `topology`, `devices`, `plan_forms`, `raw` (floors, rooms, sensors).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from butlr_grafana.butlr import decode, metrics, stats
from butlr_grafana.butlr.access import Access
from butlr_grafana.butlr.batches import Batches, MustAnswer
from butlr_grafana.butlr.client import Client, Observer
from butlr_grafana.butlr.graphql import Question
from butlr_grafana.butlr.limits import REAL_TIME, Pace, RateLimiter
from butlr_grafana.butlr.pictures import Pictures
from butlr_grafana.butlr.questions import hives_question, sensors_question, sites_question
from butlr_grafana.butlr.rows import Row, rows_of
from butlr_grafana.butlr.tokens import TokenShelf
from butlr_grafana.errors import UpstreamError
from butlr_grafana.hosts import origin_of
from butlr_grafana.model import (
    Content,
    Grid,
    HeatMapSubject,
    Part,
    Period,
    Samples,
    Segment,
    SeriesSubject,
    StatsSubject,
    iso,
)
from butlr_grafana.plan import SERIES_SETTLE_S
from butlr_grafana.verdicts import Verdicts

__all__ = ["REAL_TIME", "Access", "Butlr", "Pace"]


class Butlr:
    """Butlr as the model sees it. Thread-safe; every method raises `UpstreamError`.

    `now`: this machine's wall clock. `gate` and `shelf`: as in `Client`. `verdicts`: what is known of this
    account; `must_answer`: as `Batches` has it.
    """

    def __init__(
        self,
        access: Access,
        *,
        observe: Observer | None = None,
        now: Callable[[], float] = time.time,
        pace: Pace = REAL_TIME,
        gate: RateLimiter | None = None,
        shelf: TokenShelf | None = None,
        verdicts: Callable[[], Verdicts] = Verdicts,
        must_answer: MustAnswer = lambda _space, _level: (),
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
        self._verdicts = verdicts
        self._batches = Batches(must_answer, now=self.clock.now, clock=pace.clock)
        self._totals = decode.Totals()
        self._asking = threading.Lock()
        self._sites, self._sensors, self._hives = sites_question(), sensors_question(), hives_question()

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
        verdicts = self._verdicts()
        # The answer may have told that our clock, by which the segment was called settled, is ahead.
        settle_s = verdicts.settled_after_s
        if isinstance(segment.subject, SeriesSubject):
            settle_s = max(settle_s, SERIES_SETTLE_S)
        settled = segment.settled and segment.period.end_s + settle_s <= self.clock.now()
        # Nothing is kept for good while what it was read by is only assumed.
        settled = settled and verdicts.is_sure_of(segment.subject)
        return Part(segment.period, content, self.clock.at(asked_at_s), settled)

    def _heat_map(self, segment: Segment, subject: HeatMapSubject) -> Grid:
        """One call of `POST /v3/detections`: raw counts, so that parts can be added."""
        body = self.client.post(self._access.detections_path, question(segment))
        must_add_up = self._verdicts().totals_add_up
        return decode.heat_map(
            body,
            subject.resolution_m,
            totals=self._totals if must_add_up is None else decode.Totals(known=must_add_up),
            flipped=subject.y == "flipped",
        )

    def _series(self, segment: Segment, subject: SeriesSubject) -> Samples:
        """`POST /api/v3/reporting`, in as many calls as Butlr's limits want."""

        def ask(items: Sequence[str], period: Period) -> list[Row]:
            body = metrics.question(segment.space, subject, period, items)
            return rows_of(self.client.post(self._access.reporting_path, body), subject.function)

        rows = self._batches.rows(segment.space, subject, segment.period, ask)
        return metrics.samples(rows, segment.space, subject, segment.period)

    def _figures(self, segment: Segment, subject: StatsSubject) -> Samples:
        """One call of `POST /api/v4/reporting/stats`."""
        body = self.client.post(self._access.stats_path, stats.question(subject, segment.period))
        return stats.samples(body, subject, segment.period)

    def topology_document(self) -> dict[str, Any]:
        """Three questions of GraphQL: floors, which are needed, sensors and hives, which may be missing
        (`None`).

        The form is `topology.Document`.
        """
        with self._asking:
            sites = self._sites.ask(self._graphql)
            sensors, hives = self._optional(self._sensors), self._optional(self._hives)
            lost = [*sites.lost, *(path for one in (self._sensors, self._hives) for path in one.lost)]
        return {
            "sites": sites.data,
            "sensors": sensors,
            "hives": hives,
            "lost": [".".join(path[2:]) for path in lost],
            "faults": len(sites.faults),
        }

    def _optional(self, question: Question) -> dict[str, Any] | None:
        try:
            return question.ask(self._graphql).data
        except UpstreamError:
            return None

    def _graphql(self, body: dict[str, str]) -> bytes:
        return self.client.post(self._access.graphql_path, body, graphql=True)

    def close(self) -> None:
        self.client.close()
        self.pictures.close()


def question(segment: Segment) -> dict[str, object]:
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
