"""One replica runs a task; the others get its result or its error."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

import orjson

from butlr_grafana.base.errors import (
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.replicas.leases import Failure, Lease, Leases
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable

T = TypeVar("T")

KINDS: dict[str, type[UpstreamError]] = {
    kind.code: kind
    for kind in (UpstreamDown, UpstreamLate, UpstreamLimited, UpstreamRefused, UpstreamInvalid)
}

FIRST_POLL_S, LAST_POLL_S = 0.02, 0.25
"""Between two polls of another's lease; each pause is half as long again as the one before."""


class SharedSingleFlight:
    """Thread-safe. `patience_s`: how long to wait for another before doing the work here as well.

    `waited` is called for each wait.
    """

    def __init__(
        self, redis: RedisConnection, *, patience_s: float, waited: Callable[[], None] = lambda: None
    ) -> None:
        self._redis = redis
        self._leases = Leases(redis, longest_s=patience_s)
        self._patience_s = patience_s
        self._waited = waited

    def do(
        self,
        name: str,
        *,
        read: Callable[[], T | None],
        work: Callable[[], T],
        store: Callable[[T], None],
        rest_s: Callable[[UpstreamError], float],
    ) -> T:
        """The result of `read`, if another has stored it; else of `work`, which `store` stores for the
        others.

        `rest_s`: for how long a failure is shared. Raises what `work` raises, here or there.
        """
        result, lease = None, None
        with contextlib.suppress(RedisUnavailable):  # then everybody works alone
            result, lease = self._result_or_lease(name, read)
        if result is not None:
            return result
        failure: UpstreamError | None = None
        try:
            result = work()
            # Before the lease ends: the next owner reads first.
            store(result)
        except UpstreamError as error:
            failure = error
            raise
        else:
            return result
        finally:
            if lease is not None:
                self.release(lease, failure, rest_s)

    def claim(self, name: str) -> Lease | None:
        """A lease, which has to be released; `None` where another has it. Does not wait.

        Raises the failure of its last owner while that is shared, or `RedisUnavailable`.
        """
        taken = self._leases.take(name)
        if isinstance(taken, Failure):
            raise decode_error(taken.error)
        return taken

    def release(
        self,
        lease: Lease,
        failure: UpstreamError | None = None,
        rest_s: Callable[[UpstreamError], float] = lambda _: 0.0,
    ) -> None:
        """Ends a lease; a failure is shared for `rest_s`, unless this process is ending."""
        if failure is None or self._redis.ending.is_set():
            self._leases.release(lease)
        else:
            self._leases.release(lease, failure=encode_error(failure), rest_s=rest_s(failure))

    def _result_or_lease(self, name: str, read: Callable[[], T | None]) -> tuple[T | None, Lease | None]:
        """What another has stored, or a lease; neither if the others take too long."""
        give_up_at, pause_s = time.monotonic() + self._patience_s, FIRST_POLL_S
        while True:
            taken = self.claim(name)
            if taken is not None:
                return self._result_under(taken, read)
            if pause_s == FIRST_POLL_S:
                self._waited()
            if self._redis.ending.wait(pause_s):
                raise UpstreamDown("the backend is shutting down")
            if time.monotonic() > give_up_at:
                return None, None
            pause_s = min(pause_s * 1.5, LAST_POLL_S)

    def _result_under(self, lease: Lease, read: Callable[[], T | None]) -> tuple[T | None, Lease | None]:
        result = None
        with contextlib.suppress(RedisUnavailable):
            result = read()
        if result is None:
            return None, lease
        self._leases.release(lease)
        return result, None


def encode_error(error: UpstreamError) -> bytes:
    """An error as bytes for other replicas; like all errors it contains no secret."""
    return orjson.dumps({"code": error.code, "message": error.message, "retry_after_s": error.retry_after_s})


def decode_error(error: bytes) -> UpstreamError:
    """The same error here. Raises `RedisUnavailable` if the bytes are not an error."""
    try:
        fields = orjson.loads(error)
        kind, message, retry_after_s = KINDS[fields["code"]], fields["message"], fields["retry_after_s"]
    except (ValueError, KeyError, TypeError):
        raise RedisUnavailable from None
    if not isinstance(message, str) or not isinstance(retry_after_s, int | float | None):
        raise RedisUnavailable
    return kind(message, retry_after_s=retry_after_s)
