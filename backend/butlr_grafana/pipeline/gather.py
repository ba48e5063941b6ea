"""Segments → parts: what is kept, else what Butlr answers in time, else what was known before.

Nothing here waits past the deadline. What comes later is kept and is in the next answer.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from typing import Any

from butlr_grafana.base.errors import BackendError, UpstreamLate
from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.cache.chunks.store import Store
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Chunk, Coverage, Segment
from butlr_grafana.model.time import HOUR_S, Period
from butlr_grafana.pipeline.in_flight import FORGET_S, InFlightRequests, Wanted

LIVE_S = 60.0
"""How long a part that can still change is good for."""

WHOLE_LIVE_S = 3600.0
"""The same of one that is asked for as a whole, however long its period: what comes late hardly shows."""

NOISE_S = 1.0
"""Two clocks that are read one after the other, or are being slowed down: less than this is no step."""

PUSHED_S = 5.0
"""How long an answer that is made of pushed minutes is good for: another may arrive at any time."""

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


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall clock and the stopwatch, read together."""

    now_s: float
    stopwatch_s: float

    def known_at_s(self, part: Chunk) -> float:
        """The instant, by the wall clock as it is now, as of which a part is known.

        It is when it was fetched, unless the wall clock has stepped back since: then the stopwatch tells.
        Where that tells nothing, a date in the future is not believed.
        """
        if part.asked_at == -math.inf:
            return part.fetched_at_s if part.fetched_at_s <= self.now_s else float(part.period.end_s)
        return stepped(part.fetched_at_s, self.now_s, self.stopwatch_s - part.asked_at)


def stepped(instant_s: float, now_s: float, age_s: float) -> float:
    """An instant of the wall clock, `age_s` ago by the stopwatch, as one of the wall clock that shows
    `now_s`: the same, unless that would make it younger than it is.
    """
    return instant_s if now_s - instant_s > age_s - NOISE_S else now_s - age_s


@dataclass(frozen=True, slots=True)
class FetchResult:
    """`parts` in the order of time, disjoint; `coverage` says what is not among them.

    `error`: the first fault met, where there was one.
    """

    parts: tuple[Chunk, ...]
    coverage: Coverage
    error: BackendError | None = None


@dataclass(slots=True)
class _Slot:
    """One segment on its way to an answer."""

    segment: Segment
    kept: list[Chunk] = field(default_factory=list)
    flight: Future[Chunk] | None = None
    pushed: Chunk | None = None


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
        as_reported = as_reported or need is CallClass.BACKGROUND
        slots = [[_Slot(segment) for segment in segments] for segments in queries]
        # Newest first: where the deadline cuts, the part that people look at is in.
        waiting = [(slot, rank) for own in slots for rank, slot in enumerate(reversed(own))]
        if not as_reported:
            for slot, _ in waiting:
                slot.pushed = None if slot.segment.settled else self._pushed(slot.segment)
            waiting = [(slot, rank) for slot, rank in waiting if slot.pushed is None]
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
        return [PendingFetch(self, own) for own in slots]

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

    def collect(self, pending: PendingFetch, *, deadline: float, whole: bool = False) -> FetchResult:
        """The parts at the latest when the monotonic clock shows `deadline`. `whole`: older ones are of no
        use, so it is waited for to the end.

        Raises the first fault, or `UpstreamLate`, where something was planned and nothing is known.
        """
        self._wait(pending.slots, deadline, math.inf if whole else PATIENCE_S)
        tally = _Tally(Clocks(self._now(), self._stopwatch()))
        late: list[Segment] = []
        for slot in pending.slots:
            part, error = _result(slot.flight)
            if slot.pushed is not None:
                tally.pushed(replace(slot.pushed, asked_at=self._stopwatch()))
            elif slot.flight is None:
                tally.cached(slot.kept, live_s(slot.segment))
            elif part is not None:
                tally.fetched(part, live_s(slot.segment))
            elif kept := self._fresh(slot.segment):
                # Another replica has brought it meanwhile.
                tally.cached(kept, live_s(slot.segment))
            else:
                tally.failed(error)
                late.append(slot.segment)
        for run in runs(late):
            tally.late(run, self._older(run))
        return tally.gathered(len(pending.slots))

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
    """Disjoint periods of `known` inside `whole`, in order: from the left, always the longest."""
    longest: dict[int, Period] = {}
    for period in known:
        if whole.contains(period) and (
            period.start_s not in longest or longest[period.start_s].end_s < period.end_s
        ):
            longest[period.start_s] = period
    tiles: list[Period] = []
    for start in sorted(longest):
        if not tiles or start >= tiles[-1].end_s:
            tiles.append(longest[start])
    return tiles


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


