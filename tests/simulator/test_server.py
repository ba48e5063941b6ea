"""The server as such: tokens, connections, compression, the record of calls, the command."""

from __future__ import annotations

import gzip
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Forms, People, Simulator
from tests.support import HANG_S, until

LOGIN = {
    "client_id": "demo",
    "client_secret": "demo",
    "audience": "https://butlrauth/",
    "grant_type": "client_credentials",
}
DETECTIONS = {
    "data_types": ["heatmap_v2"],
    "filter": {"space_id": "space_paris_1", "start": "2025-06-10T00:00:00Z", "stop": "2025-06-11T00:00:00Z"},
    "window": {"heatmap_v2_options": {"grid_resolution": 0.5, "heatmap_type": "occupancy"}},
}


def login(simulator: Simulator, **params: str) -> requests.Response:
    return requests.post(f"{simulator.url}/api/v2/clients/login", json={**LOGIN, **params}, timeout=HANG_S)


def detections(client: requests.Session, simulator: Simulator) -> requests.Response:
    return client.post(f"{simulator.url}/v3/detections", json=DETECTIONS, timeout=HANG_S)


@pytest.mark.parametrize("word", LOGIN)
def test_a_wrong_login_is_a_401(simulator: Simulator, word: str) -> None:
    response = login(simulator, **{word: "wrong"})
    assert response.status_code == 401
    assert response.json()["details"]


def test_tokens_are_opaque_and_each_its_own(simulator: Simulator) -> None:
    simulator.token_lifetime_s = 600
    one, other = (login(simulator).json() for _ in range(2))
    assert one["access_token"] != other["access_token"]
    assert (one["expires_in"], one["token_type"]) == (600, "Bearer")
    assert one["scope"] == "read:spaces read:rooms read:sensors read:hives"
    simulator.forms = Forms(missing_scopes=frozenset({"read:rooms", "read:hives"}))
    assert login(simulator).json()["scope"] == "read:spaces read:sensors"


def test_tokens_expire_by_the_clock(client: requests.Session, simulator: Simulator) -> None:
    now_s = simulator.clock()
    simulator.clock = lambda: now_s + 999
    assert detections(client, simulator).status_code == 200
    simulator.clock = lambda: now_s + 1000
    assert detections(client, simulator).status_code == 401


