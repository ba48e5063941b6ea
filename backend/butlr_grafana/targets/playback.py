"""`playback`: a period in equal windows."""

from __future__ import annotations

from butlr_grafana.insight.rollup import whole
from butlr_grafana.model.queries import Query
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.scope import Scope
from butlr_grafana.query.windows import windows
from butlr_grafana.targets.base import Fetched, Sources, Target
from butlr_grafana.targets.parameter_groups import HEAT_MAP, IMAGE
from butlr_grafana.targets.shapes import FilmResult


class Playback(Target[FilmResult]):
    name = "playback"
    title = "Playback"
    description = (
        "The period in equal windows with one colour scale: one frame with times, or an animated WebP."
    )
    parameters = (*HEAT_MAP, "every", *IMAGE, "style")
    formats = ("frames", "rows", "csv", "webp")
    shape = FilmResult
    note_topics = frozenset({"time"})

    def queries(self, scope: Scope) -> list[Query]:
        return windows(heat_map_queries(scope)[0], scope.parsed.every)

    def build(self, fetched: Fetched, sources: Sources) -> FilmResult:
        return FilmResult(fetched.maps, whole(fetched.maps))
