"""The event log: one SQLite file, or memory if no folder is set."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from butlr_grafana.cache.sqlite_file import Run, SqliteFile
from butlr_grafana.insight.hot_events import Event, Watch, changes
from butlr_grafana.insight.zones import ZoneHeat
from butlr_grafana.model.time import Period

FILE = "events.sqlite"
VERSION = 1
MOST = 20_000
"""Events; the oldest go. At a hundred a day it is more than half a year."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
  source TEXT NOT NULL, space TEXT NOT NULL, watch TEXT NOT NULL, zone_id TEXT NOT NULL,
  start_s INTEGER NOT NULL, end_s INTEGER, seen_s INTEGER NOT NULL,
  peak REAL NOT NULL,
  level TEXT NOT NULL, length_s INTEGER NOT NULL, threshold REAL NOT NULL, release REAL NOT NULL,
  PRIMARY KEY (source, space, watch, zone_id, start_s)
);
CREATE INDEX IF NOT EXISTS event_start ON event (start_s);
"""
_COLUMNS = "space, zone_id, start_s, end_s, seen_s, peak, level, length_s, threshold, release, watch"


class EventLog:
    """Thread-safe. `source`: the account, as in the cache. `folder`: `None` for memory only.

    A problem with the file loses events, never a response; the log reports it.
    """

    def __init__(self, folder: Path | None, *, source: str) -> None:
        self._file = SqliteFile(
            folder / FILE if folder else None,
            what="record of events",
            schema=_SCHEMA,
            version=VERSION,
            tables=("event",),
        )
        self._source = source
        self._lock = threading.Lock()
        self._evaluated_s: dict[tuple[str, str], int] = {}

    def see(self, watch: Watch, space: str, zones: Sequence[ZoneHeat], seen_s: int) -> None:
        """Writes down what a look at a floor's zones changes; a late or repeated one changes nothing."""
        with self._lock:
            if seen_s <= self._evaluated_s.get((space, watch.key), 0):
                return
            self._evaluated_s[space, watch.key] = seen_s
            with self._file.doing("write") as run:
                going_on = self._going_on(run, watch, space)
                changed = changes(watch, zones, going_on, seen_s)
                for event in changed:
                    self._put(run, event)
                if any(event.zone_id not in going_on for event in changed):
                    self._prune(run)

    def during(self, period: Period, spaces: Iterable[str]) -> list[Event]:
        """The events on these floors that overlap a period, in the order of their beginnings."""
        rows: list[Any] = []
        with self._file.doing("read") as run:
            for space in spaces:
                rows += run(
                    f"SELECT {_COLUMNS} FROM event WHERE source=? AND space=? AND start_s<? "  # noqa: S608  # ours
                    "AND (end_s IS NULL OR end_s>?)",
                    (self._source, space, period.end_s, period.start_s),
                ).fetchall()
        return sorted(map(_event, rows), key=lambda e: (e.start_s, e.space, e.zone_id))

    def close(self) -> None:
        self._file.close()

    def _going_on(self, run: Run, watch: Watch, space: str) -> dict[str, Event]:
        rows = run(
            f"SELECT {_COLUMNS} FROM event WHERE source=? AND space=? AND watch=? AND end_s IS NULL",  # noqa: S608  # ours
            (self._source, space, watch.key),
        ).fetchall()
        return {event.zone_id: event for event in map(_event, rows)}

    def _put(self, run: Run, event: Event) -> None:
        watch = event.watch
        run(
            "INSERT OR REPLACE INTO event VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                *(self._source, event.space, watch.key, event.zone_id, event.start_s, event.end_s),
                *(event.seen_s, event.peak),
                *(watch.level, watch.length_s, watch.threshold, watch.release),
            ),
        )

    def _prune(self, run: Run) -> None:
        run(
            "DELETE FROM event WHERE rowid IN "
            "(SELECT rowid FROM event ORDER BY start_s DESC LIMIT -1 OFFSET ?)",
            (MOST,),
        )


def _event(row: tuple[Any, ...]) -> Event:
    space, zone_id, start_s, end_s, seen_s, peak, level, length_s, threshold, release, key = row
    # The unit stands in the key alone: the table is older than units.
    unit = "people" if key.endswith("/people") else "detections"
    watch = Watch(level, length_s, threshold, release, unit)
    return Event(watch, space, zone_id, start_s, seen_s, peak, end_s)
