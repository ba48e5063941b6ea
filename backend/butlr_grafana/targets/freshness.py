"""`freshness`: the time up to which each floor's data are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from butlr_grafana.insight.freshness import Freshness, freshness
from butlr_grafana.model.queries import AnyQuery, HeatMap, Query, SeriesResult
from butlr_grafana.model.time import iso
from butlr_grafana.query.live import freshness_start, newest_known
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV


@dataclass(frozen=True, slots=True)
class FreshnessOfFloors:
    floors: tuple[Freshness, ...]


class FreshnessOfData(TableTarget[FreshnessOfFloors]):
    name = "freshness"
    title = "Freshness of data"
    description = "One row per floor, also if it fails: the time of Butlr's newest data, and their age."
    parameters = ("space", "metric", "max_age", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    survives_faults = True

    def queries(self, scope: Scope) -> Sequence[AnyQuery]:
        return newest_known(scope)

    def topics(self, parsed: ParsedQuery) -> frozenset[str]:
        return super().topics(parsed) | ({"traffic"} if parsed.metric == "traffic" else set())

    def build(self, fetched: Fetched, sources: Sources) -> FreshnessOfFloors:
        floors = tuple(fetched.scope.topology.floors.values())
        why = {floor.id: fault.message for floor, fault in fetched.faults}
        known: list[HeatMap | SeriesResult] = [*fetched.maps, *fetched.series]
        since_s, with_result = freshness_start(fetched.scope.now_s), {one.query.floor.id for one in known}
        earlier_s = {}
        if len(with_result) < len(floors):
            for query in newest_known(fetched.scope):
                # Looked up on disk and in Redis: only where no result says it.
                if isinstance(query, Query) and query.floor.id not in with_result:
                    earlier_s[query.floor.id] = sources.known_until(query, since_s) or since_s
        return FreshnessOfFloors(freshness(floors, known, why, since_s=since_s, earlier_s=earlier_s))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (*FLOOR, "metric", "as_of", "complete", "reason", "source", "age_s", "as_of_ms")

    def rows_of(self, content: FreshnessOfFloors, result: Result[FreshnessOfFloors]) -> list[Row]:
        """`as_of` is up to when a floor's data are known."""
        return [
            {
                "space": one.floor.id,
                "floor": one.floor.name,
                "metric": result.parsed.metric,
                "as_of": iso(one.known_until_s),
                "complete": int(one.complete),
                "reason": one.reason,
                "source": one.source,
            }
            for one in content.floors
        ]
