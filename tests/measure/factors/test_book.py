"""Observations are kept, shared, and survive what happens to files and to Redis."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from butlr_grafana.measure.factor_store import FILE, REFRESH_S, STORED_DAYS, FactorStore
from butlr_grafana.model.factor import Factor, Observation, Unknown
from butlr_grafana.replicas.redis_connection import RedisConnection
from tests.redis_server import RedisServer


class Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s


def seen(number: int, rate: float, person_minutes: float = 1000.0) -> Observation:
    return Observation(f"2026-06-{number:02d}", 24.0, rate * person_minutes, person_minutes)


def rate(factor_store: FactorStore, space: str = "f") -> float | None:
    found = factor_store.of(space)
    return found.per_person_minute if isinstance(found, Factor) else None


def test_nothing_is_known_at_first_and_a_reason_is_told(tmp_path: Path) -> None:
    factor_store = FactorStore(tmp_path, source="s")
    assert factor_store.of("f") == Unknown("it has not been measured yet")
    factor_store.note("f", Unknown("no presence sensor"))
    assert factor_store.of("f") == Unknown("no presence sensor")
    assert factor_store.of("g") == Unknown()
    factor_store.note("f", seen(1, 110))
    assert rate(factor_store) == 110
    factor_store.note("f", Unknown("only 3 person-minutes"))
    assert rate(factor_store) == 110


def test_it_is_there_after_a_restart_for_the_same_account_only(tmp_path: Path) -> None:
    factor_store = FactorStore(tmp_path, source="s")
    for number, value in ((1, 60), (2, 100), (3, 110)):
        factor_store.note("f", seen(number, value))
    factor_store.note("g", seen(1, 180))
    version = factor_store.of("f")
    factor_store.close()
    again = FactorStore(tmp_path, source="s")
    assert again.of("f") == version
    assert (rate(again), rate(again, "g")) == (100, 180)
    assert again.on("f", "2026-06-02") == seen(2, 100)
    assert rate(FactorStore(tmp_path, source="another")) is None


def test_without_a_folder_it_is_known_while_the_process_lives() -> None:
    factor_store = FactorStore(None, source="s")
    factor_store.note("f", seen(1, 110))
    assert rate(factor_store) == 110
    assert rate(FactorStore(None, source="s")) is None


def test_of_a_day_the_observation_of_the_most_people_counts(tmp_path: Path) -> None:
    factor_store = FactorStore(tmp_path, source="s")
    factor_store.note("f", seen(1, 60, 500))
    factor_store.note("f", seen(1, 110, 5000))
    factor_store.note("f", seen(1, 180, 700))
    assert rate(factor_store) == 110
    factor_store.close()
    assert rate(FactorStore(tmp_path, source="s")) == 110


def test_old_days_go(tmp_path: Path) -> None:
    factor_store = FactorStore(tmp_path, source="s")
    for number in range(1, 29):
        factor_store.note("f", seen(number, 110))
    factor_store.close()
    for one in (factor_store, FactorStore(tmp_path, source="s")):
        known = [number for number in range(1, 29) if one.on("f", f"2026-06-{number:02d}")]
        assert known == list(range(29 - STORED_DAYS, 29))


def test_another_process_on_the_same_folder_sees_it_soon(tmp_path: Path) -> None:
    clock = Clock()
    serving, checking = (FactorStore(tmp_path, source="s", clock=clock) for _ in range(2))
    assert rate(serving) is None
    checking.note("f", seen(1, 110))
    assert rate(serving) is None
    clock.s += REFRESH_S
    assert rate(serving) == 110


@pytest.mark.parametrize("damage", [b"", b"garbage", b"SQLite format 3\0" + b"\xff" * 4096])
def test_a_damaged_file_is_begun_anew(tmp_path: Path, damage: bytes) -> None:
    factor_store = FactorStore(tmp_path, source="s")
    factor_store.note("f", seen(1, 110))
    factor_store.close()
    for suffix in ("-wal", "-shm"):
        (tmp_path / f"{FILE}{suffix}").unlink(missing_ok=True)
    (tmp_path / FILE).write_bytes(damage)
    again = FactorStore(tmp_path, source="s")
    assert rate(again) is None
    again.note("f", seen(2, 60))
    again.note("f", seen(3, 60))
    assert rate(again) == 60
    again.close()
    assert rate(FactorStore(tmp_path, source="s")) == 60


def test_a_folder_that_cannot_be_used_costs_nothing_that_is_known(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    factor_store = FactorStore(tmp_path / "file", source="s")
    factor_store.note("f", seen(1, 110))
    assert rate(factor_store) == 110


def test_replicas_know_what_one_has_seen(redis: RedisServer) -> None:
    clock = Clock()
    first, second = (
        FactorStore(None, source="s", redis=RedisConnection(redis.url, source="s"), clock=clock)
        for _ in range(2)
    )
    assert rate(second) is None
    for number in range(1, 29):
        first.note("f", seen(number, 110))
    first.note("g", seen(1, 180))
    clock.s += REFRESH_S
    assert second.of("f") == first.of("f")
    assert rate(second, "g") == 180
    assert redis.client.hlen("butlr:s:factors") == STORED_DAYS + 1
    assert redis.client.pttl("butlr:s:factors") > 0
    # Names are hashed.
    fields = [field.decode() for field in redis.client.hkeys("butlr:s:factors")]
    assert all(re.fullmatch(r"[0-9a-f]{32}\|2026-06-\d\d", field) for field in fields)


def test_what_others_wrote_into_redis_is_passed_over(redis: RedisServer) -> None:
    for field, value in {
        "a": b"no json",
        "b": b"[]",
        "c": b'{"space": "f"}',
        "d": orjson.dumps(["f", "2026-06-01", 24, -5, 1000]),
        "e": orjson.dumps(["f", "9999", 24, 5000, 1000]),
        "f": orjson.dumps([1, "2026-06-01", 24, 5000, 1000]),
        "g": orjson.dumps(["f", "2026-06-01", 24, 60_000, 1000]),
        "h": b"\xff\xfe",
    }.items():
        redis.client.hset("butlr:s:factors", field, value)
    factor_store = FactorStore(None, source="s", redis=RedisConnection(redis.url, source="s"))
    assert rate(factor_store) == 60
    redis.client.set("butlr:t:factors", "of another kind")
    other = FactorStore(None, source="t", redis=RedisConnection(redis.url, source="t"))
    assert rate(other) is None
    other.note("f", seen(1, 110))
    assert redis.client.hlen("butlr:t:factors") == 1


def test_without_redis_it_goes_on_alone(redis: RedisServer) -> None:
    factor_store = FactorStore(None, source="s", redis=RedisConnection("redis://127.0.0.1:1", source="s"))
    factor_store.note("f", seen(1, 110))
    assert rate(factor_store) == 110
