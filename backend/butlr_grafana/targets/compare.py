"""`compare`: each cell's change between two periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.insight.compare import compare, relative
from butlr_grafana.model.queries import Query
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.period import before
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Sources, Target
from butlr_grafana.targets.parameter_groups import HEAT_MAP, IMAGE
from butlr_grafana.targets.shapes import ComparisonResult


def both_periods(scope: Scope) -> list[Query]:
    """The period asked for and its baseline."""
    if scope.parsed.normalize == "share":
        raise BadParameter(
            "normalize",
            "share is not possible, because a comparison is per hour counted; allowed: none, hour, max",
        )
    # Per hour is made of raw counts on both sides, whatever else was asked for.
    current = replace(heat_map_queries(scope)[0], normalize="none")
    return [current, before(current, scope.parsed.baseline, now_s=scope.now_s, limits=scope.limits)]


class Compare(Target[ComparisonResult]):
    name = "compare"
    title = "Compare two periods"
    description = "Each cell's change in people per m² (or detections per hour) against a baseline."
    parameters = (*HEAT_MAP, "baseline", *IMAGE)
    formats = ("frames", "rows", "csv", "png")
    shape = ComparisonResult

    def queries(self, scope: Scope) -> Sequence[Query]:
        return both_periods(scope)

    def needs_presence(self, parsed: ParsedQuery) -> bool:
        return True

    def build(self, fetched: Fetched, sources: Sources) -> ComparisonResult:
        current, baseline = fetched.maps
        found = compare(current, baseline)
        # The picture has a scale of its own, in detections per hour.
        is_relative = fetched.parsed.normalize == "max"
        on_fixed_scales = is_relative and fetched.parsed.format != "png"
        return ComparisonResult(relative(found) if on_fixed_scales else found, current, baseline, is_relative)
