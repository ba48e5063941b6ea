"""How many seconds a request spends in each stage of its queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token

STAGES = ("parse", "resolve", "split", "gather", "build", "encode")
"""In the order of a query: parse the parameters; resolve floors, period and limits; split the period into
chunks of at most 7 days; wait for Butlr, the caches or another request; build the result; encode it.
"""


class StageTimes:
    """The seconds of one request by stage. Used by the request's own thread only: it has no lock.

    A stage that begins within another one stops the clock of the outer one until it ends, so that no second
    is counted twice.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._open: list[str] = []
        self._since = 0.0

    @property
    def seconds(self) -> Mapping[str, float]:
        """The seconds of each stage that was entered, for all targets of the request together."""
        return self._seconds

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._count()
        self._open.append(name)
        try:
            yield
        finally:
            self._count()
            self._open.pop()

    def _count(self) -> None:
        """Adds the time since the last change to the stage that is open, if one is."""
        now = self._clock()
        if self._open:
            name = self._open[-1]
            self._seconds[name] = self._seconds.get(name, 0.0) + now - self._since
        self._since = now


_PRESENT: ContextVar[StageTimes | None] = ContextVar("stage_times", default=None)


def begin(times: StageTimes) -> Token[StageTimes | None]:
    """Starts to measure. The caller must call `end` with the result in every case."""
    return _PRESENT.set(times)


def end(begun: Token[StageTimes | None]) -> None:
    _PRESENT.reset(begun)


@contextmanager
def measuring(times: StageTimes) -> Iterator[StageTimes]:
    """Stages in this context are measured by `times`."""
    begun = begin(times)
    try:
        yield times
    finally:
        end(begun)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Code in this context belongs to this stage. It can also be used as a decorator. Outside a request,
    nothing is measured.
    """
    times = _PRESENT.get()
    if times is None:
        yield
        return
    with times.stage(name):
        yield


def current() -> Mapping[str, float]:
    """The seconds of the current request, by stage."""
    times = _PRESENT.get()
    return {} if times is None else times.seconds
