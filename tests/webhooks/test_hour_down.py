"""A receiver that is down for an hour: what was pushed meanwhile is asked for, once, a call a floor."""

from __future__ import annotations

from collections import Counter

from butlr_grafana.live.refill import IDLE_S
from butlr_grafana.model.time import Period
from tests.live.world import MakeWorld, live_world, pass_minutes
from tests.support import PARIS, REPORTING, World, until


def refill(world: World) -> Counter[str]:
    """Until there is nothing left to do; how often each measurement was asked for."""
    before = len(world.simulator.calls)
    until(lambda: world.application.receiver.refill.step() >= IDLE_S)
    bodies = [call.body for call in world.simulator.calls[before:] if call.path == REPORTING]
    return Counter(body["filter"]["measurements"][0] for body in bodies)


def test_the_gap_is_refilled_with_a_call_for_each_floor_and_stream(make_world: MakeWorld) -> None:
    world = live_world(make_world, "08:10:02")
    pass_minutes(world, 20)
    refill(world)  # of the time before the first push
    down = Period(int(world.now_s) // 60 * 60, int(world.now_s) // 60 * 60 + 3600)
    world.now_s += 3600
    pass_minutes(world, 8)
    live, floors = world.application.receiver.live, world.simulator.people.office.by_id.values()
    assert any(gap.start_s <= down.start_s + 60 and gap.end_s >= down.end_s for gap in live.gaps("room"))
    requested = refill(world)
    assert requested == {
        "floor_occupancy": len(floors),
        "room_occupancy": sum(bool(floor.rooms) for floor in floors),
        "zone_occupancy": sum(bool(floor.zones) for floor in floors),
        "traffic": len(floors),
    }
    people, compared, total = world.simulator.people, 0, 0
    for index, room in enumerate(people.office.by_id[PARIS].rooms):
        if people.offline(room.id, down.start_s, down.end_s):
            continue
        reported = [minute.people for minute in live.minutes(room.id, down)]
        assert reported == people.occupancy(PARIS, index, down.start_s, down.end_s).tolist()
        compared, total = compared + 1, total + sum(n or 0 for n in reported)
    assert compared > 3
    assert total > 100
    assert not refill(world), "once"
    assert not [gap for gap in live.gaps("room") if gap.end_s > down.start_s]
