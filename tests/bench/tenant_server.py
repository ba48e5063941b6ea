"""The account of `tenant` over HTTP: `python -m tests.bench.tenant_server FLOORS ROOMS` prints its URL."""

from __future__ import annotations

import sys
import time
from http.server import BaseHTTPRequestHandler
from typing import ClassVar

import orjson

from tests.bench.tenant import Tenant
from tests.bench.upstream import Server

LATENCY_S = 0.1


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    tenant: ClassVar[Tenant]

    def do_POST(self) -> None:
        body = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply = self.tenant.post(self.path, body, token=None)
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def main(floors: int, rooms: int) -> None:
    Handler.tenant = Tenant(floors, rooms, time.time, time.sleep, LATENCY_S)
    server = Server(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
