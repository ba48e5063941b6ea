"""The backend's frames, taken by Grafana's own `toDataFrame`, and what its Heatmap panel draws of them.

What a value must be comes from the simulator's people (`tests.support.truth`), never from the backend.
"""

from __future__ import annotations

import json
from itertools import pairwise, product
from typing import Any

import pytest
from shapely import Polygon, covers, points, union_all

from butlr_grafana.targets.registry import TARGETS
from tests.contract.grafana.conftest import GENERATIONS, HERE, Grafana
from tests.support import NEW_YORK, NO_RATE, PARIS, PARIS_2, PEOPLE, Cells, World, at, truth

FLOORS = (PARIS, PARIS_2, NEW_YORK)
START, END = "2026-06-16T13:00:00Z", "2026-06-16T19:30:00Z"
NIGHT = ("2026-06-16T03:00:00Z", "2026-06-16T06:00:00Z")
Frame = dict[str, Any]
Drawn = dict[tuple[float, float], float]


def people(space: str, resolution_m: float, period: tuple[str, str] = (START, END)) -> Cells:
    return truth(space, at(period[0]), at(period[1]), resolution_m)


def by_url(world: World, target: str = "heatmap", **params: str) -> str:
    """The answer's text, as Infinity's frontend parser gets it."""
    response = world.http.get(f"/api/v1/{target}", query_string={"from": START, "to": END} | params)
    assert response.status_code == 200, response.text
    assert response.mimetype == "application/json"
    return response.text


def query(world: World, *targets: dict[str, Any], period: tuple[str, str] = (START, END)) -> Any:
    """`POST /query` as the simPod plugin sends it."""
    source = {"type": "simpod-json-datasource", "uid": "butlr-json"}
    body = {
        "app": "dashboard",
        "requestId": "Q101",
        "timezone": "browser",
        "panelId": 2,
        "dashboardUID": "butlr-floor",
        "range": {"from": period[0], "to": period[1], "raw": {"from": "now-6h", "to": "now"}},
        "interval": "30s",
        "intervalMs": 30000,
        "targets": [{"refId": "A", "datasource": source, "editorMode": "builder", **t} for t in targets],
        "maxDataPoints": 800,
        "scopedVars": {"__interval": {"text": "30s", "value": "30s"}},
        "startTime": 1781700000000,
        "adhocFilters": [],
    }
    return world.http.post("/query", json=body)


def by_query(world: World, target: str = "heatmap", **params: Any) -> str:
    period = (params.pop("from", START), params.pop("to", END))
    response = query(world, {"target": target, "payload": params}, period=period)
    assert response.status_code == 200, response.text
    return str(response.text)


doors = pytest.mark.parametrize("send_query", [by_url, by_query])


def field(frame: Frame, name: str) -> dict[str, Any]:
    [found] = [f for f in frame["fields"] if f["name"] == name]
    return found


