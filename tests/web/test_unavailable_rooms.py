"""A room whose sensor was silent in a period is no empty room there, whatever its sensor does now.

The sensor of Paris' Project room fails from 13 June 2026 for four days, by UTC.
"""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from butlr_grafana.present.images.theme import LIGHT
from tests.present.floors import decoded, has
from tests.support import DETECTIONS, DETECTIONS_A_MINUTE, PARIS, PEOPLE, REPORTING, World, at

HOUR, DAY = 3600, 86_400
ROOM = next(r for r in PEOPLE.office.by_id[PARIS].rooms if r.name == "Project room")
SILENT = at("2026-06-13T00:00")
BEFORE = SILENT - 5 * DAY  # Monday
AFTER = SILENT + 4 * DAY
NOW = "2026-06-18T12:34:56"
SHAPE = shapely.Polygon(ROOM.footprint)


def send_query(world: World, target: str, start_s: int, end_s: int, **params: str) -> Any:
    query = {"space": PARIS, "from": str(start_s * 1000), "to": str(end_s * 1000), **params}
    return world.http.get(f"/api/v1/{target}", query_string=query)


def row(world: World, target: str, start_s: int, end_s: int, **params: str) -> dict[str, Any]:
    """The Project room's."""
    response = send_query(world, target, start_s, end_s, format="rows", resolution="0.25", **params)
    assert response.status_code == 200, response.get_data(as_text=True)
    [found] = (r for r in response.get_json() if ROOM.id in (r.get("zone_id"), r.get("room_id")))
    return dict(found)


def notice_texts(world: World, target: str, start_s: int, end_s: int, **params: str) -> list[str]:
    response = send_query(world, target, start_s, end_s, **params)
    assert response.status_code == 200, response.get_data(as_text=True)
    [frame] = response.get_json()
    return [notice["text"] for notice in frame["meta"]["notices"]]


def seen_in(start_s: int, end_s: int) -> int:
    """Detections in the room, counted one by one."""
    _, x, y = PEOPLE.detections(PARIS, start_s, end_s)
    return DETECTIONS_A_MINUTE * int(shapely.contains_xy(SHAPE, x, y).sum())


@pytest.fixture
def world(make_world: Any) -> World:
    found: World = make_world(now=NOW)
    return found


def test_the_sensor_is_online_now_and_was_not_then(world: World) -> None:
    assert PEOPLE.offline(ROOM.id, BEFORE, int(world.now_s)) == [(SILENT, AFTER)]
    assert seen_in(SILENT, AFTER) == 0
    assert seen_in(BEFORE, SILENT) > 1000


def test_no_data_in_a_ranking_of_a_time_in_which_it_was_silent(world: World) -> None:
    for target in ("hot-zones", "utilization"):
        found = row(world, target, SILENT, SILENT + 2 * DAY)
        assert (found["has_data"], found["reason"]) == (0, "its sensors were offline"), target
        assert found["per_m2_hour"] is None
    assert found["underused"] == 0
    [text] = (t for t in notice_texts(world, "hot-zones", SILENT, SILENT + 2 * DAY) if "ensors" in t)
    assert text == "Sensors were offline in this period. These rooms have no data: Project room."


def test_neither_minus_nor_plus_100_percent_in_a_comparison(world: World) -> None:
    spans = {"now": (SILENT, SILENT + DAY), "then": (SILENT - DAY, SILENT)}
    for (start, end), (since, until) in ((spans["now"], spans["then"]), (spans["then"], spans["now"])):
        found = row(world, "compare-zones", start, end, baseline=f"{since * 1000}/{until * 1000}")
        assert (found["has_data"], found["reason"]) == (0, "its sensors were offline")
        assert {found[name] for name in ("current", "baseline", "change", "change_pct")} == {None}


def test_cells_of_a_silent_room_have_no_change(world: World) -> None:
    """What was there in the other period is shown as it was."""
    baseline = f"{(SILENT - DAY) * 1000}/{SILENT * 1000}"
    [frame] = send_query(
        world, "compare", SILENT, SILENT + DAY, baseline=baseline, resolution="0.5"
    ).get_json()
    names = [field["name"] for field in frame["fields"]]
    own = [
        dict(zip(names, values, strict=True))
        for values in zip(*(field["values"] for field in frame["fields"]), strict=True)
        if SHAPE.contains(shapely.Point(values[0], values[1]))
    ]
    assert {cell["change"] for cell in own} == {cell["change_pct"] for cell in own} == {None}
    assert {cell["current"] for cell in own} == {None}
    then = sum(cell["baseline"] or 0 for cell in own) * 24
    assert then == pytest.approx(seen_in(SILENT - DAY, SILENT), rel=1e-9)


def test_a_time_in_which_it_was_silent_for_a_part_counts_the_hours_that_are_known(world: World) -> None:
    start, end = SILENT - 3 * DAY, SILENT + DAY
    detections = seen_in(start, end)
    found = row(world, "hot-zones", start, end)
    assert found["detections"] == pytest.approx(detections)
    assert found["per_hour"] == pytest.approx(detections / 72)
    assert found["per_m2_hour"] == pytest.approx(detections / 72 / SHAPE.area)
    assert row(world, "utilization", start, end)["per_m2_hour"] == pytest.approx(found["per_m2_hour"])
    baseline = f"{(start - 4 * DAY) * 1000}/{start * 1000}"
    change = row(world, "compare-zones", start, end, baseline=baseline)
    assert change["current"] == pytest.approx(detections / 72)
    assert change["baseline"] == pytest.approx(seen_in(start - 4 * DAY, start) / 96)
    assert "Sensors were offline for a part of this period: Project room." in notice_texts(
        world, "hot-zones", start, end
    )


