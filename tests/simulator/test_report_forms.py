"""The forms of a report: filters, order, pages, shapes, groups, and the words that are refused."""

from __future__ import annotations

import copy
import math
import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Simulator

LARGEST, MEETING, KITCHEN = "space_paris_1", "room_paris_1_meeting_room_1", "room_paris_1_kitchen"
Report = Callable[..., Any]


@pytest.mark.parametrize(
    ("filters", "rooms"),
    [
        ({"spaces": [LARGEST]}, 18),
        ({"spaces": [LARGEST, "space_paris_2"]}, 31),
        ({"rooms": [MEETING, KITCHEN]}, 2),
        ({"buildings": ["building_paris"]}, 31),
        ({"buildings": ["building_newyork"], "spaces": [LARGEST]}, 0),
        ({"spaces": ["space_atlantis"]}, 0),
        ({"zones": ["zone_paris_1_coffee_machine"]}, 0),
        ({}, 40),
    ],
)
def test_filters_leave_rows_that_pass_them_all(report: Report, filters: dict[str, Any], rooms: int) -> None:
    rows = report("room_occupancy", **filters)["data"]
    assert len({row["room_id"] for row in rows}) == rooms
    assert len(rows) == 24 * rooms


def test_small_values_can_be_left_out(report: Report) -> None:
    every = report("room_occupancy", function="max", spaces=[LARGEST])["data"]
    busy = report("room_occupancy", function="max", spaces=[LARGEST], value={"gte": 3})["data"]
    assert busy == [row for row in every if row["value"] >= 3] != []
    assert report("room_occupancy", function="max", spaces=[LARGEST], value={"gte": 0})["data"] == every


def test_whole_numbers_are_whole(report: Report) -> None:
    rows = report("room_occupancy", function="median", every="1m", stop="2025-06-10T08:00:00Z")["data"]
    assert {type(row["value"]) for row in rows} == {int}
    means = report("room_occupancy", spaces=[LARGEST])["data"]
    assert {type(row["value"]) for row in means} == {int, float}


@pytest.mark.parametrize(
    "order",
    [("time", "room_id", "field"), ("room_id", "time"), ("field", "room_name", "time"), ("time", "space_id")],
)
def test_rows_are_in_the_order_asked_for(report: Report, order: tuple[str, ...]) -> None:
    rows = report("room_occupancy", "traffic_room_occupancy", order=order)["data"]
    keys = [tuple(row[word] for word in order) for row in rows]
    assert keys == sorted(keys)
    assert len(rows) == (40 + 13) * 24


@pytest.mark.parametrize("raw", [True, False])
def test_pages_are_the_whole_in_parts(report: Report, raw: bool) -> None:
    """60 rows a room of 1-minute windows; grouped, a page holds so many of the innermost groups."""
    words = {"every": "1m", "stop": "2025-06-10T01:00:00Z", "spaces": [LARGEST], "raw": raw}
    whole = report("room_occupancy", **words)["data"]
    pages = [report("room_occupancy", page=page, limit=500, **words)["data"] for page in (1, 2, 3, 4)]

    def leaves(data: Any) -> list[Any]:
        if raw:
            return list(data)
        return [(a, b, c, data[a][b][c]) for a in data for b in data[a] for c in data[a][b]]

    assert [len(leaves(page)) for page in pages] == [500, 500, 80, 0]
    assert [leaf for page in pages for leaf in leaves(page)] == leaves(whole)


def test_a_page_has_a_thousand_rows_unless_told(client: requests.Session, simulator: Simulator) -> None:
    words = request()
    del words["paginate"], words["group_by"]
    words["window"]["every"] = "1m"
    rows = client.post(f"{simulator.url}/api/v3/reporting", json=words, timeout=10).json()["data"]
    assert len(rows) == 1000
    assert rows == sorted(rows, key=lambda row: row["time"]), "without group_by rows are raw, by time"


def test_every_shape_of_rows(report: Report, simulator: Simulator) -> None:
    words = {"function": "sum", "spaces": [LARGEST]}
    rows = report("traffic", **words)["data"]
    simulator.reporting_shape = "list"
    assert report("traffic", **words) == rows
    simulator.reporting_shape = "by_asset"
    by_asset: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        by_asset[row["room_id"] or LARGEST][row["time"]].append(row)
    assert report("traffic", **words) == by_asset
    assert report("traffic", rooms=["nowhere"]) == {}
    assert [row["field"] for row in by_asset[MEETING]["2025-06-10T09:00:00Z"]] == ["in", "out"]


