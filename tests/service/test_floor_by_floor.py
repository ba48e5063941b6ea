"""A page of many floors on an account of fifty calls a minute: it shows the floors that are there, in time,
and each look brings more. On a simulated clock, on which nothing races.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.base.errors import BackendError
from butlr_grafana.butlr.batches import MOST_IDS, MOST_POINTS
from butlr_grafana.pipeline.floor_by_floor import CALLS_AT_A_TIME, IDS_A_CALL, POINTS_A_CALL, FloorOrder
from butlr_grafana.present.formats import encoded
from butlr_grafana.present.frames.metadata import meta
from butlr_grafana.targets.base import Result
from butlr_grafana.targets.registry import TARGETS
from tests.bench.simulation import Simulation
from tests.service.many_floors import limited

FLOORS, PER_MINUTE = 40, 50
WEEK_S = 7 * 86_400
SEGMENTS = 3
"""Calls for a week of heat on one floor: what has settled, the last days, the last hour."""

FETCHED = {name for name, target in TARGETS.items() if target.many_floors} - {
    "devices",
    "events",
    "room-types",
    "spaces",
}
"""The targets that request data of floors from Butlr; the others need the list of floors only."""

MANY = [name for name, target in TARGETS.items() if target.many_floors and target.needs_topology]


class TimedRequest:
    """One request for all floors. `took_s` on the simulated clock; `found`: the result, or the error."""

    def __init__(self, simulation: Simulation, target: str, **params: str) -> None:
        self._simulation, self._target = simulation, target
        now_s = int(simulation.now_s)
        period = {"from": str((now_s - WEEK_S) * 1000), "to": str(now_s * 1000)}
        takes = TARGETS[target].parameters
        self._params = {"space": "all", **{k: v for k, v in period.items() if k in takes}, **params}
        self.took_s = float("nan")
        self.waiting = 0
        self.found: Result[Any] | BackendError | None = None
        simulation.spawn(self._send)

    def _send(self) -> None:
        service, began_s = self._simulation.service, self._simulation.now_s
        deadline = began_s + service.deadline_s
        try:
            started = service.start(service.read(self._target, self._params), None, deadline=deadline)
            self.waiting = service.pipeline.gatherer.in_flight.waiting
            self.found = service.finish(started, deadline=deadline)
        except BackendError as error:
            self.found = error
        self.took_s = self._simulation.now_s - began_s

    @property
    def result(self) -> Result[Any]:
        assert isinstance(self.found, Result), self.found
        return self.found

    @property
    def there(self) -> set[str]:
        """The floors that are shown."""
        return {part.query.floor.id for part in self.result.results}


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    """An account of which nothing is known yet."""
    with limited(monkeypatch, FLOORS, PER_MINUTE) as simulation:
        yield simulation


def timed_request(simulation: Simulation, target: str, **params: str) -> TimedRequest:
    """And a minute passes."""
    found, began_s = TimedRequest(simulation, target, **params), simulation.now_s
    simulation.until(began_s + 60)
    return found


@pytest.mark.parametrize("target", MANY)
def test_no_answer_about_many_floors_is_later_than_its_deadline(simulation: Simulation, target: str) -> None:
    for _ in range(2):
        found = timed_request(simulation, target)
        assert found.took_s <= simulation.service.deadline_s


def test_a_page_shows_the_floors_that_are_there_and_says_how_many_follow(simulation: Simulation) -> None:
    found = timed_request(simulation, "hot-zones")
    there = found.there
    assert 0 < len(there) < FLOORS
    assert {row["space"] for row in TARGETS["hot-zones"].rows(found.result)} == there  # type: ignore[attr-defined]
    notices = meta(found.result, demo=False)["notices"]
    texts = [notice["text"] for notice in notices]
    assert f"{len(there)} of {FLOORS} floors; the rest follows." in texts
    # Not one notice for each floor that is missing.
    [missing] = [notice["text"] for notice in notices if notice["severity"] == "error"]
    assert missing.startswith(f"{FLOORS - len(there)} floors: Butlr sent no response")
    assert not found.result.complete


def test_each_look_brings_more_until_all_are_there(simulation: Simulation) -> None:
    """All of it is so many calls; what changes is asked for again each minute, of the floors shown before."""
    seen: set[str] = set()
    for _ in range(FLOORS):
        found = timed_request(simulation, "hot-zones")
        there = found.there
        assert seen < there or there == set(simulation.tenant.floor_ids())
        seen = there
        if len(seen) == FLOORS:
            break
    assert len(seen) == FLOORS
    assert len(simulation.tenant.calls) <= 4 * SEGMENTS * FLOORS


def test_a_target_of_many_calls_a_floor_shows_whole_floors_too(simulation: Simulation) -> None:
    """Asked for all at once, each floor would have a part of its calls, and none all of them."""
    seen = 0
    for _ in range(3):
        found = timed_request(simulation, "utilization")
        there = FLOORS - len(found.result.fetched.faults)
        assert there > seen
        seen = there


def test_a_request_takes_few_of_the_places_that_wait(simulation: Simulation) -> None:
    found = timed_request(simulation, "utilization")
    # A floor's are asked for together; those about people share calls.
    assert 0 < found.waiting < 8 * CALLS_AT_A_TIME
    assert found.waiting < FLOORS * 20


@pytest.mark.parametrize("target", MANY)
def test_where_no_floor_is_there_yet_the_panel_says_that_they_follow(
    monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """A red error would say that something is wrong. Where notices cannot be shown, it is an error."""
    with limited(monkeypatch, FLOORS, PER_MINUTE) as simulation:
        simulation.application.butlr.client.rate_limiter.pause(300.0)
        found = timed_request(simulation, target, format="frames")
        if target not in FETCHED or TARGETS[target].survives_faults:
            assert found.result.complete == (target not in FETCHED)
            return
        assert not found.result.complete
        assert len(found.result.fetched.faults) == FLOORS
        frames = json.loads(encoded(found.result, ref_id="A", demo=False).body)
        texts = [notice["text"] for notice in frames[0]["meta"]["notices"]]
        assert f"0 of {FLOORS} floors; the rest follows." in texts
        assert all(not field["values"] for frame in frames for field in frame["fields"])
        for written in ("rows", "csv"):
            error = timed_request(simulation, target, format=written).found
            assert isinstance(error, BackendError)
            assert error.status == 504


def test_people_on_all_floors_are_requested_at_once(simulation: Simulation) -> None:
    """They share calls, so that there are fewer calls than floors."""
    found = timed_request(simulation, "occupancy", level="floor")
    assert len(found.there) == FLOORS
    assert found.result.complete
    assert len(simulation.tenant.calls) < FLOORS / 2


def test_people_now_are_shown_before_the_weeks_before_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty floors are four calls about now, by sensors and by doors, and more than twice as many about four
    weeks. With eight calls a minute people are there, and what is usual follows.
    """
    with limited(monkeypatch, FLOORS, 8) as simulation:
        found = timed_request(simulation, "floors-now")
        assert found.took_s <= simulation.service.deadline_s
        rows = TARGETS["floors-now"].rows(found.result)  # type: ignore[attr-defined]
        assert {row["space"] for row in rows} == set(simulation.tenant.floor_ids())
        assert all(row["people"] is not None and row["has_data"] == 1 for row in rows)
        late = [row for row in rows if row["usual"] is None]
        assert late
        assert all(row["complete"] == 0 and row["excess"] is None for row in late)
        texts = [notice["text"] for notice in meta(found.result, demo=False)["notices"]]
        [text] = [one for one in texts if one.startswith("Usual at this hour is missing. ")]
        assert f"{len(late)} floors: " in text
        assert not found.result.complete


