"""Long computations of one kind, one at a time: short ones beside them wait for one other thread at most."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class ComputeTurn:
    """Thread-safe. Python computes in one thread at a time, and those that compute take turns: beside ten of
    them a short response takes ten times as long as beside one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    @contextmanager
    def taken(self, timeout_s: float) -> Iterator[None]:
        """Waits for its turn; after `timeout_s` it goes on without. Nothing inside may wait for anything."""
        is_taken = self._lock.acquire(timeout=max(0.0, timeout_s))
        try:
            yield
        finally:
            if is_taken:
                self._lock.release()
