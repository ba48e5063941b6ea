"""A parsed query together with the floors of the account: worked out once per request, then only read.

`Scope` has the floors with their rooms, the period and local hours of each, the limits and the time.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, replace

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.floor import Floor, Room, Topology
from butlr_grafana.model.time import MINUTE_S, LocalHours, Period
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameter_values import MAX_COLUMNS
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.period import cover, period_before, range_of
from butlr_grafana.query.rooms import floors_of, rooms_of, with_names

LATE_S = MINUTE_S
"""Butlr's newest minute of people has been seen to be one to two minutes behind the clock."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """What Butlr pushes just now. `late_s`: how far behind the clock the newest minute of people is;
    `has_doors`: movements are known up to now.
    """

    late_s: int = LATE_S
    has_doors: bool = False

    @property
    def has_people(self) -> bool:
        """Whether each minute's people are pushed as it ends."""
        return self.late_s < LATE_S


NOTHING_PUSHED = Liveness()
"""Nothing is pushed."""


@dataclass(frozen=True, slots=True)
class PanelRange:
    """A panel's range in seconds, and how many columns it can draw: what `/query` has beside parameters."""

    start_s: int
    end_s: int
    max_data_points: int | None = None


@dataclass(frozen=True, slots=True)
class FloorScope:
    """One floor of a query.

    `rooms`: those asked for, or `None` for the whole floor. `period`: the one to answer for, rounded; `None`
    where the target takes no period. `local_hours`: the hours that count, or `None` for all. `timezone`: by
    whose clock windows and hours begin.
    """

    floor: Floor
    rooms: tuple[Room, ...] | None
    timezone: str
    local_hours: LocalHours | None
    known_period: Period | None

    @property
    def period(self) -> Period:
        assert self.known_period is not None, "the target takes no period"
        return self.known_period


@dataclass(frozen=True, slots=True)
class Scope:
    """`served`: all floors that the backend serves; `topology`: those asked for, with the notes that concern
    them. `is_filtered_out`: the dashboard's filters leave no room, so the result is empty. `live`: what
    Butlr pushes just now.
    """

    parsed: ParsedQuery
    served: Topology
    topology: Topology
    floors: tuple[FloorScope, ...]
    now_s: float
    limits: QueryLimits
    panel: PanelRange | None = None
    live: Liveness = NOTHING_PUSHED

    @property
    def is_filtered_out(self) -> bool:
        return bool(self.parsed.filters) and not any(one.rooms for one in self.floors)

    @property
    def columns(self) -> int:
        """The most columns of cells: the parameter's, or fewer where the panel cannot draw them."""
        points = self.panel.max_data_points if self.panel else None
        return min(self.parsed.columns, max(points or MAX_COLUMNS, 2))

    @property
    def range_s(self) -> tuple[int, int]:
        """The range as it was asked for. Raises `BadParameter` where it is missing."""
        return (self.panel.start_s, self.panel.end_s) if self.panel else range_of(self.parsed)

    def over(self, start_s: int, end_s: int) -> Scope:
        """The same floors and rooms over another range, with all hours."""
        floors = tuple(
            replace(
                one,
                known_period=cover(start_s, end_s, one.timezone, now_s=self.now_s, limits=self.limits),
            )
            for one in self.floors
        )
        return replace(self, floors=floors, panel=PanelRange(start_s, end_s, None))

    def before(self) -> Scope:
        """The same over the period that each floor's is compared with. Raises `BadParameter`."""
        floors = tuple(
            replace(
                one,
                known_period=period_before(
                    one.period, one.timezone, self.parsed.baseline, now_s=self.now_s, limits=self.limits
                ),
            )
            for one in self.floors
        )
        return replace(self, floors=floors)

    def earlier(self, back_s: int, floor: Floor) -> Scope:
        """The same query of one floor, as it would have been `back_s` seconds ago."""
        start_s, end_s = (
            None if at is None else at - back_s for at in (self.parsed.start_s, self.parsed.end_s)
        )
        return scope_of(
            replace(self.parsed, spaces=(floor.id,), start_s=start_s, end_s=end_s),
            Topology({floor.id: floor}),
            now_s=self.now_s - back_s,
            limits=self.limits,
            live=self.live,
        )

    @property
    def key_without_time(self) -> Hashable:
        """What is asked for, whatever its time and the format: how long a period, of what."""
        start_s, end_s = (
            (self.panel.start_s, self.panel.end_s) if self.panel else (self.parsed.start_s, self.parsed.end_s)
        )
        length_s = None if start_s is None or end_s is None else end_s - start_s
        return replace(self.parsed, start_s=None, end_s=None, spaces=(), format=""), length_s


def scope_of(
    parsed: ParsedQuery,
    topology: Topology,
    *,
    now_s: float,
    limits: QueryLimits,
    panel: PanelRange | None = None,
    served: Topology | None = None,
    live: Liveness = NOTHING_PUSHED,
) -> Scope:
    """Works out floors, rooms, periods and hours. `topology`: the floors that the caller may see; `served`:
    all, where those are more.

    Raises `BadParameter`, `UnknownSpace`.
    """
    parsed = with_names(parsed, topology)
    floors = floors_of(parsed, topology)
    by_id = {floor.id: floor for floor in floors}
    notes = (n for n in topology.notes if n.floor_id in (None, *by_id) or n.about == "gone")
    requested = Topology(by_id, tuple(notes))
    scope = Scope(parsed, served or topology, requested, (), now_s, limits, panel, live)
    return replace(scope, floors=tuple(_floor_scope(scope, floor) for floor in floors))


def _floor_scope(scope: Scope, floor: Floor) -> FloorScope:
    parsed = scope.parsed
    timezone = parsed.tz or floor.timezone
    period = None
    if parsed.spec.has_period:
        period = cover(*scope.range_s, timezone, now_s=scope.now_s, limits=scope.limits)
    hours = local_hours(parsed, timezone, scope.limits)
    return FloorScope(floor, rooms_of(parsed, floor), timezone, hours, period)


def local_hours(parsed: ParsedQuery, timezone: str, limits: QueryLimits) -> LocalHours | None:
    """The hours that count; `None`: all of them."""
    found = LocalHours(timezone)
    if parsed.holidays == "out":
        if not limits.holidays:
            raise BadParameter(
                "holidays", "out needs the setting BACKEND_HOLIDAYS (a file of dates or a country code)"
            )
        found = replace(found, excluded=limits.holidays)
    if parsed.hours is not None:
        found = replace(found, opens_min=parsed.hours[0], closes_min=parsed.hours[1])
    if parsed.days is not None:
        found = replace(found, weekdays=parsed.days)
    return None if found.is_always else found
