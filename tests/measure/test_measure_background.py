"""`serve` where nobody ran `check`: what changes numbers is measured before anything is kept for good."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from butlr_grafana.base.errors import UpstreamDown
from butlr_grafana.butlr.api import Timing
from butlr_grafana.measure import background
from butlr_grafana.measure.background import AFTER_FAULT_S, AGAIN_S, POLL_S, Background
from butlr_grafana.measure.client import MOST_CALLS
from butlr_grafana.measure.verdict_store import VerdictStore, open_verdict_store
from butlr_grafana.model.verdicts import CHANGES_NUMBERS
from butlr_grafana.replicas.redis_connection import RedisConnection
from butlr_grafana.replicas.single_flight import SharedSingleFlight
from butlr_grafana.settings import Settings
from butlr_grafana.simulator.forms import Forms
from tests.redis_server import RedisServer
from tests.support import PARIS, World, at, cells_of, truth

DAY = ("2026-06-10T00:00:00Z", "2026-06-11T00:00:00Z")
ROOM_DAY = {"space": PARIS, "from": DAY[0], "to": DAY[1], "every": "1h", "format": "rows"}


class NewWorld(World):
    """An account of which nothing is known yet. Pauses between measuring calls are not waited for."""

    def verdict_store(self, settings: Settings) -> VerdictStore | None:
        return None

    def clocks(self) -> dict[str, Any]:
        def wait(event: threading.Event, _seconds: float) -> bool:
            return event.is_set()

        return {**super().clocks(), "pace": Timing(wait=wait)}


@pytest.fixture
def make_new() -> Iterator[Callable[..., NewWorld]]:
    worlds: list[NewWorld] = []

    def make(*forms: str, **settings: Any) -> NewWorld:
        world = NewWorld(**settings)
        world.simulator.forms = Forms.read(forms)
        worlds.append(world)
        return worlds[-1]

    yield make
    for world in worlds:
        world.close()


def notices(frame: dict[str, Any]) -> str:
    return " ".join(notice["text"] for notice in frame["meta"]["notices"])


def test_nothing_is_kept_for_good_before_it_is_measured_and_answers_say_so(
    make_new: Callable[..., NewWorld],
) -> None:
    world = make_new()
    frame = world.heat_map(PARIS, *DAY, resolution="1.0")
    assert frame["meta"]["custom"]["total_detections"] > 0
    assert "assumed as documented: window labels, heat map stop, direction of y" in notices(frame)
    # It is only taken for new for a minute, although the day is a week old.
    world.now_s += 120
    assert world.spent(lambda: world.heat_map(PARIS, *DAY, resolution="1.0")) == 1

    assert world.application.background.poll() == POLL_S

    world.now_s += 120
    frame = world.heat_map(PARIS, *DAY, resolution="1.0")
    assert "assumed" not in notices(frame)
    world.now_s += 7 * 86_400
    assert world.spent(lambda: world.heat_map(PARIS, *DAY, resolution="1.0")) == 0


def test_on_a_busy_account_it_is_measured_too(
    make_new: Callable[..., NewWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rules of two hundred floors make more calls than a run may, while it waits for its own."""
    world = make_new()
    world.heat_map(PARIS, *DAY)
    client = world.application.butlr.client
    post = client.post

    def among_others(*args: Any, **params: Any) -> bytes:
        client.sent += MOST_CALLS
        return post(*args, **params)

    monkeypatch.setattr(client, "post", among_others)
    assert world.application.background.poll() == POLL_S
    assert world.application.means.verdict_store.current().unmeasured == frozenset()


def test_a_process_that_ends_stops_measuring_without_an_error(
    make_new: Callable[..., NewWorld], caplog: pytest.LogCaptureFixture
) -> None:
    world = make_new()
    world.heat_map(PARIS, *DAY)
    world.application.background._ending.set()
    with caplog.at_level(logging.WARNING):
        assert world.application.background.poll() == AGAIN_S
    assert [record for record in caplog.records if record.exc_info] == []


def test_readiness_does_not_wait_for_measuring(make_new: Callable[..., NewWorld]) -> None:
    world = make_new()
    assert world.http.get("/readyz").status_code == 200
    assert world.application.means.verdict_store.current().unmeasured == CHANGES_NUMBERS


def test_it_is_said_once_in_the_log(
    make_new: Callable[..., NewWorld], caplog: pytest.LogCaptureFixture
) -> None:
    world = make_new()
    world.heat_map(PARIS, *DAY)
    world.simulator.forms = Forms.read(["unreadable=reporting"])
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            world.application.background.poll()
    messages = [r.getMessage() for r in caplog.records if "assumed as documented" in r.getMessage()]
    # At first of all, then of those that the answers did not tell.
    assert len(messages) == len(set(messages)) == 2


