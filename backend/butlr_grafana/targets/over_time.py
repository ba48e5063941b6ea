"""`occupancy`, `traffic`, `presence`: values over time."""

from __future__ import annotations

from typing import ClassVar

from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.targets.base import Fetched, Sources, Target
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, SERIES
from butlr_grafana.targets.shapes import SeriesOverTime


class OverTime(Target[SeriesOverTime]):
    """A metric of Butlr over time: its name is the target's."""

    parameters: ClassVar[tuple[str, ...]] = SERIES
    formats = FRAMES_ROWS_CSV
    shape = SeriesOverTime
    many_floors = True
    note_topics = frozenset({"time"})
    default_level = "room"

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        parsed = scope.parsed
        return series_queries(
            scope, self.name, statistic=parsed.statistic, every=parsed.every, level=parsed.level or "room"
        )

    def build(self, fetched: Fetched, sources: Sources) -> SeriesOverTime:
        return SeriesOverTime(self.name, fetched.series)
