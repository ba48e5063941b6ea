"""`heatmap`: where people were, cell by cell."""

from __future__ import annotations

from dataclasses import replace

from butlr_grafana.insight.empty import with_zeros
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import DAY_S, HOUR_S
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Sources, Target
from butlr_grafana.targets.parameter_groups import HEAT_MAP, IMAGE
from butlr_grafana.targets.shapes import HeatMapResult

LONGEST_TODAY_S = DAY_S + HOUR_S + HOUR_S / 12
"""Of an anonymous screen: a day on which the clocks go back, and a screen that is late."""


class HeatMapTarget(Target[HeatMapResult]):
    name = "heatmap"
    title = "Heat map"
    description = (
        "Where people were: people per m² (or detections) by cell, as one dense heatmap-cells frame."
    )
    parameters = (*HEAT_MAP, "empty", *IMAGE, "style", "max_age")
    formats = ("frames", "rows", "matrix", "csv", "png")
    for_walls = True
    shape = HeatMapResult

    def queries(self, scope: Scope) -> tuple[Query, ...]:
        return heat_map_queries(scope)

    def needs_presence(self, parsed: ParsedQuery) -> bool:
        return parsed.format == "png" or parsed.empty == "zero"

    def prepare(self, fetched: Fetched) -> Fetched:
        if fetched.parsed.empty != "zero" or fetched.parsed.format == "png":
            return fetched
        return replace(fetched, maps=tuple(map(with_zeros, fetched.maps)))

    def build(self, fetched: Fetched, sources: Sources) -> HeatMapResult:
        return HeatMapResult(fetched.maps[0])

    def is_for_walls(self, parsed: ParsedQuery, now_s: float) -> bool:
        """A picture of the floor today. No rooms: an error about one would name the others. No frames: their
        notices may quote Butlr.
        """
        is_today = parsed.start_s is not None and parsed.start_s >= now_s - LONGEST_TODAY_S
        return parsed.format == "png" and is_today
