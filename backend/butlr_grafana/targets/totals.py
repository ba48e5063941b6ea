"""`totals`: people of several floors together, by building or by tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from butlr_grafana.insight.current_occupancy import NO_COUNT
from butlr_grafana.insight.totals import Total, by_building, by_tag, capacity_of, totals
from butlr_grafana.insight.zones import OFFLINE
from butlr_grafana.model.calendar import on_clock
from butlr_grafana.model.choices import names_together
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.time import iso_if_known
from butlr_grafana.query.live import newest_people
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.series import series_queries
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import SHARE, Column, number, text, time
from butlr_grafana.targets.parameter_groups import AGE, FRAMES_ROWS_CSV

SAME_MINUTE = (
    "People of all floors are added up in the same minute; the peak is the window with the most people."
)
IN_NO_GROUP = "Floors without a tag are in no row: {}."
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Totals:
    """`reasons`: by floor, why people are not known. `incomplete`: floors whose answers are not whole."""

    groups: tuple[Total, ...]
    reasons: dict[str, str]
    incomplete: frozenset[str]
    ungrouped: tuple[Floor, ...]


class TotalsTarget(TableTarget[Totals]):
    name = "totals"
    title = "People by building or tag"
    description = (
        "One row per building, or per tag of floors: people now and the peak of the period. Each is the sum "
        "of all floors at the same time. Also the number of floors in each sum."
    )
    parameters = ("space", "by", "from", "to", "require", "format")
    formats = FRAMES_ROWS_CSV
    many_floors = True
    tells_age = True
    survives_faults = True
    note_topics = frozenset({"traffic", "time"})

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        """Those of `floors-now` and of `occupancy` for floors: the targets share their calls."""
        floors = replace(scope, parsed=replace(scope.parsed, level="floor"))
        over = series_queries(floors, "occupancy", level="floor")
        if any(one.every == "1d" for one in over):
            # The mean of a day says nothing about a peak.
            over = series_queries(floors, "occupancy", every="1h", level="floor")
        return (*newest_people(floors), *over)

    def build(self, fetched: Fetched, sources: Sources) -> Totals:
        floors = [one.floor for one in fetched.scope.floors]
        minutes = [one for one in fetched.series if one.query.metric == "occupancy-now"]
        over = [one for one in fetched.series if one.query.metric != "occupancy-now"]
        groups = by_tag(floors) if fetched.parsed.by == "tag" else by_building(floors)
        reasons = {floor.id: OFFLINE if floor.is_silent else NO_COUNT for floor in floors}
        reasons |= {floor.id: fault.message for floor, fault in fetched.faults}
        grouped = {floor.id for group in groups for floor in group.floors}
        return Totals(
            totals(groups, minutes, over, sources.moved),
            reasons,
            frozenset(
                [
                    *(floor.id for floor, _ in fetched.faults),
                    *(one.query.floor.id for one in fetched.series if not one.coverage.complete),
                ]
            ),
            tuple(floor for floor in floors if floor.id not in grouped),
        )

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        of = ("tag",) if parsed.by == "tag" else ("building_id", "building", "site")
        of = (*of, "timezone")
        now = ("people", "floors", "floors_now", "capacity", "share")
        return (
            *of,
            *now,
            "peak",
            "peak_at",
            "peak_local",
            "peak_floors",
            "peak_share",
            "has_data",
            "reason",
            *AGE,
        )

    def own_columns(self, table: str) -> dict[str, Column]:
        return {
            "tag": text("Tag"),
            "share": number("Share of capacity", SHARE, 0),
            "peak": number("Peak", "short", 0),
            "peak_at": time("Peak at"),
            "peak_local": text("Peak at, on the floors' clock"),
            "peak_share": number("Peak, share of capacity", SHARE, 0),
            "reason": text("Not in the sum"),
        }

    def rows_of(self, content: Totals, result: Result[Totals]) -> list[Row]:
        """`capacity` is of all floors; `share` and `peak_share` of the capacity of the floors in the sum."""
        by_tags = result.parsed.by == "tag"
        return [
            {
                **({"tag": one.group.name} if by_tags else _building(one)),
                "timezone": _timezone(one),
                "people": one.now.people,
                "floors": len(one.group.floors),
                "floors_now": len(one.now.floors),
                "capacity": capacity_of(one.group.floors),
                "share": one.now.share,
                "peak": one.peak.people,
                "peak_at": iso_if_known(one.peak.at_s),
                "peak_local": "" if one.peak.at_s is None else _on_clock(one, one.peak.at_s),
                "peak_floors": len(one.peak.floors),
                "peak_share": one.peak.share,
                "has_data": int(one.now.people is not None),
                "reason": _missing(one, content.reasons),
                "as_of": iso_if_known(one.now.at_s),
                "complete": int(not one.missing and not _incomplete(one, content)),
            }
            for one in content.groups
        ]

    def notes(self, result: Result[Totals], rows: Sequence[Row]) -> Iterator[str]:
        yield SAME_MINUTE
        if result.content is not None and result.content.ungrouped:
            yield IN_NO_GROUP.format(len(result.content.ungrouped))

    def why_empty(self, result: Result[Totals]) -> str:
        return "No floor has a tag in Butlr." if result.parsed.by == "tag" else ""


def _building(one: Total) -> Row:
    building = one.group.floors[0].building
    return {"building_id": building.id, "building": building.name, "site": building.site}


def _timezone(one: Total) -> str:
    """The floors' own, where they share one."""
    zones = {floor.timezone for floor in one.group.floors}
    return zones.pop() if len(zones) == 1 else "UTC"


def _on_clock(one: Total, instant_s: int) -> str:
    """By the floors' own clock; of floors with several it says UTC."""
    timezone = _timezone(one)
    return on_clock(instant_s, timezone) + (" UTC" if timezone == "UTC" else "")


def _incomplete(one: Total, content: Totals) -> bool:
    return any(floor.id in content.incomplete for floor in one.group.floors)


def _missing(one: Total, reasons: dict[str, str]) -> str:
    """How many floors are in the sum, and which are not and why, where it is not all of them."""
    if not one.missing:
        return ""
    names = names_together(one.group.floors)
    named = [f"{names[floor.id]}: {reasons[floor.id]}" for floor in one.missing[:MOST_NAMED]]
    more = len(one.missing) - len(named)
    which = "; ".join([*named, f"{more} more"] if more else named)
    return f"{len(one.now.floors)} of {len(one.group.floors)} floors ({which})"
