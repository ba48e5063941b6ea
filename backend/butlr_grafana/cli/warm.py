"""The command `warm`: fills the cache for a range."""

from __future__ import annotations

import argparse
import time

from butlr_grafana.app import Application, create_app
from butlr_grafana.base.access import SettingError
from butlr_grafana.cli.progress import Progress, show_measuring
from butlr_grafana.cli.upstream import settings_from_environment, upstream
from butlr_grafana.measure.background import measuring
from butlr_grafana.model.chunk import HeatMapSubject, Segment
from butlr_grafana.model.time import iso
from butlr_grafana.query.heatmaps import heat_map_queries
from butlr_grafana.query.scope import scope_of

WARMED = HeatMapSubject(1.0)
"""What `warm` fetches; the resolution does not matter here."""


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--space", help="a floor's id (default: all floors)")
    parser.add_argument("--from", dest="start", required=True, help="start of the range, ISO 8601")
    parser.add_argument("--to", dest="end", required=True, help="end of the range, ISO 8601")
    parser.add_argument(
        "--resolution", default="auto", help="cell size: auto, 0.25 (finer than the sensors see), 0.5, 1.0"
    )
    parser.add_argument(
        "--hours", default="", help="the hours of the panels, 08:00-18:00; they are cached separately"
    )
    parser.add_argument("--days", default="", help="the days of the panels, mon-fri")
    parser.set_defaults(command=warm)


def warm(options: argparse.Namespace) -> int:
    """Fetches the data that are not in the cache yet, the oldest first. After an interruption, the next run
    continues.
    """
    settings = settings_from_environment()
    if not (settings.cache_dir or settings.cache_url):
        raise SettingError(
            "BACKEND_CACHE_DIR is not set: a cache in memory would be lost when this command ends"
        )
    with upstream(settings) as (reached, is_demo):
        application = create_app(reached, demo=is_demo)
        try:
            _measure_first(application)
            segments = _to_warm(application, options)
            return _fetch_all(application, segments, at_a_time=2 * settings.butlr_max_concurrency)
        finally:
            application.close()


def _to_warm(application: Application, options: argparse.Namespace) -> list[Segment]:
    service = application.service
    topology = service.topology(None, deadline=service.deadline())
    segments: list[Segment] = []
    for space in [options.space] if options.space else list(topology.floors):
        parameters = {
            "space": space,
            "from": options.start,
            "to": options.end,
            "resolution": options.resolution,
            "hours": options.hours,
            "days": options.days,
        }
        parsed = service.read("heatmap", parameters)
        scope = scope_of(parsed, topology, now_s=service.now(), limits=service.rules)
        [query] = heat_map_queries(scope)
        segments += [s for s in service.pipeline.segments(query, now_s=service.now()) if s.settled]
    return segments


def _measure_first(application: Application) -> None:
    """Measures Butlr: no chunk is stored permanently while a fact that changes it is only assumed."""
    verdict_store = application.means.verdict_store
    if verdict_store.current().is_sure_of(WARMED):
        return
    application.service.topology(None, deadline=application.service.deadline())
    for _ in measuring(application.means, show=show_measuring):
        pass
    if not verdict_store.current().is_sure_of(WARMED):
        unmeasured = ", ".join(sorted(verdict_store.current().unmeasured))
        raise SettingError(
            "Butlr's behaviour cannot be measured now, so nothing would be stored permanently "
            f"({unmeasured}): `butlr-grafana check` shows the reason"
        )


def _fetch_all(application: Application, segments: list[Segment], *, at_a_time: int) -> int:
    gatherer = application.service.pipeline.gatherer
    done = fetched = 0
    bar = Progress(len(segments))
    for i in range(0, len(segments), at_a_time):
        chunk = segments[i : i + at_a_time]
        gathered = gatherer.begin(chunk).collect(deadline=time.monotonic() + 3600)
        if not gathered.coverage.complete:
            raise gathered.error or SettingError("Butlr did not answer within an hour")
        done, fetched = done + len(chunk), fetched + gathered.coverage.fetched
        bar.show(done, f"up to {iso(chunk[-1].period.end_s)}")
    print(f"{done} segments, {fetched} fetched, {done - fetched} already in the cache")
    return 0
