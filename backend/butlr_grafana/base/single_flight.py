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
    """One running function. Thread-safe. The caller that began it ends it exactly once: with `run`, `succeed`
    or `fail`.
    """

    def __init__(self, forget: Callable[[SingleFlightEntry[V]], None]) -> None:
        self._forget = forget
        self._outcome: Future[V] = Future()

    def run(self, work: Callable[[], V]) -> None:
        """Runs `work` and gives its result or exception to all waiting callers. Raises nothing."""
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
        """Waits for the end. `False`: it did not end within `timeout_s` seconds."""
        try:
            self._outcome.exception(timeout_s)
        except Late:
            return False
        return True

    def result(self) -> V:
        """Waits for the end and returns the result. Raises the exception of the function."""
        return self._outcome.result()


class SingleFlight(Generic[K, V]):
    """The running functions, at most one per key. Thread-safe.

    Its lock is held only while the table is read or changed, never while a function runs. So it may be used
    while another lock is held.
    """

    def __init__(self) -> None:
        self._under_way: dict[K, SingleFlightEntry[V]] = {}
        self._lock = threading.Lock()

    def join(self, key: K) -> tuple[SingleFlightEntry[V], bool]:
        """The entry of this key, and whether it is new. If it is new, the caller must run it."""
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
