"""A table's columns are the same whether or not it has a row: programs that read it count on their names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from butlr_grafana.query.parameters import AREAS, LEVELS, METRICS, NORMALIZE
from butlr_grafana.targets.registry import TARGETS
from tests.odd_floors import NO_ROOM, odd_people, odd_world
from tests.support import PARIS, World

PERIOD = {"from": "2026-06-17T10:00:00Z", "to": "2026-06-17T12:00:00Z"}
RULE = {"from": "2026-06-17T12:23:00Z", "to": "2026-06-17T12:33:00Z", "require": "complete", "threshold": "1"}
CHOICES = {"level": LEVELS, "metric": METRICS, "area": AREAS, "normalize": NORMALIZE}
SERIES = ("occupancy", "traffic", "presence")


def questions() -> Iterator[tuple[str, dict[str, str]]]:
    """Each target that is a table, with each word that changes its columns."""
    for target in TARGETS.values():
        used = [name for name in CHOICES if name in target.parameters]
        for values in product(*(CHOICES[name] for name in used)):
            params = dict(zip(used, values, strict=True))
            if "csv" in target.formats and not (target.name == "compare" and params["normalize"] == "share"):
                yield target.name, params


@pytest.fixture(scope="module")
def full() -> Iterator[World]:
    """With a row of everything, an event too."""
    world = World()
    assert world.http.get("/api/v1/hot-zones", query_string={**RULE, "space": PARIS}).status_code == 200
    yield world
    world.close()


@pytest.fixture(scope="module")
def empty() -> Iterator[World]:
    with odd_people() as people, odd_world(people) as world:
        yield world


def send_query(world: World, target: str, form: str, params: dict[str, str], space: str, **more: str) -> Any:
    query = {**PERIOD, **params, "space": space, "format": form, **more}
    return world.http.get(f"/api/v1/{target}", query_string=query)


def header(world: World, target: str, params: dict[str, str], space: str, **more: str) -> list[str]:
    text = send_query(world, target, "csv", params, space, **more).get_data(as_text=True)
    return text.splitlines()[0].split(",")


def names(frames: Any) -> list[str]:
    return [field["name"] for field in frames[0]["fields"]]


@pytest.mark.parametrize(("target", "params"), list(questions()), ids=str)
def test_columns_are_those_of_the_rows(full: World, target: str, params: dict[str, str]) -> None:
    end = {"to": "2026-06-17T12:34:00Z"} if target == "events" else {}
    result = send_query(full, target, "rows", params, PARIS, **end)
    if result.status_code == 400:
        assert params["level"] == "zone"  # no doors
        return
    rows = result.get_json()
    assert rows or (target, params.get("level")) in (("events", "zone"), ("events", "floor"))
    if target == "heatmap":
        value = list(rows[0])[2].replace("share", "share_of_detections_percent")
        assert header(full, target, params, PARIS) == ["x_m", "y_m", value]
        return
    head = header(full, target, params, PARIS, **end)
    assert len(set(head)) == len(head), "a spreadsheet's columns are told apart by their names"
    frame = names(send_query(full, target, "frames", params, PARIS, **end).get_json())
    reported = list(rows[0]) if rows else frame
    assert frame == (
        [n for n in reported if n in ("time", "value", "in", "out")] if target in SERIES else reported
    )
    # In a file each time is there twice, and what is in seconds, or since 1970, once.
    times = sum(n in TIMES for n in reported)
    left_out = sum(n in ("age_s", "as_of_ms", "peak_local", "weekday_number") for n in reported)
    zone = times and "timezone" not in reported
    of_floor = 3 if params.get("level") == "floor" and target in ("hot-zones", "compare-zones") else 0
    assert len(head) == len(reported) + times + bool(zone) - left_out - of_floor


TIMES = (
    *("time", "timeEnd", "as_of", "from", "to", "unknown_since", "free_since", "peak_at"),
    *("last_heartbeat", "last_reading", "battery_due"),
)
NOTHING: list[tuple[str, dict[str, str]]] = [
    *(
        (target, {"level": level})
        for target in (*SERIES, "spaces", "events", "devices")
        for level in ("room", "zone")
    ),
    *((target, {"level": "room"}) for target in ("occupancy-now", "balance", "pattern")),
    *((target, {"level": "zone"}) for target in ("hot-zones", "compare-zones")),
    ("hot-zones", {"level": "zone", "area": "ft2"}),
    ("utilization", {}),
    ("utilization", {"area": "ft2"}),
    ("unusual", {}),
    ("free-rooms", {}),
    ("hotspots", {"hours": "03:00-03:30"}),
    ("playback", {"hours": "03:00-03:30"}),
]


@pytest.mark.parametrize(("target", "params"), NOTHING, ids=str)
def test_without_a_row_they_are_the_same(
    full: World, empty: World, target: str, params: dict[str, str]
) -> None:
    if send_query(full, target, "rows", params, PARIS).status_code == 400:
        assert params == {"level": "zone"}  # no doors
        return
    assert send_query(empty, target, "rows", params, NO_ROOM).get_json() == []
    head = header(empty, target, params, NO_ROOM)
    assert len(head) > 2
    assert head == header(full, target, {k: v for k, v in params.items() if k != "hours"}, PARIS)
    there, here = (
        send_query(world, target, "frames", params, space).get_json()
        for world, space in ((full, PARIS), (empty, NO_ROOM))
    )
    if target not in ("hotspots", "playback"):
        assert names(here) == names(there)
    assert here[0]["fields"]
    assert here[0]["meta"]["notices"]
