"""The result of gathering: the chunks, and how many segments are fetched, cached, stale or missing."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from butlr_grafana.base.errors import BackendError, UpstreamLate
from butlr_grafana.model.chunk import Chunk, Coverage, Segment
from butlr_grafana.model.time import HOUR_S, Period

NOISE_S = 1.0
"""Two clocks that are read one after the other, or are being slowed down: less than this is no step."""


PUSHED_S = 5.0
"""How long a result made of pushed minutes is fresh: another minute may arrive at any time."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """The wall clock and the stopwatch, read together."""

    now_s: float
    stopwatch_s: float

    def known_at_s(self, chunk: Chunk) -> float:
        """The instant, by the wall clock as it is now, as of which a chunk is known.

        It is when it was fetched. If the wall clock has stepped back since, the stopwatch decides. If the
        stopwatch has no value, a date in the future is ignored.
        """
        if chunk.requested_at == -math.inf:
            return chunk.fetched_at_s if chunk.fetched_at_s <= self.now_s else float(chunk.period.end_s)
        return stepped(chunk.fetched_at_s, self.now_s, self.stopwatch_s - chunk.requested_at)


def known_part(chunk: Chunk) -> Chunk | None:
    """A chunk up to the instant at which it was requested: a clock that was ahead has requested the future.
    `None` if nothing is left.
    """
    known_s = int(chunk.fetched_at_s)
    if chunk.settled or chunk.period.end_s <= known_s:
        return chunk
    if known_s <= chunk.period.start_s:
        return None
    return replace(chunk, period=Period(chunk.period.start_s, known_s))


def stepped(instant_s: float, now_s: float, age_s: float) -> float:
    """An instant of the wall clock, `age_s` ago by the stopwatch, as one of the wall clock that shows
    `now_s`: the same, unless that would make it younger than it is.
    """
    return instant_s if now_s - instant_s > age_s - NOISE_S else now_s - age_s


@dataclass(frozen=True, slots=True)
class FetchResult:
    """`chunks` in the order of time, disjoint; `coverage` says what is not among them.

    `error`: the first fault met, where there was one.
    """

    chunks: tuple[Chunk, ...]
    coverage: Coverage
    error: BackendError | None = None


class Tally:
    """Counts what a result is made of, when the clocks show `clocks`."""

    def __init__(self, clocks: Clocks) -> None:
        self._clocks = clocks
        self._chunks: list[Chunk] = []
        self._fetched = self._cached = self._pushed = self._stale = self._missing = 0
        self._changeable_at: list[float] = []
        self._fresh_until_s = math.inf
        self._gaps: list[Period] = []
        self._errors: list[BackendError] = []

    def fetched(self, chunk: Chunk, good_s: float) -> None:
        self._fetched += 1
        self._take([chunk], good_s)

    def cached(self, chunks: list[Chunk], good_s: float) -> None:
        self._cached += 1
        self._take(chunks, good_s)

    def pushed(self, chunk: Chunk) -> None:
        self._pushed += 1
        self._take([chunk], 0.0, good_until_s=self._clocks.now_s + PUSHED_S)

    def failed(self, error: BackendError | None) -> None:
        """A segment without its chunk; `error` is `None` where the response is only late."""
        if error is not None:
            self._errors.append(error)

    def late(self, run: Sequence[Segment], older: list[Chunk]) -> None:
        """Adjoining segments without a response, and the older chunks of them."""
        parts = map(known_part, older)
        older = [part for part in parts if part is not None]
        for segment in run:
            known = any(segment.period.overlap(p.period) for p in older)
            self._stale += known
            self._missing += not known
        whole = Period(run[0].period.start_s, run[-1].period.end_s)
        covered = {p.period.start_s for p in older}
        edges = [t for p in older for t in (p.period.start_s, p.period.end_s)]
        self._gaps += [p for p in whole.cut_at(edges) if p.start_s not in covered]
        self._take(older, 0.0)

    def _take(self, chunks: list[Chunk], good_s: float, *, good_until_s: float | None = None) -> None:
        self._chunks += chunks
        changeable_at = [self._clocks.known_at_s(p) for p in chunks if not p.settled]
        self._changeable_at += changeable_at
        ends = [at + good_s for at in changeable_at] if good_until_s is None else [good_until_s]
        self._fresh_until_s = min([self._fresh_until_s, *ends])

    def gathered(self, planned: int) -> FetchResult:
        error = self._errors[0] if self._errors else None
        if planned and not self._chunks:
            if error is not None:
                # The same for all who ask while the question rests: without what others hung on to it.
                raise error.with_traceback(None)
            raise UpstreamLate("Butlr sent no response before the deadline; the request is still running")
        reasons = tuple(dict.fromkeys(e.message for e in self._errors))
        if self._gaps and not reasons:
            reasons = ("Butlr has not answered yet; the request is still running",)
        newest = max(self._chunks, key=lambda p: p.period.end_s, default=None)
        last_end_s = float(newest.period.end_s) if newest is not None else 0.0
        coverage = Coverage(
            planned=planned,
            fetched=self._fetched,
            cached=self._cached,
            stale=self._stale,
            missing=self._missing,
            hours=sum(p.period.length_s for p in self._chunks) / HOUR_S,
            as_of_s=min(self._changeable_at, default=last_end_s),
            gaps=tuple(self._gaps),
            reasons=reasons[:3],
            fresh_until_s=self._fresh_until_s,
            pushed=self._pushed,
            source=newest.source if newest is not None else "asked",
        )
        chunks = sorted(self._chunks, key=lambda p: p.period)
        return FetchResult(tuple(chunks), coverage, error)
