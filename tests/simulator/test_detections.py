"""`POST /v3/detections` over real HTTP, against cells counted here one by one from `people.detections`."""

from __future__ import annotations

import copy
import datetime as dt
import math
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Forms, People, Simulator
from butlr_grafana.simulator.ghosts import ghosts
from tests.support import HANG_S

FLOORS = ["space_paris_1", "space_paris_2", "space_newyork_1"]
RATE = 110
"""Detections a minute and person, unless told otherwise."""
START, STOP = "2025-06-02T00:00:00Z", "2025-06-09T00:00:00Z"


def seconds(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp())


def body(
    space: str = "space_paris_1", start: str = START, stop: str = STOP, **options: Any
) -> dict[str, Any]:
    where = {"space_id": space, "start": start, "stop": stop, "omit_empty_value": True}
    params = {"grid_resolution": 1.0, "heatmap_type": "occupancy", "normalize": False, **options}
    return {
        "data_types": ["heatmap_v2"],
        "filter": where,
        "window": {"heatmap_v2_options": params},
    }


def post(client: requests.Session, simulator: Simulator, params: Any) -> requests.Response:
    return client.post(f"{simulator.url}/v3/detections", json=params, timeout=HANG_S)


def heatmap(client: requests.Session, simulator: Simulator, params: dict[str, Any]) -> dict[str, Any]:
    response = post(client, simulator, params)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["data"][0]["heatmap_v2"]
    return found


def counted(people: People, params: dict[str, Any], rate: int = RATE) -> Counter[tuple[float, float]]:
    """Cell centre (rounded) → detections, one sighting at a time."""
    where, size = params["filter"], params["window"]["heatmap_v2_options"]["grid_resolution"]
    origin_x, origin_y = (0.1, 0.2) if where["space_id"] == "space_paris_2" else (0.0, 0.0)
    _, x_m, y_m = people.detections(where["space_id"], seconds(where["start"]), seconds(where["stop"]))
    cells: Counter[tuple[float, float]] = Counter()
    for x, y in zip(x_m.tolist(), y_m.tolist(), strict=True):
        column, row = math.floor((x - origin_x) / size), math.floor((y - origin_y) / size)
        centre = (origin_x + (column + 0.5) * size, origin_y + (row + 0.5) * size)
        cells[round(centre[0], 4), round(centre[1], 4)] += rate
    return cells


def by_centre(cells: list[list[float]]) -> dict[tuple[float, float], float]:
    return {(round(x, 4), round(y, 4)): value for x, y, value in cells}


@pytest.mark.parametrize("floor", FLOORS)
@pytest.mark.parametrize("size", [0.25, 0.5, 1.0])
def test_cells_are_the_detections_counted(
    client: requests.Session, simulator: Simulator, people: People, floor: str, size: float
) -> None:
    params = body(floor, grid_resolution=size)
    response = heatmap(client, simulator, params)
    expected = counted(people, params)
    assert by_centre(response["array_cells"]) == expected
    assert len(response["array_cells"]) == len(expected), "no cell twice"
    assert all(isinstance(value, int) for _, _, value in response["array_cells"])
    assert response["metadata"] == {
        "bounds": {
            "space_paris_1": {"min_x": 0, "min_y": 0, "max_x": 48, "max_y": 30},
            "space_paris_2": {"min_x": 0, "min_y": 0, "max_x": 36, "max_y": 22},
            "space_newyork_1": {"min_x": -9.5, "min_y": -6.25, "max_x": 10.5, "max_y": 7.75},
        }[floor],
        "resolution": size,
        "max_value": max(expected.values()),
        "total_detections": expected.total(),
        "type": "occupancy",
    }


def test_cells_come_in_no_order_but_always_the_same(client: requests.Session, simulator: Simulator) -> None:
    cells, again = (heatmap(client, simulator, body())["array_cells"] for _ in range(2))
    assert cells == again
    assert cells not in (sorted(cells), sorted(cells, key=lambda cell: (cell[1], cell[0])))


def test_parts_of_a_period_add_up(client: requests.Session, simulator: Simulator) -> None:
    cuts = [START, "2025-06-03T09:17:23Z", "2025-06-05T14:00:00+02:00", STOP]
    parts: Counter[tuple[float, float]] = Counter()
    for start, stop in pairwise(cuts):
        parts.update(by_centre(heatmap(client, simulator, body(start=start, stop=stop))["array_cells"]))
    assert parts == by_centre(heatmap(client, simulator, body())["array_cells"])


