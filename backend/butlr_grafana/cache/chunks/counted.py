"""A store that reports its hits and misses."""

from __future__ import annotations

import math
from collections.abc import Callable

from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period


class CountedStore:
    """`store`; `on_lookup` is called for each look-up with whether the chunk was there."""

    def __init__(self, store: Store, on_lookup: Callable[[bool], None]) -> None:
        self._store = store
        self._on_lookup = on_lookup

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:
        chunk = self._store.get(segment, since)
        self._on_lookup(chunk is not None)
        return chunk

    def put(self, segment: Segment, chunk: Chunk) -> None:
        self._store.put(segment, chunk)

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        return self._store.within(space, subject, period)

    def close(self) -> None:
        self._store.close()
