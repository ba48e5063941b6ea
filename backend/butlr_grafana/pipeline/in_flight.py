"""Calls in flight: each segment is requested from Butlr once, however many wait for it.

Bounded: `workers` threads call, and the queue (`pipeline.call_queue`) has a capacity for each class. A thread
takes a request when a call may start, not before: a more urgent one that comes meanwhile is not behind it.
When nobody waits any more, a request for data that still changes is dropped; after an outage it would be
useless load. One for settled data continues in the background for a while, so that the next page view is
complete.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from butlr_grafana.base.errors import BackendError, Busy, UpstreamDown, UpstreamError, UpstreamLate
from butlr_grafana.base.request_id import current_or_new, use_request_id
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Outcome, Segment
from butlr_grafana.model.time import MINUTE_S, floor_to
from butlr_grafana.pipeline.call_queue import CallQueue, ClassFull, shares_for
from butlr_grafana.pipeline.class_queue import QueuedRequest
from butlr_grafana.pipeline.lanes import lane_of, min_expiry_of
from butlr_grafana.pipeline.recent_failures import RecentFailures
from butlr_grafana.pipeline.together import Together
from butlr_grafana.pipeline.turns import NoLimit, Turns

log = logging.getLogger(__name__)

FORGET_S = 60.0
"""How long a viewer waits at most, where the settings do not say."""

POLL_S = 0.5
"""How long at most to wait for a call to end, before checking whether another may start."""

BACKGROUND_PART = 0.5
"""The part of the rate limit that background work may use: so whoever requests next gets calls at once."""


@dataclass(slots=True)
class _Call:
    """A call to Butlr. `since`: when it was requested; `request_id`: of the HTTP request that did so."""

    since: float
    request_id: str = field(default_factory=current_or_new)
    future: Future[Chunk] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Batch:
    """Segments that a worker has taken from the queue, to fetch them in one call."""

    segments: tuple[Segment, ...]
    calls: tuple[_Call, ...]


@dataclass(frozen=True, slots=True)
class RequestedSegment:
    """A segment for `request_all`. `rank`: of those requested together the lower goes first."""

    segment: Segment
    rank: int


class InFlightRequests:
    """Thread-safe. `fetch` calls Butlr and raises `BackendError`; `store` stores the chunk.

    `together`: which segments go in one call; if left out, none do. `forget_s`: how long a viewer waits.
    `turns`: when a call may start; `at_a_time`: how many may be in flight; `wait`: waits for an event, at
    most so many seconds of `clock`, and returns whether it came.
    """

    def __init__(
        self,
        fetch: Callable[[Segment], Chunk],
        store: Callable[[Segment, Chunk], None],
        *,
        workers: int,
        together: Together | None = None,
        forget_s: float = FORGET_S,
        clock: Callable[[], float] = time.monotonic,
        turns: Turns | None = None,
        at_a_time: Callable[[], float] = lambda: math.inf,
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._fetch = fetch
        self._store = store
        self._workers = workers
        self._together = together
        self._clock = clock
        self._turns: Turns = turns or NoLimit()
        self._at_a_time = at_a_time
        self._wait = wait
        self._condition = threading.Condition()
        self._rate_lock = threading.Lock()
        """Held by the one worker that waits for the rate limit; taken before `_condition`, never after it."""
        self._queue: CallQueue[Segment] = CallQueue(shares_for(forget_s))
        self._numbers = itertools.count()
        self._under_way: dict[Segment, _Call] = {}
        self._failures = RecentFailures()
        self._threads: list[threading.Thread] = []
        self._running = 0
        self._closed = False
        self._closing = threading.Event()
        self.completed = 0
        """How many calls have completed so far, with a chunk or an error."""

    def request_all(
        self, items: Sequence[RequestedSegment], *, completed: int, call_class: CallClass = CallClass.VIEWER
    ) -> list[Future[Chunk] | None]:
        """The futures of segments that are requested together, each shared with whoever requested it before.
        None starts before all of them are in the queue: so those of several floors go in one call.

        `call_class`: for whom they are; of those who share a call the first class counts. `completed`: what
        `self.completed` was before the caller read the cache; if a call has completed since, the cache may
        have the chunk by now: `None`, read it again.
        """
        number = next(self._numbers)
        with self._condition:
            return [self._request(one, number, completed, call_class) for one in items]

    def _request(
        self, requested: RequestedSegment, number: int, completed: int, call_class: CallClass
    ) -> Future[Chunk] | None:
        """Under the lock."""
        segment, rank, now = requested.segment, requested.rank, self._clock()
        if (pending := self._under_way.get(segment)) is not None:
            expiry_s = min_expiry_of(segment, call_class)
            self._queue.renew(
                segment, call_class=call_class, number=number, rank=rank, min_expiry_s=expiry_s, now=now
            )
            return pending.future
        if completed != self.completed:
            return None
        call = _Call(now)
        refusal = self._refusal(segment, now) or self._enqueue(segment, call_class, number, rank, now)
        if refusal is not None:
            call.future.set_exception(refusal)
            return call.future
        self._under_way[segment] = call
        self._fail_dropped()
        if len(self._threads) < min(self._workers, len(self._under_way)):
            self._start_worker()
        self._condition.notify()
        return call.future

    def _enqueue(
        self, segment: Segment, call_class: CallClass, number: int, rank: int, now: float
    ) -> BackendError | None:
        """Why it cannot wait, if the queue of its class is full."""
        entry = QueuedRequest(
            segment,
            floor=segment.space,
            # Rules that request the same for periods of different length have turns of their own, also if
            # the period grows by the minute.
            subject=(segment.subject, segment.period.length_s.bit_length()),
            number=number,
            rank=rank,
            lane=lane_of(segment, call_class),
            outlives=segment.settled,
            group=self._together.group(segment) if self._together else None,
            slides=segment.slides and call_class is CallClass.RULE,
        )
        try:
            self._queue.push(entry, call_class, now=now, min_expiry_s=min_expiry_of(segment, call_class))
        except ClassFull as full:
            return Busy(str(full))
        return None

    def _fail_dropped(self) -> None:
        """Those that left the queue get an error; under the lock."""
        for segment in self._queue.dropped():
            self._give_up(segment, UpstreamLate("the call to Butlr did not start before the deadline"))

    def _refusal(self, segment: Segment, now: float) -> BackendError | None:
        """Why a request is not sent now, if it is not."""
        if self._closed:
            return UpstreamDown("the backend is shutting down")
        return self._failures.of(segment, now)

    @property
    def waiting(self) -> int:
        return len(self._queue)

    def waiting_of(self, call_class: CallClass) -> int:
        """How many requests of a class wait."""
        return self._queue.waiting(call_class)

    @property
    def under_way(self) -> int:
        return len(self._under_way)

    def close(self) -> None:
        """Nobody waits for Butlr any more; a response that still comes is stored."""
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
            with self._rate_lock:
                batch = self._closed or self._take()
            if isinstance(batch, _Batch):
                self._run_in_turn(batch)

    def _has_room(self) -> bool:
        return self._running < self._at_a_time() or not self._running

    def _turn(self) -> float:
        """As `Turns.turn`; soon again if only background work waits."""
        if len(self._queue) > self._queue.waiting(CallClass.BACKGROUND):
            return self._turns.turn(for_rules=self._queue.waiting(CallClass.RULE) > 0)
        return min(POLL_S, self._turns.turn(BACKGROUND_PART))

    def _take(self) -> _Batch | None:
        """The next batch, once a call may start; `None` if nothing waits any more. Under `_rate_lock`."""
        while self._queue and self._has_room() and not self._closed:
            wait_s = self._turn()
            if not wait_s:
                return self._next_batch()
            if math.isinf(wait_s):
                with self._condition:
                    self._condition.wait(POLL_S)
            elif self._wait(self._closing, wait_s):
                return None
        return None

    def _next_batch(self) -> _Batch | None:
        """A call is reserved: the segments for it, or it is given back."""
        with self._condition:
            found = None if self._closed else self._queue.take(self._clock())
            if found is not None:
                segments = self._batch_of(self._up_to_now(*found))
                self._fail_dropped()
                self._running += 1
                return _Batch(segments, tuple(self._under_way[one] for one in segments))
            self._fail_dropped()
        with self._turns.in_turn():  # no call is made within
            return None

    def _up_to_now(self, segment: Segment, call_class: CallClass) -> Segment:
        """The segment; or, if a rule's last minutes have waited for a minute or longer, the last minutes of
        now. Who requested the older ones has got a result without them; the next evaluation uses the newer
        ones.
        """
        if not segment.slides or call_class is not CallClass.RULE:
            return segment
        now = self._clock()
        call = self._under_way[segment]
        newer = segment.later(floor_to(now - call.since, MINUTE_S))
        if newer == segment or newer in self._under_way:
            return segment
        self._give_up(segment, UpstreamLate("the call to Butlr waited too long; newer data was requested"))
        self._under_way[newer] = _Call(now, call.request_id)
        return newer

    def _batch_of(self, first: Segment) -> tuple[Segment, ...]:
        """A segment, and those that wait and fit in its call."""
        segments, together = [first], self._together
        if together is None or (group := together.group(first)) is None:
            return (first,)

        def fits(one: Segment) -> bool:
            has_room = together.fits(segments, one)
            if has_room:
                segments.append(one)
            return has_room

        self._queue.take_group(group, fits, self._clock())
        return tuple(segments)

    def work_once(self) -> float | None:
        """Makes the next call in the caller's thread: 0.0; `None`: nothing waits, or no more calls may be in
        flight; else as `Turns.turn`. For use without worker threads.
        """
        if not self._queue or not self._has_room():
            return None
        wait_s = self._turn()
        if wait_s:
            return POLL_S if math.isinf(wait_s) else wait_s
        batch = self._next_batch()
        if batch is None:
            return None
        self._run_in_turn(batch)
        return 0.0

    def _run_in_turn(self, batch: _Batch) -> None:
        try:
            with use_request_id(batch.calls[0].request_id), self._turns.in_turn():
                self._run(batch)
        finally:
            with self._condition:
                self._running -= 1
                self._condition.notify_all()

    def _give_up(self, segment: Segment, error: UpstreamError) -> None:
        self._under_way.pop(segment).future.set_exception(error)

    def _run(self, batch: _Batch) -> None:
        results: Sequence[Outcome | Exception] = self._results(batch.segments)
        with self._condition:
            given_up = {one for one in batch.segments if self._under_way.pop(one, None) is None}
            self.completed += 1
            for segment, result in zip(batch.segments, results, strict=True):
                self._failures.remember(segment, result, self._clock())
        for segment, call, result in zip(batch.segments, batch.calls, results, strict=True):
            if segment in given_up:
                continue
            if isinstance(result, Chunk):
                call.future.set_result(result)
            else:
                call.future.set_exception(result)

    def _results(self, segments: tuple[Segment, ...]) -> Sequence[Outcome | Exception]:
        """What Butlr returns, which is stored; a failure of one segment does not affect the others."""

        try:
            fetched = self._fetched(segments)
            return [self._stored(*pair) for pair in zip(segments, fetched, strict=True)]
        except BackendError as error:
            return [error] * len(segments)
        except Exception as unknown:  # a bug must reach those who wait, and not end the worker
            log.exception("a call to Butlr failed for an unexpected reason")
            return [unknown] * len(segments)

    def _fetched(self, segments: tuple[Segment, ...]) -> Sequence[Outcome]:
        if len(segments) == 1 or self._together is None:
            return [self._fetch(one) for one in segments]
        return self._together.fetch(segments)

    def _stored(self, segment: Segment, result: Outcome) -> Outcome:
        if isinstance(result, Chunk):
            self._store(segment, result)
        return result
