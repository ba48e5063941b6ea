"""The question to Butlr's metrics, and its rows as samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.metrics import request_body, samples
from butlr_grafana.model.chunk import Samples, SeriesSubject
from butlr_grafana.model.doors import door_key
from butlr_grafana.model.time import Period, iso
from tests.support import at

HOURS = Period(at("2030-01-07T08:00"), at("2030-01-07T11:00"))
ROOMS = SeriesSubject("room_occupancy", "room", "1h", "mean", "Europe/Paris", ("room_a", "room_b"))
FLOOR = SeriesSubject("floor_occupancy", "floor", "1h", "mean", "Europe/Paris")
DOORS = SeriesSubject("traffic", "sensor", "1h", "sum", "Europe/Paris")


def row(hour: int, value: object, **others: Any) -> dict[str, Any]:
    """A row labelled with the end of its window, with internal names and empty ids, as Butlr's are."""
    return {
        "field": "aggregator_occupancy",
        "measurement": "aggregator_headcount",
        "time": f"2030-01-07T{hour:02d}:00:00Z",
        "start": "2030-01-07T08:00:00Z",
        "stop": "2030-01-07T11:00:00Z",
        "value": value,
        "preprocessed": False,
        "timezone_offset": "1h",
        "space_id": "space_1",
        "room_id": "",
        "zone_id": "",
        "sensor_id": "",
        **others,
    }


def reported(found: Samples) -> dict[tuple[str, str, str], float]:
    """By asset, field and the window's beginning."""
    return {
        (*found.series[i], iso(start_s)[11:13]): value
        for i, start_s, value in zip(
            found.index.tolist(), found.start_s.tolist(), found.value.tolist(), strict=True
        )
    }


def read(rows: list[dict[str, Any]], subject: SeriesSubject = ROOMS) -> Samples:
    return samples(rows, "space_1", subject, HOURS)


def test_one_measurement_a_call_without_grouping_or_pages() -> None:
    assert request_body(ROOMS, HOURS, ROOMS.items) == {
        "window": {"every": "1h", "function": "mean", "timezone": "Europe/Paris"},
        "filter": {
            "start": "2030-01-07T08:00:00Z",
            "stop": "2030-01-07T11:00:00Z",
            "measurements": ["room_occupancy"],
            "value": {"gte": 0},
            "rooms": {"eq": ["room_a", "room_b"]},
        },
        "options": {"format": "json", "timestamp": "RFC3339"},
    }


def test_floors_and_their_doors_are_requested_by_the_floor() -> None:
    for subject in (FLOOR, DOORS):
        requested: Any = request_body(subject, HOURS, ("space_1",))
        assert requested["filter"]["spaces"] == {"eq": ["space_1"]}
        assert "rooms" not in requested["filter"]


def test_empty_windows_are_requested_of_movements_only() -> None:
    """A filled window of people could be an offline sensor's."""
    assert request_body(DOORS, HOURS, ("space_1",))["window"]["create_empty"] is True  # type: ignore[index]
    assert "create_empty" not in request_body(ROOMS, HOURS, ("room_a",))["window"]  # type: ignore[operator]


@pytest.mark.parametrize("measurement", ["traffic_room_occupancy", "traffic_floor_occupancy"])
def test_calibrated_is_a_text_and_requested_where_it_belongs(measurement: str) -> None:
    subject = SeriesSubject(measurement, "room", "1m", "median", "Europe/Paris", ("room_a",))
    assert request_body(subject, HOURS, ("room_a",))["filter"]["calibrated"] == "true"  # type: ignore[index]
    for other in (ROOMS, FLOOR, DOORS):
        assert "calibrated" not in request_body(other, HOURS, ("space_1",))["filter"]  # type: ignore[operator]


def test_rows_are_matched_by_place_and_window_in_any_order() -> None:
    found = read([row(11, 5, room_id="room_b"), row(9, 1.5, room_id="room_a"), row(10, 0, room_id="room_b")])
    assert reported(found) == {
        ("room_b", "value", "10"): 5.0,
        ("room_a", "value", "08"): 1.5,
        ("room_b", "value", "09"): 0.0,
    }


