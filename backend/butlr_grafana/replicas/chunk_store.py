"""Chunks in Redis, for all replicas: settled ones as long as on disk, others for an hour.

A value is a digest of its key, a letter (`S`: settled, `L`: can still change), and the codec's bytes. The age
of a chunk that can still change, and which of two is newer, follow from their time to live, because the wall
clocks of replicas differ and may step. Each floor and subject has an index: a sorted set of periods by their
start. A chunk that Redis has evicted leaves the index when a look-up misses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from butlr_grafana.base.stopwatch import stopwatch
from butlr_grafana.cache.chunks import codec
from butlr_grafana.model.chunk import Chunk, Segment, Subject
from butlr_grafana.model.time import Period
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

LIVE_S = 3600
"""How long a chunk that can still change is stored after it was requested: a minute is enough for freshness,
the rest is for outages.
"""

DIGEST_BYTES = 16
_HEAD_BYTES = DIGEST_BYTES + 1

_PUT = """
local life_ms = tonumber(ARGV[5])
if ARGV[2] == 'L' then
  -- Today's open end grows by the minute: of those with one start only the newest is kept.
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], ARGV[3], ARGV[3])) do
    local key = ARGV[7] .. member
    local letter = redis.pcall('GETRANGE', key, ARGV[8], ARGV[8])
    if letter == 'S' then
      if key == KEYS[1] then return 0 end
    elseif letter == 'L' and redis.call('PTTL', key) > life_ms then
      return 0
    else
      redis.call('DEL', key)
      redis.call('ZREM', KEYS[2], member)
    end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[5])
redis.call('ZADD', KEYS[2], ARGV[3], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[6])
for _, member in ipairs(redis.call('ZRANDMEMBER', KEYS[2], 8)) do
  if redis.call('EXISTS', ARGV[7] .. member) == 0 then redis.call('ZREM', KEYS[2], member) end
end
return 1
"""
_WITHIN = """
local found = {}
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '(' .. ARGV[2])) do
  if redis.call('EXISTS', ARGV[3] .. member) == 0 then
    redis.call('ZREM', KEYS[1], member)
  elseif (tonumber(string.match(member, '^%d+:(%d+)$') or '') or math.huge) <= tonumber(ARGV[2]) then
    found[#found + 1] = member
  end
end
return found
"""


def group_of(space: str, subject: Subject) -> str:
    """Names a floor and a subject, whatever characters their ids hold."""
    return hashlib.blake2b(f"{space}\0{subject.key}".encode(), digest_size=16).hexdigest()


def name_of(segment: Segment) -> str:
    return f"{group_of(segment.space, segment.subject)}:{_member(segment.period)}"


def _member(period: Period) -> str:
    return f"{period.start_s}:{period.end_s}"


class SharedStore:
    """A `Store`. What came from there, or went there, is not written again. `now`: the wall clock;
    `stopwatch`: how old chunks are.
    """

    def __init__(
        self,
        redis: RedisConnection,
        *,
        max_age_s: int,
        now: Callable[[], float] = time.time,
        stopwatch: Callable[[], float] = stopwatch,
    ) -> None:
        self._redis = redis
        self._max_age_ms = max_age_s * 1000
        self._now = now
        self._stopwatch = stopwatch
        self._put, self._within = map(redis.script, (_PUT, _WITHIN))
        self._there: weakref.WeakSet[Chunk] = weakref.WeakSet()
        self._lock = threading.Lock()

    def get(self, segment: Segment, since: float = -math.inf) -> Chunk | None:  # noqa: ARG002  # has one at most
        key = self._key(segment)
        data, left_ms = None, 0
        with contextlib.suppress(RedisUnavailable):
            data, left_ms = self._redis.run(lambda redis: self._read(redis, key), key)
        if not isinstance(data, bytes) or data[:DIGEST_BYTES] != _digest(key):
            return None
        chunk = codec.decode_for(segment, data[_HEAD_BYTES:])
        if chunk is not None:
            if not chunk.settled:
                chunk = replace(chunk, requested_at=self._requested_at(chunk, left_ms))
            self._note(chunk)
        return chunk

    @staticmethod
    def _read(redis: Any, key: str) -> tuple[object, int]:
        """What is there, and for how many milliseconds more; negative: for ever, or it is not there."""
        both = redis.pipeline(transaction=False).get(key).pttl(key).execute()
        return both[0], int(both[1])

    def _requested_at(self, chunk: Chunk, left_ms: int) -> float:
        """On the stopwatch of this process, from the older of two ages: by Redis' clock, and by the wall
        clocks of the replica that stored it and of this machine. A time to live that is longer than any chunk
        gets is ignored.
        """
        if not 0 <= left_ms <= LIVE_S * 1000:
            return -math.inf
        return self._stopwatch() - max(LIVE_S - left_ms / 1000, self._now() - chunk.fetched_at_s)

    def put(self, segment: Segment, chunk: Chunk) -> None:
        with self._lock:
            if chunk in self._there:
                return
        key, period = self._key(segment), segment.period
        letter, life_ms = ("S", self._max_age_ms) if chunk.settled else ("L", self._left_ms(chunk))
        if life_ms <= 0:
            return
        args = [
            *(_digest(key) + letter.encode() + codec.encode(chunk), letter),
            *(period.start_s, _member(period), life_ms, self._max_age_ms),
            *(self._chunk_prefix(segment.space, segment.subject), DIGEST_BYTES),
        ]
        keys = [key, self._index(segment.space, segment.subject)]
        with contextlib.suppress(RedisUnavailable):
            self._redis.run(lambda _: self._put(keys=keys, args=args), *keys)
            self._note(chunk)

    def within(self, space: str, subject: Subject, period: Period) -> list[Period]:
        index = self._index(space, subject)
        args = [period.start_s, period.end_s, self._chunk_prefix(space, subject)]

        def query(_: Any) -> list[Period]:
            edges = [tuple(map(int, member.split(b":"))) for member in self._within(keys=[index], args=args)]
            return [Period(start_s, end_s) for start_s, end_s in edges if start_s < end_s]

        with contextlib.suppress(RedisUnavailable):
            return self._redis.run(query, index)
        return []

    def close(self) -> None:
        """The connection is its owner's."""

    def _left_ms(self, chunk: Chunk) -> int:
        """The time to live of a chunk that can still change; its age until now is subtracted."""
        age_s = max(0.0, self._stopwatch() - chunk.requested_at)
        return int(1000 * (LIVE_S - age_s)) if age_s < LIVE_S else 0

    def _note(self, chunk: Chunk) -> None:
        with self._lock:
            self._there.add(chunk)

    def _chunk_prefix(self, space: str, subject: Subject) -> str:
        return self._redis.key("part", group_of(space, subject), "")

    def _index(self, space: str, subject: Subject) -> str:
        return self._redis.key("index", group_of(space, subject))

    def _key(self, segment: Segment) -> str:
        return self._redis.key("part", name_of(segment))


def _digest(key: str) -> bytes:
    """So that what lies under another key, for whatever reason, is not there."""
    return hashlib.blake2b(key.encode(), digest_size=DIGEST_BYTES).digest()
