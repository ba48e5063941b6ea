"""One caller runs a function; all callers that want the same result meanwhile get its result.

Each waiting caller has its own deadline and may leave; the function continues. This module stores nothing:
the function itself stores what is needed later, before it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as Late
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SingleFlightEntry(Generic[V]):
    """One piece of work. Thread-safe. Whoever began it ends it, once: by `run`, or by `succeed` or `fail`."""

    def __init__(self, forget: Callable[[SingleFlightEntry[V]], None]) -> None:
        self._forget = forget
        self._outcome: Future[V] = Future()

    def run(self, work: Callable[[], V]) -> None:
        """Does the work, and tells all who wait what comes of it; raises nothing."""
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001  # raised to all who wait
            self.fail(error)
        else:
            self.succeed(value)

    def succeed(self, value: V) -> None:
        # First forgotten: who comes from here on begins anew, and finds what this one stored.
        self._forget(self)
        self._outcome.set_result(value)

    def fail(self, error: BaseException) -> None:
        self._forget(self)
        self._outcome.set_exception(error)

    def wait(self, timeout_s: float | None = None) -> bool:
        """Waits for its end, well or not; whether it has come in time."""
        try:
            self._outcome.exception(timeout_s)
        except Late:
            return False
        return True

    def result(self) -> V:
        """Waits for its end. Raises what the work raised."""
        return self._outcome.result()


class SingleFlight(Generic[K, V]):
    """The pieces of work under way, at most one a key. Thread-safe.

    Its lock is held only while the table is read or changed, never while work is done, so it may be used
    under any other lock.
    """

    def __init__(self) -> None:
        self._under_way: dict[K, SingleFlightEntry[V]] = {}
        self._lock = threading.Lock()

    def join(self, key: K) -> tuple[SingleFlightEntry[V], bool]:
        """The work on this key, and whether it begins here: then the caller does it, or has it done."""
        with self._lock:
            known = self._under_way.get(key)
            if known is not None:
                return known, False
            entry: SingleFlightEntry[V] = SingleFlightEntry(lambda ended: self._forget(key, ended))
            self._under_way[key] = entry
            return entry, True

    def under_way(self, key: K) -> SingleFlightEntry[V] | None:
        with self._lock:
            return self._under_way.get(key)

    def _forget(self, key: K, entry: SingleFlightEntry[V]) -> None:
        with self._lock:
            if self._under_way.get(key) is entry:
                del self._under_way[key]
