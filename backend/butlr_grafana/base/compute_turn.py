"""Runs long computations of one kind one at a time, so that a short one waits for one thread at most."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ComputeTurn:
    """A lock with a time limit. Thread-safe.

    Python computes in one thread at a time. Beside ten threads that compute, a short response takes ten times
    as long as beside one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, timeout_s: float) -> Iterator[None]:
        """Waits for the turn, at most `timeout_s` seconds, and then runs anyway. The code inside must not
        wait for anything.
        """
        is_taken = self._lock.acquire(timeout=max(0.0, timeout_s))
        try:
            yield
        finally:
            if is_taken:
                self._lock.release()
