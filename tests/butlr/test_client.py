"""HTTP to Butlr when things go wrong: what is retried, how long is waited, what the error says."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import orjson
import pytest
import requests.utils

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.butlr import client as client_module
from butlr_grafana.butlr import transport
from butlr_grafana.butlr.api import Butlr, ButlrConfig
from butlr_grafana.butlr.client import ATTEMPTS, Client
from butlr_grafana.butlr.limits import OPEN_AFTER, Timing
from butlr_grafana.model.chunk import HeatMapSubject, Segment
from butlr_grafana.model.time import Period
from butlr_grafana.simulator import Simulator
from tests.butlr.wire import OFFICE, QUERY, Clients, FakeTime, Hurried, Sent, Wire, respond
from tests.support import GRAPHQL, HANG_S, LOGIN, until

FIRST_BACKOFF_S = 0.8
"""The longest of the first one: 0.4 * 2**1."""


def graphql(client: Client) -> bytes:
    return client.post(GRAPHQL, QUERY)


# What passes is tried again


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 599])
def test_a_fault_that_passes_is_not_noticed(simulator: Simulator, hurried: Hurried, status: int) -> None:
    simulator.faults.set(status=status, count=2)
    assert graphql(hurried(simulator.url)) == OFFICE
    assert [c.status for c in simulator.calls if c.path == GRAPHQL] == [status, status, 200]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (408, UpstreamLate),
        (429, UpstreamLimited),
        (500, UpstreamDown),
        (502, UpstreamDown),
        (503, UpstreamDown),
        (504, UpstreamLate),
    ],
)
def test_a_fault_that_stays_is_said_after_four_attempts(
    simulator: Simulator, hurried: Hurried, status: int, kind: type[UpstreamError]
) -> None:
    simulator.faults.set(status=status, retry_after="7")
    with pytest.raises(kind) as caught:
        graphql(hurried(simulator.url))
    assert type(caught.value) is kind
    assert (
        caught.value.message
        == f"Butlr answered {status} on {GRAPHQL}: {HTTPStatus(status).phrase}; a simulated fault"
    )
    assert caught.value.retry_after_s == 7.0
    assert (simulator.count(GRAPHQL), ATTEMPTS) == (4, 4)


@pytest.mark.parametrize("status", [400, 404, 405, 409, 411, 413, 415, 418, 422])
def test_what_butlr_calls_wrong_is_never_requested_again(
    simulator: Simulator, hurried: Hurried, status: int
) -> None:
    simulator.faults.set(status=status)
    with pytest.raises(UpstreamRefused) as caught:
        graphql(hurried(simulator.url))
    assert (
        caught.value.message
        == f"Butlr answered {status} on {GRAPHQL}: {HTTPStatus(status).phrase}; a simulated fault"
    )
    assert simulator.count(GRAPHQL) == 1


def test_in_an_outage_nothing_is_tried_again_until_something_is_answered(
    simulator: Simulator, hurried: Hurried
) -> None:
    client = hurried(simulator.url)
    graphql(client)
    simulator.faults.set(status=503)
    for _ in range(OPEN_AFTER // ATTEMPTS + 5):
        with pytest.raises(UpstreamDown):
            graphql(client)
    assert simulator.count(GRAPHQL) == 1 + OPEN_AFTER + 5
    # Another path is another matter.
    simulator.clear_calls()
    with pytest.raises(UpstreamDown):
        client.post("/v3/detections", {})
    assert simulator.count("/v3/detections") == ATTEMPTS
    simulator.faults.clear()
    graphql(client)
    simulator.faults.set(status=503, count=1)
    assert graphql(client) == OFFICE


def test_a_question_butlr_really_refuses_says_which_parameter(simulator: Simulator, hurried: Hurried) -> None:
    with pytest.raises(UpstreamRefused, match="data_types"):
        hurried(simulator.url).post("/v3/detections", {})
    assert simulator.count("/v3/detections") == 1


@pytest.mark.parametrize(
    ("retry_after", "requested_s"),
    [
        ("7", 7.0),
        ("61", 60.0),
        ("999999999", 60.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 60.0),
        (None, 0.0),
        ("0", 0.0),
        ("-30", 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("in a while", 0.0),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_heeded_within_reason(
    simulator: Simulator, hurried: Hurried, status: int, retry_after: str | None, requested_s: float
) -> None:
    simulator.faults.set(status=status, retry_after=retry_after, count=1)
    client = hurried(simulator.url)
    assert graphql(client) == OFFICE
    waited_s = sum(client.fake.slept)
    assert max(requested_s, 0.1) - 1e-6 <= waited_s <= requested_s + FIRST_BACKOFF_S


def test_after_a_429_nobody_asks_before_the_pause_is_over(
    simulator: Simulator, hurried: Hurried, fake: FakeTime
) -> None:
    client = hurried(simulator.url)
    graphql(client)
    simulator.faults.set(status=429, retry_after="30", count=1)
    began_s = fake.now_s
    graphql(client)
    assert client.rate_limiter.paused_s == 0.0
    assert fake.now_s - began_s >= 30.0
    client.rate_limiter.pause(20.0)
    began_s = fake.now_s
    graphql(client)
    assert fake.now_s - began_s >= 20.0


@pytest.mark.usefixtures("one_attempt")
def test_a_429_is_a_pause_for_the_others_also_where_its_question_gives_up(
    simulator: Simulator, hurried: Hurried
) -> None:
    client = hurried(simulator.url)
    graphql(client)
    simulator.faults.set(status=429, retry_after="30")
    with pytest.raises(UpstreamLimited):
        graphql(client)
    assert client.rate_limiter.paused_s == 30.0


def test_a_503_of_one_question_is_no_pause_for_the_others(simulator: Simulator, hurried: Hurried) -> None:
    simulator.faults.set(status=503, retry_after="30")
    client = hurried(simulator.url)
    with pytest.raises(UpstreamDown):
        graphql(client)
    assert client.rate_limiter.paused_s == 0.0


def test_backoff_grows_and_is_not_the_same_for_all(
    simulator: Simulator, hurried: Hurried, fake: FakeTime
) -> None:
    simulator.faults.set(status=500)
    client = hurried(simulator.url)
    for _ in range(8):
        with pytest.raises(UpstreamDown):
            graphql(client)
    thirds = [fake.slept[i : i + 3] for i in range(0, len(fake.slept), 3)]
    assert all(0.1 <= s <= 0.4 * 2**n for waits in thirds for n, s in enumerate(waits, 1))
    assert len(set(fake.slept)) == 24


def test_the_rate_limit_spreads_calls_over_minutes(
    simulator: Simulator, hurried: Hurried, fake: FakeTime
) -> None:
    client = hurried(simulator.url, rate_per_minute=5)
    began_s = fake.now_s
    for _ in range(9):  # ten calls, the login counts too
        graphql(client)
    assert fake.now_s - began_s == pytest.approx(60.0)


# Broken connections


def test_nobody_listening(hurried: Hurried, fake: FakeTime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(UpstreamDown, match=f"^Butlr cannot be reached on {LOGIN} \\(connection refused\\)$"):
        graphql(hurried(url))
    assert len(fake.slept) == ATTEMPTS - 1


@pytest.mark.parametrize("fault", [{"reset": "before"}, {"reset": "inside"}, {"truncate": True}])
def test_a_broken_connection_is_tried_again(
    simulator: Simulator, hurried: Hurried, fault: dict[str, Any]
) -> None:
    simulator.faults.set(**fault, count=2)
    assert graphql(hurried(simulator.url)) == OFFICE
    assert simulator.count(GRAPHQL) == 3


@pytest.mark.parametrize("fault", [{"reset": "before"}, {"reset": "inside"}, {"truncate": True}])
def test_a_connection_that_always_breaks_is_down(
    simulator: Simulator, hurried: Hurried, fault: dict[str, Any]
) -> None:
    simulator.faults.set(**fault)
    with pytest.raises(UpstreamDown, match=f"cannot be reached on {GRAPHQL}") as caught:
        graphql(hurried(simulator.url))
    assert "127.0.0.1" not in caught.value.message
    assert simulator.count(GRAPHQL) == ATTEMPTS


BODY = orjson.dumps({"data": list(range(2000))})


@pytest.mark.parametrize(
    "cut",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY[:-1],
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nno zip",
        b"HTTP/1.1 2",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
def test_an_answer_that_is_cut_off_is_down_not_half_an_answer(
    wire: Wire, hurried: Hurried, cut: bytes
) -> None:
    wire.reply = lambda to, _: to.sendall(cut)
    with pytest.raises(UpstreamDown, match="cannot be reached"):
        graphql(hurried(wire.url))
    assert wire.paths().count(GRAPHQL) == ATTEMPTS


def test_gzip_that_ends_early_is_down_not_half_an_answer(wire: Wire, hurried: Hurried) -> None:
    """The length is right, what is in it is not all."""
    wire.reply = respond(gzip.compress(BODY)[:-20], "200 OK", "Content-Encoding: gzip")
    with pytest.raises(UpstreamDown, match="was cut off"):
        graphql(hurried(wire.url))


def test_an_empty_answer_that_calls_itself_gzip_is_empty(wire: Wire, hurried: Hurried) -> None:
    wire.reply = respond(b"", "404 Not Found", "Content-Encoding: gzip")
    with pytest.raises(UpstreamRefused, match="404"):
        graphql(hurried(wire.url))


def test_an_encoding_nobody_requested_is_down(wire: Wire, hurried: Hurried) -> None:
    wire.reply = respond(b"\x1b\x0d\x00\xf8", "200 OK", "Content-Encoding: br")
    with pytest.raises(UpstreamDown):
        graphql(hurried(wire.url))
    assert {requested.headers["accept-encoding"] for requested in wire.requested} == {"gzip"}


@pytest.mark.parametrize(
    "whole",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(BODY),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zlib.compress(BODY),
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\n\r\n" + BODY,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: \r\n\r\n" + BODY,
        b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY,
    ],
)
def test_a_whole_answer_in_any_framing_arrives(wire: Wire, hurried: Hurried, whole: bytes) -> None:
    wire.reply = lambda to, _: to.sendall(whole)
    assert graphql(hurried(wire.url)) == BODY


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_tiny_answer_arrives(wire: Wire, hurried: Hurried, body: bytes) -> None:
    wire.reply = respond(body)
    assert graphql(hurried(wire.url)) == body


# Slow and large


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ATTEMPTS", 1)


@pytest.mark.usefixtures("one_attempt")
def test_no_answer_at_all_is_late(wire: Wire, hurried: Hurried) -> None:
    wire.reply = lambda _to, _requested: wire.ending.wait(30)
    with pytest.raises(UpstreamLate, match=f"^Butlr sent no response on {GRAPHQL} within 0.3 s$"):
        graphql(hurried(wire.url, timeout_s=0.3, real_clock=True))


@pytest.mark.usefixtures("one_attempt")
@pytest.mark.parametrize("first", [b"HTTP/1.1 200 OK\r\nX-Endless: ", b"HTTP/1.1 2"])
def test_a_head_that_drips_is_late(wire: Wire, hurried: Hurried, first: bytes) -> None:
    """Each byte comes within the time that one read may take."""
    wire.reply = lambda to, _: wire.drip(to, [first, *[b"x"] * 100])
    with pytest.raises(UpstreamLate, match=f"^Butlr sent no response on {GRAPHQL} within 0.3 s$"):
        graphql(hurried(wire.url, timeout_s=0.3, real_clock=True))


@pytest.mark.usefixtures("one_attempt")
def test_a_body_that_drips_is_late(wire: Wire, hurried: Hurried) -> None:
    def reply(to: socket.socket, _: Sent) -> None:
        to.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        wire.drip(to, [b"x"] * 100)

    wire.reply = reply
    with pytest.raises(UpstreamLate, match=r"took longer than 0\.3 s$"):
        graphql(hurried(wire.url, timeout_s=0.3, real_clock=True))


@pytest.mark.usefixtures("one_attempt")
def test_a_compressed_body_that_drips_is_late_too(wire: Wire, hurried: Hurried) -> None:
    """Where a hundred bytes unpack to nothing, no piece of the body ever comes by."""
    name_without_end = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03" + b"n" * 90

    def reply(to: socket.socket, _: Sent) -> None:
        to.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 100\r\n\r\n")
        wire.drip(to, [bytes([byte]) for byte in name_without_end])

    wire.reply = reply
    with pytest.raises(UpstreamLate, match=r"took longer than 0\.3 s$"):
        graphql(hurried(wire.url, timeout_s=0.3, real_clock=True))


@pytest.mark.parametrize("headers", [["Content-Length: 34078720"], ["Content-Encoding: gzip"]])
def test_a_body_beyond_the_cap_is_refused_and_not_held(
    wire: Wire, hurried: Hurried, monkeypatch: pytest.MonkeyPatch, headers: list[str]
) -> None:
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 2**20)
    body = gzip.compress(bytes(32 * 2**20)) if "gzip" in headers[0] else bytes(2**19)

    def reply(to: socket.socket, requested: Sent) -> None:
        respond(body, "200 OK", *headers)(to, requested)
        for _ in range(64):  # of the plain body; of the packed one nobody reads on
            to.sendall(body)

    wire.reply = reply
    client = hurried(wire.url)
    client._current_token()
    tracemalloc.start()
    try:
        with pytest.raises(UpstreamInvalid, match="larger than 1 MiB"):
            graphql(client)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
    assert wire.paths() == [LOGIN, GRAPHQL]


def test_a_body_at_the_cap_arrives(wire: Wire, hurried: Hurried, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "MAX_BODY_BYTES", 2**20)
    wire.reply = respond(bytes(2**20))
    assert len(graphql(hurried(wire.url))) == 2**20


# What must not be followed, used or kept


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent", "304 Same"])
def test_a_redirect_is_not_followed(wire: Wire, hurried: Hurried, status: str) -> None:
    wire.reply = respond(b"moved", status, f"Location: {wire.url}/elsewhere")
    with pytest.raises(UpstreamInvalid, match="redirects are not followed"):
        graphql(hurried(wire.url))
    assert wire.paths() == [LOGIN, GRAPHQL]


def test_a_netrc_does_not_replace_the_token(
    wire: Wire, hurried: Hurried, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(wire.url) == ("someone", "else")  # it would be used
    graphql(hurried(wire.url))
    assert [requested.headers.get("authorization") for requested in wire.requested] == [
        None,
        "Bearer token-1",
    ]


def test_cookies_are_not_kept(wire: Wire, hurried: Hurried) -> None:
    wire.reply = respond(b"{}", "200 OK", "Set-Cookie: session=1; Path=/")
    client = hurried(wire.url)
    graphql(client)
    graphql(client)
    assert [requested.headers.get("cookie") for requested in wire.requested] == [None, None, None]


def test_one_connection_serves_call_after_call(
    simulator: Simulator, hurried: Hurried, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3")
    client = hurried(simulator.url)
    graphql(client)
    simulator.faults.set(status=500, count=1)
    graphql(client)
    with pytest.raises(UpstreamRefused):
        client.post("/nowhere", {})
    graphql(client)
    assert simulator.count() == 6
    assert caplog.text.count("Starting new HTTP connection") == 1
    assert "dropped" not in caplog.text


def test_a_head_that_is_cut_off_is_no_answer(wire: Wire) -> None:
    """Python's HTTP takes it for a whole head and an empty body."""
    wire.reply = lambda to, _: to.sendall(b"HTTP/1.1 200 OK\r\nContent-")
    butlr = Butlr(ButlrConfig(wire.url, "demo", "demo"))
    with pytest.raises(UpstreamError):
        butlr.fetch(Segment("space_1", HeatMapSubject(0.5), Period(0, 3600), settled=True))
    butlr.close()


