"""The book of verdicts: what one process measures the others read, and damage costs only the verdicts."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import orjson
import pytest

from butlr_grafana.measure.verdict_store import POLL_S, Drift, VerdictStore, all_measured, open_verdict_store
from butlr_grafana.model.verdicts import CHANGES_NUMBERS, PRESENCE_NAMES, Verdicts
from butlr_grafana.replicas.redis_connection import RedisConnection
from tests.redis_server import RedisServer


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def verdict_store_in(folder: Path, clock: Clock | None = None, **params: object) -> VerdictStore:
    ticking = clock or Clock()
    return open_verdict_store("tenant", folder=folder, redis=None, now=ticking, clock=ticking, **params)  # type: ignore[arg-type]


def the_file(folder: Path) -> Path:
    [path] = folder.glob("verdicts-*.json")
    return path


def test_nothing_measured_is_what_is_assumed(tmp_path: Path) -> None:
    current = verdict_store_in(tmp_path).current()
    assert current == Verdicts()
    assert current.unmeasured == CHANGES_NUMBERS
    assert list(tmp_path.iterdir()) == []


def test_what_is_recorded_is_there_after_a_restart(tmp_path: Path) -> None:
    names = {**PRESENCE_NAMES, "zone": None}
    recorded = {"labels": "start", "presence_names": names, "settle_s": 900, "totals_add_up": True}
    verdict_store_in(tmp_path).record(recorded, tried=["heat_y"])
    again = verdict_store_in(tmp_path).current()
    assert (again.labels, again.presence_names, again.settle_s) == ("start", names, 900)
    assert again.totals_add_up is True
    assert again.measured == recorded.keys()
    assert again.unmeasured == {"stop", "days", "weekday_case"}


def test_a_running_process_sees_a_new_verdict_without_a_restart(tmp_path: Path) -> None:
    clock = Clock()
    serve = verdict_store_in(tmp_path, clock)
    assert serve.current().labels == "end"
    verdict_store_in(tmp_path).record({"labels": "start"})
    clock.now_s += POLL_S
    assert serve.current().labels == "start"


def test_a_later_verdict_replaces_an_earlier_one_and_keeps_the_others(tmp_path: Path) -> None:
    one, other = verdict_store_in(tmp_path), verdict_store_in(tmp_path)
    one.record({"labels": "start"})
    other.record({"stop": "inclusive"})
    one.record({"labels": "end"})
    current = verdict_store_in(tmp_path).current()
    assert (current.labels, current.stop) == ("end", "inclusive")


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"version": 99}', b'{"version": 1, "revision": "x", "at_s": 1}'],
)
def test_damage_leaves_what_is_assumed_and_is_said_once(
    tmp_path: Path, damage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    verdict_store_in(tmp_path).record({"labels": "start"})
    the_file(tmp_path).write_bytes(damage)
    verdict_store = verdict_store_in(tmp_path, clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert verdict_store.current() == Verdicts()
            clock.now_s += POLL_S
    assert len([r for r in caplog.records if "the assumptions are used" in r.getMessage()]) == 1
    # And it is well again with the next that is measured.
    verdict_store.record({"labels": "start"})
    assert verdict_store_in(tmp_path).current().labels == "start"


def test_a_value_that_cannot_be_is_left_out_and_the_rest_is_read(tmp_path: Path) -> None:
    verdict_store_in(tmp_path).record({"labels": "start", "settle_s": 60})
    path = the_file(tmp_path)
    document = orjson.loads(path.read_bytes())
    document["values"] |= {"labels": "sideways", "unheard": 1, "stop": True, "row_cap": -1}
    path.write_bytes(orjson.dumps(document))
    current = verdict_store_in(tmp_path).current()
    assert (current.labels, current.stop, current.settle_s) == ("end", "exclusive", 60)
    assert current.measured == {"settle_s"}


@pytest.mark.parametrize(
    "values",
    [
        {"labels": "middle"},
        {"unheard": 1},
        {"settle_s": True},
        {"presence_names": {"room": "x"}},
        {"stop": None},
    ],
)
def test_what_cannot_be_is_not_recorded(tmp_path: Path, values: dict[str, object]) -> None:
    verdict_store = verdict_store_in(tmp_path)
    with pytest.raises(ValueError, match=next(iter(values))):
        verdict_store.record(values)
    assert verdict_store.current() == Verdicts()


def test_a_setting_wins_over_what_is_measured(tmp_path: Path) -> None:
    verdict_store = verdict_store_in(tmp_path, fixed={"heat_y": "flipped", "settle_s": 5})
    verdict_store.record({"heat_y": "as-plan", "settle_s": 900})
    assert (verdict_store.current().heat_y, verdict_store.current().settle_s) == ("flipped", 5)
    assert "heat_y" not in verdict_store.current().unmeasured
    # Only there: without the setting, what was measured holds.
    assert verdict_store_in(tmp_path).current().heat_y == "as-plan"


def test_a_contradiction_makes_a_verdict_an_assumption_again(tmp_path: Path) -> None:
    clock = Clock()
    verdict_store = verdict_store_in(tmp_path, clock)
    verdict_store.record({"labels": "end", "stop": "exclusive"})
    for _ in range(2):
        verdict_store.contradicted("labels", api="metrics", form="a row labelled outside its windows")
    assert "labels" in verdict_store.current().unmeasured
    assert "stop" not in verdict_store.current().unmeasured
    expected = (Drift("labels", "metrics", "a row labelled outside its windows", clock.now_s),)
    assert verdict_store_in(tmp_path).entry.drifts == expected
    verdict_store.record({"labels": "start"})
    assert verdict_store_in(tmp_path).entry.drifts == ()
    assert "labels" not in verdict_store.current().unmeasured


def test_a_setting_cannot_be_contradicted(tmp_path: Path) -> None:
    verdict_store = verdict_store_in(tmp_path, fixed={"heat_y": "flipped"})
    verdict_store.contradicted("heat_y", api="heat maps", form="no bounds")
    assert "heat_y" not in verdict_store.current().unmeasured
    assert verdict_store.entry.drifts == ()


def test_a_folder_that_cannot_be_written_keeps_it_in_memory(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    verdict_store = verdict_store_in(blocked / "below")
    assert verdict_store.record({"labels": "start"}).labels == "start"
    assert verdict_store.current().labels == "start"


def test_without_a_folder_it_is_known_until_the_process_ends() -> None:
    verdict_store = VerdictStore()
    verdict_store.record({"days": "utc"})
    assert verdict_store.current().days == "utc"


def test_a_book_of_all_that_changes_numbers() -> None:
    assert all_measured().current().unmeasured == frozenset()
    assert all_measured().current().with_({}) == all_measured().current()


def test_threads_lose_no_verdict_of_each_other(tmp_path: Path) -> None:
    verdict_store = verdict_store_in(tmp_path)
    values = [{"labels": "start"}, {"stop": "inclusive"}, {"days": "utc"}, {"heat_y": "flipped"}]
    threads = [threading.Thread(target=verdict_store.record, args=(value,)) for value in values]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    current = verdict_store_in(tmp_path).current()
    assert (current.labels, current.stop, current.days, current.heat_y) == (
        "start",
        "inclusive",
        "utc",
        "flipped",
    )


def test_replicas_share_verdicts_through_redis(redis: RedisServer, tmp_path: Path) -> None:
    clock = Clock()
    connections = [RedisConnection(redis.url, source="tenant") for _ in range(2)]
    one, other = (
        open_verdict_store("tenant", folder=None, redis=connection, now=clock, clock=clock)
        for connection in connections
    )
    try:
        assert other.current().labels == "end"
        one.record({"labels": "start"})
        clock.now_s += POLL_S
        assert other.current().labels == "start"
        # Another tenant has its own.
        stranger = RedisConnection(redis.url, source="stranger")
        connections.append(stranger)
        assert open_verdict_store("stranger", folder=None, redis=stranger).current().labels == "end"
    finally:
        for connection in connections:
            connection.close()


def test_what_check_wrote_into_the_folder_reaches_replicas_without_it(
    redis: RedisServer, tmp_path: Path
) -> None:
    verdict_store_in(tmp_path).record({"labels": "start"})
    connection = RedisConnection(redis.url, source="tenant")
    try:
        assert open_verdict_store("tenant", folder=tmp_path, redis=connection).current().labels == "start"
        assert open_verdict_store("tenant", folder=None, redis=connection).current().labels == "start"
    finally:
        connection.close()


def test_rubbish_in_redis_is_nothing(redis: RedisServer) -> None:
    connection = RedisConnection(redis.url, source="tenant")
    try:
        redis.client.set(connection.key("verdicts"), b"\xffrubbish")
        verdict_store = open_verdict_store("tenant", folder=None, redis=connection)
        assert verdict_store.current() == Verdicts()
        verdict_store.record({"labels": "start"})
        assert open_verdict_store("tenant", folder=None, redis=connection).current().labels == "start"
    finally:
        connection.close()
