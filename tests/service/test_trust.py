"""Answers that an alert rule can trust: `require=complete` over several floors while something goes wrong."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from butlr_grafana.service import floor_results
from butlr_grafana.service.last_good import REPEAT_S
from butlr_grafana.simulator.messages import Refusal, Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.support import (
    DETECTIONS,
    HANG_S,
    NEW_YORK,
    PARIS,
    PARIS_2,
    REPORTING,
    World,
    at,
    floors_of,
    replace_endpoint,
    until,
)

FLOORS = [PARIS, PARIS_2, NEW_YORK]
HOT, NOW, USUAL, DOORS = "hot-zones", "occupancy-now", "unusual", "balance"
RULES = (HOT, NOW, USUAL, DOORS)
Rows = list[dict[str, Any]]


class Watched(World):
    """A world in which floors can be cut off from Butlr's answers."""

    def __init__(self, **settings: Any) -> None:
        self.gone: set[str] = set()
        super().__init__(**settings)
        for path in (DETECTIONS, REPORTING):
            self.answering(path, self._unless_gone)

    def answering(self, path: str, how: Callable[[Endpoint, Request], Result]) -> None:
        """Has Butlr answer in another way from now on; `how` gets the way in which it did."""
        replace_endpoint(self, path, how)

    def _unless_gone(self, response: Endpoint, request: Request) -> Result:
        if floors_of(request.json()) & self.gone:
            raise Refusal(400, "this floor is gone")
        return response(request)

    def send_query(self, target: str, **params: str) -> Any:
        """As an alert rule asks, a minute of evaluation on."""
        end_s = int(self.now_s)
        period = {"from": str((end_s - 600) * 1000), "to": str(end_s * 1000)}
        query = {"space": "all", "require": "complete", "format": "rows", **period, **params}
        return self.http.get(f"/api/v1/{target}", query_string=query)

    def rows(self, target: str, **params: str) -> Rows:
        found = self.send_query(target, **params)
        assert found.status_code == 200, found.get_data(as_text=True)
        return found.get_json()  # type: ignore[no-any-return]


@pytest.fixture
def world() -> Iterator[Watched]:
    world = Watched()
    yield world
    world.close()


def by_floor(rows: Rows) -> dict[str, Rows]:
    return {space: [row for row in rows if row["space"] == space] for space in FLOORS}


def summary(row: dict[str, Any]) -> dict[str, Any]:
    """What a row tells of its room, without how old it is."""
    return {k: v for k, v in row.items() if k not in ("as_of", "as_of_ms", "age_s", "complete", "rank")}


@pytest.mark.parametrize("target", RULES)
def test_silent_rooms_are_in_the_answer_and_an_answer_is_never_empty(world: Watched, target: str) -> None:
    world.now_s += 14 * 3600  # half past two at night in Paris
    rows = world.rows(target)
    assert {row["space"] for row in rows} == set(FLOORS)
    value = {HOT: "per_m2_hour", NOW: "people", USUAL: "ratio", DOORS: "beyond"}[target]
    silent = [row for row in rows if row[value] == 0]
    assert len(silent) >= (3 if target == DOORS else 20)
    assert {row["complete"] for row in rows} == {1}
    assert all(0 <= row["age_s"] < 120 for row in rows)


@pytest.mark.parametrize("target", RULES)
def test_one_floor_that_fails_repeats_its_last_rows_and_does_not_silence_the_others(
    world: Watched, target: str
) -> None:
    before = by_floor(world.rows(target))
    world.gone = {PARIS_2}
    world.now_s += 5 * 60
    during = by_floor(world.rows(target))
    repeated = {row.get("room_id") or row.get("zone_id"): summary(row) for row in during[PARIS_2]}
    assert repeated == {row.get("room_id") or row.get("zone_id"): summary(row) for row in before[PARIS_2]}
    assert {(row["complete"], row["age_s"] >= 300) for row in during[PARIS_2]} == {(0, True)}
    for space in (PARIS, NEW_YORK):
        assert {row["complete"] for row in during[space]} == {1}
        assert len(during[space]) == len(before[space])


@pytest.mark.parametrize("target", RULES)
def test_repeats_end_after_ten_minutes_and_the_floor_comes_back_by_itself(
    world: Watched, target: str
) -> None:
    start_s = world.now_s
    world.rows(target)
    world.gone = {PARIS_2}
    world.now_s = start_s + REPEAT_S - 1
    assert by_floor(world.rows(target))[PARIS_2]
    world.now_s = start_s + REPEAT_S
    after = by_floor(world.rows(target))
    assert after[PARIS_2] == []
    assert after[PARIS]
    assert after[NEW_YORK]
    world.gone = set()
    world.now_s += 60
    again = by_floor(world.rows(target))[PARIS_2]
    assert again
    assert {row["complete"] for row in again} == {1}


def test_what_is_repeated_is_what_was_requested(world: Watched) -> None:
    """Another window, threshold or list of rooms is another question."""
    world.rows(HOT, threshold="30")
    world.gone = {PARIS_2}
    world.now_s += 60
    end_s = int(world.now_s)
    assert by_floor(world.rows(HOT, threshold="30"))[PARIS_2]
    assert not by_floor(world.rows(HOT, threshold="20"))[PARIS_2]
    assert not by_floor(world.rows(HOT, **{"threshold": "30", "from": str((end_s - 1200) * 1000)}))[PARIS_2]


@pytest.mark.parametrize("target", RULES)
def test_where_no_floor_is_complete_nothing_is_repeated(world: Watched, target: str) -> None:
    world.rows(target)
    world.gone = set(FLOORS)
    world.now_s += 60
    found = world.send_query(target)
    assert found.status_code in (502, 503)
    assert found.get_json()["error"]["source"] == "upstream"


