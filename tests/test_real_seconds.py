"""No test waits for real seconds: it moves the given clock, or waits for the event itself.

ruff refuses sleeping (`pyproject.toml`, TID251). Here: Butlr or Redis that take some seconds, and waits that
end before a loaded machine has done its work. A call that is to be under way while something happens is held
(`tests.held`); one that is never to be answered takes so long that no test sees its end. What comes is waited
for `HANG_S`.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
WAITS = {"latency_s", "delay_s"}
LIMITS = {"timeout", "timeout_s", "butlr_timeout_s", "deadline_s", "patience_s"}
LIMITING = {"wait", "join", "result", "communicate"}
"""Methods whose argument is a limit."""

SLEEPING = "wait_for_timeout"
"""Chromium's sleep, in milliseconds."""

NEVER_S = 30
"""From here on nobody waits for the end."""

EXCEPTIONS = {
    "browser/test_wall.py": "fifty looks of a wall at a Butlr that is slower than a viewer waits",
    "replicas/test_redis_connection.py": "how slow Redis is, is measured in real seconds",
    "faults/test_shared_cache.py": "the same",
    "simulator/test_faults.py": "that the simulator takes its time is what is tested",
    "redis_server.py": "a default of none",
    "containers/test_scale.py": "containers live in real seconds, and a replica is taken away while it waits",
}
"""Of files, with what for: they pass fifty times on a loaded machine."""

LIMITED = {
    "butlr/test_client.py": "Butlr never answers, and that an attempt ends is what is tested",
    "butlr/test_floorplan_images.py": "the same of a picture",
    "kiosk/test_walls.py": "the same of Grafana",
    "cache/test_floorplan_images.py": "the picture is held",
    "faults/trial.py": "of calls none of which ends well",
    "faults/test_outage.py": "the test asks until the answer is there",
    "faults/test_limits.py": "calls are held until the test lets them go",
    "replicas/test_rate_limit.py": "the test waits until as many calls were made as may be",
    "web/test_alert_endpoints.py": "nobody listens there",
    "web/test_crowded_server.py": "between two looks at whether the load is to end",
}
"""The same of limits that end sooner than what comes may."""


def set_in(source: str) -> Iterator[tuple[int, str, ast.expr]]:
    """Where a number of seconds is set: the line, by which name, and to what."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield from ((node.lineno, each.arg, each.value) for each in node.keywords if each.arg)
            if isinstance(node.func, ast.Attribute) and node.func.attr in {*LIMITING, SLEEPING} and node.args:
                yield node.lineno, node.func.attr, node.args[0]
        elif isinstance(node, ast.Assign):
            yield from (
                (node.lineno, each.attr, node.value)
                for each in node.targets
                if isinstance(each, ast.Attribute)
            )


def number_in(value: ast.expr) -> float | None:
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, int | float) else None


def waits(source: str) -> Iterator[tuple[int, str]]:
    """Where a wait of some seconds is set, and to what."""
    for line, name, value in set_in(source):
        number = number_in(value)
        never_ends = number is not None and (number == 0 or number >= NEVER_S)
        if name == SLEEPING or (name in WAITS and not never_ends):
            yield line, ast.unparse(value)


def limits(source: str) -> Iterator[tuple[int, str]]:
    """Where a wait is limited to less than a minute, and to what."""
    for line, name, value in set_in(source):
        number = number_in(value)
        if name in LIMITS | LIMITING and number is not None and 0 < number < 60:
            yield line, ast.unparse(value)


def files() -> dict[str, str]:
    """Every test's text, by its path; what measures real time is no test."""
    found: dict[str, str] = {}
    for folder, inner, names in os.walk(TESTS):
        inner[:] = [name for name in inner if name not in ("node_modules", "bench", "soak")]
        paths = [Path(folder, name) for name in names if name.endswith(".py")]
        found |= {str(path.relative_to(TESTS)): path.read_text("utf-8") for path in paths}
    return found


def test_no_test_has_others_take_some_seconds() -> None:
    assert {
        name: list(waits(source))
        for name, source in files().items()
        if name not in EXCEPTIONS and list(waits(source))
    } == {}


def test_no_test_stops_waiting_for_what_comes() -> None:
    assert {
        name: list(limits(source))
        for name, source in files().items()
        if name not in LIMITED and not name.startswith("containers/") and list(limits(source))
    } == {}


def test_every_exception_is_still_one() -> None:
    known = files()
    assert [name for name in EXCEPTIONS if not list(waits(known[name]))] == []
    assert [name for name in LIMITED if not list(limits(known[name]))] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("faults.set(latency_s=0.2, paths=(A,))", ["0.2"]),
        ("office.faults.latency_s = 1.0", ["1.0"]),
        ("Between(port, delay_s=SLOW_S * 1.5)", ["SLOW_S * 1.5"]),
        ("tab.wait_for_timeout(50)", ["50"]),
        ("faults.set(latency_s=600.0); slow.delay_s = 0.0", []),
    ],
)
def test_what_is_found(source: str, found: list[str]) -> None:
    assert [value for _, value in waits(source)] == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("requests.get(url, timeout=20)", ["20"]),
        ("process.wait(10); thread.join(5.0); future.result(timeout=1)", ["10", "5.0", "1"]),
        ("make_trial(deadline_s=0.2)", ["0.2"]),
        ("requests.get(url, timeout=HANG_S); event.wait(60); flight.wait(0); ' '.join('12')", []),
    ],
)
def test_which_limits_are_found(source: str, found: list[str]) -> None:
    assert [value for _, value in limits(source)] == found
