"""Calls under way: each question to Butlr is asked once, however many wait for it.

Bounded: `workers` threads ask, and the queue (`pipeline.call_queue`) has places for each class. A thread
takes a question when a call may go, not before: what comes meanwhile and is more urgent is not behind it.
When those who asked have gone, a question about what still changes leaves; after an outage it would be a
storm for nothing. One about what has settled goes on in the background for a while, so that the next look is
whole.
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
from butlr_grafana.base.request_id import present_or_new, working_for
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Outcome, Segment
from butlr_grafana.pipeline.call_queue import CallQueue, ClassFull, least_stay_s, shares_for
from butlr_grafana.pipeline.together import Together
from butlr_grafana.pipeline.turns import NoLimit, Turns

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


@dataclass(slots=True)
class _Flight:
    """A question, and the request that asked it first."""

    request_id: str = field(default_factory=present_or_new)
    answer: Future[Chunk] = field(default_factory=Future)


@dataclass(frozen=True, slots=True)
class _Taken:
    """Questions that a worker has taken from the queue, to ask them in one call."""

    segments: tuple[Segment, ...]
    flights: tuple[_Flight, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question for `ask_all`. `rank`: of those asked together the lower goes first."""

    segment: Segment
    rank: int


class InFlightRequests:
    """Thread-safe. `fetch` asks Butlr and raises `BackendError`; `keep` stores what it brought.

    `together`: which questions go in one call; where left out, none do. `forget_s`: how long a viewer waits.
    `turns`: when a call may go; `at_a_time`: how many may be under way; `wait`: waits for an event, at most
    so many seconds of `clock`, and tells whether it came.
    """

    def __init__(
        self,
        fetch: Callable[[Segment], Chunk],
        keep: Callable[[Segment, Chunk], None],
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
        self._keep = keep
        self._workers = workers
        self._together = together
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

    def ask_all(
        self, wanted: Sequence[Wanted], *, landed: int, need: CallClass = CallClass.VIEWER
    ) -> list[Future[Chunk] | None]:
        """The futures of questions that are asked together, each shared with whoever asked it before. None
        goes before all of them wait: so those of several floors go in one call.

        `need`: whom they are for; of those who share a question the first class counts. `landed`: what
        `self.landed` was before the caller looked among what is kept; if one has landed since, it may have
        brought just this: `None`, look again.
        """
        asking = next(self._askings)
        with self._condition:
            return [self._asked(one, asking, landed, need) for one in wanted]

    def _asked(self, wanted: Wanted, asking: int, landed: int, need: CallClass) -> Future[Chunk] | None:
        """Under the lock."""
        segment, rank, now = wanted.segment, wanted.rank, self._clock()
        if (known := self._under_way.get(segment)) is not None:
            least_s = least_stay_s(segment, need)
            self._queue.want(segment, need=need, asking=asking, rank=rank, least_s=least_s, now=now)
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
                group=self._together.group(segment) if self._together else None,
                least_s=least_stay_s(segment, need),
                now=now,
            )
        except ClassFull as full:
            said = f"{full.places:,} calls {OF_CLASS[need]} are already waiting for Butlr; try again later"
            return Busy(said)
        return None

    def _dismiss(self) -> None:
        """Those that left the queue are told so; under the lock."""
        for segment in self._queue.gone():
            self._give_up(segment, UpstreamLate("the call to Butlr did not start before the deadline"))

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
            if found is not None:
                segments = self._with_others(found[0])
                self._dismiss()
                self._at_work += 1
                return _Taken(segments, tuple(self._under_way[one] for one in segments))
            self._dismiss()
        with self._turns.in_turn():  # nothing is asked within
            return None

    def _with_others(self, first: Segment) -> tuple[Segment, ...]:
        """A question, and those that wait and go in its call."""
        segments, together = [first], self._together
        if together is None or (group := together.group(first)) is None:
            return (first,)

        def fits(one: Segment) -> bool:
            has_room = together.fits(segments, one)
            if has_room:
                segments.append(one)
            return has_room

        self._queue.take_along(group, fits, self._clock())
        return tuple(segments)

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
            with working_for(taken.flights[0].request_id), self._turns.in_turn():
                self._fly(taken)
        finally:
            with self._condition:
                self._at_work -= 1
                self._condition.notify_all()

    def _give_up(self, segment: Segment, error: UpstreamError) -> None:
        self._under_way.pop(segment).answer.set_exception(error)

    def _fly(self, taken: _Taken) -> None:
        outcomes: Sequence[Outcome | Exception] = self._outcomes(taken.segments)
        with self._condition:
            given_up = {one for one in taken.segments if self._under_way.pop(one, None) is None}
            self.landed += 1
            for segment, outcome in zip(taken.segments, outcomes, strict=True):
                self._note(segment, outcome)
        for segment, flight, outcome in zip(taken.segments, taken.flights, outcomes, strict=True):
            if segment in given_up:
                continue
            if isinstance(outcome, Chunk):
                flight.answer.set_result(outcome)
            else:
                flight.answer.set_exception(outcome)

    def _outcomes(self, segments: tuple[Segment, ...]) -> Sequence[Outcome | Exception]:
        """What Butlr brings, which is kept; what fails in one question fails in no other."""
        try:
            brought = self._brought(segments)
            return [self._kept(*pair) for pair in zip(segments, brought, strict=True)]
        except BackendError as known:
            return [known] * len(segments)
        except Exception as unknown:  # a bug must reach those who wait, and not end the worker
            log.exception("a call to Butlr failed for an unexpected reason")
            return [unknown] * len(segments)

    def _brought(self, segments: tuple[Segment, ...]) -> Sequence[Outcome]:
        if len(segments) == 1 or self._together is None:
            return [self._fetch(one) for one in segments]
        return self._together.ask(segments)

    def _kept(self, segment: Segment, outcome: Outcome) -> Outcome:
        if isinstance(outcome, Chunk):
            self._keep(segment, outcome)
        return outcome

    def _note(self, segment: Segment, error: Chunk | Exception) -> None:
        now = self._clock()
        if len(self._failed) > 1_000:
            self._failed = {s: f for s, f in self._failed.items() if f[0] > now}
        if isinstance(error, UpstreamError):
            self._failed[segment] = (now + rest_s(error), error)
        else:
            self._failed.pop(segment, None)
