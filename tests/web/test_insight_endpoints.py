"""Comparison, hot zones and hot spots through the doors, counted from the simulator's people."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from butlr_grafana.query.limits import QueryLimits
from butlr_grafana.query.parameter_values import Baseline
from butlr_grafana.query.period import before
from tests.query.test_resolve import FLOOR, resolve_query
from tests.support import (
    DETECTIONS,
    DETECTIONS_A_MINUTE,
    NEW_YORK,
    PARIS,
    PARIS_2,
    PEOPLE,
    Cells,
    World,
    at,
    know_rate,
    truth,
)

WEEK = ("2026-05-11T00:00:00Z", "2026-05-18T00:00:00Z")
HOURS = 7 * 24
OVERLAPPING = {"Quiet room", "Lounge"}


def get(world: World, target: str, **params: str) -> Any:
    period = {"from": WEEK[0], "to": WEEK[1]}
    response = world.http.get(f"/api/v1/{target}", query_string={**period, **params})
    assert response.status_code == 200, response.get_data(as_text=True)
    return response.get_json()


def hours_seen(room_id: str, period: tuple[str, str]) -> float:
    """In which the room's sensor worked."""
    start, end = map(at, period)
    return (end - start - sum(b - a for a, b in PEOPLE.offline(room_id, start, end))) / 3600


def columns(frame: dict[str, Any]) -> dict[tuple[float, float], dict[str, float | None]]:
    """The frame's values by cell centre."""
    names = [f["name"] for f in frame["fields"]]
    rows = zip(*(f["values"] for f in frame["fields"]), strict=True)
    return {(round(r[0], 3), round(r[1], 3)): dict(zip(names[2:], r[2:], strict=True)) for r in rows}


# --- compare ----------------------------------------------------------------------------------------------


def test_a_comparison_is_per_hour_on_both_sides(world: World) -> None:
    """Five weekdays' business hours against a span of another length."""
    params = {"hours": "08:00-18:00", "days": "mon-fri", "space": PARIS}
    [frame] = get(world, "compare", **params, baseline="2026-05-04T00:00:00Z/2026-05-07T00:00:00Z")

    def counted(first: int, last: int) -> Cells:
        days = [
            truth(PARIS, at(f"2026-05-{d:02}T06:00"), at(f"2026-05-{d:02}T16:00"), 0.5)
            for d in range(first, last)
        ]
        return {cell: sum(day.get(cell, 0) for day in days) for day in days for cell in day}

    now, then = counted(11, 16), counted(4, 7)
    assert [f["name"] for f in frame["fields"]] == ["x", "y", "change", "current", "baseline", "change_pct"]
    found = columns(frame)
    assert frame["meta"]["custom"]["hours"] == 50
    assert frame["meta"]["custom"]["baseline"]["hours"] == 30
    for cell, values in found.items():
        if cell not in now and cell not in then:
            assert set(values.values()) == {None}
            continue
        a, b = now.get(cell, 0) / 50, then.get(cell, 0) / 30
        assert values["current"] == pytest.approx(a)
        assert values["baseline"] == pytest.approx(b)
        assert values["change"] == pytest.approx(a - b)
        assert values["change_pct"] == (pytest.approx(100 * (a - b) / b) if b else None)
    assert set(now) | set(then) <= set(found)


def test_a_baseline_without_data_is_said_and_never_minus_or_plus_100_percent(world: World) -> None:
    [frame] = get(
        world,
        "compare",
        space=NEW_YORK,
        baseline="2026-06-14T03:00:00Z/2026-06-14T03:10:00Z",
        resolution="1.0",
    )
    assert truth(NEW_YORK, at("2026-06-14T03:00"), at("2026-06-14T03:10"), 1.0) == {}
    for values in columns(frame).values():
        assert values["change"] is values["change_pct"] is None
    assert any("No comparison" in n["text"] for n in frame["meta"]["notices"])


