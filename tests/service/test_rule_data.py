"""Alert rules on a Butlr that cannot answer all of them: how old their data may be, whom a call is for, and
who says that a rule has no data."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.errors import UpstreamDown
from butlr_grafana.model.chunk import Coverage, Grid
from butlr_grafana.model.floor import Floor
from butlr_grafana.model.queries import HeatMap, Query
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.call_queue import SHARES, CallClass, CallQueue, Share
from butlr_grafana.service import floor_results, service
from butlr_grafana.service.last_good import REPEAT_S, FloorResult, LastGoodCache, RuleData
from butlr_grafana.simulator.controls import Endpoint
from butlr_grafana.simulator.messages import Request, Result
from tests.alerting.grafana import Watcher, rules
from tests.insight.floors import floor as floor_of
from tests.support import DETECTIONS, HANG_S, PARIS, REPORTING, World, at, replace_endpoint, until

MINUTE, HOUR = 60, 3600


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(floor_results, "RULE_S", 1.0)
    world = World()
    yield world
    world.close()


def people(world: World, **params: str) -> Any:
    requested = {"space": "all", "require": "complete", "for": "rule", "format": "rows", **params}
    return world.http.get("/api/v1/occupancy-now", query_string=requested)


@pytest.mark.parametrize("space", ["all", PARIS])
def test_whole_data_of_the_last_minutes_count_as_complete_where_max_age_says_so(
    world: World, space: str
) -> None:
    known = people(world, space=space, max_age="5m").get_json()
    began_s = world.now_s
    world.simulator.faults.set(status=503, paths=(REPORTING,))
    for minutes in (1, 5):
        world.now_s = began_s + minutes * MINUTE
        again = people(world, space=space, max_age="5m")
        assert again.status_code == 200
        rows = again.get_json()
        assert {row["complete"] for row in rows} == {1}
        assert [row["people"] for row in rows] == [row["people"] for row in known]
        assert {at(row["as_of"]) for row in rows} == {at(row["as_of"]) for row in known}
    assert people(world, space=space).status_code == 502
    world.now_s = began_s + 5 * MINUTE + 1
    assert people(world, space=space, max_age="5m").status_code == 502
    world.simulator.faults.clear()
    world.now_s += MINUTE
    assert {at(row["as_of"]) for row in people(world, space=space, max_age="5m").get_json()} == {world.now_s}


def test_data_that_came_after_a_rule_had_gone_serve_the_next_evaluation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Butlr takes longer than a rule waits. Its answer is of the minute before, exactly, and counts."""
    monkeypatch.setattr(floor_results, "RULE_S", 0.2)
    released, began_s = threading.Event(), world.now_s

    def held(response: Endpoint, request: Request) -> Result:
        assert released.wait(HANG_S)
        return response(request)

    replace_endpoint(world, REPORTING, held)
    assert people(world, max_age="5m").status_code == 504
    released.set()
    calls_in_flight = world.application.service.pipeline.gatherer.in_flight
    until(lambda: calls_in_flight.under_way == 0)
    monkeypatch.setattr(floor_results, "RULE_S", 1.0)
    world.simulator.faults.set(status=503, paths=(REPORTING,))
    world.now_s += MINUTE
    rows = people(world, max_age="5m").get_json()
    assert {at(row["as_of"]) for row in rows} == {began_s}
    assert {row["complete"] for row in rows} == {1}
    assert people(world).status_code == 502


def test_newer_data_win_where_they_come_in_time(world: World) -> None:
    people(world, max_age="60m")
    world.now_s += 10 * MINUTE
    assert {at(row["as_of"]) for row in people(world, max_age="60m").get_json()} == {world.now_s}


@pytest.mark.parametrize("text", ["5", "5s", "-5m", "61m", "999m", "1h", "m", "\u0665m", "05:00"])
def test_an_age_that_cannot_be_is_an_error_that_names_it(world: World, text: str) -> None:
    response = people(world, max_age=text)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("max_age: ")


def test_who_asks_is_one_of_three(world: World) -> None:
    response = people(world, **{"for": "boss"})
    assert response.status_code == 400
    assert "viewer, rule, wall" in response.get_json()["message"]


