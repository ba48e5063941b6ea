"""How fast Butlr may be asked, on a clock of the test's own."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.base.errors import UpstreamDown, UpstreamLimited
from butlr_grafana.butlr.limits import (
    LEAST_LEARNT,
    MAX_PAUSE_S,
    RAISE_AFTER,
    RAISE_AFTER_S,
    ConcurrencyLimit,
    RateLimiter,
    rate_in,
    retry_after_s,
)
from butlr_grafana.butlr.rate_memory import RateMemory
from butlr_grafana.simulator.calls import RateLimit
from tests.support import HANG_S, PARIS, World

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


def call(limiter: RateLimiter) -> float:
    """Reserves a call, which ends at once where it may go."""
    wait_s = limiter.reserve()
    if not wait_s:
        limiter.ended()
    return wait_s


def test_the_gate_lets_the_rate_pass_and_then_says_when() -> None:
    clock = Clock(100.0)
    rate_limiter = RateLimiter(3, clock)
    passed = []
    for at_s in (100.0, 110.0, 120.0):
        clock.now_s = at_s
        passed.append(call(rate_limiter))
    assert passed == [0.0, 0.0, 0.0]
    clock.now_s = 130.0
    assert call(rate_limiter) == 30.0  # the first, at 100 s, is a minute old at 160 s
    clock.now_s = 160.0
    assert call(rate_limiter) == 0.0
    assert call(rate_limiter) == 10.0


def test_no_rate_is_no_limit() -> None:
    rate_limiter = RateLimiter(0, Clock())
    assert [call(rate_limiter) for _ in range(1000)] == [0.0] * 1000


@given(
    st.integers(1, 5),
    st.floats(0, 1e6),
    st.lists(st.one_of(st.floats(0, 70), st.just(None)), min_size=1, max_size=60),
)
def test_never_more_than_the_rate_in_any_minute(rate: int, start_s: float, steps: list[float | None]) -> None:
    """`None`: waits as long as the gate says."""
    clock = Clock(start_s)
    rate_limiter = RateLimiter(rate, clock)
    passed: list[float] = []
    for step in steps:
        wait_s = call(rate_limiter)
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
    rate_limiter = RateLimiter(1, clock)
    assert call(rate_limiter) == 0.0
    clock.now_s = edge_s
    first = call(rate_limiter)
    clock.now_s = edge_s + 0.001
    second = call(rate_limiter)
    assert [first, second].count(0.0) == 1


@given(st.integers(1, 4), st.floats(0, 1e6), st.integers(2, 12))
def test_who_waits_as_told_gets_through(rate: int, start_s: float, calls: int) -> None:
    clock = Clock(start_s)
    rate_limiter = RateLimiter(rate, clock)
    for _ in range(calls):
        for _ in range(3):
            wait_s = call(rate_limiter)
            if wait_s == 0.0:
                break
            clock.now_s += wait_s + 1e-9
        assert wait_s == 0.0
    # `rate` at once, then as many again for each minute.
    assert clock.now_s - start_s == pytest.approx((calls - 1) // rate * 60.0, abs=1e-6)


def test_nobody_passes_during_a_pause_and_the_longest_pause_counts() -> None:
    clock = Clock(5.0)
    rate_limiter = RateLimiter(0, clock)
    rate_limiter.pause(20.0)
    rate_limiter.pause(3.0)
    assert call(rate_limiter) == 20.0
    assert rate_limiter.paused_s == 20.0
    clock.now_s = 24.0
    assert call(rate_limiter) == 1.0
    clock.now_s = 25.0
    assert call(rate_limiter) == 0.0
    assert rate_limiter.paused_s == 0.0


def test_who_is_turned_away_by_a_pause_does_not_use_up_the_rate() -> None:
    clock = Clock(5.0)
    rate_limiter = RateLimiter(1, clock)
    rate_limiter.pause(10.0)
    assert [call(rate_limiter) for _ in range(5)] == [10.0] * 5
    clock.now_s = 15.0
    assert call(rate_limiter) == 0.0
    assert call(rate_limiter) == 60.0


@given(
    st.integers(1, 6),
    st.lists(st.tuples(st.floats(0, 30), st.floats(0.01, 40), st.floats(0, 0.9)), min_size=1, max_size=60),
    st.floats(0, 60),
)
def test_however_late_calls_arrive_butlr_never_counts_more_than_the_rate(
    rate: int, wanted: list[tuple[float, float, float]], offset_s: float
) -> None:
    """Each call is wanted so long after the one before, takes so long, and arrives before its answer does.
    Counted by Butlr in any minute, and in minutes of its own clock.
    """
    clock = Clock(0.0)
    limiter = RateLimiter(rate, clock)
    arrived: list[float] = []
    ends: list[float] = []
    for apart_s, takes_s, where in wanted:
        clock.now_s += apart_s
        while True:
            for end_s in sorted(end for end in ends if end <= clock.now_s):
                ends.remove(end_s)
                now_s, clock.now_s = clock.now_s, end_s
                limiter.ended()
                clock.now_s = now_s
            wait_s = limiter.reserve()
            if not wait_s:
                break
            clock.now_s = min([clock.now_s + wait_s, *ends]) if ends else clock.now_s + wait_s
        arrived.append(clock.now_s + takes_s * where)
        ends.append(clock.now_s + takes_s)
    arrived.sort()
    assert all(later - sooner >= 60.0 - 1e-6 for sooner, later in zip(arrived, arrived[rate:], strict=False))
    minutes = Counter(int((at_s + offset_s) // 60) for at_s in arrived)
    assert max(minutes.values()) <= rate
    # The simulator's own limit, which answers 429.
    counting = Clock()
    limit = RateLimit(counting)
    for counting.now_s in arrived:
        assert limit.wait_s(rate) == 0


def test_a_slow_call_does_not_meet_the_first_of_the_next_minute() -> None:
    """Sent at 0 s, it arrives at 9 s; by when it was sent, three more might go at 60 s, within a minute."""
    clock = Clock(0.0)
    limiter = RateLimiter(3, clock)
    assert [limiter.reserve() for _ in range(3)] == [0.0] * 3
    clock.now_s = 10.0
    for _ in range(3):
        limiter.ended()
    clock.now_s = 60.0
    assert limiter.reserve() == 10.0


def test_with_all_calls_under_way_there_is_no_telling_when_the_next_may_go() -> None:
    limiter = RateLimiter(1, Clock())
    assert limiter.reserve() == 0.0
    assert limiter.reserve() == math.inf
    limiter.ended()
    assert limiter.reserve() == 60.0


def test_a_call_that_is_not_made_is_not_counted() -> None:
    limiter = RateLimiter(1, Clock())
    assert limiter.reserve() == 0.0
    limiter.give_back()
    assert limiter.left == 1
    assert limiter.reserve() == 0.0


def test_who_leaves_places_to_others_waits_for_one_more() -> None:
    clock = Clock()
    limiter = RateLimiter(3, clock)
    for _ in range(2):
        call(limiter)
        clock.now_s += 10.0
    assert limiter.reserve(spare=1) == 40.0
    assert call(limiter) == 0.0


def passes(limiter: RateLimiter, clock: Clock, calls: int) -> None:
    for _ in range(calls):
        assert call(limiter) == 0.0
        clock.now_s += 0.1


def test_without_a_rate_it_is_learnt_from_what_passed_before_a_429() -> None:
    clock = Clock()
    limiter = RateLimiter(0, clock)
    passes(limiter, clock, 50)
    assert limiter.reserve() == 0.0
    limiter.refused(reserved_at=clock.now_s)
    limiter.ended(well=False)
    assert (limiter.rate, limiter.learnt) == (50, 50)
    assert limiter.left == 0


def test_calls_under_way_together_teach_once() -> None:
    clock = Clock()
    limiter = RateLimiter(0, clock)
    passes(limiter, clock, 50)
    for reserved_at in (clock.now_s, clock.now_s - 0.1, clock.now_s - 0.2):
        limiter.refused(reserved_at=reserved_at)
        clock.now_s += 0.1
    assert limiter.rate == 50


def test_a_429_in_spite_of_the_rate_makes_it_a_tenth_less_at_least() -> None:
    clock = Clock()
    limiter = RateLimiter(50, clock)
    passes(limiter, clock, 48)
    limiter.refused(reserved_at=clock.now_s)
    assert limiter.rate == 45


def test_an_outage_that_answers_429_teaches_nothing() -> None:
    clock = Clock()
    limiter = RateLimiter(0, clock)
    passes(limiter, clock, LEAST_LEARNT - 1)
    limiter.refused(reserved_at=clock.now_s)
    assert limiter.rate == 0


def test_a_learnt_rate_grows_after_hours_without_a_429_where_it_was_used_up() -> None:
    clock = Clock()
    limiter = RateLimiter(0, clock)
    passes(limiter, clock, 50)
    limiter.refused(reserved_at=clock.now_s)
    clock.now_s += RAISE_AFTER_S
    call(limiter)
    assert limiter.rate == 50  # it was never used up
    passes(limiter, clock, 49)
    assert limiter.reserve() > 0
    clock.now_s += 60.0
    call(limiter)
    assert limiter.rate == 55


@pytest.mark.parametrize(
    ("headers", "rate"),
    [
        ({"x-ratelimit-limit": "50"}, 50),
        ({"ratelimit-limit": "50"}, 50),
        ({"ratelimit-limit": "50, 50;w=60"}, 50),
        ({"ratelimit-limit": "1000, 1000;w=3600"}, None),
        ({"x-ratelimit-limit": "1000", "x-ratelimit-reset": "3599"}, None),
        ({"x-ratelimit-limit": "50", "x-ratelimit-reset": "12"}, 50),
        ({"x-ratelimit-limit": "0"}, None),
        ({"x-ratelimit-limit": "-1"}, None),
        ({"x-ratelimit-limit": "plenty"}, None),
        ({"x-ratelimit-limit": "9" * 40}, None),
        ({"retry-after": "7"}, None),
        ({}, None),
    ],
)
def test_a_header_that_names_the_calls_a_minute_is_believed(
    headers: dict[str, str], rate: int | None
) -> None:
    assert rate_in(headers) == rate
    limiter = RateLimiter(0, Clock())
    limiter.note_limits(headers)
    assert limiter.rate == (rate or 0)


def test_a_header_does_not_change_a_rate_that_is_set() -> None:
    limiter = RateLimiter(30, Clock())
    limiter.note_limits({"x-ratelimit-limit": "50"})
    assert limiter.rate == 30


def test_after_a_restart_calls_of_the_last_minute_count_and_what_was_learnt_is_known(tmp_path: Path) -> None:
    clock, wall = Clock(), Clock(WALL_S)
    memory = RateMemory(tmp_path / "cache" / "rate.json", wall)
    before = RateLimiter(0, clock)
    before._changed = lambda: memory.note(before)
    passes(before, clock, 50)
    before.refused(reserved_at=clock.now_s)
    memory.note(before, at_once=True)
    wall.now_s += 20.0
    after = RateLimiter(0, Clock(7.0))
    RateMemory(tmp_path / "cache" / "rate.json", wall).recall(after)
    assert (after.rate, after.left) == (50, 0)
    # The first ended five seconds before the end of the process.
    assert after.reserve() == pytest.approx(60.0 - 5.0 - 20.0)
    wall.now_s += 3600.0
    later = RateLimiter(0, Clock())
    RateMemory(tmp_path / "cache" / "rate.json", wall).recall(later)
    assert (later.rate, later.left) == (50, 50)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"rate": "x"}', b'{"rate": 1, "at": 0, "ages": [{}]}']
)
def test_a_damaged_memory_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "rate.json").write_bytes(content)
    limiter = RateLimiter(0, Clock())
    RateMemory(tmp_path / "rate.json", Clock(WALL_S)).recall(limiter)
    assert limiter.rate == 0
    assert limiter.ages_s == []


def test_a_disk_that_takes_nothing_costs_only_the_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    limiter = RateLimiter(50, Clock())
    memory = RateMemory(tmp_path / "file" / "rate.json", Clock(WALL_S))
    with caplog.at_level(logging.WARNING, "butlr_grafana"):
        memory.note(limiter, at_once=True)
        memory.note(limiter, at_once=True)
    assert len(caplog.records) == 1


# How many at a time


def end_well(concurrency: ConcurrencyLimit, calls: int) -> None:
    for _ in range(calls):
        with concurrency.one():
            pass


def fail(concurrency: ConcurrencyLimit, error: Exception) -> None:
    with pytest.raises(type(error)), concurrency.one():
        raise error


LIMITED = UpstreamLimited("slow down")


@contextlib.contextmanager
def answered_by_429(concurrency: ConcurrencyLimit) -> Iterator[None]:
    """A call whose answer comes at the end of the context."""
    with concurrency.one():
        yield
        raise LIMITED


def test_a_429_halves_the_lanes_and_never_closes_the_last() -> None:
    concurrency = ConcurrencyLimit(11)
    seen = []
    for _ in range(5):
        fail(concurrency, LIMITED)
        seen.append(concurrency.open)
    assert seen == [5, 2, 1, 1, 1]


def test_a_run_of_successes_opens_one_and_never_more_than_there_were() -> None:
    concurrency = ConcurrencyLimit(3)
    fail(concurrency, LIMITED)
    end_well(concurrency, RAISE_AFTER - 1)
    assert concurrency.open == 1
    end_well(concurrency, 1)
    assert concurrency.open == 2
    end_well(concurrency, 5 * RAISE_AFTER)
    assert concurrency.open == 3


@pytest.mark.parametrize("error", [LIMITED, UpstreamDown("gone"), KeyError("a bug")])
def test_any_failure_ends_a_run(error: Exception) -> None:
    concurrency = ConcurrencyLimit(2)
    fail(concurrency, LIMITED)
    end_well(concurrency, RAISE_AFTER - 1)
    fail(concurrency, error)
    end_well(concurrency, RAISE_AFTER - 1)
    assert concurrency.open == 1
    end_well(concurrency, 1)
    assert concurrency.open == 2


def test_those_that_were_under_way_together_say_it_once() -> None:
    concurrency = ConcurrencyLimit(8)
    with contextlib.ExitStack() as together:
        for _ in range(8):
            together.enter_context(contextlib.suppress(UpstreamLimited))
            together.enter_context(answered_by_429(concurrency))
    assert concurrency.open == 4
    fail(concurrency, LIMITED)
    assert concurrency.open == 2


def test_who_finds_no_lane_waits_for_one() -> None:
    concurrency = ConcurrencyLimit(2)
    under_way: list[int] = []

    def call() -> None:
        with concurrency.one():
            under_way.append(concurrency.under_way)

    with concurrency.one():
        with concurrency.one():
            third = threading.Thread(target=call, daemon=True)
            third.start()
        third.join(HANG_S)
    assert under_way == [2]
    assert concurrency.under_way == 0


def test_a_backend_that_is_started_again_goes_on_within_the_rate(tmp_path: Path) -> None:
    world = World(cache_dir=str(tmp_path), butlr_rate_limit=40)
    try:
        world.heat_map(PARIS, "2026-05-04T00:00:00Z", "2026-06-01T00:00:00Z")
        used = 40 - world.application.butlr.client.rate_limiter.left
        assert used == len(world.simulator.calls)
        world.restart()
        assert 40 - world.application.butlr.client.rate_limiter.left == used
        world.now_s += 60.0
        world.time.now_s += 60.0
        world.restart()
        assert world.application.butlr.client.rate_limiter.left == 40
    finally:
        world.close()
