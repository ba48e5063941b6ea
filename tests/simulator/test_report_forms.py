"""The forms of a report: filters, groups, pages, what is too much, and the words that are refused."""

from __future__ import annotations

import copy
import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Forms, Simulator
from tests.support import HANG_S

LARGEST, MEETING, KITCHEN = "space_paris_1", "room_paris_1_meeting_room_1", "room_paris_1_kitchen"
NO_PAGES = {"page": 1, "page_item_count": 0, "total_item_count": 0, "total_pages": 1}
Report = Callable[..., Any]
Row = dict[str, Any]


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
        ({"clients": ["site_newyork"]}, 9),
        ({"clients": ["org_demo"]}, 40),
        ({"tags": ["tag_board"]}, 1),
        ({"tags": ["tag_board", "tag_video"], "spaces": ["space_paris_2"]}, 3),
        ({}, 40),
    ],
)
def test_filters_leave_rows_that_pass_them_all(report: Report, filters: dict[str, Any], rooms: int) -> None:
    response = report("room_occupancy", **filters)
    assert len({row["room_id"] for row in response["data"]}) == rooms
    assert len(response["data"]) == 24 * rooms
    assert response["page_info"] == NO_PAGES, "whether there are rows or not"


@pytest.mark.parametrize(
    ("value", "passes"),
    [
        ({"gte": 3}, lambda n: n >= 3),
        ({"gt": 3}, lambda n: n > 3),
        ({"lte": 3}, lambda n: n <= 3),
        ({"lt": 3, "gte": 1}, lambda n: 1 <= n < 3),
    ],
)
def test_values_can_be_left_out(report: Report, value: dict[str, int], passes: Callable[[int], bool]) -> None:
    every = report("room_occupancy", function="max", spaces=[LARGEST])["data"]
    some = report("room_occupancy", function="max", spaces=[LARGEST], value=value)["data"]
    assert some == [row for row in every if passes(row["value"])] != []
    assert report("room_occupancy", function="max", spaces=[LARGEST], value={"gte": 0})["data"] == every


def test_whole_numbers_are_whole(report: Report) -> None:
    rows = report("room_occupancy", function="median", every="1m", stop="2025-06-10T08:00:00Z")["data"]
    assert {type(row["value"]) for row in rows} == {int}
    means = report("room_occupancy", spaces=[LARGEST])["data"]
    assert {type(row["value"]) for row in means} == {int, float}


def tree(rows: list[Row], order: list[str]) -> Any:
    """Rows nested by hand."""
    if not order:
        return rows
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[order[0]]].append(row)
    return {key: tree(group, order[1:]) for key, group in groups.items()}


@pytest.mark.parametrize(
    "order",
    [["room_id"], ["room_id", "time"], ["time", "field"], ["field", "room_name", "time"], ["sensor_id"]],
)
def test_raw_groups_are_one_level_an_entry_of_the_order(report: Report, order: list[str]) -> None:
    params = {"function": "sum", "spaces": [LARGEST]}
    rows = report("traffic", **params)["data"]
    response = report("traffic", group_by={"order": order, "raw": True}, **params)
    assert response["data"] == tree(rows, order)
    assert response["page_info"] == NO_PAGES


def test_zones_in_groups(report: Report) -> None:
    """The example of the support page: a list of rows a zone."""
    zones = ["zone_paris_1_reception", "zone_paris_1_coffee_machine"]
    params = {"every": "1m", "function": "median", "start": "2025-06-10T08:00:00Z", "zones": zones}
    params["stop"] = "2025-06-10T08:02:00Z"
    response = report("zone_occupancy", group_by={"order": ["zone_id"], "raw": True}, **params)["data"]
    assert set(response) == set(zones)
    for zone, rows in response.items():
        assert [row["time"] for row in rows] == ["2025-06-10T08:01:00Z", "2025-06-10T08:02:00Z"]
        assert {(row["zone_id"], row["room_id"]) for row in rows} == {(zone, "")}


def test_groups_have_the_figures_of_their_rows(report: Report) -> None:
    rows = report("traffic", function="sum", spaces=[LARGEST])["data"]
    expected: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        expected[row["time"].removesuffix("Z")][row["field"]].append(row["value"])
    groups = report("traffic", function="sum", spaces=[LARGEST], group_by={"order": ["time", "field"]})[
        "data"
    ]
    assert {time: set(fields) for time, fields in groups.items()} == {
        time: set(fields) for time, fields in expected.items()
    }
    for time, fields in groups.items():
        for field, figures in fields.items():
            values = expected[time][field]
            assert figures == {
                "sum": sum(values),
                "min": min(values),
                "max": max(values),
                "count": len(values),
                "mean": pytest.approx(statistics.fmean(values)),
                "median": statistics.median(values),
                "stddev": pytest.approx(statistics.pstdev(values)),
                "first": values[0],
                "last": values[-1],
            }
    assert max(fields["in"]["count"] for fields in groups.values() if "in" in fields) > 3