def test_one_floor_alone_repeats_nothing(world: Watched) -> None:
    world.rows(HOT, space=PARIS)
    world.gone = {PARIS}
    world.now_s += 60
    assert world.send_query(HOT, space=PARIS).status_code in (502, 503)


def test_without_require_a_panel_shows_what_it_always_showed(world: Watched) -> None:
    world.rows(HOT)
    world.gone = {PARIS_2}
    world.now_s += 60
    assert not by_floor(world.rows(HOT, require="any"))[PARIS_2]


def test_only_minutes_that_are_over_count(world: Watched) -> None:
    """Asked at 12:34:56: from 12:24 up to 12:34."""
    world.rows(HOT)
    [requested] = {
        (c.body["filter"]["start"], c.body["filter"]["stop"])
        for c in world.simulator.calls
        if c.path == DETECTIONS
    }
    assert requested == ("2026-06-17T12:24:00Z", "2026-06-17T12:34:00Z")


def test_a_slow_floor_that_can_be_repeated_is_not_waited_for_to_the_end(
    world: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is patient asks first, until all is there but one floor; then who is not, in another form."""
    world.rows(NOW)
    world.simulator.clear_calls()
    world.now_s += 60
    world.rows(NOW)
    usual = calls_by_floor(world)
    others = Counter({space: calls for space, calls in usual.items() if space != NEW_YORK})
    world.simulator.clear_calls()
    released = threading.Event()

    def slowly(response: Endpoint, request: Request) -> Result:
        if NEW_YORK in floors_of(request.json()):
            released.wait(HANG_S)
        return response(request)

    world.answering(REPORTING, slowly)
    world.now_s += 60
    calls_in_flight = world.application.service.pipeline.gatherer.in_flight
    with ThreadPoolExecutor(1) as pool:
        patient = pool.submit(world.send_query, NOW, format="csv")
        until(lambda: calls_by_floor(world) == others and calls_in_flight.under_way == usual[NEW_YORK])
        monkeypatch.setattr(floor_results, "PATIENCE_S", 0.0)
        rows = by_floor(world.rows(NOW))
        released.set()
        assert {row["complete"] for row in rows[NEW_YORK]} == {0}
        assert {row["complete"] for row in rows[PARIS]} == {1}
        assert patient.result().status_code == 200


def calls_by_floor(world: World) -> Counter[str]:
    """Those that Butlr has answered."""
    calls = [call for call in world.simulator.calls if call.path == REPORTING]
    return Counter(space for call in calls for space in floors_of(call.body))


def test_alert_rules_go_before_panels_when_calls_are_few(make_world: Callable[..., World]) -> None:
    """One call at a time, and a year's panel before them in the queue: they wait for the call under way only,
    also where the panel asks the same."""
    world = make_world(butlr_max_concurrency=1)
    world.http.get("/readyz")
    released = threading.Event()

    def held(response: Endpoint, request: Request) -> Result:
        assert released.wait(HANG_S)
        return response(request)

    replace_endpoint(world, DETECTIONS, held)
    end_s = int(world.now_s)
    calls_in_flight = world.application.service.pipeline.gatherer.in_flight
    period = {"to": str(end_s * 1000), "format": "rows", "resolution": "0.5"}
    year = {"space": PARIS, "from": str((end_s - 365 * 86_400) * 1000), **period}
    rule = {"space": "all", "from": str((end_s - 600) * 1000), "require": "complete", **period}

    def asks(target: str, params: dict[str, str]) -> threading.Thread:
        client = world.application.web.test_client()
        asking = threading.Thread(target=lambda: client.get(f"/api/v1/{target}", query_string=params))
        asking.start()
        return asking

    panel = asks("heatmap", year)
    queued = 1 + 51 + 2 + 2 - 1  # the leading edge, weeks, days, today in two; less the one under way
    until(lambda: calls_in_flight.waiting == queued)
    same = asks("heatmap", {**rule, "space": PARIS, "require": "any"})
    until(lambda: calls_in_flight.waiting == queued + 1)
    alert = asks(HOT, rule)
    until(lambda: calls_in_flight.waiting == queued + 3)  # Paris' is in the queue already
    released.set()
    for asking in (alert, same, panel):
        asking.join()
    requested = [c.body["filter"] for c in world.simulator.calls if c.path == DETECTIONS]
    minutes = [k for k, limits in enumerate(requested) if at(limits["stop"]) - at(limits["start"]) == 600]
    assert minutes == [1, 2, 3]
    assert {requested[k]["space_id"] for k in minutes} == set(FLOORS)


@pytest.mark.parametrize("target", [*RULES, "freshness"])
def test_an_hour_of_evaluations_is_one_call_a_floor_and_evaluation(world: Watched, target: str) -> None:
    """Once the history is kept; two rules that ask the same in one minute share it."""
    world.send_query(target)
    for _ in range(60):
        world.now_s += 60
        world.simulator.clear_calls()
        for _ in range(2):
            assert world.send_query(target).status_code == 200
        calls = [c for c in world.simulator.calls if c.path in (DETECTIONS, REPORTING)]
        # At a full hour what has settled meanwhile is asked for once more, for good.
        most = 2 if world.now_s % 3600 < 60 else 1
        assert {space for call in calls for space in floors_of(call.body)} <= set(FLOORS)
        # Who is there are those who are seen and those who went through doors.
        assert len(calls) <= len(FLOORS) * (2 if target == NOW else 1) * most
