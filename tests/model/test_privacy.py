"""Small rooms as one: the topology, the cells, the series, on floors small enough to reckon by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from butlr_grafana.model.chunk import Samples, SeriesSubject
from butlr_grafana.model.floor import Building, Floor, Room, Topology, Zone
from butlr_grafana.model.privacy import SUM_ID, guarded, queryable_rooms, sum_of, visible, with_sums, withheld
from butlr_grafana.model.queries import SeriesQuery
from butlr_grafana.model.time import Period
from tests.insight.floors import box, grid

pytestmark = pytest.mark.fast


def room(name: str, capacity: int | None, left: float | None = None, *, online: bool | None = True) -> Room:
    """A room of 2 x 2 m from `left` on, or one that was never drawn."""
    polygon = None if left is None else box(left, 0, left + 2, 2)
    area_m2 = None if left is None else 4.0
    return Room(name, name.title(), "f", "office", polygon, capacity, area_m2, (name,), online)


def floor(*rooms: Room, zones: tuple[Zone, ...] = ()) -> Floor:
    return Floor("f", "Floor", Building("b", "House", "Site"), "UTC", rooms=rooms, zones=zones)


def guarded_floor(of: Floor, min_capacity: int) -> Floor:
    return guarded(Topology({"f": of}), min_capacity).floors["f"]


BOOTH, CELL, HALL, STORE = room("booth", 1, 0), room("cell", 2, 2), room("hall", 3, 4), room("store", None, 6)


def test_rooms_of_a_smaller_known_capacity_become_one() -> None:
    found = guarded_floor(floor(BOOTH, HALL, CELL, STORE), 3)
    assert [r.id for r in found.rooms] == ["hall", "store", SUM_ID]
    together = sum_of(found)
    assert together is not None
    assert together.name == "Rooms for fewer than 3 people (2)"
    assert (together.capacity, together.area_m2, together.online) == (3, 8.0, True)
    assert (together.tags, together.polygon, together.type) == ((), None, None)
    assert together.members == (BOOTH, CELL)
    assert withheld(together) == ""
    assert queryable_rooms(found) == [HALL, STORE, together]


@pytest.mark.parametrize("min_capacity", [0, 1])
def test_a_floor_without_small_rooms_stays_as_it_is(min_capacity: int) -> None:
    whole = floor(BOOTH, HALL, CELL, STORE)
    assert guarded_floor(whole, min_capacity) is whole
    assert sum_of(whole) is None


def test_of_one_small_room_nothing_is_told() -> None:
    found = guarded_floor(floor(BOOTH, HALL), 2)
    together = sum_of(found)
    assert together is not None
    assert (together.capacity, together.area_m2) == (None, None)
    assert "of one room only" in withheld(together)
    assert queryable_rooms(found) == [HALL]


def test_what_is_not_known_of_all_is_not_known_of_the_sum() -> None:
    together = sum_of(guarded_floor(floor(BOOTH, room("nook", 1), room("den", 2, 8, online=None)), 3))
    assert together is not None
    assert (together.area_m2, together.online) == (None, None)
    offline = sum_of(
        guarded_floor(floor(BOOTH, replace(CELL, online=False), room("den", 2, 8, online=None)), 3)
    )
    assert offline is not None
    assert offline.online is False


def test_zones_in_small_rooms_become_one_too() -> None:
    """Also one that lies there without saying so; one that lies elsewhere stays."""
    zones = (
        Zone("desk", "Desk", "f", "booth", box(0, 0, 1, 1)),
        Zone("spot", "Spot", "f", None, box(2.2, 0, 4.2, 2)),
        Zone("bench", "Bench", "f", None, box(3.8, 0, 5.8, 2)),
        Zone("door", "Door", "f", "booth", None),
    )
    found = guarded_floor(floor(BOOTH, CELL, HALL, zones=zones), 3)
    assert [z.id for z in found.zones] == ["bench", SUM_ID]
    together = found.zones[-1]
    assert together.name == "Zones in rooms for fewer than 3 people (3)"
    assert [(z.id, z.room_id) for z in together.members] == [
        ("desk", "booth"),
        ("spot", "cell"),
        ("door", "booth"),
    ]
    assert withheld(together) == ""
    alone = guarded_floor(floor(BOOTH, CELL, HALL, zones=(zones[0], zones[3])), 3).zones[-1]
    assert "one room" in withheld(alone), "two zones of one room are that room"


def test_cells_in_small_rooms_are_hidden_and_their_detections_stay_in_the_total() -> None:
    cells = {(0, 0): 1.0, (1, 1): 2.0, (2, 0): 4.0, (4, 0): 8.0, (9, 9): 16.0}
    shown, hidden = visible(grid(cells), guarded_floor(floor(BOOTH, CELL, HALL), 3))
    assert list(zip(shown.ix.tolist(), shown.iy.tolist(), strict=True)) == [(4, 0), (9, 9)]
    assert (shown.total, hidden) == (24.0, 7.0)
    assert visible(grid(cells), floor(BOOTH, CELL, HALL))[1] == 0.0


# --- series -----------------------------------------------------------------------------------------------

NAN = float("nan")


def samples(**series: list[float]) -> Samples:
    """Values from instant 0 on, one a minute; `booth_in` is the field `in` of the booth."""
    names = [(name.removesuffix("_in"), "in" if name.endswith("_in") else "value") for name in series]
    values = list(series.values())
    return Samples(
        tuple(names),
        np.repeat(np.arange(len(values), dtype=np.int32), [len(v) for v in values]),
        np.concatenate([np.arange(len(v), dtype=np.int64) * 60 for v in values]),
        np.concatenate([np.array(v, np.float64) for v in values]),
    )


def query(
    of: Floor,
    *,
    measurement: str = "room_occupancy",
    function: str = "mean",
    every: str = "1h",
    level: str = "room",
) -> SeriesQuery:
    base = SeriesSubject(measurement, level, every, function, "UTC")
    return SeriesQuery("occupancy", of, Period(0, 3600), every, "mean", level, base)


def by_series(found: Samples) -> dict[tuple[str, str], dict[int, float]]:
    return {
        series: dict(
            zip(found.start_s[found.index == k].tolist(), found.value[found.index == k].tolist(), strict=True)
        )
        for k, series in enumerate(found.series)
        if (found.index == k).any()
    }


def test_samples_of_small_rooms_are_added_up_and_taken_out() -> None:
    of = guarded_floor(floor(BOOTH, CELL, HALL), 3)
    found = by_series(with_sums(samples(booth=[1, 0], hall=[5, 6], cell=[2, 2]), query(of)))
    assert found == {("hall", "value"): {0: 5, 60: 6}, (SUM_ID, "value"): {0: 3, 60: 2}}


def test_a_sum_without_one_of_its_rooms_is_not_told() -> None:
    of = guarded_floor(floor(BOOTH, CELL, HALL), 3)
    found = by_series(with_sums(samples(booth=[1, NAN, 1], cell=[2, 2], hall=[5]), query(of)))
    assert found == {("hall", "value"): {0: 5}, (SUM_ID, "value"): {0: 3}}
    assert by_series(with_sums(samples(booth=[1, 1]), query(of))) == {}
    doors = samples(booth_in=[1, 1], booth=[1, 1], cell=[2, 2])
    assert set(by_series(with_sums(doors, query(of)))) == {(SUM_ID, "value")}


@pytest.mark.parametrize(
    ("params", "is_shown"),
    [
        ({"function": "mean"}, True),
        ({"function": "sum", "measurement": "traffic"}, True),
        ({"function": "first"}, True),
        ({"function": "max"}, False),
        ({"function": "median"}, False),
        ({"function": "min"}, False),
        ({"function": "median", "every": "1m"}, True),
        ({"function": "sum", "measurement": "presence"}, False),
        ({"function": "sum", "measurement": "presence", "every": "1m"}, False),
    ],
)
def test_only_what_adds_up_is_added(params: dict[str, str], is_shown: bool) -> None:
    of = guarded_floor(floor(BOOTH, CELL, HALL), 3)
    found = by_series(with_sums(samples(booth=[1], cell=[2]), query(of, **params)))
    assert found == ({(SUM_ID, "value"): {0: 3}} if is_shown else {})


def test_of_one_small_room_no_series_is_told() -> None:
    of = guarded_floor(floor(BOOTH, HALL), 2)
    assert set(by_series(with_sums(samples(booth=[1], hall=[2]), query(of)))) == {("hall", "value")}


def test_a_floors_own_series_are_left_alone() -> None:
    of = guarded_floor(floor(BOOTH, CELL), 3)
    assert by_series(with_sums(samples(f=[7]), query(of, level="floor"))) == {("f", "value"): {0: 7}}


def test_zones_in_small_rooms_are_added_up() -> None:
    zones = (
        Zone("desk", "Desk", "f", "booth", box(0, 0, 1, 1)),
        Zone("spot", "Spot", "f", "cell", box(2, 0, 3, 1)),
    )
    of = guarded_floor(floor(BOOTH, CELL, HALL, zones=zones), 3)
    found = by_series(with_sums(samples(desk=[1], spot=[2]), query(of, level="zone")))
    assert found == {(SUM_ID, "value"): {0: 3}}
