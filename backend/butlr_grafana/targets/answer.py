"""The result of a query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.incidents import Contact
from butlr_grafana.insight.anomaly import Unusual
from butlr_grafana.insight.compare import Comparison
from butlr_grafana.insight.current_occupancy import Now
from butlr_grafana.insight.entry_exit_balance import Balance
from butlr_grafana.insight.freshness import Freshness
from butlr_grafana.insight.hot_events import Event
from butlr_grafana.insight.hotspots import Hotspot
from butlr_grafana.insight.pattern import PatternCell
from butlr_grafana.insight.utilization import RoomUse
from butlr_grafana.insight.zone_change import ZoneChange
from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.model.factor import Known
from butlr_grafana.model.floor import Floor, PlanDrawing, Topology
from butlr_grafana.model.queries import (
    AnyResult,
    HeatMap,
    SeriesResult,
    StatsResult,
)
from butlr_grafana.query.parse import ParsedQuery


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """The answer to what was `asked`.

    `now_s`: when it was asked. `maps`: the heat maps behind it, the one asked for first. `faults`: floors
    that could not be answered where others could; `partial_errors`: floors whose statistics could not be had.
    `availability`: people, only to know which rooms were seen. `assumed`: what is not known about Butlr yet.
    `factors`: by floor, as they were known when it was asked; all of the answer is by these.
    `whole`: all maps together, where they are windows of one period. The rest is what the target makes of
    its parts; what is not its own is empty. `is_filtered_out`: a dashboard's filters leave no room, so
    nothing was asked.
    """

    asked: ParsedQuery
    now_s: float = 0.0
    maps: tuple[HeatMap, ...] = ()
    faults: tuple[tuple[Floor, BackendError], ...] = ()
    whole: HeatMap | None = None
    comparison: Comparison | None = None
    zones: tuple[ZoneHeat, ...] = ()
    changes: tuple[ZoneChange, ...] = ()
    spots: tuple[Hotspot, ...] = ()
    series: tuple[SeriesResult, ...] = ()
    stats: tuple[StatsResult, ...] = ()
    partial_errors: tuple[tuple[Floor, BackendError], ...] = ()
    availability: tuple[SeriesResult, ...] = ()
    factors: Mapping[str, Known] = field(default_factory=dict)
    now: tuple[Now, ...] = ()
    pattern: tuple[PatternCell, ...] = ()
    rooms: tuple[RoomUse, ...] = ()
    levels: tuple[Unusual, ...] = ()
    balances: tuple[Balance, ...] = ()
    fresh: tuple[Freshness, ...] = ()
    contact: Contact | None = None
    events: tuple[Event, ...] = ()
    topology: Topology | None = None
    drawing: PlanDrawing | None = None
    assumed: str = ""
    is_filtered_out: bool = False

    @property
    def complete(self) -> bool:
        return not (self.faults or self.partial_errors) and all(part.coverage.complete for part in self.parts)

    @property
    def parts(self) -> list[AnyResult]:
        """All that came from Butlr."""
        return [*self.maps, *self.series, *self.stats, *self.availability]