@pytest.mark.parametrize("body", [b"<html><h1>Sign in</h1></html>", b"", b"OK", b'{"message": "later"}'])
def test_a_page_with_status_200_is_no_heat_map(wire: Wire, body: bytes) -> None:
    wire.reply = respond(body)
    butlr = Butlr(ButlrConfig(wire.url, "demo", "demo"))
    try:
        with pytest.raises(
            UpstreamInvalid, match=r"Butlr's (heat map is not JSON|response has no array_cells)"
        ) as e:
            butlr.fetch(Segment("space_1", HeatMapSubject(0.5), Period(0, 3600), settled=True))
        assert body.decode() in e.value.message
        with pytest.raises(UpstreamInvalid, match=r"topology (is not JSON|has no data)"):
            butlr.topology_document()
    finally:
        butlr.close()


# What an error says


def test_each_call_is_told_to_the_observer(simulator: Simulator, fake: FakeTime) -> None:
    reported: list[tuple[str, str, float]] = []
    client = Client(
        ButlrConfig(simulator.url, "demo", "demo"),
        observe=lambda *call: reported.append(call),
        pace=Timing(fake, fake.wait),
    )
    simulator.faults.set(status=404, count=1)
    with pytest.raises(UpstreamRefused):
        graphql(client)
    graphql(client)
    simulator.stop()
    with pytest.raises(UpstreamDown):
        client._attempt(GRAPHQL, QUERY, None)
    client.close()
    assert [call[:2] for call in reported] == [
        (LOGIN, "200"),
        (GRAPHQL, "404"),
        (GRAPHQL, "200"),
        (GRAPHQL, "upstream_down"),
    ]
    assert all(seconds == 0.0 for _, _, seconds in reported)


