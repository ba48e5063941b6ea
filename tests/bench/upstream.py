"""A Butlr with prepared responses. It needs almost no time, so the benchmark measures only the backend.

`python -m tests.bench.upstream LATENCY_S` prints its URL. It has two floors: `small` with 40 x 60 cells of 1
m, `large` with 400 x 400 cells of 0.25 m. Each period has one detection in each cell. `GET /calls` returns
the number of calls by path.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import orjson

FLOORS = {"small": (40, 60, 1.0), "large": (400, 400, 0.25)}


def _heat_map(floor: str) -> bytes:
    nx, ny, res = FLOORS[floor]
    cells = [[(i + 0.5) * res, (j + 0.5) * res, 1] for i in range(nx) for j in range(ny)]
    bounds = {"min_x": 0, "min_y": 0, "max_x": nx * res, "max_y": ny * res}
    metadata = {"bounds": bounds, "resolution": res, "max_value": 1, "total_detections": nx * ny}
    return orjson.dumps({"data": [{"heatmap_v2": {"array_cells": cells, "metadata": metadata}}]})


def _sites() -> bytes:
    floors = [
        {
            "id": name,
            "name": name,
            "timezone": "Europe/Paris",
            "floor_plans": [
                {"coordinates": [[0, 0], [nx * res, 0], [nx * res, ny * res], [0, ny * res]]},
            ],
        }
        for name, (nx, ny, res) in FLOORS.items()
    ]
    building = {"id": "b", "name": "Bench", "floors": floors}
    site = {"id": "s", "name": "Bench", "timezone": "UTC", "buildings": [building]}
    return orjson.dumps({"data": {"sites": {"data": [site]}, "sensors": {"data": []}}})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    latency_s = 0.0
    prepared: ClassVar[dict[str, bytes]] = {}
    calls: ClassVar[Counter[str]] = Counter()
    counting: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        with self.counting:
            self._respond(orjson.dumps(dict(self.calls)))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.counting:
            self.calls[self.path] += 1
        if self.path.endswith("/login"):
            self._respond(b'{"access_token": "t", "expires_in": 86400}')
        elif self.path.endswith("/graphql"):
            self._respond(self.prepared["sites"])
        else:
            time.sleep(self.latency_s)
            self._respond(self.prepared[orjson.loads(body)["filter"]["space_id"]])

    def _respond(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def main(latency_s: float) -> None:
    Handler.latency_s = latency_s
    Handler.prepared = {name: _heat_map(name) for name in FLOORS} | {"sites": _sites()}
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(float(sys.argv[1]))
