"""Real processes: two ports of which each serves its own, and the demo whose simulator pushes."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import requests

from tests.processes import run, running
from tests.support import HANG_S, until

KEY = "a-key-of-this-test-alone"
PATH = "/webhooks/butlr"


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


def test_each_port_serves_its_own() -> None:
    port = free_port()
    settings = {"BUTLR_WEBHOOK_KEY": KEY, "BACKEND_WEBHOOK_PORT": port, "BACKEND_TOKEN": "backend-token"}
    with running("serve", **settings) as (process, url):
        own = f"http://127.0.0.1:{port}"
        key = {"X-Api-Key": KEY}
        assert requests.post(own + PATH, json=[], headers=key, timeout=HANG_S).status_code == 204
        assert requests.post(own + PATH, json=[], timeout=HANG_S).status_code == 401
        assert requests.get(own + "/healthz", timeout=HANG_S).json() == {"status": "ok"}
        token = {"Authorization": "Bearer backend-token"}
        for path in ("/metrics", "/api/v1/spaces", "/", "/readyz", "/webhooks/status"):
            assert requests.get(own + path, headers=token, timeout=HANG_S).status_code == 404, path
        # A header does not change the port.
        reported = {**token, "Host": f"127.0.0.1:{url.rpartition(':')[2]}"}
        assert requests.get(own + "/metrics", headers=reported, timeout=HANG_S).status_code == 404
        assert requests.post(url + PATH, json=[], headers=key, timeout=HANG_S).status_code == 404
        assert requests.get(url + "/metrics", headers=token, timeout=HANG_S).ok
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=HANG_S)
        assert process.returncode == 0
        assert "Traceback" not in err


def test_a_large_body_of_a_stranger_is_not_waited_for() -> None:
    with running("serve", BUTLR_WEBHOOK_KEY=KEY) as (_, url):
        host, _, port = url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), 20) as connection:
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n"
            connection.sendall(head.encode())
            assert connection.recv(12) == b"HTTP/1.1 401"


def test_a_taken_webhook_port_and_a_missing_key_are_said_by_their_settings() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("demo", BACKEND_WEBHOOK_PORT=port, BUTLR_WEBHOOK_KEY=KEY)
        assert done.returncode == 1
        assert f"BACKEND_WEBHOOK_PORT={port}: the port is in use" in done.stderr
        done = run("serve", BACKEND_WEBHOOK_PORT=port)
        assert done.returncode == 1
        assert "needs BUTLR_WEBHOOK_KEY" in done.stderr


def test_the_demos_simulator_pushes_and_the_command_shows_it(tmp_path: Path) -> None:
    port = free_port()
    with running("demo", BACKEND_PORT=port, BACKEND_LOG_LEVEL="warning") as (_, url):

        def pushed() -> set[str]:
            text = requests.get(f"{url}/metrics", timeout=HANG_S).text
            stored = r'^butlr_webhook_events_total\{outcome="stored",type="(\w+)"\}'
            return set(re.findall(stored, text, re.MULTILINE))

        until(lambda: {"ROOM_OCCUPANCY_1MIN", "FLOOR_OCCUPANCY_1MIN", "ZONE_OCCUPANCY_1MIN"} <= pushed())
        done = run("webhooks", "status", BACKEND_PORT=port)
        assert done.returncode == 0, done.stderr
        assert "the newest event arrived" in done.stdout