def test_normalize_is_of_the_call_at_hand(client: requests.Session, simulator: Simulator) -> None:
    raw = by_centre(heatmap(client, simulator, body())["array_cells"])
    normal = by_centre(heatmap(client, simulator, body(normalize=True))["array_cells"])
    assert max(normal.values()) == 1
    assert normal == pytest.approx({centre: value / max(raw.values()) for centre, value in raw.items()})


@pytest.mark.parametrize("floor", FLOORS)
def test_empty_cells_on_request(client: requests.Session, simulator: Simulator, floor: str) -> None:
    params = body(floor)
    few = by_centre(heatmap(client, simulator, params)["array_cells"])
    params["filter"]["omit_empty_value"] = False
    every = by_centre(heatmap(client, simulator, params)["array_cells"])
    assert {centre: value for centre, value in every.items() if value} == few
    # 48 x 30; 36 x 22 and one more each way, for the grid starts at 0.1, 0.2; -10 to 11 by -7 to 8.
    assert len(every) == {"space_paris_1": 1440, "space_paris_2": 37 * 23, "space_newyork_1": 21 * 15}[floor]


def test_a_period_with_nobody_has_no_cells(client: requests.Session, simulator: Simulator) -> None:
    night = body("space_paris_2", "2025-06-02T00:00:00Z", "2025-06-02T03:00:00Z", normalize=True)
    response = heatmap(client, simulator, night)
    assert response["array_cells"] == []
    assert response["metadata"]["max_value"] == response["metadata"]["total_detections"] == 0


def test_the_future_has_not_happened(client: requests.Session, simulator: Simulator) -> None:
    """The clock stands at 2025-06-11T12:00Z."""

    def cells(start: str, stop: str) -> Any:
        return heatmap(client, simulator, body(start=start, stop=stop))["array_cells"]

    whole_day = cells("2025-06-11T00:00:00Z", "2025-06-12T00:00:00Z")
    assert whole_day == cells("2025-06-11T00:00:00Z", "2025-06-11T12:00:00Z") != []
    assert cells("2025-06-12T00:00:00Z", "2025-06-13T00:00:00Z") == []
    simulator.faults.lag_s = 1800
    assert cells("2025-06-11T11:30:00Z", "2025-06-11T12:00:00Z") == []
    late = cells("2025-06-11T00:00:00Z", "2025-06-12T00:00:00Z")
    simulator.faults.lag_s = 0
    assert late == cells("2025-06-11T00:00:00Z", "2025-06-11T11:30:00Z")


def test_a_failing_sensor_leaves_its_room_empty(
    client: requests.Session, simulator: Simulator, people: People
) -> None:
    [(start_s, stop_s), *_] = people.offline(
        "room_paris_1_project_room", seconds(START) - 28 * 86400, seconds(START)
    )
    start, stop = (dt.datetime.fromtimestamp(t, dt.UTC).isoformat() for t in (start_s, stop_s))
    cells = heatmap(client, simulator, body(start=start, stop=stop))["array_cells"]
    assert [cell for cell in cells if 11 < cell[0] < 20 and 9 < cell[1] < 14] == []


def changed(path: str, value: Any) -> dict[str, Any]:
    """A good request with one word changed, or left out where the value is `...`."""
    params = copy.deepcopy(body())
    *parents, last = path.split(".")
    inner = params
    for parent in parents:
        inner = inner[parent]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return params


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("data_types", ["heatmap"], "data_types"),
        ("data_types", ..., "data_types"),
        ("filter", ..., "filter"),
        ("window", [], "window"),
        ("window.heatmap_v2_options", ..., "heatmap_v2_options"),
        ("filter.space_id", ["space_paris_1"], "space_id"),
        ("filter.space_id", ..., "space_id"),
        ("filter.start", "2025-06-02T00:00:00", "start"),
        ("filter.start", "-7d", "start"),
        ("filter.start", 1748822400, "start"),
        ("filter.start", "9999-12-31T00:00:00Z", "start"),
        ("filter.stop", START, "stop"),
        ("filter.stop", "2025-06-01T00:00:00Z", "stop"),
        ("filter.stop", "2025-06-09T00:00:01Z", "7 days"),
        ("filter.omit_empty_value", "yes", "omit_empty_value"),
        ("window.heatmap_v2_options.grid_resolution", 0.3, "grid_resolution"),
        ("window.heatmap_v2_options.grid_resolution", True, "grid_resolution"),
        ("window.heatmap_v2_options.grid_resolution", ..., "grid_resolution"),
        ("window.heatmap_v2_options.heatmap_type", "traffic", "heatmap_type"),
        ("window.heatmap_v2_options.normalize", 1, "normalize"),
    ],
)
def test_a_wrong_parameter_is_a_400_that_names_it(
    client: requests.Session, simulator: Simulator, path: str, value: Any, says: str
) -> None:
    response = post(client, simulator, changed(path, value))
    assert response.status_code == 400
    assert response.json()["code"] == 400
    assert says in response.json()["details"]


