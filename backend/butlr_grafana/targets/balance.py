"""`balance`: entries less exits since midnight."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana.insight.entry_exit_balance import Balance, balances
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.time import iso
from butlr_grafana.query.live import traffic_today
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV, LIVE_AGE, NOW


@dataclass(frozen=True, slots=True)
class Balances:
    assets: tuple[Balance, ...]


class InAndOutToday(TableTarget[Balances]):
    name = "balance"
    title = "In and out today"
    description = (
        "One row per floor or room: entries minus exits since midnight, and by how many people this is "
        "implausible."
    )
    parameters = NOW
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    note_topics = frozenset({"time", "traffic"})
    default_level = "floor"

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        return traffic_today(scope)

    def build(self, fetched: Fetched, sources: Sources) -> Balances:
        return Balances(tuple(balances(fetched.series)))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        own = () if (parsed.level or "floor") == "floor" else ("room_id", "room")
        return (*FLOOR, *own, "in", "out", "inside", "capacity", "beyond", *LIVE_AGE)

    def rows_of(self, content: Balances, result: Result[Balances]) -> list[Row]:
        level = result.parsed.level or "floor"
        return [
            {
                "space": one.floor.id,
                "floor": one.floor.name,
                **({} if level == "floor" else {"room_id": one.id, "room": one.name}),
                "in": one.entered,
                "out": one.left,
                "inside": one.inside,
                "capacity": one.capacity,
                "beyond": one.beyond,
                "as_of": iso(one.as_of_s),
                "complete": int(one.complete),
                "source": one.source,
            }
            for one in content.assets
        ]
