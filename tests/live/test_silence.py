"""When nothing was received: whole minutes without an event, in whatever order it becomes known."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from butlr_grafana.live.ring import STORED_MINUTES
from butlr_grafana.live.silence import SILENT_MINUTES, Gap, Silence
from tests.live.makers import MINUTE_S, NOON_S

LONG_AGO_S = NOON_S - 10 * STORED_MINUTES * MINUTE_S


def minute(n: int) -> int:
    return NOON_S + n * MINUTE_S


def received(*minutes: int, since_s: float = LONG_AGO_S) -> Silence:
    silence = Silence(since_s)
    for n in minutes:
        silence.received(minute(n) + 7)
    return silence


BEFORE = range(-STORED_MINUTES, 0)


def test_while_each_minute_is_heard_there_is_no_gap() -> None:
    assert received(*BEFORE).gaps(minute(0) + 30) == []


def test_the_running_minute_is_no_gap_yet() -> None:
    assert received(*BEFORE).gaps(minute(0) + 59.9) == []


def test_one_missing_minute_is_none_and_two_are_a_gap() -> None:
    silence = received(*(n for n in BEFORE if n not in (-10, -21, -20)))
    assert silence.gaps(minute(0)) == [Gap(minute(-21), minute(-19))]


def test_a_silence_that_goes_on_is_open() -> None:
    silence = received(*(n for n in BEFORE if n < -5))
    assert silence.gaps(minute(0) + 1) == [Gap(minute(-5), minute(0), is_open=True)]
    silence.received(minute(0) + 2)
    assert silence.gaps(minute(0) + 3) == [Gap(minute(-5), minute(0))]


def test_before_the_process_began_nothing_was_heard() -> None:
    silence = Silence(minute(-3) + 20)
    for n in (-3, -2, -1):
        silence.received(minute(n) + 40)
    # The minute in which it began was heard in part: what came before it began may be missing.
    assert silence.gaps(minute(0)) == [Gap(minute(1 - STORED_MINUTES), minute(-2))]


def test_what_another_replica_heard_meanwhile_is_no_gap() -> None:
    silence = Silence(minute(-3) + 20)
    for n in BEFORE:
        silence.received(minute(n) + 40, elsewhere=True)
    assert silence.gaps(minute(0)) == []


def test_what_was_requested_is_no_gap_any_more_and_what_was_lost_is_one() -> None:
    silence = received(*(n for n in BEFORE if n not in (-21, -20)))
    silence.filled(Gap(minute(-21), minute(-19)))
    assert silence.gaps(minute(0)) == []
    silence.lost(minute(-1) + 5)
    silence.received(minute(-1) + 6)
    silence.received(minute(0) + 1)
    assert silence.gaps(minute(0) + 2) == [Gap(minute(-1), minute(0))]
    silence.filled(Gap(minute(-1), minute(0)))
    assert silence.gaps(minute(0)) == []


def test_memory_is_that_of_what_is_kept() -> None:
    silence = received(*range(-5000, 5000))
    assert silence.gaps(minute(5000)) == []
    assert len(silence._mark) == STORED_MINUTES


@settings(deadline=None)
@given(st.sets(st.integers(1 - STORED_MINUTES, -1)), st.randoms(use_true_random=False))
def test_gaps_are_the_runs_of_unheard_minutes_in_any_order(minutes: set[int], rng: random.Random) -> None:
    order = list(minutes)
    rng.shuffle(order)
    found = {
        n
        for gap in received(*order).gaps(minute(0))
        for n in range((gap.start_s - NOON_S) // MINUTE_S, (gap.end_s - NOON_S) // MINUTE_S)
    }
    expected: set[int] = set()
    run: set[int] = set()
    for n in [*range(1 - STORED_MINUTES, 0), 0]:
        if n in minutes or n == 0:
            expected |= run if len(run) >= SILENT_MINUTES else set()
            run = set()
        else:
            run.add(n)
    assert found == expected