def test_an_unknown_space_is_a_404(client: requests.Session, simulator: Simulator) -> None:
    response = post(client, simulator, body("space_atlantis"))
    assert response.status_code == 404
    assert response.json() == {"error": "Not Found", "code": 404, "details": "space space_atlantis not found"}


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"data_types": NaN}'])
def test_a_body_that_is_no_json_object_is_a_400(
    client: requests.Session, simulator: Simulator, data: bytes
) -> None:
    assert client.post(f"{simulator.url}/v3/detections", data=data, timeout=HANG_S).status_code == 400


@pytest.mark.parametrize(
    ("nesting", "find"),
    [
        ("top", lambda response: response),
        ("data", lambda response: response["data"]),
        ("data0", lambda response: response["data"][0]),
        ("heatmap_v2", lambda response: response["heatmap_v2"]),
        ("results0", lambda response: response["results"][0]),
        ("data.heatmap_v2", lambda response: response["data"]["heatmap_v2"]),
        ("data0.heatmap_v2", lambda response: response["data"][0]["heatmap_v2"]),
        ("results0.heatmap_v2", lambda response: response["results"][0]["heatmap_v2"]),
    ],
)
def test_every_nesting(client: requests.Session, simulator: Simulator, nesting: str, find: Any) -> None:
    expected = heatmap(client, simulator, body())
    simulator.forms = Forms(heat_nesting=nesting)
    assert find(post(client, simulator, body()).json()) == expected


@pytest.mark.parametrize(
    ("form", "bounds"),
    [
        ("min_x", {"min_x": -9.5, "min_y": -6.25, "max_x": 10.5, "max_y": 7.75}),
        ("x_min", {"x_min": -9.5, "y_min": -6.25, "x_max": 10.5, "y_max": 7.75}),
        ("points", {"min": {"x": -9.5, "y": -6.25}, "max": {"x": 10.5, "y": 7.75}}),
        ("pairs", {"min": [-9.5, -6.25], "max": [10.5, 7.75]}),
    ],
)
def test_every_form_of_bounds(
    client: requests.Session, simulator: Simulator, form: str, bounds: dict[str, Any]
) -> None:
    simulator.forms = Forms(heat_bounds=form)
    assert heatmap(client, simulator, body("space_newyork_1"))["metadata"]["bounds"] == bounds


@pytest.mark.parametrize("rate", [60, 180])
def test_a_person_gives_so_many_detections_a_minute(
    client: requests.Session, simulator: Simulator, people: People, rate: int
) -> None:
    simulator.forms = Forms(detections_per_minute=rate)
    assert by_centre(heatmap(client, simulator, body())["array_cells"]) == counted(people, body(), rate)
    assert simulator.rate("space_paris_1") == rate


def test_stop_may_be_inclusive(client: requests.Session, simulator: Simulator, people: People) -> None:
    """At a whole minute, at which some people are seen; a second or less before it nobody is twice."""
    at_s = seconds("2025-06-10T10:00:00Z")
    there = len(people.detections("space_paris_1", at_s, at_s + 1)[0])
    assert there > 0

    def total(start: str, stop: str) -> int:
        found: int = heatmap(client, simulator, body(start=start, stop=stop))["metadata"]["total_detections"]
        return found

    start, cut, stop = (f"2025-06-10T{clock}:00Z" for clock in ("09:59", "10:00", "10:01"))
    whole = total(start, stop)
    assert total(start, cut) + total(cut, stop) == whole
    simulator.forms = Forms(heat_stop="inclusive")
    assert total(start, cut) + total(cut, stop) == total(start, stop) + RATE * there
    for before in ("59Z", "59.999Z"):
        first, second = (
            total(a, b.replace("00Z", before))
            for a, b in ((start, "2025-06-10T09:59:00Z"), (cut, "2025-06-10T10:00:00Z"))
        )
        assert first + second == whole


