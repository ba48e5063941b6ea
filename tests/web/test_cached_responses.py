"""Before the framework the same is answered as by it, and only what is still so."""

from __future__ import annotations

import logging
import re
import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from butlr_grafana.base.access import BackendToken
from butlr_grafana.cache.topology import RENEW_S
from butlr_grafana.model.factor import Unknown
from butlr_grafana.present.encoding import Encoded
from butlr_grafana.service.response_cache import ResponseCache
from butlr_grafana.targets.registry import TARGETS
from butlr_grafana.web import app
from butlr_grafana.web.connections import Connections
from butlr_grafana.web.server import listen
from tests.service.test_metrics import Figures
from tests.support import HANG_S, NEW_YORK, PARIS, World

NOON = "2026-06-17T12:34:05"
DAY = {"space": PARIS, "from": "2026-06-16T12:00:00Z", "to": "2026-06-17T12:34:00Z"}
RANGE = {"from": "2026-06-16T12:00:00.123Z", "to": "2026-06-17T12:34:00.123Z"}
TOKENS = (
    BackendToken("all-of-it"),
    BackendToken("only-paris", frozenset({PARIS})),
    BackendToken("for-walls", None, for_walls=True),
)
ID = "panel-7"


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world(now=NOON)


class Doors:
    """The application as it is, and as it would be without what is before the framework; `by_flask`: how many
    requests of the first the framework answered.
    """

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.by_flask = 0
        service = world.application.service
        receiver = world.application.receiver
        self.app = app.build(service, receiver, tokens=lambda: TOKENS, grafana_url="http://localhost:3000")
        with patch.context() as without:
            without.setattr(app, "CachedResponses", lambda app, _answers, _tokens: app)
            self.plain = app.build(
                service, receiver, tokens=lambda: TOKENS, grafana_url="http://localhost:3000"
            )
        dispatch = self.app.full_dispatch_request

        def counted() -> Any:
            self.by_flask += 1
            return dispatch()

        self.app.full_dispatch_request = counted  # type: ignore[method-assign]

    def send_query(self, method: str, path: str, *, app: Flask | None = None, **params: Any) -> TestResponse:
        headers = {"X-Request-Id": ID, "Authorization": "Bearer all-of-it", **params.pop("headers", {})}
        return (app or self.app).test_client().open(path, method=method, headers=headers, **params)

    def both_ways(self, method: str, path: str, **params: Any) -> TestResponse:
        """Asked often enough to be kept by both; all of it is the same."""
        for _ in range(3):
            self.send_query(method, path, app=self.plain, **params)
            self.send_query(method, path, **params)
        plain, ours = (self.send_query(method, path, app=app, **params) for app in (self.plain, self.app))
        assert (ours.status, list(ours.headers), ours.data) == (plain.status, list(plain.headers), plain.data)
        return ours

    def is_before_flask(self, method: str, path: str, **params: Any) -> bool:
        before = self.by_flask
        self.send_query(method, path, **params)
        return self.by_flask == before


@pytest.fixture
def doors(world: World, monkeypatch: pytest.MonkeyPatch) -> Doors:
    return Doors(world, monkeypatch)


@pytest.mark.parametrize(("target", "form"), [(t.name, f) for t in TARGETS.values() for f in t.formats])
def test_every_kept_answer_is_the_same_either_way(doors: Doors, target: str, form: str) -> None:
    picture = {"width": "320"} if form in ("png", "webp") else {}
    requested = {"query_string": {**DAY, **picture, "format": form}}
    doors.both_ways("GET", f"/api/v1/{target}", **requested)
    assert doors.is_before_flask("GET", f"/api/v1/{target}", **requested) is (TARGETS[target].cacheable)


BASIC = "Basic " + b64encode(b"grafana:only-paris").decode()
REQUESTS: dict[str, tuple[str, str, dict[str, Any], bool]] = {
    "squeezed": ("GET", "heatmap", {"headers": {"Accept-Encoding": "gzip, deflate"}}, True),
    "not squeezed": ("GET", "heatmap", {"headers": {"Accept-Encoding": "gzip;q=0"}}, True),
    "a token for this floor": ("GET", "heatmap", {"headers": {"Authorization": "Bearer only-paris"}}, True),
    "as the Basic password": ("GET", "heatmap", {"headers": {"Authorization": BASIC}}, True),
    "a wrong token": ("GET", "heatmap", {"headers": {"Authorization": "Bearer wrong"}}, False),
    "no token": ("GET", "heatmap", {"headers": {"Authorization": ""}}, False),
    "a wall's token": ("GET", "heatmap", {"headers": {"Authorization": "Bearer for-walls"}}, False),
    "only the head": ("HEAD", "heatmap", {}, False),
    "a condition": ("GET", "heatmap", {"headers": {"If-None-Match": 'W/"x"'}}, False),
    "an unknown target": ("GET", "heat", {}, False),
    "another method": ("PUT", "heatmap", {}, False),
    "a wrong word": ("GET", "heatmap?resolution=7", {}, False),
    "as an object": ("POST", "heatmap", {"json": DAY}, True),
    "no object": ("POST", "heatmap", {"data": b"[]"}, False),
    "not JSON": ("POST", "heatmap", {"data": b"{"}, False),
    "too large": ("POST", "heatmap", {"data": b" " * (app.MAX_BODY_BYTES + 1)}, False),
    "a long object": ("POST", "heatmap", {"json": {**DAY, "room": "", "tag": "", "_": "x" * 9000}}, False),
}