def test_rows_that_name_no_place_are_of_the_only_one_requested() -> None:
    only = SeriesSubject("room_occupancy", "room", "1h", "mean", "Europe/Paris", ("room_a",))
    assert reported(read([row(9, 2)], only)) == {("room_a", "value", "08"): 2.0}
    assert reported(read([row(9, 2, space_id="")], FLOOR)) == {("space_1", "value", "08"): 2.0}
    with pytest.raises(UpstreamInvalid, match="without a room"):
        read([row(9, 2)])


@pytest.mark.parametrize(
    ("subject", "place"),
    [(ROOMS, {"room_id": "room_z"}), (FLOOR, {"space_id": "space_9"})],
)
def test_a_place_that_was_not_requested_is_a_fault(subject: SeriesSubject, place: dict[str, str]) -> None:
    with pytest.raises(UpstreamInvalid, match=f"{next(iter(place.values()))}.*not requested"):
        read([row(9, 2, **place)], subject)


def test_the_same_row_twice_is_one_row() -> None:
    twice = row(9, 2, room_id="room_a")
    assert reported(read([twice, dict(twice)])) == {("room_a", "value", "08"): 2.0}


def test_two_values_of_one_row_are_a_fault_that_names_it() -> None:
    with pytest.raises(UpstreamInvalid, match=r"two values for one row: time 2030-01-07T09.*room_id room_a"):
        read([row(9, 2, room_id="room_a"), row(9, 3, room_id="room_a")])


def test_two_rows_in_one_window_are_a_fault() -> None:
    """Two sensors' rows of one room's people: adding them would be a guess."""
    with pytest.raises(UpstreamInvalid, match="two rows for the window 2030-01-07T08:00:00Z"):
        read([row(9, 2, room_id="room_a", sensor_id="s1"), row(9, 2, room_id="room_a", sensor_id="s2")])


def test_a_calibrated_row_has_another_window_than_the_row_with_the_same_label() -> None:
    """It is labelled with the start, the other one with the end."""
    found = read([row(9, 2, room_id="room_a"), row(9, 3, room_id="room_a", preprocessed=True)])
    assert reported(found) == {("room_a", "value", "08"): 2.0, ("room_a", "value", "09"): 3.0}


def test_what_butlr_calls_incomplete_is_a_gap_and_counted() -> None:
    found = read(
        [
            row(9, 0, room_id="room_a", data_incomplete=True, null_percentage=0.4),
            row(10, None, room_id="room_a"),
            row(11, 4, room_id="room_a", data_incomplete=False, null_percentage=0.1),
        ]
    )
    assert np.isnan(found.value[:2]).all()
    assert found.value[2] == 4
    assert found.incomplete == 1


@pytest.mark.parametrize("value", [-1, "3", True, 2.0**60, {}])
def test_a_value_that_cannot_be_is_a_fault(value: object) -> None:
    with pytest.raises(UpstreamInvalid, match="contain the value"):
        read([row(9, value, room_id="room_a")])


def test_traffic_is_of_sensors_and_windows_of_nobody_are_left_out() -> None:
    door = {"room_id": "room_a", "sensor_id": "sensor_1", "mac_address": "AA-BB-01"}
    found = read(
        [row(9, 2, field="in", **door), row(9, 1, field="out", **door), row(10, 0, field="in", **door)], DOORS
    )
    key = door_key("room_a", "sensor_1", "AA-BB-01")
    assert reported(found) == {(key, "in", "08"): 2.0, (key, "out", "08"): 1.0}


@pytest.mark.parametrize("odd", [{"field": []}, {"room_id": 7}, {"hive_id": {}}, {"time": ["x"]}])
def test_a_row_whose_names_are_no_texts_is_a_fault(odd: dict[str, Any]) -> None:
    with pytest.raises(UpstreamInvalid, match="is not a text"):
        read([row(9, 2, **{"room_id": "room_a", **odd})])


def test_traffic_that_is_neither_in_nor_out_is_a_fault() -> None:
    with pytest.raises(UpstreamInvalid, match="'through', which is neither in nor out"):
        read([row(9, 2, field="through", sensor_id="sensor_1")], DOORS)
