"""Butlr's token: how long it is valid, and where a new one comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from butlr_grafana.base.errors import UpstreamError, UpstreamInvalid, UpstreamRefused

RENEW_AHEAD_S = 300.0
"""So long before its end, but not before half its life, one thread renews a token while the others go on with
it. Butlr's own client does it 300 s before; Butlr's tokens have been told to live 1000 s and 3666 s.
"""
LOGIN_BACKOFF_S = 30.0
"""After a failed login, or a new token that was refused on a path, nobody logs in again for this long:
neither a wrong secret nor a missing permission must become a storm."""


@dataclass(frozen=True, slots=True)
class Token:
    """`renew_at` and `dead_at` are by the clock that the client is given; `scope`: what it may do."""

    text: str
    renew_at: float
    dead_at: float
    scope: str = ""

    def __repr__(self) -> str:
        return "Token(…)"


class TokenStore(Protocol):
    """Where a client gets its next token. Thread-safe."""

    def renewed(self, log_in: Callable[[], Token], *, instead_of: Token | None) -> Token:
        """Another token than `instead_of`: what `log_in` brings, unless somebody else has just logged in.
        Raises what `log_in` raises.
        """
        ...


class NoTokenStore:
    """This process is the only one."""

    def renewed(self, log_in: Callable[[], Token], *, instead_of: Token | None) -> Token:  # noqa: ARG002
        return log_in()


def login_backoff_s(error: UpstreamError) -> float:
    """How long no login is tried after one that ended so: refused credentials stay refused."""
    return LOGIN_BACKOFF_S if isinstance(error, UpstreamRefused) else LOGIN_BACKOFF_S / 10


def token_of(body: bytes, requested_at: float) -> Token:
    """The token in the login's response, by the time of the request. Raises `UpstreamInvalid`."""
    try:
        fields: Any = orjson.loads(body)
        text, lifetime_s = fields["access_token"], float(fields.get("expires_in", 3600))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamInvalid("Butlr's login response contains no usable access_token") from None
    if not isinstance(text, str) or not (text and text.isascii() and text.isprintable() and lifetime_s > 0):
        raise UpstreamInvalid("Butlr's login response contains no usable access_token")
    ahead_s = min(RENEW_AHEAD_S, lifetime_s / 2)
    scope = fields.get("scope")
    dead_at = requested_at + lifetime_s
    return Token(text, dead_at - ahead_s, dead_at, scope if isinstance(scope, str) else "")
