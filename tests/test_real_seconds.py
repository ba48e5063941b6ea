"""No test waits for real seconds: it moves the given clock, or waits for the event itself.

ruff refuses sleeping (`pyproject.toml`, TID251). Here: Butlr or Redis that take some seconds. A call that is
to be under way while something happens is held (`tests.held`); one that is never to be answered takes so long
that no test sees its end.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
WAITS = {"latency_s", "delay_s"}
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


def waits(source: str) -> Iterator[tuple[int, str]]:
    """Where a wait of some seconds is set, and to what."""
    for node in ast.walk(ast.parse(source)):
        pairs: list[tuple[str | None, ast.expr]] = []
        if isinstance(node, ast.Call):
            pairs = [(keyword.arg, keyword.value) for keyword in node.keywords]
        elif isinstance(node, ast.Assign):
            pairs = [(each.attr, node.value) for each in node.targets if isinstance(each, ast.Attribute)]
        for name, value in pairs:
            number = value.value if isinstance(value, ast.Constant) else None
            is_never = isinstance(number, int | float) and (number == 0 or number >= NEVER_S)
            if name in WAITS and not is_never:
                yield node.lineno, ast.unparse(value)


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


def test_every_exception_is_still_one() -> None:
    known = files()
    assert [name for name in EXCEPTIONS if not list(waits(known[name]))] == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("faults.set(latency_s=0.2, paths=(A,))", ["0.2"]),
        ("office.faults.latency_s = 1.0", ["1.0"]),
        ("Between(port, delay_s=SLOW_S * 1.5)", ["SLOW_S * 1.5"]),
        ("faults.set(latency_s=600.0); slow.delay_s = 0.0", []),
    ],
)
def test_what_is_found(source: str, found: list[str]) -> None:
    assert [value for _, value in waits(source)] == found
