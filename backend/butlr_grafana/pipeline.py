"""The way of a query, stage by stage: `Query → segments → parts → one grid → answer`."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana import merge
from butlr_grafana.errors import Incomplete
from butlr_grafana.gather import Gathered, Gatherer, Pending
from butlr_grafana.model import HeatMap, Query, iso
from butlr_grafana.plan import plan


@dataclass(frozen=True, slots=True)
class Begun:
    """A query whose calls are under way. Begin all queries of a request, then finish each."""

    query: Query
    pending: Pending

    def finish(self, *, deadline: float) -> HeatMap:
        """Raises `UpstreamError` where nothing is known, or not all and `require=complete`."""
        gathered = self.pending.collect(deadline=deadline)
        if self.query.require == "complete" and not gathered.coverage.complete:
            raise incomplete(gathered)
        return assemble(self.query, gathered)


class Pipeline:
    def __init__(self, gatherer: Gatherer, *, settle_s: int) -> None:
        self.gatherer = gatherer
        self._settle_s = settle_s

    def begin(self, query: Query, *, now_s: float) -> Begun:
        segments = plan(query, now_s=now_s, settle_s=self._settle_s)
        return Begun(query, self.gatherer.begin(segments))


def assemble(query: Query, gathered: Gathered) -> HeatMap:
    raw = merge.add([part.grid for part in gathered.parts], query.resolution_m)
    if query.rooms is not None:
        raw = merge.within_rooms(raw, query.rooms)
    shown = merge.normalized(raw, query.normalize, gathered.coverage.hours)
    return HeatMap(query, raw, shown, gathered.coverage, gathered.parts)


def incomplete(gathered: Gathered) -> Incomplete:
    coverage = gathered.coverage
    gaps = ", ".join(str(g) for g in coverage.gaps[:3]) or f"data as of {iso(coverage.as_of_s)}"
    why = f" ({'; '.join(coverage.reasons)})" if coverage.reasons else ""
    return Incomplete(
        f"require=complete: {coverage.missing} of {coverage.planned} segments missing, "
        f"{coverage.stale} stale: {gaps}{why}"
    )
