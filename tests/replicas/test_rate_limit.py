"""The rate and the pause of all replicas together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from butlr_grafana.model.call_class import CallClass
from butlr_grafana.pipeline.call_queue import SHARES
from butlr_grafana.replicas import rate_limit
from butlr_grafana.replicas.rate_limit import OTHERS_PART, YIELD_MS, SharedRateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection
from tests.faults.trial import MAY, MAY_SEGMENTS
from tests.redis_server import RedisServer
from tests.replicas.replicas import Office
from tests.support import DETECTIONS, until

DAYS = {"hours": "08:00-18:00"}
"""A call a day."""


@pytest.fixture
def links(redis: RedisServer) -> Iterator[list[RedisConnection]]:
    made = [RedisConnection(redis.url, source="tenant") for _ in range(2)]
    yield made
    for link in made:
        link.close()


def limiters(links: list[RedisConnection], rate: int) -> list[SharedRateLimiter]:
    return [SharedRateLimiter(rate, link) for link in links]


def call(rate_limiter: SharedRateLimiter) -> float:
    """Reserves a call, which ends at once where it may go."""
    wait_s = rate_limiter.reserve()
    if not wait_s:
        rate_limiter.ended()
    return wait_s


def test_two_replicas_send_what_one_may(office: Office) -> None:
    """Twenty-eight calls are wanted of each, of other weeks."""
    replicas = office.two(butlr_rate_limit=12, deadline_s=2.0)
    office.simulator.faults.set(rate_limit_per_minute=12)
    periods = [
        ("2026-05-04T00:00:00Z", "2026-06-01T00:00:00Z"),
        ("2026-04-06T00:00:00Z", "2026-05-04T00:00:00Z"),
    ]
    for replica in replicas:
        until(lambda replica=replica: replica.http.get("/readyz").status_code == 200)  # type: ignore[misc]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda i: replicas[i].query_panel(*periods[i], **DAYS), range(2)))
    # What has not been asked for at the deadline is asked on. Logins and floors count too.
    until(lambda: len(office.simulator.calls) >= 12)
    assert len(office.simulator.calls) == 12
    assert {call.status for call in office.simulator.calls} == {200}
    assert {replica.gauge("butlr_calls_left") for replica in replicas} == {0.0}


def test_no_window_ever_holds_more_than_the_rate(
    links: list[RedisConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four threads at two gates, for three windows and more.

    A call passes at some moment between when it was asked for and when the answer came; so does, in the order
    of time, the n-th call between the n-th of those times and the n-th of these. However late a thread is,
    five further on the answer cannot come before a window is over.
    """
    monkeypatch.setattr(rate_limit, "WINDOW_MS", 300)
    pair, requested, answered, lock = limiters(links, 5), [], [], threading.Lock()

    def knock(rate_limiter: SharedRateLimiter) -> None:
        while len(answered) < 18:
            requested_s = time.monotonic()
            wait_s = call(rate_limiter)
            if wait_s == 0:
                with lock:
                    requested.append(requested_s)
                    answered.append(time.monotonic())
            else:
                time.sleep(min(wait_s, 0.02))  # noqa: TID251  # the rate goes by Redis' own clock

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(knock, pair * 2))
    requested.sort()
    answered.sort()
    # Redis counts whole milliseconds.
    assert all(later - sooner > 0.298 for sooner, later in zip(requested, answered[5:], strict=False))


def test_a_full_gate_says_when_to_come_back(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 2)
    assert [call(first), call(second)] == [0.0, 0.0]
    assert all(59 < rate_limiter.reserve() <= 60 for rate_limiter in (first, second))
    assert [first.left, second.left] == [0, 0]


