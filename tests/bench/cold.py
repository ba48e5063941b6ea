"""Requests for data that are in no cache."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.bench import year
from tests.bench.processes import backend, upstream
from tests.bench.row import Row, milliseconds
from tests.redis_server import RedisServer

AT_A_TIME = 14
MOST_PIECES = 60
MOST_OF_THE_SECOND = 2
"""The most calls of the second of two replicas for data that the first has fetched."""

SLOW_S = 2.0
LATE = 1.15
"""The duration may be so many times the duration of the waves of calls of `SLOW_S`."""

CROWD = 200


def cold_year() -> list[Row]:
    """A year at 2 s a call. The sequential loop runs at the same time, because it only waits."""
    with (
        upstream(SLOW_S) as butlr,
        upstream(SLOW_S) as other,
        backend(butlr, BUTLR_MAX_CONCURRENCY=str(AT_A_TIME), BACKEND_DEADLINE_S="120") as url,
        ThreadPoolExecutor(1) as beside,
    ):
        year.ready(url)
        loop = beside.submit(milliseconds, lambda: year.sequentially(other))
        found = []
        ours_ms = milliseconds(lambda: found.append(year.fetch_year(url)))
        pieces = year.calls(butlr)[year.DETECTIONS]
        assert year.is_exact(found[0], pieces)
        waves = year.waves(pieces, AT_A_TIME)
        name = f"cold year at {SLOW_S:g} s a call, {AT_A_TIME} at a time"
        return [
            Row(name, ours_ms, "sequential loop", loop.result(), 8.0),
            Row(name, ours_ms, f"{LATE:g} x {waves} waves", LATE * waves * SLOW_S * 1000, 1.0),
            Row(f"{name}: pieces", pieces, "at most", MOST_PIECES, 1.0, unit="calls"),
        ]


def stampede() -> list[Row]:
    """Many viewers that request the same at the same time, compared with one viewer."""
    counted = []
    for viewers in (1, CROWD):
        with upstream(0.2) as butlr, backend(butlr) as url:
            for response in year.at_once(url, viewers):
                assert year.is_exact(response, year.calls(butlr)[year.DETECTIONS])
            counted.append(year.calls(butlr))
    one, crowd = counted
    name = f"{CROWD} identical cold years at once"
    return [
        Row(f"{name}: {what}", crowd[path], "one viewer", one[path], 1.0, unit="calls")
        for what, path in (("heat maps", year.DETECTIONS), ("tokens", year.LOGIN))
    ]


def replicas() -> list[Row]:
    """A year that one replica has fetched, requested from another one; and requested from both at the same
    time.
    """
    if shutil.which("redis-server") is None:
        print("replicas: NOT MEASURED, redis-server is not installed (Debian: apt-get install redis-server)")
        return []
    called = {}
    for name, fetch_year in (("then", one_after_the_other), ("at once", together)):
        with upstream(0.2) as butlr, redis() as cache:
            with (
                backend(butlr, BACKEND_CACHE_URL=cache) as first,
                backend(butlr, BACKEND_CACHE_URL=cache) as second,
            ):
                for url in (first, second):
                    year.ready(url)
                called[name] = fetch_year(butlr, first, second)
            assert year.calls(butlr)[year.LOGIN] == 1
    alone, after = called["then"]
    both, _ = called["at once"]
    return [
        Row("cold year of a second replica", after, "at most", MOST_OF_THE_SECOND, 1.0, unit="calls"),
        Row("cold year of two replicas at once", both, "of one", alone, 1.0, unit="calls"),
    ]


def one_after_the_other(butlr: str, first: str, second: str) -> tuple[int, int]:
    """The calls of the first replica, and those of the second one after it."""
    counted = []
    for url in (first, second):
        response = year.fetch_year(url)
        counted.append(year.calls(butlr)[year.DETECTIONS])
        assert year.is_exact(response, counted[0])
    return counted[0], counted[1] - counted[0]


def together(butlr: str, first: str, second: str) -> tuple[int, int]:
    """The calls of both replicas together."""
    with ThreadPoolExecutor(2) as viewers:
        responses = list(viewers.map(year.fetch_year, (first, second)))
    called = year.calls(butlr)[year.DETECTIONS]
    assert all(year.is_exact(response, called) for response in responses)
    return called, 0


@contextmanager
def redis() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        server = RedisServer(Path(folder))
        try:
            yield server.url
        finally:
            server.close()
