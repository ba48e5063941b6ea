"""Webhook events, sent to the real server on a separate port: at a rate, as fast as possible, and without a
key.

`python -m tests.bench.pushes SECONDS` sends at the rate for so many seconds.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection

import orjson
import requests

from tests.bench.processes import backend, simulator
from tests.bench.row import Row
from tests.support import PARIS, PEOPLE

KEY = "the-key-of-the-benchmark"
SENDERS = 4
RATE, RATE_S = 200, 60
BURST, BURST_S = 2_000, 10
LEAST_RATE_SHARE = 0.99
"""The share of the rate that the senders must reach; otherwise the rate was not tested."""

MOST_GROWTH = 1.1
"""The memory at the end may be so many times the memory before."""

WARM_S = 20
"""How long events are sent before the measurement, so that each room has its minutes."""
ROOMS = [room.id for room in PEOPLE.office.by_id[PARIS].rooms]


def webhooks(seconds: float = RATE_S) -> list[Row]:
    port = free_port()
    settings = {"BUTLR_WEBHOOK_KEY": KEY, "BACKEND_WEBHOOK_PORT": str(port)}
    with simulator(0.0) as butlr, backend(butlr, **settings) as url:
        requests.get(f"{url}/api/v1/spaces", timeout=60)
        senders = Senders(url, f"127.0.0.1:{port}")
        senders.send(KEY, seconds=WARM_S, rate=RATE)
        return list(_rows(senders, seconds))


def free_port() -> int:
    """One that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number: int = listener.getsockname()[1]
        return number


def _rows(senders: Senders, seconds: float) -> Iterator[Row]:
    first = before = senders.figures()
    sent = senders.send(KEY, seconds=seconds, rate=RATE)
    after = senders.figures()
    name = f"webhooks, {RATE} events a second for {seconds:g} s"
    yield Row(
        f"{name}: sent", sent, "at that rate", RATE * seconds, LEAST_RATE_SHARE, unit="", more_is_better=True
    )
    yield _counted(f"{name}: counted", "sent", before, after, sent=sent)
    yield _memory(f"{name}: memory after", before, after)
    before = after
    taken = senders.send(KEY, seconds=BURST_S, rate=BURST)
    after = senders.figures()
    with_key_ms = _cpu_ms(before, after, taken)
    name = f"webhooks, {BURST:,} a second for {BURST_S} s, or what {SENDERS} senders reach"
    reached = f"{taken / BURST_S:,.0f} a second"
    yield _counted(f"{name}: counted", "answered 204", before, after, sent=taken, note=reached)
    yield _memory(f"{name}: memory after", before, after)
    before = after
    refused = senders.send("another-key-than-that", seconds=BURST_S, rate=BURST, status=401)
    after = senders.figures()
    without_key_ms = _cpu_ms(before, after, refused)
    yield Row(
        "webhooks, CPU a request without a key",
        without_key_ms,
        "with it",
        with_key_ms,
        1.0,
        note=f"{refused / BURST_S:,.0f} a second",
    )
    yield _memory("webhooks, after a flood without a key: memory", before, after)
    yield _memory("webhooks, after all of it: memory", first, after)


def _counted(name: str, reference: str, before: Figures, after: Figures, *, sent: int, note: str = "") -> Row:
    counted = after.accepted - before.accepted
    summary = f"{_cpu_ms(before, after, counted):.2f} ms CPU each"
    more = "; ".join(filter(None, (note, summary)))
    return Row(name, counted, reference, sent, 1.0, unit="", more_is_better=True, note=more)


def _memory(name: str, before: Figures, after: Figures) -> Row:
    return Row(
        name,
        after.memory_mb,
        f"{MOST_GROWTH:g} x before ({before.memory_mb:.1f})",
        MOST_GROWTH * before.memory_mb,
        1.0,
        unit="MiB",
    )


def _cpu_ms(before: Figures, after: Figures, requests_: float) -> float:
    return (after.cpu_s - before.cpu_s) / max(1.0, requests_) * 1000


@dataclass(frozen=True)
class Figures:
    """Values of the backend's process. `accepted`: requests with a key so far."""

    accepted: float
    cpu_s: float
    memory_mb: float


@dataclass(frozen=True)
class Senders:
    """`url`: of the backend. `webhooks`: host and port of the webhooks."""

    url: str
    webhooks: str

    def figures(self) -> Figures:
        text = requests.get(f"{self.url}/metrics", timeout=60).text

        def value(name: str) -> float:
            found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
            return float(found[1]) if found else 0.0

        return Figures(
            value(r'butlr_webhook_requests_total\{result="accepted"\}'),
            value("process_cpu_seconds_total"),
            value("process_resident_memory_bytes") / 2**20,
        )

    def send(self, key: str, *, seconds: float, rate: float, status: int = 204) -> int:
        """Sends events and returns how many responses had the status. `rate`: events per second of all
        senders together.
        """
        counts = [0] * SENDERS
        begins = time.monotonic()

        def sender(which: int) -> None:
            connection = HTTPConnection(self.webhooks, timeout=60)
            number = 0
            while (at_s := number * SENDERS / rate) < seconds and time.monotonic() < begins + seconds:
                time.sleep(max(0.0, begins + at_s - time.monotonic()))
                body = _event(number * SENDERS + which)
                connection.request("POST", "/webhooks/butlr", body, {"X-Api-Key": key})
                response = connection.getresponse()
                response.read()
                counts[which] += response.status == status
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


def main(arguments: Sequence[str]) -> int:
    is_met = True
    for row in webhooks(*map(float, arguments)):
        print(
            f"{row.name:<76} {row.ours:>10,.1f} {row.reference:>10,.1f} {row.unit:<4} {row.note}", flush=True
        )
        is_met &= row.is_met
    return int(not is_met)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