def test_a_call_counts_until_a_minute_after_it_has_ended_whoever_made_it(
    links: list[RedisConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit, "WINDOW_MS", 200)
    first, second = limiters(links, 1)
    assert first.reserve() == 0.0
    time.sleep(0.3)  # noqa: TID251  # the rate goes by Redis' own clock
    # Longer than the window, but it is under way.
    assert second.reserve() == float("inf")
    first.ended()
    assert 0 < second.reserve() <= 0.2
    until(lambda: second.reserve() == 0.0)


def reserved(rate_limiter: SharedRateLimiter, times: int, *, for_rules: bool) -> None:
    assert [rate_limiter.reserve(for_rules=for_rules) for _ in range(times)] == [0.0] * times


def test_replicas_without_rules_leave_the_rules_part_to_a_replica_whose_rules_wait(
    links: list[RedisConnection],
) -> None:
    of_rules, of_viewers = limiters(links, 25)
    # While no rule waits, viewers may use what they want.
    reserved(of_viewers, 20, for_rules=False)
    reserved(of_rules, 5, for_rules=True)
    assert of_rules.reserve(for_rules=True) == float("inf")
    for_others = int(25 * OTHERS_PART)
    for _ in range(20 - for_others):
        of_viewers.give_back()
        assert of_viewers.reserve(for_rules=False) == YIELD_MS / 1000
        assert of_rules.reserve(for_rules=True) == 0.0
        assert of_rules.reserve(for_rules=True) == float("inf")
    # What is left to viewers is theirs, also while rules wait.
    of_viewers.give_back()
    assert of_viewers.reserve(for_rules=False) == 0.0
    # A call that must follow another one is not held up.
    of_rules.give_back()
    assert of_viewers.reserve() == 0.0


def test_viewers_use_the_whole_rate_again_when_no_rule_waits_any_more(
    links: list[RedisConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if the replica of rules has died."""
    monkeypatch.setattr(rate_limit, "YIELD_MS", 20)
    of_rules, of_viewers = limiters(links, 25)
    reserved(of_viewers, 25, for_rules=False)
    assert of_rules.reserve(for_rules=True) == float("inf")
    of_viewers.give_back()
    until(lambda: of_viewers.reserve(for_rules=False) == 0.0)


def test_the_part_of_others_is_what_one_process_leaves_to_them() -> None:
    weights = {call_class: share.weight for call_class, share in SHARES.items()}
    of_rules = weights.pop(CallClass.RULE)
    assert sum(weights.values()) / (sum(weights.values()) + of_rules) == OTHERS_PART


def test_a_call_that_is_not_made_is_given_back_to_all(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 1)
    assert first.reserve() == 0.0
    first.give_back()
    assert second.reserve() == 0.0


def test_what_one_replica_learns_all_know_also_those_that_start_later(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 0)
    for _ in range(20):
        assert call(first) == 0.0
    first.refused(reserved_at=time.monotonic())
    assert second.reserve() > 0
    assert [first.rate, second.rate, first.left] == [20, 20, 0]
    later = limiters(links, 0)[0]
    assert later.reserve() > 0
    assert later.rate == 20


def test_no_rate_is_no_limit(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 0)
    assert {rate_limiter.reserve() for _ in range(100) for rate_limiter in (first, second)} == {0.0}
    assert first.left == float("inf")


def test_a_pause_is_everybodys(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 0)
    first.pause(7.0)
    assert 6 < second.reserve() <= 7
    assert 6 < second.paused_s <= 7


def test_a_shorter_pause_ends_no_longer_one(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 0)
    first.pause(30.0)
    second.pause(1.0)
    assert 29 < limiters(links, 0)[0].reserve() <= 30


def test_a_pause_ends(links: list[RedisConnection]) -> None:
    first, second = limiters(links, 0)
    first.pause(0.05)
    until(lambda: first.reserve() == second.reserve() == 0.0)


def test_tenants_have_rates_of_their_own(redis: RedisServer, links: list[RedisConnection]) -> None:
    other = RedisConnection(redis.url, source="another")
    assert [SharedRateLimiter(1, links[0]).reserve(), SharedRateLimiter(1, other).reserve()] == [0.0, 0.0]
    other.close()


def test_alone_it_goes_on_with_its_part_of_the_rate_from_what_it_has_sent(
    redis: RedisServer, links: list[RedisConnection]
) -> None:
    first, second = limiters(links, 6)
    assert [call(rate_limiter) for rate_limiter in (second, first, first, second)] == [0.0] * 4
    redis.stop()
    assert first.left == 1
    assert call(first) == 0.0
    assert first.reserve() > 0
    assert call(second) == 0.0
    assert second.reserve() > 0


def test_after_a_429_no_replica_asks_before_its_time(office: Office, redis: RedisServer) -> None:
    first, second = office.two(butlr_max_concurrency=1)
    for replica in (first, second):
        replica.http.get("/readyz")
    office.simulator.faults.set(status=429, retry_after="2", paths=(DETECTIONS,))
    with ThreadPoolExecutor(2) as pool:
        asking = pool.submit(first.query_panel, *MAY)
        until(lambda: redis.names("pause") != [])
        office.simulator.faults.clear()
        other = pool.submit(second.query_panel, "2026-04-06T00:00:00Z", "2026-05-04T00:00:00Z")
        [pause] = redis.names("pause")
        seen = set()
        while True:
            calls = office.calls
            if redis.client.pttl(pause) <= 0:
                break
            seen.add(calls)
        assert seen == {1}
        assert asking.result().is_whole()
        assert other.result().is_whole()
    assert office.calls == 1 + 2 * MAY_SEGMENTS
