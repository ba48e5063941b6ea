"""From a segment to Butlr's chunk: with incidents, contradicted verdicts, and one replica per call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from butlr_grafana.base.errors import UpstreamDiffers, UpstreamError
from butlr_grafana.base.incidents import ButlrIncidents
from butlr_grafana.butlr.api import Butlr
from butlr_grafana.measure.verdict_store import VerdictStore
from butlr_grafana.model.chunk import (
    Chunk,
    FetchTogether,
    HeatMapSubject,
    Outcome,
    Segment,
    SeriesSubject,
    StatsSubject,
)
from butlr_grafana.pipeline.gather import is_fresh, stamped
from butlr_grafana.pipeline.recent_failures import rest_s
from butlr_grafana.pipeline.together import Together
from butlr_grafana.replicas.fetch_once import Fetch, SharedCalls
from butlr_grafana.replicas.fetch_together import SharedTogether
from butlr_grafana.replicas.members import Replicas

APIS = {HeatMapSubject: "heat maps", SeriesSubject: "metrics", StatsSubject: "statistics"}
"""Butlr's APIs by what is asked of them, for people; `floors` comes beside."""


def fetchers(
    butlr: Butlr,
    incidents: ButlrIncidents,
    verdict_store: VerdictStore,
    others: Replicas | None,
    stopwatch: Callable[[], float],
) -> tuple[Fetch, Together]:
    """How one question is asked, and how several go in one call."""
    fetch = noticed(stamped(butlr.fetch, stopwatch), verdict_store)
    together = stamped_together(butlr, stopwatch, verdict_store)
    if others is not None:
        calls = shared_calls(others, stopwatch)
        fetch = calls.fetch_once(fetch)
        together = SharedTogether(together, fetch, calls)
    watched = incidents.recorded(fetch, lambda segment: APIS[type(segment.subject)])
    return watched, Together(butlr.room_left, watched_together(together, incidents))


def shared_calls(others: Replicas, stopwatch: Callable[[], float]) -> SharedCalls:
    return SharedCalls(
        others.single_flight,
        others.store,
        scope=others.credentials.scope,
        is_fresh=lambda segment, chunk: is_fresh(segment, chunk, stopwatch()),
        rest_s=rest_s,
    )


def noticed(fetch: Fetch, verdict_store: VerdictStore) -> Fetch:
    """`fetch`; an answer that contradicts what was measured makes that an assumption again."""

    def fetching(segment: Segment) -> Chunk:
        try:
            return fetch(segment)
        except UpstreamDiffers as error:
            _note(error, segment, verdict_store)
            raise

    return fetching


def _note(error: UpstreamDiffers, segment: Segment, verdict_store: VerdictStore) -> None:
    if error.verdict:
        verdict_store.contradicted(error.verdict, api=APIS[type(segment.subject)], form=error.form)


def stamped_together(
    butlr: Butlr, stopwatch: Callable[[], float], verdict_store: VerdictStore
) -> FetchTogether:
    """`Butlr.fetch_together`, with all that `stamped` and `noticed` do for one question."""

    def fetching(segments: Sequence[Segment]) -> list[Outcome]:
        requested_at = stopwatch()
        results = butlr.fetch_together(segments)
        for segment, result in zip(segments, results, strict=True):
            if isinstance(result, UpstreamDiffers):
                _note(result, segment, verdict_store)
        return [replace(one, requested_at=requested_at) if isinstance(one, Chunk) else one for one in results]

    return fetching


def watched_together(fetch: FetchTogether, incidents: ButlrIncidents) -> FetchTogether:
    """`fetch`, whose outcomes begin, count in or end the incidents of Butlr's metrics."""
    api = APIS[SeriesSubject]

    def fetching(segments: Sequence[Segment]) -> Sequence[Outcome]:
        try:
            results = fetch(segments)
        except UpstreamError as error:
            incidents.record(error, api=api)
            raise
        faults = [one for one in results if isinstance(one, UpstreamError)]
        incidents.record(faults[0] if len(faults) == len(results) else None, api=api)
        return results

    return fetching
