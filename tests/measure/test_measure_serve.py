"""`serve` as a process: it measures by itself, and a restart asks nothing again of what has settled."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import requests

from butlr_grafana.app import open_verdicts
from butlr_grafana.settings import read
from butlr_grafana.simulator import Simulator
from tests.processes import running
from tests.support import DETECTIONS, HANG_S, PARIS, PEOPLE, World, at, until

START, END = "2026-01-05T00:00:00Z", "2026-02-02T00:00:00Z"
WEEKS = 4
"""From a Monday to a Monday, long past whenever this runs: so many calls, and all of it is settled."""


def panel(url: str) -> dict[str, Any]:
    """The account of a heat map of these weeks: `meta` of its frame."""
    requested = {"space": PARIS, "from": START, "to": END, "resolution": "1.0", "require": "complete"}
    result = requests.get(f"{url}/api/v1/heatmap", params=requested, timeout=HANG_S)
    assert result.status_code == 200, result.text
    meta: dict[str, Any] = result.json()[0]["meta"]
    return meta


def is_assumed(meta: dict[str, Any]) -> bool:
    return any("assumed as documented" in notice["text"] for notice in meta["notices"])


def paid(butlr: Simulator) -> int:
    """How many calls have asked for a part of these weeks. What is measured lies in the last days."""
    limits = [call.body["filter"] for call in butlr.calls if call.path == DETECTIONS]
    return sum(at(limit["start"]) < at(END) and at(limit["stop"]) > at(START) for limit in limits)


def test_an_account_that_nobody_has_measured_is_measured_and_a_restart_asks_nothing_again(
    tmp_path: Path,
) -> None:
    with Simulator(PEOPLE) as butlr:
        settings = {
            "BUTLR_API_URL": butlr.url,
            "BUTLR_CLIENT_ID": "demo",
            "BUTLR_CLIENT_SECRET": "demo",
            "BUTLR_RATE_LIMIT": "60000",  # so that measuring does not pause between its calls
            "BACKEND_CACHE_DIR": str(tmp_path),
        }
        verdict_store = open_verdicts(read(settings), demo=False, redis=None)
        with running("serve", **settings) as (_, url):
            until(lambda: not verdict_store.newest().unmeasured)
            assert not is_assumed(panel(url))
        assert paid(butlr) == WEEKS

        with running("serve", **settings) as (_, url):
            meta = panel(url)
        assert paid(butlr) == WEEKS
        assert meta["custom"]["segments"] == {
            "planned": WEEKS,
            "fetched": 0,
            "cached": WEEKS,
            "missing": 0,
            "stale": 0,
        }
        assert not is_assumed(meta)


def test_all_that_nobody_asks_for_begins_with_serve_and_ends_with_it(world: World) -> None:
    def works() -> set[str]:
        return {thread.name for thread in threading.enumerate()} & {"measuring", "factors"}

    assert works() == set()
    world.application.work_in_background()
    assert works() == {"measuring", "factors"}
    world.application.close()
    until(lambda: not works())