def test_a_comparison_with_itself_has_no_change(world: World) -> None:
    rows = get(world, "compare", space=PARIS_2, baseline="/".join(WEEK), format="rows", resolution="1.0")
    expected = truth(PARIS_2, at(WEEK[0]), at(WEEK[1]), 1.0)
    assert {(round(r["x"], 3), round(r["y"], 3)) for r in rows} == set(expected)
    assert all(r["change"] == r["change_pct"] == 0 for r in rows)


@pytest.mark.parametrize(
    ("baseline", "start", "end"),
    [
        (Baseline(), "2026-03-28T12:00", "2026-04-02T12:00"),
        # Paris' clocks went forward on 29 March: nine o'clock stays nine o'clock.
        (Baseline(count=7, unit="d"), "2026-03-26T13:00", "2026-03-31T12:00"),
        (Baseline(count=4, unit="w"), "2026-03-05T13:00", "2026-03-10T13:00"),
        (Baseline(count=1, unit="y"), "2025-04-02T12:00", "2025-04-07T12:00"),
    ],
)
def test_baselines_by_the_calendar(baseline: Baseline, start: str, end: str) -> None:
    query = resolve_query(from_="2026-04-02T12:00:00Z", to="2026-04-07T12:00:00Z")
    assert query.floor is FLOOR
    earlier = before(query, baseline, now_s=at("2026-06-17"), limits=QueryLimits())
    assert (earlier.period.start_s, earlier.period.end_s) == (at(start), at(end))


@pytest.mark.parametrize("text", ["last week", "-0d", "-7", "7d", "x/y", "2026-02-01/2026-01-01"])
def test_a_bad_baseline_says_what_it_may_be(world: World, text: str) -> None:
    response = world.http.get(
        "/api/v1/compare", query_string={"space": PARIS, "from": WEEK[0], "to": WEEK[1], "baseline": text}
    )
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("baseline: ")


def test_maps_of_both_periods_share_one_scale(world: World) -> None:
    """Relative to the fullest cell of either period; changes to the largest, with their sign."""
    params = {"space": PARIS_2, "baseline": "2026-05-04T00:00:00Z/2026-05-08T00:00:00Z", "resolution": "1.0"}
    [frame] = get(world, "compare", **params, normalize="max")
    now = {c: n / HOURS for c, n in truth(PARIS_2, at(WEEK[0]), at(WEEK[1]), 1.0).items()}
    then = {c: n / 96 for c, n in truth(PARIS_2, at("2026-05-04"), at("2026-05-08"), 1.0).items()}
    fullest = max(*now.values(), *then.values())
    changes = {cell: now.get(cell, 0) - then.get(cell, 0) for cell in now | then}
    largest = max(map(abs, changes.values()))
    assert {f["config"]["unit"] for f in frame["fields"][2:5]} == {"percentunit"}
    for cell, values in columns(frame).items():
        if cell in now or cell in then:
            assert values["current"] == pytest.approx(now.get(cell, 0) / fullest)
            assert values["baseline"] == pytest.approx(then.get(cell, 0) / fullest)
            assert values["change"] == pytest.approx(changes[cell] / largest)


def test_a_comparison_is_no_share(world: World) -> None:
    params = {"space": PARIS, "from": WEEK[0], "to": WEEK[1], "normalize": "share"}
    response = world.http.get("/api/v1/compare", query_string=params)
    assert response.status_code == 400
    assert "none, hour, max" in response.get_json()["message"]


# --- two periods by room ----------------------------------------------------------------------------------

EARLIER = ("2026-05-04T00:00:00Z", "2026-05-08T00:00:00Z")


def test_rooms_are_compared_per_hour(world: World) -> None:
    rows = get(
        world, "compare-zones", space=PARIS, baseline="/".join(EARLIER), format="rows", resolution="0.25"
    )
    inside = {
        period: {r.id: _inside(r.polygon, *period) for r in PEOPLE.office.by_id[PARIS].rooms if r.polygon}
        for period in (WEEK, EARLIER)
    }
    checked = 0
    for row in rows:
        if row["zone_id"] not in inside[WEEK] or row["zone"] in OVERLAPPING or not row["has_data"]:
            continue
        now = inside[WEEK][row["zone_id"]] / hours_seen(row["zone_id"], WEEK)
        then = inside[EARLIER][row["zone_id"]] / 96
        assert row["current"] == pytest.approx(now, abs=1e-9)
        assert row["baseline"] == pytest.approx(then, abs=1e-9)
        assert row["change"] == pytest.approx(now - then, abs=1e-9)
        assert row["change_pct"] == (pytest.approx(100 * (now - then) / then) if then else None)
        checked += 1
    assert checked >= 10
    reported = [abs(r["change"]) for r in rows if r["change"] is not None]
    assert reported == sorted(reported, reverse=True)


