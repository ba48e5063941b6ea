from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.base.errors import BadParameter
from butlr_grafana.model.threshold import Threshold, parse

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p95", Threshold(95, True)),
        ("P0", Threshold(0, True)),
        ("p100", Threshold(100, True)),
        ("p97.5", Threshold(97.5, True)),
        ("0", Threshold(0, False)),
        ("12", Threshold(12, False)),
        ("2.5", Threshold(2.5, False)),
        (".5", Threshold(0.5, False)),
        ("1e-3", Threshold(0.001, False)),
        ("250", Threshold(250, False)),
    ],
)
def test_a_threshold_is_a_percentile_or_a_number(text: str, expected: Threshold) -> None:
    assert parse("threshold", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "p",
        "p101",
        "p-1",
        "-1",
        "nan",
        "inf",
        "1e999",
        "95p",
        "pp95",
        "1_0",
        "1,5",
        " 5",
        "٣",
        "",
        "p1e3",
        "hot",
    ],
)
def test_anything_else_is_refused_with_what_it_may_be(text: str) -> None:
    with pytest.raises(BadParameter, match=r"^threshold: .*p0 to p100.*number") as refused:
        parse("threshold", text)
    assert refused.value.parameter == "threshold"


@given(st.text(max_size=60))
def test_no_text_makes_a_threshold_that_cannot_be_compared_with(text: str) -> None:
    try:
        found = parse("threshold", text)
    except BadParameter:
        return
    assert 0 <= found.value < math.inf
    assert not found.is_percentile or found.value <= 100
    assert parse("threshold", str(found)).is_percentile == found.is_percentile


def test_percentiles_lie_between_values_and_need_some() -> None:
    assert parse("threshold", "p50").over([3.0, 1.0]) == 2.0
    assert parse("threshold", "p75").over([0.0, 1.0, 2.0, 10.0]) == 4.0
    assert parse("threshold", "p100").over([3.0, 1.0]) == 3.0
    assert parse("threshold", "p50").over([]) is None
    assert parse("threshold", "7").over([]) == 7.0
