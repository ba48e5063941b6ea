"""A legend's numbers."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.present.images.colour import Scale, diverging, sequential
from butlr_grafana.present.images.theme import LIGHT
from butlr_grafana.present.images.ticks import MINUS, Tick, nice, number, ticks


def drawn(scale: Scale, length: float = 300, *, whole: bool = False) -> list[Tick]:
    """Every digit 8 pixels wide."""

    def text(value: float) -> str:
        return number(value, "short", signed=scale.diverging)

    return ticks(scale, length, text, lambda t: 8.0 * len(t), gap_px=8, whole=whole)


def test_nice_numbers() -> None:
    assert nice(1034)[:5] == [1000, 500, 200, 100, 50]
    assert nice(42)[:4] == [42, 20, 10, 5], "the top itself, where it is short to write"
    assert nice(0.73)[:4] == [0.73, 0.5, 0.2, 0.1]
    assert nice(3, whole=True) == [3, 2, 1]
    assert nice(0) == nice(float("nan")) == nice(float("inf")) == []


def test_ticks_stand_where_the_square_root_puts_them() -> None:
    found = drawn(sequential(100, "gradient", LIGHT))
    assert {t.value: t.at_px for t in found} == pytest.approx(
        {0: 0, 2: 42.43, 5: 67.08, 10: 94.87, 20: 134.16, 50: 212.13, 100: 300}, abs=0.01
    )
    assert [t.text for t in found] == ["0", "2", "5", "10", "20", "50", "100"]


def test_a_diverging_scale_has_its_ticks_in_pairs_around_zero() -> None:
    found = drawn(diverging(4.2, LIGHT), 400)
    values = [t.value for t in found]
    assert values == [-v for v in reversed(values)]
    assert (found[0].text, found[-1].text) == (f"{MINUS}4.2", "+4.2")
    middle = found[len(found) // 2]
    assert (middle.text, middle.at_px) == ("0", 200)


@given(st.floats(1e-9, 1e12), st.integers(60, 900), st.booleans())
def test_ticks_do_not_touch_and_do_not_leave_the_scale(top: float, length: int, both: bool) -> None:
    found = drawn(diverging(top, LIGHT) if both else sequential(top, "opacity", LIGHT), length)
    assert 1 <= len(found) <= 13
    assert all(0 <= t.at_px <= length and abs(t.value) <= top * 1.000001 for t in found)
    for a, b in pairwise(found):
        assert a.value < b.value
        assert b.centre_px - a.centre_px >= 4 * (len(a.text) + len(b.text)) + 8


@given(st.integers(1, 10**6))
def test_counts_have_whole_ticks(top: int) -> None:
    assert all(t.value == int(t.value) for t in drawn(sequential(top, "gradient", LIGHT), whole=True))


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "short", "0"),
        (0.25, "short", "0.25"),
        (50, "short", "50"),
        (1000, "short", "1,000"),
        (2_000_000, "short", "2,000,000"),
        (0.125, "percentunit", "12.5 %"),
        (0.0002, "percentunit", "0.02 %"),
    ],
)
def test_numbers_are_written_for_people(value: float, unit: str, text: str) -> None:
    assert number(value, unit) == text


def test_signs() -> None:
    assert [number(v, "short", signed=True) for v in (-5, 0, 5)] == [f"{MINUS}5", "0", "+5"]
