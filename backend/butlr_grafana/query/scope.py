"""A parsed query with the floors of the account. It is computed once per request and then only read.

`Scope` has the floors with their rooms, the period and local hours of each floor, the limits and the time.
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
from butlr_grafana.query.period import cover, period_before, range_of, whole_windows
from butlr_grafana.query.rooms import floors_of, rooms_of, with_names

LATE_S = MINUTE_S
"""In seconds. Butlr's newest minute of people was observed one to two minutes behind the clock."""


@dataclass(frozen=True, slots=True)
class Liveness:
    """What Butlr pushes at the moment.

    `late_s`: how far the newest minute of people is behind the clock. `has_doors`: all movements up to now
    are known.
    """

    late_s: int = LATE_S
    has_doors: bool = False

    @property
    def has_people(self) -> bool:
        """Whether Butlr pushes the people of each minute when it ends."""
        return self.late_s < LATE_S


NOTHING_PUSHED = Liveness()
"""Butlr pushes nothing."""


@dataclass(frozen=True, slots=True)
class PanelRange:
    """The range of a panel in seconds since the epoch, and how many columns it can draw. `/query` sends them
    outside the parameters.
    """

    start_s: int
    end_s: int
    max_data_points: int | None = None


@dataclass(frozen=True, slots=True)
class FloorScope:
    """One floor of a query.

    `rooms`: the requested rooms, or `None` for the whole floor. `period`: the rounded period of the result;
    `known_period` is `None` if the target has no period. `local_hours`: the hours that count, or `None` for
    all. `timezone`: the time zone in which windows and hours begin.
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
    """All values that a target needs to plan a query.

    `served`: all floors that the backend serves. `topology`: the requested floors, with the notes that
    concern them. `is_filtered_out`: the dashboard's filters match no room, so the result is empty. `live`:
    what Butlr pushes at the moment.
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
        """The most columns of cells: the parameter, or less if the panel cannot draw so many."""
        points = self.panel.max_data_points if self.panel else None
        return min(self.parsed.columns, max(points or MAX_COLUMNS, 2))

    @property
    def range_s(self) -> tuple[int, int]:
        """The requested range in seconds since the epoch. Raises `BadParameter` if it is missing."""
        return (self.panel.start_s, self.panel.end_s) if self.panel else range_of(self.parsed)

    def over(self, start_s: int, end_s: int) -> Scope:
        """The same floors and rooms for another range, with all hours."""
        floors = tuple(
            replace(
                one,
                known_period=cover(start_s, end_s, one.timezone, now_s=self.now_s, limits=self.limits),
            )
            for one in self.floors
        )
        return replace(self, floors=floors, panel=PanelRange(start_s, end_s, None))

    def in_windows(self, every: str) -> Scope:
        """The same scope over whole windows: what the period before ends with is not in both."""
        floors = tuple(
            replace(one, known_period=whole_windows(one.period, every, one.timezone, self.now_s))
            for one in self.floors
        )
        return replace(self, floors=floors)

    def before(self) -> Scope:
        """The same scope for the periods of comparison. Raises `BadParameter`."""
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
        """The scope of the same query for one floor, `back_s` seconds earlier."""
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
        """A key of the query without its times and format, but with the length of its period."""
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
    """Computes floors, rooms, periods and hours.

    `topology`: the floors that the caller may see. `served`: all floors, if there are more. Raises
    `BadParameter`, `UnknownSpace`.
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
    """The hours that count; `None`: all hours. Raises `BadParameter` if `holidays=out` needs a setting."""
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
