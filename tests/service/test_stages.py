"""What `/metrics` tells of stages, and of responses that were not kept, by what happened before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from butlr_grafana.base import stage_times
from butlr_grafana.base.stage_times import STAGES
from butlr_grafana.present import formats
from butlr_grafana.service import response_cache
from butlr_grafana.service.metrics import SKIP_REASONS
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from tests.service.test_metrics import Figures
from tests.support import (
    DETECTIONS,
    GRAPHQL,
    NEW_YORK,
    PARIS,
    PARIS_2,
    FakeTime,
    World,
    floors_of,
    replace_endpoint,
)

DAY = {"from": "2026-06-10T00:00:00Z", "to": "2026-06-11T00:00:00Z"}
SKIPPED = "butlr_backend_response_cache_skipped_total"
SECONDS = "butlr_backend_stage_seconds"


def send_query(world: World, target: str = "heatmap", **parameters: Any) -> Any:
    return world.http.get(f"/api/v1/{target}", query_string={"space": PARIS, **DAY, **parameters})


def by_stage(world: World, what: str) -> dict[str, float]:
    return {name: value for (name,), value in Figures(world).of(f"{SECONDS}_{what}").items() if value}


def skipped(world: World) -> dict[str, float]:
    return {reason: count for (reason,), count in Figures(world).of(SKIPPED).items() if count}


# --- stages -----------------------------------------------------------------------------------------------


def test_every_stage_and_reason_is_known_from_the_start(world: World) -> None:
    figures = Figures(world)
    assert figures.of(f"{SECONDS}_count") == {(name,): 0 for name in STAGES}
    assert figures.of(SKIPPED) == dict.fromkeys([(reason,) for reason in SKIP_REASONS], 0)


def test_a_request_counts_once_in_each_stage_that_it_passes(world: World) -> None:
    made = ("split", "gather", "build", "encode")
    send_query(world)
    assert by_stage(world, "count") == dict.fromkeys(STAGES, 1)
    send_query(world)  # the URL was read before
    assert by_stage(world, "count") == {"parse": 1, "resolve": 2, **dict.fromkeys(made, 2)}
    send_query(world)  # from the response cache
    assert by_stage(world, "count") == {"parse": 1, "resolve": 3, **dict.fromkeys(made, 2)}
    send_query(world, resolution="7")
    assert by_stage(world, "count") == {"parse": 2, "resolve": 3, **dict.fromkeys(made, 2)}
    for path in ("/healthz", "/readyz", "/metrics"):
        world.http.get(path)
    assert by_stage(world, "count") == {"parse": 2, "resolve": 3, **dict.fromkeys(made, 2)}


def test_a_panel_with_several_targets_is_one_request(world: World) -> None:
    targets = [
        {"refId": ref_id, "target": "heatmap", "payload": {"space": space}}
        for ref_id, space in (("A", PARIS), ("B", NEW_YORK))
    ]
    assert world.http.post("/query", json={"range": DAY, "targets": targets}).status_code == 200
    assert by_stage(world, "count") == dict.fromkeys(STAGES, 1)


def test_seconds_are_of_the_stage_in_which_they_pass(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Butlr takes 5 s for the floors, 7 s for a day's cells; making the bytes takes 3 s."""
    clock = FakeTime()
    monkeypatch.setattr(stage_times, "StageTimes", partial(stage_times.StageTimes, clock))

    def takes(seconds: float, endpoint: Endpoint, request: Request) -> Result:
        clock.now_s += seconds
        return endpoint(request)

    def encoded(response: Any, make: Callable[..., Any] = formats.encoded, **how: Any) -> Any:
        clock.now_s += 3
        return make(response, **how)

    monkeypatch.setattr(formats, "encoded", encoded)
    replace_endpoint(world, DETECTIONS, partial(takes, 7))
    replace_endpoint(world, GRAPHQL, partial(takes, 5))
    calls = len([call for call in world.simulator.calls if call.path == GRAPHQL])
    assert send_query(world).status_code == 200
    of_floors = len([call for call in world.simulator.calls if call.path == GRAPHQL]) - calls
    assert by_stage(world, "sum") == {"resolve": 5 * of_floors, "gather": 7, "encode": 3}


# --- responses that are not kept --------------------------------------------------------------------------


@contextmanager
def skips(world: World, **reasons: int) -> Iterator[None]:
    """What happens within skips the response cache so often, by reason."""
    before = skipped(world)
    yield
    now = skipped(world)
    assert {r: n - before.get(r, 0) for r, n in now.items() if n > before.get(r, 0)} == reasons


def test_a_response_is_kept_once_nothing_of_it_was_fetched(world: World) -> None:
    with skips(world, fetched=1):
        send_query(world)
    with skips(world):
        send_query(world)  # made of what the cache has, and kept
        send_query(world)


@pytest.mark.parametrize("target", ["status", "events"])
def test_some_targets_are_never_kept(world: World, target: str) -> None:
    with skips(world, target=2):
        send_query(world, target, **({"space": "all"} if target == "events" else {}))
        send_query(world, target, **({"space": "all"} if target == "events" else {}))


def test_an_incomplete_response_is_not_kept(world: World) -> None:
    def refused(endpoint: Endpoint, request: Request) -> Result:
        if PARIS_2 in floors_of(request.json()):
            return Result.refusal(403, "not allowed")
        return endpoint(request)

    replace_endpoint(world, DETECTIONS, refused)
    with skips(world, incomplete=1):
        assert send_query(world, "hot-zones", space="all").status_code == 200


def test_an_error_is_not_kept(world: World) -> None:
    world.simulator.faults.set(status=400, paths=(DETECTIONS,))
    with skips(world, error=1):
        assert send_query(world).status_code == 502


def test_a_request_that_cannot_be_read_does_not_come_to_the_cache(world: World) -> None:
    with skips(world):
        assert send_query(world, resolution="7").status_code == 400


def test_a_picture_without_the_floor_plans_image_is_not_kept(make_world: Callable[..., World]) -> None:
    world = make_world(butlr_plan_hosts=("plans.example.com",))
    with skips(world, drawing=1):
        assert send_query(world, "floorplan", format="png").status_code == 200


def test_a_response_larger_than_the_cache_is_not_kept(world: World) -> None:
    send_query(world)
    service = world.application.service
    small, requested = (
        response_cache.ResponseCache(service, max_bytes=10),
        service.read("heatmap", {"space": PARIS, **DAY}),
    )
    with skips(world, too_large=1):
        small.request(requested, None, ref_id="A", deadline=service.deadline()).completed()


def test_a_response_whose_parts_are_due_again_is_not_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_query(world)
    monkeypatch.setattr(response_cache, "_good_until_s", lambda response: response.now_s)
    with skips(world, expired=1):
        send_query(world)
