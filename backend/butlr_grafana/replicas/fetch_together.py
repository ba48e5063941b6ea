"""Segments that go in one call to Butlr: one replica fetches each, as in `fetch_once`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from butlr_grafana.base.errors import BackendError, UpstreamError
from butlr_grafana.model.chunk import Chunk, FetchTogether, Outcome, Segment
from butlr_grafana.replicas.chunk_store import SharedStore, name_of
from butlr_grafana.replicas.leases import Lease
from butlr_grafana.replicas.redis_connection import RedisUnavailable
from butlr_grafana.replicas.single_flight import SharedSingleFlight


@dataclass(slots=True)
class _Division:
    """Who asks for what. `ours`: with the lease of each, or without where Redis is away; `theirs`: another
    replica is asking; `known`: what one has brought.
    """

    ours: dict[Segment, Lease | None] = field(default_factory=dict)
    theirs: list[Segment] = field(default_factory=list)
    known: dict[Segment, Outcome] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SharedTogether:
    """Thread-safe. `fetch`: asks Butlr for several; `fetch_once`: as `fetch_once.shared`, for those that
    another replica is asking for. `scope`, `is_fresh`, `rest_s`: as there.
    """

    fetch: FetchTogether
    fetch_once: Callable[[Segment], Chunk]
    once: SharedSingleFlight
    store: SharedStore
    scope: str
    is_fresh: Callable[[Segment, Chunk], bool]
    rest_s: Callable[[UpstreamError], float]

    def __call__(self, segments: Sequence[Segment]) -> list[Outcome]:
        """What came of each. No lease is held while another replica is waited for."""
        division = self._divided(segments)
        found = {**division.known, **self._asked(division.ours)}
        for segment in division.theirs:
            try:
                found[segment] = self.fetch_once(segment)
            except BackendError as error:
                found[segment] = error
        return [found[segment] for segment in segments]

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
        lease = self.once.claim(f"{self.scope}:{name_of(segment)}")
        if lease is None:
            division.theirs.append(segment)
            return
        part = self.store.get(segment)
        if part is not None and self.is_fresh(segment, part):
            self.once.release(lease)
            division.known[segment] = part
        else:
            division.ours[segment] = lease

    def _asked(self, ours: dict[Segment, Lease | None]) -> dict[Segment, Outcome]:
        """What Butlr answers; a failure is told to the others with the lease's end."""
        if not ours:
            return {}
        found: dict[Segment, Outcome] = {}
        try:
            for segment, outcome in zip(ours, self.fetch(tuple(ours)), strict=True):
                found[segment] = outcome
                if isinstance(outcome, Chunk):
                    # Before the lease ends: who comes then looks first.
                    self.store.put(segment, outcome)
        except BackendError as error:
            found = dict.fromkeys(ours, error)
        finally:
            for segment, lease in ours.items():
                if lease is not None:
                    self.once.release(lease, self._failure(found.get(segment)), self.rest_s)
        return found

    @staticmethod
    def _failure(outcome: Outcome | None) -> UpstreamError | None:
        return outcome if isinstance(outcome, UpstreamError) else None