@pytest.mark.parametrize(
    ("params", "token", "need"),
    [
        ({}, "a-token-of-all", CallClass.VIEWER),
        ({"require": "complete"}, "a-token-of-all", CallClass.RULE),
        ({"for": "rule"}, "a-token-of-all", CallClass.RULE),
        ({"for": "wall"}, "a-token-of-all", CallClass.WALL),
        ({"for": "viewer", "require": "complete"}, "a-token-of-all", CallClass.VIEWER),
        ({}, "a-token-of-walls", CallClass.WALL),
        ({"for": "rule", "require": "complete"}, "a-token-of-walls", CallClass.WALL),
    ],
)
def test_whom_a_call_is_for(
    monkeypatch: pytest.MonkeyPatch, params: dict[str, str], token: str, need: CallClass
) -> None:
    tokens = {
        "tokens": (BackendToken("a-token-of-all"),),
        "wall_tokens": (BackendToken("a-token-of-walls", for_walls=True),),
    }
    world = World(**tokens)
    try:
        gatherer, needs = world.application.service.pipeline.gatherer, set()
        begin = gatherer.begin_all
        monkeypatch.setattr(
            gatherer, "begin_all", lambda s, **how: (needs.add(how["call_class"]), begin(s, **how))[1]
        )
        response = world.http.get(
            "/api/v1/occupancy-now",
            query_string={"space": PARIS, "level": "floor", "format": "rows", **params},
            headers={"Authorization": f"Bearer {token}"},
        )
        assert response.status_code == 200
        assert needs == {need}
    finally:
        world.close()


def test_rules_without_data_fires_if_a_rule_has_no_data_though_butlr_responds(world: World) -> None:
    """No place for rules: their questions are never asked. Viewers are answered all the same."""
    capacity, without_data, unreachable = (
        Watcher(rules()[f"butlr-{uid}"]) for uid in ("over-capacity", "rules-starved", "unreachable")
    )
    calls_in_flight = world.application.service.pipeline.gatherer.in_flight
    status = "/api/v1/status?format=rows"

    def minutes(count: int) -> None:
        for _ in range(count):
            world.now_s += MINUTE
            world.time.now_s += MINUTE
            # Of floors, not of rooms: what viewers are answered would serve the rule too.
            assert people(world, level="floor", require="any", **{"for": "viewer"}).status_code == 200
            for watcher in (capacity, without_data, unreachable):
                watcher.evaluate(world)

    minutes(3)
    assert world.http.get(status).get_json()[0]["rules_without_data_s"] == 0
    calls_in_flight._queue = CallQueue({**SHARES, CallClass.RULE: Share(70, 0, 60.0)})
    minutes(14)
    assert without_data.alerting("source") == set()
    minutes(16)
    assert without_data.alerting("source") == {"butlr"}
    assert unreachable.alerting("source") == set()
    calls_in_flight._queue = CallQueue(SHARES)
    minutes(1)
    assert world.http.get(status).get_json()[0]["rules_without_data_s"] == 0
    assert without_data.alerting("source") == set()


# By hand


class Clock:
    def __init__(self) -> None:
        self.now_s = 1_000_000.0

    def __call__(self) -> float:
        return self.now_s


def outcome(where: Floor, clock: Clock, cells: int = 1) -> FloorResult:
    one = np.arange(cells, dtype=np.int32)
    grid = Grid(0.5, (0.25, 0.25), one, one, np.ones(cells))
    period = Period(int(clock.now_s) - 600, int(clock.now_s))
    query = Query(floor=where, period=period, resolution_m=0.5)
    coverage = Coverage(1, 1, 0, 0, 0, hours=1 / 6, as_of_s=clock.now_s)
    return FloorResult(where, (HeatMap(query, grid, grid, coverage, ()),))


def named(number: int) -> Floor:
    return replace(floor_of(), id=f"space_{number}")


def test_a_thousand_floors_keep_their_last_data_and_old_ones_go_by_bytes() -> None:
    clock = Clock()
    repeats = LastGoodCache(clock, clock)
    floors = [named(k) for k in range(1_000)]
    whole = [outcome(each, clock) for each in floors]
    repeats.filled("rule", whole)
    clock.now_s += REPEAT_S - 1
    failed = [FloorResult(each, fault=UpstreamDown("gone")) for each in floors[1:]]
    found = repeats.filled("rule", [outcome(floors[0], clock), *failed])
    assert all(one.found and not one.complete for one in found[1:])
    assert len(found) == 1_000
    small = LastGoodCache(clock, clock, max_bytes=20_000)
    small.filled("rule", [outcome(each, clock) for each in floors])
    assert small._results.currsize <= 20_000
    spaces = {key[1] for key in small._results}  # type: ignore[index]
    assert spaces == {f"space_{k}" for k in range(1_000 - len(small._results), 1_000)}


def test_data_without_whole_answers_are_watched_by_rule_and_floor_and_forgotten_with_the_rule() -> None:
    clock = Clock()
    data = RuleData(clock)
    assert data.longest_without_s() == 0.0
    well, ill = named(1), named(2)
    for _ in range(5):
        data.record("rule", [outcome(well, clock), FloorResult(ill, fault=UpstreamDown("gone"))])
        clock.now_s += 60.0
    assert data.longest_without_s() == 300.0
    data.record("other", [FloorResult(well, fault=UpstreamDown("gone"))])
    data.record("rule", [outcome(ill, clock)])
    clock.now_s += 60.0
    assert data.longest_without_s() == 120.0  # the floor that was well, a minute before
    clock.now_s += 900.0
    assert data.longest_without_s() == 0.0


