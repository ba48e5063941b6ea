"""Calls under way: each question to Butlr is asked once, however many wait for it.

Bounded: `workers` threads ask, and the queue (`pipeline.call_queue`) has places for each class. A thread
takes a question when a call may go, not before: what comes meanwhile and is more urgent is not behind it.
When those who asked have gone, a question about what still changes leaves; after an outage it would be a
storm for nothing. One about what has settled goes on in the background for a while, so that the next look is
whole.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from butlr_grafana.base.errors import BackendError, Busy, UpstreamDown, UpstreamError, UpstreamLate
from butlr_grafana.base.request_id import present_or_new, working_for
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Segment
from butlr_grafana.pipeline.call_queue import CallQueue, ClassFull, shares_for

log = logging.getLogger(__name__)

FAILURE_REST_S = 5.0
"""A question that failed is not asked again for this long: many viewers must not knock in turn."""

FORGET_S = 60.0
"""How long a viewer waits at most, where the settings do not say."""

LOOK_S = 0.5
"""How long at most to wait for a call to end, before looking whether another may go."""

OF_CLASS = {
    CallClass.RULE: "of alert rules",
    CallClass.VIEWER: "of viewers",
    CallClass.WALL: "of walls",
    CallClass.BACKGROUND: "in the background",
}


def rest_s(error: UpstreamError) -> float:
    """How long a question that failed so rests."""
    return max(FAILURE_REST_S, error.retry_after_s or 0.0)


class Turns(Protocol):
    """When a call may go: as `butlr.client.Client` tells it."""

    def turn(self) -> float: ...

    def in_turn(self) -> AbstractContextManager[None]: ...


class NoLimit:
    """A call may always go."""

    def turn(self) -> float:
        return 0.0

    def in_turn(self) -> AbstractContextManager[None]:
        return contextlib.nullcontext()


@dataclass(slots=True)
class _Flight:
    """A question, and the request that asked it first."""

    request_id: str = field(default_factory=present_or_new)
    answer: Future[Chunk] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A question that a worker has taken from the queue, and the class for which it goes."""

    segment: Segment
    flight: _Flight
    need: CallClass