# Closing


@pytest.fixture
def in_a_thread() -> Callable[[Callable[[], object]], tuple[threading.Thread, list[BaseException]]]:
    def start(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
        raised: list[BaseException] = []

        def run() -> None:
            try:
                work()
            except UpstreamError as error:
                raised.append(error)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread, raised

    return start


def test_closing_ends_the_wait_for_a_pause(simulator: Simulator, patient: Clients, in_a_thread: Any) -> None:
    client = patient(simulator.url)
    client.rate_limiter.pause(3600.0)
    thread, raised = in_a_thread(lambda: graphql(client))
    client.close()
    thread.join(HANG_S)
    assert not thread.is_alive()
    assert [str(error) for error in raised] == ["the backend is shutting down"]
    assert simulator.count() == 0


def test_closing_ends_the_wait_before_a_retry(
    simulator: Simulator, patient: Clients, in_a_thread: Any
) -> None:
    simulator.faults.set(status=503, retry_after="60")
    client = patient(simulator.url)
    thread, raised = in_a_thread(lambda: graphql(client))
    until(lambda: simulator.count(GRAPHQL) == 1)
    client.close()
    thread.join(HANG_S)
    assert not thread.is_alive()
    assert len(raised) == 1
    assert simulator.count(GRAPHQL) == 1


def test_a_call_under_way_is_not_tried_again_after_closing(
    wire: Wire, patient: Clients, in_a_thread: Any
) -> None:
    requested, let_go = threading.Event(), threading.Event()

    def reply(to: socket.socket, _: Sent) -> None:
        requested.set()
        let_go.wait(HANG_S)
        respond(b"", "503 Later")(to, _)

    wire.reply = reply
    client = patient(wire.url)
    thread, raised = in_a_thread(lambda: graphql(client))
    assert requested.wait(HANG_S)
    client.close()
    let_go.set()
    thread.join(HANG_S)
    assert not thread.is_alive()
    assert [str(error) for error in raised] == [f"Butlr answered 503 on {GRAPHQL}"]
    assert wire.paths() == [LOGIN, GRAPHQL]
