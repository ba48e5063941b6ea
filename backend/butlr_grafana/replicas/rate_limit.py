"""One rate limit, set or learnt, and one pause for all replicas, by the clock of Redis."""

from __future__ import annotations

import contextlib
import itertools
import math
import secrets
import threading
import time
from collections.abc import Callable
from typing import Any

from butlr_grafana.butlr.limits import RateLimiter
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

WINDOW_MS = 60_000

PRESENT_MS = 600_000
"""A replica counts among those that share the rate for so long after it has last requested a call."""

OTHERS_PART = 0.36
"""If rules of one replica wait for the rate, replicas without waiting rules may use so much of it. It is the
part that one process leaves to them (`pipeline.call_queue.SHARES`).
"""

YIELD_MS = 500
"""A replica that has used this part tries again after so long."""

LEARNT_MS = 30 * 86_400_000

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
"""
_RATE = """
local rate, learnt = tonumber(ARGV[1]), tonumber(redis.call('GET', KEYS[2]) or '')
if learnt and (rate == 0 or learnt < rate) then rate = learnt end
"""
# Calls by when they ended; those under way by when they will have ended at the latest.
# A call for rules that has to wait leaves a mark. The mark ends some seconds after the call can be made: its
# replica may have died.
_RESERVE = f"""
{_NOW}
{_RATE}
local window, longest, spare = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local whose, others_part, yield = ARGV[8], tonumber(ARGV[9]), tonumber(ARGV[10])
redis.call('ZADD', KEYS[4], now, ARGV[6])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[7])
redis.call('PEXPIRE', KEYS[4], ARGV[7])
local replicas = redis.call('ZCARD', KEYS[4])
local paused = redis.call('PTTL', KEYS[3])
if paused > 0 then return {{paused, 0, rate, replicas}} end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local excess = redis.call('ZCARD', KEYS[1]) + spare - rate
if rate > 0 and excess >= 0 then
  local last = redis.call('ZRANGE', KEYS[1], excess, excess, 'WITHSCORES')
  local free = -1
  if last[2] and tonumber(last[2]) <= now then free = math.max(1, last[2] + window - now) end
  if whose == 'rules' then redis.call('SET', KEYS[5], '', 'PX', math.max(free, 0) + 4 * yield) end
  return {{0, free, rate, replicas}}
end
if rate > 0 and whose == 'others' and redis.call('EXISTS', KEYS[5]) == 1 then
  local others = 0
  for _, call in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(call, 1, 7) == 'others:' then others = others + 1 end
  end
  if others >= math.max(1, math.floor(rate * others_part)) then return {{0, yield, rate, replicas}} end
end
redis.call('ZADD', KEYS[1], now + longest, ARGV[5])
redis.call('PEXPIRE', KEYS[1], window + longest)
return {{0, 0, rate, replicas}}
"""
_ENDED = f"""
{_NOW}
return redis.call('ZADD', KEYS[1], 'XX', now, ARGV[1])
"""
_PAUSE = """
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
return 0
"""
_LEFT = f"""
{_NOW}
{_RATE}
if rate == 0 then return -1 end
return math.max(0, rate - redis.call('ZCOUNT', KEYS[1], '(' .. (now - ARGV[2]), '+inf'))
"""


class SharedRateLimiter(RateLimiter):
    """The rate of all replicas. What this one sends is counted in its own too, by which it goes on alone:
    then with its part of the rate, by how many there were.

    `longest_s`: how long one call takes at most; those of a replica that has died count for so long.
    """

    def __init__(
        self,
        rate_per_minute: int,
        redis: RedisConnection,
        clock: Callable[[], float] = time.monotonic,
        *,
        longest_s: float = 60.0,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(rate_per_minute, clock, changed=changed)
        self._redis = redis
        self._longest_ms = int(longest_s * 1000)
        self._keys = [redis.key(name) for name in ("calls", "rate", "pause", "replicas", "rules-wait")]
        self._me = secrets.token_hex(8)
        self._numbers = itertools.count()
        self._shared: list[str] = []
        """Our calls under way that Redis knows; which of them ends first does not matter."""
        self._shared_lock = threading.Lock()
        self._replicas = 1
        self._reserve, self._end_one, self._pause, self._left = map(
            redis.script, (_RESERVE, _ENDED, _PAUSE, _LEFT)
        )

    @property
    def own_rate(self) -> int:
        return -(-self.rate // self._replicas)

    def pause(self, seconds: float) -> None:
        super().pause(seconds)
        milliseconds = max(1, int(seconds * 1000))
        with contextlib.suppress(RedisUnavailable):
            self._redis.run(lambda _: self._pause(keys=self._keys[2:3], args=[milliseconds]))

    @property
    def left(self) -> float:
        keys, args = self._keys[:2], [self.rate, WINDOW_MS]
        try:
            left = self._redis.run(lambda _: int(self._left(keys=keys, args=args)), *keys)
        except RedisUnavailable:
            return super().left
        return left if left >= 0 else math.inf

    def reserve(self, spare: int = 0, *, for_rules: bool | None = None) -> float:
        if self.paused_s:
            return self.paused_s
        whose = "begun" if for_rules is None else "rules" if for_rules else "others"
        member = f"{whose}:{self._me}:{next(self._numbers)}"
        own = [self._set, WINDOW_MS, self._longest_ms, spare, member, self._me, PRESENT_MS]
        args = [*own, whose, OTHERS_PART, YIELD_MS]
        try:
            paused_ms, full_ms, rate, replicas = self._redis.run(
                lambda _: [int(one) for one in self._reserve(keys=self._keys, args=args)], *self._keys
            )
        except RedisUnavailable:
            return super().reserve(spare, for_rules=for_rules)
        self._replicas = max(1, replicas)
        self._take_over(rate)
        if paused_ms:
            super().pause(paused_ms / 1000)
            return paused_ms / 1000
        if full_ms:
            self._is_used_up()
            return math.inf if full_ms < 0 else full_ms / 1000
        with self._shared_lock:
            self._shared.append(member)
        self._count()
        return 0.0

    def ended(self, *, well: bool = True) -> None:
        self._report(lambda member: self._end_one(keys=self._keys[:1], args=[member]))
        super().ended(well=well)

    def give_back(self) -> None:
        self._report(lambda member: self._redis.run(lambda redis: redis.zrem(self._keys[0], member)))
        super().give_back()

    def _learn(self, rate: int, now: float) -> None:
        super()._learn(rate, now)
        with contextlib.suppress(RedisUnavailable):
            self._redis.run(lambda redis: redis.set(self._keys[1], rate, px=LEARNT_MS), self._keys[1])

    def _report(self, of: Callable[[str], Any]) -> None:
        with self._shared_lock:
            member = self._shared.pop() if self._shared else None
        if member is not None:
            with contextlib.suppress(RedisUnavailable):
                self._redis.run(lambda _: of(member), self._keys[0])
