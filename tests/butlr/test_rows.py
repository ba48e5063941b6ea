"""Every form in which Butlr's reporting answers is read to the same rows; values here are invented."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from butlr_grafana.base.errors import UpstreamInvalid
from butlr_grafana.butlr.rows import rows_of

NO_PAGES = {"page": 1, "page_item_count": 0, "total_item_count": 0, "total_pages": 1}
EIGHT, NINE = "2030-01-07T08:00:00Z", "2030-01-07T09:00:00Z"


def row(value: float | None, time: str = NINE, **ids: str) -> dict[str, Any]:
    return {"field": "occupancy", "measurement": "occupancy", "time": time, "value": value, **ids}


def statistics(sum_: float, **others: float) -> dict[str, float]:
    return {"sum": sum_, "count": 2, "min": 1, "max": 2, "mean": sum_ / 2, "median": 1.5, **others}


def read(data: object, function: str = "sum") -> list[dict[str, Any]]:
    return rows_of(orjson.dumps({"data": data, "page_info": NO_PAGES}), function)


ROWS = [row(3, EIGHT, room_id="room_a"), row(2, NINE, room_id="room_a"), row(0, NINE, room_id="room_b")]


@pytest.mark.parametrize(
    "data",
    [
        ROWS,
        {"room_a": ROWS[:2], "room_b": ROWS[2:]},
        {"room_a": {EIGHT: ROWS[:1], NINE: ROWS[1:2]}, "room_b": {NINE: ROWS[2:]}},
        {
            "space_1": {
                "room_a": {EIGHT: {"occupancy": ROWS[:1]}, NINE: {"occupancy": ROWS[1:2]}},
                "x": ROWS[2:],
            }
        },
    ],
    ids=["flat", "by room", "by room and time", "four levels"],
)
def test_raw_rows_are_the_same_at_any_depth(data: object) -> None:
    assert read(data) == ROWS


def test_a_bare_list_is_rows_too() -> None:
    assert rows_of(orjson.dumps(ROWS)) == ROWS


def test_page_info_of_zeros_proves_nothing() -> None:
    assert len(read([row(1)] * 302)) == 302


@pytest.mark.parametrize("data", [[], {}, None, {"room_a": []}, {"room_a": {}}])
def test_nothing_is_no_row(data: object) -> None:
    assert read(data) == []


def test_statistics_are_rows_of_the_function_requested() -> None:
    data = {
        "2030-01-07T08:00:00": {"in": statistics(12, max=11), "out": statistics(9)},
        NINE: {"in": statistics(4, data_incomplete=True)},
    }
    assert [(r["time"], r["field"], r["value"]) for r in read(data)] == [
        ("2030-01-07T08:00:00", "in", 12),
        ("2030-01-07T08:00:00", "out", 9),
        (NINE, "in", 4),
    ]
    assert [r["value"] for r in read(data, "max")] == [11, 2, 2]
    assert [r.get("data_incomplete") for r in read(data)] == [None, None, True]


def test_statistics_know_their_places_by_the_keys_above() -> None:
    data = {"room_a": {"zone_b": {"sensor_c": {EIGHT: {"aggregator_occupancy": statistics(3)}}}}}
    [found] = read(data)
    assert (found["room_id"], found["zone_id"], found["sensor_id"]) == ("room_a", "zone_b", "sensor_c")
    assert (found["time"], found["value"]) == (EIGHT, 3)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"<html>", "not JSON"),
        (b'{"rows": []}', "no data"),
        (b'{"data": 7}', "int where rows were expected"),
        (b'{"data": [7]}', "a list whose items are not rows"),
        (b'{"data": [{"time": "2030-01-07T08:00:00Z"}]}', "a list whose items are not rows"),
        (b'{"data": {"room_a": {"sum": 1, "count": 1}}}', "statistics without a time"),
        (b'{"data": {"room_a": "busy"}}', "str where rows were expected"),
        (b'{"data": {"room_a": null}}', "NoneType where rows were expected"),
        (b'{"data":' + b'{"a":' * 9 + b"[]" + b"}" * 10, "more than 8 levels"),
    ],
)
def test_an_unknown_form_is_refused_by_what_it_is(body: bytes, text: str) -> None:
    with pytest.raises(UpstreamInvalid) as caught:
        rows_of(body)
    assert text in caught.value.message


def test_statistics_without_the_function_requested_are_refused() -> None:
    with pytest.raises(UpstreamInvalid, match="statistics without p95"):
        read({NINE: {"in": statistics(4)}}, "p95")
