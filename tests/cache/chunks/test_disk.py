"""Settled parts on disk: there after a restart, bounded, never in the way."""

from __future__ import annotations

import logging
import random
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from butlr_grafana.cache.chunks import codec
from butlr_grafana.cache.chunks.disk import FILE, VERSION, DiskStore
from butlr_grafana.model.chunk import Segment
from butlr_grafana.model.time import DAY_S, Period
from tests.cache.chunks.chunks import HALF, SPACE, chunk, same, segment

ALWAYS = Period(0, 10**9)
BEGAN_S = 1_749_643_200.0


class Disk:
    """A folder and the stores on it; `now_s` is their clock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / FILE
        self.now_s = BEGAN_S
        self.opened: list[DiskStore] = []

    def store(self, source: str = "me", *, max_bytes: int = 10**8, max_age_s: int = 400 * DAY_S) -> DiskStore:
        self.opened.append(
            DiskStore(
                self.folder, source=source, max_bytes=max_bytes, max_age_s=max_age_s, now=lambda: self.now_s
            )
        )
        return self.opened[-1]

    def close(self) -> None:
        while self.opened:
            self.opened.pop().close()

    def sql(self, text: str, *values: object) -> list[Any]:
        connection = sqlite3.connect(self.file, isolation_level=None)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path / "cache")
    yield made
    made.close()


def row(n: int) -> list[Segment]:
    return [segment(i * 3600, (i + 1) * 3600) for i in range(n)]


def put_all(store: DiskStore, segments: list[Segment]) -> None:
    for requested in segments:
        store.put(requested, chunk(requested))


def held(store: DiskStore, among: list[Segment]) -> list[Segment]:
    return [requested for requested in among if store.get(requested) is not None]


NEW = segment(10**6, 10**6 + 60)


def works(store: DiskStore, requested: Segment = NEW) -> bool:
    """Keeps something new and finds it again."""
    store.put(requested, chunk(requested, value=42.0))
    return same(store.get(requested), chunk(requested, value=42.0)) and requested.period in store.within(
        SPACE, HALF, ALWAYS
    )


# Keeping


def test_a_part_survives_a_restart(disk: Disk) -> None:
    store = disk.store()
    store.put(segment(), chunk(segment(), cells=1000, value=7.0))
    disk.close()
    store = disk.store()
    assert same(store.get(segment()), chunk(segment(), cells=1000, value=7.0))
    assert store.within(SPACE, HALF, ALWAYS) == [segment().period]


def test_an_empty_part_survives_too(disk: Disk) -> None:
    disk.store().put(segment(), chunk(segment(), cells=0))
    disk.close()
    assert same(disk.store().get(segment()), chunk(segment(), cells=0))


def test_a_part_that_still_changes_is_not_kept(disk: Disk) -> None:
    live = segment(settled=False)
    store = disk.store()
    store.put(live, chunk(live))
    assert store.get(live) is None
    assert store.within(SPACE, HALF, ALWAYS) == []


def test_a_later_part_of_the_same_period_replaces_the_earlier(disk: Disk) -> None:
    store = disk.store()
    store.put(segment(), chunk(segment(), value=1.0))
    store.put(segment(), chunk(segment(), value=2.0))
    assert same(store.get(segment()), chunk(segment(), value=2.0))
    assert store.within(SPACE, HALF, ALWAYS) == [segment().period]


@pytest.mark.parametrize(
    "other", [segment(0, 3599), segment(1, 3600), segment(space="space_2"), segment(resolution_m=0.25)]
)
def test_another_question_gets_nothing(disk: Disk, other: Segment) -> None:
    store = disk.store()
    store.put(segment(), chunk(segment()))
    assert store.get(other) is None
    assert store.within(other.space, other.subject, other.period) == []


def test_another_tenant_sees_nothing(disk: Disk) -> None:
    mine, theirs = disk.store("me"), disk.store("them")
    mine.put(segment(), chunk(segment(), value=1.0))
    assert theirs.get(segment()) is None
    assert theirs.within(SPACE, HALF, ALWAYS) == []
    theirs.put(segment(), chunk(segment(), value=2.0))
    disk.close()
    assert same(disk.store("me").get(segment()), chunk(segment(), value=1.0))
    assert same(disk.store("them").get(segment()), chunk(segment(), value=2.0))
    assert disk.store("somebody else").within(SPACE, HALF, ALWAYS) == []


def test_two_processes_may_share_the_file(disk: Disk) -> None:
    one, other = disk.store(), disk.store()
    one.put(segment(), chunk(segment()))
    assert same(other.get(segment()), chunk(segment()))
    assert works(other)
    assert len(one.within(SPACE, HALF, ALWAYS)) == 2


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    made = Disk(tmp_path_factory.mktemp("shared"))
    yield made
    made.close()


PERIODS = st.builds(
    lambda start, length: Period(start, start + length), st.integers(0, 20), st.integers(1, 10)
)


@given(stored=st.sets(PERIODS, max_size=12), requested=PERIODS)
def test_within_is_what_lies_in_the_period_as_a_whole(
    shared: Disk, stored: set[Period], requested: Period
) -> None:
    shared.close()
    store = shared.store()
    shared.sql("DELETE FROM part")
    for period in stored:
        store.put(segment(period.start_s, period.end_s), chunk(segment(period.start_s, period.end_s)))
    expected = [p for p in stored if requested.start_s <= p.start_s and p.end_s <= requested.end_s]
    assert sorted(store.within(SPACE, HALF, requested)) == sorted(expected)


# Bounds


def test_bounded_by_bytes_and_the_longest_kept_go_first(disk: Disk) -> None:
    hours = row(201)
    one = len(codec.encode(chunk(hours[0])))
    store = disk.store(max_bytes=120 * one)
    for requested in hours:
        disk.now_s += 1
        store.put(requested, chunk(requested))
    assert disk.sql("SELECT sum(bytes) <= ? FROM part", 120 * one) == [(1,)]
    survivors = held(store, hours)
    assert survivors == hours[-len(survivors) :]
    assert survivors


def test_what_is_in_use_stays(disk: Disk) -> None:
    hours = row(301)
    one = len(codec.encode(chunk(hours[0])))
    store = disk.store(max_bytes=220 * one)
    for requested in hours[:200]:
        disk.now_s += 1
        store.put(requested, chunk(requested))
    disk.now_s += 2 * DAY_S
    assert held(store, hours[:10]) == hours[:10]
    put_all(store, hours[200:])
    assert held(store, hours[:10]) == hours[:10]
    assert len(held(store, hours)) <= 220


def test_bounded_by_age_even_if_nothing_is_put(disk: Disk) -> None:
    store = disk.store(max_age_s=30 * DAY_S)
    store.put(segment(), chunk(segment()))
    disk.now_s += 30 * DAY_S
    assert store.get(segment()) is not None
    disk.now_s += 1
    assert store.get(segment()) is None
    assert store.within(SPACE, HALF, ALWAYS) == []


def test_what_is_too_old_leaves_the_disk_with_the_next_part_after_a_restart(disk: Disk) -> None:
    put_all(disk.store(max_age_s=30 * DAY_S), row(3))
    disk.close()
    disk.now_s += 31 * DAY_S
    disk.store(max_age_s=30 * DAY_S).put(segment(10**6, 10**6 + 1), chunk(segment(10**6, 10**6 + 1)))
    assert disk.sql("SELECT start_s FROM part") == [(10**6,)]


# Trouble


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Which way each line of the log goes."""
    return ["trouble" if "cannot be used" in r.message else "well" for r in caplog.records]


