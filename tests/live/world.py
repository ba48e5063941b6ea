"""A world whose Butlr pushes: its backend knows what is ours, and what events stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from butlr_grafana.live.agreement import Reading
from butlr_grafana.simulator import Forms
from butlr_grafana.simulator.pushes import events
from tests.support import World

KEY = "a-key-of-this-test-alone"
MakeWorld = Callable[..., World]
TYPES = ("FLOOR_OCCUPANCY_1MIN", "ROOM_OCCUPANCY_1MIN", "ZONE_OCCUPANCY_1MIN", "TRAFFIC")


def live_world(make_world: MakeWorld, time: str = "08:10:02", **settings: Any) -> World:
    """Its backend knows what is ours, and what events stand for, as it would have measured it."""
    world = make_world(now=f"2026-06-17T{time}", webhook_keys=(KEY,), **settings)
    assert world.http.get("/api/v1/spaces").status_code == 200
    for own in world.application.receiver.sampling._levels.values():
        own.reading = Reading("presence", 0, 20, 20)
    return world


def pass_minutes(world: World, count: int, types: tuple[str, ...] = TYPES) -> None:
    """Each minute is pushed two seconds after it ends, as the simulator pushes."""
    for _ in range(count):
        world.now_s += 60
        now = int(world.now_s)
        pushed = [e for e in events(world.simulator.people, Forms(), now - 60, now) if e["type"] in types]
        world.application.receiver.accept(orjson.dumps(pushed))
