"""Full garbage collections: rarely, and at a time that we choose.

A full collection looks at every object of the process, and all threads wait for it: 0.1 s if the caches of
200 floors are in memory. Python starts one if there are a quarter more objects than before, so up to once a
second while alert rules are evaluated. Objects that do not refer to each other in a circle are freed without
it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable

EVERY_S = 600.0
"""The time from one full collection to the next, in seconds."""

YOUNG, MIDDLE = 10_000, 20
"""A collection of the young objects for each so many new objects, and one of the middle-aged ones for each so
many of these. They take some milliseconds.
"""

NEVER = 1_000_000_000
"""So many collections of the middle-aged objects do not happen."""


class FullCollections:
    """Replaces Python's own full collections, from `begin` to `end`. Used by one thread.

    `clock`: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float], *, every_s: float = EVERY_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._last_s = clock()
        self._before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        """Collects once. What is left are modules and settings: no later collection looks at them."""
        self._before = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG, MIDDLE, NEVER)
        self._last_s = self._clock()

    def collect_if_due(self) -> None:
        """Makes a full collection if the last one is `every_s` seconds ago."""
        now_s = self._clock()
        if now_s - self._last_s >= self._every_s:
            gc.collect()
            self._last_s = now_s

    def end(self) -> None:
        """Lets Python decide again, as before `begin`."""
        if self._before is not None:
            gc.set_threshold(*self._before)
            gc.unfreeze()
            self._before = None
