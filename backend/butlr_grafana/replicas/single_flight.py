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

FIRST_LOOK_S, LAST_LOOK_S = 0.02, 0.25
"""Between two looks at whether another is done; each is half as long again as the one before."""


class SharedSingleFlight:
    """Thread-safe. `patience_s`: how long another is waited for before a thing is done all the same.

    `waited` is told of each wait.
    """

    def __init__(
        self, link: RedisConnection, *, patience_s: float, waited: Callable[[], None] = lambda: None
    ) -> None:
        self._link = link
        self._leases = Leases(link, longest_s=patience_s)
        self._patience_s = patience_s
        self._waited = waited

    def do(
        self,
        name: str,
        *,
        look: Callable[[], T | None],
        work: Callable[[], T],
        keep: Callable[[T], None],
        rest_s: Callable[[UpstreamError], float],
    ) -> T:
        """What `look` finds, where another has brought it; else what `work` brings, and `keep` tells others.

        `rest_s`: for how long a failure is everybody's. Raises what `work` raises, here or there.
        """
        found, lease = None, None
        with contextlib.suppress(RedisUnavailable):  # then everybody works alone
            found, lease = self._found_or_ours(name, look)
        if found is not None:
            return found
        failure: UpstreamError | None = None
        try:
            brought = work()
            # Before the lease ends: who comes then looks first.
            keep(brought)
        except UpstreamError as error:
            failure = error
            raise
        else:
            return brought
        finally:
            if lease is not None:
                self.release(lease, failure, rest_s)

    def claim(self, name: str) -> Lease | None:
        """A lease, which has to be released; `None` where another has it. Does not wait.

        Raises what its last owner failed with, for as long as that rests, or `RedisUnavailable`.
        """
        taken = self._leases.take(name)
        if isinstance(taken, Failure):
            raise heard(taken.said)
        return taken

    def release(
        self,
        lease: Lease,
        failure: UpstreamError | None = None,
        rest_s: Callable[[UpstreamError], float] = lambda _: 0.0,
    ) -> None:
        """Ends a lease; a failure is everybody's for `rest_s`, unless this process is ending."""
        if failure is None or self._link.ending.is_set():
            self._leases.release(lease)
        else:
            self._leases.release(lease, failure=told(failure), rest_s=rest_s(failure))

    def _found_or_ours(self, name: str, look: Callable[[], T | None]) -> tuple[T | None, Lease | None]:
        """What another brought, or a lease; neither where the others take too long."""
        give_up_at, pause_s = time.monotonic() + self._patience_s, FIRST_LOOK_S
        while True:
            taken = self.claim(name)
            if taken is not None:
                return self._found_under(taken, look)
            if pause_s == FIRST_LOOK_S:
                self._waited()
            if self._link.ending.wait(pause_s):
                raise UpstreamDown("the backend is shutting down")
            if time.monotonic() > give_up_at:
                return None, None
            pause_s = min(pause_s * 1.5, LAST_LOOK_S)

    def _found_under(self, lease: Lease, look: Callable[[], T | None]) -> tuple[T | None, Lease | None]:
        found = None
        with contextlib.suppress(RedisUnavailable):
            found = look()
        if found is None:
            return None, lease
        self._leases.release(lease)
        return found, None


def told(error: UpstreamError) -> bytes:
    """An error as bytes for other replicas; like all errors it holds no secret."""
    return orjson.dumps({"code": error.code, "message": error.message, "retry_after_s": error.retry_after_s})


def heard(said: bytes) -> UpstreamError:
    """The same error here. Raises `RedisUnavailable` for what is none."""
    try:
        document = orjson.loads(said)
        kind, message, retry_after_s = KINDS[document["code"]], document["message"], document["retry_after_s"]
    except (ValueError, KeyError, TypeError):
        raise RedisUnavailable from None
    if not isinstance(message, str) or not isinstance(retry_after_s, int | float | None):
        raise RedisUnavailable
    return kind(message, retry_after_s=retry_after_s)
