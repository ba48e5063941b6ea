"""What one replica asks of Butlr the others need not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from butlr_grafana import app
from butlr_grafana.replicas import leases
from tests.faults.trial import MAY, MAY_SEGMENTS, PANEL_SEGMENTS, assert_upstreams_fault
from tests.held import held
from tests.redis_server import RedisServer
from tests.replicas.replicas import Office, Replica
from tests.support import DETECTIONS, HANG_S, NEW_YORK, REPORTING, at, truth, until

YEAR = ("2025-06-17T00:00:00Z", "2026-06-17T00:00:00Z")
TODAY = ("2026-06-17T10:00:00Z", "2026-06-17T16:30:00Z")
"""Less than a day, so it is not rounded outwards to a now that moves on; its end has not settled."""

WAITS = "butlr_backend_shared_waits_total"


def test_a_year_that_one_replica_knows_costs_the_next_nothing(office: Office) -> None:
    first, second = office.two()
    assert first.spent(lambda: first.query_panel(*YEAR, resolution="1.0")) > 50
    assert second.spent(lambda: second.query_panel(*YEAR, resolution="1.0")) == 0
    seen = second.query_panel(*YEAR, resolution="1.0")
    assert seen.cells == truth(NEW_YORK, at(YEAR[0]), at(YEAR[1]), 1.0)


def test_both_at_once_cost_what_one_does(office: Office) -> None:
    replicas = office.two()

    def one_waits() -> bool:
        return sum(replica.gauge(WAITS) for replica in replicas) >= 1

    with held(office.simulator, DETECTIONS, one_waits), ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda replica: replica.query_panel(*MAY), replicas))
    assert all(response.is_whole() for response in responses)
    assert office.calls == MAY_SEGMENTS
    assert sum(replica.gauge(WAITS) for replica in replicas) >= 1


def test_metrics_and_statistics_are_requested_once_too(office: Office) -> None:
    first, second = office.two()
    params = {"space": NEW_YORK, "from": MAY[0], "to": MAY[1]}
    tables = []
    for replica in (first, second):
        office.simulator.clear_calls()
        response = replica.http.get("/api/v1/utilization", query_string=params)
        assert response.status_code == 200
        tables.append(response.get_json()[0]["fields"])
    assert tables[0] == tables[1]
    assert office.simulator.count(REPORTING) == office.simulator.count(DETECTIONS) == 0


def test_what_still_changes_is_shared_for_a_minute(office: Office) -> None:
    first, second = office.two()
    assert first.query_panel().is_whole()
    assert second.spent(second.query_panel) == 0
    office.passes(61)
    assert second.spent(second.query_panel) == 1
    assert first.spent(first.query_panel) == 0
    assert first.query_panel().is_whole()


def test_a_newer_part_of_another_replica_goes_before_an_older_one_in_memory(office: Office) -> None:
    """The period stays as it is, so each has it in memory; only the age differs."""
    first, second = office.two()
    assert first.query_panel(*TODAY).is_whole()
    assert second.query_panel(*TODAY).is_whole()
    office.passes(61)
    assert second.spent(lambda: second.query_panel(*TODAY)) == 1
    calls = office.calls
    seen = first.query_panel(*TODAY)
    assert seen.as_of_s == int(office.now_s)
    # Found among what is kept: not even a lease was asked for.
    assert (office.calls - calls, seen.custom["segments"]["fetched"]) == (0, 0)


@pytest.mark.parametrize("is_there", [True, False])
def test_what_another_replica_brought_is_as_old_as_it_is_by_whatever_clock(
    office: Office, is_there: bool
) -> None:
    """The other's wall clock shows the very second in which it was brought, forty minutes ago."""
    first, second = office.two()
    assert first.query_panel(*TODAY).is_whole()
    office.passes(2400)
    second.shift_s = -2400
    if is_there:
        assert second.spent(lambda: second.query_panel(*TODAY)) == 1
        return
    with first.fails(status=400):
        shown = second.query_panel(*TODAY)
    assert not shown.complete
    assert shown.as_of_s <= office.now_s - 2400 - 2400


