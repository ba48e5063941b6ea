"""Answers are made once for all who ask the same, and are the same bytes as if each were made anew."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from butlr_grafana.base.access import BackendToken
from butlr_grafana.present import formats
from butlr_grafana.present.encoding import Encoded, joined
from butlr_grafana.service.response_cache import ResponseCache
from butlr_grafana.simulator.messages import Request, Result
from butlr_grafana.simulator.server import Endpoint
from butlr_grafana.targets.registry import TARGETS
from butlr_grafana.web.app import build
from tests.support import (
    DETECTIONS,
    HANG_S,
    NEW_YORK,
    PARIS,
    PARIS_2,
    World,
    at,
    cells_of,
    replace_endpoint,
    truth,
    until,
)

NOON = "2026-06-17T12:34:05"
DAY = {"space": PARIS, "from": "2026-06-16T12:00:00Z", "to": "2026-06-17T12:34:00Z"}
KINDS = [(name, form) for name, target in TARGETS.items() for form in target.formats]


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(now=NOON)


@pytest.fixture
def completed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The targets of the answers that were made, rather than kept, in their order."""
    found: list[str] = []
    make = formats.encoded

    def noted(response: Any, **params: Any) -> Encoded:
        found.append(response.target.name)
        return make(response, **params)

    monkeypatch.setattr(formats, "encoded", noted)
    return found


def send_query(world: World, target: str = "heatmap", **params: str) -> TestResponse:
    return world.http.get(f"/api/v1/{target}", query_string={**DAY, **params})


def anew(world: World, target: str, **params: str) -> TestResponse:
    """The same from the same segments, by doors that have kept nothing."""
    doors = build(
        world.application.service,
        world.application.receiver,
        tokens=tuple,
        grafana_url="http://localhost:3000",
    )
    return doors.test_client().get(f"/api/v1/{target}", query_string={**DAY, **params})


@pytest.mark.parametrize(("target", "form"), KINDS)
def test_a_kept_answer_is_the_one_that_would_be_made(
    world: World, completed: list[str], target: str, form: str
) -> None:
    params = {"format": form, **({"width": "320"} if form in ("png", "webp") else {})}
    for _ in range(3):  # the floor's own picture, and what Butlr is asked for, come in the first
        assert send_query(world, target, **params).status_code == 200
    before = len(completed)
    stored = send_query(world, target, **params)
    assert len(completed) - before == (0 if TARGETS[target].cacheable else 1)
    assert stored.data == anew(world, target, **params).data
    world.now_s += 7
    assert send_query(world, target, **params).data == anew(world, target, **params).data


def test_it_is_kept_to_the_end_of_the_minute(world: World, completed: list[str]) -> None:
    for _ in range(3):
        send_query(world)
    assert len(completed) == 2  # what was fetched is said to be fetched once only
    world.now_s += 54  # 12:34:59
    send_query(world)
    assert len(completed) == 2
    world.now_s += 1
    send_query(world)
    assert len(completed) == 3


def test_what_has_settled_is_kept_to_the_end_of_the_hour(world: World, completed: list[str]) -> None:
    past = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-15T00:00:00Z"}
    for _ in range(3):
        send_query(world, **past)
    assert len(completed) == 2
    world.now_s = at("2026-06-17T12:59:59")
    send_query(world, **past)
    assert len(completed) == 2
    world.now_s += 1
    send_query(world, **past)
    assert len(completed) == 3


def test_it_is_kept_only_as_long_as_its_newest_part_is_good(world: World, completed: list[str]) -> None:
    world.now_s = at("2026-06-17T12:33:30")
    past = {"from": "2026-06-17T11:00:00Z", "to": "2026-06-17T12:30:00Z"}
    send_query(world, **past)
    world.now_s = at("2026-06-17T12:34:10")
    send_query(world, **past)
    assert len(completed) == 2
    world.now_s = at("2026-06-17T12:34:29")
    send_query(world, **past)
    assert len(completed) == 2
    world.now_s = at("2026-06-17T12:34:31")  # a minute after it was fetched
    assert world.spent(lambda: send_query(world, **past)) == 1
    assert len(completed) == 3


