"""Parts on their way: kept, shared, late, old; against a Butlr of this file's making."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.base.errors import BackendError, Busy, UpstreamDown, UpstreamLate
from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.model.chunk import Chunk, Grid, HeatMapSubject, Segment
from butlr_grafana.model.time import Period
from butlr_grafana.pipeline.call_queue import SHARES, CallClass, CallQueue, Share
from butlr_grafana.pipeline.fetch_result import FetchResult
from butlr_grafana.pipeline.gather import LIVE_S, Gatherer, stamped
from butlr_grafana.pipeline.in_flight import FORGET_S
from butlr_grafana.pipeline.recent_failures import FAILURE_REST_S
from butlr_grafana.pipeline.tiling import extent, tile
from tests.support import HANG_S, until

pytestmark = pytest.mark.fast

HOUR = 3600


def segment(start_h: float, end_h: float, *, settled: bool = True) -> Segment:
    return Segment("f", HeatMapSubject(0.5), Period(int(start_h * HOUR), int(end_h * HOUR)), settled)


class Butlr:
    """Counts one detection a minute in one cell; can hold, fail, and is asked to account for it."""

    def __init__(self) -> None:
        self.now_s = 1_000.0 * HOUR
        self.mono_s = self.stopwatch_s = 0.0
        self.requested: list[Segment] = []
        self.fails: Callable[[Segment], BackendError | None] = lambda _: None
        self.held: dict[Segment, threading.Event] = {}
        self.store = MemoryStore(10**7)
        self.gatherer = Gatherer(
            stamped(self.fetch, lambda: self.stopwatch_s),
            self.store,
            workers=4,
            now=lambda: self.now_s,
            stopwatch=lambda: self.stopwatch_s,
            clock=lambda: self.mono_s + time.monotonic(),
        )

    def passes(self, seconds: float) -> None:
        """By both clocks."""
        self.now_s += seconds
        self.stopwatch_s += seconds

    def fetch(self, requested: Segment) -> Chunk:
        self.requested.append(requested)
        if requested in self.held:
            assert self.held[requested].wait(HANG_S)
        error = self.fails(requested)
        if error is not None:
            raise error
        one = np.zeros(1, np.int32)
        minutes = float(requested.period.length_s // 60)
        grid = Grid(0.5, (0.25, 0.25), one, one, np.array([minutes]))
        return Chunk(requested.period, grid, self.now_s, requested.settled)

    def hold(self, requested: Segment) -> threading.Event:
        self.held[requested] = threading.Event()
        return self.held[requested]

    def gather(self, *segments: Segment) -> FetchResult:
        return self.gatherer.begin(segments).collect(deadline=time.monotonic() + HANG_S)

    def gather_all_but(self, slow: Segment, *segments: Segment) -> FetchResult:
        """What is known when all but one is there, which is held: the deadline is then."""
        pending = self.gatherer.begin(segments)
        until(lambda: self.gatherer.in_flight.under_way == 1 and slow in self.requested)
        return pending.collect(deadline=time.monotonic())


def minutes(gathered: FetchResult) -> float:
    return sum(chunk.grid.total for chunk in gathered.chunks)


@pytest.fixture
def butlr() -> Iterator[Butlr]:
    upstream = Butlr()
    yield upstream
    for event in upstream.held.values():
        event.set()
    upstream.gatherer.in_flight.close()


def test_what_is_settled_is_requested_once(butlr: Butlr) -> None:
    assert minutes(butlr.gather(segment(0, 24))) == 24 * 60
    again = butlr.gather(segment(0, 24))
    assert len(butlr.requested) == 1
    assert (again.coverage.fetched, again.coverage.cached, again.coverage.complete) == (0, 1, True)


def test_what_can_change_is_requested_again_after_a_minute(butlr: Butlr) -> None:
    live = segment(0, 1, settled=False)
    butlr.gather(live)
    butlr.passes(LIVE_S - 1)
    assert butlr.gather(live).coverage.as_of_s == butlr.now_s - LIVE_S + 1
    assert len(butlr.requested) == 1
    butlr.passes(1)
    assert butlr.gather(live).coverage.as_of_s == butlr.now_s
    assert len(butlr.requested) == 2


def test_what_was_kept_before_it_settled_is_requested_again_when_it_has(butlr: Butlr) -> None:
    butlr.gather(segment(0, 1, settled=False))
    butlr.passes(LIVE_S)
    butlr.gather(segment(0, 1))
    butlr.gather(segment(0, 1))
    assert [s.settled for s in butlr.requested] == [False, True]


@pytest.mark.parametrize("step_s", [-10 * HOUR, -LIVE_S, -LIVE_S / 2, 10 * HOUR])
def test_a_clock_that_steps_makes_nothing_good_for_longer_or_shorter(butlr: Butlr, step_s: float) -> None:
    live = segment(0, 1, settled=False)
    butlr.gather(live)
    butlr.now_s += step_s
    butlr.stopwatch_s += LIVE_S - 1
    assert butlr.gather(live).coverage.complete
    assert len(butlr.requested) == 1
    butlr.stopwatch_s += 1
    butlr.gather(live)
    assert len(butlr.requested) == 2


def test_an_old_part_is_as_old_as_it_is_when_the_clock_has_stepped_back(butlr: Butlr) -> None:
    """Its age is what a viewer and an alert rule go by: `as_of` is that long before now."""
    live = segment(0, 1, settled=False)
    fetched_at_s = butlr.now_s
    butlr.gather(live)
    butlr.fails = lambda _: UpstreamDown("gone")
    butlr.passes(300)
    assert butlr.gather(live).coverage.as_of_s == fetched_at_s
    butlr.now_s -= 2400
    butlr.passes(1800)
    butlr.mono_s += FAILURE_REST_S
    # By the wall clock it was fetched five minutes from now.
    coverage = butlr.gather(live).coverage
    assert (coverage.stale, coverage.as_of_s) == (1, butlr.now_s - 2100)
    assert coverage.fresh_until_s == butlr.now_s - 2100


def test_days_that_are_kept_make_their_week_without_a_call(butlr: Butlr) -> None:
    for day in range(7):
        butlr.gather(segment(24 * day, 24 * day + 24))
    week = butlr.gather(segment(0, 168))
    assert len(butlr.requested) == 7
    assert (minutes(week), week.coverage.cached, week.coverage.planned) == (7 * 24 * 60, 1, 1)
    # One hour short is not whole.
    assert minutes(butlr.gather(segment(0, 169))) == 169 * 60
    assert len(butlr.requested) == 8


def test_the_deadline_cuts_and_the_next_look_is_whole(butlr: Butlr) -> None:
    slow = segment(24, 48)
    event = butlr.hold(slow)
    partial = butlr.gather_all_but(slow, segment(0, 24), slow, segment(48, 72))
    coverage = partial.coverage
    assert (coverage.planned, coverage.fetched, coverage.missing, coverage.stale) == (3, 2, 1, 0)
    assert coverage.gaps == (slow.period,)
    assert not coverage.complete
    assert coverage.hours == 48
    assert minutes(partial) == 48 * 60
    assert "still running" in coverage.reasons[0]
    event.set()
    whole = butlr.gather(segment(0, 24), slow, segment(48, 72))
    assert minutes(whole) == 72 * 60
    assert len(butlr.requested) == 3


def test_nothing_known_at_the_deadline_is_a_504(butlr: Butlr) -> None:
    slow = segment(0, 24)
    butlr.hold(slow)
    with pytest.raises(UpstreamLate) as error:
        butlr.gather_all_but(slow, slow)
    assert (error.value.status, error.value.source) == (504, "upstream")


def test_nothing_known_and_a_fault_is_that_fault(butlr: Butlr) -> None:
    butlr.fails = lambda _: UpstreamDown("gone")
    with pytest.raises(UpstreamDown, match="gone"):
        butlr.gather(segment(0, 24), segment(24, 48))


def test_a_failing_part_leaves_the_others(butlr: Butlr) -> None:
    bad = segment(24, 48)
    butlr.fails = lambda s: UpstreamDown("gone") if s == bad else None
    partial = butlr.gather(segment(0, 24), bad)
    assert (partial.coverage.missing, partial.coverage.reasons) == (1, ("gone",))
    assert minutes(partial) == 24 * 60


def test_a_failure_is_not_requested_again_at_once_but_soon(butlr: Butlr) -> None:
    butlr.fails = lambda _: UpstreamDown("gone")
    for _ in range(5):
        with pytest.raises(UpstreamDown):
            butlr.gather(segment(0, 24))
    assert len(butlr.requested) == 1
    butlr.mono_s += FAILURE_REST_S
    butlr.fails = lambda _: None
    assert butlr.gather(segment(0, 24)).coverage.complete
    assert len(butlr.requested) == 2


def test_an_outage_serves_what_was_known_with_its_age(butlr: Butlr) -> None:
    settled, live = segment(0, 10), segment(10, 11.5, settled=False)
    butlr.gather(settled, live)
    known_at = butlr.now_s
    butlr.passes(2 * HOUR)
    butlr.fails = lambda _: UpstreamDown("gone")
    # The boundary between settled and not has moved on; what was kept lies across it.
    now = butlr.gather(segment(0, 12), segment(12, 13.5, settled=False))
    assert minutes(now) == 11.5 * 60
    coverage = now.coverage
    assert (coverage.planned, coverage.stale, coverage.missing) == (2, 1, 1)
    assert coverage.as_of_s == known_at
    assert coverage.gaps == (Period(int(11.5 * HOUR), int(13.5 * HOUR)),)
    assert coverage.hours == 11.5


def test_what_was_known_before_an_hour_settled_is_shown_where_it_is_more(butlr: Butlr) -> None:
    """The hour that has just settled is there, the minutes after it are not: more were known before."""
    butlr.gather(segment(0, 10), segment(10, 11.5, settled=False))
    known_at_s = butlr.now_s
    butlr.passes(300)
    hour, slow = segment(0, 11), segment(11, 11.75, settled=False)
    butlr.hold(slow)
    found = butlr.gather_all_but(slow, hour, slow)
    coverage = found.coverage
    assert minutes(found) == 11.5 * 60
    assert (coverage.planned, coverage.stale, coverage.missing, coverage.cached) == (2, 2, 0, 0)
    assert coverage.as_of_s == known_at_s
    assert coverage.gaps == (Period(int(11.5 * HOUR), int(11.75 * HOUR)),)


def test_settled_data_do_not_age_while_the_minutes_after_them_are_renewed(butlr: Butlr) -> None:
    """The settled part was fetched long ago. It cannot change, so the newer part says how old the map is."""
    butlr.gather(segment(0, 10))
    butlr.passes(1000)
    butlr.gather(segment(0, 10), segment(10, 11.5, settled=False))
    known_at_s = butlr.now_s
    butlr.passes(300)
    hour, slow = segment(0, 11), segment(11, 11.75, settled=False)
    butlr.hold(slow)
    assert butlr.gather_all_but(slow, hour, slow).coverage.as_of_s == known_at_s


def test_what_a_clock_that_was_ahead_requested_of_the_future_is_a_gap(butlr: Butlr) -> None:
    """At half past, an hour up to the full hour was requested: the second half is not known."""
    butlr.now_s = 1.5 * HOUR
    butlr.gather(segment(1, 2, settled=False))
    butlr.fails = lambda _: UpstreamDown("gone")
    butlr.passes(HOUR)
    coverage = butlr.gather(segment(1, 2.25, settled=False)).coverage
    assert coverage.gaps == (Period(int(1.5 * HOUR), int(2.25 * HOUR)),)
    assert (coverage.stale, coverage.hours, coverage.as_of_s) == (1, 0.5, 1.5 * HOUR)


def test_settled_data_alone_are_known_up_to_their_end(butlr: Butlr) -> None:
    butlr.gather(segment(0, 10))
    butlr.passes(1000)
    butlr.fails = lambda _: UpstreamDown("gone")
    coverage = butlr.gather(segment(0, 11)).coverage
    assert (coverage.stale, coverage.as_of_s) == (1, 10 * HOUR)


def test_what_was_known_before_an_hour_settled_is_not_shown_where_it_is_less(butlr: Butlr) -> None:
    butlr.gather(segment(0, 10), segment(10, 10.75, settled=False))
    hour, slow = segment(0, 11), segment(11, 11.75, settled=False)
    butlr.hold(slow)
    found = butlr.gather_all_but(slow, hour, slow)
    assert minutes(found) == 11 * 60
    assert (found.coverage.stale, found.coverage.missing, found.coverage.fetched) == (0, 1, 1)


def test_an_older_answer_for_the_same_minutes_is_stale_not_missing(butlr: Butlr) -> None:
    live = segment(0, 1, settled=False)
    butlr.gather(live)
    known_at = butlr.now_s
    butlr.passes(1000)
    butlr.fails = lambda _: UpstreamDown("gone")
    old = butlr.gather(live)
    assert (old.coverage.stale, old.coverage.missing, old.coverage.gaps) == (1, 0, ())
    assert old.coverage.as_of_s == known_at


@pytest.mark.parametrize(
    ("settled", "age_s", "cached"),
    [(True, 2 * LIVE_S, True), (False, LIVE_S - 1, True), (False, LIVE_S, False)],
)
@pytest.mark.parametrize("fails", [False, True])
def test_what_another_replica_brings_while_the_call_is_late_counts_by_its_own_age(
    butlr: Butlr, settled: bool, age_s: float, cached: bool, fails: bool
) -> None:
    requested = segment(0, 1, settled=settled)
    brought = replace(butlr.fetch(requested), requested_at=butlr.stopwatch_s)
    butlr.passes(age_s)
    released = butlr.hold(requested)
    butlr.fails = lambda _: UpstreamDown("gone") if fails else None
    pending = butlr.gatherer.begin([requested])
    butlr.store.put(requested, brought)
    if fails:
        released.set()
        until(lambda: butlr.gatherer.in_flight.under_way == 0)
    found = butlr.gatherer.collect(pending, deadline=time.monotonic())
    assert minutes(found) == 60
    assert (found.coverage.planned, found.coverage.cached, found.coverage.stale) == (1, cached, not cached)
    assert found.coverage.complete is cached
    assert (found.error is None) is (cached or not fails)


def test_many_who_ask_at_once_share_one_call(butlr: Butlr) -> None:
    slow = segment(0, 24)
    event = butlr.hold(slow)
    found: list[float] = []
    threads = [threading.Thread(target=lambda: found.append(minutes(butlr.gather(slow)))) for _ in range(30)]
    for thread in threads:
        thread.start()
    event.set()
    for thread in threads:
        thread.join()
    assert found == [24 * 60] * 30
    assert len(butlr.requested) == 1


def test_what_still_changes_and_nobody_asks_for_any_more_is_not_requested(butlr: Butlr) -> None:
    """A minute's question in the queue, when its minute is long over; a settled one is asked all the same."""
    busy = [butlr.hold(segment(i, i + 1)) for i in range(4)]
    held = butlr.gatherer.begin([segment(i, i + 1) for i in range(4)])
    until(lambda: len(butlr.requested) == 4)
    over, wanted, settled = segment(9, 9.5, settled=False), segment(9, 9.6, settled=False), segment(5, 6)
    pending = butlr.gatherer.begin([over, wanted, settled])
    butlr.mono_s += FORGET_S
    butlr.gatherer.begin([wanted])
    for event in busy:
        event.set()
    deadline = time.monotonic() + HANG_S
    held.collect(deadline=deadline)
    gathered = pending.collect(deadline=deadline)
    assert set(butlr.requested[4:]) == {wanted, settled}
    assert isinstance(gathered.error, UpstreamLate)


