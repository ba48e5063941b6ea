"""200 floors of 20 rooms on fifty calls a minute, whose people Butlr pushes: what is seen, and what it costs.

All rules are evaluated, Portfolio is open, 20 walls show a floor each, on the simulated clock of `tenants`.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any

from butlr_grafana.base.errors import BackendError
from butlr_grafana.live.agreement import Reading
from butlr_grafana.model.queries import HeatMap, SeriesResult
from butlr_grafana.targets.base import Result
from tests.bench.row import Row
from tests.bench.simulation import Simulation, simulated
from tests.bench.tenants import (
    PER_MINUTE,
    REST_S,
    START,
    Tally,
    Watch,
    look_at_portfolio,
    told,
)

FLOORS, ROOMS, WALLS = 200, 20, 20
MINUTES = 10
BEFORE = 760
"""Calls a minute of the rules alone for as many floors, before calls were shared and minutes pushed."""

PUSHED_BEFORE_MIN, OFFICE_BEFORE_MIN = 16, 15
"""Before anything counts Butlr has pushed for so long, and everybody has looked for so long: a wall's first
map takes minutes.
"""

WALL_EACH_S, PORTFOLIO_NOW_EACH_S = 5, 10
"""How often walls, and the panels of Portfolio that show now, ask where it is pushed."""

PORTFOLIO_EACH_MIN = 5
"""As its page is refreshed."""

MOST_PEOPLE_S, MOST_HEAT_S = 10.0, 600.0


@dataclass
class Seen:
    """What was shown. `pushed_s`: when each minute of a floor was first pushed; `shown_s`: when it was first
    shown; by floor and start of the minute. `heat_s`: the ages of maps about now.
    """

    pushed_s: dict[tuple[str, int], float] = field(default_factory=dict)
    shown_s: dict[tuple[str, int], float] = field(default_factory=dict)
    heat_s: list[float] = field(default_factory=list)
    looks: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def people(self, series: Iterable[SeriesResult], now_s: float) -> None:
        for one in series:
            for asset in one.series:
                known = asset.start_s[asset.values["value"] >= 0]
                if known.size:
                    self._shown(one.query.floor.id, int(known[-1]), now_s)

    def _shown(self, space: str, newest_s: int, now_s: float) -> None:
        # Who shows a minute shows those before it too.
        while (space, newest_s) in self.pushed_s and (space, newest_s) not in self.shown_s:
            self.shown_s[space, newest_s] = now_s
            newest_s -= 60

    def heat(self, maps: Iterable[HeatMap], now_s: float) -> None:
        self.heat_s += [now_s - one.coverage.as_of_s for one in maps]

    def delays_s(self, spaces: Iterable[str], since_s: float, until_s: float) -> list[float]:
        """How long after it was pushed each minute of these floors was shown."""
        own = set(spaces)
        return [
            self.shown_s.get(key, float("inf")) - at_s
            for key, at_s in self.pushed_s.items()
            if key[0] in own and since_s <= at_s <= until_s
        ]


class Office(Watch):
    """Everybody who looks, beside the rules."""

    def __init__(self, simulation: Simulation, seen: Seen) -> None:
        super().__init__(simulation)
        self._seen = seen

    def begin(self) -> None:
        """Walls begin one after the other."""
        spaces = self._simulation.tenant.floor_ids()
        for number, space in enumerate(spaces[:WALLS]):
            self._simulation.spawn(partial(self._wall, space, number / 2))
        self._simulation.spawn(self._portfolio_now)
        self._simulation.go_on(self._portfolio)

    def _wall(self, space: str, phase_s: float) -> None:
        """People at each tick, whether or not the one before has its answer; the picture each minute."""
        simulation = self._simulation
        simulation.sleep(phase_s)
        for turn in count():
            if not turn % (60 // WALL_EACH_S):
                now_s = int(simulation.now_s)
                words = {"from": str((now_s - now_s % 86_400) * 1000), "to": str(now_s * 1000)}
                self._look_beside("heatmap", space=space, **words)
            self._look_beside("occupancy-now", space=space, level="floor")
            simulation.sleep(WALL_EACH_S)

    def _look_beside(self, target: str, **words: str) -> None:
        self._simulation.spawn(partial(self._look, target, {**words, "for": "wall"}))

    def _portfolio(self) -> float:
        look_at_portfolio(self._simulation)
        return 60.0 * PORTFOLIO_EACH_MIN

    def _portfolio_now(self) -> None:
        while True:
            self._look("occupancy-now", {"space": "all", "level": "floor", "require": "complete"})
            self._simulation.sleep(PORTFOLIO_NOW_EACH_S)

    def _look(self, target: str, words: Mapping[str, str]) -> None:
        service, now_s = self._simulation.service, self._simulation.now_s
        deadline = now_s + service.deadline_s
        self._seen.looks += 1
        try:
            asked = service.start(service.read(target, words), None, deadline=deadline)
            answer: Result[Any] = service.finish(asked, deadline=deadline)
        except BackendError as error:
            self._seen.failed[f"{target} {error.code}"] += 1
            return
        self._seen.people(answer.fetched.series, self._simulation.now_s)
        self._seen.heat(answer.maps, self._simulation.now_s)

    def noted(self, answer: Result[Any]) -> None:
        self._seen.heat(answer.maps, self._simulation.now_s)


class Pushing:
    """Butlr sends each floor's minutes as they end, floor after floor within some seconds."""

    def __init__(self, simulation: Simulation, seen: Seen) -> None:
        self._simulation = simulation
        self._seen = seen
        self.events = 0

    def __call__(self) -> None:
        simulation = self._simulation
        receiver, spaces = simulation.application.receiver, simulation.tenant.floor_ids()
        while True:
            minute = int(simulation.now_s // 60) + 1
            simulation.sleep(60 * minute + 1 - simulation.now_s)
            for space in spaces:
                for body in simulation.tenant.pushes(space, minute - 1):
                    receiver.accept(body)
                    self.events += 1
                self._seen.pushed_s[space, 60 * (minute - 1)] = simulation.now_s
                simulation.sleep(5.0 / len(spaces))


@dataclass(frozen=True)
class Outcome:
    tally: Tally
    seen: Seen
    refilled: int
    events: int
    calls: int
    walls_s: list[float]
    portfolio_s: list[float]


def run(floors: int = FLOORS, minutes: int = MINUTES) -> Outcome:
    seen = Seen()
    with simulated(floors, ROOMS, start=START, webhook_key="of-the-benchmark") as simulation:
        receiver = simulation.application.receiver
        # Weeks of history, which are kept from here on.
        Watch(simulation).run(1)
        simulation.until(simulation.now_s + REST_S)
        simulation.tenant.restart_counting(PER_MINUTE)
        simulation.limits(PER_MINUTE)
        pushing = Pushing(simulation, seen)
        simulation.spawn(pushing)
        simulation.go_on(receiver.refill.step)
        simulation.go_on(receiver.sampling.step)
        for level in receiver.sampling._levels.values():
            level.reading = Reading("presence", 0, 20, 20)  # as it is measured within half an hour
        simulation.until(simulation.now_s + 60 * PUSHED_BEFORE_MIN)
        office = Office(simulation, seen)
        office.begin()
        office.run(OFFICE_BEFORE_MIN)
        office.tally = Tally(floors)
        seen.heat_s.clear()
        simulation.tenant.calls.clear()
        since_s = simulation.now_s
        tally = office.run(minutes)
        spaces = simulation.tenant.floor_ids()
        until_s = simulation.now_s - MOST_PEOPLE_S
        return Outcome(
            tally,
            seen,
            receiver.refill.calls_made,
            pushing.events,
            len(simulation.tenant.calls),
            seen.delays_s(spaces[:WALLS], since_s, until_s),
            seen.delays_s(spaces[WALLS:], since_s, until_s),
        )


def rows(floors: int = FLOORS, minutes: int = MINUTES) -> list[Row]:
    began = time.monotonic()
    found = run(floors, minutes)
    tally, seen = found.tally, found.seen
    name = f"{floors} floors, {floors * ROOMS:,} rooms, walls, Portfolio, webhooks"
    shown_s, heat_s = max(found.walls_s), max(seen.heat_s)
    looks = f"{seen.looks:,} looks, {dict(seen.failed)} failed"
    took = f"{found.events:,} events; {time.monotonic() - began:.0f} s for {minutes} minutes of it"
    refilled = f"{found.refilled} questions of what was not pushed before"
    others_s = max(found.portfolio_s, default=0.0)
    portfolio = f"Portfolio, which asks every {PORTFOLIO_NOW_EACH_S} s, within {others_s:.0f} s"
    return [
        Row(
            f"{name}: evaluations with every floor",
            tally.whole,
            "evaluated",
            tally.wanted,
            1.0,
            unit="",
            more_is_better=True,
            note=f"{told(tally)}; {refilled}",
        ),
        Row(
            f"{name}: people shown after they were pushed",
            shown_s,
            "at most",
            MOST_PEOPLE_S,
            1.0,
            "s",
            note=f"{looks}; {portfolio}",
        ),
        Row(f"{name}: oldest heat", heat_s, "at most", MOST_HEAT_S, 1.0, "s", note=took),
        Row(f"{name}: calls a minute", found.calls / minutes, "before, rules alone", BEFORE, unit=""),
    ]


def main(words: Sequence[str]) -> int:
    held = True
    for row in rows(*map(int, words)):
        print(f"{row.name:<96} {row.ours:>8,.1f} {row.reference:>8,.1f} {row.unit:<2} {row.note}", flush=True)
        held &= row.is_met
    return int(not held)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
