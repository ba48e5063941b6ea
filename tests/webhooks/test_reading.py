"""What events stand for is measured on the account, from pushes and reporting, as it is in the simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from butlr_grafana.model.time import Period
from butlr_grafana.simulator import Forms
from butlr_grafana.simulator.webhooks import Subscription
from tests.support import PARIS, World

KEY = "a-key-of-this-test-alone"


@pytest.mark.parametrize(
    ("forms", "meaning", "shift_min"),
    [
        (Forms(), "presence", 0),
        (Forms(pushed_people="doors"), "doors", 0),
        (Forms(pushed_people="higher"), "higher", 0),
        (Forms(pushed_times="end"), "presence", -1),
    ],
    ids=["presence", "doors", "higher", "presence, by the end"],
)
def test_what_events_stand_for(
    make_world: Callable[..., World], forms: Forms, meaning: str, shift_min: int
) -> None:
    world = make_world(webhook_keys=(KEY,), now="2026-06-17T08:00:00")
    world.simulator.forms = forms
    world.http.get("/api/v1/spaces")

    def send(_: Any, body: bytes) -> bool:
        return world.http.post("/webhooks/butlr", data=body, headers={"X-Api-Key": KEY}).status_code == 204

    world.simulator.pusher._deliver = send  # type: ignore[method-assign]
    made = Subscription("webhook_1", "test", ("ROOM_OCCUPANCY_1MIN",), "http://127.0.0.1:1/")
    world.simulator.subscriptions.add(made)
    world.now_s = world.now_s // 60 * 60 + 2
    world.simulator.push()
    for _ in range(50):
        world.now_s += 60
        world.simulator.push()
    receiver = world.application.receiver
    for _ in range(3):  # a floor each
        receiver.sampling.step()
    reading = receiver.sampling.reading("room")
    assert reading is not None
    assert (reading.meaning, receiver.live.shift_s) == (meaning, 60 * shift_min)
    assert world.http.get("/webhooks/status").get_json()["numbers_are"] == {"room": meaning}
    if meaning != "presence":
        return
    # From here on minutes are kept by their starts, and another look finds nothing to move.
    first_s = int(world.now_s // 60) * 60
    for _ in range(45):
        world.now_s += 60
        world.simulator.push()
    for _ in range(3):
        receiver.sampling.step()
    assert receiver.live.shift_s == 60 * shift_min
    people, total = world.simulator.people, 0
    period = Period(first_s, first_s + 30 * 60)
    for index, room in enumerate(people.office.by_id[PARIS].rooms):
        found = [minute.people for minute in receiver.live.minutes(room.id, period)]
        if found:
            assert found == people.occupancy(PARIS, index, period.start_s, period.end_s).tolist()
            total += sum(n or 0 for n in found)
    assert total > 100
