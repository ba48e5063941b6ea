"""What has been asked before, under load."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import requests

from tests.bench import year
from tests.bench.cold import AT_A_TIME, SLOW_S
from tests.bench.load import Plan, Result, in_a_process
from tests.bench.processes import backend, bare, upstream
from tests.bench.row import Row, median_ms

CONNECTIONS = 8
RATE = 200.0
EXPECTED_P99_MS = 50.0
SHARE_OF_FLASK, SHARE_OF_WSGI = 0.9, 0.7
"""Of the rate of a Flask app, and of a WSGI function, that answer the same bytes on the same server."""
ROUNDS = 4
TOKENS = "bench-token-one,bench-token-two"
COLD_SHARE = 2.0
"""How many times its p99 a warm panel may take while a cold year is under way."""


def one_at_a_time(space: str, name: str) -> Row:
    """Through the same server and loopback on both sides, one kept connection each."""
    with upstream(0) as butlr, backend(butlr) as url:
        body = year.fetch_year(url, space).content
        session, params = requests.Session(), year.path(space)
        ours_ms = median_ms(lambda: session.get(url + params, timeout=60).content, 40)
        with bare_with("flask", body) as plan_of_bare:
            beside_ms = median_ms(lambda: session.get(plan_of_bare, timeout=60).content, 40)
    return Row(f"warm year, {name} ({len(body) // 1024} KB)", ours_ms, "bare Flask, same bytes", beside_ms)


def as_fast_as_can(seconds: float = 3.0) -> list[Row]:
    """Requests a second with tokens and request lines on, beside a bare Flask app and a bare WSGI function on
    the same server that answer the same bytes. In turns, so that all see the same machine.
    """
    plan_of_panel = Plan((year.path("small"),), CONNECTIONS, seconds, token=TOKENS.rpartition(",")[2])
    plan_of_bare = Plan(("/",), CONNECTIONS, seconds)
    settings = {"BACKEND_TOKEN": TOKENS, "BACKEND_LOG_LEVEL": "info"}
    with (
        tempfile.TemporaryFile() as lines,
        upstream(0) as butlr,
        backend(butlr, lines, **settings) as url,
    ):
        for _ in range(2):
            body = compressed_body(url, plan_of_panel.token)
        with bare_with("flask", body) as flask, bare_with("wsgi", body) as wsgi:
            plans = {url: plan_of_panel, flask: plan_of_bare, wsgi: plan_of_bare}
            rounds = [{to: in_a_process(to, plan) for to, plan in plans.items()} for _ in range(ROUNDS)]
    assert not any(result.errors for each in rounds for result in each.values()), rounds
    ours, by_flask, by_wsgi = (median(each[to].per_second for each in rounds) for to in (url, flask, wsgi))
    name = f"warm panels with tokens and request lines, {CONNECTIONS} connections"
    return [
        Row(name, ours, beside, rate, share, unit="/s", more_is_better=True)
        for beside, rate, share in (
            ("bare Flask app, same bytes", by_flask, SHARE_OF_FLASK),
            ("bare WSGI function, same bytes", by_wsgi, SHARE_OF_WSGI),
        )
    ]


def at_a_rate(seconds: float = 60.0) -> list[Row]:
    """40 x 60 cells, 200 requests a second for a minute; then again while cold years are fetched, one after
    the other, each call as slow as in `cold`.
    """
    plan = Plan((year.path("small"),), 4 * CONNECTIONS, seconds, RATE)
    limits = {"BUTLR_MAX_CONCURRENCY": str(AT_A_TIME), "BACKEND_DEADLINE_S": "120"}
    with upstream(SLOW_S) as butlr, backend(butlr, **limits) as url:
        for _ in range(2):
            year.fetch_year(url)
        alone = in_a_process(url, plan)
        beside = {space: while_cold(url, plan, space) for space in ("small", "large")}
    assert not alone.errors + sum(result.errors for result, _ in beside.values()), (alone, beside)
    name = f"warm panel, {RATE:g} a second for {seconds:g} s"
    limit_ms = COLD_SHARE * alone.p99_ms
    return [
        Row(f"{name}: p99", alone.p99_ms, "expected", EXPECTED_P99_MS, 1.0, note=summary(alone)),
        *(
            Row(
                f"{name}, beside cold years of {space} floors: p99",
                result.p99_ms,
                f"{COLD_SHARE:g} x alone",
                limit_ms,
                # The largest floor that is ever drawn is shown, and promised nothing.
                1.0 if space == "small" else None,
                note=f"{summary(result)}; {years} years",
            )
            for space, (result, years) in beside.items()
        ),
    ]


def while_cold(url: str, plan: Plan, space: str) -> tuple[Result, int]:
    """The plan's result while years that nobody has asked for are fetched, one after the other; how many."""
    with ThreadPoolExecutor(1) as beside:
        running, years = beside.submit(in_a_process, url, plan), 0
        while not running.done():
            # Hours are segments of their own: no part of these Mondays is kept from before.
            year.fetch_year(url, space, hours=f"{years // 60:02}:{years % 60:02}-23:00", days="mon")
            years += 1
        return running.result(), years


def summary(result: Result) -> str:
    return f"{result.requests:,} requests, {result.errors} errors, half within {result.p50_ms:.1f} ms"


def compressed_body(url: str, token: str) -> bytes:
    """The answer's bytes as they are sent to who takes gzip."""
    bearer = {"Authorization": f"Bearer {token}"}
    response = requests.get(url + year.path("small"), headers=bearer, timeout=60, stream=True)
    response.raise_for_status()
    return bytes(response.raw.read(decode_content=False))


@contextmanager
def bare_with(kind: str, body: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "body"
        path.write_bytes(body)
        with bare(kind, str(path)) as url:
            yield url
