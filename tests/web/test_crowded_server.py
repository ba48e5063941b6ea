"""The server itself under strangers: silent, slow, many and malformed; a real process on a real socket."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests

from butlr_grafana.simulator import Simulator
from tests.held import held
from tests.processes import COMMAND, environment, running
from tests.support import DETECTIONS, HANG_S, PARIS, PEOPLE, at, cannot_run, until

THREADS = 4
NOW = "2026-06-17T12:34:56"
SOON_S = 10
"""Only waited to the end if a test fails: without its threads the server would not answer at all."""
DAY = {"space": PARIS, "resolution": "1.0", "from": "2026-06-01T00:00:00Z", "to": "2026-06-02T00:00:00Z"}


@pytest.fixture(scope="module")
def butlr() -> Iterator[Simulator]:
    with Simulator(PEOPLE, clock=lambda: float(at(NOW))) as simulator:
        simulator.token_lifetime_s = 1e9
        yield simulator


def settings(butlr: Simulator) -> dict[str, str]:
    reached = {"BUTLR_API_URL": butlr.url, "BUTLR_CLIENT_ID": "demo", "BUTLR_CLIENT_SECRET": "demo"}
    return {**reached, "BACKEND_THREADS": str(THREADS), "BACKEND_LOG_LEVEL": "warning"}


@pytest.fixture(scope="module")
def url(butlr: Simulator) -> Iterator[str]:
    with running("serve", **settings(butlr)) as (_, url):
        yield url


@pytest.fixture
def connect(url: str) -> Iterator[Callable[..., socket.socket]]:
    """Opens connections that end with the test."""
    with ExitStack() as stack:

        def connection(to: str = url) -> socket.socket:
            parts = urlsplit(to)
            return stack.enter_context(socket.create_connection((parts.hostname, parts.port), SOON_S))

        yield connection


def send_query(url: str, path: str = "/api/v1/spaces", **words: str) -> requests.Response:
    """On a connection of its own."""
    return requests.get(url + path, params=words, headers={"Connection": "close"}, timeout=SOON_S)


def started_at(url: str) -> str:
    """When the process that answers began: with another one all that was kept in memory would be gone."""
    found = re.search(r"^process_start_time_seconds (\S+)$", send_query(url, "/metrics").text, re.MULTILINE)
    assert found
    return found[1]


def response_to(connection: socket.socket, request: bytes) -> bytes:
    """All that comes back until the server hangs up."""
    connection.sendall(request)
    connection.shutdown(socket.SHUT_WR)
    pieces = []
    while piece := connection.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def test_connections_that_say_nothing_cost_no_thread(url: str, connect: Callable[[], socket.socket]) -> None:
    for _ in range(10 * THREADS):
        connect()
    assert send_query(url).status_code == 200


HEAD = b"POST /query HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize("begun", [b"GET /", HEAD + b"X-Slow: ", HEAD + b"Content-Length: 1000\r\n\r\n{"])
def test_who_does_not_go_on_is_not_heard_out(
    url: str, connect: Callable[[], socket.socket], begun: bytes
) -> None:
    """A byte now and then does not help: what counts is how long the whole request takes."""
    slow = [connect() for _ in range(2 * THREADS)]
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(0.2):
            for one in slow:
                try:
                    one.sendall(b" ")
                except OSError:
                    return  # it has been hung up on

    for one in slow:
        one.sendall(begun)
    dripping = threading.Thread(target=drip)
    dripping.start()
    try:
        assert send_query(url).status_code == 200
    finally:
        ended.set()
        dripping.join()


def test_where_all_places_are_taken_the_silent_make_room(
    butlr: Simulator, connect: Callable[[str], socket.socket]
) -> None:
    """Of 200 open files 100 may be connections."""
    limited = ["sh", "-c", 'ulimit -n 200 && exec "$@"', "sh", *COMMAND, "serve"]
    environ = environment(**settings(butlr))
    with subprocess.Popen(limited, env=environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://[\w.:]+", process.stdout.readline())
            assert found
            before = started_at(found[0])
            for _ in range(150):
                connect(found[0])
            assert send_query(found[0]).status_code == 200
            assert started_at(found[0]) == before
        finally:
            process.kill()


def test_more_requests_than_threads_wait_and_are_all_answered(url: str) -> None:
    with ThreadPoolExecutor(20 * THREADS) as pool:
        responses = list(pool.map(lambda _: send_query(url), range(20 * THREADS)))
    assert {response.status_code for response in responses} == {200}
    assert len({response.content for response in responses}) == 1


def test_probes_are_answered_while_all_threads_wait_for_butlr(butlr: Simulator, url: str) -> None:
    assert send_query(url).status_code == 200
    butlr.faults.set(latency_s=60, paths=(DETECTIONS,))
    day = {"space": PARIS, "resolution": "1.0"}
    try:
        with ThreadPoolExecutor(3 * THREADS) as pool:
            waiting = [
                pool.submit(
                    requests.get,
                    f"{url}/api/v1/heatmap",
                    params={
                        **day,
                        "from": f"2026-06-{n + 1:02}T00:00:00Z",
                        "to": f"2026-06-{n + 2:02}T00:00:00Z",
                    },
                    timeout=60,
                )
                for n in range(2 * THREADS)
            ]
            until(lambda: butlr.in_flight >= THREADS)
            for path in ("/healthz", "/readyz", "/metrics"):
                assert send_query(url, path).status_code == 200
            assert not any(response.done() for response in waiting)
            butlr.stop()  # they need not wait to the end
            assert {response.result().status_code for response in waiting} <= {502, 504}
    finally:
        butlr.stop()
        butlr.faults.clear()
        butlr.start()


def test_who_is_asked_twice_to_stop_does_not_wait_for_answers(butlr: Simulator) -> None:
    with (
        running("serve", **settings(butlr)) as (process, url),
        held(butlr, DETECTIONS),
        ThreadPoolExecutor(1) as pool,
    ):
        asking = pool.submit(send_query, url, "/api/v1/heatmap", **DAY)
        until(lambda: butlr.in_flight == 1)
        process.send_signal(signal.SIGINT)
        until(lambda: not listens(url))
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=HANG_S)
        assert isinstance(asking.exception(), requests.ConnectionError)
    assert (process.returncode, "Traceback" in err) == (130, False)


def listens(url: str) -> bool:
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port), SOON_S).close()
    except (ConnectionRefusedError, ConnectionResetError):  # reset: it closed while the kernel connected
        return False
    return True


def test_it_serves_an_address_of_ipv6(butlr: Simulator) -> None:
    if not listens_to_ipv6():
        cannot_run("IPv6", "this system has no ::1")
    with running("serve", BACKEND_HOST="::1", **settings(butlr)) as (_, url):
        assert url.startswith("http://[::1]:")
        assert send_query(url).status_code == 200


def listens_to_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


MALFORMED = {
    "a long line": (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long header": (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9000 + b"\r\n\r\n", 431),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 150 + b"\r\n", 431),
    "two lengths": (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "a huge length": (HEAD + b"Content-Length: 999999999999\r\n\r\n", 413),
    "no length, and no end": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"10000\r\n%b\r\n" % (b" " * 65536) * 5,
        413,
    ),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "a body that is cut off": (HEAD + b"Content-Length: 500\r\n\r\n{", 400),
}


@pytest.mark.parametrize(("request_", "status"), MALFORMED.values(), ids=MALFORMED)
def test_what_is_too_large_or_no_request_is_refused(
    url: str, connect: Callable[[], socket.socket], request_: bytes, status: int
) -> None:
    response = response_to(connect(), request_)
    assert response.split(b" ", 2)[:2] == [b"HTTP/1.1", str(status).encode()]
    assert b"Traceback" not in response
    assert send_query(url).status_code == 200
    # In the form of all our errors, whoever refuses it; what to do is in the line that Infinity shows.
    head, _, body = response.partition(b"\r\n\r\n")
    error = json.loads(body)
    assert set(error) == {"message", "error"}
    assert error["error"]["source"] == "caller"
    assert error["error"]["message"] == error["message"]
    assert re.fullmatch(rb"HTTP/1\.1 \d{3} [ -~]{10,120}", head.split(b"\r\n")[0])
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")[1:]}
    assert names >= {b"content-security-policy", b"x-content-type-options", b"content-length"}
    assert b"aaaa" not in body


def test_who_sends_too_long_a_url_is_told_what_to_do(url: str) -> None:
    """225 rooms by Butlr's ids are more than a URL holds; by POST any number of them is answered."""
    ids = [f"room_{number:027}" for number in range(1000)]
    long = send_query(url, "/api/v1/occupancy-now", space=PARIS, room=",".join(ids))
    assert (long.status_code, long.json()["error"]["code"]) == (414, "url_too_long")
    assert "by POST" in long.reason
    assert "`all`" in long.json()["message"]
    requested = {"space": PARIS, "format": "rows", "room": [*ids]}
    unknown = requests.post(f"{url}/api/v1/occupancy-now", json=requested, timeout=SOON_S)
    assert unknown.json()["message"].startswith(f"room: {ids[0]!r} is unknown")
    own = [room.id for room in PEOPLE.office.by_id[PARIS].rooms]
    many = {**requested, "room": own * 400}
    assert len(json.dumps(many)) > 10 * 8190
    rows = requests.post(f"{url}/api/v1/occupancy-now", json=many, timeout=SOON_S).json()
    assert [row["room_id"] for row in rows] == own
    everything = send_query(url, "/api/v1/occupancy-now", space=PARIS, format="rows", room="all").json()
    assert [row["room_id"] for row in everything] == own


