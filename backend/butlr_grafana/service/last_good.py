"""The results of calls to Butlr by floor: each floor is complete or an error. The last good ones are kept."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from cachetools import LRUCache, TTLCache

from butlr_grafana.base.errors import BackendError
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import AnyResult, HeatMap, SeriesResult
from butlr_grafana.pipeline.fetch_result import stepped

REPEAT_S = 600
"""How long a floor's last complete answer stands in for one that is not, where others are complete: through a
short outage an alert keeps what it knew, through a long one it is to be told that nothing is known.
"""

MAX_BYTES = 64 * 2**20
"""Of last complete answers; those that nobody has repeated for longest go first."""

LEAST_BYTES = 2_000
"""What an answer takes beside its cells and values."""

WATCHED_S = 900.0
"""A rule that has not been evaluated for so long is not watched any more."""

MOST_WATCHED = 100_000
"""Rules by floors whose data are watched."""


@dataclass(frozen=True, slots=True)
class FloorResult:
    """A floor's answers, or the `fault` of the first that failed; then there are none.

    `partial_errors`: why a part that only fills columns could not be had.
    """

    floor: Floor
    found: tuple[AnyResult, ...] = ()
    fault: BackendError | None = None
    partial_errors: tuple[BackendError, ...] = ()

    @property
    def complete(self) -> bool:
        return not (self.fault or self.partial_errors) and all(
            result.coverage.complete for result in self.found
        )


def recent_enough(floor_result: FloorResult, since_s: float) -> FloorResult:
    """The same; a result that lacks nothing before `since_s`, and is as of then or later, is complete."""
    return replace(
        floor_result, found=tuple(_recent_enough(result, since_s) for result in floor_result.found)
    )


def _recent_enough(result: AnyResult, since_s: float) -> AnyResult:
    coverage = result.coverage
    lacks_only_the_end = not coverage.missing and all(gap.start_s >= since_s for gap in coverage.gaps)
    if not coverage.stale or not lacks_only_the_end or coverage.as_of_s < since_s:
        return result
    cached = coverage.cached + coverage.stale
    return replace(result, coverage=replace(coverage, cached=cached, stale=0, gaps=(), reasons=()))


class LastGoodCache:
    """The last complete results of queries about now. Thread-safe, and limited by bytes.

    The key is the query without its time. `now`: the wall clock, for `as_of`; `stopwatch`: for ages. The
    cache belongs to this process only and ends with it, so the stopwatch is enough.
    """

    def __init__(
        self, now: Callable[[], float], stopwatch: Callable[[], float], max_bytes: int = MAX_BYTES
    ) -> None:
        self._results: LRUCache[Hashable, _Last] = LRUCache(max_bytes, getsizeof=lambda last: last.nbytes)
        self._lock = threading.Lock()
        self._now = now
        self._stopwatch = stopwatch

    def filled(
        self,
        query_key: Hashable,
        floor_results: Sequence[FloorResult],
        *,
        max_age_s: float = 0.0,
        stand_in: bool = True,
    ) -> list[FloorResult]:
        """The outcomes, in which a floor that failed repeats its last complete answers: as they are where
        they are at most `max_age_s` old, else, with `stand_in`, marked as old.

        The latter only beside one that is complete: where none is, nothing is known of now.
        """
        found = [self._recent((query_key, o.floor.id), o, max_age_s) for o in floor_results]
        if not stand_in or not any(floor_result.complete for floor_result in found):
            return found
        return [self._filled((query_key, floor_result.floor.id), floor_result) for floor_result in found]

    def _recent(self, key: Hashable, floor_result: FloorResult, max_age_s: float) -> FloorResult:
        now_s, stopwatch_s = self._now(), self._stopwatch()
        with self._lock:
            if floor_result.complete:
                last = _Last(floor_result.found, now_s, stopwatch_s)
                if last.nbytes <= self._results.maxsize:
                    self._results[key] = last
                return floor_result
            known = self._results.get(key)
        if known is None or known.age_s(stopwatch_s) > max_age_s:
            return floor_result
        step_s = known.step_s(now_s, stopwatch_s)
        return FloorResult(floor_result.floor, tuple(_moved(result, step_s) for result in known.found))

    def _filled(self, key: Hashable, floor_result: FloorResult) -> FloorResult:
        now_s, stopwatch_s = self._now(), self._stopwatch()
        with self._lock:
            last = None if floor_result.fault is None else self._results.get(key)
        if last is None or floor_result.fault is None or stopwatch_s - last.stopwatch_s >= REPEAT_S:
            return floor_result
        step_s, fault = last.step_s(now_s, stopwatch_s), floor_result.fault
        return FloorResult(floor_result.floor, tuple(_aged(result, fault, step_s) for result in last.found))


class RuleData:
    """When alert rules last had whole data, floor by floor. Thread-safe, and bounded."""

    def __init__(self, stopwatch: Callable[[], float]) -> None:
        self._stopwatch = stopwatch
        self._lock = threading.Lock()
        self._since: TTLCache[Hashable, float] = TTLCache(MOST_WATCHED, WATCHED_S, timer=stopwatch)

    def record(self, query_key: Hashable, floor_results: Sequence[FloorResult]) -> None:
        """A rule was evaluated."""
        now = self._stopwatch()
        with self._lock:
            for floor_result in floor_results:
                key = query_key, floor_result.floor.id
                self._since[key] = now if floor_result.complete else self._since.get(key, now)

    def longest_without_s(self) -> float:
        """For how long the rule and floor that have waited longest have had no whole data."""
        now = self._stopwatch()
        with self._lock:
            self._since.expire()
            return max((now - since for since in self._since.values()), default=0.0)


@dataclass(frozen=True, slots=True)
class _Last:
    """Complete answers, and what the clocks showed when they were given."""

    found: tuple[AnyResult, ...]
    now_s: float
    stopwatch_s: float

    @property
    def nbytes(self) -> int:
        return sum(map(_nbytes, self.found))

    def age_s(self, stopwatch_s: float) -> float:
        """How old they are: what they were when they were given, and the time since."""
        # What has settled is of its period, however long ago that is.
        as_of = [a.coverage.as_of_s for a in self.found if a.coverage.fresh_until_s < math.inf]
        return max(0.0, self.now_s - min(as_of, default=self.now_s)) + stopwatch_s - self.stopwatch_s

    def step_s(self, now_s: float, stopwatch_s: float) -> float:
        """How far the wall clock has stepped since (negative: back), by which `as_of` would be too young."""
        return stepped(self.now_s, now_s, stopwatch_s - self.stopwatch_s) - self.now_s


def _nbytes(result: AnyResult) -> int:
    if isinstance(result, HeatMap):
        return LEAST_BYTES + result.raw.nbytes + result.shown.nbytes
    if isinstance(result, SeriesResult):
        values = (one.start_s.nbytes + sum(v.nbytes for v in one.values.values()) for one in result.series)
        return LEAST_BYTES + sum(values)
    return LEAST_BYTES


def _moved(result: AnyResult, step_s: float) -> AnyResult:
    coverage = replace(result.coverage, as_of_s=result.coverage.as_of_s + step_s)
    return replace(result, coverage=coverage)


def _aged(result: AnyResult, fault: BackendError, step_s: float) -> AnyResult:
    """The answer as one that is older than it should be, and why; `step_s`: how far the wall clock has
    stepped since (negative: back), by which `as_of` would be too young.
    """
    planned = max(result.coverage.planned, 1)
    coverage = replace(
        result.coverage,
        planned=planned,
        fetched=0,
        cached=0,
        stale=planned,
        as_of_s=result.coverage.as_of_s + step_s,
        reasons=(fault.message,),
    )
    return replace(result, coverage=coverage)
