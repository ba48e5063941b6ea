"""`python -m tests.bench.sizing`: the calls that one floor needs in an hour, and the size of its data for a
year.

They are counted, not timed: the clock of this world moves a minute at a time.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.alerting.grafana import Watcher, rules
from tests.bench.page import PAGE
from tests.dashboards.grafana import infinity_request
from tests.dashboards.test_queries import start_values
from tests.support import GRAPHQL, LOGIN, PARIS, World

MINUTES = 60
DAY_MS = 86_400_000
NOON = "2026-06-17T12:00:05"
YEAR = {"from": "2025-06-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"}


def page(days: int) -> Callable[[World], None]:
    """The Floor page of the last `days` days, as often as it is looked at."""
    dashboard = json.loads(PAGE.read_text("utf-8"))
    targets = [target for panel in dashboard["panels"] for target in panel["targets"]]

    def look(world: World) -> None:
        now_ms = int(world.now_s * 1000)
        period = {"__from": str(now_ms - days * DAY_MS), "__to": str(now_ms)}
        values = {**start_values(dashboard), **period}
        for target in targets:
            send_query(world, infinity_request(target, values))

    return look


def wall(world: World) -> None:
    """The picture since midnight in Paris, and who is there."""
    now_ms = int(world.now_s * 1000)
    period = f"space={PARIS}&from={now_ms - 14 * 3_600_000}&to={now_ms}"
    send_query(world, f"/api/v1/heatmap?{period}&format=png&theme=dark")
    send_query(world, f"/api/v1/occupancy-now?{period}&level=floor&format=rows")


def alerts() -> Callable[[World], None]:
    """All rules, each as often as it is evaluated."""
    watchers = [Watcher(rule) for rule in rules().values()]

    def evaluate(world: World) -> None:
        for watcher in watchers:
            if int(world.now_s) // 60 * 60 % watcher.interval_s == 0:
                watcher.evaluate(world)

    return evaluate


def send_query(world: World, path: str) -> None:
    response = world.http.get(path)
    assert response.status_code == 200, response.get_data(as_text=True)


def an_hour_of(*works: Callable[[World], None], floors: int = 1) -> float:
    """Calls a minute and floor, once what has settled is kept; renewals of floors and token left out."""
    world = World(NOON)
    try:
        for work in works:
            work(world)
        before = calls(world)
        for _ in range(MINUTES):
            world.now_s += 60
            for work in works:
                work(world)
        return (calls(world) - before) / MINUTES / floors
    finally:
        world.close()


def calls(world: World) -> int:
    return sum(call.path not in (GRAPHQL, LOGIN) for call in world.simulator.calls)


def a_first_look(work: Callable[[World], None]) -> int:
    world = World(NOON)
    try:
        work(world)
        return calls(world)
    finally:
        world.close()


def a_year(resolution: str) -> tuple[int, float, float]:
    """Calls, and megabytes on disk and in memory, of a floor's heat maps."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(NOON, cache_dir=folder)
        try:
            world.heat_map(PARIS, YEAR["from"], YEAR["to"], resolution=resolution)
            gatherer = world.application.service.pipeline.gatherer
            in_memory = gatherer._store._tiers[0]._store._chunks.currsize  # type: ignore[attr-defined]
            found = calls(world)
        finally:
            world.close()
        on_disk = sum(file.stat().st_size for file in Path(folder).glob("segments.sqlite*"))
        return found, on_disk / 2**20, in_memory / 2**20


def rows() -> Iterator[tuple[str, str]]:
    all_rules, live = alerts(), page(1)
    yield "all alert rules, calls a minute and floor", f"{an_hour_of(all_rules, floors=3):.2f}"
    yield "walls, however many, calls a minute and floor", f"{an_hour_of(wall):.2f}"
    yield "Floor page of a day, refreshed each minute, calls a minute", f"{an_hour_of(live):.2f}"
    yield "Floor page of 30 days, refreshed each minute, calls a minute", f"{an_hour_of(page(30)):.2f}"
    yield "wall and Floor page of a day, calls a minute", f"{an_hour_of(wall, live):.2f}"
    yield "Floor page of 30 days, first look, calls", f"{a_first_look(page(30))}"
    for resolution in ("0.25", "0.5", "1.0"):
        called, disk_mb, memory_mb = a_year(resolution)
        yield (
            f"a year of heat maps at {resolution} m",
            f"{called} calls, {disk_mb:.1f} MB on disk, {memory_mb:.1f} MB in memory",
        )


def main() -> int:
    for name, figure in rows():
        print(f"{name:<62} {figure}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
