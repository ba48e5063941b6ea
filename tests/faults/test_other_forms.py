"""A Butlr that changes its forms while we run: nothing of what cannot be read is shown or kept, the log says
which API and which form, and all is well again by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from butlr_grafana.simulator.forms import Forms
from tests.support import HANG_S, NEW_YORK, PARIS_2, PEOPLE, World, at, cells_of, truth

DAY = 86_400
START = at("2026-06-08T22:00")
"""Midnight in Paris, a Tuesday."""


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def send_query(world: World, target: str, **params: str) -> Any:
    query = {"space": PARIS_2, "from": str(START * 1000), "to": str((START + DAY) * 1000), **params}
    return world.http.get(f"/api/v1/{target}", query_string=query)


def problems(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "incident" in record.getMessage()]


def passes(world: World) -> None:
    """Until what failed is asked again, and troubles may end."""
    world.now_s += 120
    world.time.now_s += 120


def test_heat_maps(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    world.simulator.forms = Forms(unreadable=frozenset({"heat"}))
    response = send_query(world, "heatmap", space=NEW_YORK, resolution="1.0")
    assert (response.status_code, response.get_json()["error"]["code"]) == (502, "upstream_invalid")
    assert "array_cells" in response.get_json()["message"]
    [began] = problems(caplog)
    assert "Butlr invalid" in began
    assert "heat map" in began or "array_cells" in began
    world.simulator.forms = Forms()
    passes(world)
    frame = world.heat_map(NEW_YORK, START, START + DAY, resolution="1.0")
    assert frame["meta"]["custom"]["complete"]
    assert cells_of(frame) == truth(NEW_YORK, START, START + DAY, 1.0)
    assert any("incident over" in line for line in problems(caplog))


def test_metrics(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    params = {"level": "floor", "every": "1h"}
    world.simulator.forms = Forms(unreadable=frozenset({"reporting"}))
    response = send_query(world, "occupancy", **params)
    assert (response.status_code, response.get_json()["error"]["code"]) == (502, "upstream_invalid")
    assert "metrics" in response.get_json()["message"]
    assert any("metrics" in line for line in problems(caplog))
    world.simulator.forms = Forms()
    passes(world)
    [frame] = send_query(world, "occupancy", **params).get_json()
    expected = PEOPLE.count(PARIS_2, "people", START, START + DAY)[0].reshape(-1, 60).mean(axis=1)
    assert frame["fields"][1]["values"] == pytest.approx(expected.tolist())


def test_what_was_known_goes_on_being_shown_with_its_age(world: World) -> None:
    """The running day, whose last part is asked for again each minute."""
    params = {"from": str(START * 1000), "to": str(int(world.now_s) * 1000), "resolution": "1.0"}
    whole = send_query(world, "heatmap", **params).get_json()[0]["meta"]["custom"]
    assert whole["complete"]
    world.simulator.forms = Forms(unreadable=frozenset({"heat"}))
    passes(world)
    [frame] = send_query(world, "heatmap", **params).get_json()
    custom = frame["meta"]["custom"]
    assert (custom["complete"], custom["total_detections"]) == (False, whole["total_detections"])
    assert any("as of" in notice["text"] for notice in frame["meta"]["notices"])


def test_statistics_leave_a_column_empty_and_say_why(world: World) -> None:
    world.simulator.forms = Forms(unreadable=frozenset({"stats"}))
    [frame] = send_query(world, "utilization").get_json()
    values = {field["name"]: field["values"] for field in frame["fields"]}
    assert set(values["mean_when_used"]) == {None}
    assert any(value is not None for value in values["mean"])
    assert any("statistics" in notice["text"] for notice in frame["meta"]["notices"])


def test_the_topology_stays_as_it_was(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    before = world.http.get("/api/v1/spaces", query_string={"format": "rows"}).get_json()
    world.simulator.forms = Forms(unreadable=frozenset({"topology"}))
    world.time.now_s += 600
    spaces = world.application.service.spaces
    spaces.renew(timeout_s=HANG_S)
    assert world.http.get("/api/v1/spaces", query_string={"format": "rows"}).get_json() == before
    assert any("topology" in record.getMessage() for record in caplog.records)
    world.simulator.forms = Forms()
    world.time.now_s += 600
    spaces.renew(timeout_s=HANG_S)
    assert world.http.get("/api/v1/spaces", query_string={"format": "rows"}).get_json() == before
