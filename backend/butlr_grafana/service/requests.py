"""A query on its way to its result, and what the result is made of."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from butlr_grafana.model.chunk import Chunk, Coverage
from butlr_grafana.model.factor import Known
from butlr_grafana.model.queries import AnyQuery, AnyResult, HeatMap, SeriesResult, StatsResult, by_floor
from butlr_grafana.pipeline.floor_by_floor import FloorByFloor
from butlr_grafana.pipeline.run import PendingQuery
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Result, Target

ABOUT_NOW_S = 300.0
"""A result is about now if its period ended at most so many seconds ago."""


@dataclass(frozen=True, slots=True)
class ResolvedQuery:
    """A complete query that has not been started.

    `queries`: what to request from Butlr. `factors`: by floor, as known at that moment.
    """

    target: Target[Any]
    scope: Scope
    queries: tuple[AnyQuery, ...] = ()
    factors: Mapping[str, Known] = field(default_factory=dict)

    @property
    def parsed(self) -> ParsedQuery:
        return self.scope.parsed


@dataclass(frozen=True, slots=True)
class PendingRequest:
    """A query whose calls are in flight. Start all queries of a request, then finish each.

    `floor_by_floor`: asks for the floors that have not been asked for yet.
    """

    resolved: ResolvedQuery
    pending_queries: tuple[PendingQuery, ...] = ()
    floor_by_floor: FloorByFloor | None = None

    @property
    def parsed(self) -> ParsedQuery:
        return self.resolved.parsed

    @property
    def by_floor(self) -> dict[str, list[PendingQuery]]:
        return by_floor(self.pending_queries)

    @property
    def calls(self) -> list[Future[Chunk]]:
        """The calls to Butlr that it waits for."""
        return [call for one in self.pending_queries for call in one.pending.calls]


@dataclass(frozen=True, slots=True)
class Account:
    """What a part of an answer is made of; `end_s`: where the last time that counts ends. `None` where no
    time counts, and of statistics, which are asked in whole hours.
    """

    coverage: Coverage
    end_s: int | None

    def age_s(self, now_s: float) -> float | None:
        """How old the oldest of it is, where it is about now; `None` of the past."""
        if self.end_s is None or self.end_s < now_s - ABOUT_NOW_S:
            return None
        return max(0.0, now_s - self.coverage.as_of_s)


def accounts_of(result: Result[Any]) -> tuple[Account, ...]:
    return tuple(Account(part.coverage, _counted_until_s(part)) for part in result.results)


def _counted_until_s(part: AnyResult) -> int | None:
    """A heat map has chunks or gaps of exactly the times that count: outside office hours the last of them is
    some hours old, however new the answer is.
    """
    match part:
        case StatsResult():
            return None
        case SeriesResult():
            return part.query.period.end_s
        case HeatMap():
            counted = [*(chunk.period for chunk in part.chunks), *part.coverage.gaps]
            return max((period.end_s for period in counted), default=None)