@pytest.mark.parametrize(("method", "target", "params", "is_before"), REQUESTS.values(), ids=REQUESTS)
def test_every_request_is_answered_the_same_either_way(
    doors: Doors, method: str, target: str, params: dict[str, Any], is_before: bool
) -> None:
    path = f"/api/v1/{target}"
    requested = params if method == "POST" or "?" in target else {"query_string": DAY, **params}
    doors.both_ways(method, path, **requested)
    assert doors.is_before_flask(method, path, **requested) is is_before


def query(*targets: str) -> dict[str, Any]:
    return {
        "range": RANGE,
        "targets": [
            {"refId": name, "target": name, "payload": {"space": PARIS, "resolution": "1.0"}}
            for name in targets
        ],
    }


def test_a_panel_of_one_target_is_answered_before_the_framework_one_of_several_by_it(doors: Doors) -> None:
    for body, is_before in ((query("heatmap"), True), (query("heatmap", "hotspots"), False)):
        doors.both_ways("POST", "/query", json=body)
        assert doors.is_before_flask("POST", "/query", json=body) is is_before
    found = doors.both_ways("POST", "/query", json=query("heatmap", "heatmap-summary")).get_json()
    assert [frame["refId"] for frame in found] == ["heatmap", "heatmap-summary"]


def test_what_one_token_was_answered_no_other_is(doors: Doors) -> None:
    """The very same request but for the token."""
    new_york = {"query_string": {**DAY, "space": NEW_YORK}}
    assert doors.both_ways("GET", "/api/v1/heatmap", **new_york).status_code == 200
    assert doors.is_before_flask("GET", "/api/v1/heatmap", **new_york)
    limited = {**new_york, "headers": {"Authorization": "Bearer only-paris"}}
    assert doors.both_ways("GET", "/api/v1/heatmap", **limited).status_code == 404


def test_a_wall_is_told_of_today_as_long_as_it_is_today(doors: Doors, world: World) -> None:
    today = {
        "query_string": {"space": PARIS, "from": "2026-06-16T11:30:00Z", "to": NOON + "Z", "format": "png"},
        "headers": {"Authorization": "Bearer for-walls"},
    }
    assert doors.both_ways("GET", "/api/v1/heatmap", **today).status_code == 200
    assert doors.is_before_flask("GET", "/api/v1/heatmap", **today)
    world.now_s += 40 * 60
    assert doors.both_ways("GET", "/api/v1/heatmap", **today).status_code == 403


PAST = {"query_string": {**DAY, "from": "2026-06-01T00:00:00Z", "to": "2026-06-15T00:00:00Z"}}


def is_before(doors: Doors) -> bool:
    return doors.is_before_flask("GET", "/api/v1/heatmap", **PAST)


@pytest.fixture
def stored(doors: Doors) -> Doors:
    """The map of a time that is long over."""
    doors.both_ways("GET", "/api/v1/heatmap", **PAST)
    assert is_before(doors)
    return doors


def test_once_a_minute_a_request_is_read_anew(stored: Doors, world: World) -> None:
    """What a period that ends now covers is another one each minute."""
    world.now_s += 54  # 12:34:59
    assert is_before(stored)
    world.now_s += 1
    assert not is_before(stored)
    assert is_before(stored)


def test_a_clock_that_was_put_back_brings_nothing_old(stored: Doors, world: World) -> None:
    world.now_s -= 3600
    assert not is_before(stored)


def test_what_the_stopwatch_says_is_old_is_not_sent(stored: Doors, world: World) -> None:
    world.stopwatch_s += 3600
    assert not is_before(stored)


def test_a_new_topology_is_looked_at(stored: Doors, world: World) -> None:
    spaces = world.application.service.spaces
    world.time.now_s += RENEW_S
    spaces.renew(timeout_s=HANG_S)
    assert not is_before(stored)


def test_a_new_factor_is_looked_at(stored: Doors, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(world.application.service.factors), "of", lambda *_: Unknown("measured anew"))
    assert not is_before(stored)


@pytest.mark.parametrize("target", sorted(name for name, target in TARGETS.items() if target.tells_age))
def test_an_age_in_seconds_is_told_anew_each_second(doors: Doors, world: World, target: str) -> None:
    requested = {"query_string": {**DAY, "format": "rows"}}
    doors.both_ways("GET", f"/api/v1/{target}", **requested)
    assert doors.is_before_flask("GET", f"/api/v1/{target}", **requested)
    world.now_s += 1
    assert not doors.is_before_flask("GET", f"/api/v1/{target}", **requested)
    doors.both_ways("GET", f"/api/v1/{target}", **requested)


