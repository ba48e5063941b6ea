"""Segments → parts: what is kept, else what Butlr answers in time, else what was known before.

Nothing here waits past the deadline. What comes later is kept and is in the next answer.
"""

from __future__ import annotations

import math
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.fetch_result import Clocks, FetchResult, Tally
from butlr_grafana.pipeline.in_flight import FORGET_S, InFlightRequests, Wanted

LIVE_S = 60.0
"""How long a part that can still change is good for."""

WHOLE_LIVE_S = 3600.0
"""The same of one that is asked for as a whole, however long its period: what comes late hardly shows."""


PATIENCE_S = 5.0
"""How long to wait for Butlr where older data could be shown instead."""


def live_s(segment: Segment) -> float:
    """How long a part of it that has not settled is good for.

    Where the segment has, its part was kept before, or Butlr's clock did not call it so: an older opinion,
    and soon asked again.
    """
    if segment.good_s is not None and not segment.settled:
        return segment.good_s
    return LIVE_S if segment.settled or segment.subject.adds_up else WHOLE_LIVE_S


def is_fresh(segment: Segment, part: Chunk, stopwatch_s: float) -> bool:
    """Whether a kept part is what would be answered when the stopwatch shows `stopwatch_s`."""
    return part.settled or stopwatch_s - part.asked_at < live_s(segment)


def stamped(fetch: Callable[[Segment], Chunk], stopwatch: Callable[[], float]) -> Callable[[Segment], Chunk]:
    """`fetch`, whose parts know when they were asked for."""

    def fetch_stamped(segment: Segment) -> Chunk:
        asked_at = stopwatch()
        return replace(fetch(segment), asked_at=asked_at)

    return fetch_stamped


@dataclass(slots=True)
class _Slot:
    """One segment on its way to an answer."""

    segment: Segment
    kept: list[Chunk] = field(default_factory=list)
    flight: Future[Chunk] | None = None
    pushed: Chunk | None = None

    @property
    def is_missing(self) -> bool:
        """Neither known nor asked for."""
        return not self.kept and self.flight is None and self.pushed is None

    @property
    def is_late(self) -> bool:
        """Asked for, and not there."""
        return self.flight is not None and not self.flight.done()


