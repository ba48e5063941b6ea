"""The year that the benchmark requests, for the floors of `upstream`."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import requests

from tests.bench.upstream import FLOORS

START, END = "2025-01-01T05:17:00Z", "2026-01-01T05:17:00Z"
DETECTIONS, LOGIN = "/v3/detections", "/api/v2/clients/login"


def path(space: str, **words: str) -> str:
    """The path of the backend with its query string."""
    params = {"space": space, "from": START, "to": END, "resolution": str(FLOORS[space][2]), **words}
    return f"/api/v1/heatmap?{urlencode(params)}"


def fetch_year(url: str, space: str = "small", **params: str) -> requests.Response:
    response = requests.get(url + path(space, **params), timeout=120)
    response.raise_for_status()
    return response


def is_exact(response: requests.Response, pieces: int, space: str = "small") -> bool:
    """Whether the result is correct: `upstream` has one detection in each cell of each piece."""
    nx, ny, _ = FLOORS[space]
    [frame] = response.json()
    return bool(frame["meta"]["custom"]["complete"]) and frame["fields"][2]["values"] == [pieces] * (nx * ny)


def ready(url: str) -> None:
    """Makes sure that the backend knows the floors and has a token."""
    requests.get(f"{url}/readyz", timeout=20).raise_for_status()


def calls(butlr_url: str) -> dict[str, int]:
    found: dict[str, int] = requests.get(f"{butlr_url}/calls", timeout=20).json()
    return found


def waves(pieces: int, at_a_time: int) -> int:
    return math.ceil(pieces / at_a_time)


def sequentially(butlr_url: str) -> dict[tuple[float, float], float]:
    """The documentation's recipe: one week after the other, added in a dictionary."""
    session = requests.Session()
    total: dict[tuple[float, float], float] = {}
    start, end = (datetime.fromisoformat(t).astimezone(UTC) for t in (START, END))
    while start < end:
        stop = min(start + timedelta(days=7), end)
        body = {"filter": {"space_id": "small", "start": start.isoformat(), "stop": stop.isoformat()}}
        response: Any = session.post(f"{butlr_url}{DETECTIONS}", json=body, timeout=60).json()
        for x, y, n in response["data"][0]["heatmap_v2"]["array_cells"]:
            total[x, y] = total.get((x, y), 0) + n
        start = stop
    return total


def at_once(url: str, number: int) -> list[requests.Response]:
    """The same request, so many times at the same time."""
    with ThreadPoolExecutor(number) as viewers:
        return list(viewers.map(lambda _: fetch_year(url), range(number)))
