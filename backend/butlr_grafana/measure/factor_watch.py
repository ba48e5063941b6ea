"""Measures the factors of all floors in the background: yesterday of each floor, one floor at a time, when
Butlr's limits allow it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from butlr_grafana.base.errors import UpstreamError
from butlr_grafana.base.repeated_steps import repeat_steps
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.model.factor import MOST_DAYS, Factor, Observation, Unknown
from butlr_grafana.model.floor import Floor, Topology

log = logging.getLogger(__name__)

APART_S = 20.0
"""Between two floors."""

BUSY_S = 60.0
"""After which it is tried again where Butlr has no time for it."""

IDLE_S = 900.0
"""After which it is looked whether there is a new yesterday."""

AGAIN_S = 3600.0
"""After which a day is asked for again that Butlr could not tell of."""

Observe = Callable[[Floor, date], Observation | Unknown]
Day = tuple[str, date]
"""A floor's id and one of its days."""


class FactorWatch:
    """`start` it once; `close` ends it.

    `floors`: the known topology. `observe`: fetches a floor's day from Butlr, raises `UpstreamError`.
    `may_call`: whether Butlr's limits allow a call now. `settle_s`: how old the end of a day must be. `now`:
    the wall clock. `clock`: for the time until a failed day is tried again. `pause`: waits so many seconds or
    until the end; returns whether it is the end.
    """

    def __init__(
        self,
        factor_store: FactorStore,
        floors: Callable[[], Topology],
        observe: Observe,
        may_call: Callable[[], bool],
        *,
        settle_s: Callable[[], float],
        now: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factor_store = factor_store
        self._floors = floors
        self._observe = observe
        self._may_call = may_call
        self._settle_s = settle_s
        self._now = now
        self._clock = clock
        self._ending = threading.Event()
        self._due_s: dict[Day, float] = {}  # days that were asked for, and when they may be again

    def start(self) -> None:
        threading.Thread(target=self._run, name="factors", daemon=True).start()

    def close(self) -> None:
        self._ending.set()

    def _run(self) -> None:
        message = "measuring a floor's factor failed for an unexpected reason"
        repeat_steps(self.step, self._ending, first_s=APART_S, after_bug_s=IDLE_S, log=log, message=message)

    def step(self) -> float:
        """Asks for one day of one floor at most; the seconds after which to take the next step."""
        try:
            floors = self._floors().floors.values()
        except UpstreamError:
            return BUSY_S
        due = next(self._due(floor for floor in floors), None)
        if due is None:
            return IDLE_S
        if not self._may_call():
            return BUSY_S
        floor, day = due
        try:
            found = self._observe(floor, day)
        except UpstreamError as fault:
            log.info("factor of %s: %s could not be measured (%s)", floor.id, day, fault)
            self._due_s[floor.id, day] = self._clock() + AGAIN_S
            return BUSY_S
        self._due_s[floor.id, day] = float("inf")
        self._factor_store.note(floor.id, found)
        return APART_S

    def _due(self, floors: Iterator[Floor]) -> Iterator[tuple[Floor, date]]:
        """Yesterday of each floor, where nothing is known of it; where nothing is known at all, and yesterday
        tells too little, the days before.
        """
        now = self._clock()
        yesterdays: set[Day] = set()
        for floor in floors:
            zone = ZoneInfo(floor.timezone)
            last = datetime.fromtimestamp(self._now() - self._settle_s(), zone).date() - timedelta(days=1)
            days = [last - timedelta(days=n) for n in range(MOST_DAYS)]
            yesterdays |= {(floor.id, day) for day in days}
            has_factor = isinstance(self._factor_store.of(floor.id), Factor)
            for day in days[:1] if has_factor else days:
                if self._factor_store.on(floor.id, day.isoformat()) is None and now >= self._due_s.get(
                    (floor.id, day), -float("inf")
                ):
                    yield floor, day
                    break
        self._due_s = {day: until for day, until in self._due_s.items() if day in yesterdays}
