"""Who may send requests: a token as Bearer or as the Basic password. If no token is set: everybody.

Anybody at a TV wall can use the wall's token, because Grafana sends any path for an anonymous viewer. So this
token allows only what a wall shows, and only of today.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import Flask, g, request
from werkzeug.datastructures import Authorization

from butlr_grafana.base.access import BackendToken
from butlr_grafana.base.errors import (
    BackendError,
    Incomplete,
    NotForWalls,
    Unauthorized,
    UpstreamDown,
    UpstreamError,
    UpstreamInvalid,
    UpstreamLate,
    UpstreamLimited,
    UpstreamRefused,
)
from butlr_grafana.query.parse import ParsedQuery
from butlr_grafana.service.service import Visible
from butlr_grafana.targets.registry import TARGETS, target_of
from butlr_grafana.web import runbooks

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/webhooks/butlr"})
"""The last path requires a key of its own."""
WALL_TARGETS = [target.name for target in TARGETS.values() if target.for_walls]
WALL_PATHS = frozenset(f"/api/v1/{name}" for name in WALL_TARGETS)


Tokens = Callable[[], tuple[BackendToken, ...]]
"""Returns the current tokens; they may change while the backend runs."""


def guard(app: Flask, tokens: Tokens) -> None:
    """Refuses every request without a known token, also for unknown paths.

    The backend is open only if it had no token when it started. If all tokens are removed later, every
    request is refused.
    """
    is_open = not tokens()
    open_paths = OPEN_PATHS | runbooks.paths()

    @app.before_request
    def check() -> None:
        g.visible, g.for_walls = None, False
        if is_open or request.path in open_paths:
            return
        token = known(sent_token(request.headers.get("Authorization")), tokens())
        if token.for_walls and request.path not in WALL_PATHS:
            raise NotForWalls(f"this token is for walls; it allows {' and '.join(WALL_TARGETS)} only")
        g.visible, g.for_walls = token.floors, token.for_walls


def visible() -> Visible:
    """The floors that the current caller may see; `None`: all."""
    floors: Visible = g.visible
    return floors


def check_parameters(parsed: ParsedQuery, now_s: float) -> None:
    """Raises `NotForWalls` if the current caller has a wall's token and the query is not one of a wall."""
    if g.for_walls and not is_of_wall(parsed, now_s):
        raise NotForWalls(
            "this token is for walls; it allows today's heatmap with format=png, and occupancy-now "
            "with level=floor and format=rows or csv; without room and tag"
        )


def with_caller_class(parsed: ParsedQuery) -> ParsedQuery:
    """The query of the current caller. With a wall's token, its calls always have the class of walls."""
    return replace(parsed, requested_by="wall") if g.for_walls else parsed


WALL_MESSAGES: Mapping[type[UpstreamError], str] = {
    UpstreamDown: "Butlr cannot be reached",
    UpstreamLate: "Butlr has not answered in time",
    UpstreamLimited: "Butlr limits the number of calls",
    UpstreamRefused: "Butlr rejected the request",
    UpstreamInvalid: "Butlr's response cannot be used",
    Incomplete: "a part of the result is missing or old",
}
"""The error texts for walls. Butlr's own texts may name rooms."""


def shown_to_caller(fault: BackendError) -> BackendError:
    """The error as the current caller may see it."""
    if g.get("for_walls") and isinstance(fault, UpstreamError):
        return type(fault)(WALL_MESSAGES.get(type(fault), "Butlr does not answer"))
    return fault


def is_of_wall(parsed: ParsedQuery, now_s: float) -> bool:
    """Whether a wall sends such a query. Walls do not query rooms: an error about one room would name the
    others.
    """
    return not (parsed.room or parsed.tag) and target_of(parsed).is_for_walls(parsed, now_s)


def known(sent: str | None, tokens: tuple[BackendToken, ...]) -> BackendToken:
    """The token that was sent. It is compared with every token in constant time, so that the time shows
    neither length nor position. Raises `Unauthorized`.
    """
    found: BackendToken | None = None
    for token in tokens:
        if hmac.compare_digest((sent or "").encode(), token.text.encode()):
            found = token
    if found is None:
        problem = "no token was sent" if sent is None else "the token is unknown"
        raise Unauthorized(
            f"Authorization: {problem}; send BACKEND_TOKEN as Bearer, or as the Basic password"
        )
    return found


def sent_token(authorization: str | None) -> str | None:
    """The token in the header: for Bearer everything after the word, for Basic the password."""
    kind, _, rest = (authorization or "").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip() or None
    auth = Authorization.from_header(authorization)
    return None if auth is None else auth.password
