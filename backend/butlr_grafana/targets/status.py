"""`status`: whether Butlr answers."""

from __future__ import annotations

from butlr_grafana.base.incidents import Contact
from butlr_grafana.model.time import iso
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.parameter_groups import FRAMES_ROWS_CSV


class Status(TableTarget[Contact]):
    name = "status"
    title = "Butlr status"
    description = (
        "One row, even if Butlr does not answer: whether it answers, when it last did, and the reason if not."
    )
    parameters = ("format",)
    formats = FRAMES_ROWS_CSV
    without_floor = True
    cacheable = False
    needs_topology = False

    def build(self, fetched: Fetched, sources: Sources) -> Contact:
        return sources.contact()

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        return ("source", "reachable", "as_of", "rules_without_data_s", "reason", "age_s", "as_of_ms")

    def rows_of(self, content: Contact, result: Result[Contact]) -> list[Row]:
        """`as_of` is when Butlr last answered, or when this process began."""
        return [
            {
                "source": "butlr",
                "reachable": int(content.reachable),
                "as_of": iso(result.now_s - content.silent_s),
                "rules_without_data_s": round(content.rules_without_data_s, 1),
                "reason": content.why or "",
            }
        ]