def test_a_sliding_range_of_the_same_minutes_is_one_question(world: World, completed: list[str]) -> None:
    end_ms = int(world.now_s) * 1000
    for shift_ms in (0, 400, 900, 1300):
        params = {"from": str(end_ms - 6 * 3_600_000 + shift_ms), "to": str(end_ms + shift_ms)}
        assert send_query(world, **params).status_code == 200
    assert len(completed) == 2


@pytest.mark.parametrize(
    "params",
    [
        {"space": PARIS_2},
        {"resolution": "1.0"},
        {"format": "rows"},
        {"refId": "B"},
        {"to": "2026-06-17T11:00:00Z"},
    ],
)
def test_another_question_is_another_answer(
    world: World, completed: list[str], params: dict[str, str]
) -> None:
    for _ in range(2):
        send_query(world)
    assert send_query(world, **params).data != send_query(world).data
    assert len(completed) == 3


def test_what_is_not_whole_is_not_kept(world: World, completed: list[str]) -> None:
    send_query(world, to="2026-06-17T11:00:00Z")
    world.simulator.faults.set(status=400, paths=(DETECTIONS,))
    world.now_s = at("2026-06-17T12:34:30")
    for _ in range(2):
        [frame] = send_query(world).get_json()
        assert not frame["meta"]["custom"]["complete"]
    assert len(completed) == 3
    world.simulator.faults.clear()
    world.now_s += 10
    world.time.now_s += 10  # a failed question rests
    assert send_query(world).get_json()[0]["meta"]["custom"]["complete"]


def test_a_failure_is_not_kept(world: World) -> None:
    world.simulator.faults.set(status=400, count=1, paths=(DETECTIONS,))
    hour = {"from": "2026-06-17T12:00:00Z"}
    assert send_query(world, **hour).status_code == 502
    assert send_query(world, **hour, space=PARIS_2).status_code == 200


def test_floors_that_were_renewed_are_requested_anew(world: World, completed: list[str]) -> None:
    for _ in range(2):
        send_query(world, "spaces")
    assert len(completed) == 1
    spaces = world.application.service.spaces
    old = spaces.current(timeout_s=HANG_S)
    spaces._due_at = 0.0
    spaces.renew(timeout_s=HANG_S)
    assert spaces.current(timeout_s=HANG_S) is not old
    send_query(world, "spaces")
    assert len(completed) == 2


def test_a_clock_that_steps_back_finds_nothing_kept_of_its_future(world: World, completed: list[str]) -> None:
    whole_days = {"from": "2026-06-01T00:00:00Z", "to": "2026-06-15T00:00:00Z"}
    for _ in range(2):
        send_query(world, **whole_days)
    assert len(completed) == 2
    world.now_s -= 3600
    send_query(world, **whole_days)
    assert len(completed) == 3


def test_a_token_sees_no_answer_that_was_made_for_another(make_world: Callable[..., World]) -> None:
    tokens = (BackendToken("all-floors"), BackendToken("only-paris", frozenset({PARIS})))
    world = make_world(now=NOON, tokens=tokens)

    def spaces(token: str) -> set[str]:
        response = world.http.get("/api/v1/spaces?format=rows", headers={"Authorization": f"Bearer {token}"})
        return {row["space"] for row in response.get_json()}

    for _ in range(2):
        assert spaces("all-floors") == {PARIS, PARIS_2, NEW_YORK}
        assert spaces("only-paris") == {PARIS}


def test_memory_is_bounded_by_bytes(world: World) -> None:
    service, visible = world.application.service, None
    size = len(send_query(world).data) * 2 + 1000
    responses = ResponseCache(service, max_bytes=3 * size)
    for hour in range(10):
        params = {**DAY, "to": f"2026-06-17T{hour:02}:00:00Z"}
        for _ in range(2):
            requested = service.read("heatmap", params)
            responses.request(requested, visible, ref_id="A", deadline=service.deadline()).completed()
        held = responses._entries
        assert held.currsize == sum(entry.nbytes for entry in held.values()) <= 3 * size
        assert len(held) == min(hour + 1, 3)


