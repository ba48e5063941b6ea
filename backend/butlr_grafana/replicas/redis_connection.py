"""The connection to Redis or Valkey: it responds at once, or it counts as down.

Down, hanging, slow, full or read-only: all are one error, `RedisUnavailable`, and one incident in the log.
From then on, no request calls Redis. A separate thread checks it every `REST_S`; it counts as working when a
value that was written can be read again. So a dead Redis costs one request one timeout.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

from butlr_grafana.base.connection_faults import TIMED_OUT, reason_of
from butlr_grafana.base.incidents import RECOVERY_S, Incident

CONNECT_S = 0.25
RESPONSE_TIMEOUT_S = 0.5

SLOW_S, SLOW_IN_A_ROW = 0.1, 5
"""After so many responses in a row that take longer than this, Redis counts as down; it usually takes less
than a millisecond.
"""

REST_S = 3.0

T = TypeVar("T")

FAULTS = (redis.RedisError, OSError, ValueError, TypeError, IndexError, AttributeError)
REASONS: Mapping[type[Exception], str] = MappingProxyType(
    {
        redis.AuthenticationError: "it does not accept the user or the password",
        redis.OutOfMemoryError: "it is out of memory",
        redis.ReadOnlyError: "it is read-only",
        redis.TimeoutError: TIMED_OUT,
        redis.ResponseError: "it refuses a command",
        redis.InvalidResponse: "the response is not Redis's",
        ValueError: "its response is not what was expected",
        TypeError: "its response is not what was expected",
        LookupError: "its response is not what was expected",
        AttributeError: "its response is not what was expected",
    }
)
"""From the special to the general. What is not here is a fault of the connection."""

"""The errors of Redis, and of a server that is not Redis: responses of another type than the command's."""


class RedisUnavailable(Exception):
    """Redis cannot be used now: continue without it. Callers of a `RedisConnection` handle it themselves."""


class RedisConnection:
    """Thread-safe. `url` may hold a password: it is in no message. `source` begins every key, so that tenants
    never mix. `clock`: for the duration of incidents; Redis itself responds in real time.
    """

    def __init__(self, url: str, *, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis: Any = redis.Redis.from_url(
            url,
            socket_connect_timeout=CONNECT_S,
            socket_timeout=RESPONSE_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            driver_info=None,
            # These would lengthen the timeouts whenever the server says so.
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._root = f"butlr:{source}"
        self._lock = threading.Lock()
        self._there = True
        self._slow = 0
        self.incident = Incident("shared cache", recovery_s=RECOVERY_S, clock=clock)
        self.ending = threading.Event()
        """Set when this process ends: its waits end, and its failures are not shared with others."""

    def key(self, *names: object) -> str:
        return ":".join([self._root, *map(str, names)])

    def script(self, text: str) -> Callable[..., Any]:
        """A Lua script, run as one step: `script(keys=[…], args=[…])`, within `run` only."""
        script: Callable[..., Any] = self._redis.register_script(text)
        return script

    def run(self, command: Callable[[Any], T], *keys: str) -> T:
        """The result of `command`. Raises `RedisUnavailable`.

        `keys`: those that it uses. If one holds a value of another type, it is not ours and is deleted.
        """
        if not self._there:
            raise RedisUnavailable
        began_s = time.monotonic()
        try:
            result = self._run_command(command, keys)
        except FAULTS as error:
            self._lost(error_text_of(error))
            raise RedisUnavailable from None
        self._slow = self._slow + 1 if time.monotonic() - began_s > SLOW_S else 0
        if self._slow >= SLOW_IN_A_ROW:
            self._lost(f"its responses take longer than {SLOW_S:g} s")
        elif self.incident.on:
            self.incident.succeeded()
        return result

    def _run_command(self, command: Callable[[Any], T], keys: tuple[str, ...]) -> T:
        try:
            return command(self._redis)
        except redis.ResponseError as error:
            if not keys or "WRONGTYPE" not in str(error):
                raise
            self._redis.delete(*keys)
            return command(self._redis)

    def check(self) -> str | None:
        """Why Redis cannot be used, checked now; `None`: it can."""
        began_s = time.monotonic()
        try:
            self._write_and_read()
        except FAULTS as error:
            return error_text_of(error)
        took_s = time.monotonic() - began_s
        return None if took_s < 2 * SLOW_S else f"its responses take longer than {SLOW_S:g} s"

    def close(self) -> None:
        """Closes the connections; a later command opens them again."""
        self.ending.set()
        self._redis.close()

    def _lost(self, why: str) -> None:
        self.incident.failed(f"{why}; each replica continues alone")
        with self._lock:
            was_there, self._there = self._there, False
        if was_there:
            threading.Thread(target=self._seek, name="shared-cache", daemon=True).start()

    def _seek(self) -> None:
        while not self.ending.wait(REST_S):
            why = self.check()
            if why is None:
                self._slow, self._there = 0, True
                return
            self.incident.failed(why)

    def _write_and_read(self) -> None:
        """A Redis that is full or read-only would also respond to a ping."""
        key, value = self.key("probe", secrets.token_hex(8)), secrets.token_bytes(8)
        self._redis.set(key, value, px=10_000)
        if self._redis.getdel(key) != value:
            raise ValueError("a written value could not be read back")


def error_text_of(error: Exception) -> str:
    """Why Redis cannot be used, in our own words: the error's message may quote anything."""
    why = next((text for kind, text in REASONS.items() if isinstance(error, kind)), None)
    return f"it cannot be used ({why or reason_of(error)})"
