"""What came of the questions to Butlr, floor by floor: a floor is told whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from cachetools import TTLCache

from butlr_grafana.base.errors import BackendError
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import AnyResult
from butlr_grafana.pipeline.gather import stepped

REPEAT_S = 600
"""How long a floor's last complete answer stands in for one that is not, where others are complete: through a
short outage an alert keeps what it knew, through a long one it is to be told that nothing is known.
"""

MOST_KEPT = 512
"""Answers; there are few alert rules, and one a floor is kept for each."""


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
            answer.coverage.complete for answer in self.found
        )


class LastGoodCache:
    """The last complete answers of questions that want nothing else. Thread-safe, and bounded.

    A question is known again by what is asked for, whatever its time. `now`: the wall clock, by which answers
    say as of when they are; `stopwatch`: how old they are. No other process knows them, and none outlives
    this one: the stopwatch is enough.
    """

    def __init__(self, now: Callable[[], float], stopwatch: Callable[[], float]) -> None:
        self._kept: TTLCache[Hashable, _Last] = TTLCache(MOST_KEPT, REPEAT_S, timer=stopwatch)
        self._lock = threading.Lock()
        self._now = now
        self._stopwatch = stopwatch

    def has(self, question: Hashable, floor: Floor) -> bool:
        with self._lock:
            return (question, floor.id) in self._kept

    def filled(self, question: Hashable, outcomes: Sequence[FloorResult]) -> list[FloorResult]:
        """The outcomes, in which a floor that failed repeats its last complete answers, marked as old.

        Only beside one that is complete: where none is, nothing is known of now.
        """
        if not any(outcome.complete for outcome in outcomes):
            return list(outcomes)
        return [self._filled((question, outcome.floor.id), outcome) for outcome in outcomes]

    def _filled(self, key: Hashable, outcome: FloorResult) -> FloorResult:
        now_s, stopwatch_s = self._now(), self._stopwatch()
        with self._lock:
            if outcome.complete:
                self._kept[key] = _Last(outcome.found, now_s, stopwatch_s)
                return outcome
            last = self._kept.get(key)
        if last is None or outcome.fault is None:
            return outcome
        step_s = stepped(last.now_s, now_s, stopwatch_s - last.stopwatch_s) - last.now_s
        return FloorResult(
            outcome.floor, tuple(_aged(answer, outcome.fault, step_s) for answer in last.found)
        )


@dataclass(frozen=True, slots=True)
class _Last:
    """Complete answers, and what the clocks showed when they were given."""

    found: tuple[AnyResult, ...]
    now_s: float
    stopwatch_s: float


def _aged(answer: AnyResult, fault: BackendError, step_s: float) -> AnyResult:
    """The answer as one that is older than it should be, and why; `step_s`: how far the wall clock has
    stepped since (negative: back), by which `as_of` would be too young.
    """
    planned = max(answer.coverage.planned, 1)
    coverage = replace(
        answer.coverage,
        planned=planned,
        fetched=0,
        cached=0,
        stale=planned,
        as_of_s=answer.coverage.as_of_s + step_s,
        reasons=(fault.message,),
    )
    return replace(answer, coverage=coverage)
