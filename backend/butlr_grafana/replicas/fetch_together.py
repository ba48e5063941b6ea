"""Segments that go in one call to Butlr: one replica fetches each, as in `fetch_once`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from butlr_grafana.base.errors import BackendError, UpstreamError
from butlr_grafana.model.chunk import Chunk, FetchTogether, Outcome, Segment
from butlr_grafana.replicas.fetch_once import Fetch, SharedCalls
from butlr_grafana.replicas.leases import Lease
from butlr_grafana.replicas.redis_connection import RedisUnavailable


@dataclass(slots=True)
class _Division:
    """Which replica fetches what. `ours`: with the lease of each, or without if Redis is down; `theirs`:
    another replica is fetching; `known`: what one has stored.
    """

    ours: dict[Segment, Lease | None] = field(default_factory=dict)
    theirs: list[Segment] = field(default_factory=list)
    known: dict[Segment, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SharedTogether:
    """Thread-safe. `fetch`: fetches several from Butlr; `fetch_once`: as `SharedCalls.fetch_once`, for those
    that another replica is fetching.
    """

    fetch: FetchTogether
    fetch_once: Fetch
    calls: SharedCalls

    def __call__(self, segments: Sequence[Segment]) -> list[Outcome]:
        """The result of each. No lease is held while waiting for another replica."""
        division = self._divided(segments)
        results = {**division.known, **self._fetched(division.ours)}
        for segment in division.theirs:
            try:
                results[segment] = self.fetch_once(segment)
            except BackendError as error:
                results[segment] = error
        return [results[segment] for segment in segments]

    def _divided(self, segments: Sequence[Segment]) -> _Division:
        division = _Division()
        for segment in segments:
            try:
                self._claim(segment, division)
            except UpstreamError as error:
                division.known[segment] = error
            except RedisUnavailable:
                division.ours[segment] = None
        return division

    def _claim(self, segment: Segment, division: _Division) -> None:
        lease = self.calls.single_flight.claim(self.calls.name(segment))
        if lease is None:
            division.theirs.append(segment)
            return
        chunk = self.calls.cached(segment)
        if chunk is not None:
            self.calls.single_flight.release(lease)
            division.known[segment] = chunk
        else:
            division.ours[segment] = lease

    def _fetched(self, ours: dict[Segment, Lease | None]) -> dict[Segment, Outcome]:
        """What Butlr returns; a failure is passed to the others at the lease's end."""
        if not ours:
            return {}
        results: dict[Segment, Outcome] = {}
        try:
            for segment, result in zip(ours, self.fetch(tuple(ours)), strict=True):
                results[segment] = result
                if isinstance(result, Chunk):
                    # Before the lease ends: the next owner reads first.
                    self.calls.store.put(segment, result)
        except BackendError as error:
            results = dict.fromkeys(ours, error)
        finally:
            for segment, lease in ours.items():
                if lease is not None:
                    failure = self._failure(results.get(segment))
                    self.calls.single_flight.release(lease, failure, self.calls.rest_s)
        return results

    @staticmethod
    def _failure(result: Outcome | None) -> UpstreamError | None:
        return result if isinstance(result, UpstreamError) else None