def test_an_answer_that_lands_while_somebody_looks_is_not_requested_again(butlr: Butlr) -> None:
    one = segment(0, 1)
    look = butlr.store.get

    def misses_while_it_completes(requested: Segment, since: float = 0.0) -> Chunk | None:
        butlr.store.get = look  # type: ignore[method-assign]
        assert butlr.gather(one).coverage.fetched == 1
        return None

    butlr.store.get = misses_while_it_completes  # type: ignore[method-assign]
    assert butlr.gather(one).coverage.cached == 1
    assert butlr.requested == [one]


def test_the_error_of_a_resting_question_does_not_grow(butlr: Butlr) -> None:
    """The same exception is raised for everybody; its traceback must not collect all their frames."""
    butlr.fails = lambda _: UpstreamDown("gone")
    depths = []
    for _ in range(5):
        with pytest.raises(UpstreamDown) as caught:
            butlr.gather(segment(0, 24))
        frame, depth = caught.value.__traceback__, 0
        while frame is not None:
            frame, depth = frame.tb_next, depth + 1
        depths.append(depth)
    assert depths[-1] == depths[1]


def test_closing_ends_the_waiting_and_keeps_what_still_comes(butlr: Butlr) -> None:
    slow, queued = segment(0, 1), [segment(i, i + 1) for i in range(1, 9)]
    event = butlr.hold(slow)
    for one in queued:
        butlr.hold(one)
    pending = butlr.gatherer.begin([slow, *queued])
    until(lambda: len(butlr.requested) == 4)
    under_way = butlr.requested[:4]
    butlr.gatherer.close()
    with pytest.raises(UpstreamDown, match="shutting down"):
        pending.collect(deadline=time.monotonic() + HANG_S)
    event.set()
    for one in queued:
        butlr.held[one].set()
    until(lambda: all(butlr.store.get(requested) is not None for requested in under_way))
    assert butlr.requested == under_way