def test_tokens_can_be_revoked(client: requests.Session, simulator: Simulator) -> None:
    simulator.revoke_tokens()
    assert detections(client, simulator).status_code == 401
    client.headers["Authorization"] = f"Bearer {login(simulator).json()['access_token']}"
    assert detections(client, simulator).status_code == 200


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer made-up", "Basic ZGVtbzpkZW1v"])
@pytest.mark.parametrize(
    "path", ["/v3/detections", "/api/v3/graphql", "/api/v3/reporting", "/api/v4/reporting/stats"]
)
def test_no_token_no_answer(simulator: Simulator, path: str, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    response = requests.post(f"{simulator.url}{path}", json={}, headers=headers, timeout=HANG_S)
    if path == "/api/v3/graphql":
        assert response.status_code == 200
        assert response.json()["data"] is None
        assert response.json()["errors"][0]["extensions"] == {"code": "UNAUTHENTICATED"}
    else:
        assert response.status_code == 401
        assert (response.json()["error"], response.json()["code"]) == ("Unauthorized", 401)


def test_own_credentials(people: People) -> None:
    with Simulator(people, client_id="me", client_secret="mine") as simulator:
        assert login(simulator).status_code == 401
        assert login(simulator, client_id="me", client_secret="mine").status_code == 200


@pytest.fixture
def connection(simulator: Simulator) -> Iterator[http.client.HTTPConnection]:
    opened = http.client.HTTPConnection(simulator.host, simulator.port, timeout=HANG_S)
    yield opened
    opened.close()


def test_a_connection_serves_many_calls_even_wrong_ones(connection: http.client.HTTPConnection) -> None:
    connection.connect()
    first = connection.sock
    for path, status in (("/healthz", 200), ("/nowhere", 404), ("/v3/detections", 405), ("/healthz", 200)):
        connection.request("GET", path)
        response = connection.getresponse()
        response.read()
        assert response.status == status
        assert connection.sock is first
    connection.request("POST", "/v3/detections", body=b"no JSON", headers={"Authorization": "Bearer x"})
    assert connection.getresponse().read()
    assert connection.sock is first


def test_405_says_what_is_allowed(simulator: Simulator) -> None:
    response = requests.put(f"{simulator.url}/healthz", timeout=HANG_S)
    assert (response.status_code, response.headers["Allow"]) == (405, "GET")


def test_a_body_without_its_length_is_a_411(simulator: Simulator) -> None:
    response = requests.post(f"{simulator.url}/v3/detections", data=iter([b"{}"]), timeout=HANG_S)
    assert response.status_code == 411


def test_a_body_too_long_is_a_413(connection: http.client.HTTPConnection) -> None:
    connection.putrequest("POST", "/v3/detections")
    connection.putheader("Content-Length", str(1 << 30))
    connection.endheaders()
    assert connection.getresponse().status == 413


@pytest.mark.parametrize("accept", ["gzip, deflate", "identity"])
def test_long_bodies_are_compressed_for_those_who_accept_it(
    client: requests.Session, connection: http.client.HTTPConnection, simulator: Simulator, accept: str
) -> None:
    expected = detections(client, simulator).json()
    headers = {"Authorization": str(client.headers["Authorization"]), "Accept-Encoding": accept}
    connection.request("POST", "/v3/detections", json.dumps(DETECTIONS), headers)
    response = connection.getresponse()
    data = response.read()
    assert int(response.headers["Content-Length"]) == len(data)
    assert response.headers.get("Content-Encoding") == ("gzip" if accept != "identity" else None)
    assert json.loads(gzip.decompress(data) if accept != "identity" else data) == expected
    connection.request("GET", "/healthz", headers=headers)
    assert connection.getresponse().headers.get("Content-Encoding") is None


def test_sixty_at_once(client: requests.Session, simulator: Simulator) -> None:
    """All sixty are inside the server together: each waits for the others before it is answered."""
    together = threading.Barrier(60)
    clock = simulator.clock

    def meet() -> float:
        if threading.current_thread().name not in met:
            met.add(threading.current_thread().name)
            together.wait(HANG_S)
        return clock()

    met: set[str] = set()
    headers = dict(client.headers)
    expected = detections(client, simulator).json()
    simulator.clock = meet
    simulator.clear_calls()

    def three(_: int) -> list[Any]:
        with requests.Session() as session:
            session.headers.update(headers)
            return [detections(session, simulator).json() for _ in range(3)]

    with ThreadPoolExecutor(60) as pool:
        responses = [response for three_answers in pool.map(three, range(60)) for response in three_answers]
    assert responses == [expected] * 180
    assert simulator.count() == simulator.count("/v3/detections") == 180


def test_calls_are_recorded(client: requests.Session, simulator: Simulator) -> None:
    detections(client, simulator)
    login(simulator, client_secret="wrong")
    client.post(f"{simulator.url}/api/v3/graphql", data=b"no JSON", timeout=HANG_S)
    client.get(f"{simulator.url}/api/v9/new", timeout=HANG_S)
    requests.get(f"{simulator.url}/healthz", timeout=HANG_S)
    seen = [(call.method, call.path, call.status) for call in simulator.calls]
    assert seen == [
        ("POST", "/v3/detections", 200),
        ("POST", "/api/v2/clients/login", 401),
        ("POST", "/api/v3/graphql", 400),
        ("GET", "/api/v9/new", 404),
    ]
    assert [call.body for call in simulator.calls][0::2] == [DETECTIONS, "no JSON"]
    assert simulator.calls[3].body is None
    assert {call.at for call in simulator.calls} == {simulator.clock()}
    assert (simulator.count(), simulator.count("/v3/detections"), simulator.count("/else")) == (4, 1, 0)
    assert requests.get(f"{simulator.url}/_simulator/calls", timeout=HANG_S).json() == {
        "/v3/detections": 1,
        "/api/v2/clients/login": 1,
        "/api/v3/graphql": 1,
        "/api/v9/new": 1,
    }
    simulator.clear_calls()
    assert (simulator.calls, simulator.count()) == ([], 0)


def test_it_stops_and_comes_back_on_the_same_port(people: People) -> None:
    simulator = Simulator(people)
    with simulator:
        url = simulator.url
        with requests.Session() as session:
            assert session.get(f"{url}/healthz", timeout=HANG_S).json() == {"status": "ok"}
            with pytest.raises(RuntimeError):
                simulator.start()
            simulator.stop()
            with pytest.raises(requests.ConnectionError):
                session.get(f"{url}/healthz", timeout=HANG_S)
    simulator.stop()
    with simulator:
        assert simulator.url == url
        assert requests.get(f"{url}/healthz", timeout=HANG_S).ok


def test_stopping_cuts_what_is_under_way(people: People) -> None:
    with Simulator(people) as simulator:
        simulator.faults.latency_s = 3600
        with ThreadPoolExecutor(1) as pool:
            call = pool.submit(requests.get, f"{simulator.url}/v3/detections", timeout=60)
            until(lambda: simulator.peak_in_flight > 0)
            simulator.stop()
            assert isinstance(call.exception(timeout=HANG_S), requests.ConnectionError)


def command(*params: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "butlr_grafana.simulator", *params],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "error"},
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_runs_until_told_to_end(number: signal.Signals) -> None:
    with command("--port", "0", "--now", "2025-06-11T12:00:00Z", "--rate-limit", "1") as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http://"))
        responses = [requests.get(f"{url}/v3/detections", timeout=HANG_S).status_code for _ in range(2)]
        assert responses == [405, 429]
        process.send_signal(number)
        _, errors = process.communicate(timeout=HANG_S)
        assert (process.returncode, errors) == (0, "")


