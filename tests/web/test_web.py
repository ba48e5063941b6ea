"""The doors: what each endpoint answers, what is refused, and that a refusal costs Butlr nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.errors import BackendError
from butlr_grafana.query.parameters import PARAMETERS
from butlr_grafana.targets.registry import TARGETS
from butlr_grafana.web.responses import reason_phrase
from tests.strangers.routes import routes_of
from tests.support import DETECTIONS, GRAPHQL, NEW_YORK, PARIS, PARIS_2, World, at, cells_of, truth

RANGE = {"from": "2026-06-10T00:00:00.000Z", "to": "2026-06-11T00:00:00.000Z"}
URL = {"space": PARIS, "from": "2026-06-10T00:00:00Z", "to": "2026-06-11T00:00:00Z"}
DAY = (at("2026-06-10"), at("2026-06-11"))


def query(*targets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"range": RANGE, "targets": list(targets), **more}


def target(ref_id: str = "A", **payload: Any) -> dict[str, Any]:
    return {"refId": ref_id, "target": "heatmap", "payload": {"space": PARIS, **payload}}


# --- the JSON data source ---------------------------------------------------------------------------------


def test_a_client_is_told_that_all_is_well(world: World) -> None:
    response = world.http.get("/")
    assert (response.status_code, response.get_json()["status"]) == (200, "ok")


def test_query_answers_an_array_of_dense_frames(world: World) -> None:
    response = world.http.post(
        "/query", json=query(target("A"), target("B", space=NEW_YORK, resolution="1.0"))
    )
    assert response.status_code == 200
    frames = response.get_json()
    assert [f["refId"] for f in frames] == ["A", "B"]
    assert cells_of(frames[0]) == truth(PARIS, *DAY, 0.5)
    assert cells_of(frames[1]) == truth(NEW_YORK, *DAY, 1.0)
    for frame in frames:
        assert frame["meta"]["type"] == "heatmap-cells"
        assert [f["name"] for f in frame["fields"]] == ["x", "y", "detections"]
        xs, ys = (sorted(set(f["values"])) for f in frame["fields"][:2])
        x_major = [(x, y) for x in xs for y in ys]
        assert list(zip(*(f["values"] for f in frame["fields"][:2]), strict=True)) == x_major


def test_a_dense_frame_covers_the_floor_with_even_spacing(world: World) -> None:
    [frame] = world.http.post("/query", json=query(target())).get_json()
    xs, ys = (sorted(set(f["values"])) for f in frame["fields"][:2])
    # The floor is 48 by 30 m, in cells of half a metre.
    assert xs == [0.25 + 0.5 * i for i in range(96)]
    assert ys == [0.25 + 0.5 * i for i in range(60)]
    assert None in frame["fields"][2]["values"]
    assert 0 not in frame["fields"][2]["values"]


@pytest.mark.parametrize(
    "payload",
    [
        {"space": PARIS, "resolution": r"0\.5", "normalize": "none"},
        {"space": f"({PARIS})", "resolution": "0.5"},
        orjson.dumps({"space": PARIS, "resolution": 0.5}).decode(),
        {"space": [PARIS], "room": "", "hours": "", "tag": "$__all"},
    ],
)
def test_payloads_in_the_plugins_ways_of_writing_them(world: World, payload: Any) -> None:
    [frame] = world.http.post(
        "/query", json=query({"refId": "A", "target": "heatmap", "payload": payload})
    ).get_json()
    assert cells_of(frame) == truth(PARIS, *DAY, 0.5)


def test_few_pixels_lower_the_resolution_and_many_do_not_raise_it(world: World) -> None:
    for points, expected in ((60, 1.0), (100, 0.5), (5000, 0.5)):
        [frame] = world.http.post("/query", json=query(target(), maxDataPoints=points)).get_json()
        assert frame["meta"]["custom"]["resolution"] == expected


def test_a_failing_target_fails_alone(world: World) -> None:
    response = world.http.post(
        "/query", json=query(target("A"), target("B", space="space_x"), target("C", hours="25:00-9:00"))
    )
    assert response.status_code == 200
    good, foreign, wrong = response.get_json()
    assert cells_of(good) == truth(PARIS, *DAY, 0.5)
    for frame, ref_id, word in ((foreign, "B", "space"), (wrong, "C", "hours")):
        assert (frame["refId"], frame["fields"]) == (ref_id, [])
        [notice] = frame["meta"]["notices"]
        assert notice["severity"] == "error"
        assert notice["text"].startswith(word)


def test_where_all_targets_fail_the_status_is_the_firsts(world: World) -> None:
    response = world.http.post("/query", json=query(target(space="space_x"), target("B", resolution="0.3")))
    assert response.status_code == 404
    assert response.get_json()["error"]["code"] == "unknown_space"


def test_hidden_targets_are_not_requested(world: World) -> None:
    response = world.http.post(
        "/query", json=query(target("A"), {**target("B", space="space_x"), "hide": True})
    )
    assert [f["refId"] for f in response.get_json()] == ["A"]


def test_ad_hoc_filters_narrow_the_map_to_rooms_by_name(world: World) -> None:
    filters = [{"key": "room", "operator": "=", "value": "Lounge"}]
    [frame] = world.http.post("/query", json=query(target(), adhocFilters=filters)).get_json()
    [room] = [r for r in world.simulator.people.office.by_id[PARIS].rooms if r.name == "Lounge"]
    xs, ys = zip(*room.polygon, strict=True)  # the Lounge is a rectangle
    inside = {
        cell: n
        for cell, n in truth(PARIS, *DAY, 0.5).items()
        if min(xs) <= cell[0] <= max(xs) and min(ys) <= cell[1] <= max(ys)
    }
    assert inside
    assert cells_of(frame) == inside


def test_metrics_lists_the_targets_with_a_form_for_each(world: World) -> None:
    listed = world.http.post("/metrics", json={}).get_json()
    assert [m["value"] for m in listed] == list(TARGETS)
    for metric in listed:
        names = [p["name"] for p in metric["payloads"]]
        assert names == [w for w in TARGETS[metric["value"]].parameters if not PARAMETERS[w].url_only]
    heat = {p["name"]: p for p in listed[0]["payloads"]}
    assert [o["value"] for o in heat["resolution"]["options"]] == ["auto", "0.25", "0.5", "1.0"]
    assert heat["space"]["type"] == "select"
    assert "options" not in heat["space"]


def test_payload_options_are_the_floors_and_the_chosen_floors_rooms(world: World) -> None:
    def options(name: str, **payload: str) -> list[str]:
        body = {"metric": "heatmap", "name": name, "payload": payload}
        return [o["value"] for o in world.http.post("/metric-payload-options", json=body).get_json()]

    office = world.simulator.people.office
    assert options("space") == [f.id for f in office.floors]
    assert options("room", space=NEW_YORK) == [r.id for r in office.by_id[NEW_YORK].rooms]
    assert set(options("tag")) == {t for f in office.floors for r in f.rooms for t in r.tags}


def test_variables_for_buildings_floors_rooms_and_zones(world: World) -> None:
    def values(payload: Any) -> list[str]:
        response = world.http.post("/variable", json={"payload": payload, "range": RANGE})
        assert response.status_code == 200, response.get_data()
        assert all(set(v) == {"__text", "__value"} for v in response.get_json())
        return [v["__value"] for v in response.get_json()]

    office = world.simulator.people.office
    assert values({"target": "buildings"}) == ["building_paris", "building_newyork"]
    assert values({"target": "floors"}) == [PARIS, PARIS_2, NEW_YORK]
    assert values({"target": "floors", "building": "building_newyork"}) == [NEW_YORK]
    assert values({"target": "rooms", "space": PARIS_2}) == [r.id for r in office.by_id[PARIS_2].rooms]
    assert values({"target": "rooms", "payload": {"space": PARIS_2}}) == [
        r.id for r in office.by_id[PARIS_2].rooms
    ]
    assert values({"target": "zones", "space": PARIS}) == [z.id for z in office.by_id[PARIS].zones]


def test_tag_keys_and_values_feed_the_ad_hoc_filters(world: World) -> None:
    assert [k["text"] for k in world.http.post("/tag-keys", json={}).get_json()] == ["room", "tag", "type"]
    texts = [v["text"] for v in world.http.post("/tag-values", json={"key": "room"}).get_json()]
    office = world.simulator.people.office
    assert texts == sorted({r.name for f in office.floors for r in f.rooms})
    assert world.http.post("/tag-values", json={"key": "zone"}).status_code == 400


def test_search_is_there_for_older_clients(world: World) -> None:
    assert world.http.post("/search", json={"target": ""}).get_json() == list(TARGETS)


def test_annotations_are_the_gaps_in_the_coverage(make_world: Callable[..., World]) -> None:
    world = make_world(butlr_max_concurrency=1)
    body = {
        "range": {"from": "2026-05-01T00:00:00Z", "to": "2026-06-01T00:00:00Z"},
        "annotation": {"name": "gaps", "query": orjson.dumps({"space": PARIS}).decode()},
    }
    assert world.http.post("/annotations", json=body).get_json() == []
    week = ("2026-05-11T00:00:00Z", "2026-05-18T00:00:00Z")
    body["range"] = {"from": "2026-05-01T00:00:00Z", "to": week[1]}
    body["annotation"] = {"query": {"space": NEW_YORK}}
    # One call at a time, newest first: the first is the newest week's.
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    [gap] = world.http.post("/annotations", json=body).get_json()
    assert (gap["time"], gap["timeEnd"]) == (at(week[0]) * 1000, at(week[1]) * 1000)
    assert "400" in gap["text"]


# --- the same by URL --------------------------------------------------------------------------------------


def test_by_post_the_answer_is_the_same(world: World) -> None:
    """The parameters as a JSON object: texts, numbers, and lists, whose values are taken as they are."""
    tables = [t for t in TARGETS.values() if t.name not in ("status",)]
    for target in tables:
        for written in target.formats:
            params: dict[str, Any] = {**URL, "to": "2026-06-10T12:00:00Z", "format": written}
            answers = (
                world.http.get(f"/api/v1/{target.name}", query_string=params),
                world.http.post(f"/api/v1/{target.name}", json=params),
            )
            for _ in range(2):  # the first says how many parts were fetched
                by_url, by_body = answers
                answers = (
                    world.http.get(f"/api/v1/{target.name}", query_string=params),
                    world.http.post(f"/api/v1/{target.name}", json=params),
                )
            assert by_url.status_code == by_body.status_code == 200, by_body.get_data(as_text=True)[:300]
            assert by_url.get_data() == by_body.get_data(), target.name
            assert by_url.mimetype == by_body.mimetype
            assert by_url.headers["ETag"] == by_body.headers["ETag"]


def test_parameters_by_post_may_be_numbers_and_lists(world: World) -> None:
    rooms = [room.id for room in world.simulator.people.office.by_id[PARIS].rooms][:3]
    params = {"space": [PARIS], "from": DAY[0] * 1000, "to": DAY[1] * 1000, "format": "rows", "refId": "B"}
    found = world.http.post("/api/v1/hot-zones", json={**params, "room": rooms}).get_json()
    assert {row["zone_id"] for row in found} == set(rooms)
    map_ = {**params, "resolution": 1, "columns": 50, "width": 300}
    cells = world.http.post("/api/v1/heatmap", json=map_).get_json()
    assert {(row["x"], row["y"]): row["detections"] for row in cells} == truth(PARIS, *DAY, 1.0)
    [frame] = world.http.post("/api/v1/heatmap", json={**map_, "format": "frames"}).get_json()
    assert frame["refId"] == "B"


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "not JSON"),
        (b"[]", 400, "a list"),
        (b'"space"', 400, "a text"),
        (b'{"space": {}}', 400, "space: use a text or a number, not an object"),
        (b'{"room": [true]}', 400, "room: use a text or a number, not true or false"),
        (b'{"room": [["a"]]}', 400, "room: use a text or a number, not a list"),
        (b'{"refId": 7}', 400, "refId: "),
        (b'{"payload": {}}', 400, "payload: "),
        (orjson.dumps({"room": "x" * 300_000}), 413, "256 KB"),
    ],
)
def test_what_is_no_such_object_is_refused(world: World, body: bytes, status: int, message: str) -> None:
    response = world.http.post("/api/v1/hot-zones", data=body)
    assert response.status_code == status
    assert message in response.get_json()["message"]


def get(world: World, path: str = "/api/v1/heatmap", **params: Any) -> Any:
    return world.http.get(path, query_string={**URL, **params})


def test_rows_and_csv_list_the_cells_with_detections(world: World) -> None:
    expected = truth(PARIS, *DAY, 1.0)
    rows = get(world, resolution="1.0", format="rows").get_json()
    assert {(r["x"], r["y"]): r["detections"] for r in rows} == expected
    response = get(world, resolution="1.0", format="csv")
    assert response.mimetype == "text/csv"
    assert f'filename="{PARIS}_2026-06-10_2026-06-11.csv"' in response.headers["Content-Disposition"]
    head, *lines = response.get_data(as_text=True).split("\r\n")[:-1]
    assert head == "x_m,y_m,detections"
    assert {(float(x), float(y)): float(n) for x, y, n in (line.split(",") for line in lines)} == expected


def test_a_matrix_has_a_row_a_column_of_the_map_in_the_order_of_texts(world: World) -> None:
    rows = get(world, resolution="1.0", format="matrix").get_json()
    assert [r["#x"] for r in rows] == [0.5 + i for i in range(48)]
    keys = list(rows[0])
    # Infinity's backend parser sorts keys as texts: that must be the order of y.
    assert sorted(keys) == keys
    assert [float(k) for k in keys[1:]] == [0.5 + i for i in range(30)]
    found = {(r["#x"], float(k)): v for r in rows for k, v in r.items() if k != "#x" and v is not None}
    assert found == truth(PARIS, *DAY, 1.0)


@pytest.mark.parametrize(
    ("how", "name"), [("max", "normalized"), ("hour", "detections_per_hour"), ("share", "share")]
)
def test_normalising_comes_last(world: World, how: str, name: str) -> None:
    [frame] = get(world, normalize=how, to="2026-06-10T12:00:00Z").get_json()
    cells = truth(PARIS, DAY[0], DAY[0] + 12 * 3600, 0.5)
    divisor = {"max": max(cells.values()), "hour": 12, "share": sum(cells.values())}[how]
    assert frame["fields"][2]["name"] == name
    assert cells_of(frame) == pytest.approx({c: n / divisor for c, n in cells.items()})
    # What the answer says of itself stays raw.
    assert frame["meta"]["custom"]["total_detections"] == sum(cells.values())
    assert frame["meta"]["custom"]["max_value"] == max(cells.values())


def test_hours_days_and_zone_limit_the_local_times(world: World) -> None:
    params = {"hours": "09:00-17:00", "days": "mon,tue", "tz": "America/New_York"}
    [frame] = get(
        world, **{**params, "from": "2026-06-01T00:00:00Z", "to": "2026-06-15T00:00:00Z"}
    ).get_json()
    windows = [(at(f"2026-06-{d:02}T13:00"), at(f"2026-06-{d:02}T21:00")) for d in (1, 2, 8, 9)]
    expected: dict[Any, int] = {}
    for start, end in windows:
        for cell, n in truth(PARIS, start, end, 0.5).items():
            expected[cell] = expected.get(cell, 0) + n
    assert cells_of(frame) == expected
    assert frame["meta"]["custom"]["hours"] == 32


def test_a_summary_is_one_row(world: World) -> None:
    [row] = get(world, "/api/v1/heatmap-summary", format="rows").get_json()
    cells = truth(PARIS, *DAY, 0.5)
    top = max(cells.values())
    assert (row["total_detections"], row["peak"], row["hours"]) == (sum(cells.values()), top, 24)
    assert row["area_in_use_m2"] == len(cells) * 0.25
    assert row["per_hour"] == sum(cells.values()) / 24
    assert cells[row["peak_x"], row["peak_y"]] == top
    assert row["complete"] == 1


def test_spaces_are_rows_of_floors_rooms_and_zones(world: World) -> None:
    rows = world.http.get("/api/v1/spaces?format=rows").get_json()
    office = world.simulator.people.office
    for level, ids in (
        ("floor", [f.id for f in office.floors]),
        ("room", [r.id for f in office.floors for r in f.rooms]),
        ("zone", [z.id for f in office.floors for z in f.zones]),
    ):
        assert [r["id"] for r in rows if r["level"] == level] == ids
        narrowed = world.http.get(f"/api/v1/spaces?format=rows&level={level}").get_json()
        assert [r["id"] for r in narrowed] == ids


def test_times_without_any_local_time_that_counts_say_so(world: World) -> None:
    [frame] = get(world, days="sun").get_json()
    assert cells_of(frame) == {}
    assert any("No hour of this period" in n["text"] for n in frame["meta"]["notices"])


def test_an_empty_floor_is_a_map_of_nulls_that_says_so(world: World) -> None:
    [frame] = get(
        world, **{"from": "2026-06-14T03:00:00Z", "to": "2026-06-14T03:10:00Z", "space": NEW_YORK}
    ).get_json()
    assert truth(NEW_YORK, at("2026-06-14T03:00"), at("2026-06-14T03:10"), 0.25) == {}
    assert set(frame["fields"][2]["values"]) == {None}
    assert any("No detections" in n["text"] for n in frame["meta"]["notices"])


def test_openapi_describes_every_target_and_word(world: World) -> None:
    spec = world.http.get("/api/v1/openapi.json").get_json()
    validate(spec)
    described = {(method.upper(), path) for path, found in spec["paths"].items() for method in found}
    by_target = {(method, f"/api/v1/{target}") for target in TARGETS for method in ("GET", "POST")}
    others = {route for route in routes_of(world.application.web) if "<" not in route[1]}
    assert described == by_target | others
    for name, t in TARGETS.items():
        own = spec["paths"][f"/api/v1/{name}"]
        assert [p["name"] for p in own["get"]["parameters"]] == [*t.parameters, "refId"]
        body = own["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert list(body["properties"]) == [*t.parameters, "refId"]


def test_openapi_tells_of_each_status_that_an_error_may_have(world: World) -> None:
    """Those of our own errors, and those with which the server refuses what the application never sees."""
    spec = world.http.get("/api/v1/openapi.json").get_json()
    own = {str(kind.status) for kind in all_kinds(BackendError)}
    assert own >= {"400", "401", "403", "404", "413", "414", "431", "500", "502", "503", "504"}
    for path, found in spec["paths"].items():
        for method, operation in found.items():
            assert set(operation["responses"]) >= own | {"405"}, (method, path)


def all_kinds(kind: type[BackendError]) -> set[type[BackendError]]:
    return {kind}.union(*(all_kinds(one) for one in kind.__subclasses__()))


def test_operations(world: World) -> None:
    assert world.http.get("/healthz").get_json() == {"status": "ok"}
    assert world.http.get("/readyz").status_code == 200
    get(world)
    text = world.http.get("/metrics").get_data(as_text=True)
    assert 'butlr_calls_total{outcome="200",path="/v3/detections"} 1.0' in text
    assert 'butlr_backend_segments_total{source="fetched"} 1.0' in text
    assert re.search(
        r'butlr_backend_requests_total\{endpoint="/api/v1/<target>",.*,status="200",.*\} 1.0', text
    )


def test_readiness_warns_of_floors_that_there_are_not_without_naming_one(
    make_world: Callable[..., World],
) -> None:
    world = make_world(butlr_spaces=(PARIS, "space_atlantis", "space_mu"))
    answer = world.http.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["warnings"] == ["BUTLR_SPACES names 2 unknown floors"]
    assert "atlantis" not in answer.text
    [row] = world.http.get("/api/v1/spaces", query_string={"level": "floor", "format": "rows"}).get_json()
    assert row["id"] == PARIS


ATLANTIS, MU = "space_atlantis", "space_mu"
NOWHERE = BackendToken("a-token-for-nowhere", frozenset({ATLANTIS}))
ON_THE_WALL = BackendToken("a-token-on-the-wall", frozenset({MU}), for_walls=True)
SOMEWHERE = BackendToken("a-token-for-paris-1", frozenset({PARIS}))


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"butlr_spaces": (ATLANTIS, MU)}, "BUTLR_SPACES"),
        ({"tokens": (NOWHERE,)}, "BACKEND_TOKEN"),
        ({"tokens": (NOWHERE,), "wall_tokens": (ON_THE_WALL,)}, "BACKEND_TOKEN and BACKEND_WALL_TOKEN"),
        # A floor that Butlr lists, but that is not served.
        ({"tokens": (SOMEWHERE,), "butlr_spaces": (NEW_YORK,)}, "BACKEND_TOKEN"),
    ],
)
def test_not_ready_if_settings_leave_no_floor_to_anybody(
    settings: dict[str, Any], named: str, make_world: Callable[..., World]
) -> None:
    response = make_world(**settings).http.get("/readyz")
    assert response.status_code == 503
    error = response.get_json()["error"]
    assert (error["code"], error["source"]) == ("no_floors", "backend")
    assert error["message"].startswith(f"{named} ")
    # Anybody may read this.
    assert not re.search(r"space_\w", response.text)


def test_ready_while_one_caller_has_a_floor(make_world: Callable[..., World]) -> None:
    answer = make_world(tokens=(NOWHERE, SOMEWHERE), wall_tokens=(ON_THE_WALL,)).http.get("/readyz")
    assert answer.status_code == 200
    assert answer.get_json()["warnings"] == [
        "BACKEND_TOKEN names an unknown floor",
        "BACKEND_WALL_TOKEN names an unknown floor",
    ]


def test_not_ready_if_butlr_lists_no_floor(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.simulator.faults.set(body=b'{"data": {"sites": {"data": []}}}', paths=(GRAPHQL,))
    response = world.http.get("/readyz")
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "no_floors")
    assert "scope" in response.get_json()["message"]


@pytest.mark.parametrize(
    "path", ["/api/v1/spaces", "/api/v1/heatmap?from=2026-06-10T00:00Z", "/api/v1/hot-zones?space=all"]
)
def test_a_caller_without_a_floor_is_told_why(path: str, make_world: Callable[..., World]) -> None:
    world = make_world(tokens=(NOWHERE, SOMEWHERE))
    response = world.http.get(path, headers={"Authorization": f"Bearer {NOWHERE.text}"})
    assert (response.status_code, response.get_json()["error"]["code"]) == (503, "no_floors")
    assert "BACKEND_TOKEN" in response.get_json()["message"]
    assert not re.search(r"space_\w", response.text)


def test_not_ready_while_nothing_is_known(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.simulator.faults.set(status=400, paths=(GRAPHQL,))
    response = world.http.get("/readyz")
    assert response.status_code == 502
    assert response.get_json()["error"]["source"] == "upstream"


# --- what is refused --------------------------------------------------------------------------------------

BAD_WORDS = [
    ({"space": "space_x"}, 404, "space"),
    ({"from": URL["to"], "to": URL["from"]}, 400, "from"),
    ({"from": "2016-01-01T00:00:00Z"}, 400, "from"),
    ({"resolution": "0.3"}, 400, "resolution"),
    ({"hours": "25:00-26:00"}, 400, "hours"),
    ({"tz": "Mars/Olympus"}, 400, "tz"),
    ({"room": "nowhere"}, 400, "room"),
    ({"format": "exe"}, 400, "format"),
    ({"bogus": "1"}, 400, "bogus"),
    ({"space": "a\r\nSet-Cookie: x=1"}, 400, "space"),
    ({"tag": "\u0000"}, 400, "tag"),
]


@pytest.mark.parametrize(("params", "status", "word"), BAD_WORDS)
def test_bad_parameters_are_refused_at_once_without_a_call(
    world: World, params: dict[str, str], status: int, word: str
) -> None:
    world.http.get("/readyz")
    before = len(world.simulator.calls)
    response = get(world, **params)
    assert response.status_code == status
    message = response.get_json()["message"]
    assert message.startswith(f"{word}: ")
    assert response.get_json()["error"]["source"] == "caller"
    phrase = response.status.partition(" ")[2]
    assert phrase.isascii()
    assert len(phrase) <= 120
    assert phrase.startswith(f"{word}: ")
    assert "\n" not in str(response.headers).replace("\r\n", "")
    in_query = {k: v for k, v in params.items() if k not in ("from", "to", "format")}
    if in_query:
        assert world.http.post("/query", json=query(target(**in_query))).status_code == status
    assert len(world.simulator.calls) == before
    assert get(world).status_code == 200


UNUSED = [
    ("spaces", {"statistic": "p101"}, "statistic"),
    ("spaces", {"from": "yesterday"}, "from"),
    ("status", {"style": "oil"}, "style"),
    ("status", {"every": "2h"}, "every"),
    ("floorplan", {"threshold": "hot"}, "threshold"),
    ("occupancy", {"baseline": "-4x"}, "baseline"),
    ("free-rooms", {"resolution": "0.3"}, "resolution"),
    ("devices", {"hours": "8-18"}, "hours"),
    ("heatmap", {"every": "1h,1d"}, "every"),
]


@pytest.mark.parametrize(("name", "words", "word"), UNUSED)
def test_an_impossible_value_is_refused_also_where_the_target_does_not_use_the_parameter(
    world: World, name: str, words: dict[str, str], word: str
) -> None:
    assert word not in TARGETS[name].parameters
    before = len(world.simulator.calls)
    own = {} if name == "status" else {"space": PARIS}
    answer = world.http.get(f"/api/v1/{name}", query_string=own | words)
    assert answer.status_code == 400
    assert answer.get_json()["message"].startswith(f"{word}: ")
    assert len(world.simulator.calls) == before


def test_a_parameter_that_the_target_does_not_use_changes_nothing(world: World) -> None:
    """Dashboards send the same ones to all panels, some of them empty."""
    used = {"space": PARIS, "level": "room", "format": "rows"}
    others = {
        **{"hours": "08:00-18:00", "days": "sat", "tz": "Asia/Tokyo", "statistic": "p95", "every": "1h"},
        **{"baseline": "-4w", "threshold": "2.5", "from": "2026-06-01", "to": "", "underused": "0"},
    }
    assert others.keys().isdisjoint(TARGETS["spaces"].parameters)
    plain, more = (
        world.http.get("/api/v1/spaces", query_string=words).get_json() for words in (used, used | others)
    )
    assert len(plain) == len(world.simulator.people.office.by_id[PARIS].rooms)
    assert more == plain


def test_a_variable_names_what_it_may_be_requested_with(world: World) -> None:
    answer = world.http.post("/variable", json={"payload": {"target": "rooms", "spaec": PARIS}})
    assert answer.status_code == 400
    message = answer.get_json()["message"]
    assert message.startswith("spaec: ")
    assert all(name in message for name in ("target", "building", "space", "search"))
    asked = {"target": "rooms", "space": PARIS, "hours": "08:00-18:00"}
    rooms = world.http.post("/variable", json={"payload": asked}).get_json()
    assert len(rooms) == len(world.simulator.people.office.by_id[PARIS].rooms)


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"", 400, "JSON"),
        (b"not json", 400, "JSON"),
        (b"{}", 400, "range"),
        (b"[]", 400, "object"),
        (b"[1, 2]", 400, "object"),
        (b'"text"', 400, "object"),
        (b"\xff\xfe", 400, "JSON"),
        (b"[" * 100_000, 400, "JSON"),
        (orjson.dumps({"range": RANGE}), 400, "targets"),
        (orjson.dumps({"range": RANGE, "targets": []}), 400, "targets"),
        (orjson.dumps({"range": RANGE, "targets": {}}), 400, "targets"),
        (orjson.dumps({"range": RANGE, "targets": [7]}), 400, "object"),
        (orjson.dumps({"range": {"from": "x", "to": "y"}, "targets": [target()]}), 400, "range.from"),
        (orjson.dumps({"range": RANGE, "targets": [target(from_="x")]}), 400, "from_"),
        (orjson.dumps({"range": RANGE, "targets": [target(**{"from": "2026-01-01"})]}), 400, "from"),
        (orjson.dumps({"range": RANGE, "targets": [{"refId": "A"}]}), 400, "target"),
        (orjson.dumps({"range": RANGE, "targets": [target()] * 51}), 400, "at most 50"),
        (orjson.dumps({"range": RANGE, "targets": [target()] * 500}), 400, "at most 50"),
        (orjson.dumps({"range": RANGE, "targets": [target()], "pad": "x" * 300_000}), 413, "256 KB"),
    ],
)
def test_bad_bodies_are_refused_at_once_without_a_call(
    world: World, body: bytes, status: int, message: str
) -> None:
    world.http.get("/readyz")
    before = len(world.simulator.calls)
    response = world.http.post("/query", data=body, content_type="application/json")
    assert response.status_code == status
    assert message in response.get_json()["message"]
    assert len(world.simulator.calls) == before
    assert get(world).status_code == 200


@given(st.text(max_size=200))
def test_a_reason_phrase_is_one_short_ascii_line(message: str) -> None:
    phrase = reason_phrase(message)
    assert re.fullmatch(r"[ -~]{1,120}", phrase)


def test_unknown_paths_and_methods_have_the_one_error_shape(world: World) -> None:
    for response, status, advice in (
        (world.http.get("/nowhere"), 404, "/api/v1/<target>"),
        (world.http.get("/query"), 405, "allowed: POST"),
        (world.http.delete("/metrics"), 405, "allowed: GET, POST"),
        (world.http.get("/api/v1/nothing"), 404, "allowed:"),
        (world.http.post("/api/v1/nothing", json={}), 404, "allowed:"),
        (world.http.get("/api//v1/heatmap"), 404, "remove the /"),
        (world.http.post("/x//query", json={}), 404, "remove the /"),
        (world.http.get("/api/v1/"), 404, "/api/v1/<target>"),
        (world.http.get("/healthz/"), 404, "/api/v1/<target>"),
    ):
        assert response.status_code == status
        assert set(response.get_json()) == {"message", "error"}
        assert advice in response.get_json()["message"]
        assert advice in response.status
        assert "Location" not in response.headers
        allowed = response.headers.get("Allow", "")
        assert not allowed or f"allowed: {allowed}" in response.get_json()["message"]
        assert (status == 405) == bool(allowed)


def test_an_unforeseen_fault_shows_no_traceback(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("butlr_grafana.targets.spaces.SpacesTarget.rows_of", broken)
    response = world.http.get("/api/v1/spaces")
    assert response.status_code == 500
    assert "secret detail" not in response.get_data(as_text=True)
    assert response.get_json()["error"]["source"] == "backend"


# --- who may ask ------------------------------------------------------------------------------------------

TOKENS = (BackendToken("first-token"), BackendToken("paris-token", frozenset({PARIS})))


@pytest.fixture
def closed(make_world: Callable[..., World]) -> World:
    return make_world(tokens=TOKENS)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/heatmap", "/metrics", "/api/v1/openapi.json", "/nowhere", "/static/preview.css"]
)
def test_without_a_token_everything_is_refused(closed: World, path: str) -> None:
    for headers in ({}, bearer("wrong-token"), bearer(""), {"Authorization": "nonsense"}):
        response = closed.http.get(path, headers=headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Basic")
    assert closed.simulator.calls == []


def test_health_needs_no_token(closed: World) -> None:
    assert closed.http.get("/healthz").status_code == 200
    assert closed.http.get("/readyz").status_code == 200


def test_a_token_comes_as_bearer_or_as_the_basic_password(closed: World) -> None:
    basic = base64.b64encode(b"anybody:first-token").decode()
    for headers in (bearer("first-token"), {"Authorization": f"Basic {basic}"}):
        assert closed.http.get("/api/v1/spaces", headers=headers).status_code == 200


def test_a_token_for_a_floor_sees_that_floor_only(closed: World) -> None:
    headers = bearer("paris-token")
    rows = closed.http.get("/api/v1/spaces?format=rows&level=floor", headers=headers).get_json()
    assert [r["id"] for r in rows] == [PARIS]
    floors = closed.http.post("/variable", json={"payload": {"target": "floors"}}, headers=headers).get_json()
    assert [f["__value"] for f in floors] == [PARIS]
    foreign, unknown = (
        closed.http.get("/api/v1/heatmap", query_string={**URL, "space": space}, headers=headers)
        for space in (NEW_YORK, "space_newyerk_1")
    )
    assert foreign.status_code == unknown.status_code == 404
    assert foreign.get_json()["message"].replace(NEW_YORK, "") == unknown.get_json()["message"].replace(
        "space_newyerk_1", ""
    )
    assert closed.http.get("/api/v1/heatmap", query_string=URL, headers=headers).status_code == 200


def test_floors_that_are_not_served_do_not_exist(make_world: Callable[..., World]) -> None:
    world = make_world(butlr_spaces=(PARIS_2,))
    assert get(world).status_code == 404
    rows = world.http.get("/api/v1/spaces?format=rows&level=floor").get_json()
    assert [r["id"] for r in rows] == [PARIS_2]
    # One floor is served: it need not be named.
    params = {"from": URL["from"], "to": URL["to"]}
    [frame] = world.http.get("/api/v1/heatmap", query_string=params).get_json()
    assert frame["meta"]["custom"]["space"] == PARIS_2


def test_frames_repeat_the_querys_name(world: World) -> None:
    period = {"space": PARIS, "from": "2026-06-09T08:00:00Z", "to": "2026-06-09T09:00:00Z"}
    for target in ("heatmap", "hot-zones", "occupancy"):
        for more, text in (({}, "A"), ({"refId": "B"}, "B")):
            frames = world.http.get(f"/api/v1/{target}", query_string={**period, **more}).get_json()
            assert {frame["refId"] for frame in frames} == {text}
    refused = world.http.get("/api/v1/heatmap", query_string={**period, "refId": "B\r\nX: y"})
    assert refused.status_code == 400
    assert refused.get_json()["message"].startswith("refId: ")
