"""The clock for ages of data. It never steps, unlike the wall clock."""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""`CLOCK_BOOTTIME` also counts the time in which the machine sleeps, on systems that have it."""


def stopwatch() -> float:
    """Seconds since an arbitrary time. Values of different machines cannot be compared."""
    return time.clock_gettime(_CLOCK)
