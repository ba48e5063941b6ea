"""Calls under way: each question to Butlr is asked once, however many wait for it.

Bounded: `workers` threads ask, at most `MAX_QUEUED` questions wait. A flight goes on when those who
waited have gone; what it brings is kept, so the next look is whole. Only of what still changes, and nobody
has asked for meanwhile, nothing is asked any more: after an outage that would be a storm for nothing.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from butlr_grafana.base.errors import BackendError, Busy, UpstreamDown, UpstreamError, UpstreamLate
from butlr_grafana.base.request_id import present_or_new, working_for
from butlr_grafana.model.chunk import Chunk, Segment

log = logging.getLogger(__name__)

MAX_QUEUED = 5_000
FAILURE_REST_S = 5.0
"""A question that failed is not asked again for this long: many viewers must not knock in turn."""

FORGET_S = 60.0
"""A question about what still changes that nobody has asked for so long is of a minute that is over. Longer
where a request may wait longer."""


def rest_s(error: UpstreamError) -> float:
    """How long a question that failed so rests."""
    return max(FAILURE_REST_S, error.retry_after_s or 0.0)


@dataclass(slots=True)
class _Flight:
    """A question, its place in the queue, when it was last asked, and the request that asked it first."""

    rank: int
    wanted_at: float
    request_id: str = field(default_factory=present_or_new)
    answer: Future[Chunk] = field(default_factory=Future)


class InFlightRequests:
    """Thread-safe. `fetch` asks Butlr and raises `BackendError`; `keep` stores what it brought.

    `forget_s`: after how long a question that still changes, and is not asked again, is given up.
    """

    def __init__(
        self,
        fetch: Callable[[Segment], Chunk],
        keep: Callable[[Segment, Chunk], None],
        *,
        workers: int,
        forget_s: float = FORGET_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._keep = keep
        self._workers = workers
        self._forget_s = forget_s
        self._clock = clock
        self._condition = threading.Condition()
        self._queue: list[tuple[int, int, Segment]] = []
        self._sequence = itertools.count()
        self._under_way: dict[Segment, _Flight] = {}
        self._failed: dict[Segment, tuple[float, UpstreamError]] = {}
        self._threads: list[threading.Thread] = []
        self._closed = False
        self.landed = 0
        """How many questions have been answered so far, well or not."""

    def ask(self, segment: Segment, *, rank: int, landed: int) -> Future[Chunk] | None:
        """The future of a question, shared with whoever asked it before.

        `rank`: lower goes first, and of those who share a question the lowest counts. Numbering a long
        period's questions from 0 lets a short one that comes later pass between them. `landed`: what
        `self.landed` was before the caller looked among what is kept; if one has landed since, it may have
        brought just this: `None`, look again.
        """
        with self._condition:
            now = self._clock()
            if (known := self._under_way.get(segment)) is not None:
                known.wanted_at = now
                self._bring_forward(segment, known, rank)
                return known.answer
            if landed != self.landed:
                return None
            flight = _Flight(rank, now)
            refusal = self._refusal(segment, now)
            if refusal is not None:
                flight.answer.set_exception(refusal)
                return flight.answer
            self._under_way[segment] = flight
            heapq.heappush(self._queue, (rank, next(self._sequence), segment))
            if len(self._threads) < min(self._workers, len(self._under_way)):
                self._start_worker()
            self._condition.notify()
            return flight.answer

    def _bring_forward(self, segment: Segment, flight: _Flight, rank: int) -> None:
        """A question that waits already goes by the better rank; one that is being asked is past that."""
        if rank >= flight.rank:
            return
        flight.rank = rank
        for place, (_, number, waiting) in enumerate(self._queue):
            if waiting == segment:
                self._queue[place] = (rank, number, segment)
                heapq.heapify(self._queue)
                return

    def _refusal(self, segment: Segment, now: float) -> BackendError | None:
        """Why a question is not asked now, if it is not."""
        rests_until, error = self._failed.get(segment, (0.0, None))
        if error is not None and now < rests_until:
            return error
        if self._closed:
            return UpstreamDown("the backend is shutting down")
        if len(self._queue) >= MAX_QUEUED:
            return Busy(f"more than {MAX_QUEUED:,} calls are waiting for Butlr; try again later")
        return None

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def close(self) -> None:
        """Nobody waits for Butlr any more; what it is being asked is kept where it still comes."""
        with self._condition:
            self._closed = True
            self._queue.clear()
            for segment in list(self._under_way):
                self._give_up(segment, UpstreamDown("the backend is shutting down"))
            self._condition.notify_all()

    def _start_worker(self) -> None:
        thread = threading.Thread(target=self._work, name=f"butlr-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (next_one := self._next()) is not None:
            segment, flight = next_one
            with working_for(flight.request_id):
                self._fly(segment, flight)

    def _next(self) -> tuple[Segment, _Flight] | None:
        """The next question that is still wanted, waited for; `None` when it is time to go home."""
        with self._condition:
            while True:
                self._condition.wait_for(lambda: self._queue or self._closed)
                if self._closed:
                    return None
                _, _, segment = heapq.heappop(self._queue)
                flight = self._under_way[segment]
                if segment.settled or self._clock() - flight.wanted_at < self._forget_s:
                    return segment, flight
                self._give_up(segment, UpstreamLate("the call to Butlr did not start before the deadline"))

    def _give_up(self, segment: Segment, error: UpstreamError) -> None:
        self._under_way.pop(segment).answer.set_exception(error)

    def _fly(self, segment: Segment, flight: _Flight) -> None:
        part: Chunk | None = None
        try:
            part = self._fetch(segment)
            self._keep(segment, part)
            error: BaseException | None = None
        except BackendError as known:
            error = known
        except Exception as unknown:  # a bug must reach those who wait, and not end the worker
            log.exception("a call to Butlr failed for an unexpected reason")
            error = unknown
        with self._condition:
            given_up = self._under_way.pop(segment, None) is None
            self.landed += 1
            self._note(segment, error)
        if given_up:
            return
        if part is not None and error is None:
            flight.answer.set_result(part)
        else:
            flight.answer.set_exception(error)

    def _note(self, segment: Segment, error: BaseException | None) -> None:
        now = self._clock()
        if len(self._failed) > 1_000:
            self._failed = {s: f for s, f in self._failed.items() if f[0] > now}
        if isinstance(error, UpstreamError):
            self._failed[segment] = (now + rest_s(error), error)
        else:
            self._failed.pop(segment, None)
