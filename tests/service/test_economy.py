"""How little Butlr is asked: counted at Butlr."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest

from butlr_grafana.simulator.forms import Forms
from tests.held import held
from tests.support import DETECTIONS, LOGIN, PARIS, PARIS_2, REPORTING, World, at, cells_of, truth

DAY = 86_400


def test_a_cold_year_is_at_most_60_calls_in_parallel_with_one_login(make_world: Callable[..., World]) -> None:
    world = make_world(butlr_max_concurrency=14)
    with held(world.simulator, DETECTIONS, lambda: world.simulator.in_flight == 14):
        spent = world.spent(lambda: world.heat_map(PARIS, int(world.now_s) - 365 * DAY, int(world.now_s)))
    assert 52 <= spent <= 60
    assert world.simulator.peak_in_flight == 14
    assert Counter(c.path for c in world.simulator.calls)[LOGIN] == 1


def test_no_call_is_longer_than_7_days_and_calls_do_not_overlap(world: World) -> None:
    world.heat_map(PARIS, "2025-09-01T05:00:00Z", "2026-05-01T07:00:00Z")
    requested = []
    for call in world.simulator.calls:
        if call.path == DETECTIONS:
            limits = call.body["filter"]
            requested.append((at(limits["start"]), at(limits["stop"])))
    requested.sort()
    assert all(stop - start <= 7 * DAY for start, stop in requested)
    assert [stop for _, stop in requested[:-1]] == [start for start, _ in requested[1:]]
    assert (requested[0][0], requested[-1][1]) == (at("2025-09-01T05:00"), at("2026-05-01T07:00"))


def test_a_30_day_panel_refreshed_every_30_seconds_for_an_hour(world: World) -> None:
    def refresh() -> dict[str, object]:
        now = int(world.now_s)
        return world.heat_map(PARIS, now - 30 * DAY, now)

    refresh()
    calls = 0
    for _ in range(120):
        world.now_s += 30
        calls += world.spent(refresh)
    assert calls <= 120
    assert world.calls < 100
    frame = refresh()
    meta = frame["meta"]["custom"]  # type: ignore[index]
    assert cells_of(frame) == truth(PARIS, at(meta["from"]), at(meta["to"]), 0.5)
    # The end is never older than the last full minute.
    assert at(meta["to"]) == int(world.now_s) // 60 * 60


def test_a_year_requested_again_the_next_day_is_at_most_4_calls(world: World) -> None:
    # Six days in a row, over a Sunday night: days become a week without being asked again.
    world.heat_map(PARIS_2, int(world.now_s) - 365 * DAY, int(world.now_s))
    for _ in range(6):
        world.now_s += DAY
        now = int(world.now_s)
        assert world.spent(lambda now=now: world.heat_map(PARIS_2, now - 365 * DAY, now)) <= 4  # type: ignore[misc]


def test_with_hours_each_local_window_is_one_call_and_only_once(world: World) -> None:
    params = {"hours": "08:00-18:00", "days": "mon-fri"}

    def send_query() -> dict[str, object]:
        return world.heat_map(PARIS, "2026-05-04T00:00:00Z", "2026-06-01T00:00:00Z", **params)

    assert world.spent(send_query) == 20
    assert world.spent(send_query) == 0
    # A longer period with the same hours: only its own windows.
    assert (
        world.spent(lambda: world.heat_map(PARIS, "2026-05-04T00:00:00Z", "2026-06-04T00:00:00Z", **params))
        == 3
    )


def test_identical_questions_at_once_share_their_calls(world: World) -> None:
    begun: list[int] = []
    frames: list[dict[str, object]] = []

    def send_query() -> None:
        client = world.application.web.test_client()
        begun.append(1)
        response = client.get(f"/api/v1/heatmap?space={PARIS}&from=2026-05-01T00:00Z&to=2026-06-01T00:00Z")
        frames.append(response.get_json()[0])

    threads = [threading.Thread(target=send_query) for _ in range(20)]

    def all_at_once() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with held(world.simulator, DETECTIONS, lambda: len(begun) == 20 and world.simulator.in_flight == 5):
        spent = world.spent(all_at_once)
    # 1 May to the first Monday, then four weeks.
    assert spent == 5
    assert len(frames) == 20
    expected = truth(PARIS, at("2026-05-01"), at("2026-06-01"), 0.5)
    assert all(cells_of(frame) == expected for frame in frames)


def test_another_normalisation_or_room_costs_nothing(world: World) -> None:
    period = (PARIS, "2026-05-01T00:00:00Z", "2026-06-01T00:00:00Z")
    world.heat_map(*period)
    room = next(r.id for r in world.simulator.people.office.by_id[PARIS].rooms if r.polygon)
    for params in ({"normalize": "hour"}, {"normalize": "share"}, {"room": room}):
        assert world.spent(lambda params=params: world.heat_map(*period, **params)) == 0  # type: ignore[misc]


def rooms_requested(world: World) -> list[set[str]]:
    """The rooms of each call of metrics of the last look, in any order."""
    calls = [call for call in world.simulator.calls if call.path == REPORTING]
    return [set(call.body["filter"].get("rooms", {}).get("eq", ())) for call in calls]


def people(world: World) -> dict[str, object]:
    rows = world.http.get("/api/v1/occupancy-now?space=all&format=rows").get_json()
    return {row["room_id"]: row["people"] for row in rows}


@pytest.mark.parametrize(("limited", "most"), [("zones", 4), ("zones+rooms", 6)])
def test_floors_of_one_time_zone_share_the_calls_about_now(
    make_world: Callable[..., World], limited: str, most: int
) -> None:
    """What sensors see and what doors count, in Paris and in New York. Paris has 32 rooms: where Butlr takes
    30 a call, it is asked again for 30 and for 2.
    """
    world, alone = make_world(), make_world()
    world.simulator.forms = Forms(id_limits=limited)
    world.simulator.clear_calls()
    together = people(world)
    requested = rooms_requested(world)
    offices = {floor.id: floor for floor in world.simulator.people.office.floors}
    both = {room.id for space in (PARIS, PARIS_2) for room in offices[space].rooms}
    assert both in requested
    assert len(requested) == most
    one_by_one: dict[str, object] = {}
    for space in offices:
        rows = alone.http.get(f"/api/v1/occupancy-now?space={space}&format=rows").get_json()
        one_by_one |= {row["room_id"]: row["people"] for row in rows}
    assert together == one_by_one
    assert any(together.values())
