"""Segments → chunks: what is cached, else what Butlr returns in time, else older chunks.

Nothing here waits past the deadline. What comes later is stored and is in the next result.
"""

from __future__ import annotations

import math
import time
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
from butlr_grafana.pipeline.in_flight import FORGET_S, InFlightRequests, RequestedSegment
from butlr_grafana.pipeline.tiling import extent, runs, tile

LIVE_S = 60.0
"""How long a chunk that can still change is good for."""

WHOLE_LIVE_S = 3600.0
"""The same of one that is requested as a whole, however long its period: what comes late hardly shows."""


PATIENCE_S = 5.0
"""How long to wait for Butlr if older data could be shown instead."""


def live_s(segment: Segment) -> float:
    """How long a chunk of it that has not settled is good for.

    If the segment has, its chunk was stored before that, or Butlr's clock differed: an older version,
    and soon requested again.
    """
    if segment.good_s is not None and not segment.settled:
        return segment.good_s
    return LIVE_S if segment.settled or segment.subject.adds_up else WHOLE_LIVE_S


def is_fresh(segment: Segment, chunk: Chunk, stopwatch_s: float) -> bool:
    """Whether a cached chunk is what would be returned when the stopwatch shows `stopwatch_s`."""
    return chunk.settled or stopwatch_s - chunk.requested_at < live_s(segment)


def stamped(fetch: Callable[[Segment], Chunk], stopwatch: Callable[[], float]) -> Callable[[Segment], Chunk]:
    """`fetch`, whose chunks know when they were requested."""

    def fetch_stamped(segment: Segment) -> Chunk:
        requested_at = stopwatch()
        return replace(fetch(segment), requested_at=requested_at)

    return fetch_stamped


@dataclass(slots=True)
class _PendingSegment:
    """A segment whose chunk is being gathered."""

    segment: Segment
    cached: list[Chunk] = field(default_factory=list)
    call: Future[Chunk] | None = None
    pushed: Chunk | None = None

    @property
    def is_missing(self) -> bool:
        """Neither known nor requested."""
        return not self.cached and self.call is None and self.pushed is None

    @property
    def is_late(self) -> bool:
        """Requested, and not there."""
        return self.call is not None and not self.call.done()


