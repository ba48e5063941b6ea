"""`BACKEND_MIN_CAPACITY` through the doors: no answer of any target, in any format, tells of a small room.

What may be told is counted from the simulator's people; what may not, is looked for in every answer.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import shapely
from PIL import Image, ImageSequence

from butlr_grafana.model.floor import Bounds
from butlr_grafana.present.images.theme import THEMES
from butlr_grafana.query.parameters import METRICS
from butlr_grafana.simulator import world as simulated
from butlr_grafana.targets.registry import TARGETS
from tests.present.floors import DrawnMap, Pixels, is_coloured
from tests.support import DETECTIONS_A_MINUTE, NEW_YORK, PARIS, PARIS_2, PEOPLE, World, at, truth

START, END = at("2026-06-09T06:00"), at("2026-06-09T18:00")
PERIOD = {"from": str(START * 1000), "to": str(END * 1000)}
SUM = "small-rooms"

CASES = [(PARIS, 25), (PARIS_2, 7), (NEW_YORK, 11), (NEW_YORK, 2)]
"""A floor, and the capacity from which on a room is told of. In the last only one room is smaller, in the
first and third there are zones in small rooms.
"""

PLAN_ITSELF = ("floorplan",)
"""Answers that are the topology: they may name a small room, and show where it is."""

OF_TYPES = ("room-types",)
"""Answers of types, whose texts may be a room's name: a kitchen is called Kitchen."""


def small_rooms(space: str, min_capacity: int) -> list[simulated.Room]:
    rooms = PEOPLE.office.by_id[space].rooms
    return [r for r in rooms if r.capacity is not None and r.capacity.max < min_capacity]


def secrets(space: str, min_capacity: int) -> list[simulated.Room | simulated.Zone]:
    """The rooms and zones that are not told of one by one."""
    rooms = small_rooms(space, min_capacity)
    ids = {room.id for room in rooms}
    return [*rooms, *(z for z in PEOPLE.office.by_id[space].zones if z.room_id in ids)]


def area_of(rooms: Iterable[simulated.Room]) -> shapely.Geometry:
    return shapely.union_all([shapely.Polygon(room.polygon) for room in rooms if room.polygon])


def questions(target: str) -> Iterator[dict[str, str]]:
    """Every format, level, metric and kind of statistic that a target takes."""
    spec = TARGETS[target]
    choices: dict[str, Iterable[str]] = {"format": spec.formats}
    if "level" in spec.parameters:
        choices["level"] = ("room", "zone", "floor")
    if "metric" in spec.parameters:
        choices["metric"] = METRICS
    if "statistic" in spec.parameters:
        choices["statistic"] = ("mean", "max", "p90")
    if "every" in spec.parameters:
        choices["every"] = ("1h",)
    if "normalize" in spec.parameters:
        choices["normalize"] = ("none", "share")
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def send_query(world: World, target: str, space: str, **params: str) -> Any:
    period = PERIOD if "from" in TARGETS[target].parameters else {}
    picture = {"width": "480"} if params.get("format") in ("png", "webp") else {}
    return world.http.get(f"/api/v1/{target}", query_string={"space": space, **period, **picture, **params})


def rows(world: World, target: str, space: str, **params: str) -> list[dict[str, Any]]:
    response = send_query(world, target, space, format="rows", **params)
    assert response.status_code == 200, response.get_data(as_text=True)
    found: list[dict[str, Any]] = response.get_json()
    return found


MAPPINGS = re.compile(r'"mappings":\[\{.*?\}\]')
"""Of the values of a column, which are in the same answer."""


