"""`hot-zones`: rooms, zones or floors by their heat, and which of them are hot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from butlr_grafana.insight.hot_events import LONGEST_LOOK_S, RELEASE_SHARE, HotZoneSnapshot, Watch, is_of_now
from butlr_grafana.insight.together import zones_of
from butlr_grafana.insight.zones import Level, ZoneHeat
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import Period, iso
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import AGE, FRAMES_ROWS_CSV, ZONES
from butlr_grafana.targets.value_rows import names_of, values_of


@dataclass(frozen=True, slots=True)
class HotZonesResult:
    zones: tuple[ZoneHeat, ...]


OWN = tuple(name for of in names_of(ZoneHeat) for name in ((of, "building") if of == "floor" else (of,)))
"""A zone's columns, with the building beside the floor."""


class HotZones(TableTarget[HotZonesResult]):
    name = "hot-zones"
    title = "Hot zones"
    description = "One row per room or zone, hottest first: people per m², detections, share, rank, hot."
    parameters = (*ZONES, "level", "threshold", "release", "area", "max_age")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    note_topics = frozenset({"area"})
    default_level = "room"

    def queries(self, scope: Scope) -> tuple[Query, ...]:
        return heat_map_queries(scope)

    def needs_presence(self, parsed: ParsedQuery) -> bool:
        # A floor is the sum of its rooms where some are chosen.
        return parsed.level != "floor" or bool(parsed.room or parsed.tag or parsed.filters)

    def is_of_detections(self, parsed: ParsedQuery) -> bool:
        return not parsed.threshold.is_percentile

    def build(self, fetched: Fetched, sources: Sources) -> HotZonesResult:
        parsed = fetched.parsed
        return HotZonesResult(
            tuple(zones_of(fetched.maps, level=level_of(parsed), threshold=parsed.threshold))
        )

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return (*OWN, *AGE)

    def rows_of(self, content: HotZonesResult, result: Result[HotZonesResult]) -> list[Row]:
        """The hottest first, with how old and how complete its floor's data are (`as_of`, `complete`)."""
        maps = {m.query.floor.id: m for m in result.maps}
        rows = []
        for zone in content.zones:
            coverage = maps[zone.space].coverage
            values = values_of(zone) | {"building": maps[zone.space].query.floor.building.name}
            rows.append(
                {
                    **{name: values[name] for name in OWN},
                    "has_data": int(zone.has_data),
                    "as_of": iso(coverage.as_of_s or maps[zone.space].query.period.end_s),
                    "complete": int(coverage.complete),
                }
            )
        return rows

    def snapshots(self, result: Result[HotZonesResult]) -> Iterator[HotZoneSnapshot]:
        zones = result.content.zones if result.content else ()
        for heat_map in result.maps:
            watch = watch_of(result.parsed, heat_map.query.period)
            if watch is not None and is_of_now(heat_map, result.now_s):
                space = heat_map.query.floor.id
                own = tuple(zone for zone in zones if zone.space == space)
                yield HotZoneSnapshot(watch, space, own, heat_map.query.period.end_s)


def level_of(parsed: ParsedQuery) -> Level:
    return cast(Level, parsed.level or "room")


def watch_of(parsed: ParsedQuery, period: Period) -> Watch | None:
    """What a rule looks for, where the query is one whose looks are recorded: a number as threshold, nothing
    but complete results, every hour of a short time. `period`: the one answered for, which may be a minute
    shorter or longer than the one asked for.
    """
    length_s = period.length_s
    if parsed.start_s is not None and parsed.end_s is not None:
        length_s = parsed.end_s - parsed.start_s
    every_hour = parsed.hours is None and parsed.days is None and parsed.holidays == "in"
    if parsed.require != "complete" or parsed.threshold.is_percentile:
        return None
    if not every_hour or length_s > LONGEST_LOOK_S:
        return None
    threshold = parsed.threshold.value
    release = RELEASE_SHARE * threshold if parsed.release is None else min(parsed.release, threshold)
    # A number as threshold without a unit is in detections (see `insight.people.unit_of`).
    unit = "people" if parsed.unit == "people" else "detections"
    return Watch(parsed.level or "room", length_s, threshold, release, unit)
