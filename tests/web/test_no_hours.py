"""A time range in which none of the chosen hours lies: rooms have no data, and sensors are not to blame."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import PARIS, World

WEEKEND = {"from": "2026-06-13T06:00:00Z", "to": "2026-06-14T18:00:00Z"}
WORKING = {"hours": "08:00-18:00", "days": "mon-fri"}
NO_HOURS = "none of the chosen hours and days is in this time range"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


@pytest.mark.parametrize("target", ["utilization", "compare-utilization"])
def test_no_hour_of_the_time_range_counts(world: World, target: str) -> None:
    params = {"space": PARIS, "format": "rows", **WEEKEND, **WORKING}
    response = world.http.get(f"/api/v1/{target}", query_string=params)
    assert response.status_code == 200, response.get_data(as_text=True)
    reasons = {row["room"]: row["reason"] for row in response.get_json()}
    assert NO_HOURS in reasons.values()
    assert not [room for room, reason in reasons.items() if "offline" in reason]
