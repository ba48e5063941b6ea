"""`floors-now`: how many people are on each floor, and whether that is usual."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.insight.anomaly import Unusual, unusual
from butlr_grafana.insight.current_occupancy import Now, occupancy_now
from butlr_grafana.model.queries import AnyQuery, SeriesQuery, SeriesResult
from butlr_grafana.model.time import iso
from butlr_grafana.query.live import newest_people, now_and_usual
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import SHARE, Column, number
from butlr_grafana.targets.occupancy_now import NO_CAPACITY
from butlr_grafana.targets.parameter_groups import AGE, FLOOR, FRAMES_ROWS_CSV


@dataclass(frozen=True, slots=True)
class FloorNow:
    """`level`: compared with what is usual; `None`: the weeks before are not known yet."""

    now: Now
    level: Unusual | None

    @property
    def usual(self) -> float | None:
        return self.level.usual if self.level else None

    @property
    def excess(self) -> float | None:
        people, usual = self.now.people, self.usual
        return None if people is None or usual is None else people - usual


@dataclass(frozen=True, slots=True)
class FloorsNowResult:
    floors: tuple[FloorNow, ...]


class FloorsNow(TableTarget[FloorsNowResult]):
    name = "floors-now"
    title = "Floors now"
    description = "One row per floor: people, capacity, people usual at this hour of the week."
    parameters = ("space", "require", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    note_topics = frozenset({"traffic", "time"})
    filled_aside = "Usual at this hour"

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        floors = replace(scope, parsed=replace(scope.parsed, level="floor"))
        return (*newest_people(floors), *now_and_usual(floors)[1::2])

    def fills_columns(self, parsed: ParsedQuery, query: AnyQuery) -> bool:
        """Four weeks of many floors are many calls: people now are shown before."""
        return isinstance(query, SeriesQuery) and query.every == "1h"

    def build(self, fetched: Fetched, sources: Sources) -> FloorsNowResult:
        hourly = {one.query.floor.id: one for one in fetched.series if one.query.every == "1h"}
        minutes = [one for one in fetched.series if one.query.every != "1h"]
        seen = {one.query.floor.id: one for one in minutes if not one.query.base.is_calibrated}
        found = (FloorNow(now, _level(seen, hourly, now)) for now in occupancy_now(minutes))
        return FloorsNowResult(tuple(found))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        people = ("people", "capacity", "share", "usual", "excess", "weeks")
        return (*FLOOR, "building", "timezone", *people, "has_data", "reason", *AGE)

    def own_columns(self, table: str) -> dict[str, Column]:
        return {
            "share": number("Share of capacity", SHARE, 0),
            "usual": number("Usual at this hour", "short", 0),
        }

    def rows_of(self, content: FloorsNowResult, result: Result[FloorsNowResult]) -> list[Row]:
        """`people` and `share` as `occupancy-now` has them; `usual` as `unusual` has it."""
        return [
            {
                "space": one.now.floor.id,
                "floor": one.now.floor.name,
                "building": one.now.floor.building.name,
                "timezone": one.now.floor.timezone,
                "people": one.now.people,
                "capacity": one.now.capacity,
                "share": one.now.share,
                "usual": one.usual,
                "excess": one.excess,
                "weeks": one.level.weeks if one.level else None,
                "has_data": int(one.now.people is not None),
                "reason": one.now.reason,
                "as_of": iso(one.now.as_of_s),
                "complete": int(one.now.complete and one.level is not None and one.level.complete),
            }
            for one in content.floors
        ]

    def notes(self, result: Result[FloorsNowResult], rows: Sequence[Row]) -> Iterator[str]:
        if all(row["capacity"] is None for row in rows):
            yield NO_CAPACITY


def _level(seen: dict[str, SeriesResult], hourly: dict[str, SeriesResult], now: Now) -> Unusual | None:
    if now.floor.id not in hourly:
        return None
    [level] = unusual(seen[now.floor.id], hourly[now.floor.id])
    return level