def test_a_floor_is_compared_as_a_whole(world: World) -> None:
    [row] = get(
        world, "compare-zones", space=NEW_YORK, level="floor", baseline="/".join(EARLIER), format="rows"
    )
    now, then = (
        DETECTIONS_A_MINUTE * len(PEOPLE.detections(NEW_YORK, at(a), at(b))[0]) for a, b in (WEEK, EARLIER)
    )
    assert row["change"] == pytest.approx(now / HOURS - then / 96)
    assert row["complete"] == 1


def test_rooms_without_a_baseline_are_said_not_to_have_fallen(world: World) -> None:
    [frame] = get(
        world, "compare-zones", space=NEW_YORK, baseline="2026-06-14T03:00:00Z/2026-06-14T03:10:00Z"
    )
    values = {f["name"]: f["values"] for f in frame["fields"]}
    assert set(values["has_data"]) == {0}
    assert set(values["change"]) == set(values["change_pct"]) == {None}
    assert any("No comparison: baseline" in n["text"] for n in frame["meta"]["notices"])
    assert frame["meta"]["custom"]["baseline"]["from"] == "2026-06-14T03:00:00Z"


def _inside(polygon: Any, start: str, end: str) -> int:
    _, x, y = PEOPLE.detections(PARIS, at(start), at(end))
    return DETECTIONS_A_MINUTE * int(shapely.contains_xy(shapely.Polygon(polygon), x, y).sum())


# --- hot zones --------------------------------------------------------------------------------------------


def test_rooms_and_outside_add_up_to_every_floor(world: World) -> None:
    rows = get(world, "hot-zones", space="all", format="rows", resolution="0.5")
    for space in (PARIS, PARIS_2, NEW_YORK):
        own = [r for r in rows if r["space"] == space]
        floor = PEOPLE.office.by_id[space]
        assert {r["zone_id"] for r in own} == {r.id for r in floor.rooms} | {"outside"}
        total = DETECTIONS_A_MINUTE * len(PEOPLE.detections(space, at(WEEK[0]), at(WEEK[1]))[0])
        assert sum(r["detections"] or 0 for r in own) == pytest.approx(total, rel=1e-9)
    ranks = [r["rank"] for r in rows]
    assert ranks == sorted(ranks)
    assert {r["hot"] for r in rows} == {0, 1}
    assert {r["complete"] for r in rows} == {1}


def test_a_rooms_heat_is_that_of_its_people(world: World) -> None:
    """No detection crosses a wall, so what stands inside a room's polygon is the room's."""
    rows = {r["zone_id"]: r for r in get(world, "hot-zones", space=PARIS, format="rows", resolution="0.25")}
    _, x, y = PEOPLE.detections(PARIS, at(WEEK[0]), at(WEEK[1]))
    checked = 0
    for room in PEOPLE.office.by_id[PARIS].rooms:
        if room.polygon is None or room.name in OVERLAPPING or not rows[room.id]["has_data"]:
            continue
        shape = shapely.Polygon(room.polygon)
        inside = DETECTIONS_A_MINUTE * int(shapely.contains_xy(shape, x, y).sum())
        row = rows[room.id]
        assert row["detections"] == pytest.approx(inside, abs=1e-6)
        assert row["per_m2_hour"] == pytest.approx(inside / hours_seen(room.id, WEEK) / row["area_m2"])
        checked += 1
    assert checked >= 10


