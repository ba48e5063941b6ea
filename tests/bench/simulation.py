"""A backend on a clock that only the benchmark moves: nothing races, nothing really waits.

All who work at a time (requests, and those who ask Butlr) are greenlets of one thread: one runs until it
waits for something, and then the clock goes on to the next that has something to do. So a run is the same
each time.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any
from unittest import mock

from greenlet import getcurrent, greenlet

from butlr_grafana.app import Application, create_app
from butlr_grafana.butlr.api import Timing
from butlr_grafana.cache.topology import RENEW_S
from butlr_grafana.measure.verdict_store import all_measured
from butlr_grafana.pipeline import gather
from butlr_grafana.service import floor_results, reported_minutes, service
from butlr_grafana.settings import Settings
from tests.bench.tenant import Tenant
from tests.support import at

Futures = Collection[Future[Any]]

LOOK_S = 0.05
"""How often it is looked whether a lane is free."""


class Simulation:
    def __init__(
        self, floors: int, rooms: int, *, start: str, at_a_time: int = 8, webhook_key: str = ""
    ) -> None:
        self.now_s = float(at(start))
        self._events: list[tuple[float, int, Callable[[], object]]] = []
        self._numbers = itertools.count()
        self._hub = getcurrent()
        self._idle: list[greenlet] = []
        self._stack = contextlib.ExitStack()
        self.tenant = Tenant(floors, rooms, self.clock, self.sleep)
        settings = Settings(
            butlr_api_url="http://127.0.0.1:1",
            butlr_client_id="bench",
            butlr_client_secret="bench",  # of nobody
            butlr_max_concurrency=at_a_time,
            webhook_keys=(webhook_key,) if webhook_key else (),
        )
        self._replace_waits()
        self.pace = Timing(self.clock, self._wait)
        self.application: Application = create_app(
            settings,
            now=self.clock,
            stopwatch=self.clock,
            pace=self.pace,
            verdict_store=all_measured(settings.fixed_verdicts),
        )
        self.application.butlr.client._transport = self.tenant  # type: ignore[assignment]
        # Without a set rate, calls wait for others to end.
        self.application.butlr.client.rate_limiter.wait_for_an_end = self.sleep  # type: ignore[method-assign]
        self.service.pipeline.gatherer.in_flight._workers = 0  # they are greenlets of ours
        self.service.topology(None, deadline=self.service.deadline())
        # The next topology is not asked for in a thread, but when its time comes (`_renew`).
        self.service.spaces._clock = lambda: 0.0
        self._later(RENEW_S, lambda: self.go_on(self._renew))
        # A reentrant lock of one thread, so that who waits for a lane may let the others go on within it.
        self.application.butlr.client.concurrency._changed.wait_for = self._wait_until  # type: ignore[method-assign]
        self._workers = [self.spawn(self._work) for _ in range(at_a_time)]

    @property
    def service(self) -> service.Service:
        return self.application.service

    def clock(self) -> float:
        return self.now_s

    def _renew(self) -> float:
        self.service.spaces._load()
        return RENEW_S

    def limits(self, rate: int) -> None:
        """From here on the backend is set to so many calls a minute."""
        self.application.butlr.client.rate_limiter._set = rate

    def close(self) -> None:
        self.application.close()
        self._stack.close()

    def _replace_waits(self) -> None:
        """Deadlines are by this clock, and who waits for Butlr lets the others go on."""
        told = SimpleNamespace(monotonic=self.clock, time=self.clock)
        for module in (gather, service, floor_results, reported_minutes):
            self._stack.enter_context(mock.patch.object(module, "time", told))
        self._stack.enter_context(mock.patch.object(gather, "wait_for", self._wait_for))

    # Greenlets

    def spawn(self, what: Callable[[], object]) -> greenlet:
        """Begins something beside all else, now."""
        one = greenlet(what, parent=self._hub)
        self._later(0.0, one.switch)
        return one

    def sleep(self, seconds: float) -> None:
        """Where the clock can go on, it does; before that, as when the backend is made, nothing waits."""
        if getcurrent() is self._hub:
            return
        self._later(seconds, getcurrent().switch)
        self._hub.switch()

    def go_on(self, step: Callable[[], float]) -> None:
        """Takes steps from now on, each after as many seconds as the one before has told."""

        def steps() -> None:
            while True:
                self.sleep(step())

        self.spawn(steps)

    def until(self, instant_s: float) -> None:
        """Everything that happens up to an instant. Called from outside all greenlets."""
        while self._events and self._events[0][0] <= instant_s:
            self.now_s, _, what = heapq.heappop(self._events)
            what()
            self._wake_one()
        self.now_s = max(self.now_s, instant_s)

    def _later(self, seconds: float, what: Callable[[], object]) -> None:
        heapq.heappush(self._events, (self.now_s + max(seconds, 0.0), next(self._numbers), what))

    # Who ask Butlr

    def _wake_one(self) -> None:
        in_flight = self.service.pipeline.gatherer.in_flight
        if self._idle and in_flight.waiting and in_flight._has_room():
            self._later(0.0, self._idle.pop().switch)

    def _work(self) -> None:
        while True:
            wait_s = self.work_once()
            if wait_s:
                self.sleep(wait_s)
            elif wait_s is None:
                self._idle.append(getcurrent())
                self._hub.switch()

    def work_once(self) -> float | None:
        """Asks Butlr what is next: 0.0; where nothing waits `None`; else in how long a call may go."""
        return self.service.pipeline.gatherer.in_flight.work_once()

    # What the backend waits with

    def _wait(self, event: threading.Event, seconds: float) -> bool:
        self.sleep(seconds)
        return event.is_set()

    def _wait_until(self, holds: Callable[[], bool]) -> bool:
        while not holds():
            self.sleep(LOOK_S)
        return True

    def _wait_for(self, flights: Futures, timeout: float) -> tuple[set[Future[Any]], set[Future[Any]]]:
        ends_s = self.now_s + timeout
        waiter, is_over = getcurrent(), False

        def wake(_: object = None) -> None:
            if not is_over:
                self._later(0.0, resume)

        def resume() -> None:
            if not is_over:
                waiter.switch()

        for one in flights:
            one.add_done_callback(wake)
        self._later(timeout, resume)
        while self.now_s < ends_s and not all(one.done() for one in flights):
            self._hub.switch()
        is_over = True
        late = {one for one in flights if not one.done()}
        return set(flights) - late, late


@contextlib.contextmanager
def simulated(floors: int, rooms: int = 20, **words: Any) -> Iterator[Simulation]:
    simulation = Simulation(floors, rooms, **words)
    try:
        yield simulation
    finally:
        simulation.close()
