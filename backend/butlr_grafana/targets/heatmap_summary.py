"""`heatmap-summary`: a heat map as numbers, in one row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from butlr_grafana.insight.people import peak_people_per_m2
from butlr_grafana.model.factor import in_people
from butlr_grafana.model.queries import HeatMap, Query
from butlr_grafana.model.time import iso
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import Column, number
from butlr_grafana.targets.parameter_groups import AGE, FLOOR, FRAMES_ROWS_CSV, HEAT_MAP


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    heat_map: HeatMap


class HeatMapSummary(TableTarget[Summary]):
    name = "heatmap-summary"
    title = "Heat map in figures"
    description = "One row: total, peak and its place, area in use, hours counted, as of, complete."
    parameters = (*HEAT_MAP, "area")
    formats = FRAMES_ROWS_CSV
    tells_age = True
    note_topics = frozenset({"floor_area"})

    def queries(self, scope: Scope) -> tuple[Query, ...]:
        return heat_map_queries(scope)

    def build(self, fetched: Fetched, sources: Sources) -> Summary:
        return Summary(fetched.maps[0])

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (
            *FLOOR,
            *(
                "total_detections",
                "peak",
                "peak_x",
                "peak_y",
                "area_in_use_m2",
                "area_m2",
                "hours",
                "per_hour",
            ),
            *("people", "person_hours", "people_per_m2", "peak_people_per_m2"),
            *("resolution", "from", "to"),
            *AGE,
        )

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"people": number("People, mean", "short", 1)}

    def rows_of(self, content: Summary, result: Result[Summary]) -> list[Row]:
        """`area_in_use_m2`: of the cells shown with at least one detection."""
        heat_map = content.heat_map
        query, raw, coverage = heat_map.query, heat_map.raw, heat_map.coverage
        x, y = raw.centres()
        top = int(np.argmax(raw.value)) if raw.value.size else None
        return [
            {
                "space": query.floor.id,
                "floor": query.floor.name,
                "total_detections": heat_map.total,
                "peak": heat_map.peak,
                "peak_x": round(float(x[top]), 3) if top is not None else None,
                "peak_y": round(float(y[top]), 3) if top is not None else None,
                "area_in_use_m2": raw.value.size * query.resolution_m**2,
                "area_m2": query.floor.area_m2,
                "hours": round(coverage.hours, 4),
                "per_hour": heat_map.total / coverage.hours if coverage.hours else None,
                **_in_people(heat_map),
                "resolution": query.resolution_m,
                "from": iso(query.period.start_s),
                "to": iso(query.period.end_s),
                "as_of": iso(coverage.as_of_s or query.period.end_s),
                "complete": int(coverage.complete),
            }
        ]


def _in_people(heat_map: HeatMap) -> Row:
    """Of the whole floor, or the rooms asked for; `people_per_m2` of the floor's area where all of it
    counts.
    """
    hours, area_m2 = heat_map.coverage.hours, heat_map.query.floor.area_m2
    person_hours = in_people(heat_map.total, heat_map.factor)
    is_known = person_hours is not None and hours > 0
    return {
        "people": person_hours / hours if person_hours is not None and is_known else None,
        "person_hours": person_hours,
        "people_per_m2": person_hours / hours / area_m2
        if person_hours is not None and is_known and area_m2 and heat_map.query.rooms is None
        else None,
        "peak_people_per_m2": peak_people_per_m2(heat_map),
    }
