"""Memory over disk: what is found on disk is kept in memory too."""

from __future__ import annotations

from butlr_grafana.model import Part, Period, Segment, Subject
from butlr_grafana.store import Store


class TieredStore:
    """`tiers`: fastest first."""

    def __init__(self, *tiers: Store) -> None:
        self._tiers = tiers

    def get(self, segment: Segment) -> Part | None:
        for depth, tier in enumerate(self._tiers):
            part = tier.get(segment)
            if part is not None:
                for faster in self._tiers[:depth]:
                    faster.put(segment, part)
                return part
        return None

    def put(self, segment: Segment, part: Part) -> None:
        for tier in self._tiers:
            tier.put(segment, part)

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        return list({p for tier in self._tiers for p in tier.within(space, subject, period)})

    def close(self) -> None:
        for tier in self._tiers:
            tier.close()
