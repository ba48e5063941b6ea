"""Calls to Butlr: one replica makes each call, and the others wait for its chunk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.model.chunk import Chunk, Segment
from butlr_grafana.replicas.chunk_store import SharedStore, name_of
from butlr_grafana.replicas.single_flight import SharedSingleFlight

Fetch = Callable[[Segment], Chunk]


@dataclass(frozen=True, slots=True)
class SharedCalls:
    """What replicas need to make each call once.

    `scope`: replicas with the same credentials, so that a replica with a wrong secret does not pass its
    failures to others. `is_fresh`: whether a stored chunk can be used; `rest_s`: how long a failed call is
    not repeated.
    """

    single_flight: SharedSingleFlight
    store: SharedStore
    scope: str
    is_fresh: Callable[[Segment, Chunk], bool]
    rest_s: Callable[[UpstreamError], float]

    def name(self, segment: Segment) -> str:
        """The name of a call, by which replicas know it."""
        return f"{self.scope}:{name_of(segment)}"

    def cached(self, segment: Segment) -> Chunk | None:
        """The stored chunk, if it can be used."""
        chunk = self.store.get(segment)
        return chunk if chunk is not None and self.is_fresh(segment, chunk) else None

    def fetch_once(self, fetch: Fetch) -> Fetch:
        """`fetch` for all replicas together."""

        def fetch_once(segment: Segment) -> Chunk:
            return self.single_flight.do(
                self.name(segment),
                read=lambda: self.cached(segment),
                work=lambda: fetch(segment),
                store=lambda chunk: self.store.put(segment, chunk),
                rest_s=self.rest_s,
            )

        return fetch_once