class Gatherer:
    """Thread-safe. `begin` starts the calls that are needed, `collect` waits for them and counts the
    coverage.

    `pushed`: the chunk that Butlr has pushed, where it has; `now`: the wall clock; `stopwatch`: how old
    chunks are; `clock`: how long failed requests are not repeated, and others that nobody repeats wait.
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
        self.in_flight = InFlightRequests(
            fetch, store.put, workers=workers, forget_s=forget_s, clock=clock, **admission
        )

    def begin(
        self,
        segments: Sequence[Segment],
        *,
        call_class: CallClass = CallClass.VIEWER,
        as_reported: bool = False,
    ) -> PendingFetch:
        """As `begin_all`, of one query."""
        return self.begin_all([segments], call_class=call_class, as_reported=as_reported)[0]

    def begin_all(
        self,
        queries: Sequence[Sequence[Segment]],
        *,
        call_class: CallClass = CallClass.VIEWER,
        as_reported: bool = False,
    ) -> list[PendingFetch]:
        """Reads the cache for each query and requests the rest from Butlr; returns at once. `call_class`:
        whom it is for. `as_reported`: what Butlr reports, as it has to be in the background; pushed minutes
        are compared with it.
        """
        pending = [
            PendingFetch(self, [_PendingSegment(segment) for segment in segments]) for segments in queries
        ]
        if not as_reported and call_class is not CallClass.BACKGROUND:
            self._take_pushed(pending)
        self.request(pending, call_class=call_class)
        return pending

    def look_up_all(self, queries: Sequence[Sequence[Segment]]) -> list[PendingFetch]:
        """As `begin_all`, but calls nothing: `request` does."""
        pending = [
            PendingFetch(self, [_PendingSegment(segment) for segment in segments]) for segments in queries
        ]
        self._take_pushed(pending)
        for entry in (entry for one in pending for entry in one.entries if entry.is_missing):
            entry.cached = self._fresh(entry.segment)
        return pending

    def _take_pushed(self, pending: Iterable[PendingFetch]) -> None:
        for entry in (entry for one in pending for entry in one.entries):
            entry.pushed = None if entry.segment.settled else self._pushed(entry.segment)

    def request(self, pending: Iterable[PendingFetch], *, call_class: CallClass) -> None:
        """Requests from Butlr what these lack and nobody has stored meanwhile; returns at once."""
        # Newest first: where the deadline cuts, the chunk that viewers need most is in.
        waiting = [
            (entry, rank)
            for one in pending
            for rank, entry in enumerate(reversed(one.entries))
            if entry.is_missing
        ]
        while waiting:
            completed = self.in_flight.completed
            for entry, _ in waiting:
                entry.cached = self._fresh(entry.segment)
            missing = [(entry, rank) for entry, rank in waiting if not entry.cached]
            requested = [RequestedSegment(entry.segment, rank) for entry, rank in missing]
            for (entry, _), call in zip(
                missing,
                self.in_flight.request_all(requested, completed=completed, call_class=call_class),
                strict=True,
            ):
                entry.call = call
            waiting = [(entry, rank) for entry, rank in missing if entry.call is None]

    def known(self, segments: Sequence[Segment], *, max_age_s: float) -> PendingFetch | None:
        """What is cached of all of these, of what still changes as it was at most so long ago; nothing is
        requested. `None` where a chunk is missing.
        """
        since = self._stopwatch() - max_age_s
        entries: list[_PendingSegment] = []
        for segment in segments:
            chunk = self._store.get(segment, since=since)
            if chunk is None or not (chunk.settled or chunk.requested_at >= since):
                return None
            entries.append(_PendingSegment(segment, [chunk]))
        return PendingFetch(self, entries)

    def known_until(self, space: str, subject: Subject, period: Period) -> int | None:
        """The end of the newest chunk that is cached within a period."""
        cached = self._store.within(space, subject, period)
        return max((one.end_s for one in cached), default=None)

    def collect(self, pending: PendingFetch, *, deadline: float, whole: bool = False) -> FetchResult:
        """The chunks at the latest when the monotonic clock shows `deadline`. `whole`: older ones are of no
        use, so it waits to the deadline.

        Raises the first fault, or `UpstreamLate`, where something was planned and nothing is known.
        """
        self._wait(pending.entries, deadline, math.inf if whole else PATIENCE_S)
        tally = Tally(Clocks(self._now(), self._stopwatch()))
        known, late = self._arrived(pending.entries, tally)
        replaced = self._count_late(known, late, tally)
        for segment, count in known.items():
            if segment not in replaced:
                count()
        return tally.gathered(len(pending.entries))

    def _arrived(
        self, entries: Iterable[_PendingSegment], tally: Tally
    ) -> tuple[dict[Segment, Callable[[], None]], list[Segment]]:
        """What is known, with how to count it, and what is late."""
        late: list[Segment] = []
        known: dict[Segment, Callable[[], None]] = {}
        for entry in entries:
            chunk, error = _result(entry.call)
            good_s = live_s(entry.segment)
            if entry.pushed is not None:
                pushed = replace(entry.pushed, requested_at=self._stopwatch())
                known[entry.segment] = partial(tally.pushed, pushed)
            elif entry.cached:
                known[entry.segment] = partial(tally.cached, entry.cached, good_s)
            elif chunk is not None:
                known[entry.segment] = partial(tally.fetched, chunk, good_s)
            elif cached := self._fresh(entry.segment):
                # Another replica has stored it meanwhile.
                known[entry.segment] = partial(tally.cached, cached, good_s)
            else:
                tally.failed(error)
                late.append(entry.segment)
        return known, late

    def _count_late(self, known: Iterable[Segment], late: Sequence[Segment], tally: Tally) -> set[Segment]:
        """Counts the older data of what is late; the known segments that it replaces."""
        settled = {segment.period.end_s: segment for segment in known if segment.settled}
        replaced = set()
        for run in runs(late):
            before = settled.get(run[0].period.start_s)
            older = self._older(run)
            if before is not None and before.subject.adds_up:
                both = [before, *run]
                whole = Period(before.period.start_s, run[-1].period.end_s)
                better = self._older(both)
                with_before = [before.period, *(one.period for one in older)]
                if extent((one.period for one in better), whole) > extent(with_before, whole):
                    # Known from before the boundary between settled and not has moved to where it is.
                    replaced.add(before)
                    run, older = both, better  # noqa: PLW2901
            tally.late(run, older)
        return replaced

    def has_older(self, pending: PendingFetch) -> bool:
        """Whether something older is cached of all that has not arrived."""
        late = (entry.segment for entry in pending.entries if entry.is_missing or entry.is_late)
        return all(self._older(run) for run in runs(late))

    def wait(self, calls: Iterable[Future[Chunk]], timeout_s: float) -> float:
        """Waits until all of these calls have ended, at most so long; returns the monotonic clock."""
        if timeout_s > 0:
            wait_for(set(calls), timeout=timeout_s)
        return time.monotonic()

    def close(self) -> None:
        """Nobody waits for Butlr any more."""
        self.in_flight.close()
        self._store.close()

    def _wait(self, entries: list[_PendingSegment], deadline: float, patience_s: float) -> None:
        calls = {s.call for s in entries if s.call is not None}
        _, late = wait_for(calls, timeout=min(patience_s, max(0.0, deadline - time.monotonic())))
        if late and not all(self._older(run) for run in runs(s.segment for s in entries if s.call in late)):
            wait_for(late, timeout=max(0.0, deadline - time.monotonic()))

    def _fresh(self, segment: Segment) -> list[Chunk]:
        """The cached chunks that make up the segment as it would be returned now; empty where they do not."""
        stopwatch_s = self._stopwatch()
        chunk = self._store.get(segment, since=stopwatch_s - live_s(segment))
        if chunk is not None and is_fresh(segment, chunk, stopwatch_s):
            return [chunk]
        if not segment.settled or not segment.subject.adds_up:
            return []
        tiles = tile(self._store.within(segment.space, segment.subject, segment.period), segment.period)
        if not tiles or tiles[0].start_s != segment.period.start_s or tiles == [segment.period]:
            return []
        if sum(t.length_s for t in tiles) != segment.period.length_s:
            return []
        chunks = self._chunks(segment, tiles)
        return chunks if len(chunks) == len(tiles) and all(p.settled for p in chunks) else []

    def _older(self, run: Sequence[Segment]) -> list[Chunk]:
        """The best that is cached of adjoining segments: disjoint chunks within them, however old.

        Of all of them together: the boundary between settled and not moves on, and what was stored before
        it moved lies across it.
        """
        first = run[0]
        whole = Period(first.period.start_s, run[-1].period.end_s)
        if not first.subject.adds_up:
            return self._chunks(first, [whole])
        return self._chunks(first, tile(self._store.within(first.space, first.subject, whole), whole))

    def _chunks(self, segment: Segment, periods: Iterable[Period]) -> list[Chunk]:
        newest = self._stopwatch()
        lookups = (Segment(segment.space, segment.subject, p, segment.settled) for p in periods)
        found = (self._store.get(one, since=newest) for one in lookups)
        return [chunk for chunk in found if chunk is not None]


@dataclass(frozen=True, slots=True)
class PendingFetch:
    """Calls in progress. `collect` may be called once others have been begun too."""

    gatherer: Gatherer
    entries: list[_PendingSegment]

    @property
    def calls(self) -> list[Future[Chunk]]:
        """The calls to Butlr that it waits for."""
        return [entry.call for entry in self.entries if entry.call is not None]

    @property
    def missing(self) -> list[Segment]:
        """What is neither known nor requested."""
        return [entry.segment for entry in self.entries if entry.is_missing]

    @property
    def late(self) -> list[Segment]:
        """What is requested and not there."""
        return [entry.segment for entry in self.entries if entry.is_late]

    def collect(self, *, deadline: float, whole: bool = False) -> FetchResult:
        return self.gatherer.collect(self, deadline=deadline, whole=whole)


def _result(call: Future[Chunk] | None) -> tuple[Chunk | None, BackendError | None]:
    """The result of a call so far; a fault that is a bug is raised."""
    if call is None or not call.done():
        return None, None
    error = call.exception()
    if error is None:
        return call.result(), None
    if isinstance(error, BackendError):
        return None, error
    raise error
