"""One replica does a thing, the others get what came of it, well or not."""

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
        failure, rests_s = b"", 0.0
        try:
            brought = work()
            # Before the lease ends: who comes then looks first.
            keep(brought)
        except UpstreamError as error:
            if not self._link.ending.is_set():
                failure, rests_s = told(error), rest_s(error)
            raise
        else:
            return brought
        finally:
            if lease is not None:
                self._leases.release(lease, failure=failure, rest_s=rests_s)

    def _found_or_ours(self, name: str, look: Callable[[], T | None]) -> tuple[T | None, Lease | None]:
        """What another brought, or a lease; neither where the others take too long."""
        give_up_at, pause_s = time.monotonic() + self._patience_s, FIRST_LOOK_S
        while True:
            taken = self._leases.take(name)
            if isinstance(taken, Failure):
                raise heard(taken.said)
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