def test_a_short_question_passes_between_those_of_a_long_one(butlr: Butlr) -> None:
    # Newest first: the newest four keep the four workers busy until the short question has come.
    events = [butlr.hold(segment(i, i + 1)) for i in range(56, 60)]
    long = butlr.gatherer.begin([segment(i, i + 1) for i in range(60)])
    short = butlr.gatherer.begin([segment(100, 101)])
    for event in events:
        event.set()
    for pending in (long, short):
        pending.collect(deadline=butlr.mono_s + time.monotonic() + HANG_S)
    assert butlr.requested.index(segment(100, 101)) < 10


def test_what_nobody_waits_for_goes_last_and_what_is_urgent_first(butlr: Butlr) -> None:
    held = [segment(k, k + 1) for k in range(4)]  # as many as there are workers
    events = [butlr.hold(one) for one in held]
    begin = butlr.gatherer.begin
    pending = [begin(held)]
    until(lambda: len(butlr.requested) == 4)
    aside, plain, urgent = ([segment(k, k + 1), segment(k + 1, k + 2)] for k in (10, 20, 30))
    pending += [
        begin(aside, call_class=CallClass.BACKGROUND),
        begin(plain),
        begin(urgent, call_class=CallClass.RULE),
    ]
    for waiting in (*aside, *plain, *urgent):
        butlr.hold(waiting)
    for event in events[:1]:
        event.set()
    for number, one in enumerate([*reversed(urgent), *reversed(plain), *reversed(aside)], start=5):
        until(lambda number=number: len(butlr.requested) == number)  # type: ignore[misc]
        assert butlr.requested[-1] == one
        butlr.held[one].set()
    for event in events[1:]:
        event.set()
    assert all(one.collect(deadline=time.monotonic() + 10).coverage.complete for one in pending)


