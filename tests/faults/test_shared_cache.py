"""The Redis of several replicas is down, hangs, is full, empty or wrong: it costs calls, never an answer."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import requests

from butlr_grafana.base.incidents import RECOVERY_S
from butlr_grafana.replicas import redis_connection
from tests.faults.trial import MAY, MAY_SEGMENTS, PANEL_SEGMENTS, keeps_the_promise
from tests.held import held
from tests.processes import alive, children_of, measured, running
from tests.redis_server import RedisProxy, RedisServer
from tests.replicas.replicas import Office, Replica
from tests.support import DETECTIONS, HANG_S, LOGIN, NEW_YORK, until

APRIL = ("2026-04-06T00:00:00Z", "2026-05-04T00:00:00Z")
"""Four weeks before May's."""

DAYS = {"hours": "08:00-18:00"}
"""A call, and a part, a day."""


@pytest.fixture
def office(redis: RedisServer) -> Iterator[Office]:
    made = Office(redis, hurried=True)
    yield made
    made.close()


AWAY: dict[str, Callable[[RedisServer], None]] = {
    "down": RedisServer.stop,
    "hanging": RedisServer.hang,
    "full": RedisServer.is_full,
    "read-only": RedisServer.is_read_only,
}

away = pytest.mark.parametrize("goes", AWAY.values(), ids=AWAY)


def trouble(replica: Replica) -> float:
    return replica.gauge('butlr_backend_trouble{kind="shared"}')


def finds_it_back(office: Office, *replicas: Replica) -> None:
    office.redis.is_well_again()
    until(lambda: all(replica.is_linked() for replica in replicas))
    office.passes(RECOVERY_S + 1)


