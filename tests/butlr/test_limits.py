"""How fast Butlr may be asked, on a clock of the test's own."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.base.errors import UpstreamDown, UpstreamLimited
from butlr_grafana.butlr.limits import MAX_PAUSE_S, RAISE_AFTER, ConcurrencyLimit, RateLimiter, retry_after_s
from tests.support import HANG_S

pytestmark = pytest.mark.fast

WALL_S = 1_749_643_200.0  # Wed, 11 Jun 2025 12:00:00 GMT


class Clock:
    def __init__(self, now_s: float = 0.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0.5", 0.5),
        ("Wed, 11 Jun 2025 12:00:09 GMT", 9.0),
        ("Wed, 11 Jun 2025 14:00:09 +0200", 9.0),
        ("61", 60.0),
        ("1e9", 60.0),
        ("9" * 400, 60.0),
        ("inf", 60.0),
        ("Thu, 01 Jan 2099 00:00:00 GMT", 60.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_more_than_a_minute(header: str, seconds: float) -> None:
    assert retry_after_s(header, lambda: WALL_S) == pytest.approx(seconds)
    assert MAX_PAUSE_S == 60.0


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "0",
        "-5",
        "-inf",
        "nan",
        "soon",
        "Wed, 11 Jun 2025 11:59:59 GMT",
        "Mon, 01 Jan 0001 00:00:00 GMT",
        "Wed, 99 Jun 2025 12:00:00 GMT",
        "Wed, 11 Jun 99999 12:00:00 GMT",
        "\x00\xff",
    ],
)
def test_a_retry_after_that_says_nothing_usable_is_none(header: str | None) -> None:
    assert retry_after_s(header, lambda: WALL_S) is None


@given(st.text(max_size=40))
def test_no_text_makes_retry_after_raise_or_wait_long(header: str) -> None:
    seconds = retry_after_s(header, lambda: WALL_S)
    assert seconds is None or 0 < seconds <= 60


def test_the_gate_lets_the_rate_pass_and_then_says_when() -> None:
    clock = Clock(100.0)
    gate = RateLimiter(3, clock)
    passed = []
    for at_s in (100.0, 110.0, 120.0):
        clock.now_s = at_s
        passed.append(gate.reserve())
    assert passed == [0.0, 0.0, 0.0]
    clock.now_s = 130.0
    assert gate.reserve() == 30.0  # the first, at 100 s, is a minute old at 160 s
    clock.now_s = 160.0
    assert gate.reserve() == 0.0
    assert gate.reserve() == 10.0


def test_no_rate_is_no_limit() -> None:
    gate = RateLimiter(0, Clock())
    assert [gate.reserve() for _ in range(1000)] == [0.0] * 1000


@given(
    st.integers(1, 5),
    st.floats(0, 1e6),
    st.lists(st.one_of(st.floats(0, 70), st.just(None)), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_in_any_minute(rate: int, start_s: float, steps: list[float | None]) -> None:
    """`None`: waits as long as the gate says."""
    clock = Clock(start_s)
    gate = RateLimiter(rate, clock)
    passed: list[float] = []
    for step in steps:
        wait_s = gate.reserve()
        if wait_s == 0.0:
            passed.append(clock.now_s)
        assert 0.0 <= wait_s <= 60.0 + 1e-6
        clock.now_s += wait_s if step is None else step
    for earlier, later in zip(passed, passed[rate:], strict=False):
        assert later - earlier >= 60.0 - 1e-6


def test_a_call_at_the_very_edge_of_the_minute_is_counted() -> None:
    # The two ways of writing "a minute later" differ here: sent <= now - 60 is false, sent + 60 - now is 0.
    sent_s, edge_s = 524231.6415246381, 524291.641524638
    clock = Clock(sent_s)
    gate = RateLimiter(1, clock)
    assert gate.reserve() == 0.0
    clock.now_s = edge_s
    first = gate.reserve()
    clock.now_s = edge_s + 0.001
    second = gate.reserve()
    assert [first, second].count(0.0) == 1


@given(st.integers(1, 4), st.floats(0, 1e6), st.integers(2, 12))
def test_who_waits_as_told_gets_through(rate: int, start_s: float, calls: int) -> None:
    clock = Clock(start_s)
    gate = RateLimiter(rate, clock)
    for _ in range(calls):
        for _ in range(3):
            wait_s = gate.reserve()
            if wait_s == 0.0:
                break
            clock.now_s += wait_s + 1e-9
        assert wait_s == 0.0
    # `rate` at once, then as many again for each minute.
    assert clock.now_s - start_s == pytest.approx((calls - 1) // rate * 60.0, abs=1e-6)


def test_nobody_passes_during_a_pause_and_the_longest_pause_counts() -> None:
    clock = Clock(5.0)
    gate = RateLimiter(0, clock)
    gate.pause(20.0)
    gate.pause(3.0)
    assert gate.reserve() == 20.0
    assert gate.paused_s == 20.0
    clock.now_s = 24.0
    assert gate.reserve() == 1.0
    clock.now_s = 25.0
    assert gate.reserve() == 0.0
    assert gate.paused_s == 0.0


def test_who_is_turned_away_by_a_pause_does_not_use_up_the_rate() -> None:
    clock = Clock(5.0)
    gate = RateLimiter(1, clock)
    gate.pause(10.0)
    assert [gate.reserve() for _ in range(5)] == [10.0] * 5
    clock.now_s = 15.0
    assert gate.reserve() == 0.0
    assert gate.reserve() == 60.0


# How many at a time


def end_well(lanes: ConcurrencyLimit, calls: int) -> None:
    for _ in range(calls):
        with lanes.one():
            pass


def fail(lanes: ConcurrencyLimit, error: Exception) -> None:
    with pytest.raises(type(error)), lanes.one():
        raise error


LIMITED = UpstreamLimited("slow down")


@contextlib.contextmanager
def answered_by_429(lanes: ConcurrencyLimit) -> Iterator[None]:
    """A call whose answer comes at the end of the context."""
    with lanes.one():
        yield
        raise LIMITED


def test_a_429_halves_the_lanes_and_never_closes_the_last() -> None:
    lanes = ConcurrencyLimit(11)
    seen = []
    for _ in range(5):
        fail(lanes, LIMITED)
        seen.append(lanes.open)
    assert seen == [5, 2, 1, 1, 1]


def test_a_run_of_successes_opens_one_and_never_more_than_there_were() -> None:
    lanes = ConcurrencyLimit(3)
    fail(lanes, LIMITED)
    end_well(lanes, RAISE_AFTER - 1)
    assert lanes.open == 1
    end_well(lanes, 1)
    assert lanes.open == 2
    end_well(lanes, 5 * RAISE_AFTER)
    assert lanes.open == 3


@pytest.mark.parametrize("error", [LIMITED, UpstreamDown("gone"), KeyError("a bug")])
def test_any_failure_ends_a_run(error: Exception) -> None:
    lanes = ConcurrencyLimit(2)
    fail(lanes, LIMITED)
    end_well(lanes, RAISE_AFTER - 1)
    fail(lanes, error)
    end_well(lanes, RAISE_AFTER - 1)
    assert lanes.open == 1
    end_well(lanes, 1)
    assert lanes.open == 2


def test_those_that_were_under_way_together_say_it_once() -> None:
    lanes = ConcurrencyLimit(8)
    with contextlib.ExitStack() as together:
        for _ in range(8):
            together.enter_context(contextlib.suppress(UpstreamLimited))
            together.enter_context(answered_by_429(lanes))
    assert lanes.open == 4
    fail(lanes, LIMITED)
    assert lanes.open == 2


def test_who_finds_no_lane_waits_for_one() -> None:
    lanes = ConcurrencyLimit(2)
    under_way: list[int] = []

    def call() -> None:
        with lanes.one():
            under_way.append(lanes.under_way)

    with lanes.one():
        with lanes.one():
            third = threading.Thread(target=call, daemon=True)
            third.start()
        third.join(HANG_S)
    assert under_way == [2]
    assert lanes.under_way == 0
