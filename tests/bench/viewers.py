"""Many viewers of one page for some minutes, compared with one viewer."""

from __future__ import annotations

from tests.bench.row import Row
from tests.soak.__main__ import MOST_GROWTH, MOST_MIB, soak

VIEWERS = 600
MINUTES = 10
A_MINUTE_MORE = 0.9
"""Calls are counted up to a minute apart, so many viewers may have one more call than one viewer."""


def many_viewers() -> list[Row]:
    """Ten panels of the Floor page, every 30 seconds."""
    found = soak(VIEWERS, MINUTES, faults=False)
    one = found["one_viewer"]
    assert not found["errors"] + one["errors"], (found["first_errors"], one["first_errors"])
    name = f"{VIEWERS} viewers of ten panels, {MINUTES} minutes"
    summary = f"{found['requests']:,} requests, 0 errors, p99 {found['p99_ms']:.0f} ms"
    after = f"{1 + MOST_GROWTH:g} x after a minute"
    calls = f"one viewer: {one['requests']} requests"
    return [
        Row(f"{name}: memory at most", found["most_mib"], "at most", MOST_MIB, 1.0, unit="MiB", note=summary),
        Row(
            f"{name}: memory at the end",
            found["end_mib"],
            after,
            (1 + MOST_GROWTH) * found["warm_mib"],
            1.0,
            unit="MiB",
        ),
        Row(
            f"{name}: calls",
            found["butlr_calls"],
            "one viewer",
            one["butlr_calls"],
            A_MINUTE_MORE,
            unit="calls",
            note=calls,
        ),
    ]
