"""Parts in memory: bounded by bytes, the least recently used goes first, the index never lies."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.model.chunk import HeatMapSubject, Segment
from butlr_grafana.model.time import Period
from tests.cache.chunks.chunks import HALF, SPACE, chunk, same, segment

PART_BYTES = chunk(segment(), cells=50).grid.nbytes
ALWAYS = Period(0, 10**9)


def held(store: MemoryStore, among: list[Segment]) -> list[int]:
    """The starts of those that are still there; asking changes what was used last."""
    return [requested.period.start_s for requested in among if store.get(requested) is not None]


def row(n: int, *, settled: bool = True) -> list[Segment]:
    return [segment(i * 3600, (i + 1) * 3600, settled=settled) for i in range(n)]


def filled(segments: list[Segment], room_for: int) -> MemoryStore:
    store = MemoryStore(room_for * PART_BYTES)
    for requested in segments:
        store.put(requested, chunk(requested, cells=50))
    return store


def test_what_is_put_can_be_got() -> None:
    store, requested = MemoryStore(10**6), segment()
    assert store.get(requested) is None
    store.put(requested, chunk(requested, value=7.0))
    assert same(store.get(requested), chunk(requested, value=7.0))


def test_a_part_is_found_whether_the_question_calls_it_settled_or_not() -> None:
    store = MemoryStore(10**6)
    store.put(segment(settled=False), chunk(segment(settled=False)))
    found = store.get(segment(settled=True))
    assert found is not None
    assert not found.settled


@pytest.mark.parametrize(
    "other", [segment(0, 3599), segment(1, 3600), segment(space="space_2"), segment(resolution_m=0.25)]
)
def test_another_question_gets_nothing(other: Segment) -> None:
    store = MemoryStore(10**6)
    store.put(segment(), chunk(segment()))
    assert store.get(other) is None


def test_the_least_recently_used_goes_first() -> None:
    hours = row(5)
    store = filled(hours[:3], room_for=3)
    assert store.get(hours[0]) is not None  # now hour 1 is the oldest
    for requested in hours[3:]:
        store.put(requested, chunk(requested, cells=50))
    assert held(store, hours) == [0, 3 * 3600, 4 * 3600]


def test_a_part_larger_than_everything_is_not_kept_and_pushes_nothing_out() -> None:
    hours = row(3)
    store = filled(hours[:2], room_for=2)
    store.put(hours[2], chunk(hours[2], cells=10_000))
    assert held(store, hours) == [0, 3600]


def test_a_newer_opinion_of_the_same_period_replaces_the_older() -> None:
    store, requested = MemoryStore(10**6), segment()
    store.put(requested, chunk(requested, value=1.0))
    store.put(requested, chunk(requested, value=2.0, cells=9))
    assert same(store.get(requested), chunk(requested, value=2.0, cells=9))
    assert store.within(SPACE, HALF, ALWAYS) == [requested.period]


# Parts that still change


def test_of_the_open_end_only_the_newest_is_kept() -> None:
    store = MemoryStore(10**6)
    minutes = [segment(0, 60 * n, settled=False) for n in range(1, 50)]
    for requested in minutes:
        store.put(requested, chunk(requested))
    assert store.within(SPACE, HALF, ALWAYS) == [Period(0, 60 * 49)]


@pytest.mark.parametrize(
    "other",
    [
        segment(60, 240, settled=False),
        segment(0, 240, settled=False, space="space_2"),
        segment(0, 240, settled=False, resolution_m=1.0),
    ],
)
def test_an_open_end_of_something_else_replaces_nothing(other: Segment) -> None:
    store = MemoryStore(10**6)
    live = segment(0, 120, settled=False)
    store.put(live, chunk(live))
    store.put(other, chunk(other))
    assert store.get(live) is not None
    assert store.get(other) is not None


def test_a_settled_part_neither_replaces_nor_is_replaced() -> None:
    store = MemoryStore(10**6)
    day, live = segment(0, 86_400), segment(0, 7200, settled=False)
    store.put(day, chunk(day))
    store.put(live, chunk(live))
    store.put(segment(0, 3600), chunk(segment(0, 3600)))
    assert sorted(store.within(SPACE, HALF, ALWAYS)) == [Period(0, 3600), Period(0, 7200), Period(0, 86_400)]


def test_a_part_that_has_settled_meanwhile_is_not_replaced() -> None:
    """Kept live, then again when it had settled; the next live one must not take it along."""
    store = MemoryStore(10**6)
    live, settled, next_live = segment(0, 60, settled=False), segment(0, 60), segment(0, 120, settled=False)
    for requested in (live, settled, next_live):
        store.put(requested, chunk(requested))
    found = store.get(settled)
    assert found is not None
    assert found.settled
    assert store.get(next_live) is not None


def test_an_answer_that_was_long_on_its_way_does_not_replace_a_newer_one() -> None:
    store = MemoryStore(10**6)
    sooner, later = segment(0, 60, settled=False), segment(0, 120, settled=False)
    store.put(later, chunk(later, fetched_at_s=120.0))
    store.put(sooner, chunk(sooner, fetched_at_s=60.0))
    assert store.within(SPACE, HALF, ALWAYS) == [later.period]


def test_what_a_clock_that_was_ahead_has_dated_is_replaced() -> None:
    """It would be the newest until the clock has caught up."""
    store = MemoryStore(10**6)
    of_the_future, now = segment(0, 4100, settled=False), segment(0, 500, settled=False)
    store.put(of_the_future, replace(chunk(of_the_future, fetched_at_s=4100.0), requested_at=70.0))
    store.put(now, replace(chunk(now, fetched_at_s=500.0), requested_at=80.0))
    assert store.within(SPACE, HALF, ALWAYS) == [now.period]


def test_a_settled_part_is_not_replaced_by_one_that_was_requested_before() -> None:
    store = MemoryStore(10**6)
    settled, live = segment(0, 60), segment(0, 60, settled=False)
    store.put(settled, chunk(settled, value=2.0))
    store.put(live, chunk(live, value=1.0))
    assert same(store.get(settled), chunk(settled, value=2.0))


def test_what_is_noted_of_open_ends_does_not_grow_for_ever() -> None:
    store = filled(row(3000, settled=False), room_for=5)
    assert len(store.within(SPACE, HALF, ALWAYS)) == 5
    assert len(store._newest) < 200


def test_a_floor_that_was_pushed_out_leaves_nothing_behind() -> None:
    floors = [segment(space=f"space_{n}") for n in range(100)]
    store = filled(floors, room_for=3)
    assert [a.space for a in floors if store.get(a) is not None] == ["space_97", "space_98", "space_99"]
    assert len(store._chunks.periods) == 3


# Within


def test_within_is_what_lies_in_the_period_as_a_whole() -> None:
    hours = row(5)
    store = filled(hours, room_for=10)
    assert sorted(store.within(SPACE, HALF, Period(3600, 3 * 3600))) == [hours[1].period, hours[2].period]
    assert store.within(SPACE, HALF, Period(3601, 3 * 3600 - 1)) == []
    assert store.within(SPACE, HeatMapSubject(0.25), ALWAYS) == []
    assert store.within("space_2", HALF, ALWAYS) == []


PUTS = st.lists(
    st.tuples(
        st.sampled_from(["space_1", "space_2"]),
        st.sampled_from([0.25, 1.0]),
        st.integers(0, 6),
        st.integers(1, 4),
        st.booleans(),
        st.integers(0, 60),
    ),
    max_size=60,
)


@given(PUTS, st.integers(0, 5000))
def test_the_index_is_what_is_held_and_both_are_bounded(
    puts: list[tuple[str, float, int, int, bool, int]], max_bytes: int
) -> None:
    store = MemoryStore(max_bytes)
    asked_for: set[Segment] = set()
    for space, resolution_m, start_s, length_s, settled, cells in puts:
        requested = segment(
            start_s, start_s + length_s, space=space, resolution_m=resolution_m, settled=settled
        )
        asked_for.add(requested)
        stored = chunk(requested, cells=cells)
        store.put(requested, stored)
        if stored.grid.nbytes <= max_bytes:
            there_now = store.get(requested)
            assert there_now is stored or (there_now is not None and there_now.settled > stored.settled)
        found = {(a.space, a.subject, a.period): store.get(a) for a in asked_for}
        there = {key: p for key, p in found.items() if p is not None}
        assert sum(p.grid.nbytes for p in there.values()) <= max_bytes
        for group in {key[:2] for key in found}:
            expected = sorted(key[2] for key in there if key[:2] == group)
            assert sorted(store.within(*group, ALWAYS)) == expected


def test_threads_do_not_break_it() -> None:
    hours = row(200)
    store = MemoryStore(20 * PART_BYTES)
    failed: list[BaseException] = []

    def work(offset: int) -> None:
        try:
            for n in range(600):
                requested = hours[(n * 7 + offset) % len(hours)]
                if store.get(requested) is None:
                    store.put(requested, chunk(requested, cells=50))
                store.within(SPACE, HALF, ALWAYS)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(31 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert len(store.within(SPACE, HALF, ALWAYS)) == len(held(store, hours)) == 20