@pytest.fixture(scope="module", params=CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def guarded(request: pytest.FixtureRequest) -> Iterator[tuple[World, str, int]]:
    """A world that is only asked, its floor, and the capacity from which on a room is told of."""
    space, min_capacity = request.param
    world = World(min_capacity=min_capacity)
    yield world, space, min_capacity
    world.close()


@pytest.mark.parametrize("target", TARGETS)
def test_no_answer_names_a_small_room(guarded: tuple[World, str, int], target: str) -> None:
    (world, space, min_capacity), answered = guarded, 0
    for params in questions(target):
        response = send_query(world, target, space, **params)
        assert response.status_code in (200, 400), response.get_data(as_text=True)
        answered += response.status_code == 200
        if params["format"] in ("png", "webp") or target in PLAN_ITSELF:
            continue
        # The words of the types of other rooms: a room may be called as its type is.
        text = MAPPINGS.sub("", response.get_data(as_text=True))
        for secret in secrets(space, min_capacity):
            assert secret.id not in text, params
            assert secret.name not in text or target in OF_TYPES, params
    assert answered


@pytest.mark.parametrize(("space", "min_capacity"), CASES)
def test_no_list_of_rooms_offers_a_small_one(
    make_world: Callable[..., World], space: str, min_capacity: int
) -> None:
    post = make_world(min_capacity=min_capacity).http.post
    reported = [
        post("/variable", json={"payload": {"target": kind, "space": space}}).text
        for kind in ("rooms", "zones")
    ]
    reported += [
        post("/metric-payload-options", json={"name": name, "payload": {"space": space}}).text
        for name in ("room", "tag")
    ]
    for secret in secrets(space, min_capacity):
        assert not any(secret.id in text or secret.name in text for text in reported)
    # Of one room nothing can be asked, of several their sum.
    assert any(SUM in text for text in reported) == (len(small_rooms(space, min_capacity)) > 1)


RANKINGS = ("hot-zones", "compare-zones", "utilization")
"""A row a room over the whole period: its figures are no other's by chance."""

WEEK = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-08T00:00:00Z"}

FINE = ("detections", "per_hour", "per_m2_hour", "share", "current", "baseline", "mean", "utilization")
"""Columns in which two rooms are hardly ever equal."""


def figures(row: dict[str, Any]) -> set[float]:
    return {row[name] for name in FINE if row.get(name)}


@pytest.mark.parametrize("target", RANKINGS)
@pytest.mark.parametrize(("space", "min_capacity"), CASES)
def test_no_figure_of_a_small_room_is_in_any_row(
    make_world: Callable[..., World], space: str, min_capacity: int, target: str
) -> None:
    """The figures that its rows have where the setting is off."""
    open_world, world = make_world(), make_world(min_capacity=min_capacity)
    ids = {secret.id for secret in secrets(space, min_capacity)}
    for level in ("room", "zone") if "level" in TARGETS[target].parameters else ("room",):
        params = {**WEEK, "level": level}
        in_the_open = rows(open_world, target, space, **params)
        own = [r for r in in_the_open if ids & {r.get("zone_id"), r.get("room_id")}]
        private = set().union(*map(figures, own))
        assert private or level == "zone"
        reported = set().union(*map(figures, rows(world, target, space, **params)))
        assert not private & reported


@pytest.mark.parametrize("target", ["occupancy", "traffic", "presence", "occupancy-now", "pattern"])
@pytest.mark.parametrize(("space", "min_capacity"), CASES)
def test_values_over_time_are_of_large_rooms_and_of_the_sum(
    make_world: Callable[..., World], space: str, min_capacity: int, target: str
) -> None:
    world, small = make_world(min_capacity=min_capacity), small_rooms(space, min_capacity)
    large = {room.id for room in PEOPLE.office.by_id[space].rooms} - {room.id for room in small}
    found = rows(world, target, space, level="room")
    reported = {r.get("room_id") or r.get("asset_id") for r in found}
    assert reported - {SUM} <= large
    assert reported & large or target == "traffic"  # only meeting rooms have doors that count
    if target == "occupancy":
        assert (SUM in reported) == (len(small) > 1)


# --- what is told instead ---------------------------------------------------------------------------------


def test_the_sum_of_small_rooms_is_that_of_their_people(make_world: Callable[..., World]) -> None:
    world = make_world(min_capacity=7)
    small = small_rooms(PARIS_2, 7)
    indices = [PEOPLE.office.by_id[PARIS_2].rooms.index(room) for room in small]
    minutes = sum(PEOPLE.occupancy(PARIS_2, index, START, END) for index in indices)
    seats = sum(room.capacity.max for room in small if room.capacity)
    hourly = np.asarray(minutes).reshape(-1, 60).mean(axis=1)

    [row] = [r for r in rows(world, "utilization", PARIS_2) if r["room_id"] == SUM]
    assert row["room"] == f"Rooms for fewer than 7 people ({len(small)})"
    assert row["capacity"] == seats
    assert row["mean"] == pytest.approx(hourly.mean())
    assert row["median"] == pytest.approx(np.median(hourly))
    assert row["p95"] == pytest.approx(np.percentile(hourly, 95))
    assert row["utilization"] == pytest.approx(hourly.mean() / seats)
    # The fullest minutes of rooms, and the times in which somebody was in them, are not one's own.
    assert row["peak"] is row["in_use_s"] is row["dwell_s"] is row["mean_when_used"] is None
    assert row["underused"] == 0

    reported = [r["value"] for r in rows(world, "occupancy", PARIS_2, every="1h") if r["room_id"] == SUM]
    assert reported == pytest.approx(hourly.tolist())
    [frame] = [
        f
        for f in send_query(
            world, "occupancy", PARIS_2, every="1m", **{"from": str((END - 6 * 3600) * 1000)}
        ).get_json()
        if f["fields"][1]["labels"]["room_id"] == SUM
    ]
    assert frame["fields"][1]["values"] == np.asarray(minutes)[-6 * 60 :].tolist()
    assert not [r for r in rows(world, "presence", PARIS_2) if r["room_id"] == SUM]


OFFLINE_NOW = "2026-06-14T12:02:30"
"""The sensor of Paris' Project room, for 8 people, is silent from 13 June, 01:59, for four days."""

OUTAGE = {"from": "2026-06-13T08:00:00Z", "to": "2026-06-13T12:00:00Z"}
BEFORE = {"from": "2026-06-10T08:00:00Z", "to": "2026-06-10T12:00:00Z"}
WHOLE_ROOM = "room_paris_1_kitchen"


def test_a_sum_of_small_rooms_is_not_known_while_one_is_offline(make_world: Callable[..., World]) -> None:
    """An unknown room is no empty one: neither in the sum nor where the sum is added to another room."""
    world = make_world(now=OFFLINE_NOW, min_capacity=9)
    assert "Project room" in {room.name for room in small_rooms(PARIS, 9)}
    [now] = [row for row in rows(world, "occupancy-now", PARIS) if row["room_id"] == SUM]
    assert (now["people"], now["share"]) == (None, None)
    assert now["reason"] == "its sensors are offline since 13 Jun 01:59"
    [both] = rows(world, "occupancy-now", PARIS, room=f"{SUM},{WHOLE_ROOM}", level="floor")
    assert both["people"] is None
    assert "its sensors are offline since" in both["reason"]

    def over(period: dict[str, str], target: str, **params: str) -> list[dict[str, Any]]:
        return rows(world, target, PARIS, **period, **params)

    chosen = {"room": f"{SUM},{WHOLE_ROOM}", "level": "floor"}
    for period, is_known in ((OUTAGE, False), (BEFORE, True)):
        values = [row["value"] for row in over(period, "occupancy", every="1h", **chosen)]
        assert [value is not None for value in values] == [is_known] * 4
        [use] = [row for row in over(period, "utilization") if row["room_id"] == SUM]
        assert (use["mean"] is not None) == is_known
        [heat] = [row for row in over(period, "hot-zones") if row["zone_id"] == SUM]
        assert (heat["detections"] is not None, bool(heat["reason"])) == (is_known, not is_known)

    minutes = sum(
        PEOPLE.occupancy(PARIS, PEOPLE.office.by_id[PARIS].rooms.index(room), *map(at, BEFORE.values()))
        for room in small_rooms(PARIS, 9)
    )
    [use] = [row for row in over(BEFORE, "utilization") if row["room_id"] == SUM]
    assert use["mean"] == pytest.approx(np.asarray(minutes).mean())
    start_s, end_s = map(at, BEFORE.values())
    _, x, y = PEOPLE.detections(PARIS, start_s, end_s)
    inside = DETECTIONS_A_MINUTE * shapely.intersects_xy(area_of(small_rooms(PARIS, 9)), x, y).sum()
    [heat] = [row for row in over(BEFORE, "hot-zones", resolution="0.25") if row["zone_id"] == SUM]
    assert heat["detections"] == pytest.approx(inside, rel=0.01)


def test_where_people_are_not_counted_in_all_small_rooms_their_sum_says_so(
    make_world: Callable[..., World],
) -> None:
    """The Parcel room of Paris' second floor has no sensor, and no capacity: it is told of by itself."""
    world = make_world(min_capacity=2)
    [alone] = [row for row in rows(world, "occupancy-now", NEW_YORK) if row["room_id"] == SUM]
    assert alone["reason"] == "the sum would be of one room only"


def test_the_sum_of_small_rooms_is_that_of_their_detections(make_world: Callable[..., World]) -> None:
    """And all rows together are the floor."""
    world = make_world(min_capacity=7)
    found = rows(world, "hot-zones", PARIS_2, resolution="0.25")
    _, x, y = PEOPLE.detections(PARIS_2, START, END)
    inside = DETECTIONS_A_MINUTE * shapely.intersects_xy(area_of(small_rooms(PARIS_2, 7)), x, y).sum()
    [row] = [r for r in found if r["zone_id"] == SUM]
    # Cells on a wall are shared, so that it is not one by one.
    assert row["detections"] == pytest.approx(inside, rel=0.01)
    assert row["area_m2"] == pytest.approx(area_of(small_rooms(PARIS_2, 7)).area, abs=0.1)
    assert sum(r["detections"] or 0 for r in found) == pytest.approx(DETECTIONS_A_MINUTE * len(x))
    [floor] = rows(world, "hot-zones", PARIS_2, level="floor")
    assert floor["detections"] == DETECTIONS_A_MINUTE * len(x)


@pytest.mark.parametrize("space", [PARIS, PARIS_2, NEW_YORK])
def test_an_answer_has_one_total_wherever_it_is_read(make_world: Callable[..., World], space: str) -> None:
    """All detections of the people, also of cells that are not shown: on the page and in every target."""
    world = make_world(min_capacity=9)
    page = world.http.get("/", query_string={"space": space, "period": "1"}, headers={"Accept": "text/html"})
    [shown] = re.findall(r'<dd id="total">([\d,]+)</dd>', page.get_data(as_text=True))
    end = int(world.now_s) // 60 * 60
    period = {"from": str((end - 86_400) * 1000), "to": str(end * 1000)}
    [frame] = send_query(world, "heatmap", space, **period).get_json()
    cells = [n for n in frame["fields"][2]["values"] if n]
    [summary] = rows(world, "heatmap-summary", space, **period)
    [floor] = rows(world, "hot-zones", space, level="floor", **period)
    [film] = send_query(world, "playback", space, **period).get_json()
    [pattern] = send_query(world, "pattern", space, metric="heatmap", **period).get_json()
    [compared] = send_query(world, "compare", space, **period).get_json()
    [places] = send_query(world, "hot-zones", space, **period).get_json()
    zones = rows(world, "hot-zones", space, **period)
    expected = DETECTIONS_A_MINUTE * len(PEOPLE.detections(space, end - 86_400, end)[0])
    assert sum(cells) < expected
    assert {
        "page": int(shown.replace(",", "")),
        "summary": summary["total_detections"],
        "floor": floor["detections"],
        "rooms": round(sum(row["detections"] or 0 for row in zones)),
        **{
            name: one["meta"]["custom"]["total_detections"]
            for name, one in (("map", frame), ("film", film), ("pattern", pattern), ("rooms'", places))
        },
        "compared": compared["meta"]["custom"]["total_detections"],
    } == dict.fromkeys(
        ("page", "summary", "floor", "rooms", "map", "film", "pattern", "rooms'", "compared"), expected
    )


def test_zones_of_small_rooms_are_one(make_world: Callable[..., World]) -> None:
    found = rows(make_world(min_capacity=25), "hot-zones", PARIS, level="zone")
    assert {r["zone_id"] for r in found} == {
        "zone_paris_1_window_desks",
        "zone_paris_1_reception",
        "zone_paris_1_printers",
        SUM,
    }
    [row] = [r for r in found if r["zone_id"] == SUM]
    assert (row["has_data"], row["detections"], row["area_m2"]) == (0, None, None)
    assert "one room" in row["reason"]


def test_of_one_small_room_nothing_is_told_and_it_cannot_be_worked_out(
    make_world: Callable[..., World],
) -> None:
    world = make_world(min_capacity=2)
    found = {r["zone_id"]: r for r in rows(world, "hot-zones", NEW_YORK)}
    assert found[SUM]["zone"] == "Rooms for fewer than 2 people (1)"
    assert {found[SUM][name] for name in ("detections", "per_hour", "share", "area_m2")} == {None}
    assert "of one room only" in found[SUM]["reason"]
    # What all others lack to the floor's is not the room's: it counts as outside.
    _, x, _ = PEOPLE.detections(NEW_YORK, START, END)
    assert sum(r["detections"] or 0 for r in found.values()) == pytest.approx(DETECTIONS_A_MINUTE * len(x))
    for target in ("utilization", "occupancy-now"):
        [row] = [r for r in rows(world, target, NEW_YORK) if r["room_id"] == SUM]
        assert row.get("mean") is row.get("people") is row["capacity"] is None
    assert not [r for r in rows(world, "occupancy", NEW_YORK) if r["room_id"] == SUM]
    [text] = [r for r in rows(world, "spaces", NEW_YORK) if r["id"] == SUM]
    assert text["capacity"] is text["area_m2"] is None


@pytest.mark.parametrize(("space", "min_capacity"), CASES)
def test_cells_in_small_rooms_are_empty_and_all_else_is_exact(
    make_world: Callable[..., World], space: str, min_capacity: int
) -> None:
    world = make_world(min_capacity=min_capacity)
    small = area_of(small_rooms(space, min_capacity))
    cells = truth(space, START, END, 0.5)
    visible = {c: n for c, n in cells.items() if not shapely.intersects_xy(small, *c)}
    assert len(visible) < len(cells)
    frame = world.heat_map(space, START, END, resolution="0.5")
    x, y, value = (f["values"] for f in frame["fields"])
    reported = {(round(a, 3), round(b, 3)): v for a, b, v in zip(x, y, value, strict=True) if v is not None}
    assert reported == visible
    custom = frame["meta"]["custom"]
    assert custom["total_detections"] == sum(cells.values())
    assert custom["max_value"] == max(visible.values())
    [notice] = [n for n in frame["meta"]["notices"] if "privacy" in n["text"]]
    assert notice["severity"] == "info"

    table = csv.reader(io.StringIO(send_query(world, "heatmap", space, resolution="0.5", format="csv").text))
    assert {(float(a), float(b)): float(n) for a, b, n in list(table)[1:]} == {
        (a, b): n for (a, b), n in visible.items()
    }
    [row] = rows(world, "heatmap-summary", space, resolution="0.5")
    assert (row["total_detections"], row["peak"]) == (sum(cells.values()), max(visible.values()))
    assert visible[round(row["peak_x"], 3), round(row["peak_y"], 3)] == row["peak"]


@pytest.mark.parametrize("normalize", ["max", "share"])
def test_normalised_cells_are_of_what_is_shown_or_of_all(
    make_world: Callable[..., World], normalize: str
) -> None:
    world = make_world(min_capacity=25)
    small, cells = area_of(small_rooms(PARIS, 25)), truth(PARIS, START, END, 1.0)
    visible = {c: n for c, n in cells.items() if not shapely.intersects_xy(small, *c)}
    of = max(visible.values()) if normalize == "max" else sum(cells.values())
    frame = world.heat_map(PARIS, START, END, resolution="1.0", normalize=normalize)
    reported = sorted(v for v in frame["fields"][2]["values"] if v is not None)
    assert reported == pytest.approx(sorted(n / of for n in visible.values()))


@pytest.mark.parametrize("target", ["compare", "playback", "hotspots"])
@pytest.mark.parametrize(("space", "min_capacity"), CASES)
def test_nothing_is_placed_in_a_small_room(
    make_world: Callable[..., World], space: str, min_capacity: int, target: str
) -> None:
    found = rows(make_world(min_capacity=min_capacity), target, space, resolution="0.5", threshold="p50")
    small = area_of(small_rooms(space, min_capacity))
    places = [(r["x"], r["y"]) for r in found] if target != "hotspots" else []
    places += [(r["peak_x"], r["peak_y"]) for r in found if "peak_x" in r]
    assert places
    assert not shapely.intersects_xy(small, *np.array(places).T).any()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("target", "form"), [("heatmap", "png"), ("compare", "png"), ("playback", "webp")])
