"""Sends requests at a rate over open connections: `python -m tests.bench.load URL PLAN`, PLAN as JSON.

Each request has a fixed time, and its duration counts from then on, even if the request before it has no
response yet. So a pause of the server is visible. The result is printed as JSON.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import numpy as np


@dataclass(frozen=True)
class Plan:
    """`paths` are requested in turn. `rate`: requests per second (0: each connection sends as fast as it
    can).
    """

    paths: tuple[str, ...]
    connections: int
    seconds: float
    rate: float = 0.0
    token: str = ""


@dataclass(frozen=True)
class Result:
    """`errors`: responses other than 200, and broken connections."""

    requests: int
    errors: int
    per_second: float
    p50_ms: float
    p99_ms: float
    worst_ms: float


class Connection:
    """An open connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (str(parts.hostname), int(parts.port or 80))
        self._socket: socket.socket | None = None

    def get(self, request: bytes) -> int:
        """Sends the request, reads the whole response, and returns its status."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(self._address, timeout=60)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            return self._respond(self._socket)
        except OSError:
            self.close()
            raise

    def _respond(self, source: socket.socket) -> int:
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive(source)
        head = data[:end].lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        left = length - (len(data) - end - 4)
        while left > 0:
            left -= len(self._receive(source))
        if b"connection: close" in head:
            self.close()
        return int(head.split(b" ", 2)[1])

    @staticmethod
    def _receive(source: socket.socket) -> bytes:
        data = source.recv(1 << 18)
        if not data:
            raise ConnectionError("closed in the middle of an answer")
        return data

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _request(url: str, path: str, token: str) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Accept-Encoding: gzip",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def run(url: str, plan: Plan) -> Result:
    requests = [_request(url, path, plan.token) for path in plan.paths]
    waits: list[list[float]] = [[] for _ in range(plan.connections)]
    errors = [0] * plan.connections
    began = time.perf_counter() + 0.2

    def viewer(number: int) -> None:
        connection = Connection(url)
        due, k = began + (number / plan.rate if plan.rate else 0.0), number
        while due < began + plan.seconds:
            time.sleep(max(0.0, due - time.perf_counter()))
            try:
                errors[number] += connection.get(requests[k % len(requests)]) != 200
            except OSError:
                errors[number] += 1
            now = time.perf_counter()
            waits[number].append(now - due)
            due = due + plan.connections / plan.rate if plan.rate else now
            k += plan.connections
        connection.close()

    threads = [threading.Thread(target=viewer, args=(n,)) for n in range(plan.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    ms = np.concatenate([np.array(w) for w in waits]) * 1000
    p50, p99, worst = (float(np.percentile(ms, q)) for q in (50, 99, 100))
    return Result(ms.size, sum(errors), ms.size / took, p50, p99, worst)


def in_a_process(url: str, plan: Plan) -> Result:
    """The same from a process of its own, whose work does not slow down who asks for it."""
    params = [sys.executable, "-m", "tests.bench.load", url, json.dumps(asdict(plan))]
    done = subprocess.run(params, stdout=subprocess.PIPE, check=True, text=True)
    return Result(**json.loads(done.stdout))


def main(params: Sequence[str]) -> None:
    url, plan = params
    found = json.loads(plan)
    print(json.dumps(asdict(run(url, Plan(**{**found, "paths": tuple(found["paths"])})))))


if __name__ == "__main__":
    main(sys.argv[1:])
