"""How many seconds a request spends in each stage of its queries."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token

STAGES = ("parse", "resolve", "split", "gather", "build", "encode")
"""In the order of a query: text to parameters; floors, period and limits; chunks of at most 7 days; waiting
for Butlr, the caches or another request; the result; its bytes.
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
        """Of the stages that were entered; all targets of the request together."""
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
    """As `measuring`, where `end` is called however the work ends."""
    return _PRESENT.set(times)


def end(begun: Token[StageTimes | None]) -> None:
    _PRESENT.reset(begun)


@contextmanager
def measuring(times: StageTimes) -> Iterator[StageTimes]:
    """Stages that are entered within are measured by `times`."""
    begun = begin(times)
    try:
        yield times
    finally:
        end(begun)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """What happens within belongs to this stage; also a decorator. Outside a request nothing is measured."""
    times = _PRESENT.get()
    if times is None:
        yield
        return
    with times.stage(name):
        yield


def current() -> Mapping[str, float]:
    """The seconds of the present request by stage, so far."""
    times = _PRESENT.get()
    return {} if times is None else times.seconds
