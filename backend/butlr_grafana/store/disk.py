"""Settled parts in one SQLite file, so that a restart asks Butlr nothing anew.

The file is a cache: whatever is wrong with it (cut, overwritten, another version, a full or read-only
disk) costs calls, never an answer. It is said once when trouble starts and once when it ends.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from butlr_grafana.model import DAY_S, Grid, HeatMapSubject, Part, Period, Samples, Segment, Subject
from butlr_grafana.store import codec

log = logging.getLogger(__name__)

VERSION = 2
FILE = "segments.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS part (
  source TEXT NOT NULL, space TEXT NOT NULL, subject TEXT NOT NULL,
  start_s INTEGER NOT NULL, end_s INTEGER NOT NULL,
  kept_at_s INTEGER NOT NULL, used_at_s INTEGER NOT NULL, bytes INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (source, space, subject, start_s, end_s)
);
CREATE INDEX IF NOT EXISTS part_used ON part (used_at_s);
"""


class DiskStore:
    """`source` names the tenant: parts of another Butlr account are never answered.

    `max_bytes` and `max_age_s` bound it; the least recently used go first.
    """

    def __init__(
        self,
        folder: Path,
        *,
        source: str,
        max_bytes: int,
        max_age_s: int,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = folder / FILE
        self._source = source
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._now = now
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._trouble: str | None = None
        self._puts = 0
        with self._lock, self._guarded("open"):
            self._open()

    def get(self, segment: Segment) -> Part | None:
        row: Any = None
        is_idle = False
        with self._lock, self._guarded("read"):
            row = self._run(
                "SELECT body, used_at_s FROM part WHERE source=? AND space=? AND subject=? "
                "AND start_s=? AND end_s=? AND kept_at_s>=?",
                (*self._key(segment), self._oldest_s()),
            ).fetchone()
            is_idle = row is not None and row[1] < self._now() - DAY_S
        # Once a day is enough to know what is in use; a write for each read is not.
        if is_idle:
            self._note_use(segment)
        part = codec.decode(row[0]) if row is not None else None
        # A row that was damaged, or filed under another key, is not there.
        return part if part is not None and _is_of(part, segment) else None

    def _note_use(self, segment: Segment) -> None:
        with self._lock, self._guarded("write"):
            self._run(
                "UPDATE part SET used_at_s=? WHERE source=? AND space=? AND subject=? "
                "AND start_s=? AND end_s=?",
                (int(self._now()), *self._key(segment)),
            )

    def put(self, segment: Segment, part: Part) -> None:
        if not part.settled:
            return
        body, now = codec.encode(part), int(self._now())
        with self._lock, self._guarded("write"):
            self._run(
                "INSERT OR REPLACE INTO part VALUES (?,?,?,?,?,?,?,?,?)",
                (*self._key(segment), now, now, len(body), body),
            )
            self._puts += 1
            if self._puts % 100 == 1:
                self._prune()

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        rows: list[Any] = []
        with self._lock, self._guarded("read"):
            rows = self._run(
                "SELECT start_s, end_s FROM part WHERE source=? AND space=? AND subject=? "
                "AND start_s>=? AND start_s<? AND end_s>start_s AND end_s<=? AND kept_at_s>=?",
                (
                    *(self._source, space, subject.key),
                    *(period.start_s, period.end_s, period.end_s, self._oldest_s()),
                ),
            ).fetchall()
        return [Period(start, end) for start, end in rows]

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _key(self, segment: Segment) -> tuple[str, str, str, int, int]:
        p = segment.period
        return (self._source, segment.space, segment.subject.key, p.start_s, p.end_s)

    def _oldest_s(self) -> int:
        return int(self._now() - self._max_age_s)

    def _run(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        if self._connection is None:
            self._open()
        assert self._connection is not None
        return self._connection.execute(sql, values)

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, VERSION):
                connection.execute("DROP TABLE IF EXISTS part")
            connection.executescript(_SCHEMA)
            if found != VERSION:  # else nothing is written: a full or read-only disk can still be read
                connection.execute(f"PRAGMA user_version={VERSION}")
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _prune(self) -> None:
        self._run("DELETE FROM part WHERE kept_at_s<?", (self._oldest_s(),))
        size = self._run("SELECT coalesce(sum(bytes), 0) FROM part").fetchone()[0]
        while size > self._max_bytes:
            gone = self._run(
                "DELETE FROM part WHERE rowid IN (SELECT rowid FROM part ORDER BY used_at_s LIMIT 100) "
                "RETURNING bytes"
            ).fetchall()
            size -= sum(row[0] for row in gone)
            if not gone:
                break

    @contextlib.contextmanager
    def _guarded(self, doing: str) -> Iterator[None]:
        """Faults of the disk become a line in the log; a damaged file is set aside and begun anew."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError, TypeError) as error:
            if self._trouble is None:
                log.warning(
                    "the disk cache %s cannot be used (%s: %s); going on without", self._path, doing, error
                )
            self._trouble = doing
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if _is_damage(error):
                self._set_aside()
        else:
            # A read that works says nothing about writing.
            if self._trouble is not None and (doing == "write" or self._trouble != "write"):
                log.warning("the disk cache %s works again", self._path)
                self._trouble = None

    def _set_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                damaged = self._path.with_name(FILE + suffix)
                damaged.replace(damaged.with_name(damaged.name + ".damaged"))


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is broken, rather than its place: full, locked, read-only, out of reach."""
    if isinstance(error, sqlite3.OperationalError):
        # Our SQL does not change: where it is called wrong, the schema in the file is.
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    # Garbage also shows as text that is no UTF-8 or as a column of another type.
    return isinstance(error, sqlite3.DatabaseError | ValueError | TypeError)


def _is_of(part: Part, segment: Segment) -> bool:
    if part.period != segment.period:
        return False
    if isinstance(segment.subject, HeatMapSubject):
        return isinstance(part.content, Grid) and part.content.resolution_m == segment.subject.resolution_m
    return isinstance(part.content, Samples)
