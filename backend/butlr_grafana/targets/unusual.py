"""`unusual`: people now, compared with the usual number at this hour of the week."""

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
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV, ROOM
from butlr_grafana.targets.value_rows import names_of, values_of


@dataclass(frozen=True, slots=True)
class UsualLevels:
    assets: tuple[Level, ...]


class Unusual(TableTarget[UsualLevels]):
    name = "unusual"
    title = "Unusual now"
    description = (
        "One row per room or floor: people in the last minutes, people usual at this hour of the week."
    )
    parameters = ("space", "window", "level", "room", "tag", "type", "require", "max_age", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    note_topics = frozenset({"time"})
    default_level = "room"

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        return now_and_usual(scope)

    def build(self, fetched: Fetched, sources: Sources) -> UsualLevels:
        now, before = fetched.series[::2], fetched.series[1::2]
        return UsualLevels(tuple(chain.from_iterable(map(unusual, now, before))))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        own = names_of(Level, without=("floor", "asset", "as_of_s", "complete", "source"))
        place = FLOOR if parsed.level == "floor" else ROOM
        return (*place, *own, "as_of", "complete", "source", "age_s", "as_of_ms")

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"people": number("People", "short", 1)}

    def rows_of(self, content: UsualLevels, result: Result[UsualLevels]) -> list[Row]:
        """The people of a room or floor, what is usual, and how the two compare."""
        return [
            {
                "space": one.floor.id,
                "floor": one.floor.name,
                **({} if one.asset is one.floor else {"room_id": one.asset.id, "room": one.asset.name}),
                **values_of(one, without=("floor", "asset", "as_of_s", "complete", "source")),
                "has_data": int(one.has_data),
                "as_of": iso(one.as_of_s),
                "complete": int(one.complete),
                "source": one.source,
            }
            for one in content.assets
        ]
