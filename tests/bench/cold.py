"""What nobody has asked before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.bench import year
from tests.bench.processes import backend, upstream
from tests.bench.row import Row, milliseconds

AT_A_TIME = 14
MOST_PIECES = 60
SLOW_S = 2.0
LATE = 1.15
"""Times the waves that calls of `SLOW_S` need at least."""

CROWD = 200


def cold_year() -> list[Row]:
    """A year at 2 s a call; the sequential loop runs beside it, for it only waits."""
    with (
        upstream(SLOW_S) as butlr,
        upstream(SLOW_S) as other,
        backend(butlr, BUTLR_MAX_CONCURRENCY=str(AT_A_TIME), BACKEND_DEADLINE_S="120") as url,
        ThreadPoolExecutor(1) as beside,
    ):
        year.ready(url)
        loop = beside.submit(milliseconds, lambda: year.sequentially(other))
        found = []
        ours_ms = milliseconds(lambda: found.append(year.ask(url)))
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
    """A crowd that asks the same at once, beside one who asks it."""
    counted = []
    for viewers in (1, CROWD):
        with upstream(0.2) as butlr, backend(butlr) as url:
            for answer in year.at_once(url, viewers):
                assert year.is_exact(answer, year.calls(butlr)[year.DETECTIONS])
            counted.append(year.calls(butlr))
    one, crowd = counted
    name = f"{CROWD} identical cold years at once"
    return [
        Row(f"{name}: {what}", crowd[path], "one viewer", one[path], 1.0, unit="calls")
        for what, path in (("heat maps", year.DETECTIONS), ("tokens", year.LOGIN))
    ]
