"""A dashboard as a browser loads it: all its queries from its JSON, six at a time."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests

from tests.bench.processes import backend, simulator
from tests.bench.row import Row, median_ms, milliseconds
from tests.bench.year import ready
from tests.dashboards.grafana import infinity_request
from tests.dashboards.test_queries import start_values
from tests.support import PARIS

PAGE = Path(__file__).resolve().parents[2] / "grafana-dashboards" / "butlr-floor.json"
DAY_S = 86_400
LATENCY_S = 0.2
AT_A_TIME = 6
"""Requests of one browser to one host."""


def queries(days: int) -> list[str]:
    """Paths with query strings of the Floor page for the last `days` days, including the floor plan."""
    dashboard: dict[str, Any] = json.loads(PAGE.read_text("utf-8"))
    now_s = int(time.time())
    period = {"__from": str((now_s - days * DAY_S) * 1000), "__to": str(now_s * 1000)}
    values = {**start_values(dashboard), **period}
    # A hidden query is for alert rules; no page sends it.
    panels = [t for panel in dashboard["panels"] for t in panel["targets"] if not t.get("hide")]
    return [infinity_request(target, values) for target in panels] + [f"/api/v1/floorplan?space={PARIS}"]


def load_page(url: str, paths: list[str]) -> None:
    """Requests all paths. Raises an error if a response is incomplete."""

    def one(path: str) -> None:
        response = requests.get(url + path, timeout=60)
        response.raise_for_status()
        frames = response.json()
        if isinstance(frames, list):
            assert all(frame["meta"]["custom"]["complete"] for frame in frames), path

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(one, paths))


def floor_page() -> list[Row]:
    """Ten queries over 30 days against the simulator: first with an empty cache, then again."""
    with simulator(LATENCY_S) as butlr:
        paths = queries(days=30)
        with backend(butlr) as url:
            load_page(url, paths)  # The simulator draws its people once.
        with backend(butlr) as url:
            ready(url)
            cold_ms = milliseconds(lambda: load_page(url, paths))
            warm_ms = median_ms(lambda: load_page(url, paths), 5)
    name = f"floor page, {len(paths)} queries, 30 days"
    return [
        Row(f"{name}, cold at {LATENCY_S:g} s a call", cold_ms, "at most", 10_000, 1.0),
        Row(f"{name}, warm", warm_ms, "at most", 1_000, 1.0),
    ]