def test_only_the_hours_that_count_are_known_or_not(world: World) -> None:
    """Thursday to Saturday, of whose working hours those of Saturday are not known."""
    start, end = SILENT - 2 * DAY - 2 * HOUR, SILENT + DAY - 2 * HOUR  # Paris' days
    detections = sum(seen_in(SILENT - k * DAY + 6 * HOUR, SILENT - k * DAY + 16 * HOUR) for k in (1, 2))
    assert row(world, "hot-zones", start, end, hours="08:00-18:00")["per_hour"] == pytest.approx(
        detections / 20
    )
    silent = row(world, "hot-zones", start, end, hours="08:00-18:00", days="sat")
    assert (silent["has_data"], silent["reason"]) == (0, "its sensors were offline")


def test_a_room_that_is_offline_now_was_seen_before(make_world: Any) -> None:
    world = make_world(now="2026-06-14T12:34:56")
    now_s = int(world.now_s) // 60 * 60
    past = row(world, "hot-zones", BEFORE, BEFORE + 2 * DAY)
    assert past["per_hour"] == pytest.approx(seen_in(BEFORE, BEFORE + 2 * DAY) / 48)
    # A running period that begins before it fell silent counts the hours before, in a comparison too.
    start = SILENT - 2 * DAY
    running = row(world, "hot-zones", start, now_s)
    assert running["per_hour"] == pytest.approx(seen_in(start, SILENT) / 48)
    change = row(world, "compare-zones", start, now_s, baseline=f"{BEFORE * 1000}/{(BEFORE + DAY) * 1000}")
    assert change["current"] == pytest.approx(seen_in(start, SILENT) / 48)
    assert change["baseline"] == pytest.approx(seen_in(BEFORE, BEFORE + DAY) / 24)
    partly = "Sensors were offline for a part of this period: Project room (since 13 Jun 01:59)."
    assert partly in notice_texts(world, "hot-zones", start, now_s)
    for target in ("hot-zones", "compare-zones"):
        silent = row(world, target, SILENT + HOUR, now_s)
        assert (silent["has_data"], silent["reason"]) == (0, "its sensors are offline")
    now = row(world, "occupancy-now", start, now_s)
    assert (now["people"], now["share"], now["has_data"]) == (None, None, 0)
    assert (now["reason"], now["unknown_since"]) == (
        "its sensors are offline since 13 Jun 01:59",
        "2026-06-12T23:59:59Z",
    )


@pytest.mark.parametrize("target", ["heatmap", "compare"])
def test_a_picture_of_a_time_in_which_it_was_silent_is_hatched(world: World, target: str) -> None:
    def hatched(start_s: int, **params: str) -> bool:
        params = {"format": "png", "width": "900", **params}
        response = send_query(world, target, start_s, start_s + DAY, **params)
        return bool(has(decoded(response.data), LIGHT.hatch).any())

    assert hatched(SILENT)
    assert not hatched(SILENT - 2 * DAY)
    if target == "compare":
        assert hatched(AFTER, baseline=f"{SILENT * 1000}/{(SILENT + DAY) * 1000}")


def test_without_metrics_the_map_is_told_and_what_is_not_known_is_said(world: World) -> None:
    world.simulator.faults.set(status=400, paths=(REPORTING,))
    found = row(world, "hot-zones", SILENT, SILENT + DAY)
    assert (found["has_data"], found["complete"]) == (1, 1)
    for target in ("hot-zones", "compare-zones", "compare"):
        texts = notice_texts(world, target, SILENT, SILENT + DAY)
        assert any("It is not known whether sensors were offline in this period" in t for t in texts), target
    refused = send_query(world, "hot-zones", SILENT, SILENT + DAY, require="complete")
    assert refused.status_code == 502


def test_the_hour_that_is_just_over_costs_no_metrics(world: World) -> None:
    now_s = int(world.now_s)
    send_query(world, "hot-zones", now_s - 3600, now_s, require="complete")
    assert world.simulator.count(REPORTING) == 0
    assert world.simulator.count(DETECTIONS) == 1


def test_of_a_running_period_metrics_are_requested_once_an_hour(world: World) -> None:
    def count_calls() -> int:
        before = world.simulator.count(REPORTING)
        now_s = int(world.now_s)
        send_query(world, "hot-zones", now_s - 3 * DAY, now_s)
        return world.simulator.count(REPORTING) - before

    spent = []
    for minutes in (0, 1, 10, 12, 30, 40):
        world.now_s += 60 * minutes
        spent.append(count_calls())
    # 12:34, 12:35, 12:45, 12:57; then 13:27 and 14:07, in new hours.
    assert spent[0] > 0
    assert spent[1:4] == [0, 0, 0]
    assert all(0 < calls <= 2 for calls in spent[4:])


def test_at_the_end_of_a_running_period_a_room_was_seen_that_is_online(make_world: Any) -> None:
    """Three and a half hours ago its sensor came back, after it had been silent all the time."""
    world = make_world(now="2026-06-17T03:30:00")
    now_s = int(world.now_s)
    found = row(world, "hot-zones", AFTER - 12 * HOUR, now_s)
    assert found["per_hour"] == pytest.approx(seen_in(AFTER, now_s) / 3.5)
    assert found["has_data"] == 1


def test_a_film_hatches_a_room_that_was_silent_all_the_time_and_no_other(make_world: Any) -> None:
    world = make_world(now="2026-06-14T12:34:56")

    def hatched(start_s: int) -> bool:
        params = {"format": "webp", "width": "900", "every": "1h", "theme": "light"}
        response = send_query(world, "playback", start_s, start_s + 12 * HOUR, **params)
        return bool(has(decoded(response.data), LIGHT.hatch).any())

    assert hatched(SILENT + DAY)
    assert not hatched(SILENT - 6 * HOUR)
