"""What each target is made of: which queries it takes, and what is read off their heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from butlr_grafana.errors import BackendError, BadWord
from butlr_grafana.insight.compare import Comparison, compare
from butlr_grafana.insight.hotspots import Hotspot, hotspots
from butlr_grafana.insight.now import Now, occupancy_now
from butlr_grafana.insight.pattern import PatternCell, of_heat_maps, of_series
from butlr_grafana.insight.utilization import RoomUse, utilization
from butlr_grafana.insight.zones import ZoneHeat, hot_zones
from butlr_grafana.model import DAY_S, HOUR_S, Floor, HeatMap, Period, Query, SeriesAnswer, Topology
from butlr_grafana.plan import local_windows, window_starts
from butlr_grafana.query import Asked, Rules, before


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The answer to what was `asked`.

    `maps`: the heat maps behind it, the one asked for first. `faults`: floors that could not be answered
    where others could. The rest is what the target makes of the maps; what is not its own is empty.
    """

    asked: Asked
    maps: tuple[HeatMap, ...] = ()
    faults: tuple[tuple[Floor, BackendError], ...] = ()
    comparison: Comparison | None = None
    zones: tuple[ZoneHeat, ...] = ()
    spots: tuple[Hotspot, ...] = ()
    series: tuple[SeriesAnswer, ...] = ()
    now: tuple[Now, ...] = ()
    pattern: tuple[PatternCell, ...] = ()
    rooms: tuple[RoomUse, ...] = ()
    topology: Topology | None = None

    @property
    def complete(self) -> bool:
        return not self.faults and all(part.coverage.complete for part in self.parts)

    @property
    def parts(self) -> list[HeatMap | SeriesAnswer]:
        """All that came from Butlr."""
        return [*self.maps, *self.series]


def queries(asked: Asked, resolved: Sequence[Query], *, now_s: float, rules: Rules) -> list[Query]:
    """The heat maps that a target needs."""
    if asked.target == "compare":
        # Per hour is made of raw counts on both sides, whatever else was asked for.
        current = replace(resolved[0], normalize="none")
        return [current, before(current, asked.baseline, now_s=now_s, rules=rules)]
    if asked.target == "pattern":
        return hours_of(resolved[0])
    if asked.target == "playback":
        return [replace(resolved[0], period=window) for window in windows(resolved[0], asked.every)]
    return list(resolved)


MOST_WINDOWS = 200
MOST_PATTERN_S = 14 * DAY_S


def hours_of(query: Query) -> list[Query]:
    """A heat map an hour, for a pattern; only those of which some part counts."""
    if query.period.length_s > MOST_PATTERN_S:
        raise BadWord(
            "metric", "heatmap is for ranges of up to 14 days; it may be occupancy, traffic, presence"
        )
    hours = local_windows(query.period, query.local_hours) if query.local_hours else [query.period]
    starts = window_starts(query.period, "1h", query.floor.timezone).tolist()
    return [replace(query, period=piece, local_hours=None) for part in hours for piece in part.cut_at(starts)]


def windows(query: Query, every: str) -> list[Period]:
    """A playback's period in equal windows by the floor's clock; `auto`: hours up to a week, then days."""
    period = query.period
    if every == "auto":
        every = "15m" if period.length_s <= 6 * HOUR_S else "1h" if period.length_s <= 7 * DAY_S else "1d"
    starts = window_starts(period, every, query.floor.timezone)
    if starts.size > MOST_WINDOWS:
        raise BadWord("every", f"{every} makes {starts.size} windows of this range; at most {MOST_WINDOWS}")
    return list(period.cut_at(starts.tolist()))


UTILIZATION = (("occupancy", "mean"), ("occupancy", "max"), ("presence", "sum"), ("traffic", "sum"))
"""The hourly series, target and statistic, behind `utilization`; its heat maps come beside."""


def series_of(asked: Asked) -> list[Asked]:
    """The questions for values over time that a target is made of, beside its heat maps."""
    if asked.target == "utilization":
        return [
            replace(asked, target=target, statistic=statistic, every="1h", level="room")
            for target, statistic in UTILIZATION
        ]
    if asked.target == "pattern" and asked.metric != "heatmap":
        return [replace(asked, target=asked.metric, every="1h", level=asked.level or "floor")]
    return []


def made_of_both(asked: Asked, maps: Sequence[HeatMap], series: Sequence[SeriesAnswer]) -> Answer:
    """`utilization`: nothing without one of its parts."""
    return Answer(asked, tuple(maps), series=tuple(series), rooms=utilization(maps, series))


def made_of_series(
    asked: Asked, series: Sequence[SeriesAnswer], faults: Sequence[tuple[Floor, BackendError]]
) -> Answer:
    """As `made_of`, of values over time."""
    now = occupancy_now(series) if asked.target == "occupancy-now" else ()
    pattern = of_series(series) if asked.target == "pattern" else ()
    return Answer(asked, series=tuple(series), faults=tuple(faults), now=now, pattern=pattern)


def made_of(asked: Asked, maps: Sequence[HeatMap], faults: Sequence[tuple[Floor, BackendError]]) -> Answer:
    """`maps` in the order of `queries`, without those that failed; at least one."""
    answer = Answer(asked, tuple(maps), tuple(faults))
    match asked.target:
        case "compare":
            return replace(answer, comparison=compare(maps[0], maps[1]))
        case "hot-zones":
            level = cast(Literal["room", "zone", "floor"], asked.level or "room")
            return replace(answer, zones=hot_zones(maps, level=level, threshold=asked.threshold))
        case "pattern":
            return replace(answer, pattern=of_heat_maps(maps))
        case "hotspots":
            return replace(answer, spots=hotspots(maps[0], asked.threshold))
        case _:
            return answer