def test_what_is_of_another_minute_is_forgotten(world: World) -> None:
    service = world.application.service
    responses = ResponseCache(service)
    for minute in range(5):
        for resolution in ("0.5", "1.0"):
            for _ in range(2):
                requested = service.read("heatmap", {**DAY, "resolution": resolution})
                responses.request(requested, None, ref_id="A", deadline=service.deadline()).completed()
        assert len(responses._entries) == 2
        world.now_s += 60 if minute < 3 else -7200


@pytest.fixture
def released(world: World) -> Iterator[threading.Event]:
    """Until it is set, Butlr answers no heat map."""
    event = threading.Event()

    def held(response: Endpoint, request: Request) -> Result:
        assert event.wait(HANG_S)
        return response(request)

    world.http.get("/readyz")
    replace_endpoint(world, DETECTIONS, held)
    yield event
    event.set()


class Crowd:
    """Requests at once, each in a thread of its own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._threads: list[threading.Thread] = []
        self.responses: list[TestResponse] = []

    def asks(self, send: Callable[[FlaskClient], TestResponse]) -> None:
        client = self._world.application.web.test_client()
        thread = threading.Thread(target=lambda: self.responses.append(send(client)))
        thread.start()
        self._threads.append(thread)

    def gather(self) -> list[TestResponse]:
        for thread in self._threads:
            thread.join(HANG_S)
            assert not thread.is_alive()
        return self.responses


def test_many_who_ask_the_same_at_once_wait_for_one_answer(
    world: World, completed: list[str], released: threading.Event
) -> None:
    crowd, requested = Crowd(world), []

    def send(client: FlaskClient) -> TestResponse:
        requested.append(1)
        return client.get("/api/v1/heatmap", query_string=DAY)

    for _ in range(40):
        crowd.asks(send)
    until(lambda: len(requested) == 40)
    released.set()
    responses = crowd.gather()
    # Who came when the first had gone found what it kept, or made the second, which is kept.
    assert len(completed) <= 2
    assert {response.status_code for response in responses} == {200}
    for response in responses:
        assert cells_of(response.get_json()[0]) == truth(PARIS, at(DAY["from"]), at(DAY["to"]), 0.5)
    # Yesterday, today as far as it has settled, and the rest: as for one who asks.
    assert world.calls == 3


def test_who_waits_for_an_answer_that_fails_hears_why(
    world: World, completed: list[str], released: threading.Event
) -> None:
    world.simulator.faults.set(status=400, paths=(DETECTIONS,))
    crowd = Crowd(world)
    for _ in range(5):
        crowd.asks(lambda client: client.get("/api/v1/heatmap", query_string=DAY))
    released.set()
    for response in crowd.gather():
        assert response.status_code == 502
        assert response.get_json()["error"]["source"] == "upstream"
    assert not completed


def panels(*spaces: str) -> dict[str, Any]:
    return {
        "range": {"from": DAY["from"], "to": DAY["to"]},
        "targets": [
            {"refId": space, "target": "heatmap", "payload": {"space": space, "resolution": "1.0"}}
            for space in spaces
        ],
    }


def test_requests_with_the_same_panels_do_not_wait_for_each_other(
    world: World, completed: list[str], released: threading.Event
) -> None:
    """Each begins what the other waits for, in the other order."""
    crowd = Crowd(world)
    for order in ((PARIS, PARIS_2), (PARIS_2, NEW_YORK, PARIS), (NEW_YORK, PARIS_2)):
        crowd.asks(lambda client, order=order: client.post("/query", json=panels(*order)))
    released.set()
    for response in crowd.gather():
        for frame in response.get_json():
            custom = frame["meta"]["custom"]
            assert custom["space"] == frame["refId"]
            assert cells_of(frame) == truth(frame["refId"], at(custom["from"]), at(custom["to"]), 1.0)


def test_one_panel_twice_in_a_request_is_made_once(world: World, completed: list[str]) -> None:
    first, second = world.http.post("/query", json=panels(PARIS, PARIS)).get_json()
    assert first == second
    assert len(completed) == 1


def test_a_bug_in_one_panel_leaves_nobody_waiting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    read = type(world.application.service).read

    def broken(self: object, target: str, params: dict[str, object]) -> Any:
        if params["space"] == PARIS_2:
            raise RuntimeError("a bug")
        return read(self, target, params)  # type: ignore[arg-type]

    with monkeypatch.context() as bug:
        bug.setattr(type(world.application.service), "read", broken)
        assert world.http.post("/query", json=panels(PARIS, PARIS_2)).status_code == 500
    assert world.http.post("/query", json=panels(PARIS, PARIS_2)).status_code == 200


def test_kept_answers_count_as_shown(world: World) -> None:
    """On /metrics, with the age of what they show."""

    def counted(name: str) -> float:
        text = world.http.get("/metrics").get_data(as_text=True)
        return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])

    for _ in range(2):
        send_query(world)
    cached = 'butlr_backend_segments_total{source="cached"}'
    before, planned = (
        counted(cached),
        send_query(world).get_json()[0]["meta"]["custom"]["segments"]["planned"],
    )
    assert counted(cached) - before == planned
    world.now_s += 20
    send_query(world)
    assert counted("butlr_backend_data_age_seconds") == 20


def test_who_has_the_same_answer_is_told_so(world: World) -> None:
    for _ in range(2):
        first = send_query(world)
    assert first.headers["Cache-Control"] == "private, no-cache"
    same = send_query_with(world, {"If-None-Match": first.headers["ETag"]})
    assert (same.status_code, same.data) == (304, b"")
    assert same.headers["ETag"] == first.headers["ETag"]
    world.now_s += 60
    changed = send_query_with(world, {"If-None-Match": first.headers["ETag"]}, to="2026-06-17T12:35:00Z")
    assert changed.status_code == 200
    assert changed.headers["ETag"] != first.headers["ETag"]


def send_query_with(world: World, headers: dict[str, str], **params: str) -> TestResponse:
    return world.http.get("/api/v1/heatmap", query_string={**DAY, **params}, headers=headers)


@pytest.mark.parametrize("takes", ["gzip", "br, gzip;q=0.5", "*"])
def test_an_answer_is_squeezed_for_who_takes_that(world: World, takes: str) -> None:
    plain = send_query(world)
    compressed = send_query_with(world, {"Accept-Encoding": takes})
    assert (plain.headers.get("Content-Encoding"), compressed.headers["Content-Encoding"]) == (None, "gzip")
    assert len(compressed.data) * 4 < len(plain.data)
    found = cells_of(orjson.loads(gzip.decompress(compressed.data))[0])
    assert found == truth(PARIS, at(DAY["from"]), at(DAY["to"]), 0.5)
    for response in (plain, compressed):
        assert response.headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("takes", ["", "identity", "br", "gzip;q=0"])
def test_who_does_not_take_that_gets_it_as_it_is(world: World, takes: str) -> None:
    response = send_query_with(world, {"Accept-Encoding": takes})
    assert "Content-Encoding" not in response.headers
    assert response.get_json()


def test_pictures_and_small_answers_are_not_squeezed(world: World) -> None:
    for target, form in (("heatmap", "png"), ("status", "rows")):
        response = world.http.get(
            f"/api/v1/{target}", query_string={**DAY, "format": form}, headers={"Accept-Encoding": "gzip"}
        )
        assert "Content-Encoding" not in response.headers


def test_arrays_are_joined_in_their_order() -> None:
    lists = [[], [1, {"a": "],["}], [], [[2], 3]]
    found = joined(Encoded(orjson.dumps(one), "application/json") for one in lists)
    assert orjson.loads(found.body) == [1, {"a": "],["}, [2], 3]
    assert joined([]).body == b"[]"