class _Tally:
    """Adds up what an answer is made of, when the clocks show `clocks`."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._parts: list[Chunk] = []
        self._fetched = self._cached = self._pushed = self._stale = self._missing = 0
        self._changeable_at: list[float] = []
        self._fresh_until_s = math.inf
        self._gaps: list[Period] = []
        self._errors: list[BackendError] = []

    def fetched(self, part: Chunk, good_s: float) -> None:
        self._fetched += 1
        self._take([part], good_s)

    def cached(self, parts: list[Chunk], good_s: float) -> None:
        self._cached += 1
        self._take(parts, good_s)

    def pushed(self, part: Chunk) -> None:
        self._pushed += 1
        self._take([part], 0.0, good_until_s=self._clocks.now_s + PUSHED_S)

    def failed(self, error: BackendError | None) -> None:
        """A segment without its part; `error` is `None` where the answer is only late."""
        if error is not None:
            self._errors.append(error)

    def late(self, run: Sequence[Segment], older: list[Chunk]) -> None:
        """Adjoining segments that Butlr did not answer, and what was known of them before."""
        for segment in run:
            known = any(segment.period.overlap(p.period) for p in older)
            self._stale += known
            self._missing += not known
        whole = Period(run[0].period.start_s, run[-1].period.end_s)
        covered = {p.period.start_s for p in older}
        edges = [t for p in older for t in (p.period.start_s, p.period.end_s)]
        self._gaps += [p for p in whole.cut_at(edges) if p.start_s not in covered]
        self._take(older, 0.0)
        self._changeable_at += [self._clocks.known_at_s(p) for p in older]

    def _take(self, parts: list[Chunk], good_s: float, *, good_until_s: float | None = None) -> None:
        self._parts += parts
        changeable_at = [self._clocks.known_at_s(p) for p in parts if not p.settled]
        self._changeable_at += changeable_at
        ends = [at + good_s for at in changeable_at] if good_until_s is None else [good_until_s]
        self._fresh_until_s = min([self._fresh_until_s, *ends])

    def gathered(self, planned: int) -> FetchResult:
        error = self._errors[0] if self._errors else None
        if planned and not self._parts:
            if error is not None:
                # The same for all who ask while the question rests: without what others hung on to it.
                raise error.with_traceback(None)
            raise UpstreamLate("Butlr sent no response before the deadline; the request is still running")
        reasons = tuple(dict.fromkeys(e.message for e in self._errors))
        if self._gaps and not reasons:
            reasons = ("Butlr has not answered yet; the request is still running",)
        newest = max(self._parts, key=lambda p: p.period.end_s, default=None)
        last_end_s = float(newest.period.end_s) if newest is not None else 0.0
        coverage = Coverage(
            planned=planned,
            fetched=self._fetched,
            cached=self._cached,
            stale=self._stale,
            missing=self._missing,
            hours=sum(p.period.length_s for p in self._parts) / HOUR_S,
            as_of_s=min(self._changeable_at, default=last_end_s),
            gaps=tuple(self._gaps),
            reasons=reasons[:3],
            fresh_until_s=self._fresh_until_s,
            pushed=self._pushed,
            source=newest.source if newest is not None else "asked",
        )
        parts = sorted(self._parts, key=lambda p: p.period)
        return FetchResult(tuple(parts), coverage, error)
