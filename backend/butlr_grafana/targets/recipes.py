"""What each target is made of: which queries it takes, and what is read off their heat maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from typing import cast

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.insight.anomaly import unusual
from butlr_grafana.insight.compare import compare, relative
from butlr_grafana.insight.current_occupancy import occupancy_now
from butlr_grafana.insight.empty import with_zeros
from butlr_grafana.insight.entry_exit_balance import balances
from butlr_grafana.insight.freshness import freshness
from butlr_grafana.insight.hotspots import hotspots
from butlr_grafana.insight.pattern import of_heat_maps, of_series
from butlr_grafana.insight.people import in_unit
from butlr_grafana.insight.rollup import whole
from butlr_grafana.insight.utilization import utilization
from butlr_grafana.insight.zone_change import zone_changes
from butlr_grafana.insight.zones import Level, hot_zones
from butlr_grafana.model.calendar import local_windows, window_starts
from butlr_grafana.model.floor import Topology
from butlr_grafana.model.queries import (
    AnyQuery,
    HeatMap,
    Query,
    SeriesQuery,
    SeriesResult,
    StatsResult,
)
from butlr_grafana.model.time import DAY_S, HOUR_S, Period
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.period import CLOCK_CHANGE_S, before
from butlr_grafana.query.resolve import resolve, resolve_series
from butlr_grafana.query.resolve_live import about_now, fresh_since
from butlr_grafana.query.resolve_stats import USED_MEAN, stats_of
from butlr_grafana.query.rooms import floors_of
from butlr_grafana.targets.answer import Result
from butlr_grafana.targets.presence import availability_queries, tells_rooms_apart, with_availability

UTILIZATION = (("occupancy", "mean"), ("occupancy", "max"), ("presence", "sum"), ("traffic", "sum"))
"""The hourly series, target and statistic, behind `utilization`; its heat maps come beside."""

ALWAYS = ("freshness",)
"""Targets that have something to tell where no floor could be had."""


def parts_of(
    asked: ParsedQuery,
    topology: Topology,
    *,
    now_s: float,
    rules: QueryLimits,
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
        parts += availability_queries([part for part in parts if isinstance(part, Query)], now_s=now_s)
    return parts


def _parts(
    asked: ParsedQuery,
    topology: Topology,
    *,
    now_s: float,
    rules: QueryLimits,
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

    def series(of: ParsedQuery) -> tuple[SeriesQuery, ...]:
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
                raise BadParameter("normalize", "a comparison is per hour counted; it may be none, hour, max")
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
            found = [query for one in hourly for query in series(one)]
            means = [q for q in found if (q.target, q.statistic) == UTILIZATION[0]]
            return [*maps(), *found, *(stats_of(q, USED_MEAN) for q in means)]
        case _:
            return [*maps()]


MOST_WINDOWS = 200
MOST_PATTERN_S = 14 * DAY_S
ROUNDED_S = HOUR_S + CLOCK_CHANGE_S
"""By so much a sliding period may be longer than it was asked for, and a local week longer than 7 days."""


def hours_of(query: Query) -> list[Query]:
    """A heat map an hour, for a pattern; only those of which some part counts."""
    if query.period.length_s > MOST_PATTERN_S + ROUNDED_S:
        raise BadParameter(
            "metric", "heatmap is for ranges of up to 14 days; it may be occupancy, traffic, presence"
        )
    hours = local_windows(query.period, query.local_hours) if query.local_hours else [query.period]
    starts = window_starts(query.period, "1h", query.timezone).tolist()
    return [replace(query, period=piece, local_hours=None) for part in hours for piece in part.cut_at(starts)]


def windows(query: Query, every: str) -> list[Period]:
    """A playback's period in equal windows by the query's clock; `auto`: hours up to a week, then days."""
    period = query.period
    if every == "auto":
        is_week = period.length_s <= 7 * DAY_S + ROUNDED_S
        every = "15m" if period.length_s <= 6 * HOUR_S else "1h" if is_week else "1d"
    starts = window_starts(period, every, query.timezone)
    if starts.size > MOST_WINDOWS:
        raise BadParameter(
            "every", f"{every} makes {starts.size} windows of this range; at most {MOST_WINDOWS}"
        )
    return list(period.cut_at(starts.tolist()))


def made_of(answer: Result) -> Result:
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
            return replace(answer, zones=hot_zones(maps, level=_level(asked), threshold=asked.threshold))
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


def seen(answer: Result) -> Result:
    """The answer with maps that know which rooms were seen, where they are read room by room."""
    why_not = {floor.id: fault.message for floor, fault in answer.partial_errors}
    if tells_rooms_apart(answer.asked):
        # They are no values of the answer's own.
        maps = with_availability(answer.maps, answer.series, why_not, now_s=answer.now_s)
        return replace(answer, maps=maps, availability=answer.series, series=())
    if answer.asked.target == "utilization":
        means = [a for a in answer.series if (a.query.target, a.query.statistic) == UTILIZATION[0]]
        return replace(answer, maps=with_availability(answer.maps, means, {}, now_s=answer.now_s))
    return answer


WITH_THRESHOLD = ("hot-zones", "hotspots")


def in_one_unit(answer: Result) -> Result:
    """The answer with its maps in the unit asked for."""
    asked = answer.asked
    has_number = asked.target in WITH_THRESHOLD and not asked.threshold.is_percentile
    is_of_detections = has_number or asked.normalize == "hour"
    maps = in_unit(answer.maps, answer.factors, wanted=asked.unit, is_of_detections=is_of_detections)
    return replace(answer, maps=maps)


def of_now(answer: Result) -> Result:
    """`made_of` for what is about now."""
    series = answer.series
    match answer.asked.target:
        case "occupancy-now":
            return replace(answer, now=occupancy_now(series))
        case "unusual":
            now, before = series[::2], series[1::2]
            return replace(answer, levels=tuple(chain.from_iterable(map(unusual, now, before))))
        case "balance":
            return replace(answer, balances=balances(series))
        case "freshness":
            floors = tuple(answer.topology.floors.values()) if answer.topology else ()
            why = {floor.id: fault.message for floor, fault in answer.faults}
            known: list[HeatMap | SeriesResult] = [*answer.maps, *series]
            return replace(answer, fresh=freshness(floors, known, why, since_s=fresh_since(answer.now_s)))
        case _:
            return answer


def _level(asked: ParsedQuery) -> Level:
    return cast(Level, asked.level or "room")


def means_when_used(stats: Sequence[StatsResult]) -> dict[tuple[str, str], float]:
    """By floor and room."""
    return {
        (answer.query.floor.id, item): figure
        for answer in stats
        for (item, measurement), figure in answer.figures.items()
        if measurement == USED_MEAN
    }
