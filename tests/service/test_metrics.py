"""What `/metrics` tells Prometheus, by what happened before."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CONTENT_TYPE_LATEST, Metric
from prometheus_client.parser import text_string_to_metric_families

from butlr_grafana import __version__
from butlr_grafana.service.metrics import Recent
from butlr_grafana.targets.registry import TARGETS
from tests.butlr.wire import FakeTime
from tests.faults.trial import Trial
from tests.support import DETECTIONS, GRAPHQL, LOGIN, PARIS, World, at

DAY = {"space": PARIS, "from": "2026-06-10T00:00:00Z", "to": "2026-06-11T00:00:00Z"}


class Figures:
    """`GET /metrics`, read as Prometheus reads it."""

    def __init__(self, world: World) -> None:
        response = world.http.get("/metrics")
        assert response.headers["Content-Type"] == CONTENT_TYPE_LATEST
        self.families: list[Metric] = list(text_string_to_metric_families(response.get_data(as_text=True)))

    def of(self, name: str) -> dict[tuple[str, ...], float]:
        """The samples by the values of their labels, in the order of the labels' names."""
        return {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == name
        }

    def __getitem__(self, name: str) -> float:
        """The one sample without labels."""
        return self.of(name)[()]


def send_query(world: World, target: str = "heatmap", **params: Any) -> Any:
    return world.http.get(f"/api/v1/{target}", query_string={**DAY, **params})


def test_names_and_texts_keep_to_the_conventions(world: World) -> None:
    send_query(world)
    for family in Figures(world).families:
        assert re.fullmatch(r"(butlr|process)_[a-z_]+", family.name)
        assert family.documentation
        if family.type == "counter":
            assert all(sample.name.endswith("_total") for sample in family.samples)
        assert not re.search(r"_(ms|milliseconds|minutes|kb|mb)$", family.name)


def test_calls_are_counted_by_path_and_outcome_and_timed(world: World) -> None:
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    assert send_query(world).status_code == 502
    assert send_query(world, "spaces").status_code == 200
    figures = Figures(world)
    assert figures.of("butlr_calls_total") == {
        ("200", LOGIN): 1,
        ("200", GRAPHQL): 3,  # the words of the schema, the floors and the sensors
        ("400", DETECTIONS): 1,
    }
    assert figures.of("butlr_call_seconds_count") == {(LOGIN,): 1, (GRAPHQL,): 3, (DETECTIONS,): 1}


def test_requests_are_counted_by_route_target_format_and_status(world: World) -> None:
    for _ in range(2):
        send_query(world, format="csv")
    send_query(world, "spaces")
    send_query(world, resolution="7")
    send_query(world, "no-such-target")
    world.http.get("/nowhere")
    world.http.delete("/query")
    figures = Figures(world)
    by_url = "/api/v1/<target>"
    # endpoint, format, method, status, target
    assert figures.of("butlr_backend_requests_total") == {
        (by_url, "csv", "GET", "200", "heatmap"): 2,
        (by_url, "frames", "GET", "200", "spaces"): 1,
        (by_url, "", "GET", "400", ""): 1,
        (by_url, "", "GET", "404", ""): 1,
        ("unknown", "", "", "404", ""): 1,
        ("unknown", "", "", "405", ""): 1,
    }
    seconds = figures.of("butlr_backend_request_seconds_count")
    assert seconds == {(by_url, "heatmap"): 2, (by_url, "spaces"): 1, (by_url, ""): 2, ("unknown", ""): 2}
    assert figures.of("butlr_backend_faults_total") == {
        ("bad_word", "caller"): 1,
        ("unknown_target", "caller"): 1,
        ("bad_request", "caller"): 2,
    }


def panel(*targets: dict[str, Any]) -> dict[str, Any]:
    return {"range": {"from": DAY["from"], "to": DAY["to"]}, "targets": list(targets)}


def test_a_panel_counts_once_by_its_target_or_as_several(world: World) -> None:
    spaces, map_ = ({"target": t, "payload": {"space": PARIS}} for t in ("spaces", "heatmap"))
    for targets in ([map_], [map_, map_], [map_, spaces]):
        assert world.http.post("/query", json=panel(*targets)).status_code == 200
    assert Figures(world).of("butlr_backend_requests_total") == {
        ("/query", "frames", "POST", "200", "heatmap"): 2,
        ("/query", "frames", "POST", "200", "several"): 1,
    }


def test_a_target_that_fails_beside_others_is_a_fault_once(world: World) -> None:
    good, bad = ({"target": "heatmap", "payload": {"space": space}} for space in (PARIS, "space_x"))
    assert world.http.post("/query", json=panel(good, bad)).status_code == 200
    assert world.http.post("/query", json=panel(bad, bad)).status_code == 404
    faults = Figures(world).of("butlr_backend_faults_total")
    assert faults == {("unknown_space", "caller"): 3}


