"""Butlr's time against this machine's."""

from __future__ import annotations

import pytest

from butlr_grafana.butlr.clock import ButlrClock, date_s
from tests.butlr.wire import FakeTime

pytestmark = pytest.mark.fast

NOON_S = 1_781_697_600.0  # Wed, 17 Jun 2026 12:00:00 GMT
HOUR_S = 3600.0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Wed, 17 Jun 2026 12:00:00 GMT", NOON_S),
        ("Wed, 17 Jun 2026 14:00:00 +0200", NOON_S),
        (None, None),
        ("", None),
        ("noon", None),
        ("Wed, 99 Jun 2026 12:00:00 GMT", None),
    ],
)
def test_a_date_or_none(header: str | None, seconds: float | None) -> None:
    assert date_s(header) == seconds


class Clocks:
    """Butlr's, ours and a stopwatch; real time passes for all three."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.butlr_s = NOON_S
        self.ahead_s = ahead_s
        self.stopwatch = FakeTime()
        self.clock = ButlrClock(lambda: self.butlr_s + self.ahead_s, self.stopwatch)

    def passes(self, seconds: float) -> None:
        self.butlr_s += seconds
        self.stopwatch.now_s += seconds

    def answered(self, *, after_s: float = 0.0, dated_s: float = 0.0) -> None:
        """An answer that took `after_s` and bears the date of so long after the question."""
        requested_at_s, date = self.clock.here(), self.butlr_s + dated_s
        self.passes(after_s)
        self.clock.note(date, requested_at_s=requested_at_s)


def test_before_the_first_answer_ours_is_all_there_is() -> None:
    clocks = Clocks(ahead_s=HOUR_S)
    assert (clocks.clock.now(), clocks.clock.ahead_s) == (NOON_S + HOUR_S, 0.0)


@pytest.mark.parametrize("ahead_s", [6.0, 60.0, HOUR_S, 1e9])
def test_a_clock_that_is_ahead_is_held_back(ahead_s: float) -> None:
    clocks = Clocks(ahead_s)
    clocks.answered()
    assert clocks.clock.ahead_s == ahead_s
    assert clocks.clock.now() == clocks.butlr_s
    clocks.passes(HOUR_S)
    assert clocks.clock.now() == clocks.butlr_s


@pytest.mark.parametrize("behind_s", [6.0, HOUR_S])
def test_a_clock_that_is_behind_is_told_and_left(behind_s: float) -> None:
    clocks = Clocks(-behind_s)
    clocks.answered()
    assert clocks.clock.ahead_s == -behind_s
    assert clocks.clock.now() == clocks.butlr_s - behind_s


@pytest.mark.parametrize("dated_s", [0.0, 10.0, 20.0])
def test_an_answer_that_takes_long_is_no_wrong_clock(dated_s: float) -> None:
    """Whenever on its way it was dated."""
    clocks = Clocks()
    clocks.answered(after_s=20.0, dated_s=dated_s)
    assert clocks.clock.ahead_s == 0.0


def test_no_date_says_nothing() -> None:
    clocks = Clocks(HOUR_S)
    clocks.answered()
    clocks.clock.note(None, requested_at_s=clocks.clock.here())
    assert clocks.clock.ahead_s == HOUR_S


@pytest.mark.parametrize("now_ahead_s", [0.0, 600.0, -600.0])
def test_a_clock_that_is_put_back_is_believed_at_once(now_ahead_s: float) -> None:
    clocks = Clocks(HOUR_S)
    clocks.answered()
    clocks.passes(100.0)
    clocks.ahead_s = now_ahead_s
    assert clocks.clock.now() == clocks.butlr_s + min(now_ahead_s, 0.0)


def test_a_machine_that_slept_is_not_held_back_for_it() -> None:
    """Its clock goes on, its stopwatch does not."""
    clocks = Clocks(HOUR_S)
    clocks.answered()
    clocks.butlr_s += 8 * HOUR_S
    assert clocks.clock.now() == clocks.butlr_s
