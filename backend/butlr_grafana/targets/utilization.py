"""`utilization`: how rooms are used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.insight.utilization import RoomUse, utilization
from butlr_grafana.insight.utilization_change import UseChange
from butlr_grafana.model.choices import of_asset, unique_texts
from butlr_grafana.model.queries import AnyQuery, SeriesResult, StatsResult
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.parse import ParsedQuery, check_choice
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.query.statistics import USED_MEAN, stats_of
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import Column, number, text
from butlr_grafana.targets.occupancy_now import NO_CAPACITY
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, ROOM, SERIES
from butlr_grafana.targets.presence import with_availability
from butlr_grafana.targets.value_rows import names_of, values_of

HOURLY = (("occupancy", "mean"), ("occupancy", "max"), ("presence", "sum"), ("traffic", "sum"))
"""The hourly series, metric and statistic; heat maps come beside."""

BASES = "Mean, median and p95 are computed from hourly means, the peak from minutes."
"""A percentile says nothing without what it is of."""


@dataclass(frozen=True, slots=True)
class RoomsInUse:
    rooms: tuple[RoomUse, ...]


class Utilization(TableTarget[RoomsInUse]):
    name = "utilization"
    title = "Utilization of rooms"
    description = (
        "One row per room, most used first: capacity, people, time in use, underused, entries, heat."
    )
    parameters = (*(n for n in SERIES if n not in ("every", "level")), "underused", "only", "area", "unit")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    note_topics = frozenset({"time", "area", "traffic", "places"})

    def queries(self, scope: Scope) -> list[AnyQuery]:
        check_choice("only", scope.parsed.only, "all", "underused")
        # As `compare-utilization`, which stands on the same page: one room has one mean there.
        scope = scope.in_windows("1h")
        hourly = [
            query
            for metric, statistic in HOURLY
            for query in series_queries(scope, metric, statistic=statistic, every="1h")
        ]
        means = [query for query in hourly if (query.metric, query.statistic) == HOURLY[0]]
        return [*heat_map_queries(scope), *hourly, *(stats_of(query, USED_MEAN) for query in means)]

    def prepare(self, fetched: Fetched) -> Fetched:
        means = [one for one in fetched.series if _are_means(one)]
        maps = with_availability(fetched.maps, means, {}, now_s=fetched.scope.now_s)
        return replace(fetched, maps=maps)

    def build(self, fetched: Fetched, sources: Sources) -> RoomsInUse:
        used = means_when_used(fetched.stats)
        underused = fetched.parsed.underused
        return RoomsInUse(tuple(utilization(fetched.maps, fetched.series, used, underused=underused)))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        own = names_of(RoomUse, without=("floor", "room", "rank"))
        return ("rank", *ROOM, "choice", "building", "capacity", "area_m2", *own, "complete")

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"peak": number("People, peak", "short", 1), "choice": text("Room, with its floor")}

    def rows_of(self, content: RoomsInUse, result: Result[RoomsInUse]) -> list[Row]:
        """Best used first; unknown figures are null and `reason` says why. A rank is among all rooms.
        `choice` is the room's name; with its floor if several floors are requested.
        """
        only_underused = result.parsed.only == "underused"
        alone = len(result.topology.floors) == 1
        choices = unique_texts(of_asset(use.room, use.floor, alone=alone) for use in content.rooms)
        return [
            {
                "rank": use.rank,
                "space": use.floor.id,
                "floor": use.floor.name,
                "room_id": use.room.id,
                "room": use.room.name,
                "choice": choices[use.room.id],
                "building": use.floor.building.name,
                "capacity": use.room.capacity,
                "area_m2": use.room.area_m2,
                **values_of(use, without=("floor", "room", "rank")),
                "has_data": int(use.has_data),
                "underused": int(use.underused),
                "complete": int(result.complete),
            }
            for use in content.rooms
            if use.underused or not only_underused
        ]

    def notes(self, result: Result[RoomsInUse], rows: Sequence[Row]) -> Iterator[str]:
        yield BASES
        if all(row["capacity"] is None for row in rows):
            yield NO_CAPACITY

    def why_empty(self, result: Result[RoomsInUse]) -> str:
        return why_none_underused(result.content.rooms if result.content else (), result.parsed)


def why_none_underused(rooms: Sequence[RoomUse | UseChange], parsed: ParsedQuery) -> str:
    """Why no row is left of the rooms; empty if all of them are shown."""
    if parsed.only != "underused" or not rooms:
        return ""
    unknown = sum(not use.has_data for use in rooms)
    more = f"; rooms without data: {unknown}" if unknown else ""
    return f"No room was in use for less than {100 * parsed.underused:g} % of the hours counted{more}."


def _are_means(one: SeriesResult) -> bool:
    return (one.query.metric, one.query.statistic) == HOURLY[0]


def means_when_used(stats: Sequence[StatsResult]) -> dict[tuple[str, str], float]:
    """By floor and room."""
    return {
        (result.query.floor.id, item): figure
        for result in stats
        for (item, measurement), figure in result.figures.items()
        if measurement == USED_MEAN
    }