def test_start_and_stop_of_rows(report: Report, simulator: Simulator) -> None:
    words = {"stop": "2025-06-10T02:00:00Z", "spaces": [LARGEST]}
    spans = [(row["start"], row["stop"]) for row in report("floor_occupancy", **words)["data"]]
    assert spans == [("2025-06-10T00:00:00Z", "2025-06-10T02:00:00Z")] * 2
    simulator.reporting_span = "window"
    spans = [(row["start"], row["stop"]) for row in report("floor_occupancy", **words)["data"]]
    assert spans == [
        ("2025-06-10T00:00:00Z", "2025-06-10T01:00:00Z"),
        ("2025-06-10T01:00:00Z", "2025-06-10T02:00:00Z"),
    ]


def test_an_unknown_form_is_refused(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="by_asset"):
        simulator.reporting_shape = "sideways"
    with pytest.raises(ValueError, match="window"):
        simulator.reporting_span = "ages"
    assert (simulator.reporting_shape, simulator.reporting_span) == ("data", "query")


def test_groups_have_the_figures_of_their_minutes(report: Report) -> None:
    """Asked for in minutes, the same values are grouped here by hand."""
    rows = report("traffic", every="1m", function="sum", rooms=[MEETING, KITCHEN])["data"]
    expected: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        expected[f"{row['time'][:13]}:00:00"][row["field"]].append(row["value"])
    groups = report("traffic", function="sum", rooms=[MEETING, KITCHEN], order=("time", "field"), raw=False)
    assert list(groups) == ["data"]
    assert list(groups["data"]) == [f"2025-06-10T{hour:02}:00:00" for hour in range(24)]
    for time, fields in groups["data"].items():
        assert list(fields) == ["in", "out"]
        for field, figures in fields.items():
            values = expected[time][field]
            assert figures == {
                "sum": sum(values),
                "min": min(values),
                "max": max(values),
                "count": 60,
                "mean": pytest.approx(statistics.fmean(values)),
                "median": statistics.median(values),
                "first": values[0],
                "last": values[-1],
            }
    assert max(fields["in"]["sum"] for fields in groups["data"].values()) > 5


def test_groups_in_another_order_and_over_many(report: Report) -> None:
    words = {"spaces": [LARGEST], "raw": False}
    by_room = report("room_occupancy", order=("room_id", "time"), **words)["data"]
    whole = report("room_occupancy", order=("space_name",), **words)["data"]
    assert list(by_room) == sorted(by_room)
    assert len(by_room) == 18
    total = sum(hour["sum"] for hours in by_room.values() for hour in hours.values())
    assert list(whole) == ["Paris, 1st floor"]
    assert (whole["Paris, 1st floor"]["sum"], whole["Paris, 1st floor"]["count"]) == (total, 18 * 1440)


def test_groups_without_data(report: Report) -> None:
    """The project room's sensor is offline; the floor has no room's id."""
    words = {
        "start": "2025-05-18T00:00:00Z",
        "stop": "2025-05-18T01:00:00Z",
        "raw": False,
        "order": ("time",),
    }
    project = {"rooms": ["room_paris_1_project_room"], **words}
    assert report("room_occupancy", **project) == {"data": {}}
    [figures] = report("room_occupancy", create_empty=True, **project)["data"].values()
    assert figures == {"count": 0, **dict.fromkeys(("sum", "min", "max", "mean", "median", "first", "last"))}
    words["order"] = ("room_id", "time")
    floor = report("floor_occupancy", spaces=[LARGEST], **words)["data"]
    assert list(floor) == [""]
    least = report("floor_occupancy", spaces=[LARGEST], value={"gte": 1}, **words)["data"]
    assert math.isclose(least[""]["2025-05-18T00:00:00"]["min"], 1)


def test_a_period_without_a_whole_minute_has_no_rows(report: Report) -> None:
    words = {"start": "2025-06-10T10:00:10Z", "stop": "2025-06-10T10:00:50Z"}
    assert report("floor_occupancy", **words) == {"data": []}
    assert report("floor_occupancy", raw=False, **words) == {"data": {}}


