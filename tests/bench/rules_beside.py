"""What has been asked before, while all alert rules are evaluated for 200 floors of 20 rooms: by one backend,
and as docs/scaling.md advises, by a backend of their own behind the proxy.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.alerting.grafana import request, rules, step
from tests.bench.load import Plan, Result, in_a_process
from tests.bench.processes import backend, process
from tests.bench.row import Row
from tests.bench.tenants import QUERIES
from tests.deploy.names import Names
from tests.deploy.proxies import free_port, proxy, status
from tests.redis_server import RedisServer
from tests.support import until

FLOORS, ROOMS = 200, 20
SETTINGS = {"BUTLR_MAX_CONCURRENCY": "16", "BACKEND_CACHE_MB": "512"}
"""As docs/scaling.md advises for so many floors."""

VIEWERS_HOST, RULES_HOST = "127.0.0.1", "127.0.0.2"
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
    with process("-m", "tests.bench.tenant_server", str(floors), str(ROOMS)) as butlr:
        with backend(butlr, **SETTINGS) as url:
            one = measure(url)
        with two_backends(butlr) as url:
            two = measure(url)
    return [*rows(f"{floors} floors, one backend", one, None), *rows(f"{floors} floors", two, 1.0)]


@contextmanager
def two_backends(butlr: str) -> Iterator[str]:
    """As the compose profile `scale`: one for viewers, one for rules, HAProxy, and a shared cache."""
    port = free_port()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        shared = stack.enter_context(closing(RedisServer(folder)))
        for host in (VIEWERS_HOST, RULES_HOST):
            where = {"BACKEND_HOST": host, "BACKEND_PORT": str(port), "BACKEND_CACHE_URL": shared.url}
            stack.enter_context(backend(butlr, **SETTINGS, **where))
        names = stack.enter_context(closing(Names(VIEWERS_HOST, rules=RULES_HOST)))
        url = stack.enter_context(proxy("haproxy", folder, names, port))
        until(lambda: status(url) == 200)
        yield url


@dataclass(frozen=True)
class Measured:
    quiet: Result
    busy: Result
    answered: int
    evaluated: int


def measure(url: str) -> Measured:
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
    return Measured(quiet, busy, answers, evaluated)


def rows(of: str, measured: Measured, wanted: float | None) -> list[Row]:
    quiet, busy = measured.quiet, measured.busy
    return [
        Row(
            f"warm panel, {RATE:g} a second, beside all rules of {of}: p99",
            busy.p99_ms,
            f"{MOST:g} x alone",
            MOST * quiet.p99_ms,
            wanted,
            note=f"alone {told(quiet)}; beside {measured.evaluated} evaluations {told(busy)}",
        ),
        Row(
            f"all rules of {of} beside warm panels: answered",
            measured.answered,
            "evaluated",
            measured.evaluated,
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