def test_each_call_may_have_a_grid_of_its_own(client: requests.Session, simulator: Simulator) -> None:
    simulator.forms = Forms(grid_phase="call")
    hours = [
        body(start=f"2025-06-10T{h:02}:00:00Z", stop=f"2025-06-10T{h + 1:02}:00:00Z") for h in range(8, 14)
    ]
    phases = set()
    for params in hours:
        response = heatmap(client, simulator, params)
        assert sum(n for _, _, n in response["array_cells"]) == response["metadata"]["total_detections"] > 0
        assert len({round(x % 1, 6) for x, _, _ in response["array_cells"]}) == 1
        phases |= {round(x % 1, 6) for x, _, _ in response["array_cells"]}
    assert len(phases) > 1


@pytest.mark.parametrize("floor", FLOORS)
def test_y_may_run_the_other_way(client: requests.Session, simulator: Simulator, floor: str) -> None:
    up = by_centre(heatmap(client, simulator, body(floor))["array_cells"])
    simulator.forms = Forms(heat_y="flipped")
    response = heatmap(client, simulator, body(floor))
    low, high = (response["metadata"]["bounds"][name] for name in ("min_y", "max_y"))
    assert by_centre(response["array_cells"]) == {
        (x, round(low + high - y, 4)): n for (x, y), n in up.items()
    }


def test_totals_may_not_add_up(client: requests.Session, simulator: Simulator) -> None:
    simulator.forms = Forms(totals_add_up=False)
    response = heatmap(client, simulator, body())
    values = [value for _, _, value in response["array_cells"]]
    assert response["metadata"]["total_detections"] > sum(values)
    assert response["metadata"]["max_value"] > max(values)


def test_a_map_without_cells_may_be_null(client: requests.Session, simulator: Simulator) -> None:
    simulator.forms = Forms(empty_heat="null")
    night = body("space_paris_2", "2025-06-02T00:00:00Z", "2025-06-02T03:00:00Z")
    response = heatmap(client, simulator, night)
    assert (response["array_cells"], response["metadata"]["bounds"]) == (None, None)
    assert response["metadata"]["total_detections"] == 0
    assert heatmap(client, simulator, body())["array_cells"]


def test_detections_may_be_late(client: requests.Session, simulator: Simulator) -> None:
    """The clock stands at 2025-06-11T12:00Z."""
    simulator.forms = Forms(heat_late_s=900)
    late = body(start="2025-06-11T11:45:00Z", stop="2025-06-11T12:00:00Z")
    assert heatmap(client, simulator, late)["array_cells"] == []
    assert heatmap(client, simulator, body(start="2025-06-11T11:30:00Z", stop="2025-06-11T11:45:00Z"))[
        "array_cells"
    ]


def test_a_presence_clone_may_show_its_twin_a_second_time(
    client: requests.Session, simulator: Simulator, people: People
) -> None:
    """The kitchen, 27.5 to 36 by 0 to 6, around the middle of the lounge, 0 to 9 by 22.5 to 30."""
    before = Counter(by_centre(heatmap(client, simulator, body())["array_cells"]))
    simulator.forms = Forms(ghost_heat=True)
    extra = Counter(by_centre(heatmap(client, simulator, body())["array_cells"])) - before
    _, x_m, y_m = people.detections("space_paris_1", seconds(START), seconds(STOP))
    kitchen = (x_m > 27.5) & (x_m < 36) & (y_m < 6)
    expected: Counter[tuple[float, float]] = Counter()
    for x, y in zip((x_m[kitchen] - 27.25).tolist(), (y_m[kitchen] + 23.25).tolist(), strict=True):
        expected[math.floor(x) + 0.5, math.floor(y) + 0.5] += RATE
    assert extra == expected
    found, _ = ghosts(people, people.office.by_id["space_paris_1"], seconds(START), seconds(STOP))
    assert len(found) * RATE == expected.total() > 0


def test_forms_that_nobody_can_read(client: requests.Session, simulator: Simulator) -> None:
    simulator.forms = Forms(unreadable=frozenset({"heat"}))
    assert list(post(client, simulator, body()).json()) == ["dataV9"]
    simulator.forms = Forms()
    assert heatmap(client, simulator, body())["array_cells"]
