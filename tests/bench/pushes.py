"""What Butlr pushes, to a real server: at a rate, as fast as the senders can, and without a key."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlsplit

import orjson
import requests

from tests.bench.processes import backend, simulator
from tests.bench.row import Row
from tests.support import PARIS, PEOPLE

KEY = "the-key-of-the-benchmark"
SENDERS = 4
RATE, RATE_S = 200, 60
BURST_S = 10
ROOMS = [room.id for room in PEOPLE.office.by_id[PARIS].rooms]


def webhooks() -> list[Row]:
    with simulator(0.0) as butlr, backend(butlr, BUTLR_WEBHOOK_KEY=KEY) as url:
        requests.get(f"{url}/api/v1/spaces", timeout=60)
        _send(url, KEY, seconds=2)
        return list(_rows(url))


def _rows(url: str) -> Iterator[Row]:
    before = _figures(url)
    sent = _send(url, KEY, seconds=RATE_S, rate=RATE)
    after = _figures(url)
    yield Row(
        f"webhooks, {RATE} events a second for {RATE_S} s: counted",
        after.accepted - before.accepted,
        "sent",
        sent,
        wanted=1.0,
        unit="",
        more_is_better=True,
        note=_told(before, after),
    )
    before = after
    taken = _send(url, KEY, seconds=BURST_S)
    after = _figures(url)
    yield Row(
        f"webhooks, as many as {SENDERS} senders reach in {BURST_S} s: counted",
        after.accepted - before.accepted,
        "answered 204",
        taken,
        wanted=1.0,
        unit="",
        more_is_better=True,
        note=f"{taken / BURST_S:,.0f} a second; {_told(before, after)}",
    )
    known_ms = (after.cpu_s - before.cpu_s) / max(1, after.accepted - before.accepted) * 1000
    before = after
    refused = _send(url, "another-key-than-that", seconds=BURST_S, status=401)
    after = _figures(url)
    strange_ms = (after.cpu_s - before.cpu_s) / max(1, refused) * 1000
    yield Row("webhooks, CPU a request without a key", strange_ms, "with it", known_ms, wanted=0.7)


@dataclass(frozen=True)
class _Figures:
    accepted: float
    cpu_s: float
    memory_mb: float


def _told(before: _Figures, after: _Figures) -> str:
    cpu_ms = (after.cpu_s - before.cpu_s) / max(1, after.accepted - before.accepted) * 1000
    return f"{cpu_ms:.2f} ms CPU each; memory {before.memory_mb:.0f} -> {after.memory_mb:.0f} MB"


def _figures(url: str) -> _Figures:
    text = requests.get(f"{url}/metrics", timeout=60).text

    def value(name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return _Figures(
        value(r'butlr_webhook_requests_total\{result="accepted"\}'),
        value("process_cpu_seconds_total"),
        value("process_resident_memory_bytes") / 2**20,
    )


def _send(url: str, key: str, *, seconds: float, rate: float = 0.0, status: int = 204) -> int:
    """How many requests were answered so. `rate`: a second, of all senders together; 0: no limit."""
    counts = [0] * SENDERS
    ends = time.monotonic() + seconds

    def sender(which: int) -> None:
        connection = HTTPConnection(urlsplit(url).netloc, timeout=60)
        number, begins = 0, time.monotonic()
        while (now := time.monotonic()) < ends:
            if rate and number >= (now - begins) * rate / SENDERS:
                time.sleep(0.002)
                continue
            connection.request(
                "POST", "/webhooks/butlr", _event(number * SENDERS + which), {"X-Api-Key": key}
            )
            answer = connection.getresponse()
            answer.read()
            counts[which] += answer.status == status
            number += 1
        connection.close()

    threads = [threading.Thread(target=sender, args=(which,)) for which in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts)


def _event(number: int) -> bytes:
    minute = int(time.time()) // 60 - 1
    event = {
        "id": f"event_{number}",
        "type": "ROOM_OCCUPANCY_1MIN",
        "timestamp": minute * 60_000,
        "version": "v1.0.0",
        "metadata": {"floor_id": PARIS, "room_id": ROOMS[number % len(ROOMS)]},
        "data": number % 9,
    }
    return orjson.dumps(event)