def test_a_period_of_seconds_is_another_one_each_second(doors: Doors, world: World) -> None:
    seconds = {"query_string": {**DAY, "from": "2026-06-17T12:34:01Z", "to": "2026-06-17T13:00:00Z"}}
    doors.both_ways("GET", "/api/v1/heatmap", **seconds)
    world.now_s += 1
    doors.both_ways("GET", "/api/v1/heatmap", **seconds)


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[tuple[str, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        data = {k: v for k, v in record.__dict__["data"].items() if k != "seconds"}
        self.text.append((record.getMessage(), data))


@pytest.fixture
def lines() -> Iterator[Lines]:
    logger, found = logging.getLogger("butlr_grafana.web.request_log"), Lines()
    level = logger.level
    logger.addHandler(found)
    logger.setLevel("INFO")
    yield found
    logger.removeHandler(found)
    logger.setLevel(level)


def test_it_is_counted_and_logged_as_the_frameworks_is(stored: Doors, world: World, lines: Lines) -> None:
    label = ("/api/v1/<target>", "frames", "GET", "200", "heatmap")

    def counted(app: Flask) -> tuple[float, dict[tuple[str, ...], float]]:
        before = Figures(world)
        stored.send_query("GET", "/api/v1/heatmap", app=app, **PAST)
        after = Figures(world)
        requests, segments = "butlr_backend_requests_total", "butlr_backend_segments_total"
        seen = {source: after.of(segments)[source] - n for source, n in before.of(segments).items()}
        return after.of(requests)[label] - before.of(requests)[label], seen

    by_flask, ours = counted(stored.plain), counted(stored.app)
    assert by_flask == ours
    # The two weeks are two calls.
    assert ours == (1, {("fetched",): 0, ("cached",): 2, ("pushed",): 0, ("stale",): 0, ("missing",): 0})
    assert lines.text[0] == lines.text[1]
    assert lines.text[0][0] == "answered GET /api/v1/<target>"


def test_each_response_has_the_id_of_its_own_request(stored: Doors) -> None:
    for sent in ("one", "two"):
        found = stored.send_query("GET", "/api/v1/heatmap", headers={"X-Request-Id": sent}, **PAST)
        assert found.headers.getlist("X-Request-Id") == [sent]


def test_what_the_response_cache_has_let_go_is_not_sent(
    stored: Doors, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else bodies would take memory beyond its limit."""
    size = Encoded(stored.send_query("GET", "/api/v1/heatmap", **PAST).data, "").nbytes
    monkeypatch.setattr(app, "ResponseCache", partial(ResponseCache, max_bytes=int(1.5 * size)))
    small = Doors(world, monkeypatch)
    for _ in range(3):
        small.send_query("GET", "/api/v1/heatmap", **PAST)
    assert is_before(small)
    another = {"query_string": {**PAST["query_string"], "refId": "B"}}
    for _ in range(2):
        small.send_query("GET", "/api/v1/heatmap", **another)
    assert not is_before(small)


SENT = {
    "on a connection that is kept": b"GET %b HTTP/1.1\r\nHost: x\r\n",
    "as the last": b"GET %b HTTP/1.1\r\nConnection: close\r\n",
    "by HTTP 1.0": b"GET %b HTTP/1.0\r\n",
    "squeezed": b"GET %b HTTP/1.1\r\nAccept-Encoding: gzip\r\n",
}


@pytest.mark.parametrize("sent", SENT.values(), ids=SENT)
def test_the_bytes_on_the_wire_are_the_same_either_way(stored: Doors, sent: bytes) -> None:
    path = "/api/v1/heatmap?" + urlencode(PAST["query_string"])
    requested = sent % path.encode() + b"Authorization: Bearer all-of-it\r\nX-Request-Id: panel-7\r\n\r\n"

    def answered(app: Flask) -> tuple[int, bytes]:
        for _ in range(3):
            before = stored.by_flask
            data = over_a_socket(app, requested)
        return stored.by_flask - before, re.sub(rb"\r\nDate: [^\r]*", b"", data)

    (by_flask, ours), (_, plain) = answered(stored.app), answered(stored.plain)
    assert by_flask == 0
    assert plain.startswith(b"HTTP/1.")
    assert ours == plain


def over_a_socket(app: Flask, requested: bytes) -> bytes:
    listener = listen("127.0.0.1", 0)
    address = listener.getsockname()
    server, over = Connections(app, listener, threads=1, most=4), threading.Event()

    def run() -> None:
        while not over.is_set():
            server.poll(0.02)
        server.end()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        with socket.create_connection(address, HANG_S) as one:
            one.sendall(requested)
            one.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: one.recv(1 << 16), b""))
    finally:
        over.set()
        thread.join(HANG_S)
