"""Floors that lack what others have: every target, in every format, answers sensibly or says why not."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from butlr_grafana.query.parameters import METRICS, PARAMETERS
from butlr_grafana.simulator import People
from butlr_grafana.targets.registry import TARGETS
from tests.odd_floors import (
    FLOORS,
    NO_PLAN,
    NO_ROOM,
    NO_SEATS,
    NOBODY,
    OFFICE,
    OFFLINE,
    ONE_CELL,
    check_frame,
    odd_people,
    odd_world,
    strict,
)
from tests.support import DETECTIONS_A_MINUTE, World, at

PERIOD = {"from": "2026-06-16T06:00:00Z", "to": "2026-06-16T18:00:00Z"}


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with odd_people() as people:
        yield people


@pytest.fixture(scope="module")
def world(people: People) -> Iterator[World]:
    with odd_world(people) as world:
        yield world


def questions(target: str) -> Iterator[dict[str, str]]:
    """Every format, level and metric that a target takes."""
    spec = TARGETS[target]
    choices: dict[str, Iterable[str]] = {"format": spec.formats}
    if "level" in spec.parameters:
        choices["level"] = ("room", "zone", "floor")
    if "metric" in spec.parameters:
        choices["metric"] = METRICS
    if "normalize" in spec.parameters:
        choices["normalize"] = ("none", "max", "hour", "share")
    if "baseline" in spec.parameters:
        choices["baseline"] = ("previous", "-1d")
    for values in itertools.product(*choices.values()):
        yield dict(zip(choices, values, strict=True))


def send_query(world: World, target: str, space: str, **params: str) -> Any:
    period = PERIOD if "from" in TARGETS[target].parameters else {}
    picture = {"width": "400"} if params.get("format") in ("png", "webp") else {}
    place = {"space": space} if "space" in TARGETS[target].parameters else {}
    query = {**place, **period, **picture, **params}
    return world.http.get(f"/api/v1/{target}", query_string=query)


def rows(world: World, target: str, space: str, **params: str) -> list[dict[str, Any]]:
    response = send_query(world, target, space, format="rows", **params)
    assert response.status_code == 200, response.get_data(as_text=True)
    return strict(response.get_data(as_text=True))


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("space", FLOORS)
def test_every_answer_is_sensible_or_says_which_parameter_is_wrong(
    world: World, space: str, target: str
) -> None:
    answered = 0
    for params in questions(target):
        response = send_query(world, target, space, **params)
        if 400 <= response.status_code < 500:
            assert response.get_json()["message"].partition(":")[0] in PARAMETERS, params
            continue
        assert response.status_code == 200, (params, response.get_data(as_text=True))
        answered += 1
        match params["format"]:
            case "frames":
                frames = strict(response.text)
                assert frames, params
                for frame in frames:
                    check_frame(frame)
            case "rows" | "matrix" | "geojson":
                assert strict(response.text) is not None
            case "csv":
                assert response.mimetype == "text/csv"
            case _:
                with Image.open(io.BytesIO(response.data)) as image:
                    image.load()
                    assert image.width == 400
    assert answered


@pytest.mark.parametrize("space", FLOORS)
def test_a_row_that_is_promised_is_there(world: World, space: str) -> None:
    """An alert must find a row for each floor, and for each room and what is outside."""
    own = {room.id for room in OFFICE.by_id[space].rooms}
    assert {r["zone_id"] for r in rows(world, "hot-zones", space)} == own | {"outside"}
    assert {r["zone_id"] for r in rows(world, "compare-zones", space)} == own | {"outside"}
    for target in ("utilization", "occupancy-now"):
        assert {r["room_id"] for r in rows(world, target, space)} == own
    for target in ("hot-zones", "compare-zones"):
        assert [r["zone_id"] for r in rows(world, target, space, level="floor")] == [space]
    for target in ("heatmap-summary", "occupancy-now", "spaces"):
        level = {"level": "floor"} if "level" in TARGETS[target].parameters else {}
        assert [r["space"] for r in rows(world, target, space, **level)] == [space]


def notice_texts(world: World, target: str, space: str, **params: str) -> str:
    """All notices of an answer's frames."""
    response = send_query(world, target, space, **params)
    assert response.status_code == 200
    return " ".join(notice["text"] for frame in response.get_json() for notice in frame["meta"]["notices"])


