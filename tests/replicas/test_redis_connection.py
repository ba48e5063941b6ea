"""The connection: quick or not there, said once, found again by itself."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from butlr_grafana.base.incidents import RECOVERY_S
from butlr_grafana.replicas.redis_connection import SLOW_IN_A_ROW, SLOW_S, RedisConnection, RedisUnavailable
from tests.butlr.wire import FakeTime
from tests.faults.trial import MAY, MAY_SEGMENTS
from tests.redis_server import PASSWORD, RedisProxy, RedisServer
from tests.replicas.replicas import Office
from tests.support import until

ROOT = Path(__file__).resolve().parents[2]

MakeConnection = Callable[..., RedisConnection]


@pytest.fixture
def clock() -> FakeTime:
    return FakeTime()


@pytest.fixture
def make_connection(redis: RedisServer, clock: FakeTime) -> Iterator[MakeConnection]:
    made: list[RedisConnection] = []

    def make(url: str = redis.url) -> RedisConnection:
        made.append(RedisConnection(url, source="tenant", clock=clock))
        return made[-1]

    yield make
    for connection in made:
        connection.close()


@pytest.fixture
def proxy(redis: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., RedisProxy]]:
    monkeypatch.setattr("butlr_grafana.replicas.redis_connection.SLOW_S", SLOW_S)
    made: list[RedisProxy] = []

    def make(**params: object) -> RedisProxy:
        made.append(RedisProxy(redis.port, **params))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


def works(connection: RedisConnection) -> bool:
    try:
        return bool(connection.run(lambda redis: redis.set("butlr:tenant:x", "1")))
    except RedisUnavailable:
        return False


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


FAULTS: dict[str, tuple[Callable[[RedisServer], None], str]] = {
    "down": (RedisServer.stop, "connection refused"),
    "hanging": (RedisServer.hang, "timed out"),
    "full": (RedisServer.is_full, "it is out of memory"),
    "read-only": (RedisServer.is_read_only, "it is read-only"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_said_once_and_so_is_its_end(
    redis: RedisServer,
    make_connection: MakeConnection,
    clock: FakeTime,
    caplog: pytest.LogCaptureFixture,
    fault: str,
) -> None:
    connection = make_connection()
    assert works(connection)
    begins, reason = FAULTS[fault]
    begins(redis)
    assert [works(connection) for _ in range(50)] == [False] * 50
    assert connection.incident.on
    [line] = logged(caplog)
    assert line.startswith(f"incident began: shared cache: it cannot be used ({reason})")
    redis.is_well_again()
    clock.now_s += RECOVERY_S + 1
    until(lambda: works(connection) and not connection.incident.on)
    assert len(logged(caplog)) == 2
    assert logged(caplog)[1].endswith(": shared cache")
    assert logged(caplog)[1].startswith("incident over")


def test_while_it_is_away_nobody_but_one_thread_asks(
    redis: RedisServer, make_connection: MakeConnection
) -> None:
    """A hanging Redis costs one wait, however many come after."""
    connection = make_connection()
    redis.hang()
    assert not works(connection)
    requested: list[object] = []
    for _ in range(1000):
        with pytest.raises(RedisUnavailable):
            connection.run(requested.append)
    assert requested == []
    assert [t.name for t in threading.enumerate()].count("shared-cache") == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_asked_whether_it_is_well_it_says_what_is_wrong(
    redis: RedisServer, make_connection: MakeConnection, fault: str
) -> None:
    connection = make_connection()
    assert connection.check() is None
    begins, reason = FAULTS[fault]
    begins(redis)
    assert connection.check() == f"it cannot be used ({reason})"
    redis.is_well_again()
    assert connection.check() is None


def test_it_may_be_away_from_the_beginning(redis: RedisServer, make_connection: MakeConnection) -> None:
    redis.stop()
    connection = make_connection()
    assert not works(connection)
    redis.is_well_again()
    until(lambda: works(connection))


@pytest.mark.parametrize(
    "instead",
    [
        b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n",
        b"\xff\xfe\x00\x01\r\n",
        b"*-7\r\n$x\r\n",
        b"$abc\r\n",
        b"+OK\r\n+OK\r\n+OK\r\n",
        b":5\r\n",
        b"*0\r\n",
        b"-\r\n",
        b"-ERR " + PASSWORD.encode() + b"\r\n",
    ],
)
def test_who_speaks_no_redis_is_not_believed(
    make_connection: MakeConnection,
    proxy: Callable[..., RedisProxy],
    caplog: pytest.LogCaptureFixture,
    instead: bytes,
) -> None:
    connection = make_connection(proxy(instead=instead).url)
    assert connection.check() is not None
    caplog.set_level(logging.DEBUG)
    for _ in range(5):
        with pytest.raises(RedisUnavailable):
            connection.run(lambda redis: (b"1", b"2").index(redis.get("butlr:tenant:x")))
    assert PASSWORD not in caplog.text + str(connection.check())


def test_answers_that_take_long_are_no_help(
    make_connection: MakeConnection, proxy: Callable[..., RedisProxy], caplog: pytest.LogCaptureFixture
) -> None:
    slow = proxy(delay_s=SLOW_S * 1.5)
    connection = make_connection(slow.url)
    tries = 0
    while works(connection):
        tries += 1
        assert tries <= SLOW_IN_A_ROW
    assert "longer than 0.1 s" in logged(caplog)[0]
    slow.delay_s = 0.0
    until(lambda: works(connection))


def test_one_slow_answer_among_others_is_none_of_a_trouble(
    make_connection: MakeConnection, proxy: Callable[..., RedisProxy]
) -> None:
    slow = proxy()
    connection = make_connection(slow.url)
    for number in range(3 * SLOW_IN_A_ROW):
        slow.delay_s = SLOW_S * 1.5 if number % SLOW_IN_A_ROW == 0 else 0.0
        assert works(connection)


def test_a_wrong_password_is_a_fault_that_tells_none(
    redis: RedisServer, make_connection: MakeConnection, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    wrong = "an0ther-secret"
    connection = make_connection(redis.url.replace(PASSWORD, wrong))
    assert not works(connection)
    assert connection.check() == "it cannot be used (it does not accept the user or the password)"
    assert wrong not in caplog.text + repr(connection) + str(connection.check())


def test_the_user_that_the_page_tells_may_do_all_that_is_needed(redis: RedisServer) -> None:
    page = (ROOT / "docs/scaling.md").read_text("utf-8")
    [params] = re.findall(r"`(ACL SETUSER butlr [^`]+)`", page)
    assert redis.client.execute_command(*params.split()) == b"OK"
    office = Office(redis)
    url = f"redis://butlr:password@127.0.0.1:{redis.port}"
    first, second = office.two(cache_url=url, butlr_rate_limit=1000)
    assert first.query_panel().is_whole()
    first.application.butlr.client.rate_limiter.pause(0.001)
    assert second.spent(second.query_panel) == 0
    assert second.spent(lambda: second.query_panel(*MAY)) == MAY_SEGMENTS
    assert [replica.is_linked() for replica in (first, second)] == [True, True]
    assert [replica.redis.incident.on for replica in (first, second)] == [False, False]
    office.close()
    redis.client.acl_deluser("butlr")


def test_it_can_be_closed_while_it_is_looked_for(redis: RedisServer, make_connection: MakeConnection) -> None:
    connection = make_connection()
    redis.stop()
    assert not works(connection)
    connection.close()
    until(lambda: "shared-cache" not in {thread.name for thread in threading.enumerate()})


def test_scripts_are_known_again_after_a_restart(redis: RedisServer, make_connection: MakeConnection) -> None:
    connection = make_connection()
    script = connection.script("return redis.call('INCR', KEYS[1])")
    assert connection.run(lambda _: script(keys=["butlr:tenant:n"])) == 1
    redis.client.script_flush()
    assert connection.run(lambda _: script(keys=["butlr:tenant:n"])) == 2
