"""What Butlr pushes to one replica, for all replicas: a bounded stream in Redis, in one order for all.

Each replica keeps the minutes in its memory and applies the entries of the stream in their order, its own
entries too. So the last entry is the same for all. Without Redis, each replica knows only what it received
itself.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

MOST_ENTRIES = 50_000
"""Some 10 MB; at 300 events a second the last three minutes. A replica that was away for longer queries
reporting."""

LIFE_MS = 2 * 3_600_000
READ_AT_A_TIME = 5_000

Apply = Callable[[Any, float, bool], None]
"""What a replica published, when it arrived there, and whether this replica published it itself."""


class SharedPushes:
    """Thread-safe. What is published must be JSON; `apply` must not raise for anything that another replica,
    of whatever version, can have published.
    """

    def __init__(self, redis: RedisConnection, apply: Apply) -> None:
        self._redis = redis
        self._apply = apply
        self._key = redis.key("pushes")
        self._me = secrets.token_hex(8)
        self._last = "0-0"
        self._reading = threading.Lock()
        """Held by the one thread that reads: entries are applied in order, each once."""

    def publish(self, news: Sequence[Any], at_s: float) -> bool:
        """Adds an entry; `False`: Redis is not there, so others do not know it."""
        entry = {"from": self._me, "at": at_s, "news": orjson.dumps(list(news))}

        def add(redis: Any) -> None:
            pipe = redis.pipeline(transaction=False)
            pipe.xadd(self._key, entry, maxlen=MOST_ENTRIES, approximate=True).pexpire(self._key, LIFE_MS)
            pipe.execute()

        try:
            self._redis.run(add, self._key)
        except RedisUnavailable:
            return False
        return True

    def read(self) -> int | None:
        """Applies what is new; how many entries there were, or `None` where Redis is not there."""
        with self._reading:
            total = 0
            while True:
                try:
                    entries = self._redis.run(self._entries, self._key)
                except RedisUnavailable:
                    return None
                for number, entry in entries:
                    self._last = number.decode()
                    self._take(entry)
                total += len(entries)
                if len(entries) < READ_AT_A_TIME:
                    return total

    def _entries(self, redis: Any) -> list[tuple[bytes, dict[bytes, bytes]]]:
        response = redis.xread({self._key: self._last}, count=READ_AT_A_TIME)
        if not response:
            self._begin_anew_where_redis_did(redis)
            return []
        [(_, entries)] = response
        return list(entries)

    def _begin_anew_where_redis_did(self, redis: Any) -> None:
        """A Redis that was restarted, perhaps with another clock, has a stream whose numbers are lower."""
        newest = redis.xrevrange(self._key, count=1)
        if newest and _number(newest[0][0]) < _number(self._last.encode()):
            self._last = "0-0"

    def _take(self, entry: dict[bytes, bytes]) -> None:
        try:
            news, at_s = orjson.loads(entry[b"news"]), float(entry[b"at"])
        except (KeyError, ValueError):
            return  # of another version, or nothing of ours
        for one in news if isinstance(news, list) else []:
            self._apply(one, at_s, entry.get(b"from") == self._me.encode())


def _number(raw: bytes) -> tuple[int, int]:
    """A stream's entry id, as it is ordered."""
    first, _, second = raw.partition(b"-")
    return int(first), int(second or b"0")
