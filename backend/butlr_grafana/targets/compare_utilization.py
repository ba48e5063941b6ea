"""`compare-utilization`: how rooms are used, in two periods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from butlr_grafana.insight.utilization_change import Side, UseChange, use_changes
from butlr_grafana.model.queries import AnyQuery, SeriesResult, by_floor
from butlr_grafana.query.parse import ParsedQuery, check_choice
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.targets import two_periods
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import SHARE, Column, number, text
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, ROOM, SERIES
from butlr_grafana.targets.utilization import why_none_underused
from butlr_grafana.targets.value_rows import names_of, values_of

MEASURED = (("occupancy", "mean"), ("presence", "sum"))
"""Of each floor in each period, in hours: metric and statistic."""


@dataclass(frozen=True, slots=True, eq=False)
class RoomsCompared:
    """The changes, and by floor both periods."""

    rooms: tuple[UseChange, ...]
    floors: Mapping[str, tuple[Side, Side]]


class CompareUtilization(TableTarget[RoomsCompared]):
    name = "compare-utilization"
    title = "Compare the use of rooms in two periods"
    description = "One row per room: people and time in use in both periods, sorted by change."
    parameters = (*(n for n in SERIES if n not in ("every", "level")), "baseline", "underused", "only")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    note_topics = frozenset({"time", "places"})

    def queries(self, scope: Scope) -> list[AnyQuery]:
        check_choice("only", scope.parsed.only, "all", "underused")
        now = scope.in_windows("1h")
        return [
            query
            for one in (now, now.before())
            for metric, statistic in MEASURED
            for query in series_queries(one, metric, statistic=statistic, every="1h")
        ]

    def build(self, fetched: Fetched, sources: Sources) -> RoomsCompared:
        floors = {space: _sides(own) for space, own in by_floor(fetched.series).items()}
        return RoomsCompared(use_changes(floors, underused=fetched.parsed.underused), floors)

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        own = names_of(UseChange, without=("floor", "room", "rank"))
        return (
            "rank",
            *ROOM,
            "building",
            "type",
            "capacity",
            *own,
            *two_periods.NAMES,
            "underused_rooms",
            "complete",
        )

    def own_columns(self, table: str) -> dict[str, Column]:
        return {
            **two_periods.COLUMNS,
            "mean": number("People, now", "short", 1),
            "mean_before": number("People, then", "short", 1),
            "mean_change": number("Change in people", "short", 1),
            "in_use_share": number("Time in use, now", SHARE, 0),
            "in_use_share_before": number("Time in use, then", SHARE, 0),
            "in_use_change": number("Change in time in use", SHARE, 0),
            "underused_rooms": text("Underused rooms"),
        }

    def rows_of(self, content: RoomsCompared, result: Result[RoomsCompared]) -> list[Row]:
        """The largest change in people first; unknown figures are null and `reason` says why. A rank is among
        all rooms. Dates are on the floors' own clock; of floors with several they are in UTC.
        """
        only_underused = result.parsed.only == "underused"
        periods = periods_of(content)
        in_all = _underused_in_all(content.rooms, result.parsed)
        return [
            {
                "rank": one.rank,
                "space": one.floor.id,
                "floor": one.floor.name,
                "room_id": one.room.id,
                "room": one.room.name,
                "building": one.floor.building.name,
                "type": one.room.type,
                "capacity": one.room.capacity,
                **values_of(one, without=("floor", "room", "rank")),
                "has_data": int(one.has_data),
                "underused": int(one.underused),
                **periods[one.floor.id],
                "underused_rooms": in_all,
                "complete": int(result.complete),
            }
            for one in content.rooms
            if one.underused or not only_underused
        ]

    def notes(self, result: Result[RoomsCompared], rows: Sequence[Row]) -> Iterator[str]:
        each = [] if result.content is None else list(periods_of(result.content).values())
        for one in {(one["now_dates"], one["then_dates"]): one for one in each}.values():
            yield f"Now: {one['now_dates']}. Then: {one['then_dates']}. Time zone: {one['timezone']}."
        yield from sorted({text for one in each if (text := two_periods.difference(one))})

    def why_empty(self, result: Result[RoomsCompared]) -> str:
        rooms = result.content.rooms if result.content else ()
        return why_none_underused(rooms, result.parsed)


def _underused_in_all(rooms: Sequence[UseChange], parsed: ParsedQuery) -> str:
    """How many of the rooms with data are underused: the same in each row."""
    known = [one for one in rooms if one.in_use_share is not None]
    underused = sum(one.underused for one in known)
    return f"{underused} of {len(known)} (below {100 * parsed.underused:g} % of the hours)"


def periods_of(content: RoomsCompared) -> dict[str, Row]:
    """By floor: which two periods are compared."""
    timezone = two_periods.shared_zone(now.people.query for now, _ in content.floors.values())
    return {
        space: two_periods.values(now.people, then.people, timezone)
        for space, (now, then) in content.floors.items()
    }


def _sides(results: Sequence[SeriesResult]) -> tuple[Side, Side]:
    """In the order of the queries: the period asked for, then the one before."""
    now, before = results[: len(MEASURED)], results[len(MEASURED) :]
    return Side(now[0], now[1]), Side(before[0], before[1])