@pytest.mark.parametrize(
    "form",
    ["heat_stop=inclusive", "heat_y=flipped", "window_labels=start", "day_windows=utc", "weekday_case=lower"],
)
def test_answers_are_the_truth_however_the_choice_is_turned(
    make_new: Callable[..., NewWorld], form: str
) -> None:
    world = make_new(form)
    world.heat_map(PARIS, *DAY, resolution="1.0")  # under the assumptions
    world.application.background.poll()
    assert world.application.means.verdict_store.current().unmeasured == frozenset()
    found = cells_of(world.heat_map(PARIS, *DAY, resolution="1.0"))
    assert found == truth(PARIS, at(DAY[0]), at(DAY[1]), 1.0)


def test_without_floors_it_waits_and_after_a_fault_it_tries_again(
    make_new: Callable[..., NewWorld], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_new()
    assert world.application.background.poll() == POLL_S
    assert world.simulator.count() == 0
    world.heat_map(PARIS, *DAY)

    def down(*_: Any, **__: Any) -> Iterator[Any]:
        raise UpstreamDown("Butlr cannot be reached")

    monkeypatch.setattr(background, "measuring", down)
    assert world.application.background.poll() == AFTER_FAULT_S


def test_what_was_not_told_is_measured_again_later(make_new: Callable[..., NewWorld]) -> None:
    world = make_new("unreadable=stats")
    world.heat_map(PARIS, *DAY)
    assert world.application.background.poll() == AGAIN_S
    assert world.application.means.verdict_store.current().unmeasured == {"weekday_case"}
    # Heat maps do not wait for statistics.
    world.heat_map(PARIS, *DAY, resolution="1.0")
    world.now_s += 120
    assert world.spent(lambda: world.heat_map(PARIS, *DAY, resolution="1.0")) == 0
    before = world.simulator.count()
    world.simulator.forms = Forms()
    assert world.application.background.poll() == POLL_S
    # Only that is asked for again: a busy hour, the people of its rooms, and three figures.
    assert world.simulator.count() - before <= 6


def people_by_hour(world: World) -> tuple[int, Any]:
    result = world.http.get("/api/v1/occupancy", query_string=ROOM_DAY)
    return result.status_code, result.get_json()


def test_a_butlr_that_changes_its_labels_is_measured_again_by_itself(
    make_new: Callable[..., NewWorld], caplog: pytest.LogCaptureFixture
) -> None:
    world = make_new()
    verdict_store, background = world.application.means.verdict_store, world.application.background
    people_by_hour(world)
    background.poll()
    world.now_s += 120
    before = people_by_hour(world)
    assert before[0] == 200

    world.simulator.forms = Forms.read(["window_labels=start"])
    other_day = {**ROOM_DAY, "from": "2026-06-11T00:00:00Z", "to": "2026-06-12T00:00:00Z"}
    with caplog.at_level(logging.WARNING):
        result = world.http.get("/api/v1/occupancy", query_string=other_day)
    # Not shown and not kept: every number would lie in the wrong window.
    assert result.status_code == 502
    assert "labels will be measured again" in caplog.text
    assert "Butlr's responses on metrics have changed: a label at which no window ends" in caplog.text
    [drift] = verdict_store.entry.drifts
    assert (drift.verdict, drift.api) == ("labels", "metrics")

    background.poll()
    assert (verdict_store.current().labels, verdict_store.current().unmeasured) == ("start", frozenset())
    world.now_s += 120
    # The same day, asked for again and read in the other way, is what it was.
    assert people_by_hour(world) == before
    assert world.http.get("/api/v1/occupancy", query_string=other_day).status_code == 200


def test_settings_that_are_set_are_not_waited_for(make_new: Callable[..., NewWorld]) -> None:
    world = make_new(butlr_y_direction="down", butlr_settle_s=0)
    verdicts = world.application.means.verdict_store.current()
    assert (verdicts.heat_y, verdicts.settled_after_s) == ("flipped", 0)
    assert verdicts.unmeasured == CHANGES_NUMBERS - {"heat_y"}


def test_of_two_replicas_one_measures(make_new: Callable[..., NewWorld], redis: RedisServer) -> None:
    world = make_new(butlr_rate_limit=0)
    world.heat_map(PARIS, *DAY)
    connections = [RedisConnection(redis.url, source="tenant") for _ in range(2)]
    verdict_stores = [
        open_verdict_store("tenant", folder=None, redis=connection) for connection in connections
    ]
    means = [
        replace(world.application.means, verdict_store=verdict_store) for verdict_store in verdict_stores
    ]
    both = [
        Background(
            mean, ending=threading.Event(), single_flight=SharedSingleFlight(connection, patience_s=60)
        )
        for mean, connection in zip(means, connections, strict=True)
    ]
    before = world.simulator.count()
    threads = [threading.Thread(target=one.poll) for one in both]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        requested = world.simulator.count() - before
        for verdict_store in verdict_stores:
            assert verdict_store.newest().unmeasured == frozenset()
        # One run costs some 20 calls.
        assert 10 < requested < 30
    finally:
        for connection in connections:
            connection.close()
