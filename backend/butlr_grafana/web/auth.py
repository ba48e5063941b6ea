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
"""The last one asks for a key of its own."""
WALL_TARGETS = [target.name for target in TARGETS.values() if target.for_walls]
WALL_PATHS = frozenset(f"/api/v1/{name}" for name in WALL_TARGETS)


Tokens = Callable[[], tuple[BackendToken, ...]]
"""The tokens that are known now; they may change while this runs."""


def guard(app: Flask, tokens: Tokens) -> None:
    """Refuses every request without a known token, unknown paths included.

    Open to everybody is only what began so: tokens that are gone later shut it.
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
    """The floors that the present caller may see."""
    floors: Visible = g.visible
    return floors


def check_parameters(parsed: ParsedQuery, now_s: float) -> None:
    """Refuses what no wall asks, where the present caller is one."""
    if g.for_walls and not is_of_wall(parsed, now_s):
        raise NotForWalls(
            "this token is for walls; it allows today's heatmap with format=png, and occupancy-now "
            "with level=floor and format=rows or csv; without room and tag"
        )


def with_caller_class(parsed: ParsedQuery) -> ParsedQuery:
    """The question of the present caller: one with a wall's token asks for a wall, whatever it says."""
    return replace(parsed, requested_by="wall") if g.for_walls else parsed


WALL_MESSAGES: Mapping[type[UpstreamError], str] = {
    UpstreamDown: "Butlr cannot be reached",
    UpstreamLate: "Butlr has not answered in time",
    UpstreamLimited: "Butlr limits the number of calls",
    UpstreamRefused: "Butlr rejected the request",
    UpstreamInvalid: "Butlr's response cannot be used",
    Incomplete: "a part of the result is missing or old",
}
"""What a wall is told of Butlr's faults: their own words may name rooms."""


def shown_to_caller(fault: BackendError) -> BackendError:
    """The error as the present caller may see it."""
    if g.get("for_walls") and isinstance(fault, UpstreamError):
        return type(fault)(WALL_MESSAGES.get(type(fault), "Butlr does not answer"))
    return fault


def is_of_wall(parsed: ParsedQuery, now_s: float) -> bool:
    """Whether a wall asks so. Of rooms nothing is asked: an error about one would name the others."""
    return not (parsed.room or parsed.tag) and target_of(parsed).is_for_walls(parsed, now_s)


def known(sent: str | None, tokens: tuple[BackendToken, ...]) -> BackendToken:
    """Compares with every token in constant time, so that neither length nor place shows."""
    found: BackendToken | None = None
    for token in tokens:
        if hmac.compare_digest((sent or "").encode(), token.text.encode()):
            found = token
    if found is None:
        said = "no token was sent" if sent is None else "the token is unknown"
        raise Unauthorized(f"Authorization: {said}; send BACKEND_TOKEN as Bearer, or as the Basic password")
    return found


def sent_token(authorization: str | None) -> str | None:
    """The token as it was sent, to the last `=`: of a Bearer all that stands behind the word."""
    kind, _, rest = (authorization or "").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip() or None
    auth = Authorization.from_header(authorization)
    return None if auth is None else auth.password
