"""`pattern`: a metric by weekday and hour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from butlr_grafana.insight.busiest import WEEKDAYS, busiest
from butlr_grafana.insight.pattern import PatternCell, of_heat_maps, of_series
from butlr_grafana.insight.rollup import whole
from butlr_grafana.model.queries import AnyQuery, HeatMap
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.query.windows import hours_of
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import PER_HOUR, SECONDS, Column, number
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, SERIES

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
    description = "One row per hour of the week: the mean of a metric. Heat maps: the last 14 days only."
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

    def own_columns(self, table: str) -> dict[str, Column]:
        _, _, metric = table.partition("/")
        value = PEOPLE if metric.endswith("/people") else VALUES.get(metric)
        return {**HOURS_KNOWN, **({"value": value} if value else {})}

    def rows_of(self, content: WeekPattern, result: Result[WeekPattern]) -> list[Row]:
        """From the first day of the week on; `value` is the mean over `hours` known hours."""
        week_start = result.scope.limits.week_start
        first: dict[tuple[str, str], int] = {}
        for k, cell in enumerate(content.cells):
            first.setdefault((cell.asset_id, cell.field), k)

        def place(cell: PatternCell) -> tuple[int, int, int]:
            return first[cell.asset_id, cell.field], (cell.weekday - week_start) % 7, cell.hour

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
            for cell in sorted(content.cells, key=place)
        ]

    def table_name(self, result: Result[WeekPattern]) -> str:
        return f"{self.name}/{result.parsed.metric}" + ("/people" if result.is_in_people else "")

    def custom(self, result: Result[WeekPattern]) -> dict[str, Any]:
        """By whose clock the hours are, and the busiest of them."""
        zones = {part.query.floor.id: part.query.timezone for part in result.fetched.series}
        of_floor = {"timezone": next(iter(zones.values()))} if len(zones) == 1 else {}
        return {**of_floor, "busiest": _busiest(result)} if result.content and result.content.cells else {}


WHAT = {"occupancy": "people", "traffic": "people", "presence": "s in use"}


def _busiest(result: Result[WeekPattern]) -> dict[str, Any] | None:
    """The busiest hour of the week, and a sentence that says it."""
    found = busiest(result.content.cells) if result.content else None
    if found is None:
        return None
    what = WHAT.get(result.parsed.metric, "people" if result.is_in_people else "detections")
    value = f"{found.value:.0f}" if found.value >= 10 else f"{found.value:.1f}"
    text = f"Busiest: {found.when}, {value} {what}"
    return {"weekday": found.weekday + 1, "hour": found.hour, "value": found.value, "text": text}
