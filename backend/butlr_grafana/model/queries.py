"""Queries of one floor and their results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from butlr_grafana.model.chunk import Chunk, Coverage, Floats, Grid, SeriesSubject, StatsSubject
from butlr_grafana.model.factor import Known
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.time import LocalHours, Period


@dataclass(frozen=True, slots=True)
class Query:
    """A complete query: all parameters parsed, all defaults filled in, all ids known.

    `rooms`: the rooms to which the cells are limited, or `None` for the whole floor. `tz`: the time zone of
    the query, if it is not the floor's. `limits`: a text for viewers that says which part of the query is
    left out.
    """

    floor: Floor
    period: Period
    resolution_m: float
    normalize: str = "none"
    local_hours: LocalHours | None = None
    rooms: tuple[Room, ...] | None = None
    require: str = "any"
    format: str = "frames"
    tz: str | None = None
    limits: str = ""

    @property
    def timezone(self) -> str:
        """The time zone in which hours and days begin."""
        return self.tz or self.floor.timezone


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """The result of a heat-map query.

    `raw`: sums of detections, exact for what `coverage` covers. `shown`: the same after normalising, with
    cells of 0 if they are requested. Both are without the cells that may not be shown separately (see
    `privacy`); `hidden` are their detections. `chunks` have all cells: they are only for sums.
    `availability`: by room, the share (0 to 1) of the hours counted in which its sensors sent data, if it is
    known. `unavailable_reason`: why it is not known, if it was requested. `unit`: the unit of `shown`,
    `detections` or `people` (per m²). `factor`: the floor's, or why it has none, if people are requested.
    """

    query: Query
    raw: Grid
    shown: Grid
    coverage: Coverage
    chunks: tuple[Chunk, ...]
    hidden: float = 0.0
    availability: Mapping[str, float] = field(default_factory=dict)
    unavailable_reason: str = ""
    unit: str = "detections"
    factor: Known | None = None

    @property
    def total(self) -> float:
        """All detections, including those in cells that are not shown."""
        return self.raw.total + self.hidden

    @property
    def peak(self) -> float:
        """The detections of the cell with the most."""
        return float(self.raw.value.max(initial=0.0))


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """A complete query for time series of one floor.

    `every`: the windows of the result. `base`: what is requested from Butlr; `base_name`: its name for
    people. `rooms`: the rooms to which the result is limited, or `None`. `good_s`: as in `Segment`.
    """

    metric: str
    floor: Floor
    period: Period
    every: str
    statistic: str
    level: str
    base: SeriesSubject
    local_hours: LocalHours | None = None
    rooms: tuple[Room, ...] | None = None
    require: str = "any"
    format: str = "frames"
    good_s: float | None = None

    @property
    def timezone(self) -> str:
        """The time zone in which windows begin: the floor's, or the parameter `tz`."""
        return self.base.timezone

    @property
    def base_name(self) -> str:
        return f"{self.base.every} {self.base.function}"


@dataclass(frozen=True, slots=True, eq=False)
class AssetSeries:
    """Values of one asset: `values` by field (`value`, or `in` and `out`), float64[n], NaN for a gap."""

    floor: Floor
    asset_id: str
    name: str
    start_s: NDArray[np.int64]
    values: dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class SeriesResult:
    """The result of a series query: one series for each asset in Butlr's response, in the floor's order.

    `incomplete`: how many values Butlr itself marks as incomplete; they are gaps.
    """

    query: SeriesQuery
    series: tuple[AssetSeries, ...]
    coverage: Coverage
    incomplete: int = 0


@dataclass(frozen=True, slots=True)
class StatsQuery:
    """A complete query for one value per room over a period.

    `subject`: what is requested from Butlr; `None` if Butlr cannot compute it; `why_not` says why (empty: the
    floor has no room).
    """

    floor: Floor
    period: Period
    subject: StatsSubject | None
    why_not: str = ""
    require: str = "any"


@dataclass(frozen=True, slots=True, eq=False)
class StatsResult:
    """The result of a statistics query: the known values by item id and measurement."""

    query: StatsQuery
    figures: dict[tuple[str, str], float]
    coverage: Coverage


AnyQuery = Query | SeriesQuery | StatsQuery
AnyResult = HeatMap | SeriesResult | StatsResult


class OfQuery(Protocol):
    """An object that belongs to a query: a result, or a pending result."""

    @property
    def query(self) -> AnyQuery: ...


Grouped = TypeVar("Grouped", bound=OfQuery)


def by_floor(results: Iterable[Grouped]) -> dict[str, list[Grouped]]:
    """The objects grouped by floor id, in the order given."""
    found: dict[str, list[Grouped]] = {}
    for one in results:
        found.setdefault(one.query.floor.id, []).append(one)
    return found
