"""Asks a backend so many times a second until its standard input ends, then prints what came of it as JSON.

Runs in a container of the backend's image, with nothing but the standard library: `client.py URL RATE FIRST`.
Of ten requests one is a POST, and one asks for a day of a floor that nobody has asked for, which takes as
long as Butlr takes: FIRST says with which of these days to begin. Every second request keeps its connection,
as Grafana's proxy does. Every second request for a day is that of an alert rule. Nothing is tried twice.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

THREADS = 100
TIMEOUT_S = 60.0
LONG_S = 10.0
FLOORS = ("space_paris_1", "space_paris_2", "space_newyork_1")
FIRST_DAY = datetime(2024, 12, 1, tzinfo=UTC)
DAYS = 690

own = threading.local()


def request(n: int, first: int) -> tuple[str, str, str, Any]:
    """Kind, method, path and body of the n-th request."""
    if n % 10 == 0:
        k = n // 10 + first
        day = FIRST_DAY + timedelta(days=k // len(FLOORS) % DAYS)
        resolution = ("0.5", "1.0")[k // (len(FLOORS) * DAYS) % 2]
        arguments = f"space={FLOORS[k % len(FLOORS)]}&resolution={resolution}"
        arguments += f"&from={day:%Y-%m-%d}&to={day + timedelta(days=1):%Y-%m-%d}"
        arguments += "&for=viewer" if n % 20 == 0 else "&for=rule"
        return "slow", "GET", f"/api/v1/heatmap-summary?{arguments}&format=rows&require=complete", None
    if n % 10 == 5:
        target = {"target": "spaces", "refId": "A", "payload": {}}
        day = {"from": FIRST_DAY.isoformat(), "to": (FIRST_DAY + timedelta(days=1)).isoformat()}
        return "post", "POST", "/query", {"targets": [target], "range": day}
    return "get", "GET", "/api/v1/spaces?format=rows", None


def clock() -> str:
    return f"{datetime.now(UTC):%H:%M:%S.%f}"


class Client:
    def __init__(self, url: str, first: int) -> None:
        self.address = urlsplit(url).netloc
        self.first = first
        self.answered: Counter[str] = Counter()
        self.failed: list[dict[str, object]] = []
        self.long: list[dict[str, object]] = []
        self.slowest_s: dict[str, float] = {}
        self.quickest_s: dict[str, float] = {}
        self.lock = threading.Lock()
        token = Path("/run/butlr/token").read_text("utf-8")
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def send_request(self, n: int) -> None:
        kind, method, path, body = request(n, self.first)
        began = time.monotonic()
        message = self.say(method, path, None if body is None else json.dumps(body), keep=n % 2 == 0)
        took = time.monotonic() - began
        with self.lock:
            self.slowest_s[kind] = max(took, self.slowest_s.get(kind, 0.0))
            self.quickest_s[kind] = min(took, self.quickest_s.get(kind, took))
            if message is None:
                self.answered[kind] += 1
            else:
                self.failed.append(
                    {"kind": kind, "path": path, "message": message, "after_s": round(took, 2), "at": clock()}
                )
            if took > LONG_S:
                self.long.append({"kind": kind, "path": path, "after_s": round(took, 2), "at": clock()})

    def say(self, method: str, path: str, body: str | None, *, keep: bool) -> str | None:
        """What went wrong, or nothing."""
        connection = getattr(own, "stored", None) if keep else None
        if connection is None:
            connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        own.stored = None
        try:
            connection.request(method, path, body, self.headers)
            response = connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            return f"{type(error).__name__}: {error}"
        if keep and not response.will_close:
            own.stored = connection
        else:
            connection.close()
        if response.status != 200 or not json.loads(text):
            return f"{response.status} {response.reason}: {text[:300]!r}"
        return None


def main(url: str, rate: float, first: int) -> None:
    client = Client(url, first)
    end = threading.Event()

    def wait_for_the_end() -> None:
        while sys.stdin.buffer.read(1):
            pass
        end.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    began = time.monotonic()
    n = 0
    with ThreadPoolExecutor(THREADS) as pool:
        print("asking", flush=True)
        while not end.wait(max(0.0, began + n / rate - time.monotonic())):
            pool.submit(client.send_request, n)
            n += 1
        took = time.monotonic() - began
    print(
        json.dumps(
            {
                "sent": n,
                "per_second": round(n / took, 1),
                "answered": client.answered,
                "failed": len(client.failed),
                "failures": client.failed[:20],
                "long": client.long[:20],
                "slowest_s": {kind: round(s, 2) for kind, s in client.slowest_s.items()},
                "quickest_s": {kind: round(s, 2) for kind, s in client.quickest_s.items()},
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
