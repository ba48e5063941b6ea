"""Who may ask: a token as Bearer or as the Basic password. No token set: everybody."""

from __future__ import annotations

import hmac

from flask import Flask, g, request

from butlr_grafana.errors import Unauthorized
from butlr_grafana.service import Visible
from butlr_grafana.settings import BackendToken

OPEN_PATHS = frozenset({"/healthz", "/readyz"})


def guard(app: Flask, tokens: tuple[BackendToken, ...]) -> None:
    """Refuses every request without a known token, unknown paths included."""

    @app.before_request
    def check() -> None:
        g.visible = None
        if not tokens or request.path in OPEN_PATHS:
            return
        g.visible = floors_of(_sent(), tokens)


def visible() -> Visible:
    """The floors that the present caller may see."""
    floors: Visible = g.visible
    return floors


def floors_of(sent: str | None, tokens: tuple[BackendToken, ...]) -> Visible:
    """Compares with every token in constant time, so that neither length nor place shows."""
    found: BackendToken | None = None
    for token in tokens:
        if hmac.compare_digest((sent or "").encode(), token.text.encode()):
            found = token
    if found is None:
        said = "no token was sent" if sent is None else "the token is not known"
        raise Unauthorized(f"Authorization: {said}; send BACKEND_TOKEN as Bearer, or as the Basic password")
    return found.floors


def _sent() -> str | None:
    auth = request.authorization
    if auth is None:
        return None
    return auth.token if auth.type == "bearer" else auth.password
