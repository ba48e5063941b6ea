"""`POST /api/v2/clients/login`: opaque tokens that expire."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from typing import Any

from .messages import Refusal

AUDIENCE = "https://butlrauth/"
GRANT_TYPE = "client_credentials"


class Tokens:
    """The tokens that were given. Thread-safe; `now_s` is UTC epoch seconds."""

    def __init__(self, client_id: str, client_secret: str) -> None:
        self._client = (client_id, client_secret)
        self._expires_s: dict[str, float] = {}
        self._lock = threading.Lock()

    def login(self, body: Mapping[str, Any], now_s: float, lifetime_s: float, scope: str) -> dict[str, Any]:
        """A new token. A wrong value is a 401 that names it."""
        if body.get("audience") != AUDIENCE:
            raise Refusal(401, f"audience: is unknown; allowed: {AUDIENCE}")
        if body.get("grant_type") != GRANT_TYPE:
            raise Refusal(401, f"grant_type: is unknown; allowed: {GRANT_TYPE}")
        if (body.get("client_id"), body.get("client_secret")) != self._client:
            raise Refusal(401, "unknown client, or wrong secret")
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._expires_s = {known: at_s for known, at_s in self._expires_s.items() if at_s > now_s}
            self._expires_s[token] = now_s + lifetime_s
        return {
            "access_token": token,
            "scope": scope,
            "expires_in": int(lifetime_s),
            "token_type": "Bearer",
        }

    def check(self, authorization: str, now_s: float) -> None:
        """Raises `Refusal` with status 401 unless the header is `Bearer` and a valid token."""
        scheme, _, token = authorization.partition(" ")
        with self._lock:
            lives = self._expires_s.get(token.strip(), 0) > now_s
        if scheme.lower() != "bearer" or not lives:
            raise Refusal(401, "the token is missing, expired or not one of ours")

    def revoke(self) -> None:
        """Makes every token invalid that was given so far."""
        with self._lock:
            self._expires_s.clear()
