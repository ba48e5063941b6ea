"""One SQLite file that never makes a response fail.

If the file is damaged, of another version, full or read-only, only its content is lost. The log gets one line
when the problem starts and one when it ends.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from butlr_grafana.base.incidents import Incident

Run = Callable[..., sqlite3.Cursor]
"""`run(sql, values)`."""


class SqliteFile:
    """Opened when it is first used; after `close` never left open. Thread-safe: one does something at a time.

    `schema`: SQL that makes what is missing; a file of another `version` loses its `tables` first. `what`
    names it in the log; `None` as `path`: in memory, for as long as the process lives.
    """

    def __init__(
        self, path: Path | None, *, what: str, schema: str, version: int, tables: tuple[str, ...]
    ) -> None:
        self._path = path
        self._schema = schema
        self._version = version
        self._tables = tables
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self.incident = Incident(what, recovery_s=0.0)
        self._failing = ""

    @contextlib.contextmanager
    def doing(self, what: str) -> Iterator[Run]:
        """To `read`, `write` or `open`. A fault of the disk ends the block and is logged; a damaged file is
        renamed and a new one is created.
        """
        with self._lock:
            try:
                yield self._run
            except (sqlite3.Error, OSError, ValueError, TypeError) as error:
                self._failing = what
                self.incident.failed(
                    f"{self._path} cannot be used ({what}: {error}); the backend continues without it"
                )
                self._let_go()
                if _is_damage(error):
                    self._set_aside()
            else:
                # A read that works says nothing about writing.
                if what == "write" or self._failing != "write":
                    self.incident.succeeded()
            finally:
                if self._closed:
                    self._let_go()

    def close(self) -> None:
        """Closes the file. A call that comes later (for a response in flight) opens it for itself alone."""
        with self._lock:
            self._closed = True
            self._let_go()

    def open(self) -> None:
        with self.doing("open"):
            self._opened()

    def _run(self, sql: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        return self._opened().execute(sql, values)

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        place = self._path or ":memory:"
        connection = sqlite3.connect(place, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            found = connection.execute("PRAGMA user_version").fetchone()[0]
            if found not in (0, self._version):
                for table in self._tables:
                    connection.execute(f"DROP TABLE IF EXISTS {table}")
            connection.executescript(self._schema)
            if found != self._version:  # else nothing is written: a full or read-only disk can still be read
                connection.execute(f"PRAGMA user_version={self._version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self) -> None:
        if self._path is None:
            return
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                damaged = self._path.with_name(self._path.name + suffix)
                damaged.replace(damaged.with_name(damaged.name + ".damaged"))


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is broken, rather than its place: full, locked, read-only, out of reach."""
    if isinstance(error, sqlite3.OperationalError):
        # Our SQL does not change: if it is an error, the schema in the file is wrong.
        return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
    # Garbage also shows as text that is no UTF-8 or as a column of another type.
    return isinstance(error, sqlite3.DatabaseError | ValueError | TypeError)
