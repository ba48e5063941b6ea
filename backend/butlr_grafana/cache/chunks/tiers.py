"""Several tiers as one, fastest first. A chunk found in a slower tier is copied to the faster ones."""

from __future__ import annotations

import math

from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period


class TieredStore:
    """`tiers`: fastest first."""

    def __init__(self, *tiers: Store) -> None:
        self._tiers = tiers

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:
        best, found_depth = None, 0
        for depth, tier in enumerate(self._tiers):
            chunk = tier.get(segment, since)
            if chunk is not None and (best is None or _is_better(chunk, best)):
                best, found_depth = chunk, depth
            if best is not None and (best.settled or best.requested_at >= since):
                break
        if best is not None:
            for faster in self._tiers[:found_depth]:
                faster.put(segment, best)
        return best

    def put(self, segment: Segment, chunk: Chunk) -> None:
        for tier in self._tiers:
            tier.put(segment, chunk)

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        return list({p for tier in self._tiers for p in tier.within(space, subject, period)})

    def close(self) -> None:
        for tier in self._tiers:
            tier.close()


def _is_better(one: Chunk, other: Chunk) -> bool:
    """Of a chunk that can still change: a faster tier may have an older version."""
    return (one.settled, one.requested_at) > (other.settled, other.requested_at)
