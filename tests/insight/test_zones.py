"""Rooms ranked: by hand on tiny floors, and against the people of the simulator's office."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import shapely

from butlr_grafana.insight.people import in_unit
from butlr_grafana.insight.zones import (
    NO_HOURS,
    NO_POLYGON,
    OFFLINE,
    UNCOVERED,
    WAS_OFFLINE,
    Level,
    ZoneHeat,
    hot,
    hot_zones,
)
from butlr_grafana.model import grid_math
from butlr_grafana.model.chunk import Chunk
from butlr_grafana.model.factor import Factor, Known, Unknown
from butlr_grafana.model.floor import Room, Zone
from butlr_grafana.model.queries import HeatMap
from butlr_grafana.model.threshold import Threshold, parse
from butlr_grafana.model.time import DAY_S, Period
from butlr_grafana.simulator.geometry import contains
from butlr_grafana.targets.registry import read
from tests.insight.floors import box, everywhere, floor, grid, heat_map, room, zone
from tests.support import DETECTIONS_A_MINUTE, NEW_YORK, PARIS, PARIS_2, PEOPLE, World, at

pytestmark = pytest.mark.fast

P95 = Threshold(95, True)


def by_name(*results: HeatMap, level: Level = "room", threshold: str = "p95") -> dict[str, ZoneHeat]:
    rows = hot_zones(results, level=level, threshold=parse("threshold", threshold))
    assert len({row.zone for row in rows}) == len(rows)
    return {row.zone: row for row in rows}


# --- by hand ----------------------------------------------------------------------------------------------

A = room("a", box(0, 0, 2, 1))  # 2 m²
B = room("b", box(2, 0, 3.5, 1), area_m2=3.0)  # Butlr says 3 m², drawn are 1.5
C = room("c", box(3.5, 0, 5, 1))  # 1.5 m²
CELLS = {(0, 0): 4.0, (2, 0): 10.0, (3, 0): 8.0, (6, 0): 2.0}


def test_a_room_in_figures() -> None:
    found = by_name(heat_map(floor(A, B, C), grid(CELLS), hours=2.0))
    assert found["a"] == ZoneHeat(
        zone_id="room_a",
        zone="a",
        level="room",
        space="f",
        floor="Floor f",
        has_data=True,
        reason="",
        detections=4.0,
        per_hour=2.0,
        per_m2_hour=1.0,
        share=4 / 24,
        area_m2=2.0,
        rank=3,
        hot=0,
    )
    b, c, outside = found["b"], found["c"], found["outside any room"]
    assert (b.detections, b.per_hour, b.area_m2, b.per_m2_hour, b.rank) == (14.0, 7.0, 3.0, 7 / 3, 1)
    assert (c.detections, c.per_hour, c.area_m2, c.per_m2_hour, c.rank) == (4.0, 2.0, 1.5, 4 / 3, 2)
    assert (outside.zone_id, outside.detections, outside.area_m2, outside.per_m2_hour) == (
        "outside",
        2.0,
        None,
        None,
    )
    assert (outside.rank, outside.hot, outside.has_data) == (4, 0, True)
    assert sum(row.share or 0 for row in found.values()) == pytest.approx(1)


def test_rows_come_in_the_order_of_their_ranks() -> None:
    rows = hot_zones([heat_map(floor(A, B, C), grid(CELLS))], level="room", threshold=P95)
    assert [row.zone_id for row in rows] == ["room_b", "room_c", "room_a", "outside"]


def test_an_empty_room_is_zero() -> None:
    empty = by_name(heat_map(floor(A, B, C), grid({(0, 0): 4.0})))["c"]
    assert (empty.detections, empty.per_hour, empty.per_m2_hour, empty.share) == (0.0, 0.0, 0.0, 0.0)
    assert (empty.has_data, empty.reason, empty.hot, empty.rank) == (True, "", 0, 2)


@pytest.mark.parametrize(
    ("rooms", "reason"),
    [
        # Its neighbour's border cell reaches into the room: no sign that a sensor sees it.
        ((replace(A, online=True), replace(B, online=False)), OFFLINE),
        ((replace(A, online=True), replace(B, polygon=box(2.5, 0, 3.5, 1))), UNCOVERED),
        ((A, replace(B, polygon=None)), NO_POLYGON),
        ((A, replace(B, polygon=((2, 0), (3, 1)))), NO_POLYGON),
    ],
)
def test_a_room_that_nothing_is_known_of_is_no_empty_room(rooms: tuple[object, ...], reason: str) -> None:
    found = by_name(heat_map(floor(*rooms), grid({(0, 0): 4.0, (2, 0): 6.0})), threshold="0")["b"]  # type: ignore[arg-type]
    assert (found.has_data, found.reason) == (False, reason)
    assert (found.detections, found.per_hour, found.per_m2_hour, found.share) == (None,) * 4
    assert (found.area_m2, found.hot, found.rank) == (3.0, 0, 3)


def test_detections_show_that_a_sensor_sees_a_room_though_none_is_said_to_be_its_own() -> None:
    seen = by_name(heat_map(floor(replace(A, online=True), B), grid({(2, 0): 6.0})))["b"]
    assert (seen.has_data, seen.detections) == (True, 6.0)


def test_where_no_sensor_is_known_at_all_an_empty_room_is_taken_as_empty() -> None:
    found = by_name(heat_map(floor(A, B), grid({(0, 0): 6.0})))["b"]
    assert (found.has_data, found.detections) == (True, 0.0)


def test_an_answer_without_hours_or_without_a_detection() -> None:
    nothing = grid({})
    for row in hot_zones([heat_map(floor(A, B), nothing, hours=0)], level="room", threshold=P95):
        assert (row.has_data, row.reason, row.detections, row.hot, row.rank) == (False, NO_HOURS, None, 0, 1)
    silent = hot_zones([heat_map(floor(A, B), nothing)], level="room", threshold=P95)
    assert [(r.detections, r.share, r.hot, r.rank) for r in silent] == [
        (0.0, None, 0, 1),
        (0.0, None, 0, 1),
        (0.0, None, 0, 3),
    ]
    assert hot_zones([], level="room", threshold=P95) == ()


def test_percentiles_are_over_the_zones_with_data_of_all_floors() -> None:
    first = heat_map(floor(A, B, C), grid(CELLS), hours=2.0)  # a 1, b 7/3, c 4/3 per m² and hour
    second = heat_map(
        floor(room("d", box(0, 0, 1, 1)), room("e", box(1, 0, 2, 1), online=False), key="g"),
        grid({(0, 0): 10.0, (1, 0): 99.0}),
        hours=5.0,
    )  # d 2; e is offline
    rows = hot_zones([first, second], level="room", threshold=parse("threshold", "p50"))
    # 1, 4/3, 2, 7/3: half of them are at 5/3 and more.
    assert [(row.zone, row.space, row.rank, row.hot) for row in rows] == [
        ("b", "f", 1, 1),
        ("d", "g", 2, 1),
        ("c", "f", 3, 0),
        ("a", "f", 4, 0),
        ("outside any room", "f", 5, 0),
        ("outside any room", "g", 6, 0),
        ("e", "g", 7, 0),
    ]
    # Of its own floor's total, though what lies with `e` is not shown.
    assert rows[1].share == 10 / 109


@pytest.mark.parametrize(
    ("value", "limit", "expected"),
    [(2.0, 2.0, 1), (1.9, 2.0, 0), (0.0, 0.0, 0), (0.1, 0.0, 1), (None, 0.0, 0), (1.0, None, 0)],
)
def test_hot_is_from_the_limit_on_but_never_where_nobody_was(
    value: float | None, limit: float | None, expected: int
) -> None:
    assert hot(value, limit) == expected


def test_a_number_is_detections_per_square_metre_and_hour() -> None:
    found = by_name(heat_map(floor(A, B, C), grid(CELLS), hours=2.0), threshold="1.3")
    assert {name for name, row in found.items() if row.hot} == {"b", "c"}


def test_in_people_each_floor_counts_by_its_own_factor() -> None:
    """Two rooms of four square metres, an hour: 1,200 detections are 2 people at 10 a minute, 1 at 20. What
    is not known comes last, whatever its detections.
    """
    rooms = (room("a", box(0, 0, 2, 2)), room("b", box(0, 4, 2, 6)))
    cells = grid({(0, 0): 1200, (0, 4): 240, (9, 9): 600})
    floors = [floor(*(replace(one, name=f"{one.name} {key}") for one in rooms), key=key) for key in "xyz"]
    slow, fast = (Factor(rate, 1000.0, 1, f"v{rate}") for rate in (10, 20))
    factors: dict[str, Known] = {"x": fast, "y": slow, "z": Unknown("no people")}
    results = in_unit([heat_map(one, cells) for one in floors], factors, wanted="people")
    rows = hot_zones(results, level="room", threshold=parse("threshold", "0.5"))
    known = [(row.zone, row.people_per_m2, row.person_hours, row.hot) for row in rows[:4]]
    assert known == [
        ("a y", pytest.approx(0.5), pytest.approx(2), 1),
        ("a x", pytest.approx(0.25), pytest.approx(1), 0),
        ("b y", pytest.approx(0.1), pytest.approx(0.4), 0),
        ("b x", pytest.approx(0.05), pytest.approx(0.2), 0),
    ]
    outside = [(row.space, row.people, row.rank) for row in rows[4:6]]
    assert outside == [("y", pytest.approx(1), 5), ("x", pytest.approx(0.5), 6)]
    assert [(row.space, row.rank, row.hot, row.has_data) for row in rows[6:]] == [("z", 7, 0, True)] * 3
    assert all("no people" in row.reason and row.person_hours is None for row in rows[6:])


def test_equals_share_a_rank_and_the_next_one_is_left_out() -> None:
    rooms = [room(str(k), box(k, 0, k + 1, 1)) for k in range(4)]
    found = by_name(heat_map(floor(*rooms), grid({(0, 0): 1, (1, 0): 5, (2, 0): 5, (3, 0): 2})))
    assert [found[str(k)].rank for k in range(4)] == [4, 1, 1, 3]


def test_zones_are_counted_apart_and_fall_silent_with_their_room() -> None:
    where = floor(
        A,
        replace(B, online=False),
        zones=[
            zone("x", box(0, 0, 1.5, 1), "room_a"),
            zone("y", box(1, 0, 2, 1)),
            zone("off", box(2, 0, 3, 1), "room_b"),
            zone("nowhere", None),
        ],
    )
    found = by_name(heat_map(where, grid({(0, 0): 4.0, (1, 0): 6.0, (2, 0): 3.0})), level="zone")
    assert {name: (row.detections, row.area_m2, row.reason) for name, row in found.items()} == {
        "x": (7.0, 1.5, ""),
        "y": (6.0, 1.0, ""),
        "off": (None, 1.0, OFFLINE),
        "nowhere": (None, None, NO_POLYGON),
    }
    assert found["x"].share == 7 / 13
    assert {row.level for row in found.values()} == {"zone"}


def test_a_floor_is_one_row_with_the_area_of_its_outline() -> None:
    cells = grid(CELLS)
    drawn = floor(A, outline=box(0, 0, 8, 2))
    reported = floor(A, outline=box(0, 0, 8, 2), area_m2=12.0, key="g")
    unknown = floor(A, key="h")
    rows = hot_zones([heat_map(f, cells) for f in (drawn, reported, unknown)], level="floor", threshold=P95)
    assert [(r.zone_id, r.zone, r.detections, r.area_m2, r.share, r.rank, r.hot) for r in rows] == [
        ("g", "Floor g", 24.0, 12.0, 1.0, 1, 1),
        ("f", "Floor f", 24.0, 16.0, 1.0, 2, 0),
        ("h", "Floor h", 24.0, None, 1.0, 3, 0),
    ]


def test_a_silent_floor_whose_sensors_are_all_offline_is_no_empty_floor() -> None:
    offline, none = replace(A, online=False), grid({})
    [silent] = hot_zones([heat_map(floor(offline, B), none)], level="floor", threshold=P95)
    [partly] = hot_zones(
        [heat_map(floor(offline, replace(B, online=True)), none)], level="floor", threshold=P95
    )
    [alive] = hot_zones([heat_map(floor(offline), grid(CELLS))], level="floor", threshold=P95)
    assert (silent.detections, silent.reason) == (None, OFFLINE)
    assert (partly.detections, alive.detections) == (0.0, 24.0)


def test_a_limit_to_rooms_leaves_rows_out_and_changes_no_figure() -> None:
    """The limit goes by cells' centres and would take c's half of the cell (3, 0) away from it."""
    where = floor(
        A, B, C, zones=[zone("x", box(3.5, 0, 4, 1), "room_c"), zone("y", box(0, 0, 1, 1), "room_a")]
    )
    whole = heat_map(where, grid(CELLS), hours=2.0)
    limited = replace(
        whole,
        query=replace(whole.query, rooms=(C,)),
        raw=grid_math.within_rooms(whole.raw, [C]),
        chunks=tuple(
            Chunk(Period(k, k + 1), replace(whole.raw, value=whole.raw.value / 2), 0, True) for k in (0, 1)
        ),
    )
    for level, name in (("room", "c"), ("zone", "x")):
        [alone] = hot_zones([limited], level=level, threshold=P95)  # type: ignore[arg-type]
        beside = by_name(whole, level=level)[name]  # type: ignore[arg-type]
        assert alone == replace(beside, rank=1, hot=1)


def small(*members: Room) -> Room:
    """What stands for rooms that are only told of together."""
    return Room("small", "small", "f", capacity=9, members=members)


def test_rooms_told_of_together_are_the_sum_of_theirs() -> None:
    found = by_name(heat_map(floor(A, small(B, C)), grid(CELLS), hours=2.0))
    assert set(found) == {"a", "small", "outside any room"}
    together = found["small"]
    assert (together.detections, together.per_hour, together.area_m2) == (18.0, 9.0, 4.5)
    assert together.per_m2_hour == 2.0
    assert found["outside any room"].detections == 2.0


def test_a_sum_is_not_told_while_one_of_its_rooms_is_offline() -> None:
    """It would be too small, as if nobody had been in that one."""
    rooms = (replace(A, online=False), replace(B, online=True), replace(C, online=True))
    silent = heat_map(floor(small(*rooms)), grid(CELLS), hours=2.0)
    found = by_name(silent)
    assert (found["small"].detections, found["small"].area_m2) == (None, None)
    assert found["small"].reason == OFFLINE
    # What is not told cannot be had from the floor's either.
    assert found["outside any room"].detections == 24.0
    # Of a time in which all were seen all of it is told, whatever is offline now.
    before = by_name(replace(silent, availability={"small": 1.0}))
    assert (before["small"].detections, before["small"].reason) == (22.0, "")
    assert before["outside any room"].detections == 2.0
    then = by_name(replace(silent, availability={"small": 0.0}))
    assert (then["small"].detections, then["small"].reason) == (None, WAS_OFFLINE)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ((A,), "of one room only"),
        ((A, room("unmapped", None)), NO_POLYGON),
        ((replace(A, online=True), replace(B, online=False)), OFFLINE),
    ],
)
def test_of_fewer_than_two_known_rooms_no_sum_is_told(members: tuple[Room, ...], reason: str) -> None:
    seen = replace(C, online=True)
    found = by_name(heat_map(floor(seen, small(*members)), grid(CELLS), hours=2.0))
    together = found["small"]
    assert together.has_data is False
    assert reason in together.reason
    assert together.detections is together.per_hour is together.per_m2_hour is None
    assert together.share is together.area_m2 is None
    assert sum(row.detections or 0 for row in found.values()) == sum(CELLS.values())


def test_zones_of_rooms_told_of_together() -> None:
    desk, table = zone("desk", box(0, 0, 1, 1), "room_a"), zone("table", box(2, 0, 3, 1), "room_b")
    together = Zone("small", "small", "f", "small", members=(desk, table))
    where = floor(C, small(A, B), zones=(together,))
    row = by_name(heat_map(where, grid(CELLS), hours=2.0), level="zone")["small"]
    assert (row.detections, row.area_m2, row.per_m2_hour) == (14.0, 2.0, 3.5)
    alone = replace(together, members=(desk, replace(table, room_id="room_a")))
    row = by_name(heat_map(replace(where, zones=(alone,)), grid(CELLS), hours=2.0), level="zone")["small"]
    assert (row.detections, row.has_data) == (None, False)


def test_hidden_cells_count_in_rooms_and_floors() -> None:
    result = heat_map(floor(A, small(B, C)), grid(CELLS), hours=2.0)
    shown = replace(result, raw=grid({(0, 0): 4.0, (6, 0): 2.0}), hidden=18.0)
    assert hot_zones([shown], level="room", threshold=P95) == hot_zones([result], level="room", threshold=P95)
    assert by_name(shown, level="floor")["Floor f"].detections == 24.0


def test_a_floor_without_rooms_is_all_outside() -> None:
    [row] = hot_zones([heat_map(floor(), grid(everywhere(3, 2)))], level="room", threshold=P95)
    assert (row.zone_id, row.detections, row.share) == ("outside", 6.0, 1.0)


# --- the office -------------------------------------------------------------------------------------------


def send_query(world: World, space: str, start: int, end: int, resolution: str, **params: str) -> HeatMap:
    requested = {
        "space": space,
        "from": str(start * 1000),
        "to": str(end * 1000),
        "resolution": resolution,
        **params,
    }
    return world.application.service.answer(read("heatmap", requested), None).maps[0]


DAYS = at("2026-06-08"), at("2026-06-12")


def people_by_room(result: HeatMap) -> dict[str, float]:
    """Each person's detections by the rooms they stand in, in equal parts where rooms overlap."""
    floor_, period = result.query.floor, result.query.period
    _, x, y = PEOPLE.detections(floor_.id, period.start_s, period.end_s)
    inside = {r.id: contains(r.polygon, x, y) for r in floor_.rooms if r.polygon}
    owners = np.sum(list(inside.values()), axis=0)
    counts = {key: DETECTIONS_A_MINUTE * float((1 / owners[hit]).sum()) for key, hit in inside.items()}
    return {**counts, "outside": DETECTIONS_A_MINUTE * float((owners == 0).sum())}


