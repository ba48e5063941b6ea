"""Floors whose sensors give 60, 110 and 180 detections a person and minute, with heat in corridors too: each
factor, and people per m², as the people really were.
"""

from __future__ import annotations

from typing import Any

import pytest

from butlr_grafana.measure.factor_watch import IDLE_S
from butlr_grafana.model.factor import Factor, Unknown
from tests.dashboards.people import area_in_butlr_m2, has_sensor
from tests.measure.factors.rates import RATES, doors_only, with_rates
from tests.support import NEW_YORK, PARIS, PARIS_2, PEOPLE, World, at

YESTERDAY = {"from": "2026-06-15T22:00:00Z", "to": "2026-06-16T22:00:00Z"}
"""In Paris."""

ENOUGH = 60
"""Person-minutes: of fewer a tenth is less than what one person gives by chance."""

WITHIN = 0.1


def measure(world: World, steps: int = 40) -> None:
    for _ in range(steps):
        if world.application.factor_watch.step() == IDLE_S:
            return
    raise AssertionError("it goes on and on")


def rows(world: World, target: str = "hot-zones", **params: str) -> list[dict[str, Any]]:
    result = world.http.get(f"/api/v1/{target}", query_string={**YESTERDAY, "format": "rows", **params})
    assert result.status_code == 200, result.text
    found: list[dict[str, Any]] = result.get_json()
    return found


def truth_of_rooms(space: str) -> dict[str, tuple[float, float]]:
    """By room with a sensor that saw all day: person-minutes of the day, and people per m². Rooms that share
    ground with another are left out: nobody can tell whose people stand there.
    """
    floor = PEOPLE.office.by_id[space]
    start_s, end_s = at(YESTERDAY["from"]), at(YESTERDAY["to"])
    found = {}
    for index, room in enumerate(floor.rooms):
        if room.polygon and has_sensor(floor, room) and not PEOPLE.offline(room.id, start_s, end_s):
            minutes = float(PEOPLE.occupancy(space, index, start_s, end_s).sum())
            found[room.id] = (minutes, minutes / (24 * 60) / area_in_butlr_m2(floor, room))
    return found


@pytest.mark.parametrize("corridor", [0.0, 3.0])
def test_each_factor_and_people_per_m2_are_the_truth(world: World, corridor: float) -> None:
    with_rates(world, corridor=corridor)
    measure(world)
    for space, rate in RATES.items():
        factor = world.application.service.factors.of(space)
        assert isinstance(factor, Factor)
        assert factor.per_person_minute == pytest.approx(rate, rel=WITHIN)
    compared = set()
    for row in rows(world, space="all", unit="people"):
        minutes, per_m2 = truth_of_rooms(row["space"]).get(row["zone_id"], (0.0, 0.0))
        if minutes >= ENOUGH:
            assert row["people_per_m2"] == pytest.approx(per_m2, rel=WITHIN), row["zone"]
            assert row["person_hours"] == pytest.approx(minutes / 60, rel=WITHIN), row["zone"]
            compared.add(row["space"])
    assert compared == set(RATES)


def test_the_hottest_is_the_one_with_most_people_not_with_most_messages(world: World) -> None:
    """By detections New York's sensors, which speak three times as often, would go first in any case."""
    with_rates(world)
    measure(world)
    found = [row for row in rows(world, space="all") if row["people_per_m2"] is not None]
    by_people = [row["people_per_m2"] for row in found]
    assert by_people == sorted(by_people, reverse=True)
    assert [row["per_m2_hour"] for row in found] != sorted(
        (row["per_m2_hour"] for row in found), reverse=True
    )


def test_where_doors_only_are_counted_it_is_not_known_and_the_others_are(world: World) -> None:
    with_rates(world)
    doors_only(world, [PARIS_2])
    measure(world)
    factor_store = world.application.service.factors
    assert factor_store.of(PARIS_2) == Unknown(
        "no presence sensor counts people in a room whose outline is known"
    )
    for space in (PARIS, NEW_YORK):
        factor = factor_store.of(space)
        assert isinstance(factor, Factor)
        assert factor.per_person_minute == pytest.approx(RATES[space], rel=WITHIN)
    for row in rows(world, space="all", unit="people"):
        if row["space"] == PARIS_2:
            assert (row["people_per_m2"], row["person_hours"], row["hot"]) == (None, None, 0)
            assert row["reason"]
            assert row["has_data"] == (row["detections"] is not None)
        elif row["detections"] is not None:
            assert row["person_hours"] is not None
    # Those that are not known come last, whatever their detections.
    found = rows(world, space="all", unit="people")
    unknown = [row["rank"] for row in found if row["person_hours"] is None]
    assert min(unknown) > max(row["rank"] for row in found if row["person_hours"] is not None)


def test_it_costs_a_heat_map_and_the_people_of_a_day_a_floor(world: World) -> None:
    """Three calls, for the map's weeks begin at midnight of UTC; and nothing for a panel that asks the
    same.
    """
    world.http.get("/readyz")
    world.simulator.clear_calls()
    measure(world)
    assert len(world.simulator.calls) <= 3 * len(RATES)
    measured = world.calls
    assert world.spent(lambda: world.heat_map(PARIS, YESTERDAY["from"], YESTERDAY["to"])) == 0
    assert world.calls == measured
