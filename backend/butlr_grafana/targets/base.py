"""A target: from its query parameters to its result, and what other folders need to know about it.

A target is one module: a subclass of `Target` (or `TableTarget`) with its parameters, formats, `queries` and
`build`, and its own result type. No code outside this package depends on a target's name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.incidents import Contact
from butlr_grafana.insight.current_occupancy import Moved
from butlr_grafana.insight.hot_events import Event, HotZoneSnapshot
from butlr_grafana.insight.people import in_unit
from butlr_grafana.model.factor import Known
from butlr_grafana.model.floor import Floor, PlanDrawing, Topology
from butlr_grafana.model.queries import (
    AnyQuery,
    AnyResult,
    HeatMap,
    Query,
    SeriesQuery,
    SeriesResult,
    StatsQuery,
    StatsResult,
)
from butlr_grafana.model.time import Period
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.spec import TargetSpec
from butlr_grafana.targets.columns import Column
from butlr_grafana.targets.presence import availability_queries, with_availability

Row = dict[str, Any]
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Sources:
    """What a target may be built from beside Butlr's data.

    `contact`: how this backend's contact with Butlr is; `events`: recorded times in which zones were hot;
    `moved`: in and out of places, by what Butlr has pushed; `known_until`: the end of the newest kept heat
    map of a query's floor and cells, of those that begin at an instant or later.
    """

    contact: Callable[[], Contact]
    events: Callable[[Period, Iterable[str]], Sequence[Event]]
    moved: Moved
    known_until: Callable[[Query, int], int | None] = lambda _, __: None


@dataclass(frozen=True, slots=True, eq=False)
class Fetched:
    """All that a result is built from.

    `maps`, `series`, `stats`: what Butlr was asked for, in the order of the queries, without floors that
    failed. `availability`: people, only to know which rooms were seen. `faults`: floors that failed where
    others did not; `partial_errors`: floors of which a column could not be had. `factors`: by floor.
    """

    scope: Scope
    maps: tuple[HeatMap, ...] = ()
    series: tuple[SeriesResult, ...] = ()
    stats: tuple[StatsResult, ...] = ()
    availability: tuple[SeriesResult, ...] = ()
    faults: tuple[tuple[Floor, BackendError], ...] = ()
    partial_errors: tuple[tuple[Floor, BackendError], ...] = ()
    factors: Mapping[str, Known] = field(default_factory=dict)

    @property
    def parsed(self) -> ParsedQuery:
        return self.scope.parsed

    @property
    def results(self) -> list[AnyResult]:
        """All results of queries to Butlr."""
        return [*self.maps, *self.series, *self.stats, *self.availability]

    @property
    def complete(self) -> bool:
        return not (self.faults or self.partial_errors) and all(
            part.coverage.complete for part in self.results
        )


@dataclass(frozen=True, slots=True, eq=False)
class Result(Generic[C]):
    """The result of a query. `content`: the target's own result; `None` where the dashboard's filters leave
    no room. `assumed`: what is not known about Butlr yet. `drawing`: the floor plan's own image.
    """

    target: Target[C]
    fetched: Fetched
    content: C | None = None
    assumed: str = ""
    drawing: PlanDrawing | None = None

    @property
    def scope(self) -> Scope:
        return self.fetched.scope

    @property
    def parsed(self) -> ParsedQuery:
        return self.fetched.scope.parsed

    @property
    def topology(self) -> Topology:
        return self.fetched.scope.topology

    @property
    def now_s(self) -> float:
        return self.fetched.scope.now_s

    @property
    def maps(self) -> tuple[HeatMap, ...]:
        return self.fetched.maps

    @property
    def is_in_people(self) -> bool:
        """Whether its heat is in people, not in detections."""
        return bool(self.maps) and self.maps[0].unit == "people"

    @property
    def results(self) -> list[AnyResult]:
        return self.fetched.results

    @property
    def complete(self) -> bool:
        return self.fetched.complete and (self.content is None or self.target.is_complete(self.content))


class Target(ABC, Generic[C]):
    """One thing that can be queried. Instances hold no state."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    parameters: ClassVar[tuple[str, ...]]
    formats: ClassVar[tuple[str, ...]]
    many_floors: ClassVar[bool] = False
    without_floor: ClassVar[bool] = False

    shape: ClassVar[type[Any] | None] = None
    """The type of what is drawn (see `shapes`); `None`: a table."""

    tells_age: ClassVar[bool] = False
    """Its rows say how old they are in seconds: another second, another answer."""

    cacheable: ClassVar[bool] = True
    """It says nothing that changes while the floors and Butlr's data stay the same."""

    needs_topology: ClassVar[bool] = True
    """It has nothing to say before the floors are known."""

    renews_topology: ClassVar[bool] = False
    """It is of the topology's own moment: a topology that is due is asked for first."""

    needs_factors: ClassVar[bool] = False
    """It says how many detections a person gives, also where it has no heat map."""

    survives_faults: ClassVar[bool] = False
    """It has something to say where every floor failed."""

    mixes_levels: ClassVar[bool] = False
    """Where no `level` is asked for, its rows may be of rooms, zones and floors together."""

    filled_aside: ClassVar[str] = ""
    """What is missing of a floor whose `fills_columns` did not arrive; empty: what statistics tell."""

    for_walls: ClassVar[bool] = False
    """An anonymous screen may ask it, as far as `is_for_walls` says."""

    note_topics: ClassVar[frozenset[str]] = frozenset()
    """Which notes of the topology always bear on its figures: `time`, `area`, `floor_area`, `traffic`,
    `places`, `devices`, `everything`.
    """

    default_level: ClassVar[str | None] = None
    """What its rows are of where no `level` is asked for."""

    def __init_subclass__(cls) -> None:
        """Every query may say whom it is for; what can be had as CSV can be had for Excel."""
        super().__init_subclass__()
        own = getattr(cls, "parameters", ())
        common = ("bom", "for") if "csv" in getattr(cls, "formats", ()) else ("for",)
        cls.parameters = (*own, *(name for name in common if name not in own))

    @property
    def spec(self) -> TargetSpec:
        return TargetSpec(self.name, self.parameters, self.formats, self.many_floors, self.without_floor)

    def queries(self, scope: Scope) -> Sequence[AnyQuery]:
        """What Butlr is asked for: heat maps, then series, then statistics, floor by floor. None where the
        topology is enough. Raises `BadParameter`.
        """
        return ()

    @abstractmethod
    def build(self, fetched: Fetched, sources: Sources) -> C:
        """The target's own result."""

    def needs_presence(self, parsed: ParsedQuery) -> bool:
        """Whether heat maps are read room by room, so that a room that no sensor saw must not look empty."""
        return False

    def fills_columns(self, parsed: ParsedQuery, query: AnyQuery) -> bool:
        """Whether a query only fills columns, so that a floor is shown without it too: statistics, and people
        of whom only it is wanted which rooms were seen.
        """
        return isinstance(query, StatsQuery) or (
            isinstance(query, SeriesQuery) and self.needs_presence(parsed)
        )

    def is_of_detections(self, parsed: ParsedQuery) -> bool:
        """Whether the query speaks of detections where it names no unit."""
        return parsed.normalize == "hour"

    def is_complete(self, content: C) -> bool:
        """Whether what it is made of beside Butlr's measurements is of now."""
        return True

    def topics(self, parsed: ParsedQuery) -> frozenset[str]:
        """Which notes of the topology bear on this query."""
        found = set(self.note_topics)
        is_limited = bool(parsed.hours or parsed.days or parsed.holidays == "out")
        if is_limited and parsed.tz is None:
            found.add("time")
        is_of_places = self.default_level is not None and (parsed.level or self.default_level) != "floor"
        if is_of_places or parsed.room or parsed.tag or parsed.filters:
            found.add("places")
        return frozenset(found)

    def prepare(self, fetched: Fetched) -> Fetched:
        """What is changed in the fetched maps before anything is built or shown."""
        return fetched

    def is_for_walls(self, parsed: ParsedQuery, now_s: float) -> bool:
        """Whether an anonymous screen may ask this."""
        return False

    def snapshots(self, result: Result[C]) -> Iterable[HotZoneSnapshot]:
        """What alert rules saw, for the record of hot zones."""
        return ()


