"""Who came and who went, where a door's sensor has copies, is offline, or was replaced."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from butlr_grafana.model.chunk import Samples, SeriesSubject
from butlr_grafana.model.doors import door_key, doors_by_room, entrances, traffic
from butlr_grafana.model.floor import Building, Floor, Room
from butlr_grafana.model.sensors import Sensor, VirtualRule, device_part, kind_of, one_per_device
from butlr_grafana.model.time import Period
from tests.support import at

pytestmark = pytest.mark.fast

START_S = at("2030-01-07T08:00")
HOURS = Period(START_S, START_S + 3 * 3600)
HOURLY = SeriesSubject("traffic", "sensor", "1h", "sum", "Europe/Paris")

LOBBY_DOOR = Sensor("s_lobby", "Lobby door", "AA-BB-CC-01", "traffic", "lobby", online=True)
ENTRANCE = Sensor("s_front", "Front", "AA-BB-CC-02", "traffic", "lobby", is_entrance=True, online=True)
CLONE = Sensor("s_clone", "Front for the kitchen", "fa-ke-CC-02", "traffic", "kitchen", online=True)
MIRROR = Sensor("s_mirror", "Lobby, other way", "mi-rr-or-AA-BB-CC-01", "traffic", "lobby", online=False)


def floor(*sensors: Sensor, rule: VirtualRule = "by-place") -> Floor:
    rooms = tuple(Room(name, name.title(), "f") for name in ("lobby", "kitchen", "office"))
    return Floor(
        "f",
        "First",
        Building("b", "B", "S"),
        "Europe/Paris",
        rooms=rooms,
        sensors=sensors,
        virtual_sensors=rule,
    )


def rows(*reported: tuple[Sensor, str, int, float]) -> Samples:
    """Rows of sensors: which, `in` or `out`, in which hour, how many. They name the sensor's room."""
    series = [
        (door_key(sensor.room_id or "", sensor.id, sensor.mac), field) for sensor, field, _, _ in reported
    ]
    return Samples(
        tuple(series),
        np.arange(len(series), dtype=np.int32),
        np.array([START_S + 3600 * hour for _, _, hour, _ in reported], np.int64),
        np.array([value for *_, value in reported], np.float64),
    )


def counted(of: Floor, level: str, samples: Samples) -> dict[str, list[list[float]]]:
    """By place its `in` and `out`, an hour each; -1 is a gap."""
    found = traffic(samples, of, level, HOURLY, HOURS)
    places: dict[str, list[list[float]]] = {}
    for number, (place, _) in enumerate(found.series):
        values = np.nan_to_num(found.value[found.index == number], nan=-1.0).tolist()
        places.setdefault(place, []).append(values)
    return places


@pytest.mark.parametrize(
    ("mac", "kind", "tail"),
    [
        ("AA-BB-CC-01", "physical", "cc-01"),
        ("AA:BB:CC:01", "physical", "cc-01"),
        ("fa-ke-CC-01", "clone", "cc-01"),
        ("mi-rr-or-AA-BB-CC-01", "mirror", "cc-01"),
        ("", "physical", ""),
    ],
)
def test_copies_are_told_by_their_address(mac: str, kind: str, tail: str) -> None:
    assert (kind_of(mac), device_part(mac)) == (kind, tail)


def test_at_one_place_a_device_counts_once() -> None:
    clone_here = replace(CLONE, room_id="lobby")
    assert one_per_device([MIRROR, LOBBY_DOOR, ENTRANCE, clone_here], "by-place") == (LOBBY_DOOR, ENTRANCE)
    assert one_per_device([MIRROR, CLONE], "by-place") == (MIRROR, CLONE)
    assert one_per_device([MIRROR, CLONE], "drop") == ()


def test_sensors_without_an_address_are_each_their_own() -> None:
    first, second = Sensor("a", "A", ""), Sensor("b", "B", "")
    assert one_per_device([first, second], "by-place") == (first, second)


def test_a_floors_traffic_is_that_of_its_entrances_though_rows_name_rooms() -> None:
    samples = rows((ENTRANCE, "in", 0, 4), (LOBBY_DOOR, "in", 0, 9), (ENTRANCE, "out", 2, 1))
    assert counted(floor(ENTRANCE, LOBBY_DOOR), "floor", samples) == {"f": [[4, 0, 0], [0, 0, 1]]}


