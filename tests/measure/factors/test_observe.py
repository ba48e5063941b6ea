"""What counts in an observation, on floors small enough to reckon by hand."""

from __future__ import annotations

import numpy as np
import pytest

from butlr_grafana.measure.factor_observation import NO_HEAT, NO_PEOPLE, NO_ROOMS, NOT_WHOLE, observation
from butlr_grafana.model.factor import Observation, Unknown
from butlr_grafana.model.floor import Floor, Room
from butlr_grafana.model.queries import AssetSeries
from butlr_grafana.model.time import HOUR_S, Period
from tests.insight.floors import box, floor, grid, room

TWO_HOURS = Period(0, 2 * HOUR_S)
NAN = float("nan")

A, B = room("a", box(0, 0, 2, 2)), room("b", box(4, 0, 6, 2))
"""Two rooms of four cells; what is between them is corridor."""

IN_A, IN_B, CORRIDOR = (0, 0), (4, 1), (2, 0)


def means(where: Floor, **people: list[float]) -> list[AssetSeries]:
    """The mean people of rooms, hour by hour."""
    return [
        AssetSeries(
            where,
            f"room_{name}",
            name,
            np.arange(len(values)) * HOUR_S,
            {"value": np.array(values, np.float64)},
        )
        for name, values in people.items()
    ]


def observed(
    cells: dict[tuple[int, int], float],
    *rooms: Room,
    period: Period = TWO_HOURS,
    **people: list[float],
) -> Observation | Unknown:
    where = floor(*rooms)
    return observation(where, grid(cells), period, means(where, **people))


def test_detections_of_rooms_by_the_minutes_of_their_people() -> None:
    """Two people for an hour, three for another: 300 person-minutes; and one for an hour."""
    found = observed({IN_A: 30_000, IN_B: 6_000}, A, B, a=[2, 3], b=[0, 1])
    assert found == Observation("1970-01-01", 2.0, 36_000, 360)
    assert isinstance(found, Observation)
    assert found.per_person_minute == 100


def test_heat_outside_rooms_has_no_people_beside_it() -> None:
    assert observed({IN_A: 30_000, CORRIDOR: 1e9}, A, B, a=[2, 3]) == observed({IN_A: 30_000}, A, B, a=[2, 3])


@pytest.mark.parametrize(
    ("rooms", "people"),
    [
        ((A, B), {"a": [2, 3]}),
        ((A, B), {"a": [2, 3], "b": [NAN, NAN]}),
        ((A, B), {"a": [2, 3], "b": [NAN, 50]}),
        ((A, B), {"a": [2, 3], "b": [0, 0]}),
        ((A, room("b", None)), {"a": [2, 3], "b": [50, 50]}),
    ],
    ids=["no sensor", "offline", "offline for an hour", "nobody", "no outline"],
)
def test_a_room_is_left_out_on_both_sides(rooms: tuple[Room, ...], people: dict[str, list[float]]) -> None:
    found = observed({IN_A: 30_000, IN_B: 777_777}, *rooms, **people)
    assert found == Observation("1970-01-01", 2.0, 30_000, 300)


def test_a_cell_on_a_wall_is_shared_by_area_as_hot_zones_share_it() -> None:
    """Half of the cell lies in the room."""
    half = room("a", box(0, 0, 1.5, 2))
    found = observed({(1, 0): 12_000}, half, a=[0.5, 0.5])
    assert found == Observation("1970-01-01", 2.0, 6_000, 60)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (observed({IN_A: 1}, room("a", None), a=[2, 3]), NO_ROOMS),
        (observed({IN_A: 1}), NO_ROOMS),
        (observed({IN_A: 1}, A), NO_PEOPLE),
        (observed({IN_A: 1}, A, a=[NAN, 3]), NO_PEOPLE),
        (observed({IN_B: 1}, A, a=[2, 3]), NO_HEAT),
        (observed({}, A, a=[2, 3]), NO_HEAT),
        (observed({IN_A: 1}, A, a=[2, 3], period=Period(0, 3 * HOUR_S)), NOT_WHOLE),
        (observed({IN_A: 1}, A, a=[2, 3], period=Period(0, HOUR_S // 2)), NOT_WHOLE),
        (observed({IN_A: 1}, A, a=[2, 3], period=Period(60, 60 + HOUR_S)), NOT_WHOLE),
    ],
)
def test_it_says_why_there_is_none(found: Observation | Unknown, why: str) -> None:
    assert found == Unknown(why)


def test_few_people_are_said_with_their_number() -> None:
    found = observed({IN_A: 5_900}, A, a=[0.5, 0.483])
    assert isinstance(found, Unknown)
    assert "only 59 person-minutes" in found.why
    assert isinstance(observed({IN_A: 6_000}, A, a=[0.5, 0.5]), Observation)
    nobody = observed({IN_A: 6_000}, A, a=[0, 0])
    assert isinstance(nobody, Unknown)
    assert "only 0 person-minutes" in nobody.why


def test_only_the_hours_of_the_map_count() -> None:
    found = observed({IN_A: 12_000}, A, a=[7, 2, 9], period=Period(HOUR_S, 2 * HOUR_S))
    assert found == Observation("1970-01-01", 1.0, 12_000, 120)