class TableTarget(Target[C]):
    """A target whose result is a table."""

    def rows(self, result: Result[C]) -> list[Row]:
        return [] if result.content is None else self.rows_of(result.content, result)

    @abstractmethod
    def rows_of(self, content: C, result: Result[C]) -> list[Row]:
        """A dictionary a row; unknown figures are `None`."""

    @abstractmethod
    def columns(self, parsed: ParsedQuery) -> tuple[str, ...]:
        """The columns' names in their order, also where there is no row; areas in square metres."""

    def own_columns(self, table: str) -> Mapping[str, Column]:
        """Columns that are not in the common table, or mean something else; `table`: see `table_name`."""
        return {}

    def custom(self, result: Result[C]) -> dict[str, Any]:
        """What the frame's `meta.custom` says beside coverage and units."""
        return {}

    def table_name(self, result: Result[C]) -> str:
        """By which name its columns are found: the target's, with `/people` where its heat is in people."""
        return f"{self.name}/people" if result.is_in_people else self.name

    def notes(self, result: Result[C], rows: Sequence[Row]) -> Iterator[str]:
        """What a reader must know of the rows."""
        yield from ()

    def why_empty(self, result: Result[C]) -> str:
        """Why there is no row; empty: the common reason."""
        return ""


def queries_of(target: Target[Any], scope: Scope) -> list[AnyQuery]:
    """All queries of a target, those about sensors' availability last."""
    found = list(target.queries(scope))
    if target.needs_presence(scope.parsed):
        found += availability_queries([one for one in found if isinstance(one, Query)], now_s=scope.now_s)
    return found


def build(target: Target[C], fetched: Fetched, sources: Sources) -> tuple[Fetched, C]:
    """The target's result, and what it was built from: maps in one unit, with their rooms' availability."""
    parsed = fetched.parsed
    if target.needs_presence(parsed):
        why_not = {floor.id: fault.message for floor, fault in fetched.partial_errors}
        maps = with_availability(fetched.maps, fetched.series, why_not, now_s=fetched.scope.now_s)
        fetched = replace(fetched, maps=maps, availability=fetched.series, series=())
    maps = in_unit(
        fetched.maps,
        fetched.factors,
        wanted=parsed.unit,
        is_of_detections=target.is_of_detections(parsed),
    )
    fetched = target.prepare(replace(fetched, maps=maps))
    return fetched, target.build(fetched, sources)