class Gatherer:
    """Thread-safe. `begin` starts what has to be asked, `collect` waits for it and adds up the account.

    `pushed`: the part that Butlr has pushed, where it has; `now`: the wall clock; `stopwatch`: how old parts
    are; `clock`: how long failed questions rest, and others that nobody repeats wait.
    """

    def __init__(
        self,
        fetch: Callable[[Segment], Chunk],
        store: Store,
        *,
        workers: int,
        forget_s: float = FORGET_S,
        pushed: Callable[[Segment], Chunk | None] = lambda _: None,
        now: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = stopwatch,
        clock: Callable[[], float] = time.monotonic,
        **admission: Any,
    ) -> None:
        """`admission`: `together`, `turns`, `at_a_time` and `wait` of `InFlightRequests`."""
        self._store = store
        self._pushed = pushed
        self._now = now
        self._stopwatch = stopwatch
        self.flights = InFlightRequests(
            fetch, store.put, workers=workers, forget_s=forget_s, clock=clock, **admission
        )

    def begin(
        self, segments: Sequence[Segment], *, need: CallClass = CallClass.VIEWER, as_reported: bool = False
    ) -> PendingFetch:
        """As `begin_all`, of one query."""
        return self.begin_all([segments], need=need, as_reported=as_reported)[0]

    def begin_all(
        self,
        queries: Sequence[Sequence[Segment]],
        *,
        need: CallClass = CallClass.VIEWER,
        as_reported: bool = False,
    ) -> list[PendingFetch]:
        """Looks up what is kept of each query and asks Butlr for the rest; returns at once. `need`: whom it
        is for. `as_reported`: what Butlr says when it is asked, as it has to be in the background; pushed
        minutes are compared with it.
        """
        pending = [PendingFetch(self, [_Slot(segment) for segment in segments]) for segments in queries]
        if not as_reported and need is not CallClass.BACKGROUND:
            self._take_pushed(pending)
        self.ask(pending, need=need)
        return pending

    def look_up_all(self, queries: Sequence[Sequence[Segment]]) -> list[PendingFetch]:
        """As `begin_all`, but asks nothing: `ask` does."""
        pending = [PendingFetch(self, [_Slot(segment) for segment in segments]) for segments in queries]
        self._take_pushed(pending)
        for slot in (slot for one in pending for slot in one.slots if slot.is_missing):
            slot.kept = self._fresh(slot.segment)
        return pending

    def _take_pushed(self, pending: Iterable[PendingFetch]) -> None:
        for slot in (slot for one in pending for slot in one.slots):
            slot.pushed = None if slot.segment.settled else self._pushed(slot.segment)

    def ask(self, pending: Iterable[PendingFetch], *, need: CallClass) -> None:
        """Asks Butlr for what these lack and nobody has kept meanwhile; returns at once."""
        # Newest first: where the deadline cuts, the part that people look at is in.
        waiting = [
            (slot, rank)
            for one in pending
            for rank, slot in enumerate(reversed(one.slots))
            if slot.is_missing
        ]
        while waiting:
            landed = self.flights.landed
            for slot, _ in waiting:
                slot.kept = self._fresh(slot.segment)
            missing = [(slot, rank) for slot, rank in waiting if not slot.kept]
            wanted = [Wanted(slot.segment, rank) for slot, rank in missing]
            for (slot, _), flight in zip(
                missing, self.flights.ask_all(wanted, landed=landed, need=need), strict=True
            ):
                slot.flight = flight
            waiting = [(slot, rank) for slot, rank in missing if slot.flight is None]

    def known(self, segments: Sequence[Segment], *, max_age_s: float) -> PendingFetch | None:
        """What is kept of all of these, of what still changes as it was at most so long ago; nothing is
        asked. `None` where a part is missing.
        """
        since = self._stopwatch() - max_age_s
        slots: list[_Slot] = []
        for segment in segments:
            part = self._store.get(segment, since=since)
            if part is None or not (part.settled or part.asked_at >= since):
                return None
            slots.append(_Slot(segment, [part]))
        return PendingFetch(self, slots)

    def known_until(self, space: str, subject: Subject, period: Period) -> int | None:
        """The end of the newest part that is kept within a period."""
        kept = self._store.within(space, subject, period)
        return max((one.end_s for one in kept), default=None)

    def collect(self, pending: PendingFetch, *, deadline: float, whole: bool = False) -> FetchResult:
        """The parts at the latest when the monotonic clock shows `deadline`. `whole`: older ones are of no
        use, so it is waited for to the end.

        Raises the first fault, or `UpstreamLate`, where something was planned and nothing is known.
        """
        self._wait(pending.slots, deadline, math.inf if whole else PATIENCE_S)
        tally = Tally(Clocks(self._now(), self._stopwatch()))
        late: list[Segment] = []
        known: list[tuple[Segment, Callable[[], None]]] = []
        for slot in pending.slots:
            part, error = _result(slot.flight)
            good_s = live_s(slot.segment)
            if slot.pushed is not None:
                pushed = replace(slot.pushed, asked_at=self._stopwatch())
                known.append((slot.segment, partial(tally.pushed, pushed)))
            elif slot.kept:
                known.append((slot.segment, partial(tally.cached, slot.kept, good_s)))
            elif part is not None:
                known.append((slot.segment, partial(tally.fetched, part, good_s)))
            elif kept := self._fresh(slot.segment):
                # Another replica has brought it meanwhile.
                known.append((slot.segment, partial(tally.cached, kept, good_s)))
            else:
                tally.failed(error)
                late.append(slot.segment)
        settled = {segment.period.end_s: segment for segment, _ in known if segment.settled}
        replaced = set()
        for run in runs(late):
            before = settled.get(run[0].period.start_s)
            older = self._older(run)
            if before is not None and before.subject.adds_up:
                longer = self._older([before, *run])
                if _length_s(longer) > before.period.length_s + _length_s(older):
                    # Known from before the boundary between settled and not has moved to where it is.
                    replaced.add(before)
                    run, older = [before, *run], longer  # noqa: PLW2901
            tally.late(run, older)
        for segment, count in known:
            if segment not in replaced:
                count()
        return tally.gathered(len(pending.slots))

    def knows_older(self, pending: PendingFetch) -> bool:
        """Whether something is kept of all that has not arrived."""
        late = (slot.segment for slot in pending.slots if slot.is_missing or slot.is_late)
        return all(self._older(run) for run in runs(late))

    def wait(self, calls: Iterable[Future[Chunk]], timeout_s: float) -> float:
        """Waits until all of these calls have ended, at most so long; returns the monotonic clock."""
        if timeout_s > 0:
            wait_for(set(calls), timeout=timeout_s)
        return time.monotonic()

    def close(self) -> None:
        """Nobody waits for Butlr any more."""
        self.flights.close()
        self._store.close()

    def _wait(self, slots: list[_Slot], deadline: float, patience_s: float) -> None:
        flights = {s.flight for s in slots if s.flight is not None}
        _, late = wait_for(flights, timeout=min(patience_s, max(0.0, deadline - time.monotonic())))
        if late and not all(self._older(run) for run in runs(s.segment for s in slots if s.flight in late)):
            wait_for(late, timeout=max(0.0, deadline - time.monotonic()))

    def _fresh(self, segment: Segment) -> list[Chunk]:
        """The kept parts that make up the segment as it would be answered now; empty where they do not."""
        stopwatch_s = self._stopwatch()
        part = self._store.get(segment, since=stopwatch_s - live_s(segment))
        if part is not None and is_fresh(segment, part, stopwatch_s):
            return [part]
        if not segment.settled or not segment.subject.adds_up:
            return []
        tiles = tile(self._store.within(segment.space, segment.subject, segment.period), segment.period)
        if not tiles or tiles[0].start_s != segment.period.start_s or tiles == [segment.period]:
            return []
        if sum(t.length_s for t in tiles) != segment.period.length_s:
            return []
        parts = self._parts(segment, tiles)
        return parts if len(parts) == len(tiles) and all(p.settled for p in parts) else []

    def _older(self, run: Sequence[Segment]) -> list[Chunk]:
        """The best that is kept of adjoining segments: disjoint parts within them, however old.

        Of all of them together: the boundary between settled and not moves on, and what was kept before
        it moved lies across it.
        """
        first = run[0]
        whole = Period(first.period.start_s, run[-1].period.end_s)
        if not first.subject.adds_up:
            return self._parts(first, [whole])
        return self._parts(first, tile(self._store.within(first.space, first.subject, whole), whole))

    def _parts(self, segment: Segment, periods: Iterable[Period]) -> list[Chunk]:
        newest = self._stopwatch()
        asked = (Segment(segment.space, segment.subject, p, segment.settled) for p in periods)
        found = (self._store.get(one, since=newest) for one in asked)
        return [part for part in found if part is not None]


