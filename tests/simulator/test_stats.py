"""`POST /api/v4/reporting/stats`, against figures of minutes picked out one by one."""

from __future__ import annotations

import copy
import datetime as dt
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from butlr_grafana.simulator import Forms, People, Simulator
from tests.support import HANG_S

LARGEST, MEETING, KITCHEN = "space_paris_1", "room_paris_1_meeting_room_1", "room_paris_1_kitchen"
FAILING, ZONE = "room_paris_1_project_room", "zone_paris_1_coffee_machine"
PARIS = ZoneInfo("Europe/Paris")
FIGURES = ("avg", "used_avg", "median", "used_median")
Ask = Callable[..., Any]


def params(*items: str, sensors: str = "presence", **more: Any) -> dict[str, Any]:
    return {
        "measurements": [f"occupancy_{figure}_{sensors}" for figure in FIGURES],
        "items": list(items),
        "start": "2025-06-02T00:00:00Z",
        "stop": "2025-06-09T00:00:00Z",
        **more,
    }


@pytest.fixture
def send_query(client: requests.Session, simulator: Simulator) -> Ask:
    def send_query(body: dict[str, Any], status: int = 200) -> Any:
        response = client.post(f"{simulator.url}/api/v4/reporting/stats", json=body, timeout=HANG_S)
        assert response.status_code == status, response.text
        return response.json()

    return send_query


def figures(minutes: list[int], sensors: str = "presence") -> dict[str, Any]:
    used = [people for people in minutes if people]
    found = (
        statistics.fmean(minutes),
        statistics.fmean(used),
        statistics.median(minutes),
        statistics.median(used),
    )
    return {
        f"occupancy_{name}_{sensors}": pytest.approx(value)
        for name, value in zip(FIGURES, found, strict=True)
    }


def minutes(people: People, room_id: str | None, start: str, stop: str) -> list[tuple[dt.datetime, int]]:
    """Local time and people."""
    start_s, stop_s = (int(dt.datetime.fromisoformat(text).timestamp()) for text in (start, stop))
    rooms = [room.id for room in people.office.by_id[LARGEST].rooms]
    counted = people.occupancy(LARGEST, room_id and rooms.index(room_id), start_s, stop_s).tolist()
    return [(dt.datetime.fromtimestamp(start_s + 60 * k, PARIS), n) for k, n in enumerate(counted)]


def test_figures_of_rooms_and_floors(send_query: Ask, people: People) -> None:
    data = send_query(params(LARGEST, KITCHEN, MEETING))["data"]
    assert list(data) == [LARGEST, KITCHEN, MEETING]
    for item, room_id in ((LARGEST, None), (KITCHEN, KITCHEN), (MEETING, MEETING)):
        counted = minutes(people, room_id, "2025-06-02T00:00Z", "2025-06-09T00:00Z")
        assert data[item] == figures([n for _, n in counted])


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        ("2025-06-02T00:07:00Z", "2025-06-09T12:13:00+02:00"),
        ("2025-03-28T00:00:00Z", "2025-04-02T00:00:00Z"),
        ("2024-10-25T00:00:00Z", "2024-10-30T00:00:00Z"),
    ],
)
def test_hours_and_days_are_those_of_the_wall_clock(
    send_query: Ask, people: People, start: str, stop: str
) -> None:
    filters = {
        "time_ranges": [{"start": "01:30", "stop": "03:30"}, {"start": "08:00", "stop": "18:00"}],
        "exclude_days_of_week": ["Monday", "Saturday"],
    }
    counted = [
        n
        for at, n in minutes(people, None, start, stop)
        if (dt.time(1, 30) <= at.time() < dt.time(3, 30) or 8 <= at.hour < 18) and at.weekday() not in (0, 5)
    ]
    data = send_query(params(LARGEST, start=start, stop=stop, filters=filters))["data"]
    assert data[LARGEST] == figures(counted)


@pytest.mark.parametrize(
    ("case", "written", "heeded"),
    [
        ("capital", "Saturday", True),
        ("capital", "saturday", False),
        ("lower", "saturday", True),
        ("lower", "Saturday", False),
        ("any", "SATURDAY", True),
        ("any", "someday", False),
    ],
)
def test_a_weekday_in_the_wrong_case_is_silently_ignored(
    send_query: Ask, simulator: Simulator, case: str, written: str, heeded: bool
) -> None:
    people = simulator.people
    simulator.forms = Forms(weekday_case=case)
    data = send_query(params(LARGEST, filters={"exclude_days_of_week": [written]}))["data"]
    counted = minutes(people, None, "2025-06-02T00:00Z", "2025-06-09T00:00Z")
    assert data[LARGEST] == figures([n for at, n in counted if not heeded or at.weekday() != 5])


