"""Factors are measured in the background: yesterday of each floor, slowly, and never while Butlr limits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from butlr_grafana.base.errors import UpstreamDown
from butlr_grafana.measure.factor_store import FactorStore
from butlr_grafana.measure.factor_watch import AGAIN_S, APART_S, BUSY_S, IDLE_S, FactorWatch
from butlr_grafana.model.factor import Observation, Unknown
from butlr_grafana.model.floor import Building, Floor, Topology
from tests.support import at

SETTLE_S = 3600


def floor(name: str, zone: str = "UTC") -> Floor:
    return Floor(name, name, Building("b", "House", "Site"), zone)


class Trial:
    """A watch over floors, and what it asks for; `tells`: what Butlr answers, by floor."""

    def __init__(self, *floors: Floor, now: str = "2026-06-17T12:00") -> None:
        self.now_s = float(at(now))
        self.clock_s = 0.0
        self.is_free = True
        self.requested: list[tuple[str, str]] = []
        self.tells: dict[str, Callable[[str], Observation | Unknown]] = {}
        self.factor_store = FactorStore(None, source="s", clock=lambda: self.clock_s)
        self.watch = FactorWatch(
            self.factor_store,
            lambda: Topology({one.id: one for one in floors}),
            self._observe,
            lambda: self.is_free,
            settle_s=lambda: SETTLE_S,
            now=lambda: self.now_s,
            clock=lambda: self.clock_s,
        )

    def _observe(self, floor: Floor, day: date) -> Observation | Unknown:
        self.requested.append((floor.id, day.isoformat()))
        return self.tells.get(floor.id, crowded)(day.isoformat())

    def steps(self, number: int) -> list[float]:
        return [self.watch.step() for _ in range(number)]


def crowded(day: str) -> Observation:
    return Observation(day, 24.0, 110_000, 1000)


def empty(_: str) -> Unknown:
    return Unknown("only 0 person-minutes")


def away(_: str) -> Observation:
    raise UpstreamDown("Butlr is away")


def test_yesterday_of_each_floor_one_after_the_other() -> None:
    trial = Trial(floor("a"), floor("b"))
    assert trial.steps(4) == [APART_S, APART_S, IDLE_S, IDLE_S]
    assert trial.requested == [("a", "2026-06-16"), ("b", "2026-06-16")]
    trial.now_s += 24 * 3600
    trial.steps(3)
    assert trial.requested[2:] == [("a", "2026-06-17"), ("b", "2026-06-17")]


def test_what_is_known_already_is_not_requested() -> None:
    trial = Trial(floor("a"), floor("b"))
    trial.factor_store.note("a", crowded("2026-06-16"))
    assert trial.steps(2) == [APART_S, IDLE_S]
    assert trial.requested == [("b", "2026-06-16")]


@pytest.mark.parametrize(
    ("zone", "now", "yesterday"),
    [
        ("UTC", "2026-06-17T00:59", "2026-06-15"),
        ("UTC", "2026-06-17T01:00", "2026-06-16"),
        ("Asia/Kolkata", "2026-06-16T19:31", "2026-06-16"),
        ("Asia/Kolkata", "2026-06-16T19:29", "2026-06-15"),
        ("America/New_York", "2026-06-17T04:30", "2026-06-15"),
        ("America/New_York", "2026-06-17T05:00", "2026-06-16"),
    ],
)
def test_a_day_is_the_floors_own_and_has_settled(zone: str, now: str, yesterday: str) -> None:
    trial = Trial(floor("a", zone), now=now)
    trial.steps(1)
    assert trial.requested == [("a", yesterday)]


def test_after_an_empty_day_the_days_before_are_requested_each_once() -> None:
    """A Monday: on Sunday and Saturday nobody was there."""
    trial = Trial(floor("a"), now="2026-06-15T12:00")
    trial.tells["a"] = lambda day: empty(day) if day in ("2026-06-14", "2026-06-13") else crowded(day)
    assert trial.steps(4) == [APART_S, APART_S, APART_S, IDLE_S]
    assert [day for _, day in trial.requested] == ["2026-06-14", "2026-06-13", "2026-06-12"]


def test_a_floor_that_never_tells_is_requested_for_a_week_and_then_once_a_day() -> None:
    trial = Trial(floor("a"))
    trial.tells["a"] = empty
    assert trial.steps(9) == [*[APART_S] * 7, IDLE_S, IDLE_S]
    assert len(set(trial.requested)) == len(trial.requested) == 7
    assert trial.factor_store.of("a") == Unknown("only 0 person-minutes")
    trial.now_s += 24 * 3600
    trial.steps(3)
    assert trial.requested[7:] == [("a", "2026-06-17")]


def test_nothing_is_requested_while_butlr_has_no_time() -> None:
    trial = Trial(floor("a"))
    trial.is_free = False
    assert trial.steps(3) == [BUSY_S] * 3
    assert trial.requested == []
    trial.is_free = True
    assert trial.steps(1) == [APART_S]


def test_a_day_that_fails_rests_and_the_other_floors_go_on() -> None:
    trial = Trial(floor("a"), floor("b"))
    trial.tells["a"] = away
    assert trial.steps(1) == [BUSY_S]
    # No factor is known of it: the day before is tried meanwhile.
    trial.tells["a"] = crowded
    trial.steps(2)
    assert trial.requested == [("a", "2026-06-16"), ("a", "2026-06-15"), ("b", "2026-06-16")]
    assert trial.steps(1) == [IDLE_S]
    trial.clock_s += AGAIN_S
    assert trial.steps(1) == [APART_S]
    assert trial.requested[3:] == [("a", "2026-06-16")]
