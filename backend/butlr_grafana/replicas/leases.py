"""Which replica does a task now: a lease on the task's name. It ends by itself if its owner dies."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

LEASE_S = 6.0
"""How long others wait when an owner is killed. An alert rule waits 12 seconds for its data: another replica
can still fetch them.
"""

FREE, TAKEN = 0, 1

_TAKE = """
local failure = redis.call('GET', KEYS[2])
if failure then return failure end
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
return 1
"""
_RENEW = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""
_RELEASE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3]) end
return 1
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """Ours until it is released, or not renewed in time. `owner` is drawn anew each time."""

    name: str
    owner: str = field(default_factory=lambda: secrets.token_hex(16))
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """What the last owner left instead of a result."""

    error: bytes


class Leases:
    """Thread-safe. A thread renews the leases held, at most for `longest_s`: a task that hangs loses its
    lease.
    """

    def __init__(self, redis: RedisConnection, *, longest_s: float) -> None:
        self._redis = redis
        self._longest_s = longest_s
        self._held: dict[str, Lease] = {}
        self._lock = threading.Lock()
        self._renewer: threading.Thread | None = None
        self._take, self._renew, self._release = map(redis.script, (_TAKE, _RENEW, _RELEASE))

    def take(self, name: str) -> Lease | Failure | None:
        """A lease if nobody has it; the failure of its last owner, for `rest_s` of that failure; `None`:
        another has it. Raises `RedisUnavailable`.
        """
        lease = Lease(name, until=time.monotonic() + self._longest_s)
        args, keys = [lease.owner, int(LEASE_S * 1000)], self._keys(name)

        def try_take(_: Any) -> Failure | bool:
            response = self._take(keys=keys, args=args)
            return Failure(response) if isinstance(response, bytes) else (TAKEN, FREE).index(response) == 1

        is_ours = self._redis.run(try_take, *keys)
        if isinstance(is_ours, Failure):
            return is_ours
        if not is_ours:
            return None
        with self._lock:
            self._held[lease.owner] = lease
            if self._renewer is None:
                self._renewer = threading.Thread(target=self._renew_held, name="leases", daemon=True)
                self._renewer.start()
        return lease

    def release(self, lease: Lease, *, failure: bytes = b"", rest_s: float = 0.0) -> None:
        """Ends it, if it is still ours; a `failure` is stored for `rest_s`, for whoever takes it next."""
        with self._lock:
            self._held.pop(lease.owner, None)
        args = [lease.owner, failure, max(1, int(rest_s * 1000))]
        with contextlib.suppress(RedisUnavailable):  # it ends by itself
            self._redis.run(lambda _: self._release(keys=self._keys(lease.name), args=args))

    def _keys(self, name: str) -> list[str]:
        return [self._redis.key("lease", name), self._redis.key("failed", name)]

    def _renew_held(self) -> None:
        while not self._redis.ending.wait(LEASE_S / 3):
            with self._lock:
                held = [lease for lease in self._held.values() if time.monotonic() < lease.until]
            for lease in held:
                args = [lease.owner, int(LEASE_S * 1000)]
                keys = self._keys(lease.name)[:1]
                with contextlib.suppress(RedisUnavailable):
                    self._redis.run(lambda _, k=keys, a=args: self._renew(keys=k, args=a))  # type: ignore[misc]
