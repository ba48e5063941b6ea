"""The store of observations: in memory, in one SQLite file of the cache folder, and in Redis if it is set.

Each place has a copy. One rule merges them: of the observations of a floor's day, the one with the most
person-minutes counts. So the order of reads and writes does not matter.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson
from cachetools import LRUCache

from butlr_grafana.cache.sqlite_file import SqliteFile
from butlr_grafana.model.factor import Factor, Known, Observation, Unknown, factor_of
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

FILE = "factors.sqlite"
VERSION = 1

STORED_DAYS = 14
"""Days of a floor that are kept; a factor needs the newest seven."""

REFRESH_S = 30.0
"""How often other processes' observations are looked for."""

MOST_TRIED = 5_000
"""Days of floors that are remembered as tried; each can be tried again for the price of some milliseconds."""

SHARED_MS = 60 * 86_400 * 1000
"""How long Redis keeps what nobody renews."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS observation (
  source TEXT NOT NULL, space TEXT NOT NULL, day TEXT NOT NULL,
  hours REAL NOT NULL, detections REAL NOT NULL, person_minutes REAL NOT NULL,
  PRIMARY KEY (source, space, day)
);
"""

Entry = tuple[str, Observation]
"""A floor's id, and what was observed there."""


class FactorStore:
    """Thread-safe. `source`: the account, as in the cache. `folder` and `redis` may be missing.

    A problem with the file or with Redis loses observations, never a response. `clock`: for the interval at
    which the observations of others are read.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        source: str,
        redis: RedisConnection | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = SqliteFile(
            folder / FILE if folder else None,
            what="factors of floors",
            schema=_SCHEMA,
            version=VERSION,
            tables=("observation",),
        )
        self._source = source
        self._redis = redis
        self._clock = clock
        self._lock = threading.Lock()  # for all below; nothing waits for a disk or Redis under it
        self._known: dict[str, dict[str, Observation]] = defaultdict(dict)
        self._factors: dict[str, Factor | None] = {}
        self._why: dict[str, str] = {}
        self._tried: LRUCache[tuple[str, str], float] = LRUCache(MOST_TRIED)
        self._refresh_at = -float("inf")

    def of(self, space: str) -> Known:
        """The floor's factor, or why there is none."""
        self._refresh()
        with self._lock:
            if space not in self._factors:
                self._factors[space] = factor_of(self._known.get(space, {}).values())
            return self._factors[space] or Unknown(*filter(None, [self._why.get(space)]))

    def on(self, space: str, day: str) -> Observation | None:
        """What was observed on a floor on a day (ISO date)."""
        self._refresh()
        with self._lock:
            return self._known.get(space, {}).get(day)

    def has_tried(self, space: str, day: str, hours: float) -> bool:
        """Whether so many hours of a day have been observed, whatever came of it."""
        known = self.on(space, day)
        with self._lock:
            return max(self._tried.get((space, day), 0.0), known.hours if known else 0.0) >= hours

    def note_tried(self, space: str, day: str, hours: float) -> None:
        with self._lock:
            self._tried[space, day] = max(hours, self._tried.get((space, day), 0.0))

    def note(self, space: str, found: Observation | Unknown) -> None:
        """Keeps an observation, or why there could be none."""
        self._refresh()
        if isinstance(found, Unknown):
            with self._lock:
                self._why[space] = found.why
            return
        if self._merge([(space, found)]):
            self._write(space, found)
            self._share(space, found)

    def close(self) -> None:
        self._file.close()

    def _merge(self, entries: Iterable[Entry]) -> bool:
        """Whether anything was news."""
        is_news = False
        with self._lock:
            for space, one in entries:
                days = self._known[space]
                known = days.get(one.day)
                if one.is_usable and (known is None or one.person_minutes > known.person_minutes):
                    days[one.day] = one
                    for day in sorted(days)[:-STORED_DAYS]:
                        del days[day]
                    self._factors.pop(space, None)
                    is_news = True
        return is_news

    def _refresh(self) -> None:
        with self._lock:
            now = self._clock()
            if now < self._refresh_at:
                return
            self._refresh_at = now + REFRESH_S
        self._merge([*self._on_file(), *self._shared()])

    def _on_file(self) -> list[Entry]:
        found: list[Entry] = []
        with self._file.doing("read") as run:
            rows = run(
                "SELECT space, day, hours, detections, person_minutes FROM observation WHERE source=?",
                (self._source,),
            ).fetchall()
            # Within: what is no number is damage, and the file is set aside.
            found += [(space, Observation(day, *map(float, figures))) for space, day, *figures in rows]
        return found

    def _write(self, space: str, one: Observation) -> None:
        with self._file.doing("write") as run:
            run(
                "INSERT OR REPLACE INTO observation VALUES (?,?,?,?,?,?)",
                (self._source, space, one.day, one.hours, one.detections, one.person_minutes),
            )
            run(
                "DELETE FROM observation WHERE source=? AND space=? AND day NOT IN "
                "(SELECT day FROM observation WHERE source=? AND space=? ORDER BY day DESC LIMIT ?)",
                (self._source, space, self._source, space, STORED_DAYS),
            )

    def _shared(self) -> list[Entry]:
        if self._redis is None:
            return []
        key = self._redis.key("factors")
        with contextlib.suppress(RedisUnavailable):
            return list(_read(self._redis.run(lambda redis: redis.hgetall(key), key)))
        return []

    def _share(self, space: str, one: Observation) -> None:
        if self._redis is None:
            return
        key = self._redis.key("factors")
        text = orjson.dumps([space, one.day, one.hours, one.detections, one.person_minutes])
        with self._lock:
            held = [_field(space, day) for day in self._known[space]]

        def put(redis: Any) -> None:
            redis.pipeline().hset(key, _field(space, one.day), text).pexpire(key, SHARED_MS).execute()
            gone = [field for field in redis.hkeys(key) if _is_old(field, space, held)]
            if gone:
                redis.hdel(key, *gone)

        with contextlib.suppress(RedisUnavailable):
            self._redis.run(put, key)


def _field(space: str, day: str) -> bytes:
    """Names are hashed in Redis, as in all keys there."""
    return f"{hashlib.blake2b(space.encode(), digest_size=16).hexdigest()}|{day}".encode()


def _is_old(field: bytes, space: str, held: list[bytes]) -> bool:
    return field.startswith(_field(space, "")) and field < min(held)


def _read(entries: dict[bytes, bytes]) -> Iterator[Entry]:
    """What somebody else wrote there is passed over."""
    for raw in entries.values():
        with contextlib.suppress(orjson.JSONDecodeError, TypeError, ValueError):
            space, day, *figures = orjson.loads(raw)
            if isinstance(space, str) and isinstance(day, str):
                yield space, Observation(day, *map(float, figures))