def on_walls(result: HeatMap) -> dict[str, float]:
    """For each room, and outside, the detections of the cells that a room's wall passes and that it is in.

    Only these cells can be divided otherwise than people stand, each by at most what is in it.
    """
    raw, half = result.raw, result.query.resolution_m / 2
    x, y = raw.centres()
    inner = half - 1e-6
    squares = shapely.box(x - inner, y - inner, x + inner, y + inner)
    shapes = {r.id: shapely.Polygon(r.polygon) for r in result.query.floor.rooms if r.polygon}
    passed = shapely.intersects(squares, shapely.union_all([s.boundary for s in shapes.values()]))
    counts = {key: raw.value[passed & shapely.intersects(squares, s)].sum() for key, s in shapes.items()}
    bare = ~shapely.covered_by(squares, shapely.union_all(list(shapes.values())))
    return {**counts, "outside": raw.value[passed & bare].sum()}


@pytest.mark.parametrize(
    ("space", "resolution"),
    [(s, r) for s in (PARIS, PARIS_2, NEW_YORK) for r in ("0.25", "0.5", "1.0")],
)
def test_rooms_of_the_office_have_what_their_people_left(world: World, space: str, resolution: str) -> None:
    result = send_query(world, space, *DAYS, resolution)
    rows = hot_zones([result], level="room", threshold=P95)
    unmapped = {r.id for r in result.query.floor.rooms if r.polygon is None}
    assert {row.zone_id for row in rows} == {r.id for r in result.query.floor.rooms} | {"outside"}
    assert {row.zone_id for row in rows if not row.has_data} == unmapped
    found = {row.zone_id: row.detections for row in rows if row.detections is not None}
    assert sum(found.values()) == pytest.approx(result.raw.total, rel=1e-12)
    people, doubtful = people_by_room(result), on_walls(result)
    assert set(people) == set(found)
    for key, detections in found.items():
        assert detections == pytest.approx(people[key], abs=doubtful[key] + 1e-6)
    for row in rows:
        assert row.per_hour == (None if row.detections is None else row.detections / 96)
    # The bound bites: in all, next to nothing stands within reach of a wall's cells at 0.25 m.
    if resolution == "0.25":
        assert sum(doubtful.values()) < 0.1 * result.raw.total