@dataclass(frozen=True, slots=True)
class PendingFetch:
    """Work begun. `collect` may be called once others have been begun too."""

    gatherer: Gatherer
    slots: list[_Slot]

    @property
    def calls(self) -> list[Future[Chunk]]:
        """The calls to Butlr that it waits for."""
        return [slot.flight for slot in self.slots if slot.flight is not None]

    @property
    def missing(self) -> list[Segment]:
        """What is neither known nor asked for."""
        return [slot.segment for slot in self.slots if slot.is_missing]

    @property
    def late(self) -> list[Segment]:
        """What is asked for and not there."""
        return [slot.segment for slot in self.slots if slot.is_late]

    def collect(self, *, deadline: float, whole: bool = False) -> FetchResult:
        return self.gatherer.collect(self, deadline=deadline, whole=whole)


def runs(segments: Iterable[Segment]) -> list[list[Segment]]:
    """Segments in the order of time, grouped where one begins as the other ends."""
    grouped: list[list[Segment]] = []
    for segment in segments:
        if grouped and grouped[-1][-1].period.end_s == segment.period.start_s:
            grouped[-1].append(segment)
        else:
            grouped.append([segment])
    return grouped


def tile(known: Iterable[Period], whole: Period) -> list[Period]:
    """Disjoint periods of `known` inside `whole`, in order: those that together cover most of it, and of
    these the fewest.
    """
    inside = sorted({p for p in known if whole.contains(p)}, key=lambda p: (p.end_s, p.start_s))
    ends_s = [p.end_s for p in inside]
    # Of the first n: what can be covered, and with how many; and which one is the last of them.
    best: list[tuple[int, int]] = [(0, 0)]
    last: list[int | None] = [None]
    for n, period in enumerate(inside):
        covered_s, count = best[bisect_right(ends_s, period.start_s)]
        with_it = (covered_s + period.length_s, count - 1)
        is_better = with_it > best[n]
        best.append(with_it if is_better else best[n])
        last.append(n if is_better else last[n])
    tiles: list[Period] = []
    n = len(inside)
    while (chosen := last[n]) is not None:
        tiles.append(inside[chosen])
        n = bisect_right(ends_s, inside[chosen].start_s)
    return tiles[::-1]


def _length_s(parts: Iterable[Chunk]) -> int:
    return sum(part.period.length_s for part in parts)


def _result(flight: Future[Chunk] | None) -> tuple[Chunk | None, BackendError | None]:
    """What a flight brought so far; a fault that is a bug is raised."""
    if flight is None or not flight.done():
        return None, None
    error = flight.exception()
    if error is None:
        return flight.result(), None
    if isinstance(error, BackendError):
        return None, error
    raise error