def drawn(frame: Frame) -> Drawn:
    """What Grafana's Heatmap panel draws: the value at each centre that gets a colour.

    Its rules, told in our own words from Grafana 12.3's `panel/heatmap/fields.ts` and `utils.ts`: the frame
    says that it is cells, with one y (not yMin and yMax: that is sparse). The first number that is neither x
    nor y is the value. It looks for the last repetition of the first y to learn the number of rows; from then
    on a cell's place follows from its index alone, by the first x of its column and the y of the first
    column. `null`, and with the panel's defaults what is not above 1e-9, stays empty. Ordinal labels, were
    they in `meta.custom`, would take the metres from the y axis.
    """
    assert frame["meta"]["type"] == "heatmap-cells"
    assert frame["knownType"]
    assert [f["name"] for f in frame["fields"] if f["name"] in ("y", "yMin", "yMax")] == ["y"]
    assert not {"yOrdinalDisplay", "yOrdinalLabel", "yMatchWithLabel"} & set(frame["meta"]["custom"])
    x, y = (f["values"] for f in frame["fields"][:2])
    value = next(
        f for f in frame["fields"] if f["type"] == "number" and f["name"] not in ("x", "xMin", "xMax", "y")
    )["values"]
    assert frame["length"] == len(x) >= 2
    rows = y[::-1].index(y[0]) + 1
    assert len(x) % rows == 0
    return {
        (round(x[i // rows * rows], 3), round(y[i % rows], 3)): v
        for i, v in enumerate(value)
        if v is not None and v > 1e-9
    }


def test_the_lock_names_no_host_and_hashes_every_package() -> None:
    """It is to install from whatever registry npm is set to, and only what was tested."""
    packages = json.loads((HERE / "package-lock.json").read_text("utf-8"))["packages"]
    foreign = {p: v for p, v in packages.items() if "node_modules/" in p and not v.get("link")}
    assert len(foreign) > 100
    assert [p for p, v in foreign.items() if not v.get("integrity", "").startswith("sha512-")] == []
    assert [p for p, v in foreign.items() if "resolved" in v] == []
    for package in ("@grafana/data", "@grafana/schema"):
        wanted = {g: packages[g]["dependencies"][package].rpartition(".")[0] for g in GENERATIONS}
        assert wanted == {g: g for g in GENERATIONS}


@doors
@pytest.mark.parametrize("space", FLOORS)
@pytest.mark.parametrize("resolution", ["0.25", "0.5", "1.0"])
def test_the_panel_draws_the_people_where_they_were(
    grafana: Grafana, world: World, send_query: Any, space: str, resolution: str
) -> None:
    [frame] = grafana.frames(send_query(world, space=space, resolution=resolution))
    expected = people(space, float(resolution))
    assert drawn(frame) == expected
    assert sum(expected.values()) > 3000


@doors
@pytest.mark.parametrize("space", FLOORS)
def test_the_frame_is_a_full_rectangle_x_major_and_evenly_spaced(
    grafana: Grafana, world: World, send_query: Any, space: str
) -> None:
    [frame] = grafana.frames(send_query(world, space=space, resolution="0.5"))
    x, y = (frame["fields"][i]["values"] for i in (0, 1))
    xs, ys = sorted(set(x)), sorted(set(y))
    assert frame["length"] == len(xs) * len(ys)
    assert list(zip(x, y, strict=True)) == list(product(xs, ys))
    steps = [b - a for axis in (xs, ys) for a, b in pairwise(axis)]
    assert steps == pytest.approx([0.5] * len(steps), abs=1e-9)
    # All of the floor, and no more than a cell beyond.
    min_x, min_y, max_x, max_y = PEOPLE.office.by_id[space].extent
    assert (xs[0], ys[0]) == pytest.approx((min_x, min_y), abs=0.5)
    assert (xs[-1], ys[-1]) == pytest.approx((max_x, max_y), abs=0.5)


@doors
@pytest.mark.parametrize("space", FLOORS)
def test_grafana_changes_no_value_and_null_stays_null(
    grafana: Grafana, world: World, send_query: Any, space: str
) -> None:
    text = send_query(world, space=space, resolution="0.5")
    [sent], [frame] = json.loads(text), grafana.frames(text)
    for mine, theirs in zip(sent["fields"], frame["fields"], strict=True):
        assert (theirs["name"], theirs["type"], theirs["values"]) == (
            mine["name"],
            "number",
            mine["values"],
        )
    values = field(frame, "detections")["values"]
    expected = people(space, 0.5)
    assert values.count(None) == frame["length"] - len(expected) > 0
    assert sorted(v for v in values if v is not None) == sorted(expected.values())
    assert field(frame, "x")["calcs"]["allIsNull"] is False
    assert None not in field(frame, "x")["values"] + field(frame, "y")["values"]


@doors
@pytest.mark.parametrize("space", FLOORS)
def test_grafana_reads_the_total_the_names_and_the_meta(
    grafana: Grafana, world: World, send_query: Any, space: str
) -> None:
    [frame] = grafana.frames(send_query(world, space=space, resolution="0.5"))
    expected, floor = people(space, 0.5), PEOPLE.office.by_id[space]
    total, peak = sum(expected.values()), max(expected.values())
    value = field(frame, "detections")
    assert (value["calcs"]["sum"], value["calcs"]["max"]) == (total, peak)
    assert [f["displayName"] for f in frame["fields"]] == ["x", "y", "Detections"]
    assert value["labels"] == {"space": space}
    assert (frame["refId"], frame["name"]) == ("A", floor.name)
    custom = frame["meta"]["custom"]
    assert (custom["total_detections"], custom["max_value"], custom["resolution"]) == (total, peak, 0.5)
    assert (at(custom["from"]), at(custom["to"]), custom["hours"]) == (at(START), at(END), 6.5)
    assert custom["complete"] is True
    assert frame["meta"]["notices"] == [NO_RATE]


@pytest.mark.parametrize(
    ("normalize", "name", "shows"),
    [
        ("none", "detections", ["0.500", "1.23 K", ""]),
        ("hour", "detections_per_hour", ["0.500", "1.23 K", ""]),
        ("max", "normalized", ["50%", "123400%", ""]),
        ("share", "share", ["50%", "123400%", ""]),
    ],
)
def test_grafana_knows_the_units(
    grafana: Grafana, world: World, normalize: str, name: str, shows: list[str]
) -> None:
    """What 0.5, 1234 and null look like. A unit that Grafana does not know stands behind the number as it
    is: no error tells.
    """
    [frame] = grafana.frames(by_url(world, space=PARIS_2, resolution="1.0", normalize=normalize))
    counts = people(PARIS_2, 1.0)
    divisor = {"none": 1, "hour": 6.5, "max": max(counts.values()), "share": sum(counts.values())}[normalize]
    assert drawn(frame) == pytest.approx({cell: n / divisor for cell, n in counts.items()}, rel=1e-12)
    assert field(frame, name)["shows"] == shows
    assert field(frame, "x")["shows"] == field(frame, "y")["shows"] == ["0.500 m", "1234 m", ""]


@doors
def test_a_period_without_people_is_an_empty_map_that_says_so(
    grafana: Grafana, world: World, send_query: Any
) -> None:
    assert people(NEW_YORK, 0.5, NIGHT) == {}
    params = {"space": NEW_YORK, "resolution": "0.5", "from": NIGHT[0], "to": NIGHT[1]}
    [frame] = grafana.frames(send_query(world, **params))
    assert drawn(frame) == {}
    min_x, min_y, max_x, max_y = PEOPLE.office.by_id[NEW_YORK].extent
    assert frame["length"] == (max_x - min_x) * 2 * (max_y - min_y) * 2
    value = field(frame, "detections")
    assert value["values"] == [None] * frame["length"]
    assert value["calcs"]["allIsNull"] is True
    assert frame["meta"]["custom"]["total_detections"] == 0
    assert [(n["severity"], n["text"]) for n in frame["meta"]["notices"]] == [
        ("info", "No detections in this period."),
        ("info", NO_RATE["text"]),
    ]


@doors
@pytest.mark.parametrize("space", FLOORS)
def test_the_summary_is_a_table_of_one_row(
    grafana: Grafana, world: World, send_query: Any, space: str
) -> None:
    [frame] = grafana.frames(send_query(world, "heatmap-summary", space=space, resolution="0.5"))
    assert frame["length"] == 1
    row = {f["name"]: f["values"][0] for f in frame["fields"]}
    kinds = {f["name"]: f["type"] for f in frame["fields"]}
    expected = people(space, 0.5)
    total, peak = sum(expected.values()), max(expected.values())
    assert (row["space"], row["floor"]) == (space, PEOPLE.office.by_id[space].name)
    assert (row["total_detections"], row["peak"]) == (total, peak)
    assert expected[row["peak_x"], row["peak_y"]] == peak
    assert row["area_in_use_m2"] == len(expected) * 0.25
    assert row["area_m2"] == pytest.approx(Polygon(PEOPLE.office.by_id[space].outline).area, rel=1e-6)
    assert row["per_hour"] == pytest.approx(total / 6.5)
    assert (row["from"], row["to"], row["complete"]) == (at(START) * 1000, at(END) * 1000, 1)
    numbers = {n for n, kind in kinds.items() if kind == "number"}
    assert {"total_detections", "peak", "area_in_use_m2", "hours", "per_hour", "complete"} <= numbers
    assert {kinds[n] for n in ("space", "floor")} == {"string"}
    assert {kinds[n] for n in ("from", "to", "as_of")} == {"time"}


@doors
def test_the_summary_of_an_empty_period_has_no_peak(grafana: Grafana, world: World, send_query: Any) -> None:
    params = {"space": NEW_YORK, "resolution": "0.5", "from": NIGHT[0], "to": NIGHT[1]}
    [frame] = grafana.frames(send_query(world, "heatmap-summary", **params))
    assert field(frame, "total_detections")["values"] == [0]
    assert field(frame, "peak_x")["values"] == field(frame, "peak_y")["values"] == [None]
    assert field(frame, "total_detections")["type"] == "number"


@doors
def test_the_spaces_are_a_table(grafana: Grafana, world: World, send_query: Any) -> None:
    [frame] = grafana.frames(send_query(world, "spaces"))
    columns = {f["name"]: f["values"] for f in frame["fields"]}
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    expected = {}
    for floor in PEOPLE.office.floors:
        expected[floor.id] = ("floor", floor.name, floor.id, floor.timezone)
        for level, parts in (("room", floor.rooms), ("zone", floor.zones)):
            expected |= {part.id: (level, part.name, floor.id, floor.timezone) for part in parts}
    assert {r["id"]: (r["level"], r["name"], r["space"], r["timezone"]) for r in rows} == expected
    assert frame["length"] == len(rows) == len(expected)
    seats = {
        room.id: None if room.capacity is None else room.capacity.max
        for floor in PEOPLE.office.floors
        for room in floor.rooms
    }
    assert None in seats.values()
    assert {r["id"]: r["capacity"] for r in rows if r["level"] == "room"} == seats
    kinds = {f["name"]: f["type"] for f in frame["fields"]}
    assert (kinds["capacity"], kinds["area_m2"], kinds["id"], kinds["name"]) == (
        "number",
        "number",
        "string",
        "string",
    )


@pytest.mark.parametrize(
    ("target", "params", "expected"),
    [
        (
            "heatmap-summary",
            {},
            {
                "total_detections": ("Detections", "1,234"),
                "area_in_use_m2": ("Area in use", "1234 m²"),
                "hours": ("Hours counted", "1234.0 h"),
                "per_hour": ("Detections per hour", "1234.0 /h"),
                "as_of": ("As of", None),
            },
        ),
        (
            "hot-zones",
            {"area": "ft2"},
            {
                "zone": ("Zone", None),
                "share": ("Share of detections", "123400.0%"),
                "area_ft2": ("Area", "1234 ft²"),
                "per_ft2_hour": ("Per ft² and hour", "1.234 K"),
                "hot": ("Hot", "Yes"),
            },
        ),
        (
            "utilization",
            {},
            {
                "capacity": ("Capacity", "1,234"),
                "peak": ("People, peak", "1.2 K"),
                "in_use_s": ("Time in use", "20.6 mins"),
                "underused": ("Underused", "Yes"),
            },
        ),
        (
            "occupancy-now",
            {},
            {"people": ("People", "1,234"), "share": ("Share of capacity", "123400%")},
        ),
        ("pattern", {"metric": "presence"}, {"value": ("Time in use", "21 mins")}),
        ("playback", {"every": "1h"}, {"time": ("Time", None), "x": ("x", "1234 m")}),
    ],
)
def test_tables_need_no_override(
    grafana: Grafana,
    world: World,
    target: str,
    params: dict[str, str],
    expected: dict[str, tuple[str, str | None]],
) -> None:
    """Titles, and what 1234 looks like."""
    [frame] = grafana.frames(by_url(world, target, space=PARIS_2, **params))
    for name, (title, shown) in expected.items():
        reported = field(frame, name)
        assert reported["displayName"] == title
        if shown is not None:
            assert reported["shows"][1] == shown
        if title in ("As of", "Time"):
            assert reported["type"] == "time"


TABLES = [t.name for t in TARGETS.values() if "frames" in t.formats]


@pytest.mark.parametrize("target", TABLES)
def test_grafana_knows_every_unit_of_every_frame(grafana: Grafana, world: World, target: str) -> None:
    """One that it does not know it would write behind the number as it is."""
    for frame in grafana.frames(by_url(world, target, space=PARIS_2)):
        assert [reported["name"] for reported in frame["fields"] if not reported["knownUnit"]] == []
        names = [reported["displayName"] for reported in frame["fields"]]
        assert len(names) == len(set(names))


def test_a_failing_target_fails_alone(grafana: Grafana, world: World) -> None:
    response = query(
        world,
        {"refId": "A", "target": "heatmap", "payload": {"space": PARIS, "resolution": "1.0"}},
        {"refId": "B", "target": "heatmap", "payload": {"space": "space_atlantis"}},
        {"refId": "C", "target": "heatmap", "payload": {"space": PARIS, "resolution": "3"}},
        {"refId": "D", "target": "heatmap-summary", "payload": {"space": PARIS_2, "resolution": "1.0"}},
    )
    assert response.status_code == 200
    good, unknown, wrong, summary = grafana.frames(response.text)
    assert [f["refId"] for f in (good, unknown, wrong, summary)] == ["A", "B", "C", "D"]
    assert drawn(good) == people(PARIS, 1.0)
    assert field(summary, "total_detections")["values"] == [sum(people(PARIS_2, 1.0).values())]
    for frame, word, value in ((unknown, "space", "space_atlantis"), (wrong, "resolution", "3")):
        assert (frame["length"], frame["fields"]) == (0, [])
        [notice] = frame["meta"]["notices"]
        assert notice["severity"] == "error"
        assert notice["text"].startswith(f"{word}: ")
        assert f"'{value}'" in notice["text"]


def test_where_all_targets_fail_the_answer_is_the_first_error(world: World) -> None:
    """The plugin shows the body's `message`."""
    response = query(
        world,
        {"refId": "A", "target": "heatmap", "payload": {"space": "space_atlantis"}},
        {"refId": "B", "target": "heatmap", "payload": {"space": PARIS, "resolution": "3"}},
    )
    assert response.status_code == 404
    assert response.json["message"].startswith("space: 'space_atlantis'")
    assert response.json["error"]["source"] == "caller"


def test_values_that_the_form_writes_as_a_regex_mean_what_they_say(grafana: Grafana, world: World) -> None:
    """In builder mode simPod interpolates `0.5` as `0\\.5` and several values as `(a|b)`."""
    rooms = [r for r in PEOPLE.office.by_id[PARIS].rooms if r.name in ("Kitchen", "Boardroom")]
    payload = {
        "space": PARIS,
        "resolution": r"0\.5",
        "room": f"({'|'.join(r.id for r in rooms)})",
        "tag": "",
        "normalize": "none",
        "hours": "",
    }
    [frame] = grafana.frames(query(world, {"target": "heatmap", "payload": payload}).text)
    inside = union_all([Polygon(r.footprint) for r in rooms])
    expected = {cell: n for cell, n in people(PARIS, 0.5).items() if covers(inside, points(*cell))}
    assert drawn(frame) == expected
    assert len(expected) > 20


def test_a_hidden_target_and_an_empty_payload(grafana: Grafana, make_world: Any) -> None:
    """The plugin sends `{}` for a payload that it cannot read; one floor served needs no `space`."""
    world = make_world(butlr_spaces=(NEW_YORK,))
    response = query(
        world,
        {"refId": "A", "target": "heatmap", "payload": {}, "hide": True},
        {"refId": "B", "target": "heatmap", "payload": {}},
    )
    [frame] = grafana.frames(response.text)
    assert frame["refId"] == "B"
    assert drawn(frame) == people(NEW_YORK, frame["meta"]["custom"]["resolution"])


@pytest.mark.parametrize("space", [PARIS, PARIS_2])
def test_the_matrix_is_in_order_after_infinity_sorted_its_keys(
    grafana: Grafana, world: World, space: str
) -> None:
    """Infinity's backend parser sorts a row's keys as texts.

    The panel then takes the first column as x, one whose name is no number (else it would be taken for a
    row), and each other one as the row of its name.
    """
    table = json.loads(by_url(world, space=space, resolution="1.0", format="matrix"))
    names = sorted(table[0])
    fields = [{"name": n, "type": "number", "config": {}, "values": [r[n] for r in table]} for n in names]
    [frame] = grafana.frames(json.dumps([{"refId": "A", "fields": fields}]))
    x, *rows = frame["fields"]
    assert x["displayName"] == "#x"
    ys = [float(row["displayName"]) for row in rows]
    assert ys == sorted(ys)
    cells = {
        (round(a, 3), b): n
        for b, row in zip(ys, rows, strict=True)
        for a, n in zip(x["values"], row["values"], strict=True)
        if n is not None
    }
    assert cells == people(space, 1.0)


def test_a_variable_reads_texts_and_values(grafana: Grafana, world: World) -> None:
    """simPod makes a frame of the answer and takes its fields `__text` and `__value`."""
    response = world.http.post("/variable", json={"payload": {"target": "floors"}})
    [frame] = grafana.frames(f"[{response.text}]")
    assert field(frame, "__value")["values"] == list(FLOORS)
    names = [
        f"{building.name} / {floor.name}"
        for site in PEOPLE.office.sites
        for building in site.buildings
        for floor in building.floors
    ]
    assert field(frame, "__text")["values"] == names
