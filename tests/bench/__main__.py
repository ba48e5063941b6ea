"""`make bench`: ours beside the plainest other way, in one run. Ratios decide, milliseconds are printed."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from tests.bench.page import look, queries
from tests.bench.processes import backend, bare, simulator, upstream
from tests.bench.upstream import FLOORS

LATENCY_S = 0.2
START, END = "2025-01-01T05:17:00Z", "2026-01-01T05:17:00Z"


@dataclass(frozen=True)
class Row:
    """One comparison. `wanted`: what the ratio of `beside_ms` to `ours_ms` has to be at least."""

    name: str
    ours_ms: float
    beside: str
    beside_ms: float
    wanted: float | None = None

    @property
    def ratio(self) -> float:
        return self.beside_ms / self.ours_ms

    @property
    def held(self) -> bool:
        return self.wanted is None or self.ratio >= self.wanted


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def median_ms(work: Callable[[], object], times: int) -> float:
    work()
    return statistics.median(milliseconds(work) for _ in range(times))


def sequential_year(butlr_url: str) -> dict[tuple[float, float], float]:
    """The documentation's recipe as one would write it: a week at a time, added in a dictionary."""
    session = requests.Session()
    total: dict[tuple[float, float], float] = {}
    start, end = (datetime.fromisoformat(t).astimezone(UTC) for t in (START, END))
    while start < end:
        stop = min(start + timedelta(days=7), end)
        body = {"filter": {"space_id": "small", "start": start.isoformat(), "stop": stop.isoformat()}}
        answer: Any = session.post(f"{butlr_url}/v3/detections", json=body, timeout=60).json()
        for x, y, n in answer["data"][0]["heatmap_v2"]["array_cells"]:
            total[x, y] = total.get((x, y), 0) + n
        start = stop
    return total


def words(space: str) -> dict[str, str]:
    return {"space": space, "from": START, "to": END, "resolution": str(FLOORS[space][2])}


def heat_map(url: str, space: str) -> requests.Response:
    answer = requests.get(
        f"{url}/api/v1/heatmap",
        params=words(space),
        timeout=60,
    )
    answer.raise_for_status()
    return answer


def cold_year() -> Row:
    with upstream(LATENCY_S) as butlr, backend(butlr, BUTLR_MAX_CONCURRENCY="14") as url:
        requests.get(f"{url}/readyz", timeout=20).raise_for_status()
        ours_ms = milliseconds(lambda: heat_map(url, "small"))
        beside_ms = milliseconds(lambda: sequential_year(butlr))
    return Row(f"cold year, {LATENCY_S:g} s a call, 14 at a time", ours_ms, "sequential loop", beside_ms, 8.0)


def warm(space: str, name: str) -> Row:
    """Through gunicorn and loopback on both sides, one kept connection each."""
    with upstream(0) as butlr, backend(butlr) as url, tempfile.TemporaryDirectory() as folder:
        body = heat_map(url, space).content
        path = Path(folder) / "body"
        path.write_bytes(body)
        session = requests.Session()
        words = {"space": space, "from": START, "to": END, "columns": "400"}
        ours_ms = median_ms(
            lambda: session.get(f"{url}/api/v1/heatmap", params=words, timeout=60).content, 40
        )
        with bare(str(path)) as plain:
            beside_ms = median_ms(lambda: session.get(plain, timeout=60).content, 40)
    return Row(f"warm year, {name} ({len(body) // 1024} KB)", ours_ms, "bare Flask, same bytes", beside_ms)


def floor_page() -> list[Row]:
    """Ten queries over 30 days against the simulator: new to everything, and again."""
    with simulator(LATENCY_S) as butlr:
        asked = queries(days=30)
        with backend(butlr) as url:
            look(url, asked)  # The simulator draws its people once.
        with backend(butlr) as url:
            requests.get(f"{url}/readyz", timeout=20).raise_for_status()
            cold_ms = milliseconds(lambda: look(url, asked))
            warm_ms = median_ms(lambda: look(url, asked), 5)
    name = f"floor page, {len(asked)} queries, 30 days"
    return [
        Row(f"{name}, cold at {LATENCY_S:g} s a call", cold_ms, "at most", 10_000, 1.0),
        Row(f"{name}, warm", warm_ms, "at most", 1_000, 1.0),
    ]


def main() -> int:
    rows = [*floor_page(), cold_year(), warm("small", "40 x 60 cells"), warm("large", "160,000 cells")]
    head = f"{'case':<54} {'ours ms':>9} {'beside ms':>10}  {'ratio':>7} {'wanted':>7}  beside"
    print(head, "-" * len(head), sep="\n")
    for row in rows:
        wanted = f"{row.wanted:.1f}" if row.wanted else ""
        mark = "" if row.held else "  NOT HELD"
        print(
            f"{row.name:<54} {row.ours_ms:>9.1f} {row.beside_ms:>10.1f}  {row.ratio:>6.2f}x {wanted:>7}  "
            f"{row.beside}{mark}"
        )
    report = [asdict(r) | {"ratio": r.ratio, "held": r.held} for r in rows]
    Path("bench.json").write_text(json.dumps(report, indent=1) + "\n")
    return int(not all(row.held for row in rows))


if __name__ == "__main__":
    sys.exit(main())
