"""What each target is made of: which queries it takes, and what is read off their heat maps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import cast

from butlr_grafana.errors import BackendError, BadWord
from butlr_grafana.events.record import Event
from butlr_grafana.factors.factor import Known
from butlr_grafana.insight.balance import Balance, balances
from butlr_grafana.insight.compare import Comparison, compare, relative
from butlr_grafana.insight.empty import with_zeros
from butlr_grafana.insight.freshness import Freshness, freshness
from butlr_grafana.insight.hotspots import Hotspot, hotspots
from butlr_grafana.insight.now import Now, occupancy_now
from butlr_grafana.insight.pattern import PatternCell, of_heat_maps, of_series
from butlr_grafana.insight.people import in_unit
from butlr_grafana.insight.together import now_of, zones_of
from butlr_grafana.insight.unusual import Unusual, unusual
from butlr_grafana.insight.utilization import RoomUse, utilization
from butlr_grafana.insight.whole import whole
from butlr_grafana.insight.zone_change import ZoneChange, zone_changes
from butlr_grafana.insight.zones import Level, ZoneHeat
from butlr_grafana.model import (
    AnyAnswer,
    AnyQuery,
    Floor,
    HeatMap,
    PlanDrawing,
    Query,
    SeriesAnswer,
    SeriesQuery,
    StatsAnswer,
    Topology,
)
from butlr_grafana.query import (
    Asked,
    Rules,
    before,
    floors_of,
    resolve,
    resolve_series,
)
from butlr_grafana.query_now import about_now, fresh_since
from butlr_grafana.query_stats import USED_MEAN, stats_of
from butlr_grafana.sightings import sightings_of, tells_rooms_apart, with_seen
from butlr_grafana.trouble import Contact
from butlr_grafana.windows import hours_of, windows


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """The answer to what was `asked`.

    `now_s`: when it was asked. `maps`: the heat maps behind it, the one asked for first. `faults`: floors
    that could not be answered where others could; `lacking`: floors whose statistics could not be had.
    `sightings`: people, only to know which rooms were seen. `assumed`: what is not known about Butlr yet.
    `factors`: by floor, as they were known when it was asked; all of the answer is by these.
    `whole`: all maps together, where they are windows of one period. The rest is what the target makes of
    its parts; what is not its own is empty. `week_start`: the first day of its weeks. `is_filtered_out`: a
    dashboard's filters leave no room, so nothing was asked.
    """

    asked: Asked
    now_s: float = 0.0
    maps: tuple[HeatMap, ...] = ()
    faults: tuple[tuple[Floor, BackendError], ...] = ()
    whole: HeatMap | None = None
    comparison: Comparison | None = None
    zones: tuple[ZoneHeat, ...] = ()
    changes: tuple[ZoneChange, ...] = ()
    spots: tuple[Hotspot, ...] = ()
    series: tuple[SeriesAnswer, ...] = ()
    stats: tuple[StatsAnswer, ...] = ()
    lacking: tuple[tuple[Floor, BackendError], ...] = ()
    sightings: tuple[SeriesAnswer, ...] = ()
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
    week_start: int = 0

    @property
    def complete(self) -> bool:
        return not (self.faults or self.lacking) and all(part.coverage.complete for part in self.parts)

    @property
    def parts(self) -> list[AnyAnswer]:
        """All that came from Butlr."""
        return [*self.maps, *self.series, *self.stats, *self.sightings]


UTILIZATION = (("occupancy", "mean"), ("occupancy", "max"), ("presence", "sum"), ("traffic", "sum"))
"""The hourly series, target and statistic, behind `utilization`; its heat maps come beside."""

ALWAYS = ("freshness",)
"""Targets that have something to tell where no floor could be had."""


def parts_of(
    asked: Asked,
    topology: Topology,
    *,
    now_s: float,
    rules: Rules,
    asked_period: tuple[int, int] | None = None,
    max_data_points: int | None = None,
) -> list[AnyQuery]:
    """The queries that an answer is made of, in the order of their kinds: heat maps, series, statistics.
    None where the topology is enough.

    Raises `CallerError`.
    """
    parts = _parts(
        asked,
        topology,
        now_s=now_s,
        rules=rules,
        asked_period=asked_period,
        max_data_points=max_data_points,
    )
    if tells_rooms_apart(asked):
        parts += sightings_of([part for part in parts if isinstance(part, Query)], now_s=now_s)
    return parts


def _parts(
    asked: Asked,
    topology: Topology,
    *,
    now_s: float,
    rules: Rules,
    asked_period: tuple[int, int] | None,
    max_data_points: int | None,
) -> list[AnyQuery]:
    """`parts_of` but for what tells which rooms were seen."""

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
        case "floorplan" | "spaces" | "events":
            return []
        case "occupancy-now" | "unusual" | "balance" | "freshness":
            return [*about_now(asked, topology, now_s=now_s, rules=rules)]
        case "occupancy" | "traffic" | "presence":
            return [*series(asked)]
        case "compare" | "compare-zones":
            if asked.normalize == "share":
                raise BadWord("normalize", "a comparison is per hour counted; it may be none, hour, max")
            # Per hour is made of raw counts on both sides, whatever else was asked for.
            current = replace(maps()[0], normalize="none")
            return [current, before(current, asked.baseline, now_s=now_s, rules=rules)]
        case "playback":
            return [*windows(maps()[0], asked.every)]
        case "pattern" if asked.metric == "heatmap":
            return [*hours_of(maps()[0])]
        case "pattern":
            return [*series(replace(asked, target=asked.metric, every="1h", level=asked.level or "floor"))]
        case "utilization":
            hourly = [
                replace(asked, target=target, statistic=how, every="1h", level="room")
                for target, how in UTILIZATION
            ]
            found = [query for one in hourly for query in series(one)]
            means = [q for q in found if (q.target, q.statistic) == UTILIZATION[0]]
            return [*maps(), *found, *(stats_of(q, USED_MEAN) for q in means)]
        case _:
            return [*maps()]


def made_of(answer: Answer) -> Answer:
    """The answer with what its target makes of its parts, which are in the order of `parts_of`, floor by
    floor, without those of floors that failed; at least one, but for `ALWAYS`.
    """
    answer = in_one_unit(seen(answer))
    asked, maps, series = answer.asked, answer.maps, answer.series
    match asked.target:
        case "heatmap" if asked.empty == "zero" and asked.format != "png":
            return replace(answer, maps=tuple(map(with_zeros, maps)))
        case "compare":
            compared = compare(maps[0], maps[1])
            # The picture has a scale of its own, in detections per hour.
            on_fixed_scales = asked.normalize == "max" and asked.format != "png"
            return replace(answer, comparison=relative(compared) if on_fixed_scales else compared)
        case "compare-zones":
            return replace(answer, changes=zone_changes(maps[0], maps[1], level=_level(asked)))
        case "hot-zones":
            return replace(answer, zones=zones_of(maps, level=_level(asked), threshold=asked.threshold))
        case "hotspots":
            return replace(answer, spots=hotspots(maps[0], asked.threshold))
        case "pattern" if maps:
            return replace(answer, pattern=of_heat_maps(maps), whole=whole(maps))
        case "pattern":
            return replace(answer, pattern=of_series(series))
        case "playback":
            return replace(answer, whole=whole(maps))
        case "utilization":
            return replace(
                answer,
                rooms=utilization(maps, series, means_when_used(answer.stats), underused=asked.underused),
            )
        case _:
            return of_now(answer)


def seen(answer: Answer) -> Answer:
    """The answer with maps that know which rooms were seen, where they are read room by room."""
    why_not = {floor.id: fault.message for floor, fault in answer.lacking}
    if tells_rooms_apart(answer.asked):
        # They are no values of the answer's own.
        maps = with_seen(answer.maps, answer.series, why_not, now_s=answer.now_s)
        return replace(answer, maps=maps, sightings=answer.series, series=())
    if answer.asked.target == "utilization":
        means = [a for a in answer.series if (a.query.target, a.query.statistic) == UTILIZATION[0]]
        return replace(answer, maps=with_seen(answer.maps, means, {}, now_s=answer.now_s))
    return answer


WITH_THRESHOLD = ("hot-zones", "hotspots")


def in_one_unit(answer: Answer) -> Answer:
    """The answer with its maps in the unit asked for."""
    asked = answer.asked
    has_number = asked.target in WITH_THRESHOLD and not asked.threshold.is_percentile
    is_of_detections = has_number or asked.normalize == "hour"
    maps = in_unit(answer.maps, answer.factors, wanted=asked.unit, is_of_detections=is_of_detections)
    return replace(answer, maps=maps)


def of_now(answer: Answer) -> Answer:
    """`made_of` for what is about now."""
    series = answer.series
    match answer.asked.target:
        case "occupancy-now":
            found = occupancy_now(series)
            return replace(answer, now=now_of(found) if answer.asked.level == "floor" else found)
        case "unusual":
            now, before = series[::2], series[1::2]
            return replace(answer, levels=tuple(chain.from_iterable(map(unusual, now, before))))
        case "balance":
            return replace(answer, balances=balances(series))
        case "freshness":
            floors = tuple(answer.topology.floors.values()) if answer.topology else ()
            why = {floor.id: fault.message for floor, fault in answer.faults}
            known: list[HeatMap | SeriesAnswer] = [*answer.maps, *series]
            return replace(answer, fresh=freshness(floors, known, why, since_s=fresh_since(answer.now_s)))
        case _:
            return answer


def _level(asked: Asked) -> Level:
    return cast(Level, asked.level or "room")


def means_when_used(stats: Sequence[StatsAnswer]) -> dict[tuple[str, str], float]:
    """By floor and room."""
    return {
        (answer.query.floor.id, item): figure
        for answer in stats
        for (item, measurement), figure in answer.figures.items()
        if measurement == USED_MEAN
    }