def test_signals_that_come_together_are_one() -> None:
    with command("--port", "0") as process:
        assert process.stdout is not None
        process.stdout.readline()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
            process.send_signal(number)
        _, errors = process.communicate(timeout=HANG_S)
        assert (process.returncode, errors) == (0, "")


def test_the_command_can_end_with_its_standard_input() -> None:
    with command("--port", "0", "--follow-stdin") as process:
        assert process.stdout is not None
        process.stdout.readline()
        _, errors = process.communicate(timeout=HANG_S)
        assert (process.returncode, errors) == (0, "")


def test_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with command("--port", str(port)) as process:
            _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 1
    assert errors.count("\n") == 1
    assert str(port) in errors


def test_the_command_takes_forms() -> None:
    params = ("--port", "0", "--form", "window_labels=start", "--form", "ghost_heat=on")
    with command(*params) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http://"))
        forms = requests.get(f"{url}/_simulator/forms", timeout=HANG_S).json()
        process.terminate()
        process.communicate(timeout=HANG_S)
    assert (forms["window_labels"], forms["ghost_heat"], forms["heat_y"]) == ("start", True, "polygons")


@pytest.mark.parametrize(
    ("word", "says"),
    [("heat_y=sideways", "heat_y"), ("mood=good", "mood"), ("missing_fields=Room.mood", "Room.mood")],
)
def test_a_wrong_form_is_one_line(word: str, says: str) -> None:
    with command("--port", "0", "--form", word) as process:
        _, errors = process.communicate(timeout=HANG_S)
    assert process.returncode == 2
    assert errors.count("\n") == 1
    assert says in errors