def test_in_an_outage_the_newest_that_any_replica_knows_is_shown(office: Office) -> None:
    """What is asked for nobody knows; a piece of it each knows, one as it was later."""
    first, second = office.two()
    assert first.query_panel(*TODAY).is_whole()
    office.passes(600)
    newer = second.query_panel(*TODAY)
    assert newer.as_of_s == int(office.now_s)
    office.passes(600)
    with first.fails(status=400):
        shown = first.query_panel(TODAY[0], "2026-06-17T16:34:00Z")
    assert not shown.complete
    assert shown.as_of_s == newer.as_of_s
    assert shown.cells == newer.cells


def test_a_failure_is_everybodys_and_costs_once(office: Office) -> None:
    first, second = office.two()
    first.http.get("/readyz")
    with first.fails(status=400):
        assert_upstreams_fault(first.query_panel(*MAY), 502)
        assert office.calls == MAY_SEGMENTS
        reported = second.query_panel(*MAY)
        assert_upstreams_fault(reported, 502)
        assert "Butlr answered 400" in reported.body["message"]
        assert office.calls == MAY_SEGMENTS
        # Who hears of it rests too.
        office.redis.forget("failed:*")
        assert_upstreams_fault(second.query_panel(*MAY), 502)
        assert office.calls == MAY_SEGMENTS


def test_a_failure_is_forgotten_after_its_rest(office: Office) -> None:
    first, second = office.two()
    with first.fails(status=400):
        first.query_panel(*MAY)
    marks = office.redis.names("failed:*")
    assert len(marks) == MAY_SEGMENTS
    lives = [office.redis.client.pttl(key) for key in marks]
    assert all(0 < life <= 5_000 for life in lives)
    office.redis.forget("failed:*")
    assert second.query_panel(*MAY).is_whole()


def test_a_replica_with_a_wrong_secret_spoils_nothing_for_the_others(office: Office, tmp_path: Path) -> None:
    wrong, right = office.replica(cache_dir=str(tmp_path)), office.replica()
    assert wrong.query_panel().is_whole()  # from now on it knows the floors
    wrong.restart(butlr_client_secret="wrong")
    assert_upstreams_fault(wrong.query_panel(*MAY), 502)
    assert len(office.redis.names("failed:*")) > MAY_SEGMENTS
    assert right.query_panel(*MAY).is_whole()
    assert right.query_panel().is_whole()


def test_a_replica_that_ends_tells_no_failure(office: Office) -> None:
    first, second = office.two()
    first.http.get("/readyz")
    office.simulator.faults.set(latency_s=600.0, paths=(DETECTIONS,))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(first.query_panel, *MAY)
        until(lambda: office.simulator.in_flight == MAY_SEGMENTS)
        first.application.close()
        assert_upstreams_fault(asking.result(), 502)
    office.simulator.faults.clear()
    office.simulator.stop()
    office.simulator.start()
    until(lambda: office.redis.names("lease:*") == [])
    assert office.redis.names("failed:*") == []
    assert second.query_panel(*MAY).is_whole()