def test_no_label_is_a_callers_choice(world: World) -> None:
    sizes = []
    for n in range(20):
        send_query(world, f"made-up-{n}")
        send_query(world, space=f"space_{n}", resolution=str(n))
        world.http.get(f"/made/up/{n}")
        world.http.open("/query", method=f"MADEUP{n}")
        world.http.get("/", headers={"X-Request-Id": f"made-up-{n}"})
        sizes.append(size(world))
    assert "made" not in world.http.get("/metrics").get_data(as_text=True).lower()
    assert len(set(sizes[2:])) == 1


def size(world: World) -> int:
    """The number of series."""
    return sum(len(family.samples) for family in Figures(world).families)


def test_segments_are_counted_by_where_they_came_from(world: World) -> None:
    assert Figures(world).of("butlr_backend_segments_total") == {
        ("fetched",): 0,
        ("cached",): 0,
        ("pushed",): 0,
        ("stale",): 0,
        ("missing",): 0,
    }
    month = {"from": "2026-05-04T00:00:00Z", "to": "2026-06-01T00:00:00Z"}  # four whole weeks
    send_query(world, **month)
    send_query(world, **month)
    assert Figures(world).of("butlr_backend_segments_total") == {
        ("fetched",): 4,
        ("cached",): 4,
        ("pushed",): 0,
        ("stale",): 0,
        ("missing",): 0,
    }


