"""The set-ups in which golden answers are taken: the simulator's people and one clock, which stands still."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.support import (
    DETECTIONS,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PER_PERSON,
    REPORTING,
    World,
    at,
    floors_of,
    know_rate,
    replace_endpoint,
)

NOW = "2026-06-17T12:34:56"
"""A Wednesday, 14:34 in Paris and 08:34 in New York."""

KITCHEN, CROWD = "room_paris_1_kitchen", 100
HIVE = "hive_paris_1_1"
CROWD_CAME, CROWD_WENT = at("2026-06-17T11:00"), at("2026-06-17T11:30")

RULE = {
    **{"space": "all", "require": "complete", "unit": "people", "format": "rows"},
    **{"threshold": "0.5", "release": "0.4"},
}
"""What the alert rule for hot zones asks for."""


def plain() -> World:
    """Nothing has been measured yet: heat is in detections."""
    return World(NOW)


def rates_known() -> World:
    """How many detections a person gives is known of each floor: heat is in people."""
    world = World(NOW)
    for space in (PARIS, PARIS_2, NEW_YORK):
        know_rate(world, space, PER_PERSON)
    return world


def small_rooms_hidden() -> World:
    """Rooms for fewer than 7 people are told of as their sum only."""
    return World(NOW, min_capacity=7)


def hive_offline() -> World:
    """One of the two hives of the first floor in Paris has been off for two hours."""
    world = World(NOW)
    world.simulator.outage(HIVE, at(NOW) - 2 * 3600, at(NOW) + 3600)
    return world


class _Demo(World):
    is_demo = True


def one_floor_refused() -> World:
    """Butlr refuses all that is asked of the second floor in Paris."""
    world = World(NOW)

    def refused(endpoint: Endpoint, request: Request) -> Result:
        if PARIS_2 in floors_of(request.json()):
            return Result.refusal(403, "not allowed to read this floor")
        return endpoint(request)

    for path in (DETECTIONS, REPORTING):
        replace_endpoint(world, path, refused)
    return world


def crowd_recorded() -> World:
    """The alert rule for hot zones has looked every five minutes at a crowd that came and went."""
    world = rates_known()
    world.now_s = CROWD_CAME + 20
    world.simulator.crowd(PARIS, KITCHEN, CROWD, CROWD_CAME, CROWD_WENT)
    try:
        while world.now_s < CROWD_WENT + 1200:
            world.now_s += 300
            period = {"from": str((int(world.now_s) - 600) * 1000), "to": str(int(world.now_s) * 1000)}
            response = world.http.get("/api/v1/hot-zones", query_string={**RULE, **period})
            assert response.status_code == 200, response.get_data(as_text=True)
    finally:
        # All worlds have the same people.
        world.simulator.clear_crowds()
    world.now_s = at(NOW)
    return world


def butlr_gone() -> World:
    """Butlr answers nothing any more; its last answer is two minutes old."""
    world = World(NOW)
    answered = world.time.now_s
    for space in (PARIS, PARIS_2):
        assert world.http.get("/api/v1/occupancy-now", query_string={"space": space}).status_code == 200
    world.simulator.faults.set(status=503)
    world.now_s += 120
    assert world.http.get("/api/v1/occupancy-now", query_string={"space": NEW_YORK}).status_code >= 500
    # However long the tries took, whose pauses are drawn.
    world.time.now_s = answered + 120  # however long the tries took, whose pauses are drawn
    return world


WORLDS: Mapping[str, Callable[[], World]] = MappingProxyType(
    {
        "plain": plain,
        "rates known": rates_known,
        "demo mode": lambda: _Demo(NOW),
        "small rooms hidden": small_rooms_hidden,
        "one floor refused": one_floor_refused,
        "crowd recorded": crowd_recorded,
        "butlr gone": butlr_gone,
        "hive offline": hive_offline,
    }
)
