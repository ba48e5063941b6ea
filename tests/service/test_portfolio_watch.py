"""Pages of many floors are kept warm from the calls that nobody else needs, while somebody looks at them.
On a simulated clock, on which nothing races.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.chunk import Segment
from butlr_grafana.pipeline.in_flight import RequestedSegment
from butlr_grafana.service.background_calls import portfolio_watch
from butlr_grafana.service.portfolio_watch import (
    BUSY_S,
    IDLE_S,
    LOOKED_S,
    RENEW_S,
    Looks,
)
from butlr_grafana.targets.base import Result
from butlr_grafana.targets.registry import TARGETS
from tests.bench.simulation import Simulation
from tests.service.many_floors import limited
from tests.support import HANG_S, until

FLOORS, PER_MINUTE = 12, 50
DAY_S = 86_400


@pytest.fixture
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulation]:
    with limited(monkeypatch, FLOORS, PER_MINUTE) as simulation:
        yield simulation


def request_hot_zones(simulation: Simulation, **params: str) -> Result[object]:
    """Somebody looks at the heat of all floors over a week, and a minute passes."""
    return send(simulation, "hot-zones", **params)


def send(simulation: Simulation, target: str, **params: str) -> Result[object]:
    """Somebody looks at all floors over a week, and a minute passes."""
    service, began_s, found = simulation.service, simulation.now_s, []
    takes = TARGETS[target].parameters
    times = {"from": str(int(began_s - 7 * DAY_S) * 1000), "to": str(int(began_s) * 1000)}
    period = {name: time for name, time in times.items() if name in takes}

    def send_query() -> None:
        deadline = began_s + service.deadline_s
        requested = service.read(target, {"space": "all", **period, **params})
        found.append(service.finish(service.start(requested, None, deadline=deadline), deadline=deadline))

    simulation.spawn(send_query)
    simulation.until(began_s + 60)
    [result] = found
    return result


def watched(
    simulation: Simulation, steps: int, may_call: Callable[[], bool] = lambda: True
) -> tuple[list[float], int]:
    """What steps say how long to wait, and how many calls they made."""
    service, waits, calls = simulation.service, [], len(simulation.tenant.calls)
    watch = portfolio_watch(service, may_call, simulation.pace)

    def work() -> None:
        for _ in range(steps):
            waits.append(watch.step())
            simulation.sleep(waits[-1])

    simulation.spawn(work)
    simulation.until(simulation.now_s + steps * 60)
    assert len(waits) == steps
    return waits, len(simulation.tenant.calls) - calls


def test_nothing_is_fetched_before_somebody_looks(simulation: Simulation) -> None:
    assert watched(simulation, 2) == ([IDLE_S, IDLE_S], 0)


def test_what_a_look_did_not_bring_is_fetched_and_the_next_look_is_whole(simulation: Simulation) -> None:
    first = request_hot_zones(simulation)
    assert first.fetched.faults, "the page is whole at once: nothing would be left to fetch"
    watched(simulation, FLOORS + 1)
    calls = len(simulation.tenant.calls)
    second = request_hot_zones(simulation)
    assert not second.fetched.faults
    # Only what changes by the minute is asked for again.
    assert len(simulation.tenant.calls) - calls <= 2 * FLOORS


def test_while_butlr_has_no_time_nothing_is_fetched(simulation: Simulation) -> None:
    request_hot_zones(simulation)
    # The look's own questions go on in the background for a while.
    simulation.until(simulation.now_s + 1200)
    assert watched(simulation, 2, may_call=lambda: False) == ([BUSY_S, BUSY_S], 0)


def test_a_day_after_the_last_look_nothing_is_fetched(simulation: Simulation) -> None:
    request_hot_zones(simulation)
    simulation.until(simulation.now_s + LOOKED_S)
    assert watched(simulation, 2) == ([IDLE_S, IDLE_S], 0)


def test_a_floor_is_not_fetched_again_before_it_is_due(simulation: Simulation) -> None:
    request_hot_zones(simulation)
    waits, _ = watched(simulation, FLOORS + 2)
    # Some floors a step, until each had its turn: then there is nothing to do for a while.
    steps = waits.index(IDLE_S)
    assert 0 < steps < FLOORS
    assert set(waits[steps:]) == {IDLE_S}


def test_rules_and_single_floors_are_no_look_at_a_portfolio(simulation: Simulation) -> None:
    request_hot_zones(simulation, space="space_001")
    request_hot_zones(simulation, **{"for": "rule"})
    assert list(simulation.service.looks) == []
    request_hot_zones(simulation, **{"for": "wall"})
    assert list(simulation.service.looks) == []
    request_hot_zones(simulation)
    [only] = simulation.service.looks
    assert only.floors == tuple(simulation.tenant.floor_ids())


def test_its_questions_are_in_the_background(simulation: Simulation) -> None:
    """Whatever else is asked goes first."""
    request_hot_zones(simulation)
    requested: list[CallClass] = []
    calls_in_flight = simulation.service.pipeline.gatherer.in_flight
    request_all = calls_in_flight.request_all
    calls_in_flight.request_all = lambda wanted, **params: (  # type: ignore[method-assign]
        requested.append(params["call_class"]),
        request_all(wanted, **params),
    )[1]
    watched(simulation, 3)
    assert requested
    assert set(requested) == {CallClass.BACKGROUND}


def test_it_renews_the_oldest_first(simulation: Simulation) -> None:
    request_hot_zones(simulation)
    order: list[str] = []
    look_up_all = simulation.service.pipeline.look_up_all

    def noting(queries: object, **params: object) -> object:
        order.append(queries[0].floor.id)  # type: ignore[index]
        return look_up_all(queries, **params)  # type: ignore[arg-type]

    object.__setattr__(simulation.service.pipeline, "look_up_all", noting)
    rounds = int(2 * RENEW_S // IDLE_S) + 2 * FLOORS
    watched(simulation, rounds)
    floors = simulation.tenant.floor_ids()
    assert order[: 2 * FLOORS] == floors + floors


def test_what_changes_by_the_minute_is_not_fetched(simulation: Simulation) -> None:
    """At the next look it would be old, and each floor would cost a call of its own."""
    requested: list[Segment] = []
    in_flight = simulation.service.pipeline.gatherer.in_flight
    request_all = in_flight.request_all

    def noting(items: Sequence[RequestedSegment], **params: Any) -> list[Any]:
        requested.extend(item.segment for item in items)
        return request_all(items, **params)

    request_hot_zones(simulation)
    send(simulation, "occupancy-now", level="floor")
    in_flight.request_all = noting  # type: ignore[method-assign]
    watched(simulation, 3 * FLOORS)
    assert requested
    assert all(segment.settled for segment in requested)


def test_floors_share_calls(simulation: Simulation) -> None:
    """People by the hour on all floors over a week: each part of the week is one call, not one a floor."""
    send(simulation, "occupancy", level="floor", every="1h")
    simulation.service.pipeline.gatherer._store = MemoryStore(10**8)
    calls = len(simulation.tenant.calls)
    watched(simulation, 4)
    assert 0 < len(simulation.tenant.calls) - calls <= 6 < FLOORS


def test_looks_take_turns(simulation: Simulation) -> None:
    """The history of one panel does not wait until all floors of another are there."""
    request_hot_zones(simulation)
    request_hot_zones(simulation, level="room", hours="08:00-18:00")
    fetched: list[object] = []
    look_up_all = simulation.service.pipeline.look_up_all

    def noting(queries: Any, **params: Any) -> Any:
        fetched.append(queries[0].local_hours)
        return look_up_all(queries, **params)

    object.__setattr__(simulation.service.pipeline, "look_up_all", noting)
    watched(simulation, 4)
    assert len(set(fetched)) == 2


def test_it_ends_when_it_is_closed(simulation: Simulation) -> None:
    application = simulation.application
    application.portfolio_watch.start()
    until(lambda: any(one.name == "portfolio" for one in threading.enumerate()))
    [thread] = [one for one in threading.enumerate() if one.name == "portfolio"]
    application.portfolio_watch.close()
    thread.join(HANG_S)
    assert not thread.is_alive()


def test_a_look_at_the_last_days_moves_on_and_one_at_the_past_does_not(simulation: Simulation) -> None:
    request_hot_zones(simulation)
    past = {"from": "2026-05-01T00:00:00Z", "to": "2026-05-08T00:00:00Z"}
    request_hot_zones(simulation, **past)
    service, floor = simulation.service, simulation.service.known_topology().floors["space_001"]  # type: ignore[union-attr]
    later_s = simulation.now_s + DAY_S
    then, now = (
        one.now(floor, later_s, service.rules, service.live()).floors[0].period for one in service.looks
    )
    assert then.end_s - then.start_s == 7 * DAY_S
    assert 7 * DAY_S <= now.end_s - now.start_s <= 7 * DAY_S + 7200  # rounded outwards
    assert abs(now.end_s - later_s) <= 3600
    assert then.end_s < later_s - 30 * DAY_S


def test_only_so_many_queries_are_remembered() -> None:
    assert Looks(lambda: 0.0)._last.maxsize == 20