@pytest.mark.parametrize(
    "content", [b"", b"x", b"no database at all " * 1000, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_garbage_file_is_set_aside_and_begun_anew(disk: Disk, content: bytes) -> None:
    disk.folder.mkdir()
    disk.file.write_bytes(content)
    store = disk.store()
    assert store.get(segment()) is None
    assert store.within(SPACE, HALF, ALWAYS) == []
    assert works(store)
    disk.close()
    assert disk.store().within(SPACE, HALF, ALWAYS) == [NEW.period]
    if len(content) > 100:  # less is an empty database to SQLite
        assert disk.file.with_name(FILE + ".damaged").read_bytes() == content


def test_a_file_that_turns_to_garbage_while_open_is_begun_anew(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    store = disk.store()
    put_all(store, row(50))
    for path in disk.folder.iterdir():
        path.write_bytes(b"\xff" * path.stat().st_size)
    disk.store().get(segment())
    assert held(store, row(50)) in ([], row(50))
    store.put(segment(), chunk(segment()))
    assert works(store)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_cut_file_costs_parts_never_a_wrong_one(disk: Disk, share: float) -> None:
    hours = row(300)
    put_all(disk.store(), hours)
    disk.close()
    content = disk.file.read_bytes()
    disk.file.write_bytes(content[: int(len(content) * share)])
    store = disk.store()
    for requested in hours:
        assert store.get(requested) is None or same(store.get(requested), chunk(requested))
    assert works(store)


@pytest.mark.parametrize("seed", range(40))
def test_flipped_bytes_cost_parts_never_a_wrong_one(disk: Disk, seed: int) -> None:
    rng = random.Random(seed)
    hours = row(60)
    put_all(disk.store(), hours)
    disk.close()
    content = bytearray(disk.file.read_bytes())
    for _ in range(rng.choice([1, 10, 100])):
        content[rng.randrange(len(content))] ^= rng.randrange(1, 256)
    disk.file.write_bytes(content)
    store = disk.store()
    for requested in hours:
        found = store.get(requested)
        assert found is None or same(found, chunk(requested))
    assert all(isinstance(period, Period) for period in store.within(SPACE, HALF, ALWAYS))
    put_all(store, hours)
    for requested in hours:
        found = store.get(requested)
        assert found is None or same(found, chunk(requested))


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b"used_at_s INTEGER NOT NULL, bytes", b"used_at_s INTEGER NOT \xbb\xbb\xbb\xbb, bytes"),
        (b"CREATE TABLE part", b"CREATE TABBE part"),
        (b"kept_at_s INTEGER NOT NULL", b"kepX_at_s INTEGER NOT NULL"),
        (b"end_s INTEGER NOT NULL,", b"eXd_s INTEGER NOT NULL,"),
    ],
)
def test_a_damaged_schema_is_set_aside_and_begun_anew(disk: Disk, there: bytes, instead: bytes) -> None:
    put_all(disk.store(), row(3))
    disk.close()
    content = disk.file.read_bytes()
    assert content.count(there) == 1
    disk.file.write_bytes(content.replace(there, instead))
    store = disk.store()
    assert store.get(segment()) is None
    assert works(store)