def test_traffic_is_calibrated(send_query: Ask, report: Ask) -> None:
    data = send_query(params(LARGEST, MEETING, sensors="traffic", stop="2025-06-04T00:00:00Z"))["data"]
    halves = [(f"2025-06-0{day}T{h}:00:00Z") for day in (2, 3) for h in ("00", "12")] + [
        "2025-06-04T00:00:00Z"
    ]
    for item, measurement, name in (
        (LARGEST, "traffic_floor_occupancy", "spaces"),
        (MEETING, "traffic_room_occupancy", "rooms"),
    ):
        requested = {name: [item], "calibrated": "true", "every": "1m", "function": "median"}
        parts = [report(measurement, start=a, stop=b, **requested)["data"] for a, b in pairwise(halves)]
        counted = [row["value"] for part in parts for row in part]
        assert len(counted) == 2 * 1440
        assert data[item] == figures(counted, "traffic")


def test_what_has_no_data_has_no_figure(send_query: Ask) -> None:
    """The kitchen has no door sensor, no zone has, the project room is offline, nobody enters the library."""
    assert send_query(params(KITCHEN, ZONE, sensors="traffic"))["data"] == {}
    assert list(send_query(params(KITCHEN, MEETING, sensors="traffic"))["data"]) == [MEETING]
    offline = {"start": "2025-05-17T00:00:00Z", "stop": "2025-05-21T00:00:00Z"}
    assert send_query(params(FAILING, **offline))["data"] == {}
    later = {"start": "2025-06-11T12:00:00Z", "stop": "2025-06-12T00:00:00Z"}
    assert send_query(params(KITCHEN, **later))["data"] == {}
    moment = {"start": "2025-06-09T12:00:10Z", "stop": "2025-06-09T12:00:20Z"}
    assert send_query(params(KITCHEN, **moment))["data"] == {}
    assert send_query(params("space_atlantis"))["data"] == {}
    assert list(send_query(params("space_atlantis", KITCHEN))["data"]) == [KITCHEN]
    library = send_query(params("room_paris_1_library"))["data"]["room_paris_1_library"]
    assert library == {name: None if "used" in name else 0 for name in params()["measurements"]}
    assert send_query(params(ZONE))["data"][ZONE]["occupancy_used_avg_presence"] >= 1


def test_dates_are_midnights_of_utc(send_query: Ask) -> None:
    assert send_query(params(KITCHEN, start="2025-06-02", stop="2025-06-09")) == send_query(params(KITCHEN))


def test_forms_that_nobody_can_read(send_query: Ask, simulator: Simulator) -> None:
    simulator.forms = Forms(unreadable=frozenset({"stats"}))
    assert list(send_query(params(KITCHEN))) == ["dataV9"]


@pytest.mark.parametrize(
    ("word", "value", "says"),
    [
        ("measurements", [], "measurements"),
        ("measurements", ["occupancy_p95_presence"], "occupancy_p95_presence"),
        ("items", [], "items"),
        ("items", "space_paris_1", "items"),
        ("measurements", ["occupancy_max_presence"], "occupancy_max_presence"),
        ("items", [LARGEST, "space_newyork_1"], "America/New_York, Europe/Paris"),
        ("start", "-7d", "start"),
        ("stop", None, "stop"),
        ("stop", "2025-06-02T00:00:00Z", "stop"),
        ("filters", [], "filters"),
        ("filters", {"time_ranges": {}}, "time_ranges"),
        ("filters", {"time_ranges": ["08:00-18:00"]}, "time_ranges"),
        ("filters", {"time_ranges": [{"start": "8:00", "stop": "18:00"}]}, "time_ranges"),
        ("filters", {"time_ranges": [{"start": "08:00:00", "stop": "18:00:00"}]}, "time_ranges"),
        ("filters", {"time_ranges": [{"start": "08:00", "stop": "24:01"}]}, "time_ranges"),
        ("filters", {"time_ranges": [{"start": "18:00", "stop": "08:00"}]}, "time_ranges"),
        ("start", "2025-13-01", "start"),
        ("filters", {"exclude_days_of_week": "monday"}, "exclude_days_of_week"),
        ("filters", {"exclude_days_of_week": [1]}, "exclude_days_of_week"),
    ],
)
def test_a_wrong_parameter_is_a_400_that_names_it(send_query: Ask, word: str, value: Any, says: str) -> None:
    body = copy.deepcopy(params(LARGEST))
    body[word] = value
    assert says in send_query(body, 400)["details"]


def test_filters_may_be_empty(send_query: Ask) -> None:
    whole = send_query(params(LARGEST))
    assert send_query(params(LARGEST, filters={})) == whole
    assert send_query(params(LARGEST, filters={"time_ranges": [], "exclude_days_of_week": []})) == whole
    assert (
        send_query(params(LARGEST, filters={"time_ranges": [{"start": "00:00", "stop": "24:00"}]})) == whole
    )