def test_late_heat_counts_too(world: World) -> None:
    """`max_age` of heat maps: what fails is the maps, not the people."""
    params = {"space": PARIS, "require": "complete", "for": "rule", "format": "rows", "max_age": "10m"}

    def zones() -> Any:
        end_s = int(world.now_s)
        period = {"from": str((end_s - 600) * 1000), "to": str(end_s * 1000)}
        return world.http.get("/api/v1/hot-zones", query_string={**params, **period})

    known = zones().get_json()
    world.simulator.faults.set(status=503, paths=(DETECTIONS,))
    world.now_s += 9 * MINUTE
    again = zones().get_json()
    assert [row["detections"] for row in again] == [row["detections"] for row in known]
    assert {row["complete"] for row in again} == {1}


def test_a_wall_shows_the_map_of_some_minutes_ago_and_its_time(world: World) -> None:
    """Also across the hour, when another part of today has settled; never as the present where it is not."""

    def today() -> tuple[str, str]:
        params = {"space": PARIS, "for": "wall", "format": "png", "width": "320", "max_age": "10m"}
        period = {"from": str(at("2026-06-16T22:00") * 1000), "to": str(int(world.now_s) * 1000)}
        response = world.http.get("/api/v1/heatmap", query_string={**params, **period})
        assert response.status_code == 200
        return response.headers["X-Complete"], response.headers["X-As-Of"]

    world.now_s = at("2026-06-17T12:56:30")
    whole, known = today()
    assert (whole, at(known)) == ("1", world.now_s)
    world.simulator.faults.set(status=503, paths=(DETECTIONS,))
    world.now_s += 9 * MINUTE
    assert today() == ("1", known)
    world.now_s += 2 * MINUTE
    assert today() == ("0", known)


def test_rules_are_computed_one_at_a_time_and_viewers_beside_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered, arrived, goes_on = [], [], threading.Event()
    compute, limits = service.build, floor_results.FloorResults.limits

    def held(target: Any, fetched: Any, sources: Any) -> Any:
        entered.append(fetched.parsed.call_class)
        assert len(entered) > 1 or goes_on.wait(HANG_S)
        return compute(target, fetched, sources)

    def noted(*given: Any) -> Any:
        arrived.append(limits(*given))
        return arrived[-1]

    monkeypatch.setattr(service, "build", held)
    monkeypatch.setattr(floor_results.FloorResults, "limits", noted)
    params = [{"level": "room"}, {"level": "floor"}]
    rules = [threading.Thread(target=people, args=(world,), kwargs=one) for one in params]
    rules[0].start()
    until(lambda: len(entered) == 1)
    rules[1].start()
    viewer = world.http.get("/api/v1/freshness", query_string={"space": PARIS, "format": "rows"})
    assert viewer.status_code == 200
    until(lambda: len(arrived) == 3)  # the second rule has all its data too
    assert entered == [CallClass.RULE, CallClass.VIEWER]
    goes_on.set()
    for one in rules:
        one.join(HANG_S)
    assert entered == [CallClass.RULE, CallClass.VIEWER, CallClass.RULE]


def test_a_rule_about_ten_hours_that_accepts_data_of_an_hour_ago_costs_one_call_an_hour(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its windows are full hours, so nothing changes before the next one has ended."""
    monkeypatch.setattr(floor_results, "RULE_S", float(HANG_S))
    parameters = {"space": PARIS, "require": "complete", "for": "rule", "format": "rows", "window": "10h"}
    periods: list[tuple[int, int]] = []

    def recorded(answer: Endpoint, request: Request) -> Result:
        body = orjson.loads(request.body)
        where = body["filter"]
        if body["window"]["every"] == "1h":
            periods.append((at(where["start"]), at(where["stop"])))
        return answer(request)

    def evaluated(max_age: str) -> list[tuple[int, int]]:
        periods.clear()
        response = world.http.get("/api/v1/unusual", query_string={**parameters, "max_age": max_age})
        assert response.status_code == 200
        assert {row["complete"] for row in response.get_json()} == {1}
        return list(periods)

    replace_endpoint(world, REPORTING, recorded)
    hour_s = world.now_s // HOUR * HOUR
    world.now_s = hour_s + 5 * MINUTE
    assert (hour_s - 10 * HOUR, hour_s) in evaluated("60m")  # and the weeks before
    for minute in range(10, 60, 5):
        world.now_s = hour_s + minute * MINUTE
        assert evaluated("60m") == []
    world.now_s = hour_s + 65 * MINUTE
    assert evaluated("60m") == [(hour_s - 9 * HOUR, hour_s + HOUR)]
    # A rule that wants newer data gets them.
    assert max(end_s for _, end_s in evaluated("10m")) == hour_s + 64 * MINUTE