@pytest.mark.parametrize(
    ("forms", "group_by", "is_flat"),
    [
        (Forms(), None, True),
        (Forms(), {"raw": True}, True),
        (Forms(rows_without_group_by="nested"), None, False),
        (Forms(rows_without_group_by="nested"), {"raw": True}, True),
        (Forms(raw_without_order="nested"), {"raw": True}, False),
        (Forms(raw_without_order="nested"), None, True),
    ],
)
def test_without_an_order(
    report: Report, simulator: Simulator, forms: Forms, group_by: Any, is_flat: bool
) -> None:
    params = {"function": "sum", "spaces": [LARGEST]}
    rows = report("traffic", **params)["data"]
    simulator.forms = forms
    response = report("traffic", group_by=group_by, **params)["data"]
    assert response == (rows if is_flat else tree(rows, ["room_id", "time"]))


def test_pages_are_the_whole_in_parts(report: Report, simulator: Simulator) -> None:
    """18 rooms, 60 minutes."""
    params = {"every": "1m", "stop": "2025-06-10T01:00:00Z", "spaces": [LARGEST]}
    whole = report("room_occupancy", **params)["data"]
    pages = [report("room_occupancy", paginate={"page": n, "limit": 500}, **params) for n in (1, 2, 3, 4)]
    assert [row for page in pages for row in page["data"]] == whole
    assert [page["page_info"] for page in pages] == [
        {"page": n, "page_item_count": items, "total_item_count": 1080, "total_pages": 3}
        for n, items in ((1, 500), (2, 500), (3, 80), (4, 0))
    ]
    large = report("room_occupancy", paginate={"page": 1, "limit": 5000}, **params)
    assert (len(large["data"]), large["page_info"]["total_pages"]) == (1000, 2), "a page is capped"
    simulator.forms = Forms(page_cap=None, page_totals=False)
    large = report("room_occupancy", paginate={"page": 1, "limit": 5000}, **params)
    assert (large["data"], large["page_info"]) == (whole, NO_PAGES)


def test_all_rows_come_without_pages(report: Report) -> None:
    rows = report("room_occupancy", every="1m", stop="2025-06-10T23:59:00Z", spaces=[LARGEST])["data"]
    assert len(rows) == 18 * 1439


@pytest.mark.parametrize(("hours", "most"), [(1, 30), (2, 30), (3, 20), (8, 20), (9, 10), (23, 10)])
@pytest.mark.parametrize("name", ["rooms", "zones"])
def test_too_many_ids_are_an_empty_answer_and_no_error(
    report: Report, simulator: Simulator, name: str, hours: int, most: int
) -> None:
    measurement = name[:-1] + "_occupancy"
    known = {"rooms": MEETING, "zones": "zone_paris_1_reception"}[name]
    params = {"every": "1m", "start": "2025-06-10T00:00:00Z", "stop": f"2025-06-10T{hours:02}:00:00Z"}

    def send_query(n: int, **more: Any) -> Any:
        return report(measurement, **{**params, **more, name: [known, *(f"x_{k}" for k in range(n - 1))]})

    assert len(send_query(most)["data"]) == hours * 60
    for more in ({}, {"group_by": {"order": ["room_id"], "raw": True}}, {"every": "60s"}):
        assert send_query(most + 1, **more) == {"data": {}, "page_info": NO_PAGES}
    assert len(send_query(most + 1, every="5m")["data"]) == hours * 12
    simulator.forms = Forms(id_limits="zones")
    assert bool(send_query(most + 1)["data"]) == (name == "rooms")
    simulator.forms = Forms(id_limits="none")
    assert send_query(most + 1)["data"]


def test_minutes_are_of_less_than_a_day(report: Report) -> None:
    params = {"start": "2025-06-09T00:00:00Z", "rooms": [MEETING]}
    for every in ("1m", "60s"):
        refused = report("room_occupancy", every=every, stop="2025-06-10T00:00:00Z", status=400, **params)
        assert (refused["error"], refused["code"]) == ("Bad Request", 400)
        assert "24 hours" in refused["details"]
        rows = report("room_occupancy", every=every, stop="2025-06-09T23:59:00Z", **params)["data"]
        assert len(rows) == 1439
    assert len(report("room_occupancy", every="5m", stop="2025-06-10T00:00:00Z", **params)["data"]) == 288