def request() -> dict[str, Any]:
    return {
        "window": {"every": "1h", "function": "mean", "timezone": "Europe/Paris", "create_empty": True},
        "filter": {
            "start": "2025-06-09T00:00:00Z",
            "stop": "2025-06-10T00:00:00Z",
            "measurements": ["room_occupancy"],
            "rooms": {"eq": [MEETING]},
            "value": {"gte": 0},
            "calibrated": "true",
        },
        "group_by": {"order": ["time", "room_id", "field"], "raw": True},
        "paginate": {"page": 1, "limit": 1000},
    }


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("window", ..., "window"),
        ("window.every", "5m", "window.every"),
        ("window.every", ["1m"], "window.every"),
        ("window.function", "p95", "window.function"),
        ("window.function", ..., "window.function"),
        ("window.timezone", "Paris", "window.timezone"),
        ("window.timezone", "Europe", "window.timezone"),
        ("window.timezone", "../zone", "window.timezone"),
        ("window.timezone", 1, "window.timezone"),
        ("window.create_empty", "true", "create_empty"),
        ("filter", [], "filter"),
        ("filter.start", "-7d", "filter.start"),
        ("filter.start", "2025-06-09", "filter.start"),
        ("filter.stop", ..., "filter.stop"),
        ("filter.stop", "2025-06-09T00:00:00Z", "filter.stop"),
        ("filter.measurements", ..., "filter.measurements"),
        ("filter.measurements", [], "filter.measurements"),
        ("filter.measurements", "room_occupancy", "filter.measurements"),
        ("filter.measurements", ["room_occupancy", "mood"], "mood"),
        ("filter.rooms", [MEETING], "filter.rooms"),
        ("filter.rooms", {"eq": MEETING}, "filter.rooms"),
        ("filter.rooms", {"ne": [MEETING]}, "filter.rooms"),
        ("filter.value", 0, "filter.value"),
        ("filter.value", {"gte": "0"}, "filter.value"),
        ("filter.value", {"lte": 1}, "filter.value"),
        ("filter.calibrated", "yes", "filter.calibrated"),
        ("filter.calibrated", 1, "filter.calibrated"),
        ("group_by", [], "group_by"),
        ("group_by.order", ..., "group_by.order"),
        ("group_by.order", ["time", "mood"], "mood"),
        ("group_by.raw", 1, "raw"),
        ("paginate", 1, "paginate"),
        ("paginate.page", 0, "paginate.page"),
        ("paginate.limit", 10_001, "paginate.limit"),
        ("paginate.limit", True, "paginate.limit"),
    ],
)
def test_a_wrong_word_is_a_400_that_names_it(
    client: requests.Session, simulator: Simulator, path: str, value: Any, says: str
) -> None:
    words = copy.deepcopy(request())
    *parents, last = path.split(".")
    inner = words
    for parent in parents:
        inner = inner[parent]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    answer = client.post(f"{simulator.url}/api/v3/reporting", json=words, timeout=10)
    assert answer.status_code == 400
    assert says in answer.json()["details"]


def test_calls_are_recorded_and_faults_apply(report: Report, simulator: Simulator) -> None:
    report("room_occupancy", rooms=[MEETING])
    simulator.faults.set(status=503, paths=("/api/v3/reporting",))
    report("room_occupancy", rooms=[MEETING], status=503)
    assert [(call.path, call.status) for call in simulator.calls] == [
        ("/api/v3/reporting", 200),
        ("/api/v3/reporting", 503),
    ]
    assert simulator.calls[0].body["filter"]["rooms"] == {"eq": [MEETING]}


def test_minutes_of_more_than_a_month_are_too_many(report: Report) -> None:
    words = {"start": "2025-05-01T00:00:00Z", "stop": "2025-06-01T00:00:01Z", "rooms": [MEETING]}
    assert "31 days" in report("room_occupancy", every="1m", status=400, **words)["details"]
    assert len(report("room_occupancy", every="1h", **words)["data"]) == 31 * 24 + 1
    words["stop"] = "2025-06-01T00:00:00Z"
    assert len(report("room_occupancy", every="1m", **words)["data"]) == 10_000