INJECTED = "a\r\nSet-Cookie: x=1\r\n\r\nHTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    "path",
    [
        "/{}",
        "/api/v1/{}",
        "/api/v1/heatmap?space={}",
        "/api/v1/heatmap?{}=1",
        "/api/v1/spaces?refId={}",
        "/api/v1/spaces?format=csv&space={}",
        "/?space={}",
        "/static/{}",
    ],
)
@pytest.mark.parametrize("as_line_end", ["\r\n", "\n", "\r", "\u2028", "\u560d\u560a", "\x00"])
def test_nothing_a_caller_says_ends_a_line_of_the_answers_head(
    connect: Callable[[], socket.socket], path: str, as_line_end: str
) -> None:
    """Looked at as bytes: libraries would read around it."""
    text = path.format(quote(INJECTED.replace("\r\n", as_line_end), safe=""))
    agents = "Accept: text/html\r\nX-Request-Id: a%0d%0aSet-Cookie: x=1\r\n"
    response = response_to(connect(), f"GET {text} HTTP/1.1\r\nHost: x\r\n{agents}\r\n".encode())
    status, *lines = response.partition(b"\r\n\r\n")[0].split(b"\r\n")
    assert re.fullmatch(rb"HTTP/1\.1 \d{3} [ -~]{1,120}", status)
    names = {re.fullmatch(rb"([A-Za-z-]+): [ -~]*", line)[1].lower() for line in lines}  # type: ignore[index]
    assert b"set-cookie" not in names
    assert names >= {b"x-request-id", b"content-security-policy"}


def test_a_header_in_a_body_is_no_header(url: str) -> None:
    body: dict[str, Any] = {"targets": [{"target": INJECTED}], "range": {"from": INJECTED, "to": INJECTED}}
    response = requests.post(f"{url}/query", json=body, timeout=SOON_S)
    assert response.status_code == 400
    assert "Set-Cookie" not in response.headers