def test_what_fails_because_a_replica_ends_is_no_news(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its questions wait for a pause to pass, and are ended in that."""
    first, second = office.two()
    first.http.get("/readyz")
    office.simulator.faults.set(status=429, retry_after="60", paths=(DETECTIONS,))
    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(first.query_panel, *MAY)
        until(lambda: office.redis.names("pause") != [])
        close = first.application.butlr.close

        def close_and_see_it_end() -> None:
            close()
            until(lambda: office.redis.names("lease:*") == [])

        monkeypatch.setattr(first.application.butlr, "close", close_and_see_it_end)
        first.application.close()
        assert_upstreams_fault(asking.result(), 502)
    assert office.redis.names("failed:*") == []
    office.simulator.faults.clear()
    office.redis.forget("pause")
    assert second.query_panel(*MAY).is_whole()


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_S", 3.0)


@pytest.mark.usefixtures("short_leases")
def test_a_call_may_take_longer_than_a_lease(office: Office, redis: RedisServer) -> None:
    first, second = office.two()
    first.http.get("/readyz")
    left_ms: dict[str, int] = {}

    def all_are_renewed() -> bool:
        """Of each lease more is left than a moment ago."""
        now_ms = {name: redis.client.pttl(name) for name in redis.names("lease:*")}
        for name, left in now_ms.items():
            if left > left_ms.get(name, left):
                renewed.add(name)
        left_ms.update(now_ms)
        return len(renewed) == MAY_SEGMENTS

    renewed: set[str] = set()
    with held(office.simulator, DETECTIONS, all_are_renewed), ThreadPoolExecutor(2) as pool:
        responses = list(pool.map(lambda replica: replica.query_panel(*MAY), (first, second)))
    assert all(response.is_whole() for response in responses)
    assert office.calls == MAY_SEGMENTS


@pytest.mark.usefixtures("short_leases")
def test_the_lease_of_an_owner_that_died_ends_by_itself(office: Office, redis: RedisServer) -> None:
    first, second = office.two()
    names = held_leases(first, redis)
    for name in names:
        redis.client.set(name, "of one that is no more")
    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(second.query_panel, *MAY)
        until(lambda: second.gauge(WAITS) >= 1)
        for name in names:
            redis.client.pexpire(name, 1)
        assert looking.result().is_whole()


def test_a_lease_is_released_by_its_owner_only(office: Office, redis: RedisServer) -> None:
    """It hung, lost the lease, and comes back while another has it."""
    first = office.replica()
    first.http.get("/readyz")
    with held(office.simulator, DETECTIONS) as responses, ThreadPoolExecutor(1) as pool:
        asking = pool.submit(first.query_panel, *MAY)
        until(lambda: len(redis.names("lease:*")) == MAY_SEGMENTS)
        for name in redis.names("lease:*"):
            redis.client.set(name, "of another", px=1000 * HANG_S)
        responses.set()
        assert asking.result().is_whole()
    assert {redis.client.get(name) for name in redis.names("lease:*")} == {b"of another"}


def test_an_owner_that_hangs_for_ever_is_waited_for_so_long(
    office: Office, redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Four attempts of a call's time, here none; then it is asked all the same."""
    first = office.replica()
    names = held_leases(first, redis)
    for name in names:
        redis.client.set(name, "of one that hangs")
    monkeypatch.setattr(app, "ATTEMPTS", 0)
    second = office.replica()
    assert second.query_panel(*MAY).is_whole()


def held_leases(replica: Replica, redis: RedisServer) -> list[str]:
    """The leases that a look at May takes, found by taking them; nothing is kept of it."""
    seen: set[str] = set()
    replica.http.get("/readyz")

    def all_seen() -> bool:
        seen.update(redis.names("lease:*"))
        return len(seen) == MAY_SEGMENTS

    with held(replica.simulator, DETECTIONS, all_seen):
        replica.query_panel(*MAY)
    redis.client.flushall()
    return sorted(seen)


@pytest.mark.parametrize("message", [b"", b"{", b"[]", b'{"code": "internal", "message": "x"}', b"\xff\x00"])
def test_a_failure_that_cannot_be_read_is_none(office: Office, redis: RedisServer, message: bytes) -> None:
    replica = office.replica()
    names = [name.replace(":lease:", ":failed:") for name in held_leases(replica, redis)]
    for name in names:
        redis.client.set(name, message)
    assert office.replica().query_panel(*MAY).is_whole()


def test_the_panel_of_many_replicas_costs_what_one_does(office: Office) -> None:
    replicas = [office.replica() for _ in range(5)]
    costs: list[int] = []
    for replica in replicas:
        response: Callable[[], object] = replica.query_panel
        costs.append(replica.spent(response))
    assert costs == [PANEL_SEGMENTS, 0, 0, 0, 0]
