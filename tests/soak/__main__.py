"""`make soak`: viewers refresh the floor page for minutes; memory, threads, answers and calls are watched.

One backend with `VIEWERS`, one beside it with a single viewer, each with a simulator of its own; both
simulators fail now and then (`FAULTS=0`: never). Writes soak.json and soak.png. 1 where a request failed, or
memory at the end is more than 5 % above what it was after a minute.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tests.bench.processes import backend, simulator
from tests.soak.plot import Curve, draw
from tests.soak.questions import page, requests_of_view

EVERY_S = 30.0
WARM_S = 60.0
SAMPLE_S = 1.0
AROUND_S = 10.0
MOST_GROWTH = 0.05
MOST_MIB = 512
AS_IN_THE_IMAGE = {"MALLOC_ARENA_MAX": "2"}
THREADS = 32
FAULT = {"status": 503, "rate": 0.25}
FAULT_EVERY_S, FAULT_LASTS_S = 60.0, 5.0
"""Every fourth call to Butlr fails: four attempts make up for it."""


@dataclass
class Office:
    """A backend with its simulator, as it is seen on `/metrics`."""

    name: str
    butlr: str
    url: str
    seconds: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    threads: list[float] = field(default_factory=list)

    def figures(self) -> str:
        return requests.get(f"{self.url}/metrics", timeout=30).text

    def sample(self, since: float) -> None:
        text = self.figures()
        self.seconds.append(time.monotonic() - since)
        self.mib.append(figure(text, "process_resident_memory_bytes") / 2**20)
        self.threads.append(figure(text, "butlr_backend_threads"))

    def mib_about(self, second: float) -> float:
        near = [m for s, m in zip(self.seconds, self.mib, strict=True) if abs(s - second) <= AROUND_S]
        return statistics.median(near)

    def curve(self, values: list[float]) -> Curve:
        return Curve(self.name, [(s / 60, v) for s, v in zip(self.seconds, values, strict=True)])

    def answered_calls(self) -> int:
        """Calls that Butlr answered well: attempts that it failed are its own doing."""
        found = re.findall(r'^butlr_calls_total\{outcome="200",path="[^"]*"\} (\S+)$', self.figures(), re.M)
        return int(sum(map(float, found)))

    def fails(self, fault: dict[str, Any] | None) -> None:
        where = f"{self.butlr}/_simulator/faults"
        (
            requests.put(where, json=fault, timeout=30) if fault else requests.delete(where, timeout=30)
        ).raise_for_status()


def figure(text: str, name: str) -> float:
    found = re.search(rf"^{name} (\S+)$", text, re.MULTILINE)
    assert found, name
    return float(found[1])


def start_threads(office: Office, paths: list[str]) -> None:
    """A server starts a thread when all are busy, which may be after minutes, and each takes memory."""
    with ThreadPoolExecutor(2 * THREADS) as pool:
        for response in pool.map(
            lambda path: requests.get(office.url + path, timeout=120), paths * 2 * THREADS
        ):
            response.raise_for_status()


def viewing(office: Office, viewers: int, seconds: float) -> subprocess.Popen[str]:
    params = [office.url, str(viewers), str(seconds), str(EVERY_S)]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.soak.viewers", *params], stdout=subprocess.PIPE, text=True
    )


def watch(offices: list[Office], seconds: float, *, faults: bool) -> Iterator[None]:
    """Samples each house every second; yields after each."""
    began, fails = time.monotonic(), False
    while (passed := time.monotonic() - began) < seconds:
        due = faults and passed % FAULT_EVERY_S > FAULT_EVERY_S - FAULT_LASTS_S
        for office in offices:
            if due != fails:
                office.fails(FAULT if due else None)
            office.sample(began)
        fails = due
        yield
        time.sleep(max(0.0, SAMPLE_S - (time.monotonic() - began - passed)))
    for office in offices:
        office.fails(None)


def soak(viewers: int, minutes: float, *, faults: bool) -> dict[str, Any]:
    seconds = minutes * 60
    with ExitStack() as stack:
        offices = []
        for name in (f"{viewers} viewers", "1 viewer"):
            butlr = stack.enter_context(simulator(0.05))
            offices.append(Office(name, butlr, stack.enter_context(backend(butlr, **AS_IN_THE_IMAGE))))
        # What all look at is known before they come, at the price of one look in both houses.
        paths, length_s = page()
        for office in offices:
            for path in requests_of_view(paths, length_s):
                requests.get(office.url + path, timeout=120).raise_for_status()
            start_threads(office, requests_of_view(paths, length_s))
        many, one = offices
        crowds = [viewing(many, viewers, seconds), viewing(one, 1, seconds)]
        for crowd in crowds:
            stack.callback(crowd.kill)
        for _ in watch(offices, seconds, faults=faults):
            assert all(crowd.poll() in (None, 0) for crowd in crowds), "viewers ended before their time"
        reported = [json.loads(crowd.communicate(timeout=300)[0]) for crowd in crowds]
        draw(
            Path("soak.png"),
            [
                ("resident memory of the backend (MiB)", [office.curve(office.mib) for office in offices]),
                ("threads of the backend", [office.curve(office.threads) for office in offices]),
            ],
        )
        after_s = min(WARM_S, seconds / 2)
        warm_mib, end_mib = many.mib_about(after_s), many.mib_about(many.seconds[-1])
        return {
            "viewers": viewers,
            "minutes": minutes,
            **reported[0],
            "warm_mib": warm_mib,
            "end_mib": end_mib,
            "growth": end_mib / warm_mib - 1,
            "most_mib": max(many.mib),
            "most_threads": max(many.threads),
            "butlr_calls": many.answered_calls(),
            "one_viewer": {**reported[1], "butlr_calls": one.answered_calls(), "end_mib": one.mib[-1]},
            "samples": [
                {"office": h.name, "seconds": h.seconds, "mib": h.mib, "threads": h.threads} for h in offices
            ],
        }


def main() -> int:
    viewers, minutes = int(os.environ.get("VIEWERS", "60")), float(os.environ.get("MINUTES", "10"))
    report = soak(viewers, minutes, faults=os.environ.get("FAULTS", "1") != "0")
    Path("soak.json").write_text(json.dumps(report) + "\n")
    one = report["one_viewer"]
    for name, value in (
        ("requests", f"{report['requests']} ({report['pages']} pages, {report['late_pages']} late)"),
        ("errors", f"{report['errors']} {report['kinds']}"),
        ("partial answers", report["partial"]),
        ("p50, p99", f"{report['p50_ms']:.0f} ms, {report['p99_ms']:.0f} ms"),
        ("memory after a minute", f"{report['warm_mib']:.0f} MiB"),
        (
            "memory at the end",
            f"{report['end_mib']:.0f} MiB, {report['growth']:+.1%}; at most {report['most_mib']:.0f}",
        ),
        ("threads at most", report["most_threads"]),
        ("answered Butlr calls", f"{report['butlr_calls']}, beside {one['butlr_calls']} for one viewer"),
        ("one viewer", f"{one['requests']} requests, {one['errors']} errors, p50 {one['p50_ms']:.0f} ms"),
    ):
        print(f"{name:<24} {value}")
    for error in [*report["first_errors"], *one["first_errors"]]:
        print(error, file=sys.stderr)
    held = not report["errors"] and not one["errors"] and report["growth"] <= MOST_GROWTH
    return int(not held or report["most_mib"] > MOST_MIB)


if __name__ == "__main__":
    sys.exit(main())
