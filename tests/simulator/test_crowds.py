"""A crowd on request: the same people on the heat map, in the counts, at the doors and in the truth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import requests

from butlr_grafana.simulator import People, Simulator, default_office
from tests.support import HANG_S

LARGEST, MEETING, FAILING = "space_paris_1", "room_paris_1_meeting_room_1", "room_paris_1_project_room"
Report = Callable[..., Any]


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


START, STOP = at("2025-06-10T10:10:00Z"), at("2025-06-10T10:40:00Z")
DAY = (at("2025-06-10T00:00Z"), at("2025-06-11T00:00Z"))
MIDNIGHT = at("2025-06-10T22:00Z")  # on the floor's clock


@pytest.fixture
def people(people: People) -> Iterator[People]:
    yield people
    people.clear_crowds()


def index_of(people: People, room_id: str) -> int:
    return [room.id for room in people.office.by_id[LARGEST].rooms].index(room_id)


def truth(people: People) -> list[list[list[float]]]:
    """All that is known of a day."""
    stays = people.stays(LARGEST, *DAY)
    columns = [
        *(getattr(stays, name) for name in ("person", "room", "x_m", "y_m", "start_s", "stop_s", "phase_s")),
        *people.detections(LARGEST, *DAY),
        *people.crossings(LARGEST, *DAY),
        *people.count(LARGEST, "people", *DAY),
        *people.count(LARGEST, "occupied_s", *DAY),
    ]
    return [column.tolist() for column in columns]


def test_so_many_more_are_counted_while_it_lasts(people: People) -> None:
    room = index_of(people, MEETING)
    rows = (0, 1 + room)
    before = people.count(LARGEST, "people", *DAY)
    calm = [people.occupancy(LARGEST, k, *DAY) for k in (None, room)]
    people.crowd(LARGEST, MEETING, 50, START, STOP)
    extra = people.count(LARGEST, "people", *DAY) - before
    expected = np.zeros_like(extra)
    first, last = (START - DAY[0]) // 60, (STOP - DAY[0]) // 60
    expected[rows, first:last] = 50
    assert extra.tolist() == expected.tolist()
    crowded = [people.occupancy(LARGEST, k, *DAY) for k in (None, room)]
    assert [(a - b).tolist() for a, b in zip(crowded, calm, strict=True)] == [expected[0].tolist()] * 2


def test_they_come_by_the_doors_and_sit_in_the_room(people: People) -> None:
    room = index_of(people, MEETING)
    steps = [people.count(LARGEST, what, *DAY) for what in ("entered", "left")]
    seen = len(people.detections(LARGEST, *DAY)[0])
    people.crowd(LARGEST, MEETING, 12, START, STOP)
    for before, what, when in zip(steps, ("entered", "left"), (START, STOP), strict=True):
        extra = people.count(LARGEST, what, *DAY) - before  # type: ignore[arg-type]
        minute = (when - DAY[0]) // 60
        assert extra[(0, 1 + room), minute].tolist() == [12, 12]
        assert extra.sum() == 24
    t_s, x_m, y_m = people.detections(LARGEST, *DAY)
    assert len(t_s) - seen == 12 * 30
    stays = people.stays(LARGEST, START, STOP)
    crowd = stays.take(stays.person >= 1_000_000)
    assert len(set(crowd.person.tolist())) == len(crowd) == 12
    assert set(crowd.room.tolist()) == {room}
    assert ((x_m >= 15) & (x_m < 21) & (y_m < 6) & (t_s >= START) & (t_s < STOP)).sum() >= 12 * 30
    assert (np.diff(t_s) >= 0).all()


def test_everything_is_as_before_once_it_is_cleared(people: People) -> None:
    before = truth(people)
    crowd = people.crowd(LARGEST, MEETING, 5, START, STOP)
    assert people.crowds == (crowd,)
    crowded = truth(people)
    assert crowded != before
    people.clear_crowds()
    assert (people.crowds, truth(people)) == ((), before)
    people.crowd(LARGEST, MEETING, 5, START, STOP)
    assert truth(people) == crowded == truth(fresh_with_a_crowd())


def fresh_with_a_crowd() -> People:
    fresh = People(default_office())
    fresh.crowd(LARGEST, MEETING, 5, START, STOP)
    return fresh


def test_the_others_do_as_they_always_did(people: People) -> None:
    stays = people.stays(LARGEST, *DAY)
    detections = set(zip(*(column.tolist() for column in people.detections(LARGEST, *DAY)), strict=True))
    other_floor = people.detections("space_paris_2", *DAY)[1].tolist()
    people.crowd(LARGEST, MEETING, 30, START, STOP)
    crowded = people.stays(LARGEST, *DAY)
    regulars = crowded.take(crowded.person < 1_000_000)
    assert regulars.start_s.tolist() == stays.start_s.tolist()
    assert regulars.person.tolist() == stays.person.tolist()
    assert detections < set(
        zip(*(column.tolist() for column in people.detections(LARGEST, *DAY)), strict=True)
    )
    assert people.detections("space_paris_2", *DAY)[1].tolist() == other_floor


def test_crowds_add_up(people: People) -> None:
    room = index_of(people, MEETING)
    before = people.occupancy(LARGEST, room, START, STOP)
    people.crowd(LARGEST, MEETING, 3, START, STOP)
    people.crowd(LARGEST, MEETING, 4, START + 600, STOP)
    extra = people.occupancy(LARGEST, room, START, STOP) - before
    assert extra.tolist() == [3] * 10 + [7] * 20
    persons = people.stays(LARGEST, START, STOP).person
    assert len({person for person in persons.tolist() if person >= 1_000_000}) == 7


def test_a_crowd_may_stay_over_midnight(people: People) -> None:
    """It goes on sitting there: one way in, one way out, a detection a minute and person throughout."""
    room = index_of(people, MEETING)
    start_s, stop_s = MIDNIGHT - 3600, MIDNIGHT + 3600
    before = people.occupancy(LARGEST, room, start_s, stop_s)
    steps = [people.count(LARGEST, what, start_s - 60, stop_s + 60)[1 + room] for what in ("entered", "left")]
    people.crowd(LARGEST, MEETING, 6, start_s, stop_s)
    assert (people.occupancy(LARGEST, room, start_s, stop_s) - before).tolist() == [6] * 120
    entered, left = (
        people.count(LARGEST, what, start_s - 60, stop_s + 60)[1 + room] - calm  # type: ignore[arg-type]
        for what, calm in zip(("entered", "left"), steps, strict=True)
    )
    assert (entered.sum(), left.sum()) == (6, 6)
    assert (int(entered[1]), int(left[-1])) == (6, 6)


def test_a_sensor_that_is_offline_sees_no_crowd(people: People) -> None:
    [(since, until)] = people.offline(FAILING, at("2025-05-10T00:00Z"), at("2025-06-01T00:00Z"))
    seen = len(people.detections(LARGEST, since, until)[0])
    row = 1 + index_of(people, FAILING)
    before = people.count(LARGEST, "people", since - 600, since + 600)[row]
    people.crowd(LARGEST, FAILING, 9, since - 600, since + 600)
    extra = people.count(LARGEST, "people", since - 600, since + 600)[row] - before
    assert extra.tolist() == [9] * 10 + [0] * 10
    assert len(people.detections(LARGEST, since, until)[0]) == seen


def test_no_such_crowd(people: People) -> None:
    with pytest.raises(KeyError):
        people.crowd("space_atlantis", MEETING, 1, START, STOP)
    with pytest.raises(KeyError):
        people.crowd("space_paris_2", MEETING, 1, START, STOP)
    with pytest.raises(ValueError, match="at least one person"):
        people.crowd(LARGEST, MEETING, 0, START, STOP)
    with pytest.raises(ValueError, match="at least one second"):
        people.crowd(LARGEST, MEETING, 1, STOP, STOP)
    assert people.crowds == ()


def test_a_crowd_is_in_every_answer(simulator: Simulator, report: Report, people: People) -> None:
    def values(measurement: str, **params: Any) -> list[int]:
        params = {
            "start": "2025-06-10T10:00:00Z",
            "stop": "2025-06-10T11:00:00Z",
            "function": "sum",
            **params,
        }
        rows = report(measurement, create_empty=True, **params)["data"]
        return [row["value"] for row in sorted(rows, key=lambda row: row["field"])]

    def all_values() -> list[list[int]]:
        return [
            values("floor_occupancy", spaces=[LARGEST]),
            values("room_occupancy", rooms=[MEETING]),
            values("traffic_room_occupancy", rooms=[MEETING]),
            values("traffic_floor_occupancy", spaces=[LARGEST]),
            values("traffic", rooms=[MEETING]),
        ]

    before = all_values()
    simulator.crowd(LARGEST, MEETING, 20, START, STOP)
    extra = (np.concatenate(all_values()) - np.concatenate(before)).tolist()
    assert extra == [600, 600, 600, 600, 20, 20]
    assert values("room_presence_time_secs", rooms=[MEETING])[0] >= 1800
    simulator.clear_crowds()
    assert all_values() == before


def test_crowds_over_http(simulator: Simulator, people: People) -> None:
    """The clock stands at 2025-06-11T12:00Z."""
    url = f"{simulator.url}/_simulator/crowd"
    requested = {"floor": LARGEST, "room": MEETING, "people": 8, "minutes": 5}
    now = {
        "floor": LARGEST,
        "room": MEETING,
        "people": 8,
        "start": "2025-06-11T12:00:00+00:00",
        "stop": "2025-06-11T12:05:00+00:00",
    }
    assert requests.put(url, json=requested, timeout=HANG_S).json() == [now]
    later = requests.put(url, json={**requested, "start": "2025-06-11T15:00:00+02:00"}, timeout=HANG_S).json()
    assert later == requests.get(url, timeout=HANG_S).json()
    assert [crowd["start"] for crowd in later] == ["2025-06-11T12:00:00+00:00", "2025-06-11T13:00:00+00:00"]
    now_s = at("2025-06-11T12:00Z")
    assert len(people.crowds) == 2
    assert people.occupancy(LARGEST, index_of(people, MEETING), now_s, now_s + 300).min() >= 8
    assert requests.delete(url, timeout=HANG_S).json() == []
    assert (people.crowds, simulator.calls) == ((), [])


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("floor", "space_atlantis"),
        ("floor", None),
        ("room", "room_paris_2_canteen"),
        ("people", 0),
        ("people", 1.5),
        ("people", 1001),
        ("minutes", 0),
        ("minutes", "5"),
        ("start", "now"),
    ],
)
def test_a_wrong_crowd_over_http_is_none(simulator: Simulator, people: People, word: str, value: Any) -> None:
    requested = {"floor": LARGEST, "room": MEETING, "people": 8, "minutes": 5, word: value}
    response = requests.put(f"{simulator.url}/_simulator/crowd", json=requested, timeout=HANG_S)
    assert response.status_code == 400
    assert word in response.json()["details"]
    assert people.crowds == ()