def test_no_picture_has_a_colour_in_a_small_room(
    make_world: Callable[..., World], target: str, form: str, theme: str
) -> None:
    world = make_world(min_capacity=11)
    response = send_query(
        world, target, NEW_YORK, format=form, theme=theme, resolution="0.25", every="1h", width="900"
    )
    assert response.status_code == 200
    rooms = PEOPLE.office.by_id[NEW_YORK].rooms
    [big] = [room for room in rooms if room.name == "Open space"]
    small = [room for room in small_rooms(NEW_YORK, 11) if room.polygon]
    assert len(small) == 6
    walls = Bounds(*area_of(rooms).bounds)
    seen = [DrawnMap.of(page, walls, THEMES[theme]) for page in pages(response.data)]
    for page in seen:
        assert [room.name for room in small if is_coloured(within(page, room)).any()] == []
    assert any(is_coloured(within(page, big)).any() for page in seen)


def pages(data: bytes) -> Iterator[bytes]:
    """A picture's frames, each as a PNG."""
    with Image.open(io.BytesIO(data)) as image:
        for frame in ImageSequence.Iterator(image):
            out = io.BytesIO()
            frame.convert("RGB").save(out, "PNG")
            yield out.getvalue()


def within(seen: DrawnMap, room: simulated.Room) -> Pixels:
    """A rectangular room's pixels without its walls and the cells that lie across them."""
    left, low, right, high = area_of([room]).bounds
    return seen.inside(left + 0.3, low + 0.3, right - 0.3, high - 0.3)