def test_a_threshold_marks_the_hot_ones(world: World) -> None:
    rows = get(world, "hot-zones", space=PARIS, format="rows", threshold="1.0")
    for row in rows:
        expected = row["per_m2_hour"] is not None and row["per_m2_hour"] >= 1.0
        assert row["hot"] == int(expected)
    assert {row["hot"] for row in rows} == {0, 1}


def test_one_floor_without_an_answer_does_not_silence_the_others(world: World) -> None:
    world.http.get("/readyz")
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    [frame] = get(world, "hot-zones", space="all")
    spaces = next(f["values"] for f in frame["fields"] if f["name"] == "space")
    assert len(set(spaces)) == 2
    assert frame["meta"]["custom"]["complete"] is False
    assert [n["severity"] for n in frame["meta"]["notices"]].count("error") == 1


def test_zones_are_counted_apart(world: World) -> None:
    rows = get(world, "hot-zones", space=PARIS, level="zone", format="rows", resolution="0.25")
    assert {r["zone_id"] for r in rows} == {z.id for z in PEOPLE.office.by_id[PARIS].zones}


@pytest.mark.parametrize("threshold", ["hot", "p101", "-1", "p"])
def test_a_bad_threshold_says_what_it_may_be(world: World, threshold: str) -> None:
    params = {"space": PARIS, "from": WEEK[0], "to": WEEK[1], "threshold": threshold}
    response = world.http.get("/api/v1/hot-zones", query_string=params)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("threshold: ")


# --- hot spots --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", [1.0, 0.5])
def test_hot_spots_are_the_areas_above_the_threshold(world: World, side: float) -> None:
    """Against a flood fill over the people's cells, written out here; a number is per m², whatever the
    resolution.
    """
    limit = 3.0
    rows = get(world, "hotspots", space=PARIS, format="rows", resolution=str(side), threshold=str(limit))
    cells = truth(PARIS, at(WEEK[0]), at(WEEK[1]), side)
    hot = {cell for cell, n in cells.items() if n / (HOURS * side**2) >= limit}
    assert hot
    areas = []
    while hot:
        area, edge = set(), [hot.pop()]
        while edge:
            x, y = edge.pop()
            area.add((x, y))
            for near in ((x + side, y), (x - side, y), (x, y + side), (x, y - side)):
                if near in hot:
                    hot.remove(near)
                    edge.append(near)
        areas.append((sum(cells[c] for c in area), max(cells[c] for c in area), len(area) * side**2))
    assert sorted((r["total"], r["peak"], r["area_m2"]) for r in rows) == sorted(areas)
    assert all(r["rooms"] for r in rows if r["rank"] <= 3)


# --- square feet ------------------------------------------------------------------------------------------

FOOT_M = 0.3048
AREAS = {
    "hot-zones": ("area_m2", "per_m2_hour", "people_per_m2"),
    "hotspots": ("area_m2", "people_per_m2", "peak_people_per_m2"),
    "utilization": ("area_m2", "per_m2_hour", "people_per_m2"),
    "heatmap-summary": ("area_m2", "area_in_use_m2", "people_per_m2", "peak_people_per_m2"),
    "spaces": ("area_m2",),
}


@pytest.mark.parametrize("target", AREAS)
def test_areas_are_in_square_feet_where_requested(world: World, target: str) -> None:
    know_rate(world, NEW_YORK, 1.5)
    metric, imperial = (
        get(world, target, space=NEW_YORK, format="rows", area=unit) for unit in ("m2", "ft2")
    )
    assert metric == get(world, target, space=NEW_YORK, format="rows")
    for in_metres, in_feet in zip(metric, imperial, strict=True):
        for name in AREAS[target]:
            factor = FOOT_M**2 if "per_" in name else FOOT_M**-2
            value = in_metres.pop(name)
            converted = in_feet.pop(name.replace("m2", "ft2"))
            assert converted == (None if value is None else pytest.approx(value * factor, rel=1e-12))
        assert in_metres == in_feet
    assert any("ft2" in line for line in world_csv(world, target).splitlines()[:1])


def world_csv(world: World, target: str) -> str:
    query = {"from": WEEK[0], "to": WEEK[1], "space": NEW_YORK, "format": "csv", "area": "ft2"}
    return str(world.http.get(f"/api/v1/{target}", query_string=query).text)


