"""Settled chunks in one SQLite file, so that a restart needs no calls to Butlr.

The file is a cache: a problem with it costs calls, never a response.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from butlr_grafana.base.incidents import Incident
from butlr_grafana.cache.chunks import codec
from butlr_grafana.cache.sqlite_file import Run, SqliteFile
from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import DAY_S, Period

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
    """`source` names the tenant: chunks of another Butlr account are never returned.

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
        self._file = SqliteFile(
            folder / FILE, what="disk cache", schema=_SCHEMA, version=VERSION, tables=("part",)
        )
        self._source = source
        self._max_bytes = max_bytes
        self._max_age_s = max_age_s
        self._now = now
        self._puts = 0
        self._file.open()

    @property
    def incident(self) -> Incident:
        return self._file.incident

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:  # noqa: ARG002  # has one at most
        row: Any = None
        is_idle = False
        with self._file.doing("read") as run:
            row = run(
                "SELECT body, used_at_s FROM part WHERE source=? AND space=? AND subject=? "
                "AND start_s=? AND end_s=? AND kept_at_s>=?",
                (*self._key(segment), self._oldest_s()),
            ).fetchone()
            is_idle = row is not None and row[1] < self._now() - DAY_S
        # Once a day is enough to know what is in use; a write for each read is not.
        if is_idle:
            self._note_use(segment)
        return codec.decode_for(segment, row[0]) if row is not None else None

    def _note_use(self, segment: Segment) -> None:
        with self._file.doing("write") as run:
            run(
                "UPDATE part SET used_at_s=? WHERE source=? AND space=? AND subject=? "
                "AND start_s=? AND end_s=?",
                (int(self._now()), *self._key(segment)),
            )

    def put(self, segment: Segment, chunk: Chunk) -> None:
        if not chunk.settled:
            return
        body, now = codec.encode(chunk), int(self._now())
        with self._file.doing("write") as run:
            run(
                "INSERT OR REPLACE INTO part VALUES (?,?,?,?,?,?,?,?,?)",
                (*self._key(segment), now, now, len(body), body),
            )
            self._puts += 1
            if self._puts % 100 == 1:
                self._prune(run)

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        rows: list[Any] = []
        with self._file.doing("read") as run:
            rows = run(
                "SELECT start_s, end_s FROM part WHERE source=? AND space=? AND subject=? "
                "AND start_s>=? AND start_s<? AND end_s>start_s AND end_s<=? AND kept_at_s>=?",
                (
                    *(self._source, space, subject.key),
                    *(period.start_s, period.end_s, period.end_s, self._oldest_s()),
                ),
            ).fetchall()
        return [Period(start, end) for start, end in rows]

    def close(self) -> None:
        self._file.close()

    def _key(self, segment: Segment) -> tuple[str, str, str, int, int]:
        p = segment.period
        return (self._source, segment.space, segment.subject.key, p.start_s, p.end_s)

    def _oldest_s(self) -> int:
        return int(self._now() - self._max_age_s)

    def _prune(self, run: Run) -> None:
        run("DELETE FROM part WHERE kept_at_s<?", (self._oldest_s(),))
        size = run("SELECT coalesce(sum(bytes), 0) FROM part").fetchone()[0]
        while size > self._max_bytes:
            deleted = run(
                "DELETE FROM part WHERE rowid IN (SELECT rowid FROM part ORDER BY used_at_s LIMIT 100) "
                "RETURNING bytes"
            ).fetchall()
            size -= sum(row[0] for row in deleted)
            if not deleted:
                break