class InFlightRequests:
    """Thread-safe. `fetch` asks Butlr and raises `BackendError`; `keep` stores what it brought.

    `forget_s`: how long a viewer waits. `turns`: when a call may go; `at_a_time`: how many may be under way;
    `wait`: waits for an event, at most so many seconds of `clock`, and tells whether it came.
    """

    def __init__(
        self,
        fetch: Callable[[Segment], Chunk],
        keep: Callable[[Segment, Chunk], None],
        *,
        workers: int,
        forget_s: float = FORGET_S,
        clock: Callable[[], float] = time.monotonic,
        turns: Turns | None = None,
        at_a_time: Callable[[], float] = lambda: math.inf,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._fetch = fetch
        self._keep = keep
        self._workers = workers
        self._clock = clock
        self._turns: Turns = turns or NoLimit()
        self._at_a_time = at_a_time
        self._wait = wait
        self._condition = threading.Condition()
        self._doorway = threading.Lock()
        """Held by the one worker that waits for the rate; taken before `_condition`, never after it."""
        self._queue: CallQueue[Segment] = CallQueue(shares_for(forget_s))
        self._askings = itertools.count()
        self._under_way: dict[Segment, _Flight] = {}
        self._failed: dict[Segment, tuple[float, UpstreamError]] = {}
        self._threads: list[threading.Thread] = []
        self._at_work = 0
        self._closed = False
        self._closing = threading.Event()
        self.landed = 0
        """How many questions have been answered so far, well or not."""

    def next_asking(self) -> int:
        """A number for the questions that are asked together; later ones go first."""
        return next(self._askings)

    def ask(
        self,
        segment: Segment,
        *,
        rank: int,
        landed: int,
        need: CallClass = CallClass.VIEWER,
        asking: int | None = None,
    ) -> Future[Chunk] | None:
        """The future of a question, shared with whoever asked it before.

        `need`: whom it is for; of those who share a question the first class counts. `rank`: of those asked
        together (`asking`) the lower goes first. `landed`: what `self.landed` was before the caller looked
        among what is kept; if one has landed since, it may have brought just this: `None`, look again.
        """
        asking = self.next_asking() if asking is None else asking
        with self._condition:
            now = self._clock()
            if (known := self._under_way.get(segment)) is not None:
                self._queue.want(segment, need=need, asking=asking, rank=rank, now=now)
                return known.answer
            if landed != self.landed:
                return None
            flight = _Flight()
            refusal = self._refusal(segment, now) or self._queued(segment, need, asking, rank, now)
            if refusal is not None:
                flight.answer.set_exception(refusal)
                return flight.answer
            self._under_way[segment] = flight
            self._dismiss()
            if len(self._threads) < min(self._workers, len(self._under_way)):
                self._start_worker()
            self._condition.notify()
            return flight.answer

    def _queued(
        self, segment: Segment, need: CallClass, asking: int, rank: int, now: float
    ) -> BackendError | None:
        """Why it cannot wait, where its class has no place."""
        try:
            self._queue.push(
                segment,
                floor=segment.space,
                # Rules that ask for the same of different times have turns of their own, also where the time
                # grows by the minute.
                subject=(segment.subject, segment.period.length_s.bit_length()),
                need=need,
                asking=asking,
                rank=rank,
                outlives=segment.settled,
                now=now,
            )
        except ClassFull as full:
            said = f"{full.places:,} questions {OF_CLASS[need]} wait for Butlr already; try again"
            return Busy(said)
        return None

    def _dismiss(self) -> None:
        """Those that left the queue are told so; under the lock."""
        for segment in self._queue.gone():
            self._give_up(segment, UpstreamLate("Butlr was not asked in time, while somebody waited"))

    def _refusal(self, segment: Segment, now: float) -> BackendError | None:
        """Why a question is not asked now, if it is not."""
        rests_until, error = self._failed.get(segment, (0.0, None))
        if error is not None and now < rests_until:
            return error
        if self._closed:
            return UpstreamDown("the backend is shutting down")
        return None

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def waiting_of(self, need: CallClass) -> int:
        """How many questions of a class wait."""
        return self._queue.waiting(need)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def close(self) -> None:
        """Nobody waits for Butlr any more; what it is being asked is kept where it still comes."""
        with self._condition:
            self._closed = True
            self._closing.set()
            self._queue.clear()
            for segment in list(self._under_way):
                self._give_up(segment, UpstreamDown("the backend is shutting down"))
            self._condition.notify_all()

    def _start_worker(self) -> None:
        thread = threading.Thread(target=self._work, name=f"butlr-{len(self._threads)}", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while not self._closed:
            with self._condition:
                self._condition.wait_for(lambda: self._closed or (self._queue and self._has_room()))
            with self._doorway:
                taken = self._closed or self._take()
            if isinstance(taken, _Taken):
                self._fly_in_turn(taken)

    def _has_room(self) -> bool:
        return self._at_work < self._at_a_time() or not self._at_work

    def _take(self) -> _Taken | None:
        """The next question, once a call may go; `None` where nothing waits any more. In the doorway."""
        while self._queue and self._has_room() and not self._closed:
            wait_s = self._turns.turn()
            if not wait_s:
                return self._taken()
            if math.isinf(wait_s):
                with self._condition:
                    self._condition.wait(LOOK_S)
            elif self._wait(self._closing, wait_s):
                return None
        return None

    def _taken(self) -> _Taken | None:
        """A call is reserved: the question for it, or it is given back."""
        with self._condition:
            found = None if self._closed else self._queue.take(self._clock())
            self._dismiss()
            if found is not None:
                self._at_work += 1
                return _Taken(found[0], self._under_way[found[0]], found[1])
        with self._turns.in_turn():  # nothing is asked within
            return None

    def work_once(self) -> float | None:
        """Asks the next question in the caller's thread: 0.0; `None`: nothing waits, or no more are to be
        under way; else as `Turns.turn`. For who brings no workers.
        """
        if not self._queue or not self._has_room():
            return None
        wait_s = self._turns.turn()
        if wait_s:
            return LOOK_S if math.isinf(wait_s) else wait_s
        taken = self._taken()
        if taken is None:
            return None
        self._fly_in_turn(taken)
        return 0.0

    def _fly_in_turn(self, taken: _Taken) -> None:
        try:
            with working_for(taken.flight.request_id), self._turns.in_turn():
                self._fly(taken.segment, taken.flight)
        finally:
            with self._condition:
                self._at_work -= 1
                self._condition.notify_all()

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
            log.exception("a question to Butlr failed in an unforeseen way")
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