def test_a_page_that_stays_open_fills_and_now_is_always_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """*Portfolio* is refreshed every five minutes. Between two refreshes its history is fetched in the
    background, and enough calls are left for the people of the next refresh.
    """
    floors, rounds = 60, 4
    there: dict[str, list[int]] = {"floors-now": [], "hot-zones": [], "utilization": []}
    others = ["totals", "free-rooms"]
    with limited(monkeypatch, floors, PER_MINUTE) as simulation:
        simulation.go_on(simulation.application.portfolio_watch.step)
        for _ in range(rounds):
            began_s = simulation.now_s
            page = {name: TimedRequest(simulation, name, format="frames") for name in [*there, *others]}
            simulation.until(began_s + 300)
            for name, floors_there in there.items():
                floors_there.append(floors - len(page[name].result.fetched.faults))
    assert there["floors-now"][1:] == [floors] * (rounds - 1)
    for name in ("hot-zones", "utilization"):
        assert there[name] == sorted(set(there[name])), there


def test_a_cold_page_of_two_hundred_floors_shows_people_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """All panels of *Portfolio* at once, on an account of fifty calls a minute of which nothing is known."""
    hours = {"hours": "08:00-18:00", "days": "mon-fri"}
    page: list[tuple[str, dict[str, str]]] = [
        *(("totals", {"by": by}) for by in ("building", "tag")),
        *(("floors-now", {}), ("hot-zones", {"level": "floor", **hours}), ("free-rooms", {})),
        *(("occupancy", {"level": "floor", **hours}), ("traffic", {"level": "floor", "every": "1d"})),
        *(("hot-zones", hours), ("utilization", hours)),
    ]
    with limited(monkeypatch, 200, PER_MINUTE) as simulation:
        began_s = simulation.now_s
        requests = [TimedRequest(simulation, target, **words) for target, words in page]
        simulation.until(began_s + 60)
        now = requests[2]
        assert now.took_s <= simulation.service.deadline_s
        there = 200 - len(now.result.fetched.faults)
        assert 100 < there < 200
        texts = [notice["text"] for notice in meta(now.result, demo=False)["notices"]]
        assert f"{there} of 200 floors; the rest follows." in texts


def test_a_rule_asks_for_all_floors_at_once_and_is_never_whole_without_them(simulation: Simulation) -> None:
    params = {"for": "rule", "require": "complete"}
    found = timed_request(simulation, "hot-zones", **params)
    assert found.waiting >= FLOORS
    if isinstance(found.found, BackendError):
        assert found.found.status in (503, 504)
    else:
        assert not found.found.complete


def test_a_call_is_thought_to_hold_what_the_client_puts_in_one() -> None:
    assert (MOST_IDS[0][1], MOST_POINTS) == (IDS_A_CALL, POINTS_A_CALL)


def test_floors_that_were_never_told_come_first_then_those_told_longest_ago() -> None:
    order = FloorOrder()
    order.mark_complete("heat", ["b", "a"])
    order.mark_complete("people", ["c"])
    assert order.in_order("heat", ["a", "b", "c", "d"]) == ["c", "d", "b", "a"]
    order.mark_complete("heat", ["c", "d", "b"])
    assert order.in_order("heat", ["a", "b", "c", "d"]) == ["a", "c", "d", "b"]
