"""What can go wrong, each fault as a client meets it. Times are only ever waited for, never limited."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from butlr_grafana.simulator import Faults, Forms, Simulator
from tests.support import HANG_S

DETECTIONS = {
    "data_types": ["heatmap_v2"],
    "filter": {
        "space_id": "space_newyork_1",
        "start": "2025-06-10T00:00:00Z",
        "stop": "2025-06-11T00:00:00Z",
    },
    "window": {"heatmap_v2_options": {"grid_resolution": 0.5, "heatmap_type": "occupancy"}},
}


@pytest.fixture(autouse=True)
def _logged_in(client: requests.Session) -> None:
    """Before the first fault is set."""


def call(client: requests.Session, simulator: Simulator) -> requests.Response:
    return client.post(f"{simulator.url}/v3/detections", json=DETECTIONS, timeout=HANG_S)


def statuses(client: requests.Session, simulator: Simulator, n: int) -> list[int]:
    return [call(client, simulator).status_code for _ in range(n)]


@pytest.mark.parametrize("retry_after", [None, "7", "Wed, 11 Jun 2025 12:00:07 GMT"])
def test_a_status_with_or_without_retry_after(
    client: requests.Session, simulator: Simulator, retry_after: str | None
) -> None:
    simulator.faults.set(status=503, retry_after=retry_after)
    response = call(client, simulator)
    assert (response.status_code, response.headers.get("Retry-After")) == (503, retry_after)
    assert response.json()["details"]
    assert simulator.calls[-1].status == 503


@pytest.mark.parametrize(("status", "error"), [(504, "Gateway Timeout"), (599, "Error")])
def test_errors_have_butlrs_form(
    client: requests.Session, simulator: Simulator, status: int, error: str
) -> None:
    simulator.faults.status = status
    response = call(client, simulator)
    assert response.status_code == status
    assert response.json() == {"error": error, "code": status, "details": "a simulated fault"}


def test_latency(client: requests.Session, simulator: Simulator) -> None:
    simulator.faults.latency_s = 0.2
    began_s = time.monotonic()
    assert call(client, simulator).status_code == 200
    assert time.monotonic() - began_s >= 0.2


def test_a_truncated_body(client: requests.Session, simulator: Simulator) -> None:
    simulator.faults.truncate = True
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        call(client, simulator)
    simulator.faults.clear()
    assert call(client, simulator).status_code == 200


@pytest.mark.parametrize("where", ["before", "inside"])
def test_a_reset(client: requests.Session, simulator: Simulator, where: Any) -> None:
    simulator.faults.set(reset=where, count=1)
    with pytest.raises(requests.RequestException, match="reset by peer"):
        call(client, simulator)
    assert call(client, simulator).status_code == 200
    assert [done.status for done in simulator.calls] == [0 if where == "before" else 200, 200]


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"data": []}', b"x" * 5000])
def test_another_body(client: requests.Session, simulator: Simulator, body: bytes) -> None:
    simulator.faults.body = body
    response = call(client, simulator)
    assert (response.status_code, response.content) == (200, body)


def test_a_dripping_body_arrives_whole(client: requests.Session, simulator: Simulator) -> None:
    body = b"drip" * 100
    simulator.faults.set(body=body, drip_bytes_per_s=2000)
    began_s = time.monotonic()
    assert call(client, simulator).content == body
    # 400 bytes at 2000 a second, less the first of four packets, which goes at once.
    assert time.monotonic() - began_s >= 0.14


@pytest.mark.parametrize(
    ("rate", "hit"),
    [(0.0, []), (0.25, [4, 8, 12]), (0.5, [2, 4, 6, 8, 10, 12]), (0.1, [10]), (1.0, list(range(1, 13)))],
)
def test_a_rate_hits_every_so_many_calls(
    client: requests.Session, simulator: Simulator, rate: float, hit: list[int]
) -> None:
    simulator.faults.set(status=500, rate=rate)
    assert statuses(client, simulator, 12) == [500 if n in hit else 200 for n in range(1, 13)]


def test_a_count_runs_out(client: requests.Session, simulator: Simulator) -> None:
    simulator.faults.set(status=502, count=2)
    assert statuses(client, simulator, 4) == [502, 502, 200, 200]
    simulator.faults.count = 1
    assert statuses(client, simulator, 2) == [502, 200]


def test_the_login_is_spared_unless_named(client: requests.Session, simulator: Simulator) -> None:
    def login() -> int:
        return client.post(f"{simulator.url}/api/v2/clients/login", json={}, timeout=HANG_S).status_code

    simulator.faults.status = 500
    assert (login(), call(client, simulator).status_code) == (401, 500)
    simulator.faults.paths = ("/api/v2/clients/login",)
    assert (login(), call(client, simulator).status_code) == (500, 200)


def test_the_limit_on_calls_a_minute(client: requests.Session, simulator: Simulator) -> None:
    statuses(client, simulator, 3)
    simulator.faults.rate_limit_per_minute = 2
    assert statuses(client, simulator, 3) == [200, 200, 429]
    refused = call(client, simulator)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert client.post(f"{simulator.url}/api/v2/clients/login", json={}, timeout=HANG_S).status_code == 401
    simulator.faults.rate_limit_per_minute = None
    assert call(client, simulator).status_code == 200


@pytest.mark.parametrize(
    ("form", "prefix"), [("none", None), ("x-ratelimit", "X-RateLimit"), ("ratelimit", "RateLimit")]
)
def test_answers_may_count_the_calls_that_are_left(
    client: requests.Session, simulator: Simulator, form: str, prefix: str | None
) -> None:
    simulator.forms = Forms(rate_limit_headers=form, retry_after=form == "none")
    assert not any("ratelimit" in name.lower() for name in call(client, simulator).headers)
    simulator.faults.rate_limit_per_minute = 2
    responses = [call(client, simulator) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert ("Retry-After" in responses[2].headers) == (form == "none")
    if prefix is None:
        assert not any("ratelimit" in name.lower() for response in responses for name in response.headers)
    else:
        assert [response.headers[f"{prefix}-Limit"] for response in responses] == ["2"] * 3
        assert [response.headers[f"{prefix}-Remaining"] for response in responses] == ["1", "0", "0"]
        assert all(1 <= int(response.headers[f"{prefix}-Reset"]) <= 60 for response in responses)


def test_faults_over_http(client: requests.Session, simulator: Simulator) -> None:
    url = f"{simulator.url}/_simulator/faults"
    none = requests.get(url, timeout=HANG_S).json()
    assert (none["status"], none["rate"], none["paths"]) == (None, 1, [])
    put = requests.put(
        url, json={"status": 503, "body": "sorry", "paths": ["/v3/detections"]}, timeout=HANG_S
    )
    assert put.json() == {**none, "status": 503, "body": "sorry", "paths": ["/v3/detections"]}
    response = call(client, simulator)
    assert (response.status_code, response.text) == (503, "sorry")
    assert requests.put(url, json={"latency_s": 0.01}, timeout=HANG_S).json() == {**none, "latency_s": 0.01}
    assert call(client, simulator).status_code == 200
    assert requests.delete(url, timeout=HANG_S).json() == none
    assert simulator.faults == Faults()


@pytest.mark.parametrize(
    "params",
    [
        {"speed": 1},
        {"latency_s": "1"},
        {"latency_s": -1},
        {"status": 99},
        {"status": True},
        {"rate": 2},
        {"retry_after": 7},
        {"truncate": 1},
        {"body": {}},
        {"reset": "after"},
        {"reset": []},
        {"drip_bytes_per_s": 0},
        {"rate_limit_per_minute": 1.5},
        {"paths": "/v3/detections"},
        {"paths": [1]},
        {"count": -1},
    ],
)
def test_wrong_faults_change_nothing(simulator: Simulator, params: dict[str, Any]) -> None:
    response = requests.put(f"{simulator.url}/_simulator/faults", json=params, timeout=HANG_S)
    assert response.status_code == 400
    assert next(iter(params)) in response.json()["details"]
    assert simulator.faults == Faults()


def test_a_misspelt_fault_is_a_type_error(simulator: Simulator) -> None:
    with pytest.raises(TypeError, match="latency"):
        simulator.faults.set(latency=1)
