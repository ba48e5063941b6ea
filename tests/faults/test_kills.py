"""The backend itself is ended: killed in the middle of a year, asked to stop under load, out of disk."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from butlr_grafana.simulator import Simulator
from tests.held import held
from tests.processes import alive, children_of, measured, run, running, started
from tests.support import DETECTIONS, HANG_S, NEW_YORK, PEOPLE, at, cannot_run, cells_of, truth, until

NOW = "2026-06-17T16:34:56"
YEAR = {"from": "2025-06-02T00:00:00Z", "to": "2026-06-01T00:00:00Z"}
YEAR_SEGMENTS = 52
AT_A_TIME = 4


@pytest.fixture
def butlr() -> Iterator[Simulator]:
    with Simulator(PEOPLE, clock=lambda: float(at(NOW))) as simulator:
        simulator.token_lifetime_s = 1e9
        yield simulator


Served = tuple[subprocess.Popen[str], str]


def settings(butlr: Simulator, cache: Path, *, at_a_time: int) -> dict[str, str]:
    return measured(
        BUTLR_API_URL=butlr.url,
        BUTLR_CLIENT_ID="demo",
        BUTLR_CLIENT_SECRET="demo",
        BUTLR_MAX_CONCURRENCY=str(at_a_time),
        BACKEND_CACHE_DIR=str(cache),
    )


def serving(butlr: Simulator, cache: Path, *, at_a_time: int = AT_A_TIME) -> AbstractContextManager[Served]:
    return running("serve", **settings(butlr, cache, at_a_time=at_a_time))


def heat_map(url: str, **words: str) -> requests.Response:
    requested = {"space": NEW_YORK, "resolution": "1.0", **words}
    once = {"Connection": "close"}
    return requests.get(f"{url}/api/v1/heatmap", params=requested, headers=once, timeout=60)


def assert_whole(response: requests.Response, **params: str) -> None:
    assert response.status_code == 200, response.text
    [frame] = response.json()
    assert frame["meta"]["custom"]["complete"] is True
    assert cells_of(frame) == truth(NEW_YORK, at(params["from"]), at(params["to"]), 1.0)


def kill_all_of_it(process: subprocess.Popen[str]) -> None:
    """As a machine that loses power: nobody gets to tidy up."""
    family = children_of(process.pid)
    for pid in family:
        os.kill(pid, signal.SIGKILL)
    process.wait(HANG_S)
    until(lambda: not any(alive(pid) for pid in family))


def test_killed_in_the_middle_of_a_year_and_started_again(butlr: Simulator, tmp_path: Path) -> None:
    with (
        held(butlr, DETECTIONS, free=20),
        serving(butlr, tmp_path) as (process, url),
        ThreadPoolExecutor(1) as pool,
    ):
        asking = pool.submit(heat_map, url, **YEAR)
        until(lambda: butlr.count(DETECTIONS) >= 20)
        kill_all_of_it(process)
        assert isinstance(asking.exception(), requests.ConnectionError)
    until(lambda: butlr.in_flight == 0)  # those of the dead backend are answered to the end
    stored = parts_in(tmp_path)
    assert stored >= butlr.count(DETECTIONS) - AT_A_TIME
    butlr.clear_calls()
    with serving(butlr, tmp_path) as (_, url):
        assert_whole(heat_map(url, **YEAR), **YEAR)
    assert butlr.count(DETECTIONS) == YEAR_SEGMENTS - stored
    assert parts_in(tmp_path) == YEAR_SEGMENTS


def parts_in(cache: Path) -> int:
    """How many parts the file of a dead backend holds."""
    connection = sqlite3.connect(cache / "segments.sqlite")
    [number] = connection.execute("SELECT count(*) FROM part").fetchone()
    connection.close()
    return int(number)


LAST_WEEK = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-08T00:00:00Z"}
WEEKS = [
    {"from": f"2026-{week}T00:00:00Z", "to": f"2026-{following}T00:00:00Z"}
    for week, following in [
        ("03-02", "03-09"),
        ("03-09", "03-16"),
        ("03-16", "03-23"),
        ("03-23", "03-30"),
        ("03-30", "04-06"),
        ("04-06", "04-13"),
        ("04-13", "04-20"),
        ("04-20", "04-27"),
    ]
]


def test_asked_to_stop_under_load_it_answers_who_was_there(butlr: Simulator, tmp_path: Path) -> None:
    """Whole where Butlr answers soon, else with what is known, in words; never with a broken connection."""
    at_once = len(WEEKS)
    with (
        serving(butlr, tmp_path, at_a_time=at_once + 1) as (process, url),
        ThreadPoolExecutor(at_once + 1) as pool,
    ):
        assert requests.get(f"{url}/readyz", timeout=HANG_S).status_code == 200
        butlr.faults.set(latency_s=600.0, paths=(DETECTIONS,))
        in_vain = pool.submit(heat_map, url, **LAST_WEEK)
        until(lambda: butlr.in_flight == 1)
        butlr.faults.clear()
        with held(butlr, DETECTIONS):
            asking = [pool.submit(heat_map, url, **week) for week in WEEKS]
            until(lambda: butlr.count(DETECTIONS) + butlr.in_flight == at_once + 1)
            process.send_signal(signal.SIGTERM)
        for question, week in zip(asking, WEEKS, strict=True):
            assert_whole(question.result(), **week)
        response = in_vain.result()
        assert (response.status_code, response.json()["error"]["source"]) == (502, "upstream")
        assert response.json()["message"] == "the backend is shutting down"
        out, err = process.communicate(timeout=HANG_S)
        assert process.returncode == 0
        assert "Traceback" not in out + err
    assert parts_in(tmp_path) == len(WEEKS)


def test_a_disk_that_is_full_for_a_while(butlr: Simulator, tmp_path: Path) -> None:
    """The system itself refuses every byte beyond what the files hold, until there is room again."""
    if not hasattr(resource, "prlimit"):
        cannot_run("a full disk", "this system cannot limit another process's files")
    with serving(butlr, tmp_path) as (process, url):
        assert_whole(heat_map(url, **WEEKS[0]), **WEEKS[0])
        for pid in children_of(process.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        for week in WEEKS[:4]:
            assert_whole(heat_map(url, **week), **week)
        assert requests.get(f"{url}/readyz", timeout=HANG_S).status_code == 200
        stored = parts_in(tmp_path)
        for pid in children_of(process.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for week in WEEKS:
            assert_whole(heat_map(url, **week), **week)
    assert stored == 1
    assert parts_in(tmp_path) == 1 + len(WEEKS[4:])
    assert butlr.count(DETECTIONS) == len(WEEKS)


def test_a_killed_warm_goes_on_from_what_was_kept(butlr: Simulator, tmp_path: Path) -> None:
    params = ("warm", "--space", NEW_YORK, "--from", YEAR["from"], "--to", YEAR["to"])
    one_by_one = settings(butlr, tmp_path, at_a_time=1)
    with held(butlr, DETECTIONS, free=10), started(*params, **one_by_one) as process:
        until(lambda: butlr.count(DETECTIONS) >= 10)
        kill_all_of_it(process)
    stored = parts_in(tmp_path)
    assert 0 < stored < YEAR_SEGMENTS
    done = run(*params, **one_by_one)
    assert (
        f"{YEAR_SEGMENTS} segments, {YEAR_SEGMENTS - stored} fetched, {stored} already in the cache"
        in done.stdout
    )
    assert parts_in(tmp_path) == YEAR_SEGMENTS
