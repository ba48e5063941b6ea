"""One rate and one pause for all replicas, by Redis' own clock."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import time
from collections.abc import Callable
from typing import Any

from butlr_grafana.butlr.limits import RateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

WINDOW_MS = 60_000

_RESERVE = """
local paused = redis.call('PTTL', KEYS[2])
if paused > 0 then return {paused, 0} end
local rate, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if rate == 0 then return {0, 0} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= rate then
  local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return {0, math.max(1, oldest[2] + window - now)}
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return {0, 0}
"""
_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
return 0
"""
_SENT = """
local time = redis.call('TIME')
return redis.call('ZCOUNT', KEYS[1], '(' .. (time[1] * 1000 + math.floor(time[2] / 1000) - ARGV[1]), '+inf')
"""


class SharedRateLimiter(RateLimiter):
    """The gate of all replicas. What this one sends is counted in its own too, by which it goes on alone:
    then each replica may use the whole rate.
    """

    def __init__(
        self, rate_per_minute: int, link: RedisConnection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(rate_per_minute, clock)
        self._link = link
        self._keys = [link.key("calls"), link.key("pause")]
        self._me = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._reserve, self._pause, self._sent_by_all = map(link.script, (_RESERVE, _PAUSE, _SENT))

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        milliseconds = max(1, int(seconds * 1000))
        with contextlib.suppress(RedisUnavailable):
            self._link.run(lambda _: self._pause(keys=self._keys[1:], args=[milliseconds]))

    @property
    def left(self) -> float:
        if not self._rate:
            return super().left
        try:
            sent = self._link.run(lambda _: int(self._sent_by_all(keys=self._keys[:1], args=[WINDOW_MS])))
        except RedisUnavailable:
            return super().left
        return max(0, self._rate - sent)

    def reserve(self) -> float:
        if self.paused_s:
            return self.paused_s
        try:
            paused_s, full_s = self._link.run(self._asked, *self._keys)
        except RedisUnavailable:
            return super().reserve()
        if paused_s:
            super().pause(paused_s)
        elif not full_s:
            super().reserve()
        return paused_s or full_s

    def _asked(self, _: Any) -> tuple[float, float]:
        args = [self._rate, WINDOW_MS, f"{self._me}:{next(self._numbers)}"]
        paused_ms, full_ms = self._reserve(keys=self._keys, args=args)
        return int(paused_ms) / 1000, int(full_ms) / 1000
