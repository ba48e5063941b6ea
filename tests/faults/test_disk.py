"""The cache's disk is full, read-only, cut off or of another time: it costs calls, never an answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults.conftest import MakeTrial
from tests.faults.trial import MAY, MAY_SEGMENTS, Trial

Connect = Callable[..., sqlite3.Connection]


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "segments.sqlite"


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[Connect | None], None]:
    """How the cache's file is opened from now on; `None`: as it should be."""
    real = sqlite3.connect

    def behaves(other: Connect | None) -> None:
        monkeypatch.setattr(sqlite3, "connect", other or real)

    return behaves


def full(real: Connect) -> Connect:
    """Not a page more than there are."""

    def connect(path: Path, **params: Any) -> sqlite3.Connection:
        connection = real(path, **params)
        connection.execute("PRAGMA max_page_count=1")
        return connection

    return connect


def read_only(real: Connect) -> Connect:
    return lambda path, **params: real(f"file:{path}?mode=ro", uri=True, **params)


@pytest.fixture(params=[full, read_only])
def broken(request: pytest.FixtureRequest) -> Connect:
    return request.param(sqlite3.connect)  # type: ignore[no-any-return]


def test_a_disk_that_takes_nothing_more(
    trial: Trial, disk: Callable[[Connect | None], None], broken: Connect
) -> None:
    """What is on it is used, the rest is asked for, and kept once there is room again."""
    assert trial.query_panel().is_whole()
    trial.restart()
    disk(broken)
    trial.restart()
    assert trial.spent(trial.query_panel) == 1  # what still changes
    assert trial.query_panel().is_whole()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == MAY_SEGMENTS
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 0  # memory has it
    assert trial.query_panel(*MAY).is_whole()
    disk(None)
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) > 0
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 0
    assert trial.query_panel(*MAY).is_whole()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.99])
def test_a_file_that_was_cut_off(trial: Trial, cache: Path, share: float) -> None:
    trial.query_panel()
    trial.query_panel(*MAY)
    trial.application.close()
    whole = emptied_log(cache)
    cache.write_bytes(whole[: int(len(whole) * share)])
    trial.restart()
    assert trial.query_panel().is_whole()
    assert trial.query_panel(*MAY).is_whole()
    trial.restart()
    assert trial.query_panel(*MAY).is_whole()  # some may have been read before the damage was met
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 0
    assert trial.query_panel(*MAY).is_whole()


@pytest.mark.parametrize("change", ["PRAGMA user_version=1", "ALTER TABLE part DROP COLUMN kept_at_s"])
def test_a_file_of_another_version(trial: Trial, cache: Path, change: str) -> None:
    trial.query_panel(*MAY)
    trial.application.close()
    with sqlite3.connect(cache) as connection:
        connection.execute(change)
    connection.close()
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == MAY_SEGMENTS
    assert trial.query_panel(*MAY).is_whole()
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 0
    assert trial.query_panel(*MAY).is_whole()


def test_a_part_with_a_flipped_bit_is_requested_again(trial: Trial, cache: Path) -> None:
    trial.query_panel(*MAY)
    trial.application.close()
    with sqlite3.connect(cache) as connection:
        [body] = connection.execute("SELECT body FROM part ORDER BY start_s LIMIT 1").fetchone()
        flipped = body[:-1] + bytes([body[-1] ^ 1])
        connection.execute("UPDATE part SET body=? WHERE body=?", (flipped, body))
    connection.close()
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 1
    assert trial.query_panel(*MAY).is_whole()


@pytest.mark.parametrize("content", [b"", b'{"sites":', b"[]", b'{"sites": {}}', b"\xff\xfe"])
def test_floors_on_disk_that_cannot_be_read(trial: Trial, cache: Path, content: bytes) -> None:
    """With Butlr away too nothing can be answered, and the answer says so; with Butlr all is well."""
    trial.query_panel()
    [stored] = cache.parent.glob("topology-*.json")
    stored.write_bytes(content)
    with trial.is_gone():
        trial.restart()
        response = trial.query_panel()
        assert (response.status, response.body["error"]["source"]) == (502, "upstream")
        assert "connection refused" in response.body["message"]
        trial.comes_to_rest()
    trial.passes(60)
    assert trial.query_panel().is_whole()


def test_a_folder_that_cannot_be_made(make_trial: MakeTrial, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    trial = make_trial(cache_dir=str(tmp_path / "file" / "cache"))
    assert trial.query_panel().is_whole()
    assert trial.spent(trial.query_panel) == 0
    (tmp_path / "file").unlink()
    trial.query_panel(*MAY)
    trial.restart()
    assert trial.spent(lambda: trial.query_panel(*MAY)) == 0


def emptied_log(cache: Path) -> bytes:
    """The file's bytes with everything in it, none in SQLite's log beside it."""
    connection = sqlite3.connect(cache)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return cache.read_bytes()