def test_a_period_without_a_whole_minute_has_no_rows(report: Report) -> None:
    params = {"start": "2025-06-10T10:00:10Z", "stop": "2025-06-10T10:00:50Z"}
    assert report("floor_occupancy", **params)["data"] == []
    assert report("floor_occupancy", group_by={"order": ["time"]}, **params)["data"] == {}


def request() -> dict[str, Any]:
    return {
        "window": {"every": "1h", "function": "mean", "timezone": "Europe/Paris", "create_empty": True},
        "filter": {
            "start": "2025-06-09T00:00:00Z",
            "stop": "2025-06-10T00:00:00Z",
            "measurements": ["traffic_room_occupancy"],
            "rooms": {"eq": [MEETING]},
            "value": {"gte": 0},
            "calibrated": "true",
        },
        "group_by": {"order": ["time", "room_id", "field"], "raw": True},
        "options": {"format": "json", "timestamp": "RFC3339"},
        "paginate": {"page": 1, "limit": 1000},
    }


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("window", ..., "window"),
        ("window.every", "45m", "window.every"),
        ("window.every", "2h", "window.every"),
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
        ("filter.start", "2025-06-09T00:00:00", "filter.start"),
        ("filter.stop", "now", "filter.stop"),
        ("filter.stop", ..., "filter.stop"),
        ("filter.stop", "2025-06-09T00:00:00Z", "is not after filter.start"),
        ("filter.measurements", ..., "filter.measurements"),
        ("filter.measurements", [], "filter.measurements"),
        ("filter.measurements", "room_occupancy", "filter.measurements"),
        ("filter.measurements", ["room_occupancy", "traffic"], "use one measurement per call"),
        ("filter.measurements", ["mood"], "mood"),
        ("filter.rooms", [MEETING], "filter.rooms"),
        ("filter.rooms", {"eq": MEETING}, "filter.rooms"),
        ("filter.rooms", {"ne": [MEETING]}, "filter.rooms"),
        ("filter.value", 0, "filter.value"),
        ("filter.value", {"gte": "0"}, "filter.value"),
        ("filter.value", {"eq": 1}, "filter.value"),
        ("filter.calibrated", "yes", "filter.calibrated"),
        ("filter.calibrated", True, "filter.calibrated"),
        ("filter.measurements", ["room_occupancy"], "filter.calibrated"),
        ("group_by", [], "group_by"),
        ("group_by.order", [], "group_by.order"),
        ("group_by.order", ["time", "mood"], "mood"),
        ("group_by.raw", 1, "raw"),
        ("options.format", "csv", "options.format"),
        ("paginate", 1, "paginate"),
        ("paginate.page", 0, "paginate.page"),
        ("paginate.limit", 0, "paginate.limit"),
        ("paginate.limit", True, "paginate.limit"),
    ],
)
def test_a_wrong_parameter_is_a_400_that_names_it(
    client: requests.Session, simulator: Simulator, path: str, value: Any, says: str
) -> None:
    params = copy.deepcopy(request())
    *parents, last = path.split(".")
    inner = params
    for parent in parents:
        inner = inner[parent]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    response = client.post(f"{simulator.url}/api/v3/reporting", json=params, timeout=HANG_S)
    assert response.status_code == 400
    assert response.json()["code"] == 400
    assert says in response.json()["details"]


def test_the_good_request_is_good(client: requests.Session, simulator: Simulator) -> None:
    response = client.post(f"{simulator.url}/api/v3/reporting", json=request(), timeout=HANG_S)
    assert len(response.json()["data"]) == 24


def test_calls_are_recorded_and_faults_apply(report: Report, simulator: Simulator) -> None:
    report("room_occupancy", rooms=[MEETING])
    simulator.faults.set(status=503, paths=("/api/v3/reporting",))
    report("room_occupancy", rooms=[MEETING], status=503)
    assert [(call.path, call.status) for call in simulator.calls] == [
        ("/api/v3/reporting", 200),
        ("/api/v3/reporting", 503),
    ]
    assert simulator.calls[0].body["filter"]["rooms"] == {"eq": [MEETING]}


def test_forms_that_nobody_can_read(report: Report, simulator: Simulator) -> None:
    simulator.forms = Forms(unreadable=frozenset({"reporting"}))
    response = report("room_occupancy", rooms=[MEETING])
    assert list(response) == ["dataV9", "page_infoV9"]
    assert "valueV9" in response["dataV9"][0]
