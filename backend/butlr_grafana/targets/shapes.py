"""Results that are drawn. Each shape has its frames, rows and images in `present`, for any target."""

from __future__ import annotations

from dataclasses import dataclass

from butlr_grafana.insight.compare import Comparison
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap, SeriesResult


@dataclass(frozen=True, slots=True, eq=False)
class HeatMapResult:
    """One heat map."""

    heat_map: HeatMap


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonResult:
    """Two heat maps of one floor, cell by cell. `is_relative`: as shares of the largest cell."""

    comparison: Comparison
    current: HeatMap
    baseline: HeatMap
    is_relative: bool


@dataclass(frozen=True, slots=True, eq=False)
class FilmResult:
    """Heat maps of the windows of one period, and the `whole` of them."""

    windows: tuple[HeatMap, ...]
    whole: HeatMap


@dataclass(frozen=True, slots=True, eq=False)
class SeriesOverTime:
    """Values over time of floors; `metric`: which."""

    metric: str
    series: tuple[SeriesResult, ...]


@dataclass(frozen=True, slots=True)
class FloorPlan:
    """A floor's outline, rooms and zones."""

    floor: Floor