@pytest.mark.parametrize("resolution", ["0.25", "0.5"])
def test_where_every_wall_lies_between_cells_rooms_are_exact(world: World, resolution: str) -> None:
    """All walls of Paris' first floor lie on half metres, the overlap of Lounge and Quiet room as well."""
    result = send_query(world, PARIS, *DAYS, resolution)
    people = people_by_room(result)
    rows = hot_zones([result], level="room", threshold=P95)
    assert {r.zone_id: r.detections for r in rows if r.has_data} == people
    assert {r.zone for r in rows if r.detections == 0} == {"Library"}
    floor_ = result.query.floor
    areas = {r.id: shapely.Polygon(r.polygon).area for r in floor_.rooms if r.polygon}
    heat = {key: people[key] / 96 / area for key, area in areas.items()}
    assert [r.zone_id for r in rows][:6] == sorted(heat, key=heat.__getitem__, reverse=True)[:6]
    hottest = max(heat, key=heat.__getitem__)
    assert [(r.zone_id, r.rank) for r in rows if r.hot] == [(hottest, 1)]


def test_zones_of_the_office(world: World) -> None:
    result = send_query(world, PARIS, *DAYS, "0.5")
    _, x, y = PEOPLE.detections(PARIS, *DAYS)
    found = {r.zone: r.detections for r in hot_zones([result], level="zone", threshold=P95)}
    expected = {
        z.name: DETECTIONS_A_MINUTE * contains(z.polygon, x, y).sum()
        for z in result.query.floor.zones
        if z.polygon
    }
    # Its lower and upper edge, at 6.2 and 7.8 m, leave six tenths of a row of cells within.
    rows = [contains(box(44, low, 46.5, high), x, y).sum() for low, high in ((6, 6.5), (6.5, 7.5), (7.5, 8))]
    in_cells = 0.6 * rows[0] + rows[1] + 0.6 * rows[2]
    expected["Printers"] = pytest.approx(DETECTIONS_A_MINUTE * in_cells)
    assert found == expected


def test_a_room_of_the_office_alone_is_as_it_is_among_all(world: World) -> None:
    everyone = by_name(send_query(world, PARIS_2, *DAYS, "0.5"))
    [alone] = hot_zones(
        [send_query(world, PARIS_2, *DAYS, "0.5", room="Canteen")], level="room", threshold=P95
    )
    assert alone == replace(everyone["Canteen"], rank=1, hot=1)


def test_an_offline_room_of_the_office_has_no_data(make_world: Callable[..., World]) -> None:
    [project] = [r for r in PEOPLE.office.by_id[PARIS].rooms if r.name == "Project room"]
    since, until = PEOPLE.offline(project.id, at("2026-05-01"), at("2026-06-17"))[0]
    world = make_world(now=str(np.datetime64((since + until) // 2, "s")))
    result = send_query(world, PARIS, since, since + DAY_S, "0.5")
    rows = hot_zones([result], level="room", threshold=P95)
    unavailable = {row.zone: row.reason for row in rows if not row.has_data}
    assert unavailable == {"Project room": OFFLINE, "Phone booth 2": NO_POLYGON}
    # None of its detections went elsewhere: there are none.
    assert sum(row.detections or 0 for row in rows) == pytest.approx(result.raw.total, rel=1e-12)
