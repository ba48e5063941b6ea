"""Every column of every table says its title, its type and its unit, and holds values of that type."""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.targets.columns import COLUMNS, epoch_ms
from butlr_grafana.targets.registry import TARGETS
from tests.support import PARIS, World, at

PERIOD = {"from": "2026-06-16T06:00:00Z", "to": "2026-06-16T10:00:00Z"}
CELLS = ("heatmap", "compare", "playback")
OVER_TIME = ("occupancy", "traffic", "presence")
TABLES = [t for t, spec in TARGETS.items() if "frames" in spec.formats and t not in (*CELLS, *OVER_TIME)]


def result(world: World, target: str, **params: str) -> Any:
    query = {"space": PARIS, **PERIOD, **params}
    found = world.http.get(f"/api/v1/{target}", query_string=query)
    assert found.status_code == 200, found.get_data(as_text=True)
    return found.get_json()


@pytest.mark.parametrize("params", [{}, {"area": "ft2"}, {"metric": "heatmap"}, {"metric": "presence"}])
@pytest.mark.parametrize("target", TABLES)
def test_every_column_has_a_title_and_values_of_its_type(
    world: World, target: str, params: dict[str, str]
) -> None:
    [frame] = result(world, target, **params)
    columns = {**COLUMNS, **TARGETS[target].own_columns(target)}  # type: ignore[attr-defined]
    types = {"number": int | float, "string": str, "time": int}
    for field in frame["fields"]:
        assert field["type"] == columns[field["name"]].kind
        assert field["config"]["displayName"]
        assert bool(field["config"].get("unit")) == (field["type"] == "number")
        assert all(v is None or isinstance(v, types[field["type"]]) for v in field["values"]), field["name"]


EVENT = [
    *("time", "timeEnd", "text", "tags", "space", "floor", "level", "zone_id", "zone"),
    *("unit", "threshold", "release", "window_s", "peak_per_m2_hour", "peak_people_per_m2", "going_on"),
]
"""Of these targets only events have no row in this world; their columns are there all the same."""


@pytest.mark.parametrize("target", TABLES)
def test_a_frame_holds_what_the_rows_hold(world: World, target: str) -> None:
    result(world, target)  # may teach what a person gives, and the next answer would be another one
    [frame] = result(world, target)
    rows = result(world, target, format="rows")
    assert [f["name"] for f in frame["fields"]] == (list(rows[0]) if rows else EVENT)
    for field in frame["fields"]:
        in_rows = [row[field["name"]] for row in rows]
        if field["type"] == "time":
            in_rows = [None if text is None else at(text) * 1000 for text in in_rows]
        assert field["values"] == in_rows


def test_numbers_have_a_unit_and_texts_have_none() -> None:
    assert {c.kind for c in COLUMNS.values() if c.unit is None} == {"string", "time"}
    assert {c.kind for c in COLUMNS.values() if c.unit is not None} == {"number"}
    assert all(c.title[:1].upper() == c.title[:1] or n in ("x", "y", "p95") for n, c in COLUMNS.items())


def config(world: World, target: str, name: str, **params: str) -> dict[str, Any]:
    [frame] = result(world, target, **params)
    [found] = [field["config"] for field in frame["fields"] if field["name"] == name]
    return dict(found)


def test_a_name_may_mean_something_else_in_another_target(world: World) -> None:
    assert config(world, "hot-zones", "share")["displayName"] == "Share of detections"
    assert config(world, "occupancy-now", "share")["displayName"] == "Share of capacity"
    assert config(world, "pattern", "value", metric="presence")["unit"] == "s"
    assert config(world, "pattern", "value", metric="occupancy")["displayName"] == "People"
    hours = [config(world, "pattern", "hours", metric=metric) for metric in ("presence", "traffic")]
    assert hours[0] == hours[1] == {"displayName": "Hours known", "unit": "none"}


def test_times_are_milliseconds_in_frames() -> None:
    assert epoch_ms("2026-01-01T00:00:01Z") == 1_767_225_601_000
    assert epoch_ms(None) is None
