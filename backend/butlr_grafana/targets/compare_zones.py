"""`compare-zones`: rooms, zones or the floor, in two periods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from butlr_grafana.insight.zone_change import ZoneChange, zone_changes
from butlr_grafana.model.queries import HeatMap, Query
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets import two_periods
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import Column, number
from butlr_grafana.targets.compare import both_periods
from butlr_grafana.targets.hot_zones import level_of
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, ZONES
from butlr_grafana.targets.value_rows import names_of, values_of

IN_PEOPLE = {
    "current": number("People, now", "short", 1),
    "baseline": number("People, then", "short", 1),
    "change": number("Change in people", "short", 1),
}


@dataclass(frozen=True, slots=True, eq=False)
class ZoneComparison:
    """The changes, and the heat maps of both periods."""

    changes: tuple[ZoneChange, ...]
    current: HeatMap
    baseline: HeatMap


class CompareZones(TableTarget[ZoneComparison]):
    name = "compare-zones"
    title = "Compare two periods by room"
    description = (
        "One row per room, zone or floor: people (or detections per hour) in both periods, and change."
    )
    parameters = (*ZONES, "level", "baseline")
    formats = FRAMES_ROWS_CSV
    default_level = "room"

    def queries(self, scope: Scope) -> Sequence[Query]:
        return both_periods(scope)

    def needs_presence(self, parsed: ParsedQuery) -> bool:
        # A floor is the sum of its rooms where some are chosen.
        return parsed.level != "floor" or bool(parsed.room or parsed.tag or parsed.filters)

    def build(self, fetched: Fetched, sources: Sources) -> ZoneComparison:
        current, baseline = fetched.maps
        changes = zone_changes(current, baseline, level=level_of(fetched.parsed))
        return ZoneComparison(tuple(changes), current, baseline)

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (*names_of(ZoneChange), *two_periods.NAMES, "complete")

    def own_columns(self, table: str) -> dict[str, Column]:
        return {**two_periods.COLUMNS, **(IN_PEOPLE if table.endswith("/people") else {})}

    def rows_of(self, content: ZoneComparison, result: Result[ZoneComparison]) -> list[Row]:
        """The largest change first; unknown figures are null and `reason` says why."""
        periods = two_periods.values(content.current, content.baseline, content.current.query.timezone)
        return [
            {
                **values_of(zone),
                "has_data": int(zone.has_data),
                **periods,
                "complete": int(result.complete),
            }
            for zone in content.changes
        ]
