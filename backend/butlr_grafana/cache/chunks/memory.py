"""Chunks in memory: limited by bytes; the least recently used are removed first."""

from __future__ import annotations

import math
import threading

from cachetools import LRUCache

from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period

Key = tuple[str, Subject, Period]
Group = tuple[str, Subject]


def key_of(segment: Segment) -> Key:
    return (segment.space, segment.subject, segment.period)


class _IndexedLRU(LRUCache[Key, Chunk]):
    """An LRU that also has the periods it stores of each floor, and removes both together."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda chunk: chunk.content.nbytes)
        self.periods: dict[Group, set[Period]] = {}

    def __setitem__(self, key: Key, chunk: Chunk, *args: object, **kwargs: object) -> None:
        super().__setitem__(key, chunk)
        self.periods.setdefault(key[:2], set()).add(key[2])

    def __delitem__(self, key: Key, *args: object, **kwargs: object) -> None:
        super().__delitem__(key)
        held = self.periods[key[:2]]
        held.discard(key[2])
        if not held:
            del self.periods[key[:2]]


class MemoryStore:
    """A `Store`. What comes of a stopwatch is this process' own, as the memory is."""

    def __init__(self, max_bytes: int) -> None:
        self._chunks = _IndexedLRU(max_bytes)
        self._newest: dict[tuple[str, Subject, int], Key] = {}
        self._lock = threading.Lock()

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:  # noqa: ARG002  # has one at most
        with self._lock:
            return self._chunks.get(key_of(segment))

    def put(self, segment: Segment, chunk: Chunk) -> None:
        if chunk.content.nbytes > self._chunks.maxsize:
            return
        key = key_of(segment)
        with self._lock:
            if chunk.settled or self._makes_way_for(chunk, key):
                self._chunks[key] = chunk

    def _makes_way_for(self, chunk: Chunk, key: Key) -> bool:
        """Whether `chunk`, which has not settled, replaces an older chunk; if so, the older one is removed.

        The open end of today grows by the minute: of the chunks with the same start, only the newest is
        stored.
        """
        same = self._chunks.get(key)
        if same is not None and same.settled:
            return False
        start = (*key[:2], key[2].start_s)
        held_key = self._newest.get(start)
        held = self._chunks.get(held_key) if held_key is not None else None
        # One that has settled meanwhile was stored again under the same key: it stays.
        if held_key is not None and held is not None and not held.settled:
            # A response that was delayed.
            if chunk.requested_at < held.requested_at:
                return False
            del self._chunks[held_key]
        self._newest[start] = key
        self._forget_evicted()
        return True

    def _forget_evicted(self) -> None:
        if len(self._newest) > 2 * len(self._chunks) + 100:
            self._newest = {s: k for s, k in self._newest.items() if k in self._chunks}

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        with self._lock:
            return [p for p in self._chunks.periods.get((space, subject), ()) if period.contains(p)]

    def close(self) -> None:
        """Nothing is open."""
