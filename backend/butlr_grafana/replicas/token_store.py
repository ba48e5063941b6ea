"""Butlr's token for all replicas, encrypted with a key that is derived from the client secret."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken

from butlr_grafana.butlr.auth import Token, login_backoff_s
from butlr_grafana.replicas.redis_connection import RedisConnection, RedisUnavailable
from butlr_grafana.replicas.single_flight import SharedSingleFlight


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is made of the client secret: a `seal`, and a `scope` that names the secret without telling it."""

    scope: str
    seal: bytes = field(repr=False)

    @staticmethod
    def of(secret: str, *, where: str) -> Credentials:
        """`where`: another Butlr or account, another scope. Takes some 50 ms, so that guessing is dear."""
        made = hashlib.scrypt(secret.encode(), salt=f"butlr-grafana {where}".encode(), n=2**14, r=8, p=1)
        return Credentials(made[:8].hex(), base64.urlsafe_b64encode(made[32:]))


class SharedTokenStore:
    """A `TokenStore` in Redis. `clock`: how tokens age; how long one still lives is told by Redis' own clock,
    so that replicas' clocks need not agree.
    """

    def __init__(
        self,
        redis: RedisConnection,
        single_flight: SharedSingleFlight,
        credentials: Credentials,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redis = redis
        self._single_flight = single_flight
        self._name = f"{credentials.scope}:login"
        self._key = redis.key("token", credentials.scope)
        self._seal = Fernet(credentials.seal)
        self._clock = clock

    def renewed(self, log_in: Callable[[], Token], *, instead_of: Token | None) -> Token:
        dead = instead_of.text if instead_of is not None else ""

        def found() -> Token | None:
            token = self._redis.run(self._read, self._key)
            return token if token is not None and token.text != dead else None

        with contextlib.suppress(RedisUnavailable):
            token = found()
            if token is not None:
                return token
        return self._single_flight.do(
            self._name, read=found, work=log_in, store=self._put, rest_s=login_backoff_s
        )

    def _read(self, redis: Any) -> Token | None:
        sealed, left_ms = redis.pipeline().get(self._key).pttl(self._key).execute()
        if not sealed or left_ms <= 0:
            return None
        try:
            document = orjson.loads(self._seal.decrypt(sealed))
            text, renew_ahead_s = str(document["token"]), float(document["renew_ahead_s"])
        except (InvalidToken, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return None
        dead_at = self._clock() + left_ms / 1000
        return Token(text, dead_at - renew_ahead_s, dead_at)

    def _put(self, token: Token) -> None:
        document = {"token": token.text, "renew_ahead_s": token.dead_at - token.renew_at}
        sealed = self._seal.encrypt(orjson.dumps(document))
        left_ms = max(1, int((token.dead_at - self._clock()) * 1000))
        with contextlib.suppress(RedisUnavailable):
            self._redis.run(lambda redis: redis.set(self._key, sealed, px=left_ms))
