"""`occupancy-now`: how many people are there now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from butlr_grafana.insight.current_occupancy import Now, occupancy_now
from butlr_grafana.insight.together import now_of
from butlr_grafana.model.calendar import since
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.time import iso, iso_if_known
from butlr_grafana.query.live import newest_people
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Result, Row, Sources, TableTarget
from butlr_grafana.targets.columns import SHARE, Column, number
from butlr_grafana.targets.parameter_groups import FLOOR, FRAMES_ROWS_CSV, LIVE_AGE, NOW

BY_DOORS = "Some people are counted by doors. Butlr corrects these counts after the end of the day."
NO_CAPACITY = "Butlr has no capacity here, so the share of capacity is empty."


@dataclass(frozen=True, slots=True)
class PeopleNow:
    assets: tuple[Now, ...]


class OccupancyNow(TableTarget[PeopleNow]):
    name = "occupancy-now"
    title = "Occupancy now"
    description = "One row per room or floor: people, capacity, share of capacity, as of."
    parameters = NOW
    formats = FRAMES_ROWS_CSV
    many_floors = True
    for_walls = True
    tells_age = True
    note_topics = frozenset({"traffic"})
    default_level = "room"

    def queries(self, scope: Scope) -> tuple[SeriesQuery, ...]:
        return newest_people(scope)

    def build(self, fetched: Fetched, sources: Sources) -> PeopleNow:
        found = occupancy_now(fetched.series, sources.moved)
        return PeopleNow(tuple(now_of(found) if fetched.parsed.level == "floor" else found))

    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        level = parsed.level or "room"
        asset = () if level == "floor" else (f"{level}_id", level)
        people = ("people", "people_seen", "people_by_doors", "capacity", "share")
        return (
            *FLOOR,
            "building",
            "timezone",
            *asset,
            *people,
            "has_data",
            "reason",
            "unknown_since",
            *LIVE_AGE,
        )

    def own_columns(self, table: str) -> dict[str, Column]:
        return {"share": number("Share of capacity", SHARE, 0)}

    def rows_of(self, content: PeopleNow, result: Result[PeopleNow]) -> list[Row]:
        """`share` of the capacity, `complete` 0 where one of the two counts is old or missing.

        Where no people are known, `reason` says why, and `unknown_since` since when its sensors are silent.
        """
        level = result.parsed.level or "room"
        return [
            {
                "space": one.floor.id,
                "floor": one.floor.name,
                "building": one.floor.building.name,
                "timezone": one.floor.timezone,
                **({} if level == "floor" else {f"{level}_id": one.id, level: one.name}),
                "people": one.people,
                "people_seen": one.seen,
                "people_by_doors": one.by_doors,
                "capacity": one.capacity,
                "share": one.share,
                "has_data": int(one.people is not None),
                "reason": f"{one.reason} {since(one.unknown_since_s, one.floor.timezone)}".strip(),
                "unknown_since": iso_if_known(one.unknown_since_s),
                "as_of": iso(one.as_of_s),
                "complete": int(one.complete),
                "source": one.source,
            }
            for one in content.assets
        ]

    def notes(self, result: Result[PeopleNow], rows: Sequence[Row]) -> Iterator[str]:
        if result.content and any(now.is_provisional for now in result.content.assets):
            yield BY_DOORS
        if all(row["capacity"] is None for row in rows):
            yield NO_CAPACITY

    def is_for_walls(self, parsed: ParsedQuery, now_s: float) -> bool:
        return parsed.level == "floor" and parsed.format in ("rows", "csv")