def test_a_column_of_another_type_is_set_aside_and_begun_anew(disk: Disk) -> None:
    store = disk.store()
    put_all(store, row(3))
    disk.sql("UPDATE part SET used_at_s=?", b"long ago")
    found = store.get(segment())
    assert found is None or same(found, chunk(segment()))
    assert works(store)
    assert disk.file.with_name(FILE + ".damaged").exists()


def test_a_period_that_cannot_be_is_not_within(disk: Disk) -> None:
    store = disk.store()
    put_all(store, row(2))
    disk.sql("UPDATE part SET start_s=?, end_s=? WHERE start_s=0", 50, 50)
    assert store.within(SPACE, HALF, ALWAYS) == [Period(3600, 7200)]


def test_a_part_filed_under_another_key_is_not_there(disk: Disk) -> None:
    store = disk.store()
    put_all(store, row(2))
    body = disk.sql("SELECT body FROM part WHERE start_s=0")[0][0]
    disk.sql("UPDATE part SET body=? WHERE start_s=3600", body)
    assert store.get(row(2)[0]) is not None
    assert store.get(row(2)[1]) is None
    fine = segment(0, 3600, resolution_m=0.25)
    store.put(fine, chunk(fine))
    disk.sql("UPDATE part SET body=? WHERE subject LIKE 'heatmap/0.25/%'", body)
    assert store.get(fine) is None