@away
def test_redis_goes_and_comes_back(
    office: Office, goes: Callable[[RedisServer], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Each goes on alone, at its own cost; when it is there again they share anew."""
    replicas = office.two()
    assert all(replica.query_panel().is_whole() for replica in replicas)
    goes(office.redis)
    office.passes(90)
    for replica in replicas:
        assert replica.spent(replica.query_panel) <= PANEL_SEGMENTS
        assert replica.query_panel().is_whole()
        assert replica.spent(lambda replica=replica: replica.query_panel(*MAY)) == MAY_SEGMENTS  # type: ignore[misc]
        assert replica.query_panel(*MAY).is_whole()
        assert trouble(replica) == 1
    finds_it_back(office, *replicas)
    assert replicas[0].spent(lambda: replicas[0].query_panel(*APRIL)) == MAY_SEGMENTS
    assert replicas[1].spent(lambda: replicas[1].query_panel(*APRIL)) == 0
    assert all(replica.query_panel(*APRIL).is_whole() for replica in replicas)
    assert [trouble(replica) for replica in replicas] == [0, 0]
    messages = [r.getMessage() for r in caplog.records if "shared cache" in r.getMessage()]
    assert [line.split(":")[0].split(" after")[0] for line in sorted(messages)] == [
        *["incident began"] * 2,
        *["incident over"] * 2,
    ]


@away
def test_redis_is_away_from_the_beginning(office: Office, goes: Callable[[RedisServer], None]) -> None:
    goes(office.redis)
    first, second = office.two()
    assert first.query_panel().is_whole()
    assert second.query_panel().is_whole()
    assert office.logins == 2
    finds_it_back(office, first, second)
    assert first.spent(lambda: first.query_panel(*MAY)) == MAY_SEGMENTS
    assert second.spent(lambda: second.query_panel(*MAY)) == 0


def test_a_hanging_redis_is_waited_for_once_not_at_every_part(office: Office) -> None:
    """A hundred parts, each of which would wait two seconds, in an answer that has two minutes."""
    replica = office.replica()
    assert replica.query_panel().is_whole()
    office.redis.hang()
    assert replica.query_panel("2026-01-05T00:00:00Z", "2026-04-15T00:00:00Z", **DAYS).complete


def test_a_slow_redis_is_left_alone(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redis_connection, "SLOW_S", 0.1)
    slow = RedisProxy(office.redis.port, delay_s=0.15)
    replica = office.replica(cache_url=slow.url)
    assert replica.query_panel("2026-01-05T00:00:00Z", "2026-04-15T00:00:00Z", **DAYS).complete
    assert trouble(replica) == 1
    slow.close()


@pytest.mark.parametrize(
    "instead", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b":5\r\n", b"*0\r\n", b"$-1\r\n", b"+OK\r\n"]
)
def test_a_server_that_is_no_redis(office: Office, instead: bytes) -> None:
    other = RedisProxy(office.redis.port, instead=instead)
    replicas = office.two(cache_url=other.url)
    for replica in replicas:
        assert replica.query_panel().is_whole()
        assert replica.query_panel(*MAY).is_whole()
        assert trouble(replica) == 1
    other.close()


def test_redis_is_emptied(office: Office) -> None:
    first, second = office.two()
    assert first.query_panel(*MAY).is_whole()
    office.redis.client.flushall()
    office.redis.client.script_flush()
    assert second.spent(lambda: second.query_panel(*MAY)) == MAY_SEGMENTS
    assert second.query_panel(*MAY).is_whole()
    assert first.spent(lambda: first.query_panel(*MAY)) == 0
    assert office.replica().spent(lambda: office.replicas[-1].query_panel(*MAY)) == 0
    assert trouble(first) == trouble(second) == 0


def test_redis_is_emptied_while_parts_are_requested(office: Office) -> None:
    """The leases are gone too: whoever waited asks itself, and all see the same."""
    replicas = office.two()
    with held(office.simulator, DETECTIONS) as responses, ThreadPoolExecutor(2) as pool:
        looking = [pool.submit(replica.query_panel, *MAY) for replica in replicas]
        until(lambda: office.redis.names("lease:*") != [])
        office.redis.client.flushall()
        responses.set()
        assert all(response.result().is_whole() for response in looking)
    assert office.calls <= 2 * MAY_SEGMENTS


def spoil(redis: RedisServer, how: str) -> None:
    """Every part's value."""
    client = redis.client
    keys = redis.names("part:*")
    values = [client.get(key) for key in keys]
    for place, key in enumerate(keys):
        value = values[place]
        other = {
            "emptied": b"",
            "garbage": os.urandom(len(value)),
            "cut": value[: len(value) // 2],
            "one bit flipped": value[:-1] + bytes([value[-1] ^ 1]),
            "of another period": values[place - 1],
        }
        if how == "of another kind":
            client.delete(key)
            client.lpush(key, "x")
        else:
            client.set(key, other[how])


@pytest.mark.parametrize(
    "how", ["emptied", "garbage", "cut", "one bit flipped", "of another period", "of another kind"]
)
def test_parts_in_redis_that_cannot_be(office: Office, how: str) -> None:
    first, second = office.two()
    assert first.query_panel(*MAY).is_whole()
    spoil(office.redis, how)
    assert second.spent(lambda: second.query_panel(*MAY)) == MAY_SEGMENTS
    assert second.query_panel(*MAY).is_whole()
    assert office.replica().spent(lambda: office.replicas[-1].query_panel(*MAY)) == 0
    assert office.replicas[-1].query_panel(*MAY).is_whole()


def test_everything_in_redis_is_of_another_kind(office: Office) -> None:
    first, second = office.two(butlr_rate_limit=1000)
    assert first.query_panel().is_whole()
    first.application.butlr.client.rate_limiter.pause(0.2)
    client = office.redis.client
    keys = office.redis.names()
    assert {key.split(":")[2] for key in keys} == {"calls", "index", "part", "pause", "replicas", "token"}
    for key in keys:
        client.delete(key)
        client.hset(key, "a", "b")
    office.passes(90)
    client.delete(*[key for key in keys if ":pause" in key])
    assert second.query_panel().is_whole()
    assert second.query_panel(*MAY).is_whole()
    assert first.spent(lambda: first.query_panel(*MAY)) == 0
    assert trouble(second) == 0


def test_butlr_fails_while_redis_is_away(office: Office) -> None:
    """Two faults at once: the promise is kept by what the replica itself knows."""
    replica = office.replica(cache_dir="")
    replica.query_panel()
    office.redis.stop()
    before = replica.query_panel()
    office.passes(600)
    with replica.fails(status=400):
        during = replica.query_panel()
    assert not during.complete
    assert during.cells == before.cells


def test_butlr_fails_and_redis_keeps_the_promise_too(office: Office, tmp_path: Path) -> None:
    """All of it with Redis between: known before, shown during, whole after, also for a new process."""
    replica = office.replica(cache_dir=str(tmp_path))
    keeps_the_promise(replica, replica.fails(status=503), reason="(Butlr answered 503|not answered yet)")


Served = tuple[subprocess.Popen[str], str]


def serving(office: Office) -> AbstractContextManager[Served]:
    return running(
        "serve",
        **measured(
            BUTLR_API_URL=office.simulator.url,
            BUTLR_CLIENT_ID="demo",
            BUTLR_CLIENT_SECRET="demo",
            BACKEND_CACHE_URL=office.redis.url,
        ),
    )


def test_a_replica_that_is_killed_while_it_asks(office: Office) -> None:
    """Another takes over when its leases have ended, and logs in no second time."""
    other = office.replica()
    with serving(office) as (process, url), ThreadPoolExecutor(2) as pool:
        assert requests.get(f"{url}/readyz", timeout=HANG_S).status_code == 200
        office.simulator.faults.set(latency_s=600.0, paths=(DETECTIONS,))
        params = {"space": NEW_YORK, "from": MAY[0], "to": MAY[1], "resolution": "0.5"}
        in_vain = pool.submit(requests.get, f"{url}/api/v1/heatmap", params, timeout=60)
        until(lambda: office.simulator.in_flight == MAY_SEGMENTS)
        waiting = pool.submit(other.query_panel, *MAY)
        until(lambda: other.gauge("butlr_backend_shared_waits_total") == MAY_SEGMENTS)
        family = children_of(process.pid)
        for pid in family:
            os.kill(pid, signal.SIGKILL)
        until(lambda: not any(alive(pid) for pid in family))
        office.simulator.faults.clear()
        assert waiting.result().is_whole()
        assert isinstance(in_vain.exception(), requests.ConnectionError)
    assert office.simulator.count(LOGIN) == 1


def test_the_password_of_redis_is_told_nobody(office: Office, caplog: pytest.LogCaptureFixture) -> None:
    """Neither while it works nor when it is refused or gone."""
    caplog.set_level(logging.DEBUG)
    secret = "redis-pa55word"
    office.redis.client.acl_setuser(
        "other", enabled=True, passwords=[f"+{secret}"], keys="*", commands=["+@all"]
    )
    replica = office.replica(cache_url=f"redis://other:{secret}@127.0.0.1:{office.redis.port}")
    seen = [str(replica.query_panel().body)]
    office.redis.client.acl_deluser("other")
    office.passes(90)
    seen.append(str(replica.query_panel().body))
    office.redis.stop()
    office.passes(90)
    assert replica.query_panel().is_whole()
    seen.append(replica.http.get("/metrics").get_data(as_text=True))
    seen += [caplog.text, repr(replica.application), repr(replica.redis), repr(replica._settings.keys())]
    assert "incident began: shared cache" in caplog.text
    assert not [text for text in seen if secret in text]