def test_more_than_a_class_holds_is_refused_and_the_rest_answered(butlr: Butlr) -> None:
    """Ten places for viewers; those of rules are others."""
    butlr.gatherer.in_flight._queue = CallQueue({**SHARES, CallClass.VIEWER: Share(20, 10, 60.0)})
    events = [butlr.hold(segment(i, i + 1)) for i in range(96, 100)]
    pending = butlr.gatherer.begin([segment(i, i + 1) for i in range(100)])
    assert butlr.gatherer.in_flight.waiting <= 10
    for event in events:
        event.set()
    rule = butlr.gatherer.begin([segment(200, 201)], call_class=CallClass.RULE)
    gathered = pending.collect(deadline=butlr.mono_s + time.monotonic() + HANG_S)
    assert rule.collect(deadline=butlr.mono_s + time.monotonic() + HANG_S).coverage.complete
    assert isinstance(gathered.error, Busy)
    assert gathered.error.status == 503
    assert gathered.coverage.fetched + gathered.coverage.missing == 100
    # Four at a time and ten that wait, the newest of all.
    assert 10 <= gathered.coverage.fetched <= 14


def test_a_bug_reaches_the_asker_and_does_not_end_the_worker(butlr: Butlr) -> None:
    def fails(requested: Segment) -> None:
        if requested.period.start_s == 0:
            raise ZeroDivisionError

    butlr.fails = fails  # type: ignore[assignment]
    with pytest.raises(ZeroDivisionError):
        butlr.gather(segment(0, 1))
    for hour in range(1, 10):
        assert butlr.gather(segment(hour, hour + 1)).coverage.complete


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(1, 30)).map(lambda p: Period(p[0], p[0] + p[1])),
        max_size=12,
    )
)
def test_tiles_are_disjoint_in_order_and_inside(known: list[Period]) -> None:
    whole = Period(5, 25)
    tiles = tile(known, whole)
    assert all(t in known and whole.contains(t) for t in tiles)
    assert all(a.end_s <= b.start_s for a, b in pairwise(tiles))
    inside = {p for p in known if whole.contains(p)}
    assert bool(tiles) == bool(inside)
    # None reaches further without a gap; of those none covers more, and none as much with fewer.
    choices = (c for size in range(min(len(inside), 5) + 1) for c in combinations(sorted(inside), size))
    apart = (c for c in choices if all(a.end_s <= b.start_s for a, b in pairwise(c)))
    best = max((*extent(c, whole), -len(c)) for c in apart)
    assert (*extent(tiles, whole), -len(tiles)) >= best


def test_an_end_that_is_missing_is_better_than_a_minute_in_the_middle() -> None:
    """The minutes up to 8 are known as a whole; those up to 10 only but for one minute."""
    whole = Period(0, 10)
    old, recent, newest = Period(0, 5), Period(0, 8), Period(6, 10)
    assert tile([old, recent, newest], whole) == [recent]
    assert tile([old, newest], whole) == [old, newest]
    assert extent([recent], whole) == (8, 8) > extent([old, newest], whole) == (5, 9)
