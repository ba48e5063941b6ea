"""The clock for ages of data. Unlike the wall clock, it never steps."""

from __future__ import annotations

import time

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""The first also counts the time in which the machine sleeps, where the system has it."""


def stopwatch() -> float:
    """Seconds since whenever, of this machine only."""
    return time.clock_gettime(_CLOCK)
