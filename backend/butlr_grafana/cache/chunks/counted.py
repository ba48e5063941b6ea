"""A store that reports its hits and misses."""

from __future__ import annotations

import math
from collections.abc import Callable

from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period


class CountedStore:
    """`store`, of which each look-up is told: whether the part was there."""

    def __init__(self, store: Store, looked_up: Callable[[bool], None]) -> None:
        self._store = store
        self._looked_up = looked_up

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:
        part = self._store.get(segment, since)
        self._looked_up(part is not None)
        return part

    def put(self, segment: Segment, part: Chunk) -> None:
        self._store.put(segment, part)

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        return self._store.within(space, subject, period)

    def close(self) -> None:
        self._store.close()