# --- what cannot be asked for -----------------------------------------------------------------------------


ASKS_FOR_ROOMS = [t for t, spec in TARGETS.items() if "room" in spec.parameters and t != "events"]
"""Events are a record: of a room that is not told of, none is found."""


@pytest.mark.parametrize("target", ASKS_FOR_ROOMS)
def test_a_small_room_cannot_be_requested(make_world: Callable[..., World], target: str) -> None:
    world = make_world(min_capacity=7)
    for room in small_rooms(PARIS_2, 7):
        for wanted in (room.id, room.name):
            response = send_query(world, target, PARIS_2, room=wanted)
            assert response.status_code == 400
            message = response.get_json()["message"]
            assert message.startswith("room: ")
            assert "privacy" in message
            assert SUM in message


def test_a_tag_of_small_rooms_only_cannot_be_requested(make_world: Callable[..., World]) -> None:
    world = make_world(min_capacity=7)
    for tag in ("people", "finance"):
        response = send_query(world, "heatmap", PARIS_2, tag=tag)
        expected = 400 if tag == "people" else 200
        assert response.status_code == expected, tag
    assert send_query(world, "heatmap", PARIS_2, tag="people").get_json()["message"].startswith("tag: ")


def test_a_tag_of_large_and_small_rooms_is_of_the_large_ones(make_world: Callable[..., World]) -> None:
    """`finance` is an open space's and an office's for four."""
    world = make_world(min_capacity=7)
    found = rows(world, "occupancy", PARIS_2, tag="finance")
    assert {r["room_id"] for r in found} == {"room_paris_2_open_space_south"}


