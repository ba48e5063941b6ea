"""`pattern`: a metric by weekday and hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.insight.pattern import PatternCell, of_heat_maps, of_series
from butlr_grafana.insight.rollup import whole
from butlr_grafana.model.calendar import local_windows, window_starts
from butlr_grafana.model.queries import AnyQuery, HeatMap, Query
from butlr_grafana.model.time import DAY_S, HOUR_S
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.period import CLOCK_CHANGE_S
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import PER_HOUR, SECONDS, Column, number
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, SERIES

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

MOST_PATTERN_S = 14 * DAY_S
ROUNDED_S = HOUR_S + CLOCK_CHANGE_S
"""By so much a sliding period may be longer than it was asked for, and a local week longer than 7 days."""

HOURS_KNOWN = {"hours": number("Hours known", "none")}
VALUES = {
    "presence": number("Time in use", SECONDS, 0),
    "heatmap": number("Detections per hour", PER_HOUR, 1),
}
PEOPLE = number("People, mean", "short", 1)


@dataclass(frozen=True, slots=True, eq=False)
class WeekPattern:
    """The cells of the week; `whole`: all heat maps together, of the metric `heatmap`."""

    cells: tuple[PatternCell, ...]
    whole: HeatMap | None = None


class Pattern(TableTarget[WeekPattern]):
    name = "pattern"
    title = "Pattern of the week"
    description = "A row an hour of the week: the mean of a metric; of the heat map for up to 14 days."
    parameters = ("metric", *(n for n in SERIES if n != "every"), "resolution", "unit")
    formats = FRAMES_ROWS_CSV
    note_topics = frozenset({"time"})
    default_level = "floor"

    def queries(self, scope: Scope) -> Sequence[AnyQuery]:
        parsed = scope.parsed
        if parsed.metric == "heatmap":
            return hours_of(heat_map_queries(scope)[0])
        return series_queries(
            scope, parsed.metric, statistic=parsed.statistic, every="1h", level=parsed.level or "floor"
        )

    def topics(self, parsed: ParsedQuery) -> frozenset[str]:
        return super().topics(parsed) | ({"traffic"} if parsed.metric == "traffic" else set())

    def build(self, fetched: Fetched, sources: Sources) -> WeekPattern:
        if fetched.maps:
            return WeekPattern(tuple(of_heat_maps(fetched.maps)), whole(fetched.maps))
        return WeekPattern(tuple(of_series(fetched.series)))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return ("weekday", "weekday_number", "hour", "space", "asset_id", "asset", "field", "value", "hours")

    def own_columns(self, result: Result[WeekPattern]) -> dict[str, Column]:
        if result.maps and result.maps[0].unit == "people":
            return {**HOURS_KNOWN, "value": PEOPLE}
        metric = result.parsed.metric
        return {**HOURS_KNOWN, **({"value": VALUES[metric]} if metric in VALUES else {})}

    def rows_of(self, content: WeekPattern, result: Result[WeekPattern]) -> list[Row]:
        """`value` is the mean over `hours` known hours."""
        return [
            {
                "weekday": WEEKDAYS[cell.weekday],
                "weekday_number": cell.weekday + 1,
                "hour": cell.hour,
                "space": cell.floor.id,
                "asset_id": cell.asset_id,
                "asset": cell.name,
                "field": cell.field,
                "value": cell.value,
                "hours": cell.hours,
            }
            for cell in content.cells
        ]


def hours_of(query: Query) -> list[Query]:
    """A heat map an hour; only those of which some part counts. Raises `BadParameter`."""
    if query.period.length_s > MOST_PATTERN_S + ROUNDED_S:
        raise BadParameter(
            "metric", "heatmap is for ranges of up to 14 days; it may be occupancy, traffic, presence"
        )
    hours = local_windows(query.period, query.local_hours) if query.local_hours else [query.period]
    starts = window_starts(query.period, "1h", query.timezone).tolist()
    return [replace(query, period=piece, local_hours=None) for part in hours for piece in part.cut_at(starts)]