def test_a_floor_that_butlr_tells_in_square_feet_is_told_as_butlr_does(world: World) -> None:
    """New York's areas come in square feet, with two decimals."""
    rows = get(world, "spaces", space=NEW_YORK, format="rows", level="room", area="ft2")
    floor = PEOPLE.office.by_id[NEW_YORK]
    known = {r.id: round(floor.area(r.polygon), 2) for r in floor.rooms if r.polygon}
    assert {r["id"]: r["area_ft2"] for r in rows if r["area_ft2"] is not None} == pytest.approx(known)


def test_a_threshold_is_per_square_metre_whatever_the_unit(world: World) -> None:
    metric, imperial = (
        get(world, "hot-zones", space=PARIS, format="rows", threshold="0.5", area=unit)
        for unit in ("m2", "ft2")
    )
    assert [r["hot"] for r in metric] == [r["hot"] for r in imperial]
    assert {r["hot"] for r in metric} == {0, 1}


def test_a_bad_area_is_named(world: World) -> None:
    params = {"space": PARIS, "from": WEEK[0], "to": WEEK[1], "area": "acres"}
    response = world.http.get("/api/v1/hot-zones", query_string=params)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith("area: ")


# --- rooms of several floors ------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["hot-zones", "utilization", "occupancy-now"])
@pytest.mark.parametrize("spaces", ["all", f"{PARIS},{PARIS_2},{NEW_YORK}"])
def test_of_several_floors_those_answer_that_have_the_rooms(world: World, target: str, spaces: str) -> None:
    """No floor knows the ids of another's rooms, and not every floor every tag."""

    def found(**params: str) -> set[str]:
        rows = get(world, target, space=spaces, format="rows", **params)
        return {row.get("zone_id") or row.get("room_id") for row in rows}

    rooms = [room for floor in PEOPLE.office.floors for room in floor.rooms]
    chosen = {"room_paris_1_kitchen", "room_newyork_1_kitchen"}
    assert found(room=",".join(chosen)) == chosen
    for tag in ("quiet", "video", "design"):
        assert found(tag=tag) == {room.id for room in rooms if tag in room.tags}
    assert found(room=",".join(chosen), tag="food") == chosen
    assert found(room="room_paris_1_studio,room_paris_1_kitchen", tag="design") == {"room_paris_1_studio"}
    assert found(room="Kitchen") == {room.id for room in rooms if room.name == "Kitchen"}


@pytest.mark.parametrize(
    ("word", "value", "says"),
    [
        ("room", "room_paris_1_kitchn", "did you mean room_paris_1_kitchen?"),
        ("tag", "silent", "allowed: "),
        ("tag", "silent,video", "allowed: "),
    ],
)
def test_what_none_of_several_floors_knows_is_an_error(
    world: World, word: str, value: str, says: str
) -> None:
    params = {"space": "all", "from": WEEK[0], "to": WEEK[1], word: value}
    response = world.http.get("/api/v1/hot-zones", query_string=params)
    assert response.status_code == 400
    assert response.get_json()["message"].startswith(f"{word}: '{value.partition(',')[0]}' is unknown")
    assert says in response.get_json()["message"]


def test_rooms_without_the_tag_on_any_floor_are_an_error(world: World) -> None:
    params = {"space": "all", "from": WEEK[0], "to": WEEK[1], "room": "room_paris_1_studio", "tag": "food"}
    response = world.http.get("/api/v1/hot-zones", query_string=params)
    assert response.status_code == 400
    assert response.get_json()["message"] == "tag: none of the requested rooms has food"


def test_a_baseline_before_there_was_anything_names_its_word(world: World) -> None:
    params = {"space": PARIS, "from": WEEK[0], "to": WEEK[1], "baseline": "-17y"}
    before_calls = world.calls
    response = world.http.get("/api/v1/compare-zones", query_string=params)
    assert (response.status_code, world.calls) == (400, before_calls)
    assert (
        response.get_json()["message"]
        == "baseline: begins on 2009-05-11; use a period that begins in 2010 or later"
    )
