"""What has been asked before, while all alert rules are evaluated for 200 floors of 20 rooms."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait

import requests

from tests.alerting.grafana import request, rules, step
from tests.bench.load import Plan, Result, in_a_process
from tests.bench.processes import backend, process
from tests.bench.row import Row
from tests.bench.tenants import QUERIES

FLOORS, ROOMS = 200, 20
CONNECTIONS, RATE = 8, 100.0
SECONDS = 60.0
EACH_S = 20.0
"""Between the end of one evaluation of all rules and the next: more often than Grafana."""

MOST = 2.0
"""How many times its quiet p99 a warm panel may take."""

MOST_ROUNDS = 20
"""Until each rule has the weeks of history that it compares with."""

WEEK_S = 7 * 86_400


def beside_rules(floors: int = FLOORS) -> list[Row]:
    with (
        process("-m", "tests.bench.tenant_server", str(floors), str(ROOMS)) as butlr,
        backend(butlr, BUTLR_MAX_CONCURRENCY="16", BACKEND_CACHE_MB="512") as url,
    ):
        answered, rounds = 0, 0
        while answered < len(rules()) and rounds < MOST_ROUNDS:
            answered, rounds = evaluate(url), rounds + 1
        assert answered == len(rules()), f"{answered} rules have an answer after {rounds} rounds"
        plan = Plan((panel(),), CONNECTIONS, SECONDS, RATE)
        for _ in range(2):
            requests.get(url + panel(), timeout=60).raise_for_status()
        quiet = in_a_process(url, plan)
        with ThreadPoolExecutor(1) as others:
            running = others.submit(in_a_process, url, plan)
            answers, evaluated = 0, 0
            while not running.done():
                answers, evaluated = answers + evaluate(url), evaluated + len(rules())
                wait([running], timeout=EACH_S)
            busy = running.result()
    assert not quiet.errors + busy.errors, (quiet, busy)
    return [
        Row(
            f"warm panel, {RATE:g} a second, beside all rules of {floors} floors: p99",
            busy.p99_ms,
            f"{MOST:g} x alone",
            MOST * quiet.p99_ms,
            1.0,
            note=f"alone {told(quiet)}; beside {evaluated} evaluations {told(busy)}",
        ),
        Row(
            f"all rules of {floors} floors beside warm panels: answered",
            answers,
            "evaluated",
            evaluated,
            1.0,
            unit="",
            more_is_better=True,
        ),
    ]


def panel() -> str:
    """A week of a floor, up to an hour ago."""
    end_s = int(time.time()) // 3600 * 3600 - 3600
    return f"/api/v1/heatmap?space=space_000&from={(end_s - WEEK_S) * 1000}&to={end_s * 1000}"


def evaluate(url: str) -> int:
    """All rules, their queries together; how many have all their answers."""
    now_s = time.time()

    def one(rule: dict[str, object]) -> bool:
        paths = dict.fromkeys(request(step(dict(rule), ref), now_s) for ref in QUERIES)
        return all(requests.get(url + path, timeout=60).status_code == 200 for path in paths)

    with ThreadPoolExecutor(len(rules())) as pool:
        return sum(pool.map(one, rules().values()))


def told(result: Result) -> str:
    return f"half within {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms"


def main(words: Sequence[str]) -> int:
    held = True
    for row in beside_rules(*map(int, words)):
        print(f"{row.name:<80} {row.ours:>8,.1f} {row.reference:>8,.1f} {row.unit:<2} {row.note}", flush=True)
        held &= row.is_met
    return int(not held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
