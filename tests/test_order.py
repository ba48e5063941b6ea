"""Slow test files come first."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.order import SLOWEST, in_order

pytestmark = pytest.mark.fast

ROOT = Path(__file__).parents[1]


def test_the_slowest_files_are_there() -> None:
    assert [file for file in SLOWEST if not (ROOT / file).is_file()] == []


def test_the_slowest_come_first_then_those_with_most_tests() -> None:
    files = ["a.py", "b.py", "b.py", SLOWEST[1], "c.py", SLOWEST[0], "c.py", "c.py", "d.py"]
    assert in_order(files) == [SLOWEST[0], SLOWEST[1], "c.py", "b.py", "a.py", "d.py"]