@pytest.mark.parametrize(
    ("space", "target", "params", "reason"),
    [
        (NO_ROOM, "occupancy", {}, "lists no room"),
        (NO_ROOM, "occupancy-now", {}, "lists no room"),
        (NO_ROOM, "utilization", {}, "lists no room"),
        (NO_ROOM, "pattern", {"level": "room"}, "lists no room"),
        (NO_ROOM, "spaces", {"level": "room"}, "lists no room"),
        (NO_ROOM, "hot-zones", {"level": "zone"}, "lists no zone"),
        (NO_ROOM, "presence", {"level": "zone"}, "lists no zone"),
        (NO_PLAN, "heatmap", {}, "no floor plan"),
        (NO_PLAN, "heatmap", {"room": "room_no_plan_west"}, "has no outline of West"),
        (NO_SEATS, "occupancy-now", {}, "has no capacity"),
        (NO_SEATS, "occupancy-now", {"level": "floor"}, "has no capacity"),
        (NO_SEATS, "utilization", {}, "has no capacity"),
        (NOBODY, "heatmap", {}, "No detections"),
        (NOBODY, "hotspots", {}, "No detections"),
        (NOBODY, "playback", {}, "No detections"),
        (NOBODY, "hot-zones", {}, "No detections"),
        (NOBODY, "compare", {}, "no detections"),
        (ONE_CELL, "hotspots", {"threshold": "1e9"}, "No cell reaches the threshold"),
        (ONE_CELL, "compare", {"baseline": "-1d"}, "no detections"),
        (OFFLINE, "heatmap", {}, "offline"),
        (OFFLINE, "occupancy", {}, "offline"),
        (
            OFFLINE,
            "occupancy",
            {"level": "room", "every": "1h"},
            "No values are known in this period: West, East",
        ),
        (OFFLINE, "utilization", {}, "offline"),
    ],
)
def test_the_reason_is_given(
    world: World, space: str, target: str, params: dict[str, str], reason: str
) -> None:
    assert reason in notice_texts(world, target, space, **params)


def test_an_ordinary_answer_gives_no_reason(world: World) -> None:
    """What a person gives has not been measured, but is not asked for."""
    for target in ("heatmap", "hot-zones", "occupancy", "occupancy-now"):
        assert notice_texts(world, target, ONE_CELL, unit="detections") == ""


def test_one_detection_is_one_cell_of_a_whole_map(world: World, people: People) -> None:
    [_], [x], [y] = people.detections(ONE_CELL, at("2026-06-16"), at("2026-06-17"))
    [frame] = send_query(world, "heatmap", ONE_CELL, resolution="0.5").get_json()
    cells = [
        cell for cell in zip(*(f["values"] for f in frame["fields"]), strict=True) if cell[2] is not None
    ]
    [(cell_x, cell_y, count)] = cells
    assert (cell_x, cell_y, count) == (
        np.floor(x * 2) / 2 + 0.25,
        np.floor(y * 2) / 2 + 0.25,
        DETECTIONS_A_MINUTE,
    )
    assert len(frame["fields"][0]["values"]) == 16 * 12, "all of the 8 x 6 m"
    [spot] = rows(world, "hotspots", ONE_CELL, resolution="0.5")
    assert (spot["x"], spot["y"], spot["total"], spot["area_m2"]) == (
        cell_x,
        cell_y,
        DETECTIONS_A_MINUTE,
        0.25,
    )
    [summary] = rows(world, "heatmap-summary", ONE_CELL, resolution="0.5")
    assert (summary["peak"], summary["total_detections"]) == (DETECTIONS_A_MINUTE,) * 2
    [west, *_] = rows(world, "utilization", ONE_CELL)
    assert (west["room"], west["peak"], west["in_use_s"], west["entries"]) == ("West", 1, 60, 1)


def test_people_without_a_room_are_outside(world: World) -> None:
    """One sits in the corridor for eight hours."""
    [row] = rows(world, "hot-zones", NO_ROOM)
    assert (row["zone_id"], row["detections"], row["share"]) == (
        "outside",
        480 * DETECTIONS_A_MINUTE,
        1,
    )
    found = {r["zone_id"]: r for r in rows(world, "hot-zones", NO_PLAN)}
    assert found["outside"]["detections"] == 960 * DETECTIONS_A_MINUTE, (
        "the room's too: nobody knows where it is"
    )
    assert "Butlr has no outline" in found["room_no_plan_west"]["reason"]


def test_an_offline_floor_is_no_data_and_never_empty_rooms(world: World) -> None:
    for target in ("hot-zones", "utilization"):
        for row in rows(world, target, OFFLINE):
            if row.get("zone_id") != "outside":
                assert (row["has_data"], row["reason"]) == (0, "its sensors were offline")
    # Who came through the door stands beside, and is not taken for who is there.
    now = rows(world, "occupancy-now", OFFLINE)
    assert {r["room"]: r["people_by_doors"] for r in now} == {"West": 1, "East": 0}
    assert {r["people"] for r in now} == {None}
    assert all(r["reason"].startswith("its sensors are offline since ") for r in now)


def test_all_floors_together_are_all_answered(world: World) -> None:
    found = rows(world, "hot-zones", "all")
    assert {r["space"] for r in found} == set(FLOORS)
    assert [r["rank"] for r in found] == sorted(r["rank"] for r in found)
