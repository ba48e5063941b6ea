"""`compare-utilization`: how rooms are used, in two periods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from butlr_grafana.insight.utilization_change import Side, UseChange, use_changes
from butlr_grafana.model.queries import AnyQuery, SeriesResult, by_floor
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import SHARE, Column, number
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, ROOM, SERIES
from butlr_grafana.targets.value_rows import names_of, values_of

MEASURED = (("occupancy", "mean"), ("presence", "sum"))
"""Of each floor in each period, in hours: metric and statistic."""


@dataclass(frozen=True, slots=True)
class RoomsCompared:
    rooms: tuple[UseChange, ...]


class CompareUtilization(TableTarget[RoomsCompared]):
    name = "compare-utilization"
    title = "Compare the use of rooms in two periods"
    description = "One row per room: people and time in use in both periods, sorted by change."
    parameters = (*(n for n in SERIES if n not in ("every", "level")), "baseline", "underused")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    note_topics = frozenset({"time", "places"})

    def queries(self, scope: Scope) -> list[AnyQuery]:
        return [
            query
            for one in (scope, scope.before())
            for metric, statistic in MEASURED
            for query in series_queries(one, metric, statistic=statistic, every="1h")
        ]

    def build(self, fetched: Fetched, sources: Sources) -> RoomsCompared:
        floors = {space: _sides(own) for space, own in by_floor(fetched.series).items()}
        return RoomsCompared(use_changes(floors, underused=fetched.parsed.underused))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        own = names_of(UseChange, without=("floor", "room", "rank"))
        return ("rank", *ROOM, "capacity", *own, "complete")

    def own_columns(self, table: str) -> dict[str, Column]:
        return {
            "mean": number("People, now", "short", 1),
            "mean_before": number("People, then", "short", 1),
            "mean_change": number("Change in people", "short", 1),
            "in_use_share": number("Time in use, now", SHARE, 0),
            "in_use_share_before": number("Time in use, then", SHARE, 0),
            "in_use_change": number("Change in time in use", SHARE, 0),
        }

    def rows_of(self, content: RoomsCompared, result: Result[RoomsCompared]) -> list[Row]:
        """The largest change in people first; unknown figures are null and `reason` says why."""
        return [
            {
                "rank": one.rank,
                "space": one.floor.id,
                "floor": one.floor.name,
                "room_id": one.room.id,
                "room": one.room.name,
                "capacity": one.room.capacity,
                **values_of(one, without=("floor", "room", "rank")),
                "has_data": int(one.has_data),
                "underused": int(one.underused),
                "complete": int(result.complete),
            }
            for one in content.rooms
        ]

    def notes(self, result: Result[RoomsCompared], rows: Sequence[Row]) -> Iterator[str]:
        periods = dict.fromkeys(str(one.query.period) for one in result.fetched.series)
        if len(result.topology.floors) == 1 and len(periods) > 1:
            now, then = list(periods)[:2]
            yield f"{now} is compared with {then}."


def _sides(results: Sequence[SeriesResult]) -> tuple[Side, Side]:
    """In the order of the queries: the period asked for, then the one before."""
    now, before = results[: len(MEASURED)], results[len(MEASURED) :]
    return Side(now[0], now[1]), Side(before[0], before[1])