def test_a_rooms_traffic_is_that_of_all_its_sensors() -> None:
    samples = rows((ENTRANCE, "in", 0, 4), (LOBBY_DOOR, "in", 0, 9))
    assert counted(floor(ENTRANCE, LOBBY_DOOR), "room", samples) == {"lobby": [[13, 0, 0], [0, 0, 0]]}


def test_a_clone_counts_in_its_own_room_and_a_mirror_not_beside_its_original() -> None:
    samples = rows(
        (LOBBY_DOOR, "out", 1, 2), (MIRROR, "in", 1, 2), (ENTRANCE, "in", 0, 3), (CLONE, "in", 0, 3)
    )
    everything = floor(LOBBY_DOOR, MIRROR, ENTRANCE, CLONE)
    assert counted(everything, "room", samples) == {
        "lobby": [[3, 0, 0], [0, 2, 0]],
        "kitchen": [[3, 0, 0], [0, 0, 0]],
    }
    dropped = replace(everything, virtual_sensors="drop")
    assert counted(dropped, "room", samples) == {"lobby": [[3, 0, 0], [0, 2, 0]]}


def test_a_floor_whose_only_entrance_is_a_clone_counts_it_unless_copies_are_dropped() -> None:
    only = replace(CLONE, is_entrance=True)
    samples = rows((only, "in", 1, 5))
    assert counted(floor(only), "floor", samples) == {"f": [[0, 5, 0], [0, 0, 0]]}
    assert counted(floor(only, rule="drop"), "floor", samples) == {}


def test_a_floor_without_entrances_has_no_traffic_rather_than_none() -> None:
    assert counted(floor(LOBBY_DOOR), "floor", rows((LOBBY_DOOR, "in", 0, 9))) == {}
    assert entrances(floor(LOBBY_DOOR)) == ()


def test_a_window_without_rows_is_nobody_where_the_sensors_work() -> None:
    assert counted(floor(LOBBY_DOOR), "room", rows()) == {"lobby": [[0, 0, 0], [0, 0, 0]]}
    assert counted(floor(LOBBY_DOOR), "floor", rows()) == {}


def test_after_its_last_sensor_went_silent_a_place_has_gaps() -> None:
    silent = replace(LOBBY_DOOR, online=False, last_heartbeat_s=START_S + 4000)
    samples = rows((silent, "in", 0, 2))
    # In the second hour it was heard for a while; in the third not at all.
    assert counted(floor(silent), "room", samples) == {"lobby": [[2, 0, -1], [0, 0, -1]]}
    assert counted(floor(silent, ENTRANCE), "room", samples) == {"lobby": [[2, 0, 0], [0, 0, 0]]}


def test_what_came_although_the_sensor_reads_offline_counts() -> None:
    """A mirror was seen to read offline for weeks while it counted."""
    alone = replace(MIRROR, last_heartbeat_s=START_S - 10**6)
    assert counted(floor(alone), "room", rows((alone, "in", 1, 7))) == {"lobby": [[-1, 7, -1], [-1, 0, -1]]}


def test_an_unknown_value_makes_its_window_a_gap() -> None:
    samples = rows((LOBBY_DOOR, "in", 0, float("nan")), (ENTRANCE, "in", 0, 2))
    assert counted(floor(LOBBY_DOOR, ENTRANCE), "room", samples) == {"lobby": [[-1, 0, 0], [0, 0, 0]]}


def test_a_sensor_that_was_replaced_still_counts_where_it_was() -> None:
    old = Sensor("s_old", "", "AA-BB-DD-99", "traffic", "lobby")
    samples = rows((old, "in", 0, 6), (LOBBY_DOOR, "in", 2, 1))
    assert counted(floor(LOBBY_DOOR), "room", samples) == {"lobby": [[6, 0, 1], [0, 0, 0]]}


def test_where_butlr_lists_no_sensors_rooms_are_counted_by_what_rows_say() -> None:
    unlisted = replace(floor(), sensors=None)
    samples = rows((LOBBY_DOOR, "in", 0, 3), (MIRROR, "out", 0, 3))
    assert counted(unlisted, "room", samples) == {"lobby": [[3, 0, 0], [0, 0, 0]]}


def test_rooms_with_doors_are_those_of_sensors_that_count() -> None:
    assert doors_by_room(floor(LOBBY_DOOR, MIRROR, CLONE)) == {"lobby": (LOBBY_DOOR,), "kitchen": (CLONE,)}
    assert doors_by_room(floor(LOBBY_DOOR, CLONE, rule="drop")) == {"lobby": (LOBBY_DOOR,)}