@pytest.mark.parametrize("body", [b"", b"BGP1", "text", 5])
def test_a_body_that_is_none_is_not_there(disk: Disk, body: object) -> None:
    store = disk.store()
    store.put(segment(), chunk(segment()))
    disk.sql("UPDATE part SET body=?", body)
    assert store.get(segment()) is None
    assert works(store, segment())


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1, 99])
@pytest.mark.parametrize("change", ["ALTER TABLE part DROP COLUMN kept_at_s", "SELECT 1"])
def test_a_file_of_another_version_holds_nothing_and_is_used_from_now_on(
    disk: Disk, version: int, change: str
) -> None:
    store = disk.store()
    store.put(segment(), chunk(segment()))
    disk.close()
    disk.sql(f"PRAGMA user_version={version}")
    disk.sql(change)
    store = disk.store()
    assert store.get(segment()) is None
    assert works(store)
    disk.close()
    assert disk.store().within(SPACE, HALF, ALWAYS) == [NEW.period]
    assert disk.sql("PRAGMA user_version") == [(VERSION,)]


def test_a_folder_that_cannot_be_made_is_said_once_and_used_once_it_can(
    disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    disk.folder.write_text("a file in the way")
    store = disk.store()
    for _ in range(5):
        store.put(segment(), chunk(segment()))
        assert store.get(segment()) is None
        assert store.within(SPACE, HALF, ALWAYS) == []
    assert logged(caplog) == ["trouble"]
    disk.folder.unlink()
    assert works(store)
    assert logged(caplog) == ["trouble", "well"]


def test_a_folder_that_disappears_is_no_error(disk: Disk) -> None:
    store = disk.store()
    put_all(store, row(3))
    shutil.rmtree(disk.folder)
    store.put(segment(), chunk(segment()))
    store.get(segment())
    store.within(SPACE, HALF, ALWAYS)
    disk.close()
    assert works(disk.store())


Connect = Callable[..., sqlite3.Connection]


@pytest.fixture
def connecting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Connect | None], None]:
    """Has stores connect in another way from now on; `None`: as they do."""
    real = sqlite3.connect

    def replace(other: Connect | None) -> None:
        monkeypatch.setattr(
            sqlite3, "connect", real if other is None else lambda *a, **k: other(real, *a, **k)
        )

    return replace


def read_only(real: Connect, path: Path, **params: Any) -> sqlite3.Connection:
    return real(f"file:{path}?mode=ro", uri=True, **params)


def test_a_read_only_file_is_read_and_not_written(
    disk: Disk, connecting: Callable[[Connect | None], None], caplog: pytest.LogCaptureFixture
) -> None:
    hours = row(3)
    put_all(disk.store(), hours[:2])
    disk.close()
    connecting(read_only)
    store = disk.store()
    for _ in range(3):
        assert same(store.get(hours[0]), chunk(hours[0]))
        store.put(hours[2], chunk(hours[2]))
        assert store.get(hours[2]) is None
        assert len(store.within(SPACE, HALF, ALWAYS)) == 2
        disk.now_s += 2 * DAY_S  # noting that it is in use would be a write
        assert same(store.get(hours[1]), chunk(hours[1]))
    assert logged(caplog) == ["trouble"]
    connecting(None)
    store.put(hours[2], chunk(hours[2]))
    disk.close()
    assert disk.store().get(hours[2]) is not None
    assert logged(caplog) == ["trouble", "well"]


def test_reading_from_a_read_only_file_is_no_line_in_the_log_each_time(
    disk: Disk, connecting: Callable[[Connect | None], None], caplog: pytest.LogCaptureFixture
) -> None:
    put_all(disk.store(), row(1))
    disk.close()
    connecting(read_only)
    store = disk.store()
    disk.now_s += 2 * DAY_S
    for _ in range(5):
        assert store.get(segment()) is not None
        assert store.within(SPACE, HALF, ALWAYS) == [segment().period]
    assert logged(caplog) == ["trouble"]


