"""Parts in Redis: found by every replica, bounded in time, never wrong whatever Redis holds."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butlr_grafana.cache.chunks.memory import MemoryStore
from butlr_grafana.cache.chunks.tiers import TieredStore
from butlr_grafana.model.chunk import Segment
from butlr_grafana.model.time import DAY_S, Period
from butlr_grafana.replicas.chunk_store import LIVE_S, SharedStore
from butlr_grafana.replicas.redis_connection import RedisConnection
from tests.cache.chunks.chunks import HALF, SPACE, chunk, same, segment
from tests.redis_server import RedisServer

ALWAYS = Period(0, 10**9)
LIFE_MS = 400 * DAY_S * 1000


class Replicas:
    """Stores of one Redis, each as of a process of its own. `now_s`: their clocks; Redis has its own."""

    def __init__(self, server: RedisServer) -> None:
        self.server = server
        self.links: list[RedisConnection] = []
        self.now_s = 10_000.0

    def store(
        self,
        source: str = "me",
        *,
        max_age_s: int = 400 * DAY_S,
        behind_s: float = 0.0,
        stopwatch: Callable[[], float] | None = None,
    ) -> SharedStore:
        """`behind_s`: how far its wall clock is behind."""
        self.links.append(RedisConnection(self.server.url, source=source))
        return SharedStore(
            self.links[-1],
            max_age_s=max_age_s,
            now=lambda: self.now_s - behind_s,
            stopwatch=stopwatch or (lambda: self.now_s),
        )

    def passes(self, seconds: float) -> None:
        """For Redis too."""
        self.now_s += seconds
        self.server.passes(seconds, "part:*")

    def close(self) -> None:
        while self.links:
            self.links.pop().close()


@pytest.fixture
def replicas(redis: RedisServer) -> Iterator[Replicas]:
    made = Replicas(redis)
    yield made
    made.close()


def row(n: int) -> list[Segment]:
    return [segment(i * 3600, (i + 1) * 3600) for i in range(n)]


def put_all(store: SharedStore, segments: list[Segment]) -> None:
    for requested in segments:
        store.put(requested, chunk(requested))


def live(end_s: int = 3600, *, start_s: int = 0) -> Segment:
    return segment(start_s, end_s, settled=False)


def test_a_part_is_found_by_another_replica(replicas: Replicas) -> None:
    replicas.store().put(segment(), chunk(segment(), cells=1000, value=7.0))
    other = replicas.store()
    assert same(other.get(segment()), chunk(segment(), cells=1000, value=7.0))
    assert other.within(SPACE, HALF, ALWAYS) == [segment().period]


def test_an_empty_part_is_one_too(replicas: Replicas) -> None:
    replicas.store().put(segment(), chunk(segment(), cells=0))
    assert same(replicas.store().get(segment()), chunk(segment(), cells=0))


def test_a_part_that_still_changes_is_shared_too(replicas: Replicas) -> None:
    replicas.store().put(live(), chunk(live()))
    other = replicas.store()
    assert same(other.get(live()), chunk(live()))
    assert other.within(SPACE, HALF, ALWAYS) == [live().period]


def test_how_long_parts_and_their_index_are_kept(replicas: Replicas) -> None:
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    [key] = replicas.server.names("part:*")
    assert LIFE_MS - 60_000 < replicas.server.client.pttl(key) <= LIFE_MS
    store.put(live(7200, start_s=3600), chunk(live(7200, start_s=3600)))
    [key] = replicas.server.names("part:*:3600:7200")
    assert 3_540_000 < replicas.server.client.pttl(key) <= 3_600_000
    [index] = replicas.server.names("index:*")
    assert LIFE_MS - 60_000 < replicas.server.client.pttl(index) <= LIFE_MS


def test_a_settled_part_replaces_one_that_was_not(replicas: Replicas) -> None:
    one, other = replicas.store(), replicas.store()
    one.put(live(), chunk(live(), value=1.0))
    other.put(segment(), chunk(segment(), value=2.0))
    assert same(one.get(segment()), chunk(segment(), value=2.0))


def test_a_late_opinion_does_not_replace_a_settled_part(replicas: Replicas) -> None:
    one, other = replicas.store(), replicas.store()
    one.put(segment(), chunk(segment(), value=2.0))
    other.put(live(), chunk(live(), value=1.0, fetched_at_s=20_000.0))
    assert same(other.get(segment()), chunk(segment(), value=2.0))


def test_of_those_with_one_start_that_still_change_only_the_newest_is_kept(replicas: Replicas) -> None:
    """Whoever brought it; the settled piece that begins there too stays."""
    one, other = replicas.store(), replicas.store()
    one.put(segment(0, 60), chunk(segment(0, 60)))
    for minute in range(1, 10):
        store = one if minute % 2 else other
        requested = live(3600 + 60 * minute)
        store.put(requested, chunk(requested, fetched_at_s=10_000.0 + 60 * minute))
    assert sorted(one.within(SPACE, HALF, ALWAYS)) == [Period(0, 60), Period(0, 3600 + 540)]
    assert len(replicas.server.names("part:*")) == 2


def test_an_answer_that_was_long_on_its_way_does_not_replace_a_newer_one(replicas: Replicas) -> None:
    replicas.now_s = 20_000.0
    store = replicas.store()
    newer, older = live(3660), live(3600)
    store.put(newer, chunk(newer, fetched_at_s=20_000.0))
    store.put(older, chunk(older, fetched_at_s=19_000.0))
    assert store.within(SPACE, HALF, ALWAYS) == [newer.period]
    store.put(newer, chunk(newer, value=5.0, fetched_at_s=18_000.0))
    assert same(store.get(newer), chunk(newer, fetched_at_s=20_000.0))


@pytest.mark.parametrize(
    "other", [segment(0, 3599), segment(1, 3600), segment(space="space_2"), segment(resolution_m=0.25)]
)
def test_another_question_gets_nothing(replicas: Replicas, other: Segment) -> None:
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    assert store.get(other) is None
    assert store.within(other.space, other.subject, other.period) == []


def test_another_tenant_sees_nothing(replicas: Replicas) -> None:
    mine, theirs = replicas.store("me"), replicas.store("them")
    mine.put(segment(), chunk(segment(), value=1.0))
    assert theirs.get(segment()) is None
    assert theirs.within(SPACE, HALF, ALWAYS) == []
    theirs.put(segment(), chunk(segment(), value=2.0))
    assert same(replicas.store("me").get(segment()), chunk(segment(), value=1.0))
    assert {key.split(b":")[1] for key in replicas.server.client.keys("butlr:*")} == {b"me", b"them"}


def test_every_key_begins_with_the_tenant(replicas: Replicas) -> None:
    put_all(replicas.store("me"), row(3))
    assert all(key.startswith(b"butlr:me:") for key in replicas.server.client.keys("*"))


PERIODS = st.builds(
    lambda start, length: Period(start, start + length), st.integers(0, 20), st.integers(1, 10)
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=st.sets(PERIODS, max_size=12), requested=PERIODS, gone=st.sets(st.integers(0, 11)))
def test_within_is_what_lies_in_the_period_and_is_still_there(
    replicas: Replicas, stored: set[Period], requested: Period, gone: set[int]
) -> None:
    replicas.server.client.flushall()
    store = replicas.store()
    for period in stored:
        store.put(segment(period.start_s, period.end_s), chunk(segment(period.start_s, period.end_s)))
    evicted = [p for i, p in enumerate(sorted(stored)) if i in gone]
    for period in evicted:
        replicas.server.forget(f"part:*:{period.start_s}:{period.end_s}")
    left = set(stored) - set(evicted)
    expected = [p for p in left if requested.start_s <= p.start_s and p.end_s <= requested.end_s]
    assert sorted(store.within(SPACE, HALF, requested)) == sorted(expected)
    replicas.close()


def test_what_redis_had_no_room_for_leaves_the_index_too(replicas: Replicas) -> None:
    store = replicas.store()
    put_all(store, row(50))
    replicas.server.forget("part:*")
    [index] = replicas.server.names("index:*")
    assert replicas.server.client.zcard(index) == 50
    assert store.within(SPACE, HALF, ALWAYS) == []
    assert replicas.server.client.zcard(index) == 0


def test_the_index_loses_what_is_gone_even_if_nobody_looks(replicas: Replicas) -> None:
    store = replicas.store()
    put_all(store, row(50))
    replicas.server.forget("part:*")
    put_all(store, [segment(s.period.start_s + 10**6, s.period.end_s + 10**6) for s in row(50)])
    [index] = replicas.server.names("index:*")
    assert replicas.server.client.zcard(index) < 60


def test_a_part_without_its_index_is_found_all_the_same(replicas: Replicas) -> None:
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    replicas.server.forget("index:*")
    assert same(store.get(segment()), chunk(segment()))
    assert store.within(SPACE, HALF, ALWAYS) == []


def test_what_is_there_already_is_not_written_again(replicas: Replicas) -> None:
    """A part that is put in all tiers has come from this one, or gone there when it was asked for."""
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    found = store.get(segment())
    assert found is not None
    replicas.server.client.flushall()
    store.put(segment(), found)
    assert replicas.server.names("part:*") == []
    store.put(segment(), chunk(segment()))
    assert len(replicas.server.names("part:*")) == 1


@pytest.mark.parametrize("seed", range(20))
def test_flipped_bytes_cost_parts_never_a_wrong_one(replicas: Replicas, seed: int) -> None:
    rng = random.Random(seed)
    hours = row(20)
    store = replicas.store()
    put_all(store, hours)
    for key in replicas.server.names("part:*"):
        value = bytearray(replicas.server.client.get(key))
        for _ in range(rng.choice([0, 1, 10])):
            value[rng.randrange(len(value))] ^= rng.randrange(1, 256)
        replicas.server.client.set(key, bytes(value[: rng.choice([len(value), rng.randrange(len(value))])]))
    for requested in hours:
        found = store.get(requested)
        assert found is None or same(found, chunk(requested))
    put_all(store, hours)
    assert all(same(store.get(requested), chunk(requested)) for requested in hours)


def test_a_part_under_the_key_of_another_is_not_there(replicas: Replicas) -> None:
    """Also where period and resolution are the same, and only the floor is not."""
    store = replicas.store()
    here, there = segment(), segment(space="space_2")
    store.put(here, chunk(here, value=1.0))
    [mine] = replicas.server.names("part:*")
    store.put(there, chunk(there, value=2.0))
    [theirs] = [key for key in replicas.server.names("part:*") if key != mine]
    client = replicas.server.client
    client.set(mine, client.get(theirs))
    assert store.get(here) is None
    assert same(store.get(there), chunk(there, value=2.0))


def test_keys_of_another_kind_are_taken_over(replicas: Replicas) -> None:
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    client = replicas.server.client
    for key in replicas.server.names():
        client.delete(key)
        client.hset(key, "a", "b")
    assert store.get(segment()) is None
    assert store.within(SPACE, HALF, ALWAYS) == []
    store.put(segment(), chunk(segment()))
    assert same(store.get(segment()), chunk(segment()))
    assert store.within(SPACE, HALF, ALWAYS) == [segment().period]
    assert not replicas.links[0].incident.on


@pytest.mark.parametrize("member", ["", "x", "1", "5:5", "9:3", "a:b", "-", "0:99999999999999999999"])
def test_a_member_of_the_index_that_cannot_be_is_passed_over(replicas: Replicas, member: str) -> None:
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    client = replicas.server.client
    [index] = replicas.server.names("index:*")
    [key] = replicas.server.names("part:*")
    client.zadd(index, {member: 5})
    client.set(key.removesuffix("0:3600") + member, b"something")
    assert store.within(SPACE, HALF, ALWAYS) == [segment().period]
    assert not replicas.links[0].incident.on


def test_many_threads_at_once(replicas: Replicas) -> None:
    stores = [replicas.store(), replicas.store()]
    hours = row(40)
    faults: list[object] = []

    def work(store: SharedStore) -> None:
        try:
            for requested in hours:
                store.put(requested, chunk(requested))
                if not same(store.get(requested), chunk(requested)):
                    faults.append(requested)
                store.within(SPACE, HALF, ALWAYS)
        except Exception as error:  # noqa: BLE001  # whatever it is, the test must see it
            faults.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(stores[0].within(SPACE, HALF, ALWAYS)) == [requested.period for requested in hours]


def test_without_redis_nothing_is_there_and_nothing_fails(replicas: Replicas) -> None:
    store = replicas.store()
    store.put(segment(), chunk(segment()))
    replicas.server.stop()
    assert store.get(segment()) is None
    assert store.within(SPACE, HALF, ALWAYS) == []
    store.put(segment(), chunk(segment()))
    store.close()


def test_a_newer_part_of_another_replica_goes_before_an_older_one_in_memory(replicas: Replicas) -> None:
    memory = MemoryStore(10**6)
    mine, theirs = TieredStore(memory, replicas.store()), replicas.store()
    older, newer = (
        chunk(live(), value=1.0, fetched_at_s=10_000.0),
        chunk(live(), value=2.0, fetched_at_s=10_100.0),
    )
    mine.put(live(), older)
    replicas.passes(100)
    theirs.put(live(), newer)
    assert mine.get(live(), 9_990.0) is older
    assert same(mine.get(live(), 10_050.0), newer)
    assert same(memory.get(live()), newer)


def test_of_two_replicas_the_one_whose_clock_is_wrong_brings_the_newer_one_all_the_same(
    replicas: Replicas,
) -> None:
    """Its date is older; how long it has to live is not."""
    right, behind = replicas.store(), replicas.store(behind_s=2400)
    right.put(live(), chunk(live(), value=1.0))
    replicas.passes(60)
    late = replace(chunk(live(), value=2.0, fetched_at_s=replicas.now_s - 2400), requested_at=replicas.now_s)
    behind.put(live(), late)
    assert same(right.get(live()), late)


# How old a part is that still changes


@pytest.mark.parametrize("behind_s", [0.0, 2400.0, -2400.0, 10 * DAY_S])
@pytest.mark.parametrize("stopwatch_s", [5.0, 10**6])
def test_a_part_is_as_old_by_redis_as_it_is_whatever_the_readers_wall_clock_shows(
    replicas: Replicas, behind_s: float, stopwatch_s: float
) -> None:
    """Up to the milliseconds that Redis counts; by a clock that is ahead it may be older, never younger."""
    replicas.store().put(live(), chunk(live(), fetched_at_s=replicas.now_s))
    replicas.passes(2400)
    found = replicas.store(behind_s=behind_s, stopwatch=lambda: stopwatch_s).get(live())
    assert found is not None
    assert found.fetched_at_s == 10_000.0
    age_s = stopwatch_s - found.requested_at
    assert age_s >= 2400 - 0.01
    if behind_s >= 0:
        assert age_s < 2400 + 60  # what the test itself takes


def test_a_part_that_is_old_when_it_is_put_lives_for_the_rest_only(replicas: Replicas) -> None:
    replicas.now_s += 1000
    replicas.store().put(live(), chunk(live(), fetched_at_s=replicas.now_s - 1000))
    [key] = replicas.server.names("part:*")
    assert 2_540_000 < replicas.server.client.pttl(key) <= 2_600_000
    found = replicas.store().get(live())
    assert found is not None
    assert replicas.now_s - found.requested_at >= 1000 - 0.01


@pytest.mark.parametrize("age_s", [LIVE_S, LIVE_S + 1, math.inf])
def test_a_part_that_is_too_old_or_of_unknown_age_is_not_put(replicas: Replicas, age_s: float) -> None:
    replicas.store().put(live(), replace(chunk(live()), requested_at=replicas.now_s - age_s))
    assert replicas.server.names("part:*") == []


@pytest.mark.parametrize("life_ms", [None, LIVE_S * 1000 + 60_000])
def test_a_life_that_no_part_gets_tells_no_age(replicas: Replicas, life_ms: int | None) -> None:
    """Redis' own clock has stepped back, or somebody else has been there."""
    replicas.store().put(live(), chunk(live()))
    [key] = replicas.server.names("part:*")
    if life_ms is None:
        replicas.server.client.persist(key)
    else:
        replicas.server.client.pexpire(key, life_ms)
    found = replicas.store().get(live())
    assert found is not None
    assert found.requested_at == -math.inf
