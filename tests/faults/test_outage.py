"""Butlr slow, failing or gone, seen from a panel: known data with its age, nothing wrong, back by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from butlr_grafana import flights, gather
from tests.support import DETECTIONS, PARIS, World, at, cells_of, truth

MONTH = ("2026-05-04T00:00:00Z", "2026-06-01T00:00:00Z")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits as short as the tests can be: what is waited for does not come."""
    monkeypatch.setattr(gather, "PATIENCE_S", 0.3)
    monkeypatch.setattr(flights, "FAILURE_REST_S", 0.0)


def ask(world: World, start: str, end: str, **words: str) -> Any:
    query = {"space": PARIS, "from": start, "to": end, **words}
    return world.http.get("/api/v1/heatmap", query_string=query)


def notices(frame: dict[str, Any], severity: str) -> list[str]:
    return [n["text"] for n in frame["meta"]["notices"] if n["severity"] == severity]


def test_bursts_of_errors_are_ridden_out(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.simulator.faults.set(status=503, rate=0.3, retry_after="0.01", paths=(DETECTIONS,))
    [frame] = ask(world, *MONTH).get_json()
    assert frame["meta"]["custom"]["complete"] is True
    assert cells_of(frame) == truth(PARIS, at(MONTH[0]), at(MONTH[1]), 0.5)


def test_nothing_known_and_butlr_gone_is_its_fault_in_words(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.http.get("/readyz")
    world.simulator.faults.set(status=400, paths=(DETECTIONS,))
    answer = ask(world, *MONTH)
    assert answer.status_code == 502
    assert answer.get_json()["error"]["source"] == "upstream"
    world.simulator.faults.clear()
    assert ask(world, *MONTH).get_json()[0]["meta"]["custom"]["complete"] is True


def test_butlr_too_slow_is_a_504_and_whole_at_the_next_look(make_world: Callable[..., World]) -> None:
    world = make_world(deadline_s=0.5)
    world.http.get("/readyz")
    world.simulator.faults.set(latency_s=1.5, paths=(DETECTIONS,))
    assert ask(world, *MONTH).status_code == 504
    # What was asked for goes on: nothing is asked twice.
    for _ in range(20):
        answer = ask(world, *MONTH)
        if answer.status_code == 200 and answer.get_json()[0]["meta"]["custom"]["complete"]:
            break
    assert cells_of(answer.get_json()[0]) == truth(PARIS, at(MONTH[0]), at(MONTH[1]), 0.5)
    assert world.calls == 4


def test_an_outage_of_an_hour_shows_what_is_known_with_its_age(make_world: Callable[..., World]) -> None:
    world = make_world()
    start = "2026-06-16T00:00:00Z"
    before = ask(world, start, "2026-06-18T00:00:00Z").get_json()[0]
    known_until = at(before["meta"]["custom"]["to"])
    world.simulator.faults.set(status=400, paths=(DETECTIONS,))
    world.now_s += 3600
    [frame] = ask(world, start, "2026-06-18T00:00:00Z").get_json()
    custom = frame["meta"]["custom"]
    assert custom["complete"] is False
    assert custom["segments"]["stale"] >= 1
    assert at(custom["as_of"]) <= known_until + 60
    assert cells_of(frame) == truth(PARIS, at(start), known_until, 0.5)
    [warning] = notices(frame, "warning")
    assert "Partial answer" in warning
    assert ask(world, start, "2026-06-18T00:00:00Z", require="complete").status_code == 503
    world.simulator.faults.clear()
    [frame] = ask(world, start, "2026-06-18T00:00:00Z").get_json()
    assert frame["meta"]["custom"]["complete"] is True
    assert cells_of(frame) == truth(PARIS, at(start), at(frame["meta"]["custom"]["to"]), 0.5)


def test_require_complete_is_an_error_that_says_what_is_missing(make_world: Callable[..., World]) -> None:
    world = make_world(butlr_max_concurrency=1)
    world.http.get("/readyz")
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    answer = ask(world, *MONTH, require="complete")
    assert answer.status_code == 503
    body = answer.get_json()
    assert body["error"]["code"] == "incomplete"
    assert "2026-05-25T00:00:00Z/2026-06-01T00:00:00Z" in body["message"]


@pytest.mark.parametrize(
    "lie",
    [
        b"<html>maintenance</html>",
        b'{"data": []}',
        b'{"array_cells": [[0.25, 0.25, -1]], "metadata": {}}',
        b'{"array_cells": [[0.25, 0.25, 1]], "metadata": {"resolution": 1.0}}',
        b'{"array_cells": [[0.25, 0.25, 1]',
    ],
)
def test_a_lie_is_shown_as_missing_and_never_kept(
    make_world: Callable[..., World], tmp_path: Path, lie: bytes
) -> None:
    world = make_world(cache_dir=str(tmp_path))
    world.http.get("/readyz")
    world.simulator.faults.set(body=lie, paths=(DETECTIONS,))
    assert ask(world, *MONTH).status_code == 502
    world.simulator.faults.clear()
    world.restart()
    [frame] = ask(world, *MONTH).get_json()
    assert cells_of(frame) == truth(PARIS, at(MONTH[0]), at(MONTH[1]), 0.5)
    assert frame["meta"]["custom"]["segments"]["fetched"] == 4


def test_late_detections_are_seen_once_they_have_settled(make_world: Callable[..., World]) -> None:
    """What arrives up to half an hour late is missing now, and there when its hour has settled."""
    world = make_world()
    world.simulator.faults.lag_s = 1800
    start = "2026-06-17T06:00:00Z"
    ask(world, start, "2026-06-17T12:30:00Z")
    world.now_s += 2 * 3600
    [frame] = ask(world, start, "2026-06-17T12:30:00Z").get_json()
    assert cells_of(frame) == truth(PARIS, at(start), at("2026-06-17T12:30"), 0.5)


def test_a_killed_warm_goes_on_from_what_was_kept(tmp_path: Path) -> None:
    words = ["warm", "--space", PARIS, "--from", "2025-06-02", "--to", "2026-06-01"]
    command = [sys.executable, "-m", "butlr_grafana.cli", *words]
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUTLR_", "BACKEND_"))}
    settings = {**clean, "BACKEND_CACHE_DIR": str(tmp_path), "BUTLR_MAX_CONCURRENCY": "1"}
    with subprocess.Popen(
        command, env=settings, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as first:
        assert first.stderr is not None
        assert "%" in first.stderr.readline()
        first.send_signal(signal.SIGKILL)
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=True)
    total, fetched, there = (int(word) for word in done.stdout.replace(",", "").split() if word.isdecimal())
    assert total == fetched + there == 52
    assert there >= 2