def test_a_full_disk_keeps_what_it_has_and_goes_on_when_there_is_room(
    disk: Disk, connecting: Callable[[Connect | None], None], caplog: pytest.LogCaptureFixture
) -> None:
    def full(real: Connect, path: Path, **params: Any) -> sqlite3.Connection:
        connection = real(path, **params)
        connection.execute("PRAGMA max_page_count=1")  # SQLite takes: not one page more than there are
        return connection

    hours = row(6)
    store = disk.store()
    put_all(store, hours[:3])
    disk.close()
    connecting(full)
    store = disk.store()
    large = [chunk(requested, cells=20_000) for requested in hours[3:]]
    for requested, stored in zip(hours[3:], large, strict=True):
        store.put(requested, stored)
        assert store.get(requested) is None
        assert held(store, hours) == hours[:3]
    assert logged(caplog) == ["trouble"]
    assert "full" in caplog.text
    connecting(None)
    store.close()
    store.put(hours[3], large[0])
    assert same(store.get(hours[3]), large[0])
    assert held(store, hours) == hours[:4]
    assert logged(caplog) == ["trouble", "well"]


def test_a_locked_file_is_not_waited_out_twice_and_works_again(
    disk: Disk, connecting: Callable[[Connect | None], None], caplog: pytest.LogCaptureFixture
) -> None:
    connecting(lambda real, path, **params: real(path, **{**params, "timeout": 0.01}))
    store = disk.store()
    put_all(store, row(1))
    other = sqlite3.connect(disk.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    put_all(store, row(3))
    assert held(store, row(3)) == row(1)
    other.execute("ROLLBACK")
    other.close()
    put_all(store, row(3))
    assert held(store, row(3)) == row(3)
    assert logged(caplog) == ["trouble", "well"]


@pytest.mark.parametrize(
    "error",
    [
        sqlite3.OperationalError("disk I/O error"),
        sqlite3.DatabaseError("database disk image is malformed"),
        sqlite3.IntegrityError("constraint failed"),
        sqlite3.InterfaceError("bad parameter"),
        OSError(5, "Input/output error"),
        PermissionError(13, "Permission denied"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_no_fault_of_the_disk_ever_comes_through(
    disk: Disk,
    connecting: Callable[[Connect | None], None],
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def broken(*_: object, **__: object) -> sqlite3.Connection:
        raise error

    connecting(broken)
    store = disk.store()
    for _ in range(3):
        store.put(segment(), chunk(segment()))
        assert store.get(segment()) is None
        assert store.within(SPACE, HALF, ALWAYS) == []
    store.close()
    assert logged(caplog) == ["trouble"]
    connecting(None)
    assert works(store)
    assert logged(caplog) == ["trouble", "well"]


def test_a_store_that_works_says_nothing(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = disk.store()
    put_all(store, row(5))
    assert held(store, row(6)) == row(5)
    disk.close()
    disk.store().get(segment())
    assert logged(caplog) == []


def test_closing_twice_is_fine_and_who_asks_afterwards_is_answered(disk: Disk) -> None:
    store = disk.store()
    store.put(segment(), chunk(segment()))
    store.close()
    store.close()
    assert same(store.get(segment()), chunk(segment()))


def test_threads_share_one_store(disk: Disk) -> None:
    store = disk.store()
    hours = row(40)
    failed: list[BaseException] = []

    def work(turn: int) -> None:
        try:
            for n in range(80):
                requested = hours[(n * 7 + turn) % len(hours)]
                if store.get(requested) is None:
                    store.put(requested, chunk(requested))
                store.within(SPACE, HALF, ALWAYS)
        except BaseException as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=work, args=(11 * n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []
    assert held(store, hours) == hours


def test_what_comes_after_the_end_is_kept_and_the_file_is_not_left_open(
    disk: Disk, connecting: Callable[[Connect | None], None]
) -> None:
    """A call to Butlr that was under way when the backend was told to stop."""
    made: list[sqlite3.Connection] = []

    def noted(real: Connect, path: Path, **params: Any) -> sqlite3.Connection:
        made.append(real(path, **params))
        return made[-1]

    connecting(noted)
    store = disk.store()
    store.close()
    put_all(store, row(2))
    assert held(store, row(3)) == row(2)
    assert len(made) > 1
    for connection in made:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")
