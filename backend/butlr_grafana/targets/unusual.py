"""`unusual`: people now beside what is usual at this hour of the week."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

from butlr_grafana.insight.anomaly import Unusual as Level
from butlr_grafana.insight.anomaly import unusual
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.time import iso
from butlr_grafana.query.live import now_and_usual
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import Column, number
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV, ROOM
from butlr_grafana.targets.value_rows import names_of, values_of


@dataclass(frozen=True, slots=True)
class UsualLevels:
    rooms: tuple[Level, ...]


class Unusual(TableTarget[UsualLevels]):
    name = "unusual"
    title = "Unusual now"
    description = "A row a room: people of the last minutes, what is usual at this time of the week, ratio."
    parameters = ("space", "window", "room", "tag", "type", "require", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    note_topics = frozenset({"time", "places"})

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        return now_and_usual(scope)

    def build(self, fetched: Fetched, sources: Sources) -> UsualLevels:
        now, before = fetched.series[::2], fetched.series[1::2]
        return UsualLevels(tuple(chain.from_iterable(map(unusual, now, before))))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        own = names_of(Level, without=("floor", "room", "as_of_s", "complete"))
        return (*ROOM, *own, "complete", "as_of", "age_s", "as_of_ms")

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"people": number("People", "short", 1)}

    def rows_of(self, content: UsualLevels, result: Result[UsualLevels]) -> list[Row]:
        """A room's people, what is usual, and how the two compare."""
        return [
            {
                "space": one.floor.id,
                "floor": one.floor.name,
                "room_id": one.room.id,
                "room": one.room.name,
                **values_of(one, without=("floor", "room", "as_of_s")),
                "has_data": int(one.has_data),
                "as_of": iso(one.as_of_s),
                "complete": int(one.complete),
            }
            for one in content.rooms
        ]
