"""A module has one responsibility, and a reader can keep all of it in mind: at most 350 lines.

Divide a module that grows beyond it. A name in `LONGER` needs a reason that a reviewer accepts.
"""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.fast

BACKEND = Path(__file__).parents[1] / "backend"
MOST_LINES = 350

LONGER: dict[str, str] = {}
"""Path below `backend/` → why the module may be longer."""


def lengths() -> dict[str, int]:
    return {
        path.relative_to(BACKEND).as_posix(): len(path.read_text("utf-8").splitlines())
        for path in BACKEND.rglob("*.py")
    }


def test_no_module_is_too_long() -> None:
    found = lengths()
    assert "butlr_grafana/app.py" in found
    assert {name: lines for name, lines in found.items() if lines > MOST_LINES and name not in LONGER} == {}


def test_each_exception_is_still_one() -> None:
    found = lengths()
    assert [name for name in LONGER if found.get(name, 0) <= MOST_LINES] == []
