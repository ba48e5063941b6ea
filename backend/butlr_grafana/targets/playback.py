"""`playback`: a period in equal windows."""

from __future__ import annotations

from dataclasses import replace

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.insight.rollup import whole
from butlr_grafana.model.calendar import window_starts
from butlr_grafana.model.queries import Query
from butlr_grafana.model.time import DAY_S, HOUR_S, Period
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.period import CLOCK_CHANGE_S
from butlr_grafana.query.scope import Scope
from butlr_grafana.targets.base import Fetched, Sources, Target
from butlr_grafana.targets.parameter_groups import HEAT_MAP, IMAGE
from butlr_grafana.targets.shapes import FilmResult

MOST_WINDOWS = 200
ROUNDED_S = HOUR_S + CLOCK_CHANGE_S
"""By so much a sliding period may be longer than it was asked for, and a local week longer than 7 days."""


class Playback(Target[FilmResult]):
    name = "playback"
    title = "Playback"
    description = "The period in equal windows on one colour scale: a frame with a time, or an animated WebP."
    parameters = (*HEAT_MAP, "every", *IMAGE)
    formats = ("frames", "rows", "csv", "webp")
    shape = FilmResult
    note_topics = frozenset({"time"})

    def queries(self, scope: Scope) -> list[Query]:
        query = heat_map_queries(scope)[0]
        return [replace(query, period=window) for window in windows(query, scope.parsed.every)]

    def build(self, fetched: Fetched, sources: Sources) -> FilmResult:
        return FilmResult(fetched.maps, whole(fetched.maps))


def windows(query: Query, every: str) -> list[Period]:
    """The period in equal windows by the query's clock; `auto`: hours up to a week, then days.

    Raises `BadParameter`.
    """
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
