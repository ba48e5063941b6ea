"""Starts of windows are computed once for all floors of a time zone, and nobody can change them."""

from __future__ import annotations

import pytest

from butlr_grafana.model.calendar import MOST_CACHED, window_starts
from butlr_grafana.model.time import HOUR_S, Period

pytestmark = pytest.mark.fast

MONDAY_S = 1_781_481_600
"""2026-06-15, midnight UTC."""


def hours(count: int) -> Period:
    return Period(MONDAY_S, MONDAY_S + count * HOUR_S)


def test_starts_of_few_windows_are_computed_once() -> None:
    found = window_starts(hours(24), "1h", "UTC")
    assert found.tolist() == [MONDAY_S + hour * HOUR_S for hour in range(24)]
    assert window_starts(hours(24), "1h", "UTC") is found
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 0


def test_starts_of_many_windows_are_not_cached() -> None:
    many = hours(MOST_CACHED + 1)
    first, second = (window_starts(many, "1h", "UTC") for _ in range(2))
    assert first is not second
    assert first.tolist() == second.tolist() == [MONDAY_S + hour * HOUR_S for hour in range(MOST_CACHED + 1)]
