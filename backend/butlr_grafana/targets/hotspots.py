"""`hotspots`: contiguous hot areas of a floor."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana.insight.hotspots import Hotspot, hotspots
from butlr_grafana.insight.people import unknown_why
from butlr_grafana.model.queries import Query
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, ZONES


@dataclass(frozen=True, slots=True)
class HotspotsResult:
    spots: tuple[Hotspot, ...]


class Hotspots(TableTarget[HotspotsResult]):
    name = "hotspots"
    title = "Hot spots"
    description = "One row per contiguous hot area: centre, area, peak, total, its rooms."
    parameters = (*ZONES, "threshold", "area")
    formats = FRAMES_ROWS_CSV
    note_topics = frozenset({"places"})

    def queries(self, scope: Scope) -> tuple[Query, ...]:
        return heat_map_queries(scope)

    def is_of_detections(self, parsed: ParsedQuery) -> bool:
        return not parsed.threshold.is_percentile

    def build(self, fetched: Fetched, sources: Sources) -> HotspotsResult:
        return HotspotsResult(tuple(hotspots(fetched.maps[0], fetched.parsed.threshold)))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (
            *("rank", "x", "y", "area_m2", "peak", "peak_x", "peak_y", "total", "per_hour"),
            *("people_per_m2", "peak_people_per_m2", "person_hours", "rooms", "room_ids"),
        )

    def rows_of(self, content: HotspotsResult, result: Result[HotspotsResult]) -> list[Row]:
        """Most detections first; `rooms` by their share of it."""
        return [
            {
                "rank": place,
                "x": round(spot.x_m, 3),
                "y": round(spot.y_m, 3),
                "area_m2": spot.area_m2,
                "peak": spot.peak,
                "peak_x": round(spot.peak_x_m, 3),
                "peak_y": round(spot.peak_y_m, 3),
                "total": spot.total,
                "per_hour": spot.per_hour,
                "people_per_m2": spot.people_per_m2,
                "peak_people_per_m2": spot.peak_people_per_m2,
                "person_hours": spot.person_hours,
                "rooms": ", ".join(room.room for room in spot.rooms),
                "room_ids": ",".join(room.room_id for room in spot.rooms),
            }
            for place, spot in enumerate(content.spots, start=1)
        ]

    def why_empty(self, result: Result[HotspotsResult]) -> str:
        if result.maps[0].unit == "people" and (why := unknown_why(result.maps[0])):
            return f"Hot spots are not known: {why}."
        return "No cell reaches the threshold."
