"""The order of the test files: the slowest first, so that no process ends long after the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

SLOWEST = (
    "tests/browser/test_wall.py",
    "tests/deploy/test_package.py",
    "tests/contract/butlr/test_any_form.py",
    "tests/strangers/test_walls.py",
    "tests/alerting/test_alerting_rules.py",
    "tests/cli/test_commands.py",
    "tests/faults/test_any_order.py",
    "tests/strangers/test_floors.py",
    "tests/strangers/test_listed_twice.py",
    "tests/browser/test_preview.py",
    "tests/browser/test_free_rooms.py",
    "tests/browser/test_charts.py",
    "tests/browser/test_sub_path.py",
    "tests/test_docs.py",
    "tests/contract/grafana/test_frames.py",
    "tests/dashboards/test_numbers.py",
    "tests/web/test_privacy_endpoints.py",
    "tests/service/test_floor_by_floor.py",
    "tests/dashboards/test_files.py",
)
"""Some 20 seconds of processor time each, or more. Most have few tests, so their number does not show it."""


def in_order(files: Iterable[str]) -> list[str]:
    """`files`: the file of each test. Each file once: the slowest, then those with most tests."""
    tests = Counter(files)
    place = {file: number for number, file in enumerate(SLOWEST)}
    return sorted(tests, key=lambda file: (place.get(file, len(SLOWEST)), -tests[file]))
