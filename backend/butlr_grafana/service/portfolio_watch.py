"""Keeps pages of many floors warm: fetches what they lack, from the calls that nobody else needs.

Only what somebody has looked at within the last day, and of that only settled data: what changes by the
minute would be old at the next look. Some floors at a time, so that they share calls; those fetched longest
ago come first. While requests wait for Butlr, or a limit holds, nothing is fetched.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, replace

from cachetools import TTLCache

from butlr_grafana.base.errors import BackendError
from butlr_grafana.base.repeated_steps import repeat_steps
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.floor import Floor, Topology
from butlr_grafana.model.queries import AnyQuery
from butlr_grafana.pipeline.floor_by_floor import calls_of
from butlr_grafana.pipeline.run import PendingQuery, Pipeline
from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.query.scope import Liveness, Scope, scope_of
from butlr_grafana.targets.base import queries_of
from butlr_grafana.targets.registry import target_of

log = logging.getLogger(__name__)

LOOKED_S = 86_400.0
"""How long after the last look a page is kept warm."""

MOST_LOOKS = 20
"""Of so many queries about many floors the last look is remembered: *Portfolio* has eight."""

RENEW_S = 900.0
"""How long after a floor was fetched it is due again: more data settle every hour."""

CALLS_AT_A_TIME = 6.0
"""About so many calls are requested together, and all of them before the next ones."""

APART_S = 2.0
"""Between the calls of one step and those of the next."""

BUSY_S = 30.0
"""After which it is tried again while Butlr has no time for it."""

IDLE_S = 60.0
"""After which it is looked whether a floor is due."""

ABOUT_NOW_S = 300
"""A period that ended so long ago at most moves on with the time."""


@dataclass(frozen=True, slots=True)
class Look:
    """A query about many floors. `floors`: those that the caller could see; `at_s`: when it was asked."""

    parsed: ParsedQuery
    floors: tuple[str, ...]
    at_s: float

    @property
    def moves_on(self) -> bool:
        """Whether its period ends now, or it has none."""
        return self.parsed.end_s is None or self.parsed.end_s >= self.at_s - ABOUT_NOW_S

    @property
    def key(self) -> Hashable:
        """What is asked for: of a period up to now its length, else the period itself."""
        start_s, end_s = self.parsed.start_s, self.parsed.end_s
        parsed = replace(self.parsed, spaces=(), format="")
        if start_s is None or end_s is None or not self.moves_on:
            return parsed
        return replace(parsed, start_s=None, end_s=None), end_s - start_s

    def now(self, floor: Floor, now_s: float, limits: QueryLimits, live: Liveness) -> Scope:
        """The same query of one floor, as it is asked now."""
        start_s, end_s = self.parsed.start_s, self.parsed.end_s
        if start_s is not None and end_s is not None and self.moves_on:
            passed_s = int(now_s - self.at_s)
            start_s, end_s = start_s + passed_s, end_s + passed_s
        parsed = replace(self.parsed, spaces=(floor.id,), start_s=start_s, end_s=end_s)
        return scope_of(parsed, Topology({floor.id: floor}), now_s=now_s, limits=limits, live=live)


class Looks:
    """The last look at each query about many floors. Thread-safe, and bounded."""

    def __init__(self, stopwatch: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._last: TTLCache[Hashable, Look] = TTLCache(MOST_LOOKS, LOOKED_S, timer=stopwatch)

    def note(self, scope: Scope) -> None:
        """A viewer asks for this."""
        parsed = scope.parsed
        if scope.panel is not None:
            parsed = replace(parsed, start_s=scope.panel.start_s, end_s=scope.panel.end_s)
        look = Look(parsed, tuple(scope.topology.floors), scope.now_s)
        with self._lock:
            self._last[look.key, look.floors] = look

    def __iter__(self) -> Iterator[Look]:
        """The latest first."""
        with self._lock:
            self._last.expire()
            found = list(self._last.values())
        return iter(sorted(found, key=lambda look: -look.at_s))


class PortfolioWatch:
    """`start` it once; `close` ends it.

    `floors`: all that are served, where they are known; `may_call`: whether Butlr has time now; `timeout_s`:
    how long a floor is waited for; `clock`: how long ago floors were fetched.
    """

    def __init__(
        self,
        looks: Iterable[Look],
        pipeline: Pipeline,
        floors: Callable[[], Topology | None],
        may_call: Callable[[], bool],
        *,
        limits: QueryLimits,
        live: Callable[[], Liveness],
        now: Callable[[], float],
        clock: Callable[[], float],
        timeout_s: float,
    ) -> None:
        self._looks = looks
        self._pipeline = pipeline
        self._floors = floors
        self._may_call = may_call
        self._limits = limits
        self._live = live
        self._now = now
        self._clock = clock
        self._timeout_s = timeout_s
        self._ending = threading.Event()
        self._fetched_at: dict[tuple[Hashable, str], float] = {}

    def start(self) -> None:
        threading.Thread(target=self._run, name="portfolio", daemon=True).start()

    def close(self) -> None:
        self._ending.set()

    def _run(self) -> None:
        message = "a refresh in the background failed for an unexpected reason"
        repeat_steps(self.step, self._ending, first_s=IDLE_S, after_bug_s=IDLE_S, log=log, message=message)

    def step(self) -> float:
        """Fetches some floors of one query at most; the seconds after which to take the next step."""
        topology = self._floors()
        if topology is None:
            return BUSY_S
        for look, floors in self._due(topology):
            if not self._may_call():
                return BUSY_S
            if self._fetch(look, floors):
                return APART_S
        return IDLE_S

    def _due(self, topology: Topology) -> list[tuple[Look, list[Floor]]]:
        """Each look with its floors that are due, the one fetched longest ago first. The look with the oldest
        comes first, of equals the one of which a floor was fetched longest ago, of equals the latest look.
        """
        looks = list(self._looks)
        known = {_key(look, floor) for look in looks for floor in look.floors}
        self._fetched_at = {key: at for key, at in self._fetched_at.items() if key in known}
        since = self._clock() - RENEW_S
        due = []
        for look in looks:
            ages = {floor: self._fetched_at.get(_key(look, floor), -math.inf) for floor in look.floors}
            old = [floor for floor in ages if ages[floor] <= since and floor in topology.floors]
            if old:
                oldest_first = sorted(old, key=ages.__getitem__)
                turn = ages[oldest_first[0]], max(ages.values())
                due.append((turn, look, [topology.floors[one] for one in oldest_first]))
        return [(look, floors) for _, look, floors in sorted(due, key=lambda one: one[0])]

    def _fetch(self, look: Look, floors: Iterable[Floor]) -> bool:
        """Requests what the first of these floors lack, and waits for it. `False`: none of them lacks
        anything.
        """
        now_s, calls = self._now(), 0.0
        lacking: list[PendingQuery] = []
        for floor in floors:
            self._fetched_at[_key(look, floor.id)] = self._clock()
            found = self._lacking(look, floor, now_s)
            lacking += found
            calls += sum(calls_of(segment) for one in found for segment in one.pending.missing)
            if calls >= CALLS_AT_A_TIME:
                break
        gatherer = self._pipeline.gatherer
        gatherer.request([one.pending for one in lacking], call_class=CallClass.BACKGROUND)
        # What comes later is kept too; what fails is asked again by the next look.
        gatherer.wait([call for one in lacking for call in one.pending.calls], self._timeout_s)
        return bool(lacking)

    def _lacking(self, look: Look, floor: Floor, now_s: float) -> list[PendingQuery]:
        """The queries of which settled data are missing."""
        try:
            queries: list[AnyQuery] = list(
                queries_of(target_of(look.parsed), look.now(floor, now_s, self._limits, self._live()))
            )
        except BackendError as fault:
            log.info("%s of %s was not refreshed in the background (%s)", look.parsed.target, floor.id, fault)
            return []
        looked_up = self._pipeline.look_up_all(queries, now_s=now_s, settled_only=True)
        return [one for one in looked_up if one.pending.missing]


def _key(look: Look, floor: str) -> tuple[Hashable, str]:
    return look.key, floor
