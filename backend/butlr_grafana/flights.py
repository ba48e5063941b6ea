"""Calls under way: each question to Butlr is asked once, however many wait for it.

Bounded: `workers` threads ask, at most `MAX_QUEUED` questions wait. A flight goes on when those who
waited have gone; what it brings is kept, so the next look is whole.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from butlr_grafana.errors import BackendError, Busy, UpstreamDown, UpstreamError
from butlr_grafana.model import Part, Segment

log = logging.getLogger(__name__)

MAX_QUEUED = 5_000
FAILURE_REST_S = 5.0
"""A question that failed is not asked again for this long: many viewers must not knock in turn."""


class Flights:
    """Thread-safe. `fetch` asks Butlr and raises `BackendError`; `keep` stores what it brought."""

    def __init__(
        self,
        fetch: Callable[[Segment], Part],
        keep: Callable[[Segment, Part], None],
        *,
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._keep = keep
        self._workers = workers
        self._clock = clock
        self._condition = threading.Condition()
        self._queue: list[tuple[int, int, Segment]] = []
        self._sequence = itertools.count()
        self._under_way: dict[Segment, Future[Part]] = {}
        self._failed: dict[Segment, tuple[float, UpstreamError]] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False

    def ask(self, segment: Segment, *, rank: int) -> Future[Part]:
        """The future of a question, shared with whoever asked it before.

        `rank`: lower goes first. Numbering a long period's questions from 0 lets a short one that comes
        later pass between them.
        """
        with self._condition:
            if (flight := self._under_way.get(segment)) is not None:
                return flight
            flight = Future()
            rest = self._failed.get(segment)
            if rest is not None and self._clock() < rest[0]:
                flight.set_exception(rest[1])
                return flight
            if self._closed:
                flight.set_exception(UpstreamDown("the backend is shutting down"))
                return flight
            if len(self._queue) >= MAX_QUEUED:
                flight.set_exception(Busy(f"more than {MAX_QUEUED:,} questions wait for Butlr; try again"))
                return flight
            self._under_way[segment] = flight
            heapq.heappush(self._queue, (rank, next(self._sequence), segment))
            if len(self._threads) < min(self._workers, len(self._under_way)):
                self._start_worker()
            self._condition.notify()
            return flight

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def close(self) -> None:
        """What waits fails now; what is being asked is not waited for."""
        with self._condition:
            self._closed = True
            waiting, self._queue = self._queue, []
            for _, _, segment in waiting:
                self._under_way.pop(segment).set_exception(UpstreamDown("the backend is shutting down"))
            self._condition.notify_all()

    def _start_worker(self) -> None:
        thread = threading.Thread(target=self._work, name=f"butlr-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return
                _, _, segment = heapq.heappop(self._queue)
            self._fly(segment)

    def _fly(self, segment: Segment) -> None:
        part: Part | None = None
        try:
            part = self._fetch(segment)
            self._keep(segment, part)
            error: BaseException | None = None
        except BackendError as known:
            error = known
        except Exception as unknown:  # a bug must reach those who wait, and not end the worker
            log.exception("a question to Butlr failed in an unforeseen way")
            error = unknown
        with self._condition:
            flight = self._under_way.pop(segment)
            self._note(segment, error)
        if part is not None and error is None:
            flight.set_result(part)
        else:
            flight.set_exception(error)

    def _note(self, segment: Segment, error: BaseException | None) -> None:
        now = self._clock()
        if len(self._failed) > 1_000:
            self._failed = {s: f for s, f in self._failed.items() if f[0] > now}
        if isinstance(error, UpstreamError):
            self._failed[segment] = (now + max(FAILURE_REST_S, error.retry_after_s or 0.0), error)
        else:
            self._failed.pop(segment, None)