def test_looks_into_the_cache_are_counted_by_tier(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(cache_dir=str(tmp_path))
    reads = "butlr_backend_cache_reads_total"
    nothing = {("hit", "disk"): 0, ("hit", "memory"): 0, ("miss", "disk"): 0, ("miss", "memory"): 0}
    assert Figures(world).of(reads) == nothing
    send_query(world)
    send_query(world)
    counts = {("hit", "disk"): 0, ("hit", "memory"): 1, ("miss", "disk"): 1, ("miss", "memory"): 1}
    assert Figures(world).of(reads) == counts
    world.restart()
    send_query(world)
    assert Figures(world).of(reads) == nothing | {("hit", "disk"): 1, ("miss", "memory"): 1}


def test_without_a_disk_there_is_one_tier(world: World) -> None:
    send_query(world)
    assert Figures(world).of("butlr_backend_cache_reads_total") == {
        ("hit", "memory"): 0,
        ("miss", "memory"): 1,
    }


def test_the_process_tells_its_memory_threads_and_start(world: World) -> None:
    figures = Figures(world)
    assert figures["process_resident_memory_bytes"] > 10 * 2**20
    assert figures["butlr_backend_threads"] >= 1
    assert figures["process_start_time_seconds"] > 0
    assert figures.of("butlr_backend_info") == {("0", __version__): 1}


# --- limits, ages, troubles: with a clock that is moved ---------------------------------------------------


@pytest.fixture
def trial() -> Iterator[Trial]:
    made = Trial()
    yield made
    made.close()


def test_limits_left_are_told() -> None:
    trial = Trial(butlr_rate_limit=6, butlr_max_concurrency=3)
    try:
        assert trial.gauge("butlr_calls_left") == 6
        trial.query_panel(
            "2026-06-15T00:00:00Z", "2026-06-16T00:00:00Z"
        )  # login, schema, floors, sensors, a day
        assert trial.gauge("butlr_calls_left") == 1
        assert trial.gauge("butlr_calls_allowed") == 3
        assert trial.gauge("butlr_calls_in_flight") == trial.gauge("butlr_calls_waiting") == 0
        trial.passes(60)
        assert trial.gauge("butlr_calls_left") == 6
    finally:
        trial.close()


def test_without_a_rate_the_calls_left_are_infinite(world: World) -> None:
    assert Figures(world)["butlr_calls_left"] == math.inf


def test_a_call_in_flight_is_seen_while_it_lasts(trial: Trial) -> None:
    trial.http.get("/readyz")
    seen: list[tuple[float, float]] = []
    clock = trial.simulator.clock

    def request_figures() -> float:
        seen.append((trial.gauge("butlr_calls_in_flight"), trial.gauge("butlr_calls_under_way")))
        return clock()

    trial.simulator.clock = request_figures
    trial.query_panel("2026-06-15T00:00:00Z", "2026-06-16T00:00:00Z")
    assert set(seen) == {(1, 1)}


def test_the_age_of_data_is_that_of_the_oldest_live_part_shown_lately(trial: Trial) -> None:
    age = "butlr_backend_data_age_seconds"
    assert math.isnan(trial.gauge(age))
    trial.query_panel("2026-06-15T00:00:00Z", "2026-06-16T00:00:00Z")
    assert math.isnan(trial.gauge(age))  # of the past
    trial.query_panel()
    assert trial.gauge(age) < 60
    trial.passes(600)
    with trial.fails(status=400):
        trial.query_panel()
    assert 600 <= trial.gauge(age) < 660
    trial.passes(50)
    trial.query_panel()
    assert 600 <= trial.gauge(age) < 660
    trial.passes(11)
    assert trial.gauge(age) < 60
    trial.passes(60)
    assert math.isnan(trial.gauge(age))


AT_NIGHT = "2026-06-18T01:00:00"
"""Three o'clock in Paris."""


@pytest.mark.parametrize(
    ("target", "params"),
    [
        ("utilization", {"hours": "08:00-18:00", "days": "mon-fri"}),
        ("hot-zones", {"hours": "08:00-18:00"}),
        # Its windows of the night count nothing at all.
        ("playback", {"hours": "08:00-18:00", "every": "1h"}),
        ("compare", {"hours": "08:00-18:00", "days": "sat-sun"}),
        ("pattern", {"hours": "08:00-18:00", "metric": "heatmap"}),
    ],
)
def test_hours_that_ended_long_ago_do_not_age_the_data(target: str, params: dict[str, str]) -> None:
    """A healthy system looked at outside office hours has no old data, least of all of 1970."""
    trial = Trial()
    try:
        trial.now_s = at(AT_NIGHT)
        requested = {"space": PARIS, "from": "2026-06-15T22:00:00Z", "to": "2026-06-18T01:00:00Z", **params}
        response = trial.http.get(f"/api/v1/{target}", query_string=requested)
        assert response.status_code == 200
        age = trial.gauge("butlr_backend_data_age_seconds")
        assert math.isnan(age) or age < 120, age
    finally:
        trial.close()


def test_hours_that_are_running_have_an_age() -> None:
    trial = Trial()
    try:
        trial.query_panel(hours="08:00-18:00")
        trial.passes(600)
        with trial.fails(status=400):
            trial.query_panel(hours="08:00-18:00")
        assert 600 <= trial.gauge("butlr_backend_data_age_seconds") < 660
    finally:
        trial.close()


def test_the_largest_of_a_minute_is_that_of_all_that_came_in_it() -> None:
    clock = FakeTime(0)
    recent, came = Recent(60, clock), []
    for step, value in (
        (0, 5.0),
        (10, 9.0),
        (20, 2.0),
        (35, 4.0),
        (50, 4.0),
        (61, 1.0),
        (95, 3.0),
        (200, 7.0),
    ):
        clock.now_s = float(step)
        recent.add(value)
        came.append((step, value))
        assert recent.largest() == max(v for t, v in came if t > step - 60)
    clock.now_s = 260.0
    assert math.isnan(recent.largest())


def problems(trial: Trial) -> dict[str, float]:
    return {kind: value for (kind,), value in Figures(trial).of("butlr_backend_trouble").items() if value}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 503}, "unreachable"),
        ({"status": 429}, "limited"),
        ({"status": 400}, "refused"),
        ({"body": b"<html>maintenance</html>"}, "invalid"),
    ],
)
def test_a_trouble_with_butlr_is_said_once_and_shown_while_it_lasts(
    trial: Trial, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], kind: str
) -> None:
    def text() -> list[str]:
        found = [r.getMessage() for r in caplog.records if r.getMessage().startswith("incident")]
        caplog.clear()
        return found

    trial.query_panel()
    assert set(Figures(trial).of("butlr_backend_trouble")) == {
        (k,) for k in ("unreachable", "limited", "refused", "invalid")
    }
    assert (problems(trial), text()) == ({}, [])
    with trial.fails(**fault):
        for _ in range(5):
            trial.passes(60)
            trial.query_panel()
            trial.comes_to_rest()
        [line] = text()
        assert line.startswith(f"incident began: Butlr {kind}")
        assert problems(trial) == {kind: 1}
    trial.passes(90)
    trial.query_panel()
    [line] = text()
    assert re.fullmatch(rf"incident over after 4 min, \d+ failures: Butlr {kind}", line)
    assert problems(trial) == {}


def test_a_disk_that_fails_is_a_trouble(make_world: Callable[..., World], tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("a file, no folder")
    world = make_world(cache_dir=str(tmp_path / "in-the-way"))
    assert Figures(world).of("butlr_backend_trouble")["disk",] == 1
    assert send_query(world).status_code == 200
    (tmp_path / "in-the-way").unlink()
    send_query(world, **{"from": "2026-06-09T00:00:00Z"})
    assert Figures(world).of("butlr_backend_trouble")["disk",] == 0


def test_every_target_has_a_series_of_its_own(world: World) -> None:
    for target in TARGETS:
        assert send_query(world, target).status_code < 500
    counted = {target for *_, target in Figures(world).of("butlr_backend_requests_total")}
    assert len(counted & set(TARGETS)) >= len(TARGETS) - 2
