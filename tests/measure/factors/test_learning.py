"""What answers that are there anyway tell of a floor's factor; and who measures in the background."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

from butlr_grafana.cli import serve
from butlr_grafana.measure import factor_learning, factor_watch
from butlr_grafana.measure.factor_observation import NOT_WHOLE, day_of
from butlr_grafana.model.call_class import CallClass
from butlr_grafana.model.factor import Factor, Unknown
from butlr_grafana.model.time import Period
from butlr_grafana.settings import Settings
from tests.measure.factors.rates import RATES, with_rates
from tests.support import PARIS, PARIS_2, World, at, until

WEEK = {"from": "2026-06-15T00:00:00Z", "to": "2026-06-17T12:00:00Z"}


def used(world: World, **params: str) -> list[dict[str, Any]]:
    query = {"space": PARIS, "format": "rows", **WEEK, **params}
    result = world.http.get("/api/v1/utilization", query_string=query)
    assert result.status_code == 200, result.text
    rows: list[dict[str, Any]] = result.get_json()
    return rows


def test_utilization_teaches_what_a_person_gives(world: World) -> None:
    with_rates(world)
    assert world.application.service.factors.of(PARIS) == Unknown()
    assert all(row["people_per_m2"] is None for row in used(world))
    factor = world.application.service.factors.of(PARIS)
    assert isinstance(factor, Factor)
    assert factor.per_person_minute == pytest.approx(RATES[PARIS], rel=0.1)
    # The two days that are over, not today.
    days = [
        day
        for day in range(14, 19)
        if world.application.service.factors.on(PARIS, f"2026-06-{day}") is not None
    ]
    assert days == [15, 16]
    assert world.application.service.factors.of(PARIS_2) == Unknown()
    spent = len(world.simulator.calls)
    assert any(row["people_per_m2"] for row in used(world))
    assert len(world.simulator.calls) == spent


def test_some_rooms_do_not_stand_for_the_floor(world: World) -> None:
    with_rates(world)
    used(world, room="room_paris_1_kitchen")
    assert world.application.service.factors.of(PARIS) == Unknown()


def test_the_hours_requested_are_compared_with_themselves(world: World) -> None:
    with_rates(world)
    used(world, hours="09:00-17:00")
    found = world.application.service.factors.on(PARIS, "2026-06-16")
    assert found is not None
    assert found.hours == 8
    assert found.per_person_minute == pytest.approx(RATES[PARIS], rel=0.1)
    used(world)
    whole = world.application.service.factors.on(PARIS, "2026-06-16")
    assert whole is not None
    assert whole.hours > 8


def test_an_answer_is_not_held_up_and_nothing_is_tried_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many days the newest are told first, some at each answer; then there is nothing left to do."""
    tried: list[str] = []
    real = factor_learning.observation

    def noted(floor: Any, grid: Any, period: Any, means: Any) -> Any:
        tried.append(day_of(period, floor))
        return real(floor, grid, period, means)

    monkeypatch.setattr(factor_learning, "observation", noted)
    long = {"from": "2026-06-07T00:00:00Z", "hours": "09:00-17:00"}
    before = -1
    while len(tried) > before:
        before = len(tried)
        used(world, **long)
        assert len(tried) <= before + factor_learning.MOST_AT_ONCE
        # A kept answer tells nothing again.
        world.now_s += 3600
    assert tried[: factor_learning.MOST_AT_ONCE] == [f"2026-06-{day}" for day in (16, 15, 14, 13)]
    assert len(set(tried)) == len(tried) == 10


def test_a_factor_is_kept_on_disk(make_world: Callable[..., World], tmp_path: Any) -> None:
    world = make_world(cache_dir=str(tmp_path))
    with_rates(world)
    used(world)
    known = world.application.service.factors.of(PARIS)
    assert isinstance(known, Factor)
    world.application.close()
    world.restart()
    assert world.application.service.factors.of(PARIS) == known


def names() -> set[str]:
    return {thread.name for thread in threading.enumerate()}


def test_serve_measures_in_the_background_and_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "factors" not in names()
    monkeypatch.setattr(factor_watch, "APART_S", 0.01)
    made: list[Any] = []

    class Serving:
        """As the server: serves until its application has measured, and ends."""

        def __init__(self, *ports: Any, **_: Any) -> None:
            self._listeners = [port.listener for port in ports]

        def run(self) -> None:
            until(lambda: isinstance(made[0].service.factors.of(PARIS), Factor))
            made[0].close()
            for listener in self._listeners:
                listener.close()

    def create(*params: Any, **options: Any) -> Any:
        made.append(world_app(*params, **options, now=lambda: world.now_s))
        return made[-1]

    world_app = serve.create_app
    monkeypatch.setattr(serve, "Server", Serving)
    monkeypatch.setattr(serve, "create_app", create)
    before = signal.getsignal(signal.SIGTERM)
    try:
        settings = Settings(
            port=0, butlr_api_url=world.simulator.url, butlr_client_id="demo", butlr_client_secret="demo"
        )
        assert serve.run_server(settings) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    until(lambda: "factors" not in names())


def test_an_hour_can_be_observed_and_a_running_one_cannot(world: World) -> None:
    """For who has no day's time."""
    with_rates(world)
    service = world.application.service
    floor = service.topology(None, deadline=service.deadline()).floors[PARIS]

    def observed(start: str, end: str) -> Any:
        period = Period(at(start), at(end))
        return factor_learning.observe_period(
            service.pipeline, floor, period, now_s=world.now_s, rules=service.rules
        )

    found = observed("2026-06-17T09:00", "2026-06-17T10:00")
    assert (found.day, found.hours) == ("2026-06-17", 1.0)
    assert found.per_person_minute == pytest.approx(RATES[PARIS], rel=0.1)
    assert observed("2026-06-17T12:00", "2026-06-17T13:00") == Unknown(NOT_WHOLE)
    assert observed("2026-06-17T09:30", "2026-06-17T10:00") == Unknown(NOT_WHOLE)


def test_what_is_measured_goes_after_all_that_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its questions want whole answers, as alert rules' do, which go first."""
    gatherer, begun = world.application.service.pipeline.gatherer, []
    begin = gatherer.begin_all

    def noted(segments: Any, **how: CallClass) -> Any:
        begun.append(how)
        return begin(segments, **how)

    monkeypatch.setattr(gatherer, "begin_all", noted)
    assert world.application.factor_watch.step() == factor_watch.APART_S
    assert begun == [{"call_class": CallClass.BACKGROUND}] * 2


def test_nothing_is_measured_while_butlr_limits_or_is_away(world: World) -> None:
    step = world.application.factor_watch.step
    world.http.get("/readyz")
    world.simulator.clear_calls()
    world.application.butlr.client.rate_limiter.pause(60)
    assert step() == factor_watch.BUSY_S
    assert world.simulator.calls == []
    world.restart()
    step = world.application.factor_watch.step
    world.http.get("/readyz")
    world.simulator.faults.set(status=503)
    world.http.get("/api/v1/heatmap", query_string={"space": PARIS, **WEEK})
    world.simulator.clear_calls()
    assert step() == factor_watch.BUSY_S
    assert world.simulator.calls == []