def test_the_sum_can_be_requested_unless_it_is_one_room(make_world: Callable[..., World]) -> None:
    world = make_world(min_capacity=7)
    assert {r["room_id"] for r in rows(world, "occupancy", PARIS_2, room=SUM)} == {SUM}
    [row] = rows(world, "hot-zones", PARIS_2, room=SUM)
    assert row["zone_id"] == SUM
    [frame] = send_query(world, "heatmap", PARIS_2, room=SUM).get_json()
    assert set(frame["fields"][2]["values"]) == {None}
    assert not any("No detections" in n["text"] for n in frame["meta"]["notices"])
    response = send_query(make_world(min_capacity=2), "occupancy", NEW_YORK, room=SUM)
    assert response.status_code == 400
    assert "one room" in response.get_json()["message"]


def test_no_room_is_requested_that_butlr_does_not_have(make_world: Callable[..., World]) -> None:
    world = make_world(min_capacity=7)
    rows(world, "utilization", PARIS_2)
    assert not any(SUM in str(call) for call in world.simulator.calls)


def test_without_the_setting_nothing_is_held_back(world: World) -> None:
    assert {r["room"] for r in rows(world, "utilization", PARIS_2)} == {
        r.name for r in PEOPLE.office.by_id[PARIS_2].rooms
    }
