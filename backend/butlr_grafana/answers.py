"""What each target is made of: which queries it takes, and what is read off their heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

from butlr_grafana.errors import BackendError, BadWord
from butlr_grafana.insight.compare import Comparison, compare, of_fullest
from butlr_grafana.insight.hotspots import Hotspot, hotspots
from butlr_grafana.insight.now import Now, occupancy_now
from butlr_grafana.insight.pattern import PatternCell, of_heat_maps, of_series
from butlr_grafana.insight.utilization import RoomUse, utilization
from butlr_grafana.insight.zone_change import ZoneChange, zone_changes
from butlr_grafana.insight.zones import Level, ZoneHeat, hot_zones
from butlr_grafana.model import (
    DAY_S,
    HOUR_S,
    Floor,
    HeatMap,
    Period,
    Query,
    SeriesAnswer,
    SeriesQuery,
    Topology,
)
from butlr_grafana.plan import local_windows, window_starts
from butlr_grafana.query import Asked, Rules, before, floors_of, resolve, resolve_now, resolve_series


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
    changes: tuple[ZoneChange, ...] = ()
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


UTILIZATION = (("occupancy", "mean"), ("occupancy", "max"), ("presence", "sum"), ("traffic", "sum"))
"""The hourly series, target and statistic, behind `utilization`; its heat maps come beside."""

WHOLE = ("compare", "compare-zones", "playback", "pattern", "utilization")
"""Targets that are nothing without one of their parts."""


def parts_of(
    asked: Asked,
    topology: Topology,
    *,
    now_s: float,
    rules: Rules,
    asked_period: tuple[int, int] | None = None,
    max_data_points: int | None = None,
) -> list[Query | SeriesQuery]:
    """The queries that an answer is made of, heat maps before series; none where the topology is enough.

    Raises `CallerError`.
    """

    def maps() -> tuple[Query, ...]:
        return resolve(
            asked,
            topology,
            now_s=now_s,
            rules=rules,
            asked_period=asked_period,
            max_data_points=max_data_points,
        )

    def series(of: Asked) -> tuple[SeriesQuery, ...]:
        return resolve_series(of, topology, now_s=now_s, rules=rules, asked_period=asked_period)

    # Before anything is asked under another target's rules.
    floors_of(asked, topology)
    match asked.target:
        case "floorplan" | "spaces":
            return []
        case "occupancy-now":
            return [*resolve_now(asked, topology, now_s=now_s)]
        case "occupancy" | "traffic" | "presence":
            return [*series(asked)]
        case "compare" | "compare-zones":
            if asked.normalize == "share":
                raise BadWord("normalize", "a comparison is per hour counted; it may be none, hour, max")
            # Per hour is made of raw counts on both sides, whatever else was asked for.
            current = replace(maps()[0], normalize="none")
            return [current, before(current, asked.baseline, now_s=now_s, rules=rules)]
        case "playback":
            whole = maps()[0]
            return [replace(whole, period=window) for window in windows(whole, asked.every)]
        case "pattern" if asked.metric == "heatmap":
            return [*hours_of(maps()[0])]
        case "pattern":
            return [*series(replace(asked, target=asked.metric, every="1h", level=asked.level or "floor"))]
        case "utilization":
            hourly = [
                replace(asked, target=target, statistic=how, every="1h", level="room")
                for target, how in UTILIZATION
            ]
            return [*maps(), *(query for one in hourly for query in series(one))]
        case _:
            return [*maps()]


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


def made_of(
    asked: Asked,
    maps: Sequence[HeatMap],
    series: Sequence[SeriesAnswer],
    faults: Sequence[tuple[Floor, BackendError]],
) -> Answer:
    """The answer from its parts, in the order of `parts_of`, without those that failed; at least one."""
    answer = Answer(asked, tuple(maps), tuple(faults), series=tuple(series))
    match asked.target:
        case "compare":
            found = compare(maps[0], maps[1])
            # The picture has a scale of its own, in detections per hour.
            relative = asked.normalize == "max" and asked.format != "png"
            return replace(answer, comparison=of_fullest(found) if relative else found)
        case "compare-zones":
            return replace(answer, changes=zone_changes(maps[0], maps[1], level=_level(asked)))
        case "hot-zones":
            return replace(answer, zones=hot_zones(maps, level=_level(asked), threshold=asked.threshold))
        case "hotspots":
            return replace(answer, spots=hotspots(maps[0], asked.threshold))
        case "occupancy-now":
            return replace(answer, now=occupancy_now(series))
        case "pattern":
            return replace(answer, pattern=of_heat_maps(maps) if maps else of_series(series))
        case "utilization":
            return replace(answer, rooms=utilization(maps, series))
        case _:
            return answer


def _level(asked: Asked) -> Level:
    return cast(Level, asked.level or "room")
