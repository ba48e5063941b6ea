"""Calls to Butlr: one replica makes each call, and the others wait for its chunk."""

from __future__ import annotations

from collections.abc import Callable

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.model.chunk import Chunk, Segment
from butlr_grafana.replicas.chunk_store import SharedStore, name_of
from butlr_grafana.replicas.single_flight import SharedSingleFlight

Fetch = Callable[[Segment], Chunk]


def shared(
    fetch: Fetch,
    single_flight: SharedSingleFlight,
    store: SharedStore,
    *,
    scope: str,
    is_fresh: Callable[[Segment, Chunk], bool],
    rest_s: Callable[[UpstreamError], float],
) -> Fetch:
    """`fetch` for all replicas together. `scope`: replicas with the same credentials, so that a replica with
    a wrong secret does not pass its failures to others. `rest_s`: how long a failed call is not repeated.
    """

    def fetch_once(segment: Segment) -> Chunk:
        def cached() -> Chunk | None:
            chunk = store.get(segment)
            return chunk if chunk is not None and is_fresh(segment, chunk) else None

        return single_flight.do(
            f"{scope}:{name_of(segment)}",
            read=cached,
            work=lambda: fetch(segment),
            store=lambda chunk: store.put(segment, chunk),
            rest_s=rest_s,
        )

    return fetch_once
